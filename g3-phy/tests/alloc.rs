//! A modem that is built allocates no more: counted by an allocator, in every mode, on good and on bad lines.

mod common;
use common::*;
use g3_phy::{ARIB, BandPlan, CENELEC_A, Exchange, FCC, Modem, ToneMask};
use plc_core::sap::*;
use plc_core::{Instant, Machine};

/// Samples of a block.
const BLOCK: usize = 500;

/// What one step may cost: nothing.
fn frugal<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(step()));
    assert_eq!((info.count_total, info.count_current), (0, 0), "{what} allocates or frees");
    result.expect("the step has run")
}

/// Sends `request` on a modem that is built; its samples.
fn sent(talker: &mut Modem, request: PhyRequest) -> Vec<f32> {
    let mut samples = vec![0.0; 1 << 18];
    let silence = [0.0; BLOCK];
    let len = frugal("sending", || {
        talker.on_request(Instant::EPOCH, request);
        let mut len = 300;
        while talker.is_transmitting() {
            let transmitted = &mut samples[len..len + BLOCK];
            talker.on_medium(Instant::EPOCH, Exchange::Block { received: &silence, transmitted });
            while Phy::poll(talker).is_some() {}
            len += BLOCK;
        }
        len
    });
    samples.truncate(len + 600);
    samples
}

/// Receives `samples` on a modem that is built: how many frames, and how many were lost.
fn heard(listener: &mut Modem, samples: &[f32]) -> (usize, usize) {
    let mut mute = [0.0; BLOCK];
    frugal("receiving", || {
        let (mut frames, mut losses) = (0, 0);
        for block in samples.chunks(BLOCK) {
            let transmitted = &mut mute[..block.len()];
            listener.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted });
            while let Some(indication) = Machine::poll(listener) {
                frames += usize::from(matches!(indication, PhyIndication::Data(_) | PhyIndication::Ack(_)));
                losses += usize::from(matches!(indication, PhyIndication::Lost { .. }));
            }
        }
        (frames, losses)
    })
}

fn request(noise: &mut Noise, plan: &BandPlan, tx: &TxParameters) -> PhyRequest {
    let fit = plan.fit(tx, plan.max_psdu(tx)).expect("the longest frame exists");
    data(&noise.octets(fit.psdu_len), *tx)
}

/// Bands, one of them with a notch, and tone maps: all groups, and some.
fn bands() -> [(&'static BandPlan, [u32; 2]); 4] {
    let mask = ToneMask::carriers(CENELEC_A.first_carrier, 39, 49);
    let notched = CENELEC_A.with_mask(mask).expect("enough carriers are left");
    [
        (&CENELEC_A, [0x3F, 0x2D]),
        (Box::leak(Box::new(notched)), [0x3F, 0x21]),
        (&FCC, [0xFF_FFFF, 0xF0_F0F0]),
        (&ARIB, [0x3_FFFF, 0x0_FF00]),
    ]
}

/// Every way of sending on `plan` under `map`.
fn modes(plan: &'static BandPlan, map: u32) -> impl Iterator<Item = TxParameters> {
    use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
    let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
    let modes = schemes.into_iter().flat_map(|scheme| [Robo, Bpsk, Qpsk, Psk8, Qam16].map(|m| (scheme, m)));
    let tx = modes.map(move |(scheme, modulation)| TxParameters { scheme, ..tx(modulation, map) });
    tx.filter(|tx| plan.max_psdu(tx) > 0)
}

#[test]
fn the_counter_sees_an_allocation() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 100])));
    assert_eq!((counted.count_total, counted.count_current), (1, 0));
}

#[test]
fn there_are_eight_ways_of_sending_and_one_more_in_fcc() {
    let counts = bands().map(|(plan, [map, _])| modes(plan, map).count());
    assert_eq!(counts, [8, 8, 9, 8]);
}

#[test]
fn frames_of_every_modulation_are_sent_and_received_without_allocating() {
    let mut noise = Noise::new(1);
    for (plan, maps) in bands() {
        let (mut talker, mut listener) = (modem_of(plan), modem_of(plan));
        for tx in maps.into_iter().flat_map(|map| modes(plan, map)) {
            let mut samples = sent(&mut talker, request(&mut noise, plan, &tx));
            noise.add(&mut samples, 25.0);
            assert_eq!(heard(&mut listener, &samples), (1, 0), "{} {tx:?}", plan.name);
        }
    }
}

#[test]
fn acknowledgements_are_sent_and_received_without_allocating() {
    let (mut talker, mut listener) = (modem(), modem());
    let ack = PdAckRequest { fcs: 0x5843, more_segments: true, negative: false, at: Instant::EPOCH };
    for _ in 0..3 {
        let samples = sent(&mut talker, PhyRequest::Ack(ack));
        assert_eq!(heard(&mut listener, &samples), (1, 0));
    }
}

#[test]
fn frames_that_cannot_be_corrected_are_given_up_without_allocating() {
    let mut noise = Noise::new(2);
    for (plan, maps) in bands() {
        let (mut talker, mut listener) = (modem_of(plan), modem_of(plan));
        for tx in maps.into_iter().flat_map(|map| modes(plan, map)) {
            let mut samples = sent(&mut talker, request(&mut noise, plan, &tx));
            // All is well until the header has been read, and then there is nothing but noise.
            let header = 300 + plan.frame_len(0);
            samples[header..].iter_mut().for_each(|s| *s = noise.gauss());
            noise.add(&mut samples[..header], 12.0);
            let (frames, losses) = heard(&mut listener, &samples);
            assert!(frames == 0 && losses >= 1, "{} {tx:?}: {frames} {losses}", plan.name);
        }
    }
}

#[test]
fn noise_gaps_and_refused_requests_cost_no_memory_either() {
    let (mut modem, mut noise) = (modem(), Noise::new(3));
    let samples: Vec<f32> = (0..400_000).map(|n| noise.gauss() * [1e-9, 1.0, 1e9][n / 1000 % 3]).collect();
    let spoilt: Vec<f32> = (0..50_000).map(|n| [f32::NAN, f32::INFINITY, 1.0, f32::MAX][n % 4]).collect();
    heard(&mut modem, &samples);
    heard(&mut modem, &spoilt);
    let wrong = data(&Psdu::from_slice(&[0; 3]).expect("three octets fit"), tx(Modulation::Robo, 0x3F));
    frugal("a refused request", || {
        modem.on_request(Instant::EPOCH, wrong);
        modem.on_medium(Instant::EPOCH, Exchange::Gap { samples: 123_456 });
        while Phy::poll(&mut modem).is_some() {}
    });
}
