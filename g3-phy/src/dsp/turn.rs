//! Points of the unit circle.

use super::Complex;

/// Angles up to this are near enough to zero for the short series.
const SMALL: f32 = 1.0;

/// exp(i·`angle`), to a few parts in ten million.
pub fn turn(angle: f32) -> Complex<f32> {
    if angle.abs() > SMALL {
        return Complex::new(libm::cosf(angle), libm::sinf(angle));
    }
    let x = angle * angle;
    let sine = angle * (1.0 + x * (-1.0 / 6.0 + x * (1.0 / 120.0 + x * (-1.0 / 5040.0 + x / 362_880.0))));
    let cosine = 1.0 + x * (-0.5 + x * (1.0 / 24.0 + x * (-1.0 / 720.0 + x / 40_320.0)));
    Complex::new(cosine, sine)
}

/// exp(i·(`first` + n·`step`)) for n = 0, 1, .. in `turns`.
pub fn turns(first: f32, step: f32, turns: &mut [Complex<f32>]) {
    let mut all = Turns::new();
    for (n, part) in turns.chunks_mut(TURNS_MAX).enumerate() {
        let count = part.len();
        let (re, im) = all.set(first + (n * TURNS_MAX) as f32 * step, step, count);
        part.iter_mut().zip(re.iter().zip(im)).for_each(|(turn, (&re, &im))| *turn = Complex { re, im });
    }
}

/// Points of a row at most.
pub(crate) const TURNS_MAX: usize = 128;
/// Points that are turned together.
const PART: usize = 8;

/// A row of points at equal angles, real and imaginary parts apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    re: [[f32; PART]; TURNS_MAX / PART],
    im: [[f32; PART]; TURNS_MAX / PART],
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self { re: [[0.0; PART]; TURNS_MAX / PART], im: [[0.0; PART]; TURNS_MAX / PART] }
    }

    /// Real and imaginary parts of exp(i·(`first` + n·`step`)) for n from 0 to `count` - 1, at most [`TURNS_MAX`], by
    /// doubling: each half is the one before, turned once.
    #[inline(always)]
    pub(crate) fn set(&mut self, first: f32, step: f32, count: usize) -> (&[f32], &[f32]) {
        let (start, mut stride) = (turn(first), turn(step));
        (self.re[0][0], self.im[0][0]) = (start.re, start.im);
        for len in [1, 2, 4] {
            for n in 0..len {
                let turned = Complex::new(self.re[0][n], self.im[0][n]) * stride;
                (self.re[0][len + n], self.im[0][len + n]) = (turned.re, turned.im);
            }
            stride = stride * stride;
        }
        let (parts, mut len) = (count.div_ceil(PART).min(TURNS_MAX / PART), 1);
        while len < parts {
            let (re, more_re) = self.re[..parts].split_at_mut(len);
            let (im, more_im) = self.im[..parts].split_at_mut(len);
            for ((re, im), (to_re, to_im)) in re.iter().zip(im).zip(more_re.iter_mut().zip(more_im)) {
                *to_re = core::array::from_fn(|n| re[n] * stride.re - im[n] * stride.im);
                *to_im = core::array::from_fn(|n| re[n] * stride.im + im[n] * stride.re);
            }
            (len, stride) = (2 * len, stride * stride);
        }
        (&self.re.as_flattened()[..count], &self.im.as_flattened()[..count])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(angle: f64) -> Complex<f32> {
        Complex::new(libm::cos(angle) as f32, libm::sin(angle) as f32)
    }

    proptest! {
        #[test]
        fn turns_agree_with_sine_and_cosine(angle in -7f32..7.0, step in -0.1f32..0.1, len in 0usize..300) {
            prop_assert!((turn(angle) - slow(angle.into())).norm() < 1e-6);
            let mut all = std::vec![Complex::default(); len];
            turns(angle, step, &mut all);
            for (n, turned) in all.into_iter().enumerate() {
                let exact = slow(f64::from(angle) + n as f64 * f64::from(step));
                prop_assert!((turned - exact).norm() < 2e-5, "{n}");
            }
        }
    }
}
