//! A sigma-delta converter, as its output looks.

use super::sensor::REFERENCE_CELSIUS;

/// A source of repeatable chance.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed gives the same sequence.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Even between -1 and 1.
    pub fn even(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Normal with a deviation of one, but for its tails: the sum of four even ones of 16 bits.
    pub fn normal(&mut self) -> f64 {
        self.even();
        let sum: u64 = (0..4).map(|n| (self.0 >> (16 * n)) & 0xFFFF).sum();
        (sum as f64 - 131_070.0) * (3.0f64.sqrt() / 65_536.0)
    }
}

/// One channel of a sigma-delta converter behind its decimation filter: gain, offset, drift, white noise, 24 bits, saturation.
///
/// The modulator itself is not simulated: within the band of the filter its shaped noise is below the thermal noise of its input.
#[derive(Clone, Debug)]
pub struct Converter {
    /// Value of a step, in V or A.
    pub step: f64,
    /// Error of the gain at the temperature of reference, parts of one.
    pub gain_error: f64,
    /// Drift of the gain (of the voltage reference), parts of one per kelvin.
    pub per_kelvin: f64,
    /// Offset, in steps.
    pub offset: f64,
    /// RMS noise, in steps.
    pub noise: f64,
    /// By how much the filter before it delays, in s.
    pub skew_s: f64,
    chance: Chance,
}

/// Full scale, in steps.
const FULL: f64 = 8_388_607.0;

impl Converter {
    /// A converter without an error but that it has steps.
    pub const fn ideal(step: f64) -> Self {
        Self {
            step,
            gain_error: 0.0,
            per_kelvin: 0.0,
            offset: 0.0,
            noise: 0.0,
            skew_s: 0.0,
            chance: Chance::new(1),
        }
    }

    /// A converter with 100 dB between a full sine and its noise, 7 ppm/K, and errors drawn from `chance`: ±0.5 % of gain, ±1000
    /// steps of offset, ±0.2 µs of the filter before it [confidence C].
    pub fn real(step: f64, chance: &mut Chance) -> Self {
        Self {
            step,
            gain_error: 0.005 * chance.even(),
            per_kelvin: 7e-6,
            offset: 1000.0 * chance.even(),
            noise: FULL / 2f64.sqrt() * 1e-5,
            skew_s: 0.2e-6 * chance.even(),
            chance: Chance::new((chance.even() * 1e9) as i64 as u64),
        }
    }

    /// Another draw of the noise.
    pub fn reseed(&mut self, seed: u64) {
        self.chance = Chance::new(self.chance.0 ^ seed.wrapping_mul(0xD134_2543_DE82_EF95));
    }

    /// The sample for an input.
    pub fn convert(&mut self, input: f64, celsius: f64) -> i32 {
        let gain = (1.0 + self.gain_error) * (1.0 + self.per_kelvin * (celsius - REFERENCE_CELSIUS));
        let noise = if self.noise > 0.0 { self.noise * self.chance.normal() } else { 0.0 };
        (input / self.step * gain + self.offset + noise).round().clamp(-FULL - 1.0, FULL) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_has_the_deviation_that_it_says() {
        let mut chance = Chance::new(7);
        let values: Vec<f64> = (0..100_000).map(|_| chance.normal()).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        let square = values.iter().map(|v| v * v).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.02, "{mean} {square}");
    }

    #[test]
    fn what_is_too_large_saturates() {
        let mut converter = Converter::ideal(1e-3);
        assert_eq!(converter.convert(9000.0, 23.0), 8_388_607);
        assert_eq!(converter.convert(-9000.0, 23.0), -8_388_608);
        assert_eq!(converter.convert(1.2345, 23.0), 1235);
    }
}
