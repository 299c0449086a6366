//! The bench: a specimen, its core, a load for some time, and the truth.

use super::specimen::{Calibrated, Specimen};
use super::wave::Load;
use metrology::calibrate::{Average, Reference};
use metrology::{Account, Energy, Ledger, MeterCore, Values};
use std::f64::consts::TAU;

/// Circumstances of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circumstances {
    /// Temperature, in °C.
    pub celsius: f64,
    /// Time before the measurement begins, in s.
    pub before_s: f64,
    /// Its duration, in s.
    pub measured_s: f64,
    /// Draw of the noise.
    pub seed: u64,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self { celsius: super::sensor::REFERENCE_CELSIUS, before_s: 2.0, measured_s: 3.0, seed: 1 }
    }
}

/// What a measurement gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Error of the active energy of the total, import less export, in percent of the truth.
    pub active_percent: f64,
    /// Error of the reactive energy of the total, R+ less R-, in percent of the truth.
    pub reactive_percent: f64,
    /// Active energy that was counted, import and export, in Wh.
    pub counted_wh: (f64, f64),
    /// Values of the last window.
    pub values: Values,
    /// Means of the elements over the measurement.
    pub averages: [Average; 3],
    /// Mean active power of the meter, in W.
    pub watts: f64,
}

/// Lets a specimen measure a load.
///
/// It counts from the end of one window to the end of another; the truth is the sum of the true products over the same samples, of
/// waves with edges between the samples too, and for reactive energy the closed form of the fundamentals.
pub fn measure(calibrated: &Calibrated, load: &Load, circumstances: &Circumstances) -> Outcome {
    let design = &calibrated.design;
    let mut specimen = Specimen::new(design);
    specimen.settle(load, circumstances.celsius, circumstances.seed);
    let mut core = MeterCore::calibrated(design.ratings, &calibrated.calibration, Ledger::default())
        .expect("ratings of a design are valid");
    let rate = f64::from(design.ratings.sample_rate_hz);
    let (from, to) =
        (circumstances.before_s * rate, (circumstances.before_s + circumstances.measured_s) * rate);
    let mut run = Run::default();
    let mut index = 0;
    while (index as f64) < to || !run.stopped(index) {
        let (frame, power) = specimen.sample();
        run.truth += power.iter().sum::<f64>();
        let windows = core.windows();
        core.process_frames(&[frame]);
        if core.windows() != windows && index as f64 >= from {
            run.on_window(index, &core);
        }
        index += 1;
        if index as f64 > to + rate {
            break;
        }
    }
    run.outcome(&core, load, &specimen)
}

/// Sums of a measurement.
#[derive(Default)]
struct Run {
    /// True energy so far, in W · samples.
    truth: f64,
    begin: Option<Mark>,
    end: Option<Mark>,
    averages: [Average; 3],
}

/// The state at the end of a window.
struct Mark {
    index: u64,
    truth: f64,
    ledger: Ledger,
}

impl Run {
    /// Whether the last window ended at the last sample.
    fn stopped(&self, index: u64) -> bool {
        self.end.as_ref().is_some_and(|end| end.index + 1 == index)
    }

    fn on_window(&mut self, index: u64, core: &MeterCore) {
        let mark = Mark { index, truth: self.truth, ledger: core.ledger() };
        if self.begin.is_none() {
            self.begin = Some(mark);
            return;
        }
        self.end = Some(mark);
        for (average, element) in self.averages.iter_mut().zip(&core.values().elements) {
            average.add(element);
        }
    }

    fn outcome(self, core: &MeterCore, load: &Load, specimen: &Specimen) -> Outcome {
        let ratings = specimen.ratings();
        let rate = f64::from(ratings.sample_rate_hz);
        let elements = ratings.wiring.elements();
        let (begin, end) = (self.begin.expect("a window has ended"), self.end.expect("and another one"));
        let samples = (end.index - begin.index) as f64;
        let (from, to) = (&begin.ledger.total, &end.ledger.total);
        let wh = |pick: fn(&Account) -> Energy| watt_hours(pick(to), rate) - watt_hours(pick(from), rate);
        let counted_wh = (wh(|account| account.active.import), wh(|account| account.active.export));
        // The true samples are as far apart as the clock of the specimen makes them.
        let true_wh = (end.truth - begin.truth) * specimen.second() / rate / 3600.0;
        let reactive =
            [0, 1, 2, 3].map(|n| watt_hours(to.reactive[n], rate) - watt_hours(from.reactive[n], rate));
        let varh = reactive[0] + reactive[1] - reactive[2] - reactive[3];
        let true_varh = var(load, elements) * samples * specimen.second() / rate / 3600.0;
        Outcome {
            active_percent: percent(counted_wh.0 - counted_wh.1, true_wh),
            reactive_percent: percent(varh, true_varh),
            counted_wh,
            values: *core.values(),
            averages: self.averages,
            watts: true_wh * 3600.0 * rate / samples / specimen.second(),
        }
    }
}

/// A register with the part below its last digit, in Wh.
pub fn watt_hours(energy: Energy, rate: f64) -> f64 {
    (energy.milliwatt_hours() as f64 + energy.rest() as f64 / (3.6e24 * rate)) * 1e-3
}

/// Reactive power of the fundamentals of a load, in var.
pub fn var(load: &Load, elements: usize) -> f64 {
    (0..elements).map(|n| element_truth(load, n).1).sum()
}

/// Active power of the sinusoids of an element, and reactive power of its fundamental.
fn element_truth(load: &Load, element: usize) -> (f64, f64) {
    let (u, i) = (&load.u[element].parts, &load.i[element].parts);
    let pairs = u.iter().flat_map(|u| i.iter().filter(move |i| i.order == u.order).map(move |i| (u, i)));
    let power = pairs.map(|(u, i)| u.rms * i.rms * (u.lead - i.lead).cos()).sum();
    let reactive = match (u.first(), i.first()) {
        (Some(u), Some(i)) => u.rms * i.rms * ((u.lead - i.lead).rem_euclid(TAU)).sin(),
        _ => 0.0,
    };
    (power, reactive)
}

/// What a reference standard shows for an element of a load of sinusoids.
pub fn reference(load: &Load, element: usize) -> Reference {
    let (power, reactive) = element_truth(load, element);
    let micro = |value: f64| (value * 1e6).round() as i64;
    Reference {
        u_uv: micro(load.u[element].rms()).unsigned_abs(),
        i_ua: micro(load.i[element].rms()).unsigned_abs(),
        active_uw: micro(power),
        reactive_uvar: micro(reactive),
        frequency_mhz: (load.hz * 1e3).round() as u32,
    }
}

/// Less than this is nothing, in Wh.
const NOTHING: f64 = 1e-12;

fn percent(counted: f64, truth: f64) -> f64 {
    match (counted.abs() < NOTHING, truth.abs() < NOTHING) {
        (true, true) => 0.0,
        (false, true) => f64::INFINITY,
        _ => (counted / truth - 1.0) * 100.0,
    }
}
