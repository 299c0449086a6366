//! A frequency response as a real filter of finite length.

use crate::Complex64;
use core::f64::consts::TAU;
use core::ops::RangeInclusive;

/// How responses become filters: weighted least squares over a grid of frequencies, in the band with weight
/// one, outside with a thousandth of it. Built once, used for every link of a medium.
#[derive(Clone, Debug)]
pub struct FirDesign {
    rate: f64,
    taps: usize,
    /// Frequency (Hz) and weight of the grid.
    grid: Vec<(f64, f64)>,
    /// Lower triangle of the Cholesky factor of the normal equations, row by row.
    factor: Vec<f64>,
}

/// A causal filter after a whole number of samples of delay.
#[derive(Clone, Debug, PartialEq)]
pub struct Fir {
    /// Samples of delay before the first tap.
    pub delay: usize,
    /// The impulse response, first tap first.
    pub taps: Vec<f32>,
}

impl FirDesign {
    /// A design for filters of `taps` (16 to 512) at `rate` Hz that are exact in `band` (Hz).
    ///
    /// # Panics
    /// On a number of taps or a band outside these limits: a mistake in the program.
    pub fn new(rate: u32, taps: usize, band: RangeInclusive<f64>) -> Self {
        assert!((16..=512).contains(&taps), "taps: 16 to 512, not {taps}");
        let rate = f64::from(rate);
        assert!(*band.start() >= 0.0 && *band.end() <= rate / 2.0, "the band must lie below half the rate");
        let points = 2 * taps;
        let frequency = |k: usize| (k as f64 + 0.5) / points as f64 * rate / 2.0;
        let weight = |hz: &f64| if band.contains(hz) { 1.0 } else { OUT_OF_BAND_WEIGHT };
        let grid: Vec<_> = (0..points).map(frequency).map(|hz| (hz, weight(&hz))).collect();
        let factor = cholesky(&normal_row(&grid, rate, taps));
        Self { rate, taps, grid, factor }
    }

    /// CENELEC-A at 400 kHz, exact from 30 to 100 kHz.
    pub fn cenelec(taps: usize) -> Self {
        Self::new(400_000, taps, 30e3..=100e3)
    }

    /// FCC at 1.2 MHz, exact from 140 to 500 kHz.
    pub fn fcc(taps: usize) -> Self {
        Self::new(1_200_000, taps, 140e3..=500e3)
    }

    /// Samples per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Samples by which every filter is later than its response, so that the ringing of a band-limited
    /// fraction of a sample has room before the main tap.
    pub fn lead(&self) -> usize {
        self.taps / 8
    }

    /// The filter of `response` (by frequency in Hz) whose first wave arrives after `delay_s` seconds.
    pub fn design(&self, delay_s: f64, response: impl Fn(f64) -> Complex64) -> Fir {
        let delay = (delay_s * self.rate).floor().max(0.0) as usize;
        let advance = delay as f64 - self.lead() as f64;
        let mut right = vec![0.0; self.taps];
        for &(hz, weight) in &self.grid {
            let omega = TAU * hz / self.rate;
            let step = Complex64::from_polar(1.0, omega);
            let mut wanted = response(hz) * Complex64::from_polar(weight, omega * advance);
            for value in &mut right {
                *value += wanted.re;
                wanted *= step;
            }
        }
        solve(&self.factor, &mut right);
        Fir { delay, taps: right.iter().map(|tap| *tap as f32).collect() }
    }
}

impl Fir {
    /// The response of the filter at `hz`, with its delay, for samples at `rate` Hz.
    pub fn response(&self, hz: f64, rate: f64) -> Complex64 {
        let omega = TAU * hz / rate;
        let term = |(n, tap): (usize, &f32)| {
            Complex64::from_polar(f64::from(*tap), -omega * (n + self.delay) as f64)
        };
        self.taps.iter().enumerate().map(term).sum()
    }

    /// Samples until the last trace of an impulse has passed.
    pub fn memory(&self) -> usize {
        self.delay + self.taps.len()
    }
}

/// Weight of the grid outside the band: keeps the filter tame where nobody listens.
const OUT_OF_BAND_WEIGHT: f64 = 1e-3;

/// Added to the diagonal, relative to it: keeps the equations solvable.
const RIDGE: f64 = 1e-10;

/// First row of the normal equations, a symmetric Toeplitz matrix.
fn normal_row(grid: &[(f64, f64)], rate: f64, taps: usize) -> Vec<f64> {
    let entry =
        |lag: usize| grid.iter().map(|(hz, weight)| weight * (TAU * hz / rate * lag as f64).cos()).sum();
    let mut row: Vec<f64> = (0..taps).map(entry).collect();
    row[0] *= 1.0 + RIDGE;
    row
}

/// Cholesky factor of the symmetric Toeplitz matrix with this first row.
fn cholesky(row: &[f64]) -> Vec<f64> {
    let size = row.len();
    let mut factor = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| factor[i * size + k] * factor[j * size + k]).sum();
            let rest = row[i - j] - done;
            factor[i * size + j] =
                if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / factor[j * size + j] };
        }
    }
    factor
}

/// Solves L Lᵀ x = `right` in place.
fn solve(factor: &[f64], right: &mut [f64]) {
    let size = right.len();
    for i in 0..size {
        let done: f64 = (0..i).map(|k| factor[i * size + k] * right[k]).sum();
        right[i] = (right[i] - done) / factor[i * size + i];
    }
    for i in (0..size).rev() {
        let done: f64 = (i + 1..size).map(|k| factor[k * size + i] * right[k]).sum();
        right[i] = (right[i] - done) / factor[i * size + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_delay_of_any_fraction_is_exact_in_the_band() {
        let design = FirDesign::cenelec(64);
        for delay in [0.0, 0.3e-6, 4.1e-6, 61.7e-6] {
            let wanted = |hz: f64| Complex64::from_polar(1.0, -TAU * hz * delay);
            let fir = design.design(delay, wanted);
            for k in 0..57 {
                let hz = 35e3 + 1e3 * f64::from(k);
                let lead = Complex64::from_polar(1.0, -TAU * hz * design.lead() as f64 / design.rate());
                let error = (fir.response(hz, design.rate()) - wanted(hz) * lead).norm();
                assert!(error < 1e-3, "{delay} {hz} {error}");
            }
        }
    }

    #[test]
    fn the_whole_part_of_the_delay_is_not_spent_on_taps() {
        let fir = FirDesign::cenelec(64).design(100e-6, |hz| Complex64::from_polar(1.0, -TAU * hz * 100e-6));
        assert_eq!((fir.delay, fir.taps.len(), fir.memory()), (40, 64, 104));
    }
}
