//! The sums of products over whole cycles.

use crate::calibration::ElementCalibration;
use crate::crossing::Lag;
use crate::oscillator::{SINE_FRACTION, cosine, sine};
use crate::phasor::Phasor;

/// Sums of products of one element. Cannot overflow: see [`crate::specs::WINDOW_SAMPLES_MAX`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) uu: i64,
    pub(crate) ii: i64,
    pub(crate) ui: i64,
    /// Products with cosine and sine of the oscillator.
    uc: i64,
    us: i64,
    ic: i64,
    is: i64,
}

impl Sums {
    fn add(&mut self, [u, i]: [i32; 2], c: i64, s: i64) {
        let (u, i) = (i64::from(u), i64::from(i));
        self.uu += u * u;
        self.ii += i * i;
        self.ui += u * i;
        self.uc += u * c;
        self.us += u * s;
        self.ic += i * c;
        self.is += i * s;
    }

    /// Takes off what the channels themselves contribute: noise and crosstalk.
    fn correct(&mut self, calibration: &ElementCalibration, samples: i64) {
        self.uu = (self.uu - calibration.voltage.noise.saturating_mul(samples)).max(0);
        self.ii = (self.ii - calibration.current.noise.saturating_mul(samples)).max(0);
        self.ui = self.ui.saturating_sub(calibration.active_offset.saturating_mul(samples) >> 16);
    }
}

/// A window of ten cycles of all elements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    samples: u32,
    /// By how much the first sample lagged the crossing at which the window began; `None` when it did not begin at one.
    start: Option<Lag>,
    elements: [Sums; 3],
    /// Of the current of the neutral, and of a quarter of the sum of the phases.
    neutral: i64,
    residual: i64,
    /// Products of sine and cosine with themselves.
    cc: i64,
    cs: i64,
    ss: i64,
}

impl Window {
    /// A window whose first sample lags the crossing at its beginning by `start`.
    pub(crate) fn beginning(start: Option<Lag>) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds one sample of each of the first `N` elements and of the neutral, all within ±[`crate::specs::SAMPLE_MAX`], at a phase
    /// of the oscillator.
    pub(crate) fn add<const N: usize>(&mut self, pairs: &[[i32; 2]; 3], neutral: i32, phase: u32) {
        let (c, s) = (i64::from(cosine(phase)), i64::from(sine(phase)));
        self.cc += c * c;
        self.cs += c * s;
        self.ss += s * s;
        for (element, &pair) in self.elements.iter_mut().zip(pairs).take(N) {
            element.add(pair, c, s);
        }
        self.neutral += i64::from(neutral) * i64::from(neutral);
        if N == 3 {
            let quarter = i64::from((pairs[0][1] + pairs[1][1] + pairs[2][1]) >> 2);
            self.residual += quarter * quarter;
        }
        self.samples += 1;
    }

    /// It no longer counts as begun at a crossing.
    pub(crate) const fn forget_start(&mut self) {
        self.start = None;
    }

    /// Samples so far.
    pub(crate) const fn samples(&self) -> u32 {
        self.samples
    }

    /// The sum of u·i of an element so far, in squared steps · samples, less its offset.
    pub(crate) const fn ui(&self, element: usize, calibration: &ElementCalibration) -> i64 {
        let offset = calibration.active_offset.saturating_mul(self.samples as i64) >> 16;
        self.elements[element].ui.saturating_sub(offset)
    }

    /// The whole window; the next sample lags its end by `end`.
    pub(crate) fn finish(&self, end: Lag, calibrations: [&ElementCalibration; 3]) -> Finished {
        let start = self.start.unwrap_or(0);
        let duration =
            ((u64::from(self.samples) << 16) + u64::from(start)).saturating_sub(u64::from(end)).max(1);
        let mut elements: [ElementSums; 3] = Default::default();
        for (n, element) in elements.iter_mut().enumerate() {
            let mut sums = self.elements[n].clone();
            sums.correct(calibrations[n], i64::from(self.samples));
            *element = ElementSums {
                uu: sums.uu,
                ii: sums.ii,
                ui: sums.ui,
                u: self.fit(sums.uc, sums.us),
                i: self.fit(sums.ic, sums.is),
            };
        }
        let samples = self.samples;
        let (neutral, residual) = (self.neutral, self.residual);
        Finished { samples, duration, whole: self.start.is_some(), elements, neutral, residual }
    }

