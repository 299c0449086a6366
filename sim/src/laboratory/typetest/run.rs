//! Does what a row says.

use super::super::bench::{Outcome, measure, watt_hours};
use super::super::specimen::{Calibrated, Specimen};
use super::super::wave::Load;
use super::row::{Point, Quantity, Row, Task, Verdict};
use metrology::{Ledger, MeterCore, PulseOutput};
use rayon::prelude::*;

/// Runs a row on a calibrated specimen.
pub fn run(calibrated: &Calibrated, row: &Row) -> Verdict {
    let bench = Bench { calibrated, quantity: row.quantity };
    match &row.task {
        Task::Error(points) => bench.error(points, row.limit),
        Task::Shift(pairs) => bench.shift(pairs, row.limit),
        Task::PerKelvin(curves) => bench.per_kelvin(curves, row.limit),
        Task::Between(points, from, to) => bench.between(points, *from, *to),
        Task::Spread(repeats) => bench.spread(repeats, row.limit),
        Task::Composite(sets) => bench.composite(sets, row.limit),
        Task::Start(points) => bench.start(points, row.limit),
        Task::NoLoad(minutes, volts) => bench.no_load(*minutes, *volts),
        Task::Pulses(point) => bench.pulses(point, row.limit),
        Task::ClassA(case) => within(case.worst(calibrated), row.limit, Vec::new()),
        Task::Elsewhere => Verdict { measured: None, passed: None, curve: Vec::new() },
    }
}

struct Bench<'a> {
    calibrated: &'a Calibrated,
    quantity: Quantity,
}

