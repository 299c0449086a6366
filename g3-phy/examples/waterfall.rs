//! Frame error rate over signal-to-noise ratio in white noise, for each modulation.
//!
//! `cargo run --release -p g3-phy --example waterfall -- 200` (frames per point)

#[path = "../tests/common/mod.rs"]
mod common;
use common::*;
use plc_core::sap::{Modulation, PhyIndication, PhyLoss};

fn main() {
    let frames = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let runs: [(Modulation, usize, [f64; 6]); 5] = [
        (Modulation::Robo, 13, [-4.0, -3.5, -3.0, -2.5, -2.0, -1.5]),
        (Modulation::Robo, 133, [-3.5, -3.0, -2.5, -2.0, -1.5, -1.0]),
        (Modulation::Bpsk, 235, [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]),
        (Modulation::Qpsk, 235, [4.5, 5.0, 5.5, 6.0, 6.5, 7.0]),
        (Modulation::Psk8, 226, [8.0, 8.5, 9.0, 9.5, 10.0, 10.5]),
    ];
    for (modulation, len, ratios) in runs {
        for snr_db in ratios {
            print_point(modulation, len, snr_db, frames);
        }
    }
}

fn print_point(modulation: Modulation, len: usize, snr_db: f64, frames: u64) {
    let tx = tx(modulation, 0x3F);
    let (mut good, mut unheard, mut header, mut payload, mut lqi) = (0, 0, 0, 0, 0.0);
    for seed in 0..frames {
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, len);
        let mut samples = waveform(data(&sent, tx), 400 + 37 * seed as usize);
        noise.add(&mut samples, snr_db);
        let said = listen(&samples);
        let lost = |loss| said.iter().any(|i| matches!(i, PhyIndication::Lost { loss: l, .. } if *l == loss));
        match received(&said).first() {
            Some(frame) => {
                good += usize::from(frame.psdu == sent);
                lqi += frame.lqi.snr_db();
            }
            None if lost(PhyLoss::Payload) => payload += 1,
            None if lost(PhyLoss::Header) => header += 1,
            None => unheard += 1,
        }
    }
    let error_rate = 1.0 - good as f64 / frames as f64;
    println!(
        "{modulation:?} {len:3} octets {snr_db:5.1} dB: FER {error_rate:.3} (unheard {unheard}, header {header}, payload {payload}), LQI {:.1} dB",
        lqi / good.max(1) as f32
    );
}
