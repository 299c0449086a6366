//! Harmonics, interharmonics and distortion by groups \[61000-4-7\].

use super::fft::{Complex, Transform};
use super::kernel::Correction;

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

    /// The groups of the lines of a voltage and a current.
    #[inline(never)]
    pub(crate) fn pair(lines: &Lines<'_>, pico: [u64; 2]) -> [Self; 2] {
        let shifts = lines.transform.shifts();
        let scales = [Scale::new(pico[0], shifts[0]), Scale::new(pico[1], shifts[1])];
        let mut spectra = [Self::default(); 2];
        // Each line is looked at once: the last half of a line and the last interharmonics go on to the next harmonic.
        let mut edge = lines.squares(SPACING / 2).map(|square| square / 2);
        let mut between = [0u64; 2];
        for order in 1..=HARMONICS {
            let sums = lines.around(order);
            for channel in 0..2 {
                let (sums, scale, spectrum) = (&sums, &scales[channel], &mut spectra[channel]);
                let (near, below, above, last) =
                    (sums.near[channel], sums.below[channel], sums.above[channel], sums.last[channel]);
                let sides = below.saturating_add(above).saturating_add(edge[channel] + last / 2);
                spectrum.subgroups[order] = scale.micro(near);
                spectrum.groups[order] = scale.micro(near.saturating_add(sides));
                if order > 1 {
                    spectrum.interharmonics[order - 1] = scale.micro(between[channel].saturating_add(below));
                }
                (edge[channel], between[channel]) = (last / 2, above.saturating_add(last));
            }
        }
        spectra
    }
}

/// Sums of squared lines about a harmonic, of two channels.
#[derive(Clone, Copy, Debug, Default)]
struct Around {
    /// The harmonic with the lines beside it.
    near: [u64; 2],
    /// The lines from there half way to the next harmonics, without the last one.
    below: [u64; 2],
    above: [u64; 2],
    /// The line half way above.
    last: [u64; 2],
}

/// The lines of the transform of a voltage and a current, corrected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    transform: &'a Transform,
    correction: Correction,
}

impl<'a> Lines<'a> {
    pub(crate) const fn new(transform: &'a Transform, correction: Correction) -> Self {
        Self { transform, correction }
    }

    /// Line `k` of both, at half of its size.
    #[inline(always)]
    fn line(&self, k: usize) -> [Complex; 2] {
        self.correction.apply(k, self.transform.bin(k))
    }

    /// The same, squared: at most 2^60, and all together no more than the samples carried, so that sums fit.
    #[inline(never)]
    fn squares(&self, k: usize) -> [u64; 2] {
        self.line(k).map(Complex::square)
    }

    fn around(&self, order: usize) -> Around {
        let middle = order * SPACING;
        let mut sums = Around::default();
        for k in middle - (SPACING / 2 - 1)..middle + SPACING / 2 {
            let squares = self.squares(k);
            let sum = match k {
                _ if k + 1 < middle => &mut sums.below,
                _ if k > middle + 1 => &mut sums.above,
                _ => &mut sums.near,
            };
            *sum = [sum[0].saturating_add(squares[0]), sum[1].saturating_add(squares[1])];
        }
        Around { last: self.squares(middle + SPACING / 2), ..sums }
    }

    /// Mean reactive power by Budeanu: the sum over all orders, in squared steps.
    #[inline(never)]
    pub(crate) fn budeanu(&self) -> i128 {
        let mut sum = 0;
        for order in 1..=HARMONICS {
            let [u, i] = self.line(order * SPACING);
            let product = i64::from(u.im) * i64::from(i.re) - i64::from(u.re) * i64::from(i.im);
            sum += i128::from(product);
        }
        // Both are at half of their peaks, and the power is half of the product of those.
        let [u_shift, i_shift] = self.transform.shifts();
        (sum << 1) >> (u_shift + i_shift)
    }
}

/// RMS values in millionths of the unit from sums of squared halves of peak values: one for many, because a wide division costs a small
/// processor more than everything else here.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// `pico · √2 / 1e6` is this with [`Self::shift`] fractional bits; it has 31 of them.
    factor: u64,
    shift: u32,
}

impl Scale {
    fn new(pico: u64, transform_shift: u32) -> Self {
        const SQRT_2_Q30: u128 = 1_518_500_250;
        let micro_q72 = ((u128::from(pico) * SQRT_2_Q30) << 42) / 1_000_000;
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
        let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as i32 - (1 << 23);
        transform.run((0..POINTS as u32).map(|n| [noise(n), noise(n + 3000) >> 5]));
        let (lines, pico) = (Lines::new(&transform, Correction::of(1600 << 16)), [1_000_000, 77_000_000]);
        for (channel, spectrum) in Spectrum::pair(&lines, pico).iter().enumerate() {
            let scale = Scale::new(pico[channel], transform.shifts()[channel]);
            let bin = |k: usize| lines.squares(k)[channel];
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

    #[test]
    fn the_scale_is_the_root_of_a_half_of_the_peak_squared() {
        for (pico, shift, peak) in [(1_000_000, 4, 1000.0), (43_000_000, 0, 8e6), (1 << 35, 9, 3.0)] {
            let square = (peak * f64::from(1u32 << shift) / 2.0).powi(2).round() as u64;
            let truth = peak * pico as f64 * 1e-6 / core::f64::consts::SQRT_2;
            let micro = f64::from(Scale::new(pico, shift).micro(square));
            assert!((micro / truth - 1.0).abs() < 1e-3 + 1.0 / truth, "{micro} {truth}");
        }
    }
}
