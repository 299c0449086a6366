//! Sums and maxima in an order that leaves room for vectors: the same on every processor, to the last bit.

use super::Complex;

/// From this many values on, halves are added up.
const FEW: usize = 24;

/// The sum of `values`, which are lost: the upper half is added to the lower until few are left.
#[inline(always)]
pub(crate) fn sum(mut values: &mut [f32]) -> f32 {
    while values.len() > FEW {
        let (low, high) = values.split_at_mut(values.len().div_ceil(2));
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        values = low;
    }
    let (pairs, rest) = values.as_chunks();
    let [a, b] = pairs.iter().fold([0f32; 2], |[a, b], pair: &[f32; 2]| [a + pair[0], b + pair[1]]);
    rest.iter().fold(a + b, |sum, value| sum + value)
}

/// The greatest of `values`, none of which counts as less than 0.
#[inline(always)]
pub(crate) fn greatest(values: &[f32]) -> f32 {
    // Numbers from 0 on are ordered like their bits, and those below 0 are negative either way.
    let bits = values.iter().map(|value| value.to_bits() as i32);
    f32::from_bits(bits.fold(0, i32::max) as u32)
}

/// Squared magnitudes.
#[inline(always)]
pub(crate) fn powers(points: &[Complex<f32>], powers: &mut [f32]) {
    powers.iter_mut().zip(points).for_each(|(power, point)| *power = point.norm_sqr());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_by_halves_are_the_sum(mut values in proptest::collection::vec(-9f32..9.0, 0..300)) {
            let slow: f64 = values.iter().map(|&value| f64::from(value)).sum();
            prop_assert_eq!(greatest(&values), values.iter().fold(0.0, |a: f32, &b| a.max(b)));
            prop_assert!((f64::from(sum(&mut values)) - slow).abs() < 1e-3);
        }
    }
}
