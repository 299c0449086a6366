//! Impulses at random times.

use super::{key, white_density};
use crate::gauss::{BLOCK, Words, white, ziggurat};
use crate::levels::ratio_from_db;
use crate::specs;
use plc_core::Seed;

/// Every sample is, with a probability, a Gaussian impulse; otherwise nothing.
#[derive(Clone, Debug)]
pub struct BernoulliGaussian {
    key: u64,
    rate: f64,
    probability: f64,
    rms: f64,
}

/// Middleton's class A, sample by sample: a Poisson number m of sources sets the variance
/// σ² (m/A + Γ) / (1 + Γ).
#[derive(Clone, Debug)]
pub struct MiddletonA {
    key: u64,
    rate: f64,
    /// Standard deviation by number of sources.
    deviations: [f32; STATES],
    /// Probability of at most that number of sources, times 2³².
    cumulative: [u64; STATES],
    rms: f64,
}

/// Bursts of Gaussian noise: arrivals by Poisson, exponential durations, independent of the mains.
#[derive(Clone, Debug)]
pub struct Bursts {
    key: u64,
    rate: f64,
    per_second: f64,
    mean_s: f64,
    rms: f64,
}

/// Sources at once that class A counts; more are as unlikely as A^16/16!.
const STATES: usize = 16;

impl BernoulliGaussian {
    /// Impulses of `rms` volts with `probability` per sample.
    pub fn new(rate: u32, probability: f64, rms: f64, seed: &Seed) -> Self {
        Self { key: key(seed, "bernoulli-gaussian"), rate: f64::from(rate), probability, rms }
    }

    /// The impulses of ordinary tests over a background of `background_rms` volts.
    pub fn ordinary(rate: u32, background_rms: f64, seed: &Seed) -> Self {
        let (probability, db) = specs::BERNOULLI_GAUSSIAN;
        Self::new(rate, probability, background_rms * ratio_from_db(db), seed)
    }

    /// Mean power density, V²/Hz.
    pub fn density(&self) -> f64 {
        self.probability * white_density(self.rms, self.rate)
    }

    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let mut words = Words::new(self.key, number);
        let limit = (self.probability.clamp(0.0, 1.0) * 2f64.powi(32)) as u64;
        for out in out {
            if words.word() >> 32 < limit {
                *out += self.rms as f32 * words.gaussian(ziggurat());
            }
        }
    }
}

impl MiddletonA {
    /// Noise of a mean of `rms` volts with impulsive index `a` (0.001 to 2) and `gamma`, background power over
    /// impulsive power.
    pub fn new(rate: u32, a: f64, gamma: f64, rms: f64, seed: &Seed) -> Self {
        let variance = |m: usize| (m as f64 / a + gamma) / (1.0 + gamma);
        let mut weight = (-a).exp();
        let mut sum = 0.0;
        let cumulative = core::array::from_fn(|m| {
            sum += weight;
            weight *= a / (m + 1) as f64;
            (sum * 2f64.powi(32)) as u64
        });
        let deviations = core::array::from_fn(|m| (rms * variance(m).sqrt()) as f32);
        Self { key: key(seed, "middleton-a"), rate: f64::from(rate), deviations, cumulative, rms }
    }

    /// Class A of ordinary tests.
    pub fn ordinary(rate: u32, rms: f64, seed: &Seed) -> Self {
        let (a, gamma) = specs::MIDDLETON_A_GAMMA;
        Self::new(rate, a, gamma, rms, seed)
    }

    /// Mean power density, V²/Hz.
    pub fn density(&self) -> f64 {
        white_density(self.rms, self.rate)
    }

    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let mut block = [0f32; BLOCK];
        white(self.key, number, &mut block);
        let mut words = Words::new(!self.key, number);
        for (out, white) in out.iter_mut().zip(&block) {
            let draw = words.word() >> 32;
            let sources = self.cumulative.iter().position(|limit| draw < *limit).unwrap_or(STATES - 1);
            *out += self.deviations[sources] * white;
        }
    }
}

/// Samples in a slot: arrivals are drawn slot by slot.
const SLOT: u64 = 4096;

/// Bursts that may begin in one slot; the excess is not made.
const SLOT_LIMIT: u32 = 16;

