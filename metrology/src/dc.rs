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
    /// 2 to 32 - shift: the upper word of a product with it is shifted.
    factor: u32,
    /// What the last sample lost by rounding down.
    rest: u32,
    /// Samples that had to be limited.
    limited: u64,
}

impl DcBlocker {
    /// A filter for `sample_rate_hz`: its corner lies between 0.08 and 0.16 Hz.
    pub(crate) const fn new(sample_rate_hz: u32) -> Self {
        let shift = sample_rate_hz.ilog2() + 1;
        Self { dc: 0, factor: 1 << (32 - shift), rest: HALF, limited: 0 }
    }

    /// Samples so far that had to be limited to ±[`SAMPLE_MAX`].
    pub(crate) const fn limited(&self) -> u64 {
        self.limited
    }

    /// The sample, with [`FRACTION`] fractional bits and at most 2^29 steps in magnitude, without DC and in whole steps.
    #[inline(always)]
    pub(crate) fn filter(&mut self, sample: i64) -> i32 {
        let error = sample - self.dc;
        let step = shifted(error, self.factor);
        self.dc += step;
        let high = error - (step >> 1);
        // What rounding takes from this sample it gives to the next: a small correction of whole samples would otherwise be
        // rounded alike in every cycle. Sample and estimate are both at most 2^29: their difference fits.
        let total = high + i64::from(self.rest);
        let rounded = (total >> FRACTION) as i32;
        self.rest = total as u32 & ((1 << FRACTION) - 1);
        if rounded.unsigned_abs() > SAMPLE_MAX as u32 {
            return self.limit(rounded);
        }
        rounded
    }

    #[inline(never)]
    const fn limit(&mut self, sample: i32) -> i32 {
        self.limited += 1;
        if sample < 0 { -SAMPLE_MAX } else { SAMPLE_MAX }
    }
}

/// `value >> shift` for a factor of 2 to 32 - shift, in three instructions where registers have 32 bits.
const fn shifted(value: i64, factor: u32) -> i64 {
    let low = (value as u32 as u64 * factor as u64) >> 32;
    (value >> 32) as i32 as i64 * factor as i32 as i64 + low as i64
}

/// Fractional bits of a sample: those of a gain, so that a product with one needs no shift.
pub(crate) const FRACTION: u32 = 30;
const HALF: u32 = 1 << (FRACTION - 1);

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
            let y = filter.filter(i64::from(x) << FRACTION);
            if n >= 8000 * 19 {
                energy += f64::from(y) * f64::from(y);
                sum += i64::from(y);
            }
        }
        let gain = (energy / 8000.0 * 2.0).sqrt() / 1e6;
        assert_eq!(filter.limited(), 0);
        assert!((gain - 1.0).abs() < 6e-6, "gain {gain}");
        assert!(sum.abs() < 8000, "mean {}", sum / 8000);
    }

    #[test]
    fn the_short_shift_is_the_shift() {
        let top = 1 << 60;
        for value in [0, 1, -1, top, -top, top - 1, 0x1234_5678_9ABC, -0x1234_5678_9ABC, 1 << 32, -1 << 32] {
            assert!((9..15).all(|shift| shifted(value, 1 << (32 - shift)) == value >> shift), "{value}");
        }
    }

    #[test]
    fn what_no_converter_gives_is_limited_and_counted() {
        const TOP: i64 = 1 << (29 + FRACTION);
        let mut filter = DcBlocker::new(400);
        assert_eq!((filter.filter(TOP), filter.limited()), (SAMPLE_MAX, 1));
        for n in 0..100_000 {
            filter.filter(if n % 3 == 0 { -TOP } else { TOP });
        }
        let before = filter.limited();
        assert_eq!((filter.filter(-TOP), filter.limited()), (-SAMPLE_MAX, before + 1));
    }
}
