//! Keying against a reference, whatever the constellation.

use super::{Dpsk, Qam16Map};
use crate::dsp::Complex;

/// A constellation of one to four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keying {
    /// Points on a circle.
    Psk(Dpsk),
    /// Sixteen points in a square.
    Qam16(Qam16Map),
}

impl Keying {
    /// Most bits of a point.
    pub const BITS_MAX: usize = 4;

    /// The constellation of `bits` bits; four of them are keyed by `map`.
    pub const fn new(bits: usize, map: Qam16Map) -> Self {
        if bits == Qam16Map::BITS { Self::Qam16(map) } else { Self::Psk(Dpsk::new(bits)) }
    }

    /// Bits of a point.
    pub const fn bits(self) -> usize {
        match self {
            Self::Psk(keying) => keying.bits(),
            Self::Qam16(_) => Qam16Map::BITS,
        }
    }

    /// Max-log soft bits of a `product` of a carrier with its conjugate reference of `power`, first bit first; positive
    /// means 0. Four divided by the power of the noise makes them log-likelihood ratios.
    pub fn soft(self, product: Complex<f32>, power: f32) -> [f32; Self::BITS_MAX] {
        match self {
            Self::Psk(keying) => {
                let [a, b, c] = keying.soft(product);
                [a, b, c, 0.0]
            }
            Self::Qam16(map) => map.soft(product / power.max(f32::MIN_POSITIVE)).map(|value| value * power),
        }
    }

    /// The point of the constellation next to `product`.
    pub fn nearest(self, product: Complex<f32>, power: f32) -> Complex<f32> {
        match self {
            Self::Psk(keying) => keying.nearest(product),
            Self::Qam16(map) => map.nearest(product / power.max(f32::MIN_POSITIVE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_the_reference_scales_soft_bits_and_leaves_decisions() {
        for bits in 1..=4 {
            let keying = Keying::new(bits, Qam16Map::PairPerAxis);
            let product = Complex::new(0.83, -0.41);
            let (one, nine) = (keying.soft(product, 1.0), keying.soft(product * 9.0, 9.0));
            assert!(one.iter().zip(nine).all(|(a, b)| (a * 9.0 - b).abs() < 1e-4));
            assert_eq!(keying.nearest(product, 1.0), keying.nearest(product * 9.0, 9.0));
        }
    }
}
