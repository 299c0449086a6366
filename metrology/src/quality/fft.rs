//! A fast Fourier transform of two channels of 1024 real samples, in integers.

use crate::oscillator::exact_sine;

/// Samples of a transform, of each channel.
pub(crate) const POINTS: usize = 1024;
/// Fractional bits of the twiddle factors: the upper half of a product with one is half of the rotated number, as a stage wants it.
const FRACTION: u32 = 31;
/// Samples are scaled so that the largest lies below two to this: a rotation cannot overflow it.
const ROOM: u32 = 29;

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complex {
    pub(crate) re: i32,
    pub(crate) im: i32,
}

/// The transform with its working memory.
///
/// The samples of two channels at one moment are a complex point; what of the result is symmetric belongs to the first, the rest to the
/// second. Every stage halves, so that nothing overflows and a sine of amplitude A has |X| = A/2 at both of its lines.
/// Before it, the samples of each channel are scaled up as far as they go: rounding is then below 1e-7 of the largest of its own.
#[derive(Clone, Debug)]
pub(crate) struct Transform {
    points: [Complex; POINTS],
    /// By how many bits the samples of each channel were scaled up.
    shifts: [u32; 2],
}

impl Transform {
    pub(crate) const fn new() -> Self {
        Self { points: [Complex { re: 0, im: 0 }; POINTS], shifts: [0; 2] }
    }

    /// Transforms [`POINTS`] pairs of samples, each below 2^29 in magnitude; those that are lacking are zero.
    #[inline(never)]
    pub(crate) fn run(&mut self, mut samples: impl Iterator<Item = [i32; 2]>) {
        let mut largest = [1u32; 2];
        for n in 0..POINTS as u32 {
            let [re, im] = samples.next().unwrap_or_default();
            self.points[reversed(n)] = Complex { re, im };
            largest = [largest[0] | re.unsigned_abs(), largest[1] | im.unsigned_abs()];
        }
        self.shifts = largest.map(|largest| largest.leading_zeros().saturating_sub(32 - ROOM));
        self.first_stage();
        let mut size = 16;
        while size <= POINTS {
            self.stage(size);
            size *= 4;
        }
    }

    /// By how many bits [`Self::bin`] is scaled up, for the first and the second channel.
    pub(crate) const fn shifts(&self) -> [u32; 2] {
        self.shifts
    }

    /// The spectra of both channels at bin `k`, 1 to 511: peak amplitudes, scaled up by [`Self::shifts`] bits.
    #[inline(always)]
    pub(crate) const fn bin(&self, k: usize) -> [Complex; 2] {
        let (a, b) = (self.points[k & MASK], self.points[(POINTS - k) & MASK]);
        // Halves of numbers below 2^29, and the sine is in both: the sums fit and need no halving.
        let first = Complex { re: a.re + b.re, im: a.im - b.im };
        let second = Complex { re: a.im + b.im, im: b.re - a.re };
        [first, second]
    }

    /// The stage that has no rotation; scales the samples up.
    #[inline(never)]
    fn first_stage(&mut self) {
        let [up_re, up_im] = self.shifts;
        for [a, b, c, d] in self.points.as_chunks_mut::<4>().0 {
            let halved = |x: &Complex| Complex { re: (x.re << up_re) >> 1, im: (x.im << up_im) >> 1 };
            (*a, *b, *c, *d) = quartet(halved(a), halved(b), halved(c), halved(d));
        }
    }

    /// A stage of radix four over blocks of `size`.
    #[inline(never)]
    fn stage(&mut self, size: usize) {
        let (stride, twiddles) = (POINTS / size, &TWIDDLES);
        for block in self.points.chunks_exact_mut(size) {
            let (low, high) = block.split_at_mut(size / 2);
            let ((first, second), (third, fourth)) =
                (low.split_at_mut(size / 4), high.split_at_mut(size / 4));
            let mut n = 0;
            for (((a, b), c), d) in first.iter_mut().zip(second).zip(third).zip(fourth) {
                // In locals: what went through memory would cost a third more.
                let x = b.half_times(twiddles[n & MASK]);
                let y = c.half_times(twiddles[(2 * n) & MASK]);
                let z = d.half_times(twiddles[(3 * n) & MASK]);
                let half = Complex { re: a.re >> 1, im: a.im >> 1 };
                (*a, *b, *c, *d) = quartet(half, x, y, z);
                n += stride;
            }
        }
    }
}

/// Keeps an index within the table, which the indices of a stage never leave, at less than a comparison.
const MASK: usize = POINTS - 1;

/// A transform of four points, of halves, halved once more.
const fn quartet(a: Complex, b: Complex, c: Complex, d: Complex) -> (Complex, Complex, Complex, Complex) {
    let (even, odd) = (a.plus(c), a.minus(c));
    let (sum, difference) = (b.plus(d), b.minus(d));
    // -j times the difference.
    let turned = Complex { re: difference.im, im: -difference.re };
    (even.plus(sum).half(), odd.plus(turned).half(), even.minus(sum).half(), odd.minus(turned).half())
}

impl Complex {
    /// Length, squared.
    pub(crate) const fn square(self) -> u64 {
        (self.re as i64 * self.re as i64 + self.im as i64 * self.im as i64) as u64
    }

    const fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    const fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    const fn half(self) -> Self {
        Self { re: self.re >> 1, im: self.im >> 1 }
    }

