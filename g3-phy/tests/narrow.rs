//! Tone masks that leave few carriers: their symbols look like pulses, and must not be taken for such.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
use common::*;
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC, ToneMask};
use plc_core::sap::*;

/// `plan` with its `left` lowest carriers alone, and with its highest.
fn edges(plan: &BandPlan, left: usize) -> [&'static BandPlan; 2] {
    let (first, last) = (plan.first_carrier, plan.first_carrier + plan.carriers() - 1);
    let masks = [(first + left, last), (first, last - left)];
    masks.map(|(from, to)| -> &'static BandPlan {
        Box::leak(Box::new(plan.with_mask(ToneMask::carriers(first, from, to)).unwrap()))
    })
}

/// How many of `frames` frames arrive, with noise of `snr_db` per carrier or none.
fn arrived(plan: &'static BandPlan, frames: u64, snr_db: Option<f64>) -> u64 {
    let mut listener = modem_of(plan);
    let arrives = |frame: u64| {
        let mut noise = Noise::new(frame);
        let tx = plan.robust();
        let psdu = noise.octets(plan.fit(&tx, 4).unwrap().psdu_len);
        let before = 900 + 37 * frame as usize;
        let mut samples = waveform_of(&mut modem_of(plan), data(&psdu, tx), before);
        if let Some(snr_db) = snr_db {
            let sigma = (256.0 / (2.0 * plan.used_carriers() as f64 * 10f64.powf(snr_db / 10.0))).sqrt();
            samples.iter_mut().for_each(|s| *s += sigma as f32 * noise.gauss());
        }
        received(&listen_with(&mut listener, &samples, 700)).iter().any(|data| data.psdu == psdu)
    };
    (0..frames).map(arrives).map(u64::from).sum()
}

/// What is lost with `left` carriers at either edge of `plan`, on good lines and bad ones.
fn losses(plan: &BandPlan, left: usize) -> Vec<String> {
    let mut losses = Vec::new();
    for (edge, plan) in ["lowest", "highest"].into_iter().zip(edges(plan, left)) {
        for snr_db in [None, Some(30.0), Some(10.0)] {
            let arrived = arrived(plan, FRAMES, snr_db);
            if arrived < FRAMES {
                losses.push(format!("{} {edge} {left} at {snr_db:?} dB: {arrived}", plan.name));
            }
        }
    }
    losses
}

const FRAMES: u64 = 5;
const LEFT: [usize; 6] = [6, 8, 10, 12, 16, 24];

fn all_arrive(plan: &BandPlan) {
    let losses: Vec<_> = LEFT.into_iter().flat_map(|left| losses(plan, left)).collect();
    assert!(losses.is_empty(), "of {FRAMES} frames each:\n{}", losses.join("\n"));
}

#[test]
fn frames_of_few_carriers_of_cenelec_a_arrive_on_good_lines_and_bad_ones() {
    all_arrive(&CENELEC_A);
}

#[test]
fn frames_of_few_carriers_of_fcc_arrive_on_good_lines_and_bad_ones() {
    all_arrive(&FCC);
}

#[test]
fn frames_of_few_carriers_of_arib_arrive_on_good_lines_and_bad_ones() {
    all_arrive(&ARIB);
}