impl Bench<'_> {
    fn outcome(&self, point: &Point) -> Outcome {
        measure(self.calibrated, &point.load, &point.circumstances)
    }

    fn percent(&self, point: &Point) -> f64 {
        let outcome = self.outcome(point);
        match self.quantity {
            Quantity::Active => outcome.active_percent,
            Quantity::Reactive => outcome.reactive_percent,
        }
    }

    fn curve(&self, points: &[Point]) -> Vec<(String, f64, f64)> {
        points.par_iter().map(|point| (point.series.clone(), point.x, self.percent(point))).collect()
    }

    fn error(&self, points: &[Point], limit: f64) -> Verdict {
        let curve = self.curve(points);
        within(worst(curve.iter().map(|point| point.2)), limit, curve)
    }

    fn shift(&self, pairs: &[(Point, Point)], limit: f64) -> Verdict {
        let shift = |(reference, point): &(Point, Point)| {
            (point.series.clone(), point.x, self.percent(point) - self.percent(reference))
        };
        let curve: Vec<_> = pairs.par_iter().map(shift).collect();
        within(worst(curve.iter().map(|point| point.2)), limit, curve)
    }

    fn per_kelvin(&self, curves: &[Vec<Point>], limit: f64) -> Verdict {
        let (mut slopes, mut curve) = (Vec::new(), Vec::new());
        for points in curves {
            let errors = self.curve(points);
            for (pair, at) in errors.windows(2).zip(points.windows(2)) {
                let kelvin = at[1].circumstances.celsius - at[0].circumstances.celsius;
                slopes.push((pair[1].2 - pair[0].2) / kelvin);
            }
            curve.extend(errors);
        }
        within(worst(slopes), limit, curve)
    }

    fn between(&self, points: &[Point], from: f64, to: f64) -> Verdict {
        let curve = self.curve(points);
        let passed = curve.iter().all(|point| (from..=to).contains(&point.2));
        Verdict { measured: Some(worst(curve.iter().map(|point| point.2))), passed: Some(passed), curve }
    }

    fn spread(&self, repeats: &[Vec<Point>], limit: f64) -> Verdict {
        let (mut largest, mut all) = (0.0f64, Vec::new());
        for points in repeats {
            let curve = self.curve(points);
            let values = || curve.iter().map(|point| point.2);
            largest = largest.max(values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min));
            all.extend(curve);
        }
        within(largest, limit, all)
    }

    fn composite(&self, sets: &[(Point, Vec<Vec<Point>>)], limit: f64) -> Verdict {
        let composite = |(reference, influences): &(Point, Vec<Vec<Point>>)| {
            let error = self.percent(reference);
            let shifts =
                influences.iter().map(|points| worst(points.iter().map(|p| self.percent(p) - error)));
            let square: f64 = shifts.map(|shift| shift * shift).sum();
            (reference.series.clone(), reference.x, (error * error + square).sqrt())
        };
        let curve: Vec<_> = sets.par_iter().map(composite).collect();
        within(worst(curve.iter().map(|point| point.2)), limit, curve)
    }

    fn start(&self, points: &[Point], limit: f64) -> Verdict {
        let outcomes: Vec<_> = points.par_iter().map(|point| self.outcome(point)).collect();
        let curve: Vec<_> = points
            .iter()
            .zip(&outcomes)
            .map(|(point, outcome)| (point.series.clone(), point.x, outcome.active_percent))
            .collect();
        // Only the register of its own direction may move.
        let one_way =
            outcomes.iter().all(|outcome| outcome.counted_wh.0 == 0.0 || outcome.counted_wh.1 == 0.0);
        let verdict = within(worst(curve.iter().map(|point| point.2)), limit, curve);
        Verdict { passed: verdict.passed.map(|passed| passed && one_way), ..verdict }
    }

    fn no_load(&self, minutes: f64, volts: f64) -> Verdict {
        let ratings = self.calibrated.design.ratings;
        let un = f64::from(ratings.un_mv) / 1000.0;
        let load = Load::balanced(ratings.wiring.elements(), un * volts, 0.0, 0.0);
        let samples = (minutes * 60.0 * f64::from(ratings.sample_rate_hz)) as u64;
        let pulses = self.watched(&load, samples).0;
        Verdict { measured: Some(pulses as f64), passed: Some(pulses <= 1), curve: Vec::new() }
    }

    fn pulses(&self, point: &Point, limit: f64) -> Verdict {
        let ratings = self.calibrated.design.ratings;
        let samples = (point.circumstances.measured_s * f64::from(ratings.sample_rate_hz)) as u64;
        let (pulses, counted_wh) = self.watched(&point.load, samples);
        let of_pulses = pulses as f64 * 1000.0 / f64::from(ratings.constant_imp_per_kwh);
        let one = 1000.0 / f64::from(ratings.constant_imp_per_kwh) / counted_wh;
        let percent = (of_pulses / counted_wh - 1.0) * 100.0;
        // The pulse that is under way is not seen.
        let seen = if percent < 0.0 { (percent + one * 100.0).min(0.0) } else { percent };
        within(seen.abs(), limit, Vec::new())
    }

    /// Pulses at the output and energy in the registers after so many samples.
    fn watched(&self, load: &Load, samples: u64) -> (u64, f64) {
        let design = &self.calibrated.design;
        let mut specimen = Specimen::new(design);
        specimen.settle(load, super::super::sensor::REFERENCE_CELSIUS, 1);
        let mut core = MeterCore::calibrated(design.ratings, &self.calibrated.calibration, Ledger::default())
            .expect("ratings of a design are valid");
        let mut output = PulseOutput::new(&design.ratings, 0);
        for index in 0..samples {
            core.process_frames(&[specimen.sample().0]);
            if index % 8 == 0 {
                let registers = core.registers();
                output.on_energy(registers.import.milliwatt_hours() + registers.export.milliwatt_hours());
                output.tick(1000);
            }
        }
        let (registers, rate) = (core.registers(), f64::from(design.ratings.sample_rate_hz));
        let counted = watt_hours(registers.import, rate) + watt_hours(registers.export, rate);
        (output.pulses() + output.waiting(), counted)
    }
}

/// The value that is largest in magnitude; what is no number is worse than any.
pub(super) fn worst(values: impl IntoIterator<Item = f64>) -> f64 {
    let is_worse = |value: f64, worst: f64| value.is_nan() || value.abs() > worst.abs();
    values.into_iter().fold(0.0, |worst: f64, value| if is_worse(value, worst) { value } else { worst })
}

fn within(measured: f64, limit: f64, curve: Vec<(String, f64, f64)>) -> Verdict {
    Verdict { measured: Some(measured), passed: Some(measured.abs() <= limit), curve }
}
