//! Bursts that strike one part of a frame: what the receiver knows of how badly each symbol was struck must count.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
use common::*;
use g3_phy::g3::specs::{FFT_LEN, SYMBOL_HOP};
use g3_phy::{CENELEC_A, Modem, ModemConfig};
use plc_core::Instant;
use plc_core::sap::*;

/// Plain decoding alone: iterations would hide what it loses.
fn listener() -> Modem {
    Modem::new(&CENELEC_A, ModemConfig { iterations: 0, ..ModemConfig::default() })
}

/// `request` on a line with noise, and the index of its first sample.
fn noisy(request: PhyRequest, snr_db: f64, noise: &mut Noise) -> (Vec<f32>, usize) {
    let mut samples = waveform(request, 500);
    let start = samples.iter().position(|&s| s != 0.0).unwrap() - 1;
    noise.add(&mut samples, snr_db);
    (samples, start)
}

/// Bursts of `len` samples of `scale` times the power of the frame, at each of `starts`.
fn strike(
    samples: &mut [f32],
    (starts, len): (impl Iterator<Item = usize>, usize),
    scale: f32,
    noise: &mut Noise,
) {
    starts.for_each(|at| samples[at..at + len].iter_mut().for_each(|s| *s += scale * noise.gauss()));
}

/// How many of `frames` acknowledgements come through whose header is struck in each `every`th symbol, from sample
/// `from` of it on.
fn headers(frames: u64, snr_db: f64, scale: f32, (from, len, every): (usize, usize, usize)) -> usize {
    let ack = PdAckRequest { fcs: 0x5843, more_segments: true, negative: false, at: Instant::EPOCH };
    let comes_through = |&seed: &u64| {
        let mut noise = Noise::new(seed);
        let (mut samples, start) = noisy(PhyRequest::Ack(ack), snr_db, &mut noise);
        let header = start + CENELEC_A.preamble_len() + from;
        let starts = (0..CENELEC_A.fch_symbols()).step_by(every).map(|symbol| header + SYMBOL_HOP * symbol);
        strike(&mut samples, (starts, len), scale, &mut noise);
        listen_with(&mut listener(), &samples, 1000).iter().any(|i| matches!(i, PhyIndication::Ack(_)))
    };
    (0..frames).filter(comes_through).count()
}

/// Five of thirteen symbols are noise alone. Less than half would come through if all symbols counted the same.
#[test]
fn symbols_of_a_header_that_a_burst_has_drowned_count_little() {
    let count = headers(40, 0.0, 10.0, (22, FFT_LEN, 3));
    assert!(count >= 37, "{count}");
}

/// More than half of each symbol is blanked. About two thirds would come through if what is left counted like a whole
/// symbol.
#[test]
fn symbols_of_a_header_count_by_what_blanking_has_left_of_them() {
    let count = headers(40, 4.0, 10.0, (50, 150, 1));
    assert!(count >= 36, "{count}");
}

/// How many of `frames` frames come through that `starts` strikes, which takes the first sample and the end.
fn payloads<I: Iterator<Item = usize>>(
    (tx, frames): (TxParameters, u64),
    snr_db: f64,
    (len, scale): (usize, f32),
    starts: impl Fn(usize, usize) -> I,
) -> usize {
    let comes_through = |&seed: &u64| {
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, usize::MAX);
        let (mut samples, start) = noisy(data(&sent, tx), snr_db, &mut noise);
        let end = samples.len() - 600;
        strike(&mut samples, (starts(start, end), len), scale, &mut noise);
        received(&listen_with(&mut listener(), &samples, 1000)).iter().any(|frame| frame.psdu == sent)
    };
    (0..frames).filter(comes_through).count()
}

/// Not one would come through if what is left of a blanked symbol counted like a whole one.
#[test]
fn symbols_of_a_payload_count_by_what_blanking_has_left_of_them() {
    let tx = TxParameters { scheme: ModulationScheme::Coherent, ..tx(Modulation::Psk8, 0x3F) };
    let payload = CENELEC_A.frame_len(0) + 53;
    let every_second = |start, end| (start + payload..end).step_by(2 * SYMBOL_HOP);
    let count = payloads((tx, 8), 13.0, (120, 6.0), every_second);
    assert!(count >= 7, "{count}");
}

/// One burst of 40 dB over a whole SYNCP in the middle of the preamble. A third would be lost if it counted.
#[test]
fn a_burst_over_one_syncp_loses_no_frame() {
    for syncp in 3..=6 {
        let once = |start, _| std::iter::once(start + syncp * FFT_LEN);
        let count = payloads((tx(Modulation::Robo, 0x3F), 6), 2.0, (FFT_LEN, 100.0), once);
        assert_eq!(count, 6, "SYNCP {syncp}");
    }
}
