//! The interpolation of points between samples, which is also the filter against what lies above the 40th harmonic.
//!
//! Points are fewer than samples: what is above their band would fold onto the harmonics. A point is therefore a weighted sum of the 24 samples
//! about it, with the weights of a low-pass: a sinc under a Kaiser window. How much it takes from a harmonic is known, and given back to
//! its line.

use super::fft::Complex;
use crate::oscillator::exact_sine;

/// Samples of which a point is made.
pub(crate) const TAPS: usize = 24;
/// Samples before a point among them, besides the one at it or just before it.
pub(crate) const BEFORE: usize = TAPS / 2 - 1;

/// Places of a point between two samples that are told apart: 2 to this.
pub(crate) const PHASE_BITS: u32 = 8;
/// Fractional bits of weights.
pub(crate) const TAP_FRACTION: u32 = 30;
/// Of the weights one half is kept: those of a point in the second half of its interval are the same in reverse.
const PHASES: usize = 1 << (PHASE_BITS - 1);

/// A low-pass.
#[derive(Debug)]
pub(crate) struct Kernel {
    taps: [[i32; TAPS]; PHASES],
    gains: [i32; GAINS],
}

impl Kernel {
    /// The filter for windows of `duration` samples (16 fractional bits). For [`POINTS`](super::fft::POINTS) points in windows of the first
    /// length, a tone that would fold onto the 40th harmonic or below is damped by 50 dB or more; so is any in shorter windows.
    pub(crate) const fn of(duration: u64) -> &'static Self {
        if duration >> 16 < NARROW_FROM { &WIDE } else { &NARROW }
    }

    /// The weighted sum of the samples of two channels about a point, `fraction`/2^32 of an interval after the twelfth.
    #[inline(always)]
    pub(crate) fn point(&self, samples: &[[i32; 2]; TAPS], fraction: u32) -> [i32; 2] {
        let phase = (fraction >> (32 - PHASE_BITS)) as usize;
        if phase < PHASES {
            weighted(samples.iter(), &self.taps[phase])
        } else {
            weighted(samples.iter().rev(), &self.taps[(2 * PHASES - 1 - phase) & (PHASES - 1)])
        }
    }
}

#[inline(always)]
fn weighted<'a>(samples: impl Iterator<Item = &'a [i32; 2]>, taps: &[i32; TAPS]) -> [i32; 2] {
    const HALF: i64 = 1 << (TAP_FRACTION - 1);
    let (mut first, mut second) = (HALF, HALF);
    for (&[a, b], &tap) in samples.zip(taps) {
        first += i64::from(a) * i64::from(tap);
        second += i64::from(b) * i64::from(tap);
    }
    [(first >> TAP_FRACTION) as i32, (second >> TAP_FRACTION) as i32]
}

/// What gives back to each line of a window what the filter took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correction {
    gains: &'static [i32; GAINS],
    /// From line to line, in places of the table with 24 fractional bits.
    step: u32,
}

impl Correction {
    /// For the lines of a window of `duration` samples (16 fractional bits).
    pub(crate) const fn of(duration: u64) -> Self {
        let step = (1u64 << (16 + 24 + RESOLUTION_BITS)).checked_div(duration);
        let step = match step {
            Some(step) if step <= u32::MAX as u64 => step as u32,
            _ => u32::MAX,
        };
        Self { gains: &Kernel::of(duration).gains, step }
    }

    /// Line `k` of both channels, corrected; at half of its size, so that the largest correction overflows nothing: no wave below 2^29 has
    /// a line above 4/π of that.
    #[inline(always)]
    pub(crate) fn apply(&self, k: usize, lines: [Complex; 2]) -> [Complex; 2] {
        let at = k as u64 * u64::from(self.step);
        let (index, rest) = (((at >> 24) as usize).min(GAINS - 2), ((at as u32) & 0xFF_FFFF) >> 8);
        let (low, high) = (self.gains[index], self.gains[index + 1]);
        let gain = i64::from(low) + ((i64::from(high - low) * i64::from(rest)) >> 16);
        let times = |part: i32| ((i64::from(part) * gain) >> (GAIN_FRACTION + 1)) as i32;
        lines.map(|line| Complex { re: times(line.re), im: times(line.im) })
    }
}

/// Places in the table of corrections for the sample rate: a power of two.
const RESOLUTION_BITS: u32 = 8;
/// Entries: to half of the sample rate.
const GAINS: usize = (1 << RESOLUTION_BITS) / 2 + 1;
/// Fractional bits of a correction.
const GAIN_FRACTION: u32 = 28;
/// The largest correction; what the filter takes more of stays lost.
const GAIN_MAX: i128 = 4 << GAIN_FRACTION;
/// From two fifths of the sample rate on nothing is shown: the filter leaves nothing there but what interpolation makes of lower tones.
const NOTHING_FROM: usize = (2 << RESOLUTION_BITS) / 5;

