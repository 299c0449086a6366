//! The coloured background.

use super::key;
use crate::gauss::{BLOCK, white};
use crate::{Complex64, levels, specs};
use core::f64::consts::TAU;
use plc_core::Seed;

/// Gaussian noise, high at low frequency: white noise plus white noise through a low-pass of first order.
///
/// With the ordinary colour the density falls by 5 dB over the CENELEC-A band at 400 kHz, and by 14 dB in all
/// [confidence C].
#[derive(Clone, Debug)]
pub struct Background {
    key: u64,
    rate: f64,
    /// Voltage of the white part, per sample.
    direct: f64,
    /// Voltage of the low-passed part at zero frequency, per sample.
    low: f64,
    /// Feedback of the low-pass.
    pole: f64,
    /// Tail of the previous block, to start the low-pass from.
    previous: Option<(u64, [f32; WARM_UP])>,
}

/// Samples after which the low-pass has forgotten where it started.
const WARM_UP: usize = 128;

/// Corner of the low-pass, Hz [confidence C].
const CORNER_HZ: f64 = 15e3;

/// Low-passed over white voltage at zero frequency [confidence C].
const LOW_OVER_WHITE: f64 = 9.0;

impl Background {
    /// White noise of `density` V/√Hz at every frequency.
    pub fn white(rate: u32, density: f64, seed: &Seed) -> Self {
        let direct = density * (f64::from(rate) / 2.0).sqrt();
        let key = key(seed, "background");
        Self { key, rate: f64::from(rate), direct, low: 0.0, pole: 0.0, previous: None }
    }

    /// Noise of the ordinary colour with `density` V/√Hz at `hz`.
    pub fn coloured(rate: u32, hz: f64, density: f64, seed: &Seed) -> Self {
        let pole = (-TAU * CORNER_HZ / f64::from(rate)).exp();
        let mut noise = Self { low: LOW_OVER_WHITE, pole, ..Self::white(rate, 1.0, seed) };
        noise.low *= noise.direct;
        noise.scale(density / noise.density(hz).sqrt());
        noise
    }

    /// Noise of the ordinary colour with `dbuv` dBµV rms in the CENELEC-A band.
    pub fn in_cenelec_a(rate: u32, dbuv: f64, seed: &Seed) -> Self {
        let (first, last, spacing) = specs::CENELEC_A;
        let mut noise = Self::coloured(rate, first, 1.0, seed);
        let carriers = ((last - first) / spacing).round() as u32;
        let power: f64 =
            (0..=carriers).map(|k| noise.density(first + spacing * f64::from(k)) * spacing).sum();
        noise.scale(levels::volts_from_dbuv(dbuv) / power.sqrt());
        noise
    }

    /// An ordinary residential mains [`levels::RESIDENTIAL_MAINS_DBUV`].
    pub fn residential(rate: u32, seed: &Seed) -> Self {
        Self::in_cenelec_a(rate, levels::RESIDENTIAL_MAINS_DBUV, seed)
    }

    /// Power density at `hz`, V²/Hz.
    pub fn density(&self, hz: f64) -> f64 {
        let pole = Complex64::from_polar(self.pole, -TAU * hz / self.rate);
        let response = self.low * (1.0 - self.pole) / (Complex64::ONE - pole) + self.direct;
        response.norm_sqr() * 2.0 / self.rate
    }

    pub(super) fn scale(&mut self, ratio: f64) {
        self.direct *= ratio;
        self.low *= ratio;
    }

    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let mut block = [0f32; BLOCK];
        white(self.key, number, &mut block);
        let (direct, drive, pole) =
            (self.direct as f32, (self.low * (1.0 - self.pole)) as f32, self.pole as f32);
        if drive == 0.0 {
            out.iter_mut().zip(&block).for_each(|(out, white)| *out += direct * white);
            return;
        }
        let mut state =
            self.tail_before(number).iter().fold(0f32, |state, white| pole * state + drive * white);
        for (out, white) in out.iter_mut().zip(&block) {
            state = pole * state + drive * white;
            *out += direct * white + state;
        }
        let tail = core::array::from_fn(|n| block[BLOCK - WARM_UP + n]);
        self.previous = Some((number, tail));
    }

    /// The end of the white noise before block `number`.
    fn tail_before(&self, number: u64) -> [f32; WARM_UP] {
        match self.previous {
            Some((previous, tail)) if previous.wrapping_add(1) == number => tail,
            _ => {
                let mut block = [0f32; BLOCK];
                white(self.key, number.wrapping_sub(1), &mut block);
                core::array::from_fn(|n| block[BLOCK - WARM_UP + n])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{seed, spectrum};
    use super::*;
    use crate::{Noise, NoiseSource};

    #[test]
    fn the_measured_spectrum_is_the_stated_density() {
        let background = Background::residential(400_000, &seed());
        let mut noise = Noise::silent().with(NoiseSource::Background(background.clone()));
        let measured = spectrum(&mut noise, 400e3, 256, 8000);
        for (bin, measured) in measured.iter().enumerate().take(127).skip(2) {
            let db = 10.0 * (measured / background.density(bin as f64 * 1562.5)).log10();
            assert!(db.abs() < 0.25, "bin {bin}: {db} dB");
        }
    }

    #[test]
    fn the_density_falls_over_the_band() {
        let noise = Background::coloured(400_000, 60e3, 1e-6, &seed());
        assert!((noise.density(60e3).sqrt() - 1e-6).abs() < 1e-12);
        let fall = 10.0 * (noise.density(36e3) / noise.density(90e3)).log10();
        assert!((3.0..12.0).contains(&fall), "{fall}");
    }

    #[test]
    fn a_level_in_dbuv_is_the_power_in_the_band() {
        let noise = Background::in_cenelec_a(400_000, 60.0, &seed());
        let power: f64 = (0..550).map(|k| noise.density(35.5e3 + 100.0 * f64::from(k)) * 100.0).sum();
        assert!((levels::dbuv_from_volts(power.sqrt()) - 60.0).abs() < 0.3);
    }

    #[test]
    fn the_low_pass_has_forgotten_its_start_after_the_warm_up() {
        assert!(Background::residential(400_000, &seed()).pole.powi(WARM_UP as i32) < 1e-6);
        assert!(Background::residential(1_200_000, &seed()).pole.powi(WARM_UP as i32) < 1e-4);
    }
}
