//! Removal of DC: a first-order high-pass, the same in both channels so that no phase error arises.

use crate::specs::SAMPLE_MAX;

/// High-pass with corner `fs / (2π · 2^shift)`.
///
/// The DC estimate is a low-pass of the input; half of its step belongs to the past and half to the
/// present sample, which makes the filter the bilinear one and its gain at the mains `1 - (fc/f)²/2`
/// instead of `1 ± 2^-shift/2`.
#[derive(Clone, Debug)]
pub(crate) struct DcBlocker {
    /// DC estimate, in steps with [`FRACTION`] fractional bits.
    dc: i64,
    shift: u32,
    /// What the last sample lost by rounding down.
    rest: i64,
}

impl DcBlocker {
    /// A filter for `sample_rate_hz`: its corner lies between 0.08 and 0.16 Hz.
    pub(crate) const fn new(sample_rate_hz: u32) -> Self {
        Self { dc: 0, shift: sample_rate_hz.ilog2() + 1, rest: HALF }
    }

    /// The sample without DC, and whether it had to be limited to ±[`SAMPLE_MAX`].
    pub(crate) fn filter(&mut self, sample: i32) -> (i32, bool) {
        let sample = sample.clamp(-INPUT_MAX - 1, INPUT_MAX);
        let error = (i64::from(sample) << FRACTION) - self.dc;
        let step = shifted(error, self.shift);
        self.dc += step;
        let high = error - (step >> 1);
        // What rounding takes from this sample it gives to the next: a small correction of whole samples would otherwise be
        // rounded alike in every cycle. Sample and estimate are both below 2^29: their difference fits.
        let total = high + self.rest;
        let rounded = (total >> FRACTION) as i32;
        self.rest = total & ((1 << FRACTION) - 1);
        let limited = rounded.clamp(-SAMPLE_MAX, SAMPLE_MAX);
        (limited, limited != rounded)
    }
}

/// `value >> shift` for shifts below 32, in few instructions where registers have 32 bits.
const fn shifted(value: i64, shift: u32) -> i64 {
    let (high, low) = ((value >> 32) as i32, value as u32);
    let low = (low >> (shift & 31)) | ((high as u32) << ((32 - shift) & 31));
    ((high >> (shift & 31)) as i64) << 32 | low as i64
}

/// Samples are limited to this before anything else: sixteen times what is limited afterwards.
const INPUT_MAX: i32 = (1 << 29) - 1;
const FRACTION: u32 = 24;
const HALF: i64 = 1 << (FRACTION - 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_forgotten_and_a_wave_kept() {
        let mut filter = DcBlocker::new(8000);
        let wave = |n: u32| f64::from(n % 160) * ::core::f64::consts::TAU / 160.0;
        let (mut energy, mut sum) = (0.0, 0);
        for n in 0..8000 * 20 {
            let x = 300_000 + (1_000_000.0 * wave(n).sin()).round() as i32;
            let (y, limited) = filter.filter(x);
            assert!(!limited);
            if n >= 8000 * 19 {
                energy += f64::from(y) * f64::from(y);
                sum += i64::from(y);
            }
        }
        let gain = (energy / 8000.0 * 2.0).sqrt() / 1e6;
        assert!((gain - 1.0).abs() < 6e-6, "gain {gain}");
        assert!(sum.abs() < 8000, "mean {}", sum / 8000);
    }

    #[test]
    fn the_short_shift_is_the_shift() {
        for value in [0, 1, -1, i64::MAX >> 8, i64::MIN >> 8, 0x1234_5678_9ABC, -0x1234_5678_9ABC] {
            assert!((1..32).all(|shift| shifted(value, shift) == value >> shift));
        }
    }

    #[test]
    fn what_no_converter_gives_is_limited_and_told() {
        let mut filter = DcBlocker::new(400);
        assert_eq!(filter.filter(i32::MAX), (SAMPLE_MAX, true));
        for n in 0..100_000 {
            filter.filter(if n % 3 == 0 { i32::MIN } else { i32::MAX });
        }
        assert!(filter.filter(i32::MIN).1);
    }
}