    /// The sinusoid that fits best (least squares) a channel with these sums: exact for a sinusoid in a window of any length, so
    /// that a window need not begin and end at the very crossings.
    fn fit(&self, xc: i64, xs: i64) -> Phasor {
        const REDUCE: u32 = 20;
        let (cc, cs, ss) =
            (i128::from(self.cc >> REDUCE), i128::from(self.cs >> REDUCE), i128::from(self.ss >> REDUCE));
        let determinant = (cc * ss - cs * cs).max(1);
        let (xc, xs) = (i128::from(xc), i128::from(xs));
        let solve = |numerator: i128| (numerator << (SINE_FRACTION + FIT_FRACTION - REDUCE)) / determinant;
        Phasor { re: solve(xs * cc - xc * cs) as i64, im: solve(xc * ss - xs * cs) as i64 }
    }
}

/// Fractional bits of the phasors of [`ElementSums`].
pub(crate) const FIT_FRACTION: u32 = 12;

/// A finished window.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) samples: u32,
    /// From crossing to crossing, in samples with 16 fractional bits.
    pub(crate) duration: u64,
    /// Whether it began at a crossing.
    pub(crate) whole: bool,
    pub(crate) elements: [ElementSums; 3],
    pub(crate) neutral: i64,
    pub(crate) residual: i64,
}

/// What a finished window says about an element.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ElementSums {
    pub(crate) uu: i64,
    pub(crate) ii: i64,
    pub(crate) ui: i64,
    /// Fundamentals, peak values in steps with [`FIT_FRACTION`] fractional bits.
    pub(crate) u: Phasor,
    pub(crate) i: Phasor,
}

impl ElementSums {
    /// Sum of the reactive power of the fundamental over `samples`, in squared steps · samples.
    pub(crate) const fn reactive(&self, samples: u32, offset: i64) -> i128 {
        let twice = self.u.cross(self.i) >> FIT_FRACTION;
        ((twice * samples as i128) >> (FIT_FRACTION + 1)) - ((offset as i128 * samples as i128) >> 16)
    }

    /// Sum of the product of the RMS values over the window, in squared steps · samples.
    pub(crate) const fn apparent(&self) -> u128 {
        (self.uu.unsigned_abs() as u128 * self.ii.unsigned_abs() as u128).isqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oscillator::Oscillator;
    use core::f64::consts::TAU;

    #[test]
    fn the_fit_is_exact_in_windows_of_any_length() {
        for samples in [160, 233, 1600, 1607, 3000] {
            let (mut window, mut oscillator) = (Window::beginning(None), Oscillator::new(51, 8000));
            for n in 0..samples {
                let angle = f64::from(n) * 51.0 / 8000.0 * TAU;
                let wave = |peak: f64, lead: f64| (peak * (angle + lead.to_radians()).sin()).round() as i32;
                let pair = [wave(8e6, 0.0), wave(4e6, -60.0)];
                window.add::<1>(&[pair, [0; 2], [0; 2]], 0, oscillator.phase());
                oscillator.advance();
            }
            let element = window.finish(0, [&ElementCalibration::default(); 3]).elements[0];
            let scale = f64::from(1 << FIT_FRACTION);
            assert!((element.u.magnitude() as f64 / scale / 8e6 - 1.0).abs() < 2e-6, "{samples}");
            assert!((element.u.angle() as i32).abs() < 2_000, "{samples}: {}", element.u.angle() as i32);
            let reactive = element.reactive(samples, 0) as f64 / f64::from(samples);
            let truth = 8e6 * 4e6 / 2.0 * (60f64).to_radians().sin();
            assert!((reactive / truth - 1.0).abs() < 2e-6, "{samples}: {reactive} {truth}");
        }
    }
}
