//! Tracking of the other clock.

use super::heard::Anchor;
use crate::dsp::{Complex, turns};
use crate::g3::specs::{FFT_LEN, SYMBOL_HOP};
use crate::ofdm::Keying;

/// Follows by how many samples the windows come late, from the phases of the carriers against those of the preamble.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracking {
    keying: Keying,
    /// Samples per symbol.
    rate: f32,
    /// Samples by which the last symbol was late.
    late: f32,
    /// Samples by which the windows have been moved.
    moved: i64,
}

/// No clock drifts faster, in samples per sample: twice the 50 ppm of two clocks at the edge of the standard.
const DRIFT_MAX: f32 = 100e-6;
/// Share of a new measurement in the delay.
const GAIN: f32 = 0.1;
/// Share of a new measurement in the rate.
const RATE_GAIN: f32 = 0.004;
/// A single measurement counts for no more samples than this.
const SURPRISE_MAX: f32 = 0.5;

impl Tracking {
    /// At the end of the header, whose anchor says how fast the windows come late.
    pub(super) fn from(anchor: &Anchor, keying: Keying) -> Self {
        Self { keying, rate: anchor.rate * SYMBOL_HOP as f32, late: 0.0, moved: 0 }
    }

    /// Symbols from here on are keyed this way.
    pub(super) fn set_keying(&mut self, keying: Keying) {
        self.keying = keying;
    }

    /// Samples by which the next window must be moved against the regular distance.
    pub(super) fn moved(&self) -> i64 {
        self.moved
    }

    /// Takes the `carriers` of the next symbol, in the frame of reference of the anchor. Returns by how many samples their
    /// window was late in it. Those at the positions of `silent` have no vote.
    pub(super) fn update(
        &mut self,
        carriers: &[Complex<f32>],
        first: usize,
        silent: u128,
        anchor: &Anchor,
    ) -> f32 {
        let expected = self.late + self.rate;
        let surprise = self.surprise(carriers, first, silent, anchor, expected);
        let limit = DRIFT_MAX * SYMBOL_HOP as f32;
        self.rate = (self.rate + RATE_GAIN * surprise).clamp(-limit, limit);
        self.late = expected + GAIN * surprise;
        self.moved = -libm::roundf(self.late) as i64;
        self.late
    }

    /// By how many samples the symbol is later than `expected`: a delay of d samples turns carrier k by 2πkd/256.
    fn surprise(
        &self,
        carriers: &[Complex<f32>],
        first: usize,
        silent: u128,
        anchor: &Anchor,
        expected: f32,
    ) -> f32 {
        let scale = core::f32::consts::TAU / FFT_LEN as f32;
        let mut back = [Complex::default(); CARRIERS_MAX];
        turns(-scale * expected * first as f32, -scale * expected, &mut back[..carriers.len()]);
        let (mut turned, mut lever) = (0.0, 0.0);
        for (n, (((&carrier, &gain), &noise), &back)) in
            carriers.iter().zip(&anchor.gains).zip(&anchor.noise).zip(&back).enumerate()
        {
            let (k, product, trust) = ((first + n) as f32, carrier * gain.conj() * back, 1.0 / noise);
            let vote = if silent >> n & 1 == 0 { k * trust } else { 0.0 };
            turned += vote * self.error(product, gain.norm_sqr(), trust);
            lever += vote * k * gain.norm_sqr();
        }
        let delay = turned / (lever * scale);
        if delay.is_finite() { delay.clamp(-SURPRISE_MAX, SURPRISE_MAX) } else { 0.0 }
    }

    /// The imaginary part of `product` once the data is off. Doubtful signs count by their likelihood.
    fn error(&self, product: Complex<f32>, power: f32, trust: f32) -> f32 {
        if self.keying.bits() == 1 {
            let doubt = 2.0 * product.re * trust;
            return product.im * doubt.clamp(-1.0, 1.0);
        }
        (product * self.keying.nearest(product, power).conj()).im
    }
}

/// No band has more carriers.
const CARRIERS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::turn;
    use crate::ofdm::Dpsk;
    use std::vec;
    use std::vec::Vec;

    /// Windows that come `rate` samples later in each symbol, for 252 symbols; where they are moved to.
    fn moved(rate: f32, start: f32) -> i64 {
        let gains = vec![Complex::new(0.6, 0.8); 36];
        let anchor = Anchor { gains, noise: vec![0.3; 36], opposite: vec![false; 36], rate: start };
        let mut tracking = Tracking::from(&anchor, Keying::Psk(Dpsk::new(1)));
        for symbol in 1..=252 {
            let carrier = |k: usize| {
                let sign = if (k * symbol).is_multiple_of(3) { -1.0 } else { 1.0 };
                turn(core::f32::consts::TAU * (k as f32 * rate * symbol as f32 / 256.0))
                    * anchor.gains[0]
                    * sign
            };
            let carriers: Vec<_> = (23..59).map(carrier).collect();
            tracking.update(&carriers, 23, 0, &anchor);
        }
        tracking.moved()
    }

    #[test]
    fn the_windows_follow_a_clock_fifty_ppm_off() {
        // 3.5 samples over the frame.
        let rate = 50e-6 * 278.0 * 1.02;
        assert_eq!((moved(rate, 0.0), moved(-rate, 0.0), moved(0.0, 30e-6)), (-4, 4, 0));
    }

    #[test]
    fn no_measurement_drives_the_windows_faster_than_clocks_can_drift() {
        assert!(moved(2.0, 0.0).abs() <= 32 && moved(f32::NAN, 0.0).abs() <= 7);
    }
}
