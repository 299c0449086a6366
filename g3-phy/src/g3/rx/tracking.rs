//! Tracking of the other clock.

use super::heard::Anchor;
use crate::dsp::lanes::sum;
use crate::dsp::{Complex, Kernel, TURNS_MAX, Turns, body};
use crate::g3::specs::{FFT_LEN, SYMBOL_HOP};
use crate::ofdm::{Dpsk, Keying};

/// Follows by how many samples the windows come late, from the phases of the carriers against those of the preamble.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracking {
    kernel: Kernel,
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
        let kernel = Kernel::fastest();
        Self { kernel, keying, rate: anchor.rate * SYMBOL_HOP as f32, late: 0.0, moved: 0 }
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
        let votes = Votes { carriers, first, silent, anchor };
        let scale = core::f32::consts::TAU / FFT_LEN as f32;
        let (turned, lever) = self.kernel.run::<Count, _>((&votes, self.keying, scale * expected));
        let delay = turned / (lever * scale);
        if delay.is_finite() { delay.clamp(-SURPRISE_MAX, SURPRISE_MAX) } else { 0.0 }
    }
}

/// What the carriers of a symbol say about its delay.
struct Votes<'a> {
    carriers: &'a [Complex<f32>],
    first: usize,
    silent: u128,
    anchor: &'a Anchor,
}

impl Votes<'_> {
    /// What [`count`](Self::count) gives for a keying.
    #[inline(always)]
    fn count_all((votes, keying, angle): (&Self, Keying, f32)) -> (f32, f32) {
        match keying {
            Keying::Psk(keying) if keying.bits() == 1 => votes.count(angle, doubtful),
            Keying::Psk(keying) if keying.bits() == 2 => votes.count(angle, off_four),
            Keying::Psk(_) => votes.count(angle, off_eight),
            keying => votes.count(angle, |product, power, _| off(product, keying.nearest(product, power))),
        }
    }

    /// Sums over the carriers, once they are turned back by `angle` for each index: of their errors, weighed by their index
    /// and their trust, and of what an error of one would be. `error` takes a product of a carrier and its gain, the power
    /// of the gain, and the trust.
    #[inline(always)]
    fn count(&self, angle: f32, error: impl Fn(Complex<f32>, f32, f32) -> f32) -> (f32, f32) {
        let mut back = Turns::new();
        let len = self.carriers.len();
        let (re, im) = back.set(-angle * self.first as f32, -angle, len);
        let (mut turned, mut lever) = ([0f32; CARRIERS_MAX], [0f32; CARRIERS_MAX]);
        let (turned, lever) = (&mut turned[..len], &mut lever[..len]);
        let known =
            self.carriers.iter().zip(&self.anchor.gains).zip(&self.anchor.noise).zip(re.iter().zip(im));
        for (n, ((((&carrier, gain), &noise), (&re, &im)), (turned, lever))) in
            known.zip(turned.iter_mut().zip(&mut *lever)).enumerate()
        {
            let (k, trust, power) = ((self.first as i32 + n as i32) as f32, 1.0 / noise, gain.norm_sqr());
            let product = carrier * gain.conj() * Complex { re, im };
            (*turned, *lever) = (k * trust * error(product, power, trust), k * trust * k * power);
        }
        let mut silent = self.silent;
        while silent != 0 {
            let n = silent.trailing_zeros() as usize;
            (turned[n], lever[n]) = (0.0, 0.0);
            silent &= silent - 1;
        }
        (sum(turned), sum(lever))
    }
}

body!(Count = Votes::count_all, (&Votes<'_>, Keying, f32) => (f32, f32));

/// The imaginary part of `product` once its sign is off. Doubtful signs count by their likelihood.
#[inline(always)]
fn doubtful(product: Complex<f32>, _: f32, trust: f32) -> f32 {
    let doubt = 2.0 * product.re * trust;
    product.im * doubt.clamp(-1.0, 1.0)
}

#[inline(always)]
fn off_four(product: Complex<f32>, _: f32, _: f32) -> f32 {
    off(product, Dpsk::new(2).nearest(product))
}

#[inline(always)]
fn off_eight(product: Complex<f32>, _: f32, _: f32) -> f32 {
    off(product, Dpsk::new(3).nearest(product))
}

/// The imaginary part of `product` once the data is off.
#[inline(always)]
fn off(product: Complex<f32>, data: Complex<f32>) -> f32 {
    (product * data.conj()).im
}

/// No band has more carriers.
const CARRIERS_MAX: usize = TURNS_MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::turn;
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