/// Windows of so many samples and more have the narrower filter.
const NARROW_FROM: u64 = 1568;
/// Half of its height at a quarter of the sample rate.
static NARROW: Kernel = Kernel { taps: NARROW_TAPS, gains: gains(&NARROW_TAPS) };
/// At five sixteenths.
static WIDE: Kernel = Kernel { taps: WIDE_TAPS, gains: gains(&WIDE_TAPS) };
const NARROW_TAPS: [[i32; TAPS]; PHASES] = taps(4);
const WIDE_TAPS: [[i32; TAPS]; PHASES] = taps(5);

/// The weights of a low-pass with its corner at `corner`/16 of the sample rate. Those of a point add up to one.
const fn taps(corner: i128) -> [[i32; TAPS]; PHASES] {
    let mut table = [[0; TAPS]; PHASES];
    let mut phase = 0;
    while phase < PHASES {
        let (mut raw, mut sum, mut tap) = ([0; TAPS], 0, 0);
        while tap < TAPS {
            let weight = weight(distance(phase, tap), corner);
            (raw[tap], sum) = (weight, sum + weight);
            tap += 1;
        }
        while tap > 0 {
            tap -= 1;
            table[phase][tap] = ((((raw[tap] << (TAP_FRACTION + 1)) / sum) + 1) >> 1) as i32;
        }
        phase += 1;
    }
    table
}

/// From the middle of a phase to the sample of a tap, in steps of [`ONE`] a sample.
const fn distance(phase: usize, tap: usize) -> i128 {
    (tap as i128 - BEFORE as i128) * ONE - (2 * phase as i128 + 1)
}

/// Steps of distances in a sample: two in a phase.
const ONE: i128 = 2 << PHASE_BITS;
/// Fractional bits in which weights are reckoned.
const Q: u32 = 40;

/// Sinc times window at a distance, which is odd and never zero.
const fn weight(distance: i128, corner: i128) -> i128 {
    // Twice the corner times the distance, in half turns of the sine.
    let sine = turned(corner * distance, 4 + PHASE_BITS + 1) as i128;
    ((sine * ONE / distance) * bessel(distance)) >> Q
}

/// The sine of `n / 2^bits` turns, with [`Q`] fractional bits.
const fn turned(n: i128, bits: u32) -> i64 {
    let turn = 1 << bits;
    let within = n.rem_euclid(turn / 2);
    let folded = if within > turn / 4 { turn / 2 - within } else { within };
    let sine = exact_sine(folded, bits, Q);
    if n.rem_euclid(turn) >= turn / 2 { -sine } else { sine }
}

/// The window of Kaiser with β = 6, which is a Bessel function: the series of (3·√(1 - r²))^2n / n!², but for a factor.
const fn bessel(distance: i128) -> i128 {
    const EDGE: i128 = TAPS as i128 / 2 * ONE;
    let square = (9 << Q) * (EDGE * EDGE - distance * distance) / (EDGE * EDGE);
    let (mut term, mut sum, mut n) = (1 << Q, 1 << Q, 1);
    while n < 25 {
        term = ((term * square) >> Q) / (n * n);
        sum += term;
        n += 1;
    }
    sum
}

/// One over what the filter leaves of a tone, in steps of frequency.
const fn gains(taps: &[[i32; TAPS]; PHASES]) -> [i32; GAINS] {
    const EVERY: usize = 8;
    let mut response = [0i128; GAINS];
    let mut phase = EVERY / 2;
    while phase < PHASES {
        let mut tap = 0;
        while tap < TAPS {
            add_cosine(&mut response, taps[phase][tap], distance(phase, tap));
            tap += 1;
        }
        phase += EVERY;
    }
    let mut table = [0; GAINS];
    let mut n = 0;
    while n < GAINS {
        let smallest = response[0] / (GAIN_MAX >> GAIN_FRACTION);
        let left = if response[n] < smallest { smallest } else { response[n] };
        table[n] = if n < NOTHING_FROM { ((response[0] << GAIN_FRACTION) / left) as i32 } else { 0 };
        n += 1;
    }
    table
}

/// Adds a cosine with the frequency of each place: c(n+1) = 2·c(1)·c(n) - c(n-1).
const fn add_cosine(response: &mut [i128; GAINS], tap: i32, distance: i128) {
    let bits = PHASE_BITS + 1 + RESOLUTION_BITS;
    let quarter = 1 << (bits - 2);
    let first = turned(distance + quarter, bits) as i128;
    let (mut before, mut now, mut n) = (first, 1i128 << Q, 0);
    while n < GAINS {
        response[n] += (now * tap as i128) >> Q;
        (before, now) = (now, ((2 * first * now) >> Q) - before);
        n += 1;
    }
}

