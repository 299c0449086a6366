//! Tracking of the other clock.

use crate::dsp::Complex;

/// Follows the difference between two sample clocks by the slope of phase over the carriers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracking {
    /// Samples that the windows come later in each symbol than in the one before.
    rate: f32,
    /// Samples that the windows are late by now.
    late: f32,
}

/// No clock drifts faster, in samples per sample: twice the 50 ppm of two clocks at the edge of the standard.
const DRIFT_MAX: f32 = 100e-6;
/// Share of a new measurement in the rate.
const GAIN: f32 = 1.0 / 32.0;

/// Sums over the carriers of one symbol.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slope {
    turned: f32,
    lever: f32,
}

impl Slope {
    /// Adds the carrier of index `k` whose product with its predecessor is `product` once the data is off. A delay of `d`
    /// samples turns it by 2πkd/256.
    pub(super) fn add(&mut self, k: usize, product: Complex<f32>, weight: f32) {
        let k = k as f32;
        self.turned += k * product.im * weight;
        self.lever += k * k * product.re * weight;
    }

    /// Samples of delay, for a transform of `len` points.
    fn delay(&self, len: usize) -> f32 {
        if self.lever > 0.0 { self.turned / self.lever * len as f32 / core::f32::consts::TAU } else { 0.0 }
    }
}

impl Tracking {
    /// Takes the slope of one symbol of `len` points, `hop` samples after the one before. Returns by how many samples the
    /// next window must move.
    pub(super) fn update(&mut self, slope: &Slope, len: usize, hop: usize) -> i64 {
        let limit = DRIFT_MAX * hop as f32;
        self.rate = (self.rate + GAIN * (slope.delay(len) - self.rate)).clamp(-limit, limit);
        self.late += self.rate;
        let step = if self.late > 0.5 { -1 } else { i64::from(self.late < -0.5) };
        self.late += step as f32;
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows that come `rate` samples later in each symbol, for 252 symbols; the sum of all corrections.
    fn corrected(rate: f32) -> i64 {
        let mut tracking = Tracking::default();
        let symbol = |_| {
            let mut slope = Slope::default();
            for k in 23..59 {
                let angle = core::f32::consts::TAU * k as f32 * rate / 256.0;
                slope.add(k, Complex::new(libm::cosf(angle), libm::sinf(angle)), 0.7);
            }
            tracking.update(&slope, 256, 278)
        };
        (0..252).map(symbol).sum()
    }

    #[test]
    fn the_windows_follow_a_clock_fifty_ppm_off() {
        // 3.5 samples over the frame, less what passes while the loop settles.
        assert_eq!((corrected(50e-6 * 278.0), corrected(-50e-6 * 278.0), corrected(0.0)), (-3, 3, 0));
    }

    #[test]
    fn no_measurement_drives_the_windows_faster_than_clocks_can_drift() {
        assert!(corrected(2.0).abs() <= 7 && corrected(f32::NAN).abs() <= 7);
    }
}
