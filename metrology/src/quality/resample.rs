//! The samples of a window of ten cycles as 2048 points that divide it evenly.

use super::fft::POINTS;

/// Samples that are kept of each channel.
pub(crate) const RING: usize = 2560;
/// The longest window that can be analysed, in samples: ten cycles of 40 Hz at 8 kHz.
pub(crate) const LONGEST: u32 = 2048;
/// Samples that interpolation needs after a point.
const AFTER: u64 = 4;

/// The newest samples of one channel.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// Behind the end stand the first ones once more, so that the eight samples of a point are always in a row.
    samples: [i32; RING + TAPS_LEN],
    at: usize,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        Self { samples: [0; RING + TAPS_LEN], at: 0 }
    }

    pub(crate) const fn push(&mut self, sample: i32) {
        self.samples[self.at] = sample;
        if self.at < TAPS_LEN {
            self.samples[self.at + RING] = sample;
        }
        self.at = if self.at + 1 == RING { 0 } else { self.at + 1 };
    }

    /// The [`POINTS`] points of a window, interpolated over eight samples (Lagrange: flat at the mains, down by 1.1 % in the mean
    /// at half of the band).
    pub(crate) fn points(&self, window: &Span) -> Points<'_> {
        let back = window.back as usize + BEFORE;
        // No window reaches further back than the ring.
        let first = if self.at >= back { self.at - back } else { (self.at + RING).saturating_sub(back) };
        let step = window.duration << (POSITION_FRACTION - DIVIDED_FRACTION);
        Points { ring: self, at: (first as u64) << POSITION_FRACTION, step, left: POINTS }
    }
}

/// Samples before a point that interpolation needs.
const BEFORE: usize = 3;
/// Samples of which a point is made.
const TAPS_LEN: usize = 8;
/// Fractional bits of a duration with 16 of them, divided by 2048.
const DIVIDED_FRACTION: u32 = 16 + POINTS.ilog2();
/// Fractional bits of positions: a word, so that the sample and the part of it are each one.
const POSITION_FRACTION: u32 = 32;

/// The points of a window.
#[derive(Clone, Debug)]
pub(crate) struct Points<'a> {
    ring: &'a Ring,
    /// Where the first of the eight samples stands, by their distance.
    at: u64,
    step: u64,
    left: usize,
}

impl Iterator for Points<'_> {
    type Item = i32;

    #[inline(always)]
    fn next(&mut self) -> Option<i32> {
        self.left = self.left.checked_sub(1)?;
        let (whole, fraction) = ((self.at >> POSITION_FRACTION) as usize, self.at as u32);
        self.at += self.step;
        let first = if whole >= RING { whole - RING } else { whole };
        let taps = &TAPS[(fraction >> (32 - PHASE_BITS)) as usize];
        // A window is shorter than the ring: the samples are always there.
        let samples = self.ring.samples.get(first..)?.first_chunk::<TAPS_LEN>()?;
        Some((weighted(samples, taps) >> TAP_FRACTION) as i32)
    }
}

#[inline(always)]
fn weighted(samples: &[i32; TAPS_LEN], taps: &[i32; TAPS_LEN]) -> i64 {
    let products = samples.iter().zip(taps).map(|(&sample, &tap)| i64::from(sample) * i64::from(tap));
    (1 << (TAP_FRACTION - 1)) + products.sum::<i64>()
}

/// A window in the ring, as seen from the next sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Samples from the crossing at which it began to the next one, with 16 fractional bits, over 2^16.
    back: u64,
    /// Its duration, in samples with 16 fractional bits.
    duration: u64,
}

impl Span {
    /// A window of `duration` that ended `lag` before the sample that was pushed `age` samples ago (1 for the last).
    pub(crate) const fn new(duration: u64, lag: u32, age: u64) -> Self {
        // Rounded to whole samples: a shift in time changes no magnitude, and all channels are shifted alike.
        let back = (duration + lag as u64 + (age << 16)) >> 16;
        Self { back, duration }
    }

    /// Whether the samples after its end that interpolation needs are there at this age.
    pub(crate) const fn is_ripe(age: u64) -> bool {
        age > AFTER
    }
}

const PHASE_BITS: u32 = 8;
const TAP_FRACTION: u32 = 30;

/// Lagrange coefficients of the samples -3 to +4 about a point, by its fraction in 256 steps, each for the middle of its step.
static TAPS: [[i32; TAPS_LEN]; 1 << PHASE_BITS] = taps();

const fn taps() -> [[i32; TAPS_LEN]; 1 << PHASE_BITS] {
    let mut table = [[0; TAPS_LEN]; 1 << PHASE_BITS];
    let mut phase = 0;
    while phase < table.len() {
        let mut tap = 0;
        while tap < TAPS_LEN {
            table[phase][tap] = coefficient(2 * phase as i128 + 1, tap as i128 - 3);
            tap += 1;
        }
        phase += 1;
    }
    table
}

/// The coefficient of the sample at `j` for a point at `d`/512.
const fn coefficient(d: i128, j: i128) -> i32 {
    const ONE: i128 = 2 << PHASE_BITS;
    let (mut numerator, mut denominator): (i128, i128) = (1, 1);
    let mut k = -3;
    while k <= 4 {
        if k != j {
            numerator *= d - ONE * k;
            denominator *= ONE * (j - k);
        }
        k += 1;
    }
    ((numerator << TAP_FRACTION) / denominator) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn a_window_over_the_end_of_the_ring_is_the_same_as_one_within() {
        let points = |before: usize| {
            let mut ring = Ring::new();
            (0..before).for_each(|_| ring.push(7));
            (0..2300i32).for_each(|n| ring.push(n.wrapping_mul(747_796_405) >> 8));
            ring.points(&Span::new(1601 << 16, 12_345, 66)).collect::<std::vec::Vec<_>>()
        };
        let within = points(0);
        assert_eq!(within.len(), POINTS);
        for before in [100, 261, 700, 955, 956, 1000, 2000, 2559] {
            assert_eq!(points(before), within, "{before}");
        }
    }

    #[test]
    fn a_sine_between_the_samples_is_the_sine() {
        let mut ring = Ring::new();
        let wave = |t: f64| 8e6 * (t / 157.3 * TAU).sin();
        (0..3000).for_each(|n| ring.push(wave(f64::from(n)).round() as i32));
        let window = Span::new(1573 << 16, 0, 100);
        let begin = 3000.0 - window.back as f64;
        for (j, point) in ring.points(&window).enumerate() {
            let t = begin + 1573.0 * j as f64 / POINTS as f64;
            let apart = f64::from(point) - wave(t);
            assert!(apart.abs() < 8e6 * TAU / 157.3 / 400.0, "{j}: {apart}");
        }
    }
}
