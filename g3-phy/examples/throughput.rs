//! How many samples a second the receiver takes on this machine: searching noise, and in frames back to back.
//!
//! `cargo run --release -p g3-phy --example throughput`

use g3_phy::{CENELEC_A, Exchange, Modem, ModemConfig};
use plc_core::sap::{
    FrameGeometry, Modulation, PdDataRequest, Phy, PhyIndication, PhyRequest, Psdu, TxGain, TxParameters,
};
use plc_core::{Instant, Seed};
use rand_core::Rng;

const BLOCK: usize = 400;

fn main() {
    let noise = noise(1 << 20, 1.0);
    report("searching noise", &noise, 16);
    for modulation in [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8] {
        let tx = TxParameters { modulation, ..CENELEC_A.robust() };
        report(&format!("{modulation:?} frames"), &frames(tx), 8);
    }
}

/// Uniform noise of the given peak.
fn noise(len: usize, peak: f32) -> Vec<f32> {
    let mut stream = Seed::from_u64(1).stream();
    (0..len).map(|_| (stream.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0) * peak).collect()
}

/// Twenty frames of the largest size in light noise.
fn frames(tx: TxParameters) -> Vec<f32> {
    let mut psdu = Psdu::new();
    psdu.resize(CENELEC_A.max_psdu(&tx), 0xA7).expect("no frame is longer than a Psdu");
    let mut talker = Modem::new(&CENELEC_A, ModemConfig::default());
    let (silence, mut block, mut samples) = ([0.0; BLOCK], [0.0; BLOCK], Vec::new());
    for _ in 0..20 {
        let request = PdDataRequest {
            psdu: psdu.clone(),
            tx,
            gain: TxGain::default(),
            response_expected: false,
            at: Instant::EPOCH,
        };
        talker.on_request(Instant::EPOCH, PhyRequest::Data(request));
        while talker.is_transmitting() {
            talker.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted: &mut block });
            samples.extend_from_slice(&block);
        }
    }
    samples.iter_mut().zip(noise(1 << 20, 0.1).iter().cycle()).for_each(|(s, n)| *s += n);
    samples
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is a driver: it reads the clock")]
fn report(name: &str, samples: &[f32], rounds: usize) {
    let mut modem = Modem::new(&CENELEC_A, ModemConfig::default());
    let (mut mute, mut frames) = ([0.0; BLOCK], 0);
    let start = std::time::Instant::now();
    for block in (0..rounds).flat_map(|_| samples.chunks_exact(BLOCK)) {
        modem.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted: &mut mute });
        while let Some(indication) = Phy::poll(&mut modem) {
            frames += usize::from(matches!(indication, PhyIndication::Data(_)));
        }
    }
    let rate = (samples.len() * rounds) as f64 / start.elapsed().as_secs_f64();
    println!(
        "{name:>16}: {:7.1} Msamples/s, {:5.0} times real time, {frames} frames",
        rate * 1e-6,
        rate / 400e3
    );
}
