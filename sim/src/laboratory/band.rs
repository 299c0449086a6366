//! What a converter takes of a wave with edges: what lies below half of its sampling rate. A wave of sinusoids needs none of it.

use super::wave::Wave;
use std::collections::VecDeque;
use std::f64::consts::PI;

/// Points at which a wave with edges is known between two samples.
const POINTS: usize = 16;
/// Samples to each side that the filter reaches.
const REACH: usize = 12;
/// The window of the filter: 80 dB between 0.6 and the whole of the sampling rate, nothing taken below 0.39 of it.
const KAISER: f64 = 8.0;

/// A wave with edges behind the decimation filter of a converter: a symmetrical low-pass, whose delay, the same in all channels, is left out.
#[derive(Clone, Debug)]
pub(super) struct Banded {
    wave: Wave,
    /// Turns of the mains by sample, and by which the wave is late.
    step: f64,
    late: f64,
    /// The point that is computed next, counted from the first sample.
    next: i64,
    points: VecDeque<f64>,
    taps: Vec<f64>,
}

impl Banded {
    /// `wave` at `step` turns of the mains a sample, `late` turns late.
    pub(super) fn new(wave: &Wave, step: f64, late: f64) -> Self {
        let len = 2 * REACH * POINTS;
        let next = -((REACH * POINTS) as i64);
        let mut banded =
            Self { wave: wave.clone(), step, late, next, points: VecDeque::with_capacity(len), taps: taps() };
        for _ in 0..len - POINTS {
            banded.advance();
        }
        banded
    }

    /// The next sample.
    pub(super) fn next_sample(&mut self) -> f64 {
        for _ in 0..POINTS {
            self.advance();
        }
        let sample = self.points.iter().zip(&self.taps).map(|(point, tap)| point * tap).sum();
        self.points.drain(..POINTS);
        sample
    }

    fn advance(&mut self) {
        let turns = turns_of(self.next, self.step) - self.late;
        self.points.push_back(self.wave.at(turns));
        self.next += 1;
    }
}

/// Where a point lies, in turns of the mains: half way between its bounds, so that an edge on a bound is halved.
fn turns_of(point: i64, step: f64) -> f64 {
    (point as f64 + 0.5) / POINTS as f64 * step
}

/// The mean product of two waves about sample `index`, from half a sample before it to half a sample after it.
pub(super) fn power_about(index: u64, step: f64, u: &Wave, i: &Wave) -> f64 {
    let half = (POINTS / 2) as i64;
    let middle = index as i64 * POINTS as i64;
    let product = |point: i64| {
        let turns = turns_of(point, step);
        u.at(turns) * i.at(turns)
    };
    (middle - half..middle + half).map(product).sum::<f64>() / POINTS as f64
}

fn taps() -> Vec<f64> {
    let reach = (REACH * POINTS) as i64;
    let tap = |point: i64| {
        let x = (point as f64 + 0.5) / POINTS as f64;
        let within = 1.0 - (x / REACH as f64).powi(2);
        (PI * x).sin() / (PI * x) * bessel(KAISER * within.max(0.0).sqrt())
    };
    let taps: Vec<f64> = (-reach..reach).map(tap).collect();
    let gain: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / gain).collect()
}

/// The modified Bessel function of the first kind of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let terms = (1..40).scan(1.0, |term, n| {
        *term *= (x / 2.0 / f64::from(n)).powi(2);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::wave::Gate;
    use super::*;
    use std::f64::consts::{SQRT_2, TAU};

    const STEP: f64 = 50.0 / 8000.0;

    fn samples(wave: &Wave, count: usize) -> Vec<f64> {
        let mut banded = Banded::new(wave, STEP, 0.0);
        (0..count).map(|_| banded.next_sample()).collect()
    }

    /// In-phase and quadrature RMS values of an order of 160 samples a cycle.
    fn line(samples: &[f64], order: f64) -> (f64, f64) {
        let angle = |n: usize| n as f64 * STEP * order * TAU;
        let of = |f: fn(f64) -> f64| samples.iter().enumerate().map(|(n, x)| x * f(angle(n))).sum::<f64>();
        let scale = SQRT_2 / samples.len() as f64;
        (of(f64::sin) * scale, of(f64::cos) * scale)
    }

    #[test]
    fn a_fired_current_has_the_fundamental_of_theory_wherever_its_edges_lie_between_samples() {
        for shift in [0.0, 0.1, 0.25, 0.5, 0.77] {
            // By so many samples the edges are beside one.
            let lead = shift * STEP * TAU;
            let current = samples(&Wave::sine(10.0, lead).gated(Gate::PhaseFired), 160 * 8);
            let (sine, cosine) = line(&current, 1.0);
            let (along, across) =
                (sine * lead.cos() + cosine * lead.sin(), cosine * lead.cos() - sine * lead.sin());
            assert!((along - 5.0).abs() < 0.01, "{shift}: {along}");
            assert!((across + 10.0 / PI).abs() < 0.01, "{shift}: {across}");
        }
    }

    #[test]
    fn what_lies_above_the_band_does_not_come_back_below_it() {
        // The harmonics of a fired current are odd; whatever else is seen was folded.
        let wave = Wave::sine(10.0, 0.3 * STEP * TAU).gated(Gate::PhaseFired);
        let current = samples(&wave, 160 * 8);
        for order in (2..=60).step_by(2) {
            let (sine, cosine) = line(&current, f64::from(order));
            assert!(sine.hypot(cosine) < 1e-3, "order {order}: {}", sine.hypot(cosine));
        }
        let plain = Wave::sine(1.0, 0.0).with(100.0, 1.0, 0.4);
        let (sine, cosine) = line(&samples(&plain, 160 * 8), 60.0);
        assert!(sine.hypot(cosine) < 1e-3, "5 kHz at 3 kHz: {}", sine.hypot(cosine));
    }

    #[test]
    fn the_power_about_a_sample_sums_to_that_of_theory() {
        let (u, i) = (Wave::sine(230.0, 0.0), Wave::sine(10.0, 0.0).gated(Gate::PhaseFired));
        let power = (0..1600).map(|n| power_about(n, STEP, &u, &i)).sum::<f64>() / 1600.0;
        assert!((power - 1150.0).abs() < 0.2, "{power}");
    }
}
