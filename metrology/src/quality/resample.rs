//! The samples of a window of ten cycles as 1024 points that divide it evenly.

use super::fft::POINTS;
use super::kernel::{BEFORE, Kernel, TAPS};

/// Samples that are kept of each channel.
pub(crate) const RING: usize = 2560;
/// The longest window that can be analysed, in samples: ten cycles of 40 Hz at 8 kHz.
pub(crate) const LONGEST: u32 = 2048;
/// Samples that interpolation needs after a point.
const AFTER: u64 = (TAPS / 2) as u64;

/// Voltage and current of an element at one moment.
pub(crate) type Pair = [i32; 2];

/// The newest samples of all elements.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// Of each element. Behind the end is room for the first ones once more, so that the samples of a point are always in a row.
    samples: [[Pair; RING + TAPS]; 3],
    at: usize,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        Self { samples: [[[0; 2]; RING + TAPS]; 3], at: 0 }
    }

    /// The next samples of the first `N` elements.
    #[inline(always)]
    pub(crate) fn push<const N: usize>(&mut self, pairs: &[Pair; 3]) {
        let at = self.at;
        for (samples, &pair) in self.samples.iter_mut().zip(pairs).take(N) {
            if let Some(place) = samples.get_mut(at) {
                *place = pair;
            }
        }
        self.at = if at + 1 >= RING { 0 } else { at + 1 };
    }

    /// The [`POINTS`] points of a window of an element, each made of [`TAPS`] samples.
    pub(crate) fn points(&mut self, element: usize, window: &Span) -> Points<'_> {
        let back = window.back as usize + BEFORE;
        // No window reaches further back than the ring.
        let first = if self.at >= back { self.at - back } else { (self.at + RING).saturating_sub(back) };
        let step = window.duration << (POSITION_FRACTION - DIVIDED_FRACTION);
        let samples = &mut self.samples[element];
        samples.copy_within(..TAPS, RING);
        let kernel = Kernel::of(window.duration);
        Points { samples, kernel, at: (first as u64) << POSITION_FRACTION, step, left: POINTS }
    }
}

/// Fractional bits of a duration with 16 of them, divided by the points.
const DIVIDED_FRACTION: u32 = 16 + POINTS.ilog2();
/// Fractional bits of positions: a word, so that the sample and the part of it are each one.
const POSITION_FRACTION: u32 = 32;

/// The points of a window.
#[derive(Clone, Debug)]
pub(crate) struct Points<'a> {
    samples: &'a [Pair; RING + TAPS],
    kernel: &'static Kernel,
    /// Where the first of the samples stands, by their distance.
    at: u64,
    step: u64,
    left: usize,
}

impl Iterator for Points<'_> {
    type Item = Pair;

    #[inline(always)]
    fn next(&mut self) -> Option<Pair> {
        self.left = self.left.checked_sub(1)?;
        let (whole, fraction) = ((self.at >> POSITION_FRACTION) as usize, self.at as u32);
        self.at += self.step;
        let first = if whole >= RING { whole - RING } else { whole };
        // A window is shorter than the ring: the samples are always there.
        let samples = self.samples.get(first..)?.first_chunk::<TAPS>()?;
        Some(self.kernel.point(samples, fraction))
    }
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

#[cfg(test)]
mod tests {
    use super::super::fft::Complex;
    use super::super::kernel::Correction;
    use super::*;
    use core::f64::consts::TAU;
    use std::vec::Vec;

    fn noise(n: i32) -> Pair {
        [n.wrapping_mul(747_796_405) >> 8, n.wrapping_mul(277_803_737) >> 12]
    }

    #[test]
    fn a_window_over_the_end_of_the_ring_is_the_same_as_one_within() {
        let points = |before: usize| {
            let mut ring = std::boxed::Box::new(Ring::new());
            (0..before).for_each(|_| ring.push::<3>(&[[7; 2]; 3]));
            (0..2300i32).for_each(|n| ring.push::<3>(&[noise(n), noise(n + 5000), noise(n + 9000)]));
            [0, 1, 2].map(|n| ring.points(n, &Span::new(1601 << 16, 12_345, 66)).collect::<Vec<_>>())
        };
        let within = points(0);
        assert_eq!(within[0].len(), POINTS);
        assert!(within[0] != within[1] && within[1] != within[2]);
        for before in [100, 261, 268, 276, 284, 700, 955, 956, 1000, 2000, 2559] {
            assert_eq!(points(before), within, "{before}");
        }
    }

    #[test]
    fn a_sine_between_the_samples_is_the_sine() {
        let mut ring = std::boxed::Box::new(Ring::new());
        let wave = |t: f64| 8e6 * (t / 157.3 * TAU).sin();
        (0..3000).for_each(|n| {
            let u = wave(f64::from(n)).round() as i32;
            ring.push::<1>(&[[u, -u], [0; 2], [0; 2]]);
        });
        let window = Span::new(1573 << 16, 0, 100);
        let begin = 3000.0 - window.back as f64;
        // The window is ten cycles: line 10, which the filter changes a little.
        let whole = Complex { re: 1 << 29, im: 0 };
        let [corrected, _] = Correction::of(1573 << 16).apply(10, [whole; 2]);
        let left = f64::from(1 << 28) / f64::from(corrected.re);
        assert!((left - 1.0).abs() < 1e-4, "{left}");
        for (j, [u, i]) in ring.points(0, &window).enumerate() {
            let t = begin + 1573.0 * j as f64 / POINTS as f64;
            let apart = f64::from(u) - left * wave(t);
            assert!(apart.abs() < 8e6 * TAU / 157.3 / 400.0, "{j}: {apart}");
            assert!((u + i).abs() <= 1, "{j}: {u} {i}");
        }
    }

    #[test]
    fn points_in_both_halves_of_an_interval_are_sums_in_either_order() {
        let mut ring = std::boxed::Box::new(Ring::new());
        (0..2400i32).for_each(|n| ring.push::<3>(&[noise(n); 3]));
        let window = Span::new((1600 << 16) + 77, 0, 40);
        let begin = 2400 - window.back as usize;
        for (j, point) in ring.points(2, &window).enumerate() {
            let at = (begin as u64 * (1 << 32)) + j as u64 * (window.duration << 6);
            let samples: [Pair; TAPS] =
                core::array::from_fn(|n| noise((at >> 32) as i32 + n as i32 - BEFORE as i32));
            assert_eq!(point, super::super::kernel::slow_point(window.duration, &samples, at as u32), "{j}");
        }
    }
}
