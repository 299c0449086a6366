//! A fast Fourier transform of 2048 real samples, in integers.

use crate::oscillator::exact_sine;

/// Real samples of a transform.
pub(crate) const POINTS: usize = 2048;
/// Complex points of the transform inside it.
const HALF: usize = POINTS / 2;
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
/// Real samples in pairs are complex points; every stage halves, so that nothing overflows and a sine of amplitude A has |X| = A.
/// Before it, samples are scaled up as far as they go: rounding is then below 1e-7 of the largest.
#[derive(Clone, Debug)]
pub(crate) struct Transform {
    points: [Complex; HALF],
    /// By how many bits the samples were scaled up.
    shift: u32,
}

impl Transform {
    pub(crate) const fn new() -> Self {
        Self { points: [Complex { re: 0, im: 0 }; HALF], shift: 0 }
    }

    /// Transforms [`POINTS`] samples, each below 2^29 in magnitude; those that are lacking are zero.
    #[inline(never)]
    pub(crate) fn run(&mut self, mut samples: impl Iterator<Item = i32>) {
        let mut largest = 1u32;
        for n in 0..HALF as u32 {
            let (re, im) = (samples.next().unwrap_or(0), samples.next().unwrap_or(0));
            self.points[reversed(n)] = Complex { re, im };
            largest |= re.unsigned_abs() | im.unsigned_abs();
        }
        self.shift = largest.leading_zeros().saturating_sub(32 - ROOM);
        self.first_stage();
        let mut size = 16;
        while size <= HALF {
            self.stage(size);
            size *= 4;
        }
    }

    /// By how many bits [`Self::bin`] is scaled up.
    pub(crate) const fn shift(&self) -> u32 {
        self.shift
    }

    /// The spectrum at bin `k`, 1 to 1023: peak amplitude, scaled up by [`Self::shift`] bits.
    #[inline(never)]
    pub(crate) fn bin(&self, k: usize) -> Complex {
        let (a, b) = (self.points[k], self.points[HALF - k]);
        let (even_re, even_im) = (half(a.re, b.re), half(a.im, -b.im));
        let odd = Complex { re: half(a.im, b.im), im: half(b.re, -a.re) };
        let turned = odd.half_times(TWIDDLES[k]);
        Complex { re: even_re + 2 * turned.re, im: even_im + 2 * turned.im }
    }

    /// The stage that has no rotation; scales the samples up.
    #[inline(never)]
    fn first_stage(&mut self) {
        let up = self.shift;
        for [a, b, c, d] in self.points.as_chunks_mut::<4>().0 {
            let halved = |x: &Complex| Complex { re: (x.re << up) >> 1, im: (x.im << up) >> 1 };
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

/// Half of a sum of numbers below 2^30.
const fn half(a: i32, b: i32) -> i32 {
    (a + b) >> 1
}

/// The index with its five digits of base four in reverse.
const fn reversed(n: u32) -> usize {
    let bits = n.reverse_bits() >> (32 - HALF.ilog2());
    const EVEN: u32 = 0x5555_5555;
    ((((bits & EVEN) << 1) | ((bits >> 1) & EVEN)) & (HALF as u32 - 1)) as usize
}

/// Rotations: a turn.
const ROTATIONS: usize = POINTS;

/// e^(-j2πn/2048), with 31 fractional bits.
static TWIDDLES: [Complex; ROTATIONS] = twiddles();

const fn twiddles() -> [Complex; ROTATIONS] {
    const TURN: usize = POINTS / 4;
    let mut table = [Complex { re: 0, im: 0 }; ROTATIONS];
    let mut n = 0;
    while n < ROTATIONS {
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

    #[test]
    fn amplitude_and_phase_of_every_line_are_found() {
        let lines =
            [(10, 8_000_000.0, 0.3), (30, 400_000.0, -1.0), (401, 1_000.0, 2.0), (1000, 70_000.0, 0.0)];
        let mut transform = Transform::new();
        transform.run((0..POINTS).map(|n| {
            let wave = lines
                .iter()
                .map(|&(k, peak, lead)| peak * (f64::from(k) * n as f64 / POINTS as f64 * TAU + lead).cos());
            wave.sum::<f64>().round() as i32
        }));
        let scale = f64::from(1u32 << transform.shift());
        for (k, peak, lead) in lines {
            let bin = transform.bin(k as usize);
            let (re, im) = (f64::from(bin.re) / scale, f64::from(bin.im) / scale);
            assert!((re.hypot(im) - peak).abs() < 0.8, "{k}: {}", re.hypot(im));
            assert!((im.atan2(re) - lead).abs() < 1e-3, "{k}: {}", im.atan2(re));
        }
        let silence = transform.bin(57).square() as f64;
        assert!(silence.sqrt() / scale < 1.0, "{}", silence.sqrt() / scale);
    }

    #[test]
    fn the_largest_samples_do_not_overflow() {
        let mut transform = Transform::new();
        for period in [1, 2, 4, 16, 2048] {
            transform
                .run((0..POINTS).map(|n| if (n / period) % 2 == 0 { (1 << 29) - 1 } else { -(1 << 29) + 1 }));
            (1..1024).for_each(|k| assert!(transform.bin(k).square() < 1 << 62));
        }
    }
}
