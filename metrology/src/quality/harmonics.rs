//! Harmonics, interharmonics and distortion by groups \[61000-4-7\].

use super::fft::{Complex, Transform};

/// The highest harmonic.
pub const HARMONICS: usize = 40;
/// Bins between two harmonics: cycles of the window.
const SPACING: usize = crate::specs::CYCLES_PER_WINDOW as usize;

/// The spectrum of one channel over the last window that was analysed, RMS values in µV or µA. Index 0 is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spectrum {
    /// Harmonic subgroups \[61000-4-7 5.6\]: a harmonic with the bins beside it.
    pub subgroups: [u32; HARMONICS + 1],
    /// Harmonic groups: with all bins half way to the next harmonics.
    pub groups: [u32; HARMONICS + 1],
    /// Interharmonic centred subgroups between a harmonic and the next.
    pub interharmonics: [u32; HARMONICS],
}

impl Default for Spectrum {
    fn default() -> Self {
        Self { subgroups: [0; HARMONICS + 1], groups: [0; HARMONICS + 1], interharmonics: [0; HARMONICS] }
    }
}

impl Spectrum {
    /// Total distortion by subgroups (THDS), in millionths of the fundamental; zero without one.
    pub fn thd_ppm(&self) -> u32 {
        distortion(&self.subgroups)
    }

    /// Total distortion by groups (THDG), in millionths of the fundamental; zero without one.
    pub fn thdg_ppm(&self) -> u32 {
        distortion(&self.groups)
    }

    /// A harmonic, 1 to 40, by its subgroup, in millionths of the fundamental; zero without one.
    pub fn harmonic_ppm(&self, order: usize) -> u32 {
        let harmonic = self.subgroups.get(order).copied().unwrap_or(0);
        let ppm = u64::from(harmonic) * 1_000_000;
        ppm.checked_div(u64::from(self.subgroups[1])).map_or(0, |ppm| u32::try_from(ppm).unwrap_or(u32::MAX))
    }

    /// The groups of a transform whose steps are worth `pico` pV or pA.
    pub(crate) fn new(transform: &Transform, pico: u64) -> Self {
        // No line is above 2^60, and all together carry no more than the samples did: sums fit.
        let bin = |k: usize| transform.bin(k).square();
        let scale = Scale::new(pico, transform.shift());
        let mut spectrum = Self::default();
        // Each line is looked at once: the last half of a line and the last interharmonics go on to the next harmonic.
        let mut edge = bin(SPACING / 2) / 2;
        let mut between = 0u64;
        for order in 1..=HARMONICS {
            let around = order * SPACING;
            let mut near = bin(around - 1).saturating_add(bin(around));
            let last = bin(around + SPACING / 2);
            let (mut below, mut above) = (0u64, 0u64);
            for off in 2..SPACING / 2 {
                below = below.saturating_add(bin(around - off));
                above = above.saturating_add(bin(around + off));
            }
            near = near.saturating_add(bin(around + 1));
            let sides = below.saturating_add(above);
            spectrum.subgroups[order] = scale.micro(near);
            let edges = edge + last / 2;
            spectrum.groups[order] = scale.micro(near.saturating_add(sides).saturating_add(edges));
            if order > 1 {
                spectrum.interharmonics[order - 1] = scale.micro(between.saturating_add(below));
            }
            (edge, between) = (last / 2, above.saturating_add(last));
        }
        spectrum
    }
}

/// The harmonics themselves, as complex peak values in steps with [`LINE_FRACTION`] fractional bits: for powers by order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines([(i64, i64); HARMONICS + 1]);

const LINE_FRACTION: u32 = 8;

impl Lines {
    pub(crate) const fn none() -> Self {
        Self([(0, 0); HARMONICS + 1])
    }

    pub(crate) fn new(transform: &Transform) -> Self {
        let mut lines = Self::none();
        let scale = |part: i32| (i64::from(part) << LINE_FRACTION) >> transform.shift();
        for (order, line) in lines.0.iter_mut().enumerate().skip(1) {
            let Complex { re, im } = transform.bin(order * SPACING);
            *line = (scale(re), scale(im));
        }
        lines
    }

    /// Mean reactive power by Budeanu with the lines of a current: the sum over all orders, in squared steps.
    pub(crate) fn budeanu(&self, current: &Self) -> i128 {
        let parts = self.0.iter().zip(&current.0);
        let sum: i128 =
            parts.map(|(u, i)| i128::from(u.1) * i128::from(i.0) - i128::from(u.0) * i128::from(i.1)).sum();
        sum >> (2 * LINE_FRACTION + 1)
    }
}

/// RMS values in millionths of the unit from sums of squared peak values: one for many, because a wide division costs a small
/// processor more than everything else here.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// `pico / (1e6 · √2)` is this with [`Self::shift`] fractional bits; it has 31 of them.
    factor: u64,
    shift: u32,
}

impl Scale {
    fn new(pico: u64, transform_shift: u32) -> Self {
        const HALF_SQRT_2_Q31: u128 = 1_518_500_250;
        let micro_q72 = ((u128::from(pico) * HALF_SQRT_2_Q31) << 41) / 1_000_000;
        let excess = (128 - micro_q72.leading_zeros()).saturating_sub(31);
        Self { factor: (micro_q72 >> excess) as u64, shift: 72 - excess.min(72) + transform_shift }
    }

    /// The root of a sum of squares below 2^64 with five more bits, scaled.
    fn micro(&self, square: u64) -> u32 {
        let room = square.leading_zeros().min(62) & !1;
        let root = (square << room).isqrt();
        let micro = (root * self.factor) >> (self.shift + room / 2).min(63);
        u32::try_from(micro).unwrap_or(u32::MAX)
    }
}

fn distortion(values: &[u32; HARMONICS + 1]) -> u32 {
    let square: u128 = values[2..].iter().map(|&value| u128::from(value).pow(2)).sum();
    let ppm = square.isqrt() * 1_000_000;
    ppm.checked_div(u128::from(values[1])).map_or(0, |ppm| u32::try_from(ppm).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::fft::POINTS;
    use super::*;

    #[test]
    fn groups_in_one_pass_are_the_sums_of_their_lines() {
        let mut transform = Transform::new();
        transform.run((0..POINTS as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as i32 - (1 << 23)));
        let (spectrum, scale) =
            (Spectrum::new(&transform, 1_000_000), Scale::new(1_000_000, transform.shift()));
        let bin = |k: usize| transform.bin(k).square();
        let micro = |sum: u64| scale.micro(sum);
        let sum = |from: usize, to: usize| (from..=to).map(bin).sum::<u64>();
        for order in 1..=HARMONICS {
            let k = 10 * order;
            assert_eq!(spectrum.subgroups[order], micro(sum(k - 1, k + 1)), "{order}");
            let edges = bin(k - 5) / 2 + bin(k + 5) / 2;
            assert_eq!(spectrum.groups[order], micro(sum(k - 4, k + 4) + edges), "{order}");
            if order < HARMONICS {
                assert_eq!(spectrum.interharmonics[order], micro(sum(k + 2, k + 8)), "{order}");
            }
        }
        assert!(spectrum.groups.iter().skip(1).all(|&group| group > 1000), "there is something in each");
    }
}
