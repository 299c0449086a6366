//! A modem that is built allocates no more: counted by an allocator, in every mode, on good and on bad lines.

mod common;
use common::*;
use g3_phy::{Exchange, Modem};
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
    let mut samples = vec![0.0; 1 << 17];
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

fn request(noise: &mut Noise, tx: &TxParameters) -> PhyRequest {
    data(&psdu(noise, tx, 494), *tx)
}

#[test]
fn the_counter_sees_an_allocation() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 100])));
    assert_eq!((counted.count_total, counted.count_current), (1, 0));
}

#[test]
fn frames_of_every_modulation_are_sent_and_received_without_allocating() {
    let (mut talker, mut listener, mut noise) = (modem(), modem(), Noise::new(1));
    for (modulation, map) in MODES {
        let samples = sent(&mut talker, request(&mut noise, &tx(modulation, map)));
        for _ in 0..2 {
            let mut samples = samples.clone();
            noise.add(&mut samples, 25.0);
            assert_eq!(heard(&mut listener, &samples), (1, 0), "{modulation:?} {map:x}");
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
    let (mut talker, mut listener, mut noise) = (modem(), modem(), Noise::new(2));
    for (modulation, map) in MODES {
        let mut samples = sent(&mut talker, request(&mut noise, &tx(modulation, map)));
        // All is well until the header has been read, and then there is nothing but noise.
        let header = 300 + g3_phy::CENELEC_A.frame_len(0);
        samples[header..].iter_mut().for_each(|s| *s = noise.gauss());
        noise.add(&mut samples[..header], 10.0);
        let (frames, losses) = heard(&mut listener, &samples);
        assert!(frames == 0 && losses >= 1, "{modulation:?} {map:x}: {frames} {losses}");
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

/// Each modulation on all groups and on some.
const MODES: [(Modulation, u32); 8] = [
    (Modulation::Robo, 0x3F),
    (Modulation::Robo, 0x11),
    (Modulation::Bpsk, 0x3F),
    (Modulation::Bpsk, 0x0A),
    (Modulation::Qpsk, 0x3F),
    (Modulation::Qpsk, 0x37),
    (Modulation::Psk8, 0x3F),
    (Modulation::Psk8, 0x2D),
];