impl Bursts {
    /// `per_second` bursts a second with a mean duration of `mean_s` seconds and `rms` volts. A burst ends
    /// after one slot of 4096 samples at the latest.
    pub fn new(rate: u32, per_second: f64, mean_s: f64, rms: f64, seed: &Seed) -> Self {
        Self { key: key(seed, "bursts"), rate: f64::from(rate), per_second, mean_s, rms }
    }

    /// Mean power density, V²/Hz, without the overlap of bursts and the cut of long ones.
    pub fn density(&self) -> f64 {
        self.per_second * self.mean_s * white_density(self.rms, self.rate)
    }

    pub(super) fn add_block(&mut self, number: u64, out: &mut [f32; BLOCK]) {
        let first = number * BLOCK as u64;
        let slot = first / SLOT;
        for slot in slot.saturating_sub(1)..=slot {
            self.add_slot(slot, first, out);
        }
    }

    /// The bursts that begin in `slot`, as far as they reach into the block that begins at `first`.
    fn add_slot(&self, slot: u64, first: u64, out: &mut [f32; BLOCK]) {
        let mut words = Words::new(self.key, slot);
        let arrivals = words.poisson(self.per_second * SLOT as f64 / self.rate, SLOT_LIMIT);
        for arrival in 0..u64::from(arrivals) {
            let begin = slot * SLOT + words.word() % SLOT;
            let length = (words.exponential() * self.mean_s * self.rate).ceil() as u64;
            let end = begin + length.clamp(1, SLOT);
            let (from, to) = (begin.max(first), end.min(first + BLOCK as u64));
            if from < to {
                self.add_burst(arrival, first, (from - first) as usize..(to - first) as usize, out);
            }
        }
    }

    fn add_burst(&self, arrival: u64, first: u64, span: core::ops::Range<usize>, out: &mut [f32; BLOCK]) {
        let mut block = [0f32; BLOCK];
        white(!self.key ^ arrival, first / BLOCK as u64, &mut block);
        let rms = self.rms as f32;
        out[span.clone()].iter_mut().zip(&block[span]).for_each(|(out, white)| *out += rms * white);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rms, seed};
    use super::*;
    use crate::{Noise, NoiseSource};

    const RATE: u32 = 400_000;

    #[test]
    fn bernoulli_impulses_have_their_probability_and_level() {
        let mut noise = Noise::silent().with(NoiseSource::BernoulliGaussian(BernoulliGaussian::new(
            RATE,
            0.02,
            0.5,
            &seed(),
        )));
        let mut samples = vec![0f32; 1_000_000];
        noise.fill(0, &mut samples);
        let hits: Vec<f64> = samples.iter().filter(|x| **x != 0.0).map(|x| f64::from(*x)).collect();
        assert!((hits.len() as f64 / 2e4 - 1.0).abs() < 0.03);
        let level = (hits.iter().map(|x| x * x).sum::<f64>() / hits.len() as f64).sqrt();
        assert!((level / 0.5 - 1.0).abs() < 0.03);
    }

    #[test]
    fn class_a_has_its_power_and_its_heavy_tails() {
        let (a, gamma): (f64, f64) = (0.1, 0.1);
        let source = MiddletonA::new(RATE, a, gamma, 2.0, &seed());
        let mut noise = Noise::silent().with(NoiseSource::MiddletonA(source));
        let mut samples = vec![0f32; 4_000_000];
        noise.fill(0, &mut samples);
        let moment = |power| samples.iter().map(|x| f64::from(x / 2.0).powi(power)).sum::<f64>() / 4e6;
        assert!((moment(2) - 1.0).abs() < 0.03);
        let kurtosis = 3.0 * (1.0 + 1.0 / (a * (1.0 + gamma) * (1.0 + gamma)));
        assert!((moment(4) / kurtosis - 1.0).abs() < 0.1, "{} {kurtosis}", moment(4));
    }

    #[test]
    fn bursts_have_their_mean_power_and_come_in_one_piece() {
        let source = Bursts::new(RATE, 50.0, 500e-6, 1.0, &seed());
        let mut noise = Noise::silent().with(NoiseSource::Bursts(source));
        let level = rms(&mut noise, 40_000_000);
        assert!((level * level / (50.0 * 500e-6) - 1.0).abs() < 0.08, "{level}");
        let mut samples = vec![0f32; 400_000];
        noise.fill(0, &mut samples);
        let starts = samples.windows(2).filter(|pair| pair[0] == 0.0 && pair[1] != 0.0).count();
        assert!((30..70).contains(&starts), "{starts}");
    }
}
