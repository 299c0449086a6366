//! Twenty-five milliseconds of waveform: frequency, voltage and power are constant within.

use super::{AMPERES_PER_LSB, NOISE_LSB, VOLTS_PER_LSB};
use channel::gauss::Words;
use std::f64::consts::{SQRT_2, TAU};

/// Samples in a segment; a minute is a whole number of them.
pub(super) const LENGTH: usize = 200;

/// Neighbouring samples that are computed side by side.
const LANES: usize = 8;

/// Order, share of the fundamental and angle (turns) of a harmonic.
pub(crate) type Harmonic = (u32, f64, f64);

/// Harmonics of the voltage: 1.5, 2.5 and 1.2 % [within the 5, 6 and 5 % of EN 50160; C].
pub(crate) const VOLTAGE: [Harmonic; 3] = [(3, 0.015, 0.07), (5, 0.025, 0.55), (7, 0.012, 0.31)];

/// Harmonics of the current: 8, 4 and 2 % [a household of mixed appliances; C].
pub(crate) const CURRENT: [Harmonic; 3] = [(3, 0.08, 0.45), (5, 0.04, 0.12), (7, 0.02, 0.80)];

/// The waveforms for a fundamental of one, and the power that they make.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Sine and cosine parts of orders 1, 3, 5, 7.
    voltage: [(f64, f64); 4],
    current: [(f64, f64); 4],
    /// Active power for fundamentals of 1 V and 1 A rms.
    power: f64,
}

/// Finished samples.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) voltage: [i32; LENGTH],
    pub(super) current: [i32; LENGTH],
    /// Volts times amperes before quantisation.
    pub(super) products: [f64; LENGTH],
}

/// Sine and cosine of neighbouring samples.
#[derive(Clone, Copy)]
struct Rotators {
    sin: [f64; LANES],
    cos: [f64; LANES],
}

impl Shape {
    /// A current that lags by the angle of `power_factor`.
    pub(super) fn new(power_factor: f64) -> Self {
        let lag = power_factor.clamp(0.01, 1.0).acos() / TAU;
        let (voltage, current) = (parts(0.0, VOLTAGE), parts(-lag, CURRENT));
        let power = voltage.iter().zip(&current).map(|(u, i)| u.0 * i.0 + u.1 * i.1).sum();
        Self { voltage, current, power }
    }
}

impl Segment {
    pub(super) fn empty() -> Self {
        Self { voltage: [0; LENGTH], current: [0; LENGTH], products: [0.0; LENGTH] }
    }

    /// Makes the waveforms from the angle `turns` on with `step` turns per sample.
    pub(super) fn make(
        &mut self,
        shape: &Shape,
        turns: f64,
        step: f64,
        volts: f64,
        watts: f64,
        words: Words,
    ) {
        let amperes = watts / (volts * shape.power);
        let voltage = shape.voltage.map(|part| scaled(part, volts * SQRT_2));
        let current = shape.current.map(|part| scaled(part, amperes * SQRT_2));
        let (mut u, mut i) = ([0.0; LENGTH], [0.0; LENGTH]);
        let mut rotators = Rotators::new(turns, step);
        let ahead = Rotators::ahead(step);
        for (u, i) in u.as_chunks_mut::<LANES>().0.iter_mut().zip(i.as_chunks_mut::<LANES>().0) {
            rotators.waveforms(&voltage, &current, u, i);
            rotators = rotators.times(&ahead);
        }
        self.products = std::array::from_fn(|n| u[n] * i[n]);
        self.quantise(&u, &i, words);
    }

    fn quantise(&mut self, u: &[f64; LENGTH], i: &[f64; LENGTH], mut words: Words) {
        let words: [u64; LENGTH] = std::array::from_fn(|_| words.word());
        for (n, word) in words.into_iter().enumerate() {
            self.voltage[n] = rounded(u[n] * (1.0 / VOLTS_PER_LSB) + noise(word));
            self.current[n] = rounded(i[n] * (1.0 / AMPERES_PER_LSB) + noise(word >> 32));
        }
    }
}

impl Rotators {
    /// The first samples, exactly: errors of the recurrence last for one segment only.
    fn new(turns: f64, step: f64) -> Self {
        let angle = |lane: usize| TAU * (turns + step * lane as f64);
        Self {
            sin: std::array::from_fn(|lane| angle(lane).sin()),
            cos: std::array::from_fn(|lane| angle(lane).cos()),
        }
    }

    /// The turn from one group of samples to the next.
    fn ahead(step: f64) -> Self {
        let (sin, cos) = (TAU * step * LANES as f64).sin_cos();
        Self { sin: [sin; LANES], cos: [cos; LANES] }
    }

