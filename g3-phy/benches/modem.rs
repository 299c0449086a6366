//! The whole modem: `cargo bench -p g3-phy --bench modem`.
//!
//! An item is a sample. Real time is 0.4 Mitem/s in CENELEC-A and 1.2 Mitem/s in FCC, so a thousand times real time is
//! 400 Mitem/s and 1.2 Gitem/s.

use divan::Bencher;
use divan::counter::ItemsCount;
use g3_phy::{BandPlan, CENELEC_A, Exchange, FCC, Modem, ModemConfig};
use plc_core::sap::Modulation::{Bpsk, Psk8, Qpsk, Robo};
use plc_core::sap::{
    FrameGeometry, Modulation, PdDataRequest, Phy, PhyIndication, PhyRequest, Psdu, TxGain, TxParameters,
};
use plc_core::{Instant, Seed};
use rand_core::Rng;

/// Samples of an exchange.
const BLOCK: usize = 400;
/// Frames of a recording.
const FRAMES: usize = 5;
const BANDS: [&str; 2] = ["CENELEC-A", "FCC"];
const MODES: [(&str, Modulation); 8] = [
    (BANDS[0], Robo),
    (BANDS[0], Bpsk),
    (BANDS[0], Qpsk),
    (BANDS[0], Psk8),
    (BANDS[1], Robo),
    (BANDS[1], Bpsk),
    (BANDS[1], Qpsk),
    (BANDS[1], Psk8),
];

fn main() {
    divan::main();
}

/// Frames of the largest size back to back, with what is needed to send them.
#[divan::bench(args = MODES, sample_count = 50)]
fn transmitter(bencher: Bencher, (band, modulation): (&str, Modulation)) {
    let (plan, mut samples) = (plan(band), Vec::new());
    let (mut modem, request) = (Modem::new(plan, ModemConfig::of(plan)), request(plan, modulation));
    send(&mut modem, &request, &mut samples);
    bencher.counter(ItemsCount::new(samples.len())).bench_local(|| {
        samples.clear();
        send(&mut modem, &request, &mut samples);
    });
}

/// Frames of the largest size back to back, in noise 20 dB below them.
#[divan::bench(args = MODES, sample_count = 20)]
fn receiver(bencher: Bencher, (band, modulation): (&str, Modulation)) {
    let (plan, mut samples) = (plan(band), Vec::new());
    let (mut modem, request) = (Modem::new(plan, ModemConfig::of(plan)), request(plan, modulation));
    (0..FRAMES).for_each(|_| send(&mut modem, &request, &mut samples));
    samples.iter_mut().zip(noise(0.17).iter().cycle()).for_each(|(sample, noise)| *sample += noise);
    bencher.counter(ItemsCount::new(samples.len())).bench_local(|| {
        assert_eq!(received(&mut modem, &samples), FRAMES);
    });
}

#[divan::bench(args = BANDS, sample_count = 20)]
fn searching_in_noise(bencher: Bencher, band: &str) {
    let (plan, samples) = (plan(band), noise(1.0));
    let mut modem = Modem::new(plan, ModemConfig::of(plan));
    bencher.counter(ItemsCount::new(samples.len())).bench_local(|| {
        assert_eq!(received(&mut modem, &samples), 0);
    });
}

fn plan(band: &str) -> &'static BandPlan {
    if band == BANDS[0] { &CENELEC_A } else { &FCC }
}

fn request(plan: &BandPlan, modulation: Modulation) -> PdDataRequest {
    let tx = TxParameters { modulation, ..plan.robust() };
    let mut psdu = Psdu::new();
    psdu.resize(plan.max_psdu(&tx), 0xA7).expect("no frame is longer than a Psdu");
    let (gain, at) = (TxGain::default(), Instant::EPOCH);
    PdDataRequest { psdu, tx, gain, response_expected: false, at }
}

/// Appends one frame to `samples`.
fn send(modem: &mut Modem, request: &PdDataRequest, samples: &mut Vec<f32>) {
    let (silence, mut block) = ([0.0; BLOCK], [0.0; BLOCK]);
    modem.on_request(Instant::EPOCH, PhyRequest::Data(request.clone()));
    while modem.is_transmitting() {
        modem.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
        samples.extend_from_slice(&block);
    }
    while modem.poll().is_some() {}
}

/// How many frames `modem` finds in `samples`.
fn received(modem: &mut Modem, samples: &[f32]) -> usize {
    let (mut mute, mut frames) = ([0.0; BLOCK], 0);
    for block in samples.chunks_exact(BLOCK) {
        modem.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted: &mut mute });
        while let Some(indication) = modem.poll() {
            frames += usize::from(matches!(indication, PhyIndication::Data(_)));
        }
    }
    frames
}

/// Uniform noise of the given peak, of a prime number of samples.
fn noise(peak: f32) -> Vec<f32> {
    let mut stream = Seed::from_u64(1).stream();
    (0..100_003).map(|_| (stream.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0) * peak).collect()
}
