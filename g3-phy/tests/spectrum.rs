//! What a modem sends beside and between its carriers, measured like a receiver with a bandwidth of 200 Hz would,
//! against the sum of the spectra of windowed symbols. The plot: `cargo run --release -p g3-phy --example wav --
//! spectrum --notch 39-49 spectrum.svg`.
#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "shared with the example, which uses more of it")]
#[path = "../examples/wav/density.rs"]
mod density;
#[allow(dead_code, reason = "shared with the example, which uses more of it")]
#[path = "../examples/wav/emission.rs"]
mod emission;
#[path = "common/mod.rs"]
mod noise;

use density::decibels;
use emission::{Emission, FRAMES};
use g3_phy::dsp::{Complex, raised_cosine};
use g3_phy::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP};
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC, Modem, ModemConfig, ToneMask};
use noise::{Noise, modem_of, waveform_of};
use plc_core::Instant;
use plc_core::sap::{PdAckRequest, PhyRequest};

fn measured(plan: &'static BandPlan) -> Emission {
    frames_of(plan, FRAMES, true)
}

/// `plan` without the carriers of indices `from` to `to`.
fn notched(plan: &BandPlan, from: usize, to: usize) -> &'static BandPlan {
    let mask = ToneMask::carriers(plan.first_carrier, from, to);
    Box::leak(Box::new(plan.with_mask(mask).unwrap()))
}

fn frames_of(plan: &'static BandPlan, count: usize, deep_notches: bool) -> Emission {
    let mut noise = Noise::new(1);
    let mut modem = Modem::new(plan, ModemConfig { deep_notches, ..ModemConfig::of(plan) });
    Emission::of(&mut modem, count, || (noise.uniform() * 256.0) as u8)
}

/// Power of one windowed symbol `distance` carriers away from its carrier, by definition.
fn leakage(distance: f64) -> f64 {
    let len = CYCLIC_PREFIX + FFT_LEN;
    let sample = |n: usize| {
        let ramp = raised_cosine(n.min(len - 1 - n).min(OVERLAP), OVERLAP);
        Complex::from_polar(f64::from(ramp), -std::f64::consts::TAU * distance * n as f64 / FFT_LEN as f64)
    };
    (0..len).map(sample).sum::<Complex<f64>>().norm_sqr()
}

/// Mean power over one carrier spacing around carrier `k`, against the carriers in use, of symbols that have nothing to
/// do with each other.
fn expected_db(plan: &BandPlan, k: f64) -> f64 {
    let used: Vec<_> = (0..plan.carriers()).filter(|&position| plan.is_used(position)).collect();
    let index = |position: usize| (plan.first_carrier + position) as f64;
    let at = |k: f64| used.iter().map(|&position| leakage(k - index(position))).sum::<f64>();
    let cell = |k: f64| (0..16).map(|n| at(k + (f64::from(n) - 7.5) / 16.0)).sum::<f64>() / 16.0;
    let middle = used[used.len() / 8];
    decibels(cell(k) / cell(index(middle)))
}

#[test]
fn carriers_are_flat_within_two_decibels_and_hold_the_power() {
    for plan in [&CENELEC_A, &FCC, &ARIB] {
        let emission = measured(plan);
        let (low, high) = emission.flatness_db();
        assert!(low > -1.0 && high < 0.5, "{}: {low} {high}", plan.name);
        let (from, to) = emission.density.occupied(0.01);
        let (first, last) = (plan.first_carrier, plan.first_carrier + plan.carriers() - 1);
        let spacing = emission.spacing();
        assert!(emission.frequency(first) - from < spacing && to - emission.frequency(last) < spacing);
    }
}

#[test]
fn beside_the_band_is_what_the_window_of_the_standard_leaves() {
    for plan in [&CENELEC_A, &FCC, &ARIB] {
        let (emission, first) = (measured(plan), plan.first_carrier as f64);
        let last = first + (plan.carriers() - 1) as f64;
        for distance in [1.0, 2.0, 3.0, 5.0, 8.0, 13.0] {
            for k in [first - distance, last + distance] {
                let (found, wanted) = (emission.relative_db(k * emission.spacing()), expected_db(plan, k));
                assert!((found - wanted).abs() < 1.0, "{} at {k}: {found} for {wanted}", plan.name);
            }
        }
    }
}