    /// Half of the product with a twiddle factor: upper halves of 64 bits, which a processor has as one instruction each.
    const fn half_times(self, w: Self) -> Self {
        const fn upper(a: i32, b: i32) -> i32 {
            ((a as i64 * b as i64) >> 32) as i32
        }
        Self {
            re: upper(self.re, w.re).wrapping_sub(upper(self.im, w.im)),
            im: upper(self.re, w.im).wrapping_add(upper(self.im, w.re)),
        }
    }
}

/// The index with its five digits of base four in reverse.
const fn reversed(n: u32) -> usize {
    let bits = n.reverse_bits() >> (32 - POINTS.ilog2());
    const EVEN: u32 = 0x5555_5555;
    ((((bits & EVEN) << 1) | ((bits >> 1) & EVEN)) & (POINTS as u32 - 1)) as usize
}

/// e^(-j2πn/1024), with 31 fractional bits.
static TWIDDLES: [Complex; POINTS] = twiddles();

const fn twiddles() -> [Complex; POINTS] {
    const TURN: usize = POINTS / 4;
    let mut table = [Complex { re: 0, im: 0 }; POINTS];
    let mut n = 0;
    while n < POINTS {
        let rest = n % TURN;
        let (c, s) = (quarter(TURN - rest), quarter(rest));
        table[n] = match n / TURN {
            0 => Complex { re: c, im: -s },
            1 => Complex { re: -s, im: -c },
            2 => Complex { re: -c, im: s },
            _ => Complex { re: s, im: c },
        };
        n += 1;
    }
    table
}

const fn quarter(n: usize) -> i32 {
    let sine = exact_sine(n as i128, POINTS.ilog2(), FRACTION);
    if sine > i32::MAX as i64 { i32::MAX } else { sine as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    /// Order of the line, amplitude, lead.
    type Line = (i32, f64, f64);

    fn wave(lines: &[Line], n: usize) -> i32 {
        let wave = lines
            .iter()
            .map(|&(k, peak, lead)| peak * (f64::from(k) * n as f64 / POINTS as f64 * TAU + lead).cos());
        wave.sum::<f64>().round() as i32
    }

    #[test]
    fn amplitude_and_phase_of_every_line_are_found_in_the_channel_that_has_it() {
        let channels: [&[Line]; 2] = [
            &[(10, 8_000_000.0, 0.3), (30, 400_000.0, -1.0), (401, 1_000.0, 2.0)],
            &[(10, 900.0, -2.0), (31, 40.0, 1.0), (405, 7.0, 3.0), (500, 70.0, 0.0)],
        ];
        let mut transform = Transform::new();
        transform.run((0..POINTS).map(|n| channels.map(|lines| wave(lines, n))));
        for (channel, lines) in channels.into_iter().enumerate() {
            let scale = f64::from(1u32 << transform.shifts()[channel]);
            for k in 1..512 {
                let bin = transform.bin(k)[channel];
                let (re, im) = (f64::from(bin.re) / scale, f64::from(bin.im) / scale);
                let Some(&(_, peak, lead)) = lines.iter().find(|line| line.0 as usize == k) else {
                    assert!(re.hypot(im) < 0.5, "{channel} {k}: {}", re.hypot(im));
                    continue;
                };
                assert!((re.hypot(im) - peak).abs() < 0.8, "{channel} {k}: {}", re.hypot(im));
                let limit = 1e-3 + 0.1 / peak;
                assert!((im.atan2(re) - lead).abs() < limit, "{channel} {k}: {}", im.atan2(re));
            }
        }
    }

    #[test]
    fn every_bin_is_that_of_the_definition() {
        let noise =
            |n: usize, m: u32| ((n as u32 * 2 + m).wrapping_mul(2_654_435_761) >> 6) as i32 - (1 << 25);
        let mut transform = Transform::new();
        transform.run((0..POINTS).map(|n| [noise(n, 0), noise(n, 1) >> 9]));
        for k in [1, 2, 3, 50, 255, 256, 257, 400, 511] {
            for channel in 0..2 {
                let sample = |n: usize| f64::from([noise(n, 0), noise(n, 1) >> 9][channel]);
                let angle = |n: usize| -((n * k % POINTS) as f64) / POINTS as f64 * TAU;
                let sum = |part: fn(f64) -> f64| (0..POINTS).map(|n| sample(n) * part(angle(n))).sum::<f64>();
                let scale = f64::from(1u32 << transform.shifts()[channel]) * 2.0 / POINTS as f64;
                let (re, im, bin) = (sum(f64::cos) * scale, sum(f64::sin) * scale, transform.bin(k)[channel]);
                let apart = (f64::from(bin.re) - re).abs().max((f64::from(bin.im) - im).abs());
                assert!(apart < 20.0, "{channel} {k}: {bin:?} for {re} {im}");
            }
        }
    }

    #[test]
    fn the_largest_samples_do_not_overflow() {
        let mut transform = Transform::new();
        for period in [1, 2, 4, 16, 1024] {
            let square =
                |n: usize| if (n / period).is_multiple_of(2) { (1 << 29) - 1 } else { -(1 << 29) + 1 };
            transform.run((0..POINTS).map(|n| [square(n), square(n + period / 2)]));
            let squares = (1..512).flat_map(|k| transform.bin(k)).map(Complex::square);
            squares.for_each(|square| assert!(square < 1 << 62));
        }
    }
}
