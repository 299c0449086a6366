//! A fast Fourier transform of 2048 real samples, in integers.

use crate::oscillator::exact_sine;

/// Real samples of a transform.
pub(crate) const POINTS: usize = 2048;
/// Complex points of the transform inside it.
const HALF: usize = POINTS / 2;
/// Fractional bits of the twiddle factors.
const FRACTION: u32 = 30;
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

    /// Transforms samples, each below 2^29 in magnitude.
    pub(crate) fn run(&mut self, mut sample: impl FnMut(usize) -> i32) {
        let mut largest = 1u32;
        for n in 0..HALF {
            let (re, im) = (sample(2 * n), sample(2 * n + 1));
            self.points[reversed(n)] = Complex { re, im };
            largest |= re.unsigned_abs() | im.unsigned_abs();
        }
        self.shift = largest.leading_zeros().saturating_sub(32 - ROOM);
        for point in &mut self.points {
            (point.re, point.im) = (point.re << self.shift, point.im << self.shift);
        }
        let mut size = 2;
        while size <= HALF {
            self.stage(size);
            size *= 2;
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
        let turned = odd.times(TWIDDLES[k]);
        Complex { re: even_re + turned.re, im: even_im + turned.im }
    }

    #[inline(never)]
    fn stage(&mut self, size: usize) {
        let stride = POINTS / size;
        for block in self.points.chunks_exact_mut(size) {
            let (low, high) = block.split_at_mut(size / 2);
            for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = b.times(TWIDDLES[n * stride]);
                (*a, *b) = (
                    Complex { re: half(a.re, turned.re), im: half(a.im, turned.im) },
                    Complex { re: half(a.re, -turned.re), im: half(a.im, -turned.im) },
                );
            }
        }
    }
}

impl Complex {
    /// Length, squared.
    pub(crate) const fn square(self) -> u64 {
        (self.re as i64 * self.re as i64 + self.im as i64 * self.im as i64) as u64
    }

    const fn times(self, w: Self) -> Self {
        let (re, im) = (self.re as i64, self.im as i64);
        let (c, s) = (w.re as i64, w.im as i64);
        const ROUND: i64 = 1 << (FRACTION - 1);
        Self {
            re: ((re * c - im * s + ROUND) >> FRACTION) as i32,
            im: ((re * s + im * c + ROUND) >> FRACTION) as i32,
        }
    }
}

/// Half of a sum of numbers below 2^30.
const fn half(a: i32, b: i32) -> i32 {
    (a + b) >> 1
}

/// The index with its ten bits in reverse.
const fn reversed(n: usize) -> usize {
    ((n as u32) << (32 - HALF.ilog2())).reverse_bits().wrapping_shl(0) as usize & (HALF - 1)
}

/// e^(-j2πn/2048) for half a turn, with 30 fractional bits.
static TWIDDLES: [Complex; HALF] = twiddles();

const fn twiddles() -> [Complex; HALF] {
    let mut table = [Complex { re: 0, im: 0 }; HALF];
    let mut n = 0;
    while n < HALF {
        let (c, s) = if n <= HALF / 2 {
            (quarter(HALF / 2 - n), quarter(n))
        } else {
            (-quarter(n - HALF / 2), quarter(HALF - n))
        };
        table[n] = Complex { re: c, im: -s };
        n += 1;
    }
    table
}

const fn quarter(n: usize) -> i32 {
    exact_sine(n as i128, POINTS.ilog2(), FRACTION) as i32
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
        transform.run(|n| {
            let wave = lines
                .iter()
                .map(|&(k, peak, lead)| peak * (f64::from(k) * n as f64 / POINTS as f64 * TAU + lead).cos());
            wave.sum::<f64>().round() as i32
        });
        let scale = f64::from(1u32 << transform.shift());
        for (k, peak, lead) in lines {
            let bin = transform.bin(k as usize);
            let (re, im) = (f64::from(bin.re) / scale, f64::from(bin.im) / scale);
            assert!((re.hypot(im) - peak).abs() < 0.6, "{k}: {}", re.hypot(im));
            assert!((im.atan2(re) - lead).abs() < 1e-3, "{k}: {}", im.atan2(re));
        }
        let silence = transform.bin(57).square() as f64;
        assert!(silence.sqrt() / scale < 0.6, "{}", silence.sqrt() / scale);
    }

    #[test]
    fn the_largest_samples_do_not_overflow() {
        let mut transform = Transform::new();
        for period in [1, 2, 4, 16, 2048] {
            transform.run(|n| if (n / period) % 2 == 0 { (1 << 29) - 1 } else { -(1 << 29) + 1 });
            (1..1024).for_each(|k| assert!(transform.bin(k).square() < 1 << 62));
        }
    }
}
