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

/// exp(i·(`first` + n·`step`)) for n = 0, 1, .. in `turns`, by doubling: each half is the one before, turned once.
pub fn turns(first: f32, step: f32, turns: &mut [Complex<f32>]) {
    let Some(start) = turns.first_mut() else { return };
    *start = turn(first);
    let (mut len, mut stride) = (1, turn(step));
    while len < turns.len() {
        let (done, rest) = turns.split_at_mut(len);
        rest.iter_mut().zip(done).for_each(|(turned, before)| *turned = *before * stride);
        (len, stride) = (2 * len, stride * stride);
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
        fn turns_agree_with_sine_and_cosine(angle in -7f32..7.0, step in -0.1f32..0.1, len in 0usize..80) {
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
