//! What a link and a noise mean for a receiver: signal-to-noise ratio per carrier.

use crate::levels::{TRANSMITTER_DBUV, volts_from_dbuv};
use crate::{Link, Noise, specs};
use core::fmt;

/// A transmitted signal: even power over its carriers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Open-circuit voltage, V rms, over the whole band.
    pub rms: f64,
    /// First carrier, Hz.
    pub first_hz: f64,
    /// Last carrier, Hz.
    pub last_hz: f64,
    /// Distance of the carriers, Hz.
    pub spacing_hz: f64,
}

/// Why a background cannot be set from a signal-to-noise ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnrError {
    /// No transmitter is connected to this receiver.
    NoLink,
    /// The receiver's noise has no background that could be scaled.
    NoBackground,
}

impl Signal {
    /// The 36 carriers of CENELEC-A at the ordinary level of a transmitter.
    pub fn cenelec_a() -> Self {
        Self::new(specs::CENELEC_A)
    }

    /// The 72 carriers of FCC-1 at the ordinary level of a transmitter.
    pub fn fcc_1() -> Self {
        Self::new(specs::FCC_1)
    }

    /// With another open-circuit voltage, V rms.
    pub fn with_rms(mut self, rms: f64) -> Self {
        self.rms = rms;
        self
    }

    /// Frequencies of the carriers, Hz.
    pub fn carriers(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { first_hz, spacing_hz, .. } = *self;
        (0..self.count()).map(move |k| first_hz + spacing_hz * f64::from(k))
    }

    /// Power density at the transmitter, V²/Hz.
    pub fn density(&self) -> f64 {
        self.rms * self.rms / (f64::from(self.count()) * self.spacing_hz)
    }

    /// Signal-to-noise ratio of each carrier, dB, against the mean of the whole noise.
    pub fn snr_db(&self, link: &Link, noise: &Noise) -> Vec<f64> {
        let ratio = |hz| self.received(link, hz) / noise.density(hz, self.spacing_hz);
        self.carriers().map(ratio).map(decibels).collect()
    }

    /// Mean over the carriers of the ratio in dB, against the background alone.
    pub fn mean_background_snr_db(&self, link: &Link, noise: &Noise) -> f64 {
        let ratio = |hz| self.received(link, hz) / noise.background_density(hz);
        mean(self.carriers().map(ratio).map(decibels))
    }

    /// Mean attenuation over the carriers, dB.
    pub fn mean_attenuation_db(&self, link: &Link) -> f64 {
        mean(self.carriers().map(|hz| link.attenuation_db(hz)))
    }

    fn new((first_hz, last_hz, spacing_hz): (f64, f64, f64)) -> Self {
        Self { rms: volts_from_dbuv(TRANSMITTER_DBUV), first_hz, last_hz, spacing_hz }
    }

    fn count(&self) -> u32 {
        ((self.last_hz - self.first_hz) / self.spacing_hz).round() as u32 + 1
    }

    fn received(&self, link: &Link, hz: f64) -> f64 {
        self.density() * 10f64.powf(-link.attenuation_db(hz) / 10.0)
    }
}

impl fmt::Display for SnrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLink => "no transmitter is connected to this receiver",
            Self::NoBackground => "the receiver has no background noise to scale",
        })
    }
}

impl core::error::Error for SnrError {}

/// Mean in dB of a ratio per carrier, such as [`Signal::snr_db`] returns.
pub fn mean_db(per_carrier: &[f64]) -> f64 {
    mean(per_carrier.iter().copied())
}

fn decibels(power_ratio: f64) -> f64 {
    10.0 * power_ratio.log10()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoiseSource;
    use crate::noise::Background;
    use plc_core::Seed;

    #[test]
    fn the_carriers_are_those_of_the_band_plan() {
        assert_eq!(Signal::cenelec_a().carriers().count(), 36);
        assert_eq!(Signal::fcc_1().carriers().count(), 72);
        assert_eq!(Signal::cenelec_a().carriers().last(), Some(90_625.0));
    }

    #[test]
    fn levels_attenuation_and_noise_in_dbuv_give_the_ratio_in_db() {
        let noise = Background::in_cenelec_a(400_000, 60.0, &Seed::from_u64(1));
        let noise = Noise::silent().with(NoiseSource::Background(noise));
        let link = Link::flat(0.01, 400_000);
        let snr = Signal::cenelec_a().snr_db(&link, &noise);
        assert!((mean_db(&snr) - 20.0).abs() < 1.5, "{}", mean_db(&snr));
        assert!(snr[35] > snr[0] + 3.0);
    }
}
