//! How far the receiver is from its limits: frame error rates beside those of a receiver that knows everything.
//!
//! `cargo run --release -p g3-phy --example limits -- robo white 50 400 -3.0 -2.5 -2.0`: modulation (robo, bpsk, qpsk,
//! 8psk), line (white, impulses, lv14, tone, tone-between, tone-edge, echoes-4, -11, -15, -fade; `reference` for the
//! ideal receiver), difference of the clocks in ppm, frames per point, signal-to-noise ratios per carrier in dB.

#[path = "../../tests/common/mod.rs"]
mod common;
mod line;
mod reference;

use common::*;
use g3_phy::CENELEC_A;
use g3_phy::g3::PayloadShape;
use line::Kind;
use plc_core::sap::{FrameGeometry, Modulation, PhyIndication, PhyLoss, TxParameters};
use reference::Reference;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [modulation, line, ppm, frames, ratios @ ..] = &arguments[..] else {
        eprintln!("limits <modulation> <line> <ppm> <frames> <dB>...");
        std::process::exit(1);
    };
    let (modulation, len) = modulation_of(modulation);
    let tx = tx(modulation, 0x3F);
    let (ppm, frames) = (ppm.parse().unwrap_or(0.0), frames.parse().unwrap_or(100));
    for ratio in ratios.iter().filter_map(|ratio| ratio.parse().ok()) {
        match Kind::parse(line) {
            Some(kind) => measure(kind, tx, len, ppm, frames, ratio),
            None => measure_reference(tx, len, frames, ratio),
        }
    }
}

fn modulation_of(name: &str) -> (Modulation, usize) {
    let modulation = match name {
        "robo" | "ack" => Modulation::Robo,
        "bpsk" => Modulation::Bpsk,
        "qpsk" => Modulation::Qpsk,
        _ => Modulation::Psk8,
    };
    let len = if name == "ack" { 13 } else { CENELEC_A.max_psdu(&tx(modulation, 0x3F)) };
    (modulation, len)
}

fn measure_reference(tx: TxParameters, len: usize, frames: u64, snr_db: f64) {
    let shape = PayloadShape::fitting(&CENELEC_A, &tx, len).expect("the length is one of the band's");
    let reference = Reference::new(shape);
    let lost = (0..frames).filter(|&seed| !reference.delivered(seed, snr_db)).count();
    println!(
        "{:?} reference {snr_db:5.2} dB: FER {:.4} ({lost})",
        tx.modulation,
        lost as f64 / frames as f64
    );
}

/// What became of the frames of one point.
#[derive(Debug, Default)]
struct Tally {
    good: usize,
    wrong: usize,
    unheard: usize,
    header: usize,
    payload: usize,
}

fn measure(kind: Kind, tx: TxParameters, len: usize, ppm: f64, frames: u64, snr_db: f64) {
    let mut tally = Tally::default();
    for seed in 0..frames {
        let mut noise = Noise::new(seed);
        let sent = psdu(&mut noise, &tx, len);
        let mut samples = waveform(data(&sent, tx), 2000 + 37 * (seed % 97) as usize);
        kind.pass(&mut samples, snr_db, if seed % 2 == 0 { ppm } else { -ppm }, seed + 1);
        let said = listen(&samples);
        let lost = |loss| said.iter().any(|i| matches!(i, PhyIndication::Lost { loss: l, .. } if *l == loss));
        match received(&said).first() {
            Some(frame) if frame.psdu == sent => tally.good += 1,
            Some(_) => tally.wrong += 1,
            None if lost(PhyLoss::Payload) => tally.payload += 1,
            None if lost(PhyLoss::Header) => tally.header += 1,
            None => tally.unheard += 1,
        }
    }
    println!(
        "{:?} {kind:?} {ppm} ppm {snr_db:5.2} dB: FER {:.4} {tally:?}",
        tx.modulation,
        1.0 - tally.good as f64 / frames as f64
    );
}
