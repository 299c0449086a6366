//! What the iterative receiver adds: frames that plain decoding loses, and nothing that was not sent.

mod common;
use common::*;
use g3_phy::{CENELEC_A, Modem, ModemConfig};
use plc_core::sap::*;

/// Samples of preamble and header.
const HEADER_END: usize = 2432 + 13 * 278;

fn listener(iterations: usize) -> Modem {
    Modem::new(&CENELEC_A, ModemConfig { iterations, ..ModemConfig::default() })
}

fn said(iterations: usize, samples: &[f32]) -> Vec<PhyIndication> {
    listen_with(&mut listener(iterations), samples, 1000)
}

/// How many of six frames of the greatest length come through at `snr_db` per carrier.
fn delivered(tx: TxParameters, snr_db: f64, iterations: usize) -> usize {
    let deliver = |seed: u64| {
        let mut noise = Noise::new(seed * 100 + tx.modulation as u64);
        let sent = psdu(&mut noise, &tx, usize::MAX);
        let mut samples = waveform(data(&sent, tx), 300 + 41 * seed as usize);
        noise.add(&mut samples, snr_db);
        let got = received(&said(iterations, &samples));
        assert!(got.iter().all(|frame| frame.psdu == sent));
        got.len() == 1
    };
    (0..6).filter(|&seed| deliver(seed)).count()
}

/// `samples` with what comes from sample `from` on replaced by noise of the same level.
fn cut(mut samples: Vec<f32>, from: usize, noise: &mut Noise) -> Vec<f32> {
    samples[from..].iter_mut().for_each(|s| *s = noise.gauss());
    samples
}

#[test]
fn frames_come_through_three_db_below_what_plain_decoding_needs() {
    use Modulation::{Bpsk, Psk8, Qpsk, Robo};
    for (modulation, snr_db) in [(Robo, -4.6), (Bpsk, -0.3), (Qpsk, 2.8), (Psk8, 6.6)] {
        let counts = [0, 10].map(|iterations| delivered(tx(modulation, 0x3F), snr_db, iterations));
        assert_eq!(counts, [0, 6], "{modulation:?}");
    }
}

/// Headers are differential whatever the payload is: coherent ROBO, which needs less, gains by theirs.
#[test]
fn coherent_robo_comes_through_where_plain_decoding_loses_headers() {
    let tx = TxParameters { scheme: ModulationScheme::Coherent, ..tx(Modulation::Robo, 0x3F) };
    let counts = [0, 10].map(|iterations| delivered(tx, -5.8, iterations));
    assert!(counts[1] >= 5 && counts[1] >= counts[0] + 3, "{counts:?}");
}

#[test]
fn frames_that_plain_decoding_gets_are_the_same_with_iterations() {
    let tx = tx(Modulation::Bpsk, 0x2D);
    let mut noise = Noise::new(5);
    let sent = psdu(&mut noise, &tx, 60);
    let mut samples = waveform(data(&sent, tx), 900);
    noise.add(&mut samples, 8.0);
    let plain = said(0, &samples);
    assert_eq!(received(&plain)[0].psdu, sent);
    assert_eq!(said(8, &samples), plain);
}

#[test]
fn a_preamble_with_noise_after_it_has_no_header() {
    let tx = tx(Modulation::Robo, 0x3F);
    for seed in 0..40 {
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, 13);
        let samples = cut(waveform(data(&sent, tx), 500), 500 + 2432, &mut noise);
        let said = said(20, &samples);
        assert!(said.iter().any(|i| matches!(i, PhyIndication::Lost { loss: PhyLoss::Header, .. })));
        assert!(!said.iter().any(|i| matches!(i, PhyIndication::Data(_) | PhyIndication::Ack(_))));
    }
}

#[test]
fn a_header_with_noise_after_it_has_no_payload() {
    for (seed, modulation) in (0..40).zip([Modulation::Robo, Modulation::Psk8].into_iter().cycle()) {
        let tx = tx(modulation, 0x3F);
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, 40);
        let samples = cut(waveform(data(&sent, tx), 500), 500 + HEADER_END, &mut noise);
        let said = said(20, &samples);
        assert!(said.iter().any(|i| matches!(i, PhyIndication::Lost { loss: PhyLoss::Payload, .. })));
        assert_eq!(received(&said), []);
    }
}
