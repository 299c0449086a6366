//! Frames through white noise, at the signal-to-noise ratios that the modem must stand.

mod common;
use common::*;
use plc_core::sap::Modulation;

/// How many of `frames` frames come through at `snr_db` per carrier.
fn delivered(modulation: Modulation, len: usize, frames: u64, snr_db: f64) -> usize {
    let tx = tx(modulation, 0x3F);
    let deliver = |seed: u64| {
        let mut noise = Noise::new(seed * 1000 + modulation as u64);
        let sent = psdu(&mut noise, &tx, len);
        let mut samples = waveform(data(&sent, tx), 700 + 37 * seed as usize);
        noise.add(&mut samples, snr_db);
        let got = received(&listen(&samples));
        got.len() == 1 && got[0].psdu == sent
    };
    (0..frames).filter(|&seed| deliver(seed)).count()
}

#[test]
fn robo_comes_through_at_minus_one_db() {
    assert!(delivered(Modulation::Robo, 133, 20, -1.0) >= 19);
}

#[test]
fn short_robo_frames_come_through_at_minus_one_db() {
    assert!(delivered(Modulation::Robo, 13, 60, -1.0) >= 57);
}

#[test]
fn dbpsk_comes_through_at_three_and_a_half_db() {
    assert!(delivered(Modulation::Bpsk, 235, 40, 3.5) >= 38);
}

#[test]
fn dqpsk_comes_through_at_six_and_a_half_db() {
    assert!(delivered(Modulation::Qpsk, 235, 40, 6.5) >= 38);
}

#[test]
fn d8psk_comes_through_at_ten_and_a_half_db() {
    assert!(delivered(Modulation::Psk8, 226, 40, 10.5) >= 38);
}