/// The point of [`Kernel::point`] from the definition of the weights, which a phase of the second half has of its own.
#[cfg(test)]
pub(crate) fn slow_point(duration: u64, samples: &[[i32; 2]; TAPS], fraction: u32) -> [i32; 2] {
    let corner = if duration >> 16 < NARROW_FROM { 5 } else { 4 };
    let phase = (fraction >> (32 - PHASE_BITS)) as usize;
    let weights: [i128; TAPS] = core::array::from_fn(|tap| weight(distance(phase, tap), corner));
    let sum: i128 = weights.iter().sum();
    [0, 1].map(|channel| {
        let taps = weights.map(|weight| ((((weight << (TAP_FRACTION + 1)) / sum) + 1) >> 1) as i32);
        let products =
            samples.iter().zip(taps).map(|(pair, tap)| i128::from(pair[channel]) * i128::from(tap));
        ((products.sum::<i128>() + (1 << (TAP_FRACTION - 1))) >> TAP_FRACTION) as i32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    const KERNELS: [&Kernel; 2] = [&NARROW, &WIDE];

    /// What is left of a tone of a frequency (in the sample rate) at points all over an interval: the transfer function, slowly.
    fn response(kernel: &Kernel, frequency: f64) -> f64 {
        let scale = f64::from(1 << TAP_FRACTION);
        let mut sum = 0.0;
        for (phase, taps) in kernel.taps.iter().enumerate() {
            for (tap, &weight) in taps.iter().enumerate() {
                let t = (tap as f64 - BEFORE as f64) - (phase as f64 + 0.5) / 256.0;
                sum += f64::from(weight) / scale * (t * frequency * TAU).cos();
            }
        }
        sum / PHASES as f64
    }

    #[test]
    fn the_weights_are_those_of_a_sinc_under_a_window_of_kaiser() {
        let bessel = |x: f64| {
            let (mut term, mut sum) = (1.0f64, 1.0);
            for n in 1..40 {
                term *= (x / 2.0 / f64::from(n)).powi(2);
                sum += term;
            }
            sum
        };
        for (kernel, corner) in KERNELS.into_iter().zip([4.0 / 16.0, 5.0 / 16.0]) {
            for (phase, taps) in kernel.taps.iter().enumerate() {
                assert!(
                    (taps.iter().map(|&tap| i64::from(tap)).sum::<i64>() - (1 << TAP_FRACTION)).abs() < 24
                );
                let raw: [f64; TAPS] = core::array::from_fn(|tap| {
                    let t = tap as f64 - BEFORE as f64 - (phase as f64 + 0.5) / 256.0;
                    let sinc = (TAU * corner * t).sin() / (TAU / 2.0 * t);
                    sinc * bessel(6.0 * (1.0 - (t / 12.0).powi(2)).sqrt())
                });
                let sum: f64 = raw.iter().sum();
                for (&tap, raw) in taps.iter().zip(raw) {
                    assert!((f64::from(tap) / f64::from(1 << TAP_FRACTION) - raw / sum).abs() < 2e-9);
                }
            }
        }
    }

    #[test]
    fn what_would_fold_onto_a_harmonic_is_damped_by_fifty_decibels() {
        // Lines to the 405th count; a tone at line n of 1024 points folds to 1024 - n. The longest and the shortest windows of
        // class A, and the shortest with the narrow filter.
        for (kernel, duration) in [(0, 1882.4), (0, 1568.0), (1, 1567.0), (1, 1391.3)] {
            let largest = (0..400).map(|n| (1024.0 - 405.0) / duration + f64::from(n) * 1e-3);
            let largest = largest.map(|f| response(KERNELS[kernel], f).abs()).fold(0.0, f64::max);
            assert!(20.0 * largest.log10() < -50.0, "{duration}: {}", 20.0 * largest.log10());
        }
    }

    #[test]
    fn what_was_taken_is_given_back() {
        for duration in [1391.0, 1500.0, 1567.0, 1568.0, 1600.0, 1882.0, 2047.0] {
            let (q16, whole) = ((duration * 65_536.0) as u64, 1 << 27);
            let (kernel, correction) = (Kernel::of(q16), Correction::of(q16));
            for k in 1..=405 {
                let left = response(kernel, k as f64 / duration);
                let line = Complex { re: (left * f64::from(whole)) as i32, im: -whole };
                let [first, second] = correction.apply(k, [line; 2]);
                let apart = f64::from(2 * first.re) / f64::from(whole) - 1.0;
                assert!(apart.abs() < 3e-3, "{duration} {k}: {apart}");
                assert_eq!(first, second);
            }
        }
    }

    #[test]
    fn the_correction_is_never_more_than_four_and_nothing_is_shown_where_nothing_can_be() {
        for duration in [80 << 16, 1067 << 16, 1 << 16, 0, u64::MAX] {
            let line = Complex { re: 683_000_000, im: -683_000_000 };
            for k in [1, 100, 405, 511] {
                let [first, _] = Correction::of(duration).apply(k, [line; 2]);
                let times = f64::from(first.re) / 341_500_000.0;
                assert!((0.0..4.0001).contains(&times) && (first.re + first.im).abs() <= 1, "{times}");
                let frequency = (k << 16) as f64 / duration as f64;
                assert_eq!(times == 0.0, frequency > 0.4, "{frequency}: {times}");
            }
        }
    }
}
