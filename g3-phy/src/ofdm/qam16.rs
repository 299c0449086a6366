//! Sixteen points in a square, Gray-coded along each axis.

use crate::dsp::Complex;

/// Which bits choose which axis. Bit 0 is the first in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Qam16Map {
    /// Bits 0 and 1 the real axis, bits 2 and 3 the imaginary one.
    #[default]
    PairPerAxis,
    /// Bits 0 and 2 the real axis, bits 1 and 3 the imaginary one.
    AlternatingAxes,
}

/// Half the distance of neighbouring points, for points of mean power 1.
const HALF_STEP: f32 = 0.316_227_77;

impl Qam16Map {
    /// Bits of a point.
    pub const BITS: usize = 4;

    /// Which bits of a value are the sign and the size on the real axis, and on the imaginary one.
    const fn axes(self) -> [[usize; 2]; 2] {
        match self {
            Self::PairPerAxis => [[0, 1], [2, 3]],
            Self::AlternatingAxes => [[0, 2], [1, 3]],
        }
    }

    /// The point of `value`, of mean power 1. A first bit of 0 is the positive side, a second bit of 0 the outer points.
    pub fn point(self, value: u8) -> Complex<f32> {
        let axis = |[sign, size]: [usize; 2]| {
            let far = if value >> size & 1 == 0 { 3.0 } else { 1.0 };
            if value >> sign & 1 == 0 { far * HALF_STEP } else { -far * HALF_STEP }
        };
        let [re, im] = self.axes();
        Complex::new(axis(re), axis(im))
    }

    /// Max-log soft bits of a received `point`, first bit first; positive means 0. The unit is that of
    /// [`Dpsk::soft`](super::Dpsk::soft): half the difference of the correlations with the best points on either side,
    /// less half the difference of their powers.
    pub fn soft(self, point: Complex<f32>) -> [f32; Self::BITS] {
        let mut soft = [0.0; Self::BITS];
        for ([sign, size], value) in self.axes().into_iter().zip([point.re, point.im]) {
            (soft[sign], soft[size]) = axis_soft(value);
        }
        soft
    }

    /// The point next to `point`.
    pub fn nearest(self, point: Complex<f32>) -> Complex<f32> {
        let soft = self.soft(point);
        let value = (0..Self::BITS).fold(0, |value, bit| value | u8::from(soft[bit] < 0.0) << bit);
        self.point(value)
    }
}

/// Soft bits of sign and size of one axis, by the distances to the best points: with points a and b the measure is
/// ((x-b)² - (x-a)²) / 4.
fn axis_soft(x: f32) -> (f32, f32) {
    const NEAR: f32 = HALF_STEP;
    const FAR: f32 = 3.0 * HALF_STEP;
    let measure = |point: f32| 0.5 * (x * point - 0.5 * point * point);
    let (positive, negative) = (measure(NEAR).max(measure(FAR)), measure(-NEAR).max(measure(-FAR)));
    let (outer, inner) = (measure(FAR).max(measure(-FAR)), measure(NEAR).max(measure(-NEAR)));
    (positive - negative, outer - inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAPS: [Qam16Map; 2] = [Qam16Map::PairPerAxis, Qam16Map::AlternatingAxes];

    #[test]
    fn neighbours_differ_in_one_bit_and_the_mean_power_is_one() {
        for map in MAPS {
            let power: f32 = (0..16).map(|v| map.point(v).norm_sqr()).sum();
            assert!((power - 16.0).abs() < 1e-4);
            for (a, b) in (0..16u8).flat_map(|a| (0..16).map(move |b| (a, b))) {
                let distance = (map.point(a) - map.point(b)).norm() / HALF_STEP;
                assert!(!(1e-3..=1.9).contains(&distance), "{a} {b}");
                assert!(distance > 2.1 || (a ^ b).count_ones() <= 1, "{a} {b}");
            }
        }
    }

    proptest! {
        #[test]
        fn soft_bits_agree_with_their_definition(re in -2f32..2.0, im in -2f32..2.0, alternating: bool) {
            let (map, x) = (MAPS[usize::from(alternating)], Complex::new(re, im));
            for (bit, soft) in map.soft(x).into_iter().enumerate() {
                let best = |wanted: u8| {
                    let side = (0..16u8).filter(|v| v >> bit & 1 == wanted);
                    side.map(|v| (x - map.point(v)).norm_sqr()).fold(f32::MAX, f32::min)
                };
                prop_assert!((soft - 0.25 * (best(1) - best(0))).abs() < 1e-5);
            }
        }

        #[test]
        fn the_nearest_point_is_nearest(re in -2f32..2.0, im in -2f32..2.0, alternating: bool) {
            let (map, x) = (MAPS[usize::from(alternating)], Complex::new(re, im));
            let best = (0..16).map(|v| (x - map.point(v)).norm()).fold(f32::MAX, f32::min);
            prop_assert!((x - map.nearest(x)).norm() < best + 1e-5);
        }
    }
}