    /// The sum of both angles.
    #[inline(always)]
    fn times(&self, other: &Self) -> Self {
        let mut sum = *self;
        for n in 0..LANES {
            sum.sin[n] = self.sin[n] * other.cos[n] + self.cos[n] * other.sin[n];
            sum.cos[n] = self.cos[n] * other.cos[n] - self.sin[n] * other.sin[n];
        }
        sum
    }

    /// Both waveforms of these samples, from the powers of the rotators.
    #[inline(always)]
    fn waveforms(&self, voltage: &Parts, current: &Parts, u: &mut [f64; LANES], i: &mut [f64; LANES]) {
        let twice = self.times(self);
        let third = twice.times(self);
        let fifth = third.times(&twice);
        let seventh = fifth.times(&twice);
        for (order, rotators) in [self, &third, &fifth, &seventh].into_iter().enumerate() {
            let ((us, uc), (is, ic)) = (voltage[order], current[order]);
            for n in 0..LANES {
                u[n] += us * rotators.sin[n] + uc * rotators.cos[n];
                i[n] += is * rotators.sin[n] + ic * rotators.cos[n];
            }
        }
    }
}

/// Sine and cosine parts of orders 1, 3, 5, 7.
type Parts = [(f64, f64); 4];

fn parts(angle: f64, harmonics: [Harmonic; 3]) -> Parts {
    let part = |share: f64, turns: f64| (share * (TAU * turns).cos(), share * (TAU * turns).sin());
    let [third, fifth, seventh] = harmonics.map(|(_, share, turns)| part(share, turns));
    [part(1.0, angle), third, fifth, seventh]
}

fn scaled((sin, cos): (f64, f64), by: f64) -> (f64, f64) {
    (sin * by, cos * by)
}

/// The nearest whole number that a converter of 24 bits has: one addition leaves it in the lower half of the
/// mantissa.
#[inline(always)]
fn rounded(value: f64) -> i32 {
    /// 1.5 · 2⁵²: the spacing of doubles around it is one.
    const ONE_APART: f64 = 6_755_399_441_055_744.0;
    (value.clamp(-8_388_608.0, 8_388_607.0) + ONE_APART).to_bits() as i32
}

/// Noise of the converter from the low half of a word: the sum of two uniform numbers.
#[inline(always)]
fn noise(word: u64) -> f64 {
    /// Standard deviation of the sum of two uniform 16-bit numbers: 65536 / √6.
    const DEVIATION: f64 = 26_755.0;
    f64::from(i32::from(word as i16) + i32::from((word >> 16) as i16)) * (NOISE_LSB / DEVIATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recurrence_equals_sines_and_cosines() {
        let shape = Shape::new(0.95);
        let mut segment = Segment::empty();
        let (turns, step, volts, watts) = (0.37, 50.04 / 8000.0, 233.0, 1200.0);
        segment.make(&shape, turns, step, volts, watts, Words::new(1, 1));
        let wave = |parts: &Parts, n: usize| {
            let angle = TAU * (turns + step * n as f64);
            let order = [1.0, 3.0, 5.0, 7.0];
            parts
                .iter()
                .zip(order)
                .map(|(p, k)| p.0 * (k * angle).sin() + p.1 * (k * angle).cos())
                .sum::<f64>()
        };
        for n in 0..LENGTH {
            let product = 2.0 * wave(&shape.voltage, n) * wave(&shape.current, n) * watts / shape.power;
            assert!((segment.products[n] - product).abs() < 1e-9 * watts);
        }
    }

    #[test]
    fn rounding_is_to_the_nearest_and_ends_where_the_converter_ends() {
        let cases =
            [(0.4, 0), (-0.6, -1), (1234.51, 1234 + 1), (-7.2, -7), (9e9, 8_388_607), (-9e9, -8_388_608)];
        assert!(cases.iter().all(|(value, whole)| rounded(*value) == *whole));
    }

    #[test]
    fn the_noise_of_the_converter_has_its_level() {
        let mut words = Words::new(5, 0);
        let power: f64 = (0..100_000).map(|_| noise(words.word()).powi(2)).sum::<f64>() / 1e5;
        assert!((power.sqrt() / NOISE_LSB - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_waveform_without_load_is_noise_alone() {
        let mut segment = Segment::empty();
        segment.make(&Shape::new(0.95), 0.0, 1.0 / 160.0, 230.0, 0.0, Words::new(1, 1));
        assert!(segment.products.iter().all(|product| *product == 0.0));
        assert!(segment.current.iter().all(|lsb| lsb.abs() < 200));
    }
}
