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
    samples: [i32; RING],
    at: usize,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        Self { samples: [0; RING], at: 0 }
    }

    pub(crate) const fn push(&mut self, sample: i32) {
        self.samples[self.at] = sample;
        self.at = if self.at + 1 == RING { 0 } else { self.at + 1 };
    }

    /// The [`POINTS`] points of a window, interpolated over eight samples (Lagrange: flat at the mains, down by 1.1 % in the mean
    /// at half of the band).
    pub(crate) fn points(&self, window: &Span) -> Points<'_> {
        let back = window.back as usize + BEFORE;
        // No window reaches further back than the ring.
        let first = if self.at >= back { self.at - back } else { (self.at + RING).saturating_sub(back) };
        Points { ring: self, at: (first as u64) << POSITION_FRACTION, step: window.duration, left: POINTS }
    }

    /// The sum where the eight samples lie at both ends of the ring.
    #[inline(never)]
    fn across_the_end(&self, first: usize, taps: &[i32; 8]) -> i64 {
        weighted(self.samples[first..].iter().chain(self.samples.iter()), taps)
    }
}

/// Samples before a point that interpolation needs.
const BEFORE: usize = 3;
/// Fractional bits of positions: a duration with 16 of them, divided by 2048, has 27 of them.
const POSITION_FRACTION: u32 = 16 + POINTS.ilog2();

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
        let taps = &TAPS[((fraction >> (POSITION_FRACTION - PHASE_BITS)) & ((1 << PHASE_BITS) - 1)) as usize];
        let sum = match self.ring.samples.get(first..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(samples) => weighted(samples.iter(), taps),
            None => self.ring.across_the_end(first.min(RING), taps),
        };
        Some((sum >> TAP_FRACTION) as i32)
    }
}

#[inline(always)]
fn weighted<'a>(samples: impl Iterator<Item = &'a i32>, taps: &[i32; 8]) -> i64 {
    let products = samples.zip(taps).map(|(&sample, &tap)| i64::from(sample) * i64::from(tap));
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
static TAPS: [[i32; 8]; 1 << PHASE_BITS] = taps();

const fn taps() -> [[i32; 8]; 1 << PHASE_BITS] {
    let mut table = [[0; 8]; 1 << PHASE_BITS];
    let mut phase = 0;
    while phase < table.len() {
        let mut tap = 0;
        while tap < 8 {
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
