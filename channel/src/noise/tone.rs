//! Narrowband interferers.

use super::key;
use crate::Complex64;
use crate::gauss::{BLOCK, Words};
use core::f64::consts::TAU;
use plc_core::Seed;

/// A sinusoid with a slow amplitude modulation.
#[derive(Clone, Debug)]
pub struct Tone {
    rate: f64,
    hz: f64,
    rms: f64,
    depth: f64,
    modulation_hz: f64,
    /// Turns of the carrier and of the modulation at sample 0.
    phases: (f64, f64),
}

impl Tone {
    /// A carrier of `rms` volts at `hz`, modulated by `depth` (0 to 1) at `modulation_hz`.
    pub fn new(rate: u32, hz: f64, rms: f64, depth: f64, modulation_hz: f64, seed: &Seed) -> Self {
        let mut words = Words::new(key(seed, "tone"), hz.to_bits());
        let phases = (words.uniform(), words.uniform());
        Self { rate: f64::from(rate), hz, rms, depth: depth.clamp(0.0, 1.0), modulation_hz, phases }
    }

    /// Mean power density, V²/Hz, in the bin of width `resolution_hz` around `hz`.
    pub fn density(&self, hz: f64, resolution_hz: f64) -> f64 {
        let power = self.rms * self.rms * (1.0 + self.depth * self.depth / 2.0);
        if (hz - self.hz).abs() <= resolution_hz / 2.0 { power / resolution_hz } else { 0.0 }
    }

    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let first = number.wrapping_mul(BLOCK as u64);
        let (mut carrier, carrier_step) = self.rotator(self.hz, self.phases.0, first);
        let (mut modulation, modulation_step) = self.rotator(self.modulation_hz, self.phases.1, first);
        let amplitude = self.rms * core::f64::consts::SQRT_2;
        for out in out {
            *out += (amplitude * carrier.im * (1.0 + self.depth * modulation.im)) as f32;
            carrier *= carrier_step;
            modulation *= modulation_step;
        }
    }

    /// The phasor at sample `first` and its step.
    fn rotator(&self, hz: f64, phase: f64, first: u64) -> (Complex64, Complex64) {
        let whole = (hz / self.rate).fract();
        // Turns modulo one: the index is split so that hours of samples keep their phase.
        let (high, low) = ((first >> 20) as f64, (first & 0xF_FFFF) as f64);
        let turns = phase + (whole * 2f64.powi(20)).fract() * high + whole * low;
        (Complex64::from_polar(1.0, TAU * turns.fract()), Complex64::from_polar(1.0, TAU * whole))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rms, seed, spectrum};
    use super::*;
    use crate::{Noise, NoiseSource};

    #[test]
    fn a_tone_stands_at_its_frequency_with_its_power() {
        let source = Tone::new(400_000, 62.5e3, 0.3, 0.0, 0.0, &seed());
        let mut noise = Noise::silent().with(NoiseSource::Tone(source));
        assert!((rms(&mut noise, 400_000) - 0.3).abs() < 1e-4);
        let bins = spectrum(&mut noise, 400e3, 256, 10);
        let strongest = (0..128).max_by(|a, b| bins[*a].total_cmp(&bins[*b]));
        assert_eq!(strongest, Some(40));
    }

    #[test]
    fn the_phase_is_continuous_after_hours() {
        let source = Tone::new(400_000, 61_234.567, 1.0, 0.0, 0.0, &seed());
        let mut noise = Noise::silent().with(NoiseSource::Tone(source));
        let start = 400_000 * 3600 * 9 + 200;
        let mut samples = vec![0f32; 200];
        noise.fill(start, &mut samples);
        let k = 2.0 * (TAU * 61_234.567 / 400e3).cos() as f32;
        let worst = samples.windows(3).map(|w| (w[2] - k * w[1] + w[0]).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn the_modulation_swings_the_amplitude() {
        let source = Tone::new(400_000, 60e3, 1.0, 0.5, 2.0, &seed());
        let mut noise = Noise::silent().with(NoiseSource::Tone(source));
        let mut samples = vec![0f32; 400_000];
        noise.fill(0, &mut samples);
        let peaks: Vec<f32> = samples.chunks(4000).map(|c| c.iter().copied().fold(0.0, f32::max)).collect();
        let (low, high) = peaks.iter().fold((9f32, 0f32), |(l, h), p| (l.min(*p), h.max(*p)));
        assert!((high / low - 3.0).abs() < 0.15, "{high} {low}");
    }
}
