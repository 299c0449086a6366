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

    /// Point `j` of [`POINTS`] of a window, interpolated over eight samples (Lagrange: flat at the mains, down by 1.1 % in the mean
    /// at half of the band).
    #[inline(never)]
    pub(crate) fn point(&self, window: &Span, j: usize) -> i32 {
        let back = (window.back << 16) - ((window.duration * j as u64) / POINTS as u64);
        // Whole samples back to the one before the point, and how far after that the point lies.
        let (whole, fraction) = (back.div_ceil(1 << 16), (1 << 16) - 1 - (back.wrapping_sub(1) & 0xFFFF));
        let taps = &TAPS[(fraction >> (16 - PHASE_BITS)) as usize];
        let first = self.index(whole + 3);
        let mut sum = 1i64 << (TAP_FRACTION - 1);
        for (n, &tap) in taps.iter().enumerate() {
            let at = first + n;
            let at = if at >= RING { at - RING } else { at };
            sum += i64::from(self.samples[at]) * i64::from(tap);
        }
        (sum >> TAP_FRACTION) as i32
    }

    /// Where the sample stands that came `back` samples before the next one.
    const fn index(&self, back: u64) -> usize {
        (self.at + RING - (back as usize % RING)) % RING
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
        for j in 0..POINTS {
            let t = begin + 1573.0 * j as f64 / POINTS as f64;
            let apart = f64::from(ring.point(&window, j)) - wave(t);
            assert!(apart.abs() < 8e6 * TAU / 157.3 / 400.0, "{j}: {apart}");
        }
    }
}
