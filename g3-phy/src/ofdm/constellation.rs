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
    pub fn soft(self, product: Complex<f32>) -> [f32; Self::BITS_MAX] {
        let (x, y) = (product.re, product.im);
        match self.bits {
            1 => [x, 0.0, 0.0],
            2 => [0.5 * (x.max(-y) - (-x).max(y)), 0.5 * (x.max(y) - (-x).max(-y)), 0.0],
            _ => self.soft_of_eight(product),
        }
    }

    fn soft_of_eight(self, product: Complex<f32>) -> [f32; Self::BITS_MAX] {
        let (mut zero, mut one) = ([f32::MIN; Self::BITS_MAX], [f32::MIN; Self::BITS_MAX]);
        for position in 0..8u8 {
            let point = unit(position * 2);
            let likeness = product.re * point.re + product.im * point.im;
            let value = position ^ position >> 1;
            for bit in 0..Self::BITS_MAX {
                let side = if value >> bit & 1 == 0 { &mut zero } else { &mut one };
                side[bit] = side[bit].max(likeness);
            }
        }
        core::array::from_fn(|bit| 0.5 * (zero[bit] - one[bit]))
    }

    /// The point of the constellation next to `product`.
    pub fn nearest(self, product: Complex<f32>) -> Complex<f32> {
        let soft = self.soft(product);
        let value = (0..self.bits).fold(0, |value, bit| value | u8::from(soft[bit] < 0.0) << bit);
        unit(self.shift(value))
    }
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