/// EN 50065-1 gives 9 to 95 kHz to the utility. Beyond, the digital signal is already so far below its band.
#[test]
fn cenelec_a_leaves_the_neighbouring_bands_alone() {
    let emission = measured(&CENELEC_A);
    let below = |from: f64, to: f64| decibels(emission.density.highest(from, to) / emission.level());
    let edges = [below(0.0, 9e3), below(95e3, 125e3), below(125e3, 148.5e3), below(150e3, 199e3)];
    for (found, limit) in edges.into_iter().zip([-30.0, -16.5, -36.0, -47.0]) {
        assert!(found < limit, "{edges:?}");
    }
    // At most 120 dBµV in 200 Hz where the whole signal may have 134, both by peak detectors.
    let whole = emission.crest.powi(2) * emission.density.total(0.0, 200e3) / 2.0;
    assert!(decibels(whole / emission.density.peak(9e3, 95e3)) > 14.0);
}

/// What leaks falls off with the square of the distance: eleven masked carriers reach 20 dB in the middle, a masked group of
/// the tone map 16.
#[test]
fn a_notch_without_help_is_as_deep_as_the_window_of_the_standard_lets_it_be() {
    for (from, to, depth) in [(39, 49, 19.5), (35, 40, 16.0)] {
        let plan = notched(&CENELEC_A, from, to);
        let emission = frames_of(plan, FRAMES, false);
        for k in from + 1..to {
            let (found, wanted) = (emission.relative_db(emission.frequency(k)), expected_db(plan, k as f64));
            assert!((found - wanted).abs() < 1.0, "carrier {k}: {found} for {wanted}");
        }
        let middle = emission.frequency(from).midpoint(emission.frequency(to));
        assert!(emission.relative_db(middle) < -depth, "{}", emission.relative_db(middle));
    }
}

/// Notches of the width of one group of the tone map, of two, and of the carriers of S-FSK.
fn notches() -> [&'static BandPlan; 6] {
    [
        notched(&CENELEC_A, 35, 40),
        notched(&CENELEC_A, 39, 49),
        notched(&FCC, 60, 62),
        notched(&FCC, 60, 71),
        notched(&FCC, 33, 64),
        notched(&ARIB, 48, 53),
    ]
}

/// The whole notch but one spacing at either edge; and the frequency of each masked carrier, the outer ones with less.
fn is_deep(emission: &Emission, depth_db: f64) {
    for (from, to) in emission.notches() {
        let least = emission.least_depth_db(from, to);
        let inner = (from + 1..to).map(|k| emission.depth_db(k as f64)).fold(f64::INFINITY, f64::min);
        let outer = emission.depth_db(from as f64).min(emission.depth_db(to as f64));
        let fits = least.min(inner) > depth_db && outer > OUTER_DB;
        assert!(fits, "{}: {least} in all, {inner} inside, {outer} outside", emission.name());
    }
}

#[test]
fn a_notch_is_25_decibels_deep() {
    for plan in notches() {
        is_deep(&frames_of(plan, MANY, true), 25.0);
    }
}

#[test]
fn a_notch_is_25_decibels_deep_during_preamble_and_header() {
    for plan in notches() {
        is_deep(&Emission::of_samples(plan, &acknowledgements(plan)), 25.0);
    }
}

/// What deepens a notch is heard elsewhere: it costs power, and some of it is outside of the band. It needs no
/// driver that can do more.
#[test]
fn a_deep_notch_costs_little_power_and_no_headroom() {
    for plan in notches() {
        let [plain, deep] = [false, true].map(|deep| frames_of(plan, FRAMES, deep));
        let nyquist = 0.5 * f64::from(plan.sample_rate_hz);
        let power = decibels(deep.density.total(0.0, nyquist) / plain.density.total(0.0, nyquist));
        let crest = 2.0 * decibels(deep.crest / plain.crest);
        assert!(power > 0.0 && power < 0.25 && crest < 0.5, "{}: {power} {crest}", deep.name());
        let first = plan.first_carrier as f64;
        for distance in [2.0, 4.0, 8.0] {
            for k in [first - distance, first + (plan.carriers() - 1) as f64 + distance] {
                let [plain, deep] = [&plain, &deep].map(|e| e.relative_db(k * e.spacing()));
                assert!(deep - plain < 6.0 || deep < -25.0, "{} at {k}: {plain} {deep}", plan.name);
            }
        }
    }
}

/// Preambles and headers alone.
fn acknowledgements(plan: &'static BandPlan) -> Vec<f32> {
    let (mut modem, mut samples) = (modem_of(plan), Vec::new());
    for n in 0..ACKNOWLEDGEMENTS {
        let fcs = n.wrapping_mul(40_503);
        let ack = PdAckRequest { fcs, more_segments: n % 2 == 0, negative: n % 3 == 0, at: Instant::EPOCH };
        samples.append(&mut waveform_of(&mut modem, PhyRequest::Ack(ack), 0));
    }
    samples
}

/// Depth of the outermost masked carriers, next to carriers in use.
const OUTER_DB: f64 = 17.5;
/// Enough frames for a depth to a few tenths of a decibel.
const MANY: usize = 16;
const ACKNOWLEDGEMENTS: u16 = 150;
