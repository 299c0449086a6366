//! Differential phase-shift keying, Gray-coded, on a circle of sixteen phases.

use crate::dsp::Complex;

/// Phases of the circle: one step is π/8.
pub const PHASES: u8 = 16;

const C1: f32 = 0.923_879_5;
const C2: f32 = core::f32::consts::FRAC_1_SQRT_2;
const C3: f32 = 0.382_683_43;
/// Cosines of the sixteen phases.
const COSINE: [f32; 16] = [1.0, C1, C2, C3, 0.0, -C3, -C2, -C1, -1.0, -C1, -C2, -C3, 0.0, C3, C2, C1];

/// The point of the unit circle at `phase`·π/8.
pub const fn unit(phase: u8) -> Complex<f32> {
    Complex::new(COSINE[phase as usize % 16], COSINE[(phase as usize + 12) % 16])
}

/// Keying of one to three bits as a change of phase. Bit 0 of a value is the first in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dpsk {
    bits: usize,
}

impl Dpsk {
    /// Most bits of a carrier.
    pub const BITS_MAX: usize = 3;

    /// Keying of `bits` bits, 1 to 3.
    pub const fn new(bits: usize) -> Self {
        assert!(bits >= 1 && bits <= Self::BITS_MAX, "DPSK keys one to three bits");
        Self { bits }
    }

    /// Bits of a carrier.
    pub const fn bits(self) -> usize {
        self.bits
    }

    /// The change of phase for `value`, in π/8: the Gray code counts round the circle.
    pub const fn shift(self, value: u8) -> u8 {
        let position = value ^ value >> 1 ^ value >> 2;
        position * (PHASES >> self.bits)
    }

    /// Max-log soft bits of a `product` of a carrier with its conjugate predecessor, first bit first; positive
    /// means 0. A BPSK bit has the real part of the product as its value.
    #[inline(always)]
    pub fn soft(self, product: Complex<f32>) -> [f32; Self::BITS_MAX] {
        let (x, y) = (product.re, product.im);
        match self.bits {
            1 => [x, 0.0, 0.0],
            2 => [0.5 * (greater(x, -y) - greater(-x, y)), 0.5 * (greater(x, y) - greater(-x, -y)), 0.0],
            _ => soft_of_eight(product),
        }
    }

    /// The point of the constellation next to `product`.
    #[inline(always)]
    pub fn nearest(self, product: Complex<f32>) -> Complex<f32> {
        let (x, y) = (product.re, product.im);
        let (right, up) = (1f32.copysign(x), 1f32.copysign(y));
        let (flat, steep) = match self.bits {
            1 => return Complex::new(right, 0.0),
            2 => (x.abs() > y.abs(), x.abs() <= y.abs()),
            _ => (y.abs() < x.abs() * HALF_STEP, x.abs() < y.abs() * HALF_STEP),
        };
        let side = if flat | steep { 1.0 } else { C2 };
        Complex::new(if steep { 0.0 } else { right * side }, if flat { 0.0 } else { up * side })
    }
}

/// Tangent of half a step of eight phases.
const HALF_STEP: f32 = 0.414_213_56;

/// Soft bits of eight phases. A bit splits the circle in two halves, or in four quarters of which every other one is the same:
/// the likeness of a half is the greatest of four neighbours, and that of the other half the greatest of their opposites.
#[inline(always)]
fn soft_of_eight(product: Complex<f32>) -> [f32; Dpsk::BITS_MAX] {
    let (x, y) = (product.re, product.im);
    let (up, down) = (C2 * (x + y), C2 * (x - y));
    let half = |a: f32, b: f32, c: f32, d: f32| {
        0.5 * (greater(greater(a, b), greater(c, d)) + less(less(a, b), less(c, d)))
    };
    let quarters = greater(x.abs(), down.abs()) - greater(up.abs(), y.abs());
    [0.5 * quarters, half(x, up, down, -y), half(x, up, y, -down)]
}

/// The greater of two, without a thought for what is no number.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn less(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Phases in π/8 by value, bit 0 being the first bit.
    const TABLES: [&[u8]; 3] = [&[0, 8], &[0, 4, 12, 8], &[0, 2, 6, 4, 14, 12, 8, 10]];

    #[test]
    fn shifts_are_those_of_the_standard() {
        for (bits, table) in TABLES.into_iter().enumerate() {
            for (value, &phase) in table.iter().enumerate() {
                assert_eq!(Dpsk::new(bits + 1).shift(value as u8), phase);
            }
        }
    }

    #[test]
    fn the_circle_is_round() {
        for phase in 0..16 {
            let angle = core::f32::consts::PI / 8.0 * f32::from(phase);
            assert!((unit(phase) - Complex::new(libm::cosf(angle), libm::sinf(angle))).norm() < 1e-6);
        }
    }

    /// Max-log by definition, over all points of the constellation.
    fn slow_soft(bits: usize, product: Complex<f32>, bit: usize) -> f32 {
        let best = |wanted: usize| {
            let values = (0..1usize << bits).filter(|v| v >> bit & 1 == wanted);
            let likeness = values.map(|v| (product * unit(TABLES[bits - 1][v]).conj()).re);
            likeness.fold(f32::MIN, f32::max)
        };
        0.5 * (best(0) - best(1))
    }

    proptest! {
        #[test]
        fn soft_bits_agree_with_their_definition(re in -9f32..9.0, im in -9f32..9.0, bits in 1usize..4) {
            let product = Complex::new(re, im);
            let soft = Dpsk::new(bits).soft(product);
            for (bit, value) in soft.into_iter().enumerate().take(bits) {
                prop_assert!((value - slow_soft(bits, product, bit)).abs() < 1e-5);
            }
        }

        #[test]
        fn the_nearest_point_is_nearest(re in -9f32..9.0, im in -9f32..9.0, bits in 1usize..4) {
            let product = Complex::new(re, im);
            let reached = (product * Dpsk::new(bits).nearest(product).conj()).re;
            let best = TABLES[bits - 1].iter().map(|&p| (product * unit(p).conj()).re).fold(f32::MIN, f32::max);
            prop_assert!(reached > best - 1e-5);
        }
    }
}
