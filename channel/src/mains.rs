//! What follows the mains cycle, here exactly 50 Hz.

use crate::levels::{db_from_ratio, ratio_from_db};
use core::f64::consts::TAU;

/// A gain that repeats every half mains cycle: appliances whose impedance changes with the instantaneous
/// voltage make the line linear, periodically time-varying.
///
/// In decibels it swings as a raised cosine from zero down to the depth and back, 100 times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct MainsGain {
    table: Vec<f32>,
    offset: u64,
}

impl MainsGain {
    /// A swing of `depth_db` (zero or more) at `rate` Hz, which must be a multiple of 100; the gain is one at
    /// sample 0 for a `phase` of 0, and at the middle of the first half cycle for a phase of 0.5.
    ///
    /// # Panics
    /// When the rate is not a multiple of 100 Hz: a mistake in the program.
    pub fn new(rate: u32, depth_db: f64, phase: f64) -> Self {
        let period = half_cycle(rate);
        let gain = |n: u64| ratio_from_db(-depth_db * (0.5 - 0.5 * (TAU * n as f64 / period as f64).cos()));
        let table = (0..period).map(|n| gain(n) as f32).collect();
        Self { table, offset: ((1.0 - phase.rem_euclid(1.0)) * period as f64) as u64 % period }
    }

    /// Multiplies the samples from index `start`.
    pub fn apply(&self, start: u64, samples: &mut [f32]) {
        let mut at = ((start + self.offset) % self.table.len() as u64) as usize;
        for sample in samples {
            *sample *= self.table[at];
            at += 1;
            if at == self.table.len() {
                at = 0;
            }
        }
    }

    /// Mean power gain, dB.
    pub fn mean_db(&self) -> f64 {
        let power: f64 = self.table.iter().map(|gain| f64::from(*gain) * f64::from(*gain)).sum();
        db_from_ratio((power / self.table.len() as f64).sqrt())
    }
}

/// Samples in half a mains cycle of 50 Hz.
///
/// # Panics
/// When `rate` is not a multiple of 100 Hz.
pub(crate) fn half_cycle(rate: u32) -> u64 {
    assert!(rate > 0 && rate.is_multiple_of(100), "a rate is a multiple of 100 Hz, not {rate}");
    u64::from(rate / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gain_repeats_a_hundred_times_a_second_and_has_its_depth() {
        let gain = MainsGain::new(400_000, 6.0, 0.0);
        let mut samples = vec![1f32; 12_000];
        gain.apply(0, &mut samples);
        assert_eq!(samples[..4000], samples[4000..8000]);
        let lowest = samples.iter().copied().fold(1.0, f32::min);
        assert!((db_from_ratio(f64::from(lowest)) + 6.0).abs() < 1e-3);
        assert_eq!(samples[0], 1.0);
        assert!((-4.0..-2.0).contains(&gain.mean_db()));
    }

    #[test]
    fn the_phase_says_where_the_gain_is_one() {
        let mut samples = vec![1f32; 4000];
        MainsGain::new(400_000, 6.0, 0.5).apply(0, &mut samples);
        assert_eq!(samples[2000], 1.0);
    }

    #[test]
    fn cutting_the_time_into_blocks_changes_nothing() {
        let gain = MainsGain::new(400_000, 3.0, 0.2);
        let (mut whole, mut parts) = (vec![1f32; 9000], vec![1f32; 9000]);
        gain.apply(77, &mut whole);
        for (k, part) in parts.chunks_mut(619).enumerate() {
            gain.apply(77 + 619 * k as u64, part);
        }
        assert_eq!(whole, parts);
    }
}
