//! The echo model of Zimmermann and Dostert.

use crate::Complex64;
use crate::specs::{self, EchoRow};
use core::f64::consts::TAU;

/// One echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// Gain without the attenuation of the cable; negative when a reflection inverts.
    pub gain: f64,
    /// Length of the way, metres.
    pub metres: f64,
}

/// H(f) = Σ g exp(−(a0 + a1 fᵏ) d) exp(−j2πf d/v).
#[derive(Clone, Debug, PartialEq)]
pub struct Multipath {
    /// The echoes.
    pub echoes: Vec<Echo>,
    /// Attenuation without frequency, 1/m.
    pub a0: f64,
    /// Attenuation with frequency, sᵏ/m.
    pub a1: f64,
    /// Exponent of the frequency, 0.5 to 1.
    pub k: f64,
    /// Speed, m/s.
    pub velocity: f64,
}

impl Multipath {
    /// The four-path reference channel.
    pub fn four_path() -> Self {
        Self::reference(&specs::FOUR_PATH)
    }

    /// The fifteen-path reference channel.
    pub fn fifteen_path() -> Self {
        Self::reference(&specs::FIFTEEN_PATH)
    }

    /// The response at `hz`.
    pub fn response(&self, hz: f64) -> Complex64 {
        let loss = self.a0 + self.a1 * hz.powf(self.k);
        self.echoes.iter().map(|echo| echo.response(hz, loss, self.velocity)).sum()
    }

    /// Time that the first wave needs, seconds.
    pub fn delay_s(&self) -> f64 {
        let shortest = self.echoes.iter().map(|echo| echo.metres).fold(f64::INFINITY, f64::min);
        if shortest.is_finite() { shortest / self.velocity } else { 0.0 }
    }

    fn reference(rows: &[EchoRow]) -> Self {
        let echoes = rows.iter().map(|&(gain, metres)| Echo { gain, metres }).collect();
        Self { echoes, a0: 0.0, a1: specs::REFERENCE_A1_S_PER_M, k: 1.0, velocity: specs::VELOCITY_M_PER_S }
    }
}

impl Echo {
    fn response(&self, hz: f64, loss: f64, velocity: f64) -> Complex64 {
        Complex64::from_polar(self.gain * (-loss * self.metres).exp(), -TAU * hz * self.metres / velocity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_path_channel_is_nearly_one_at_low_frequency() {
        assert!((Multipath::four_path().response(0.0).re - 0.92).abs() < 1e-12);
    }

    #[test]
    fn the_four_path_channel_has_its_published_notches_in_the_megahertz() {
        let channel = Multipath::four_path();
        let db = |hz| 20.0 * channel.response(hz).norm().log10();
        let deepest = (20..60).map(|k| db(f64::from(k) * 1e5)).fold(0.0, f64::min);
        assert!(deepest < db(5e5) - 6.0, "{deepest}");
    }

    #[test]
    fn the_fifteen_path_channel_loses_more_than_the_four_path_one() {
        let mean = |channel: Multipath| {
            (0..200).map(|k| channel.response(5e5 + 1e5 * f64::from(k)).norm()).sum::<f64>()
        };
        assert!(mean(Multipath::fifteen_path()) < 0.5 * mean(Multipath::four_path()));
    }
}
