//! Phases of one carrier: the trellis of its differential keying, symbol after symbol.

use crate::dsp::Complex;
use crate::ofdm::{Dpsk, PHASES, unit};
use alloc::vec;
use alloc::vec::Vec;

/// Most phases of a carrier.
const PHASES_MAX: usize = 1 << Dpsk::BITS_MAX;
/// A bit clearer than this, as a log-likelihood ratio, counts as this.
const CLEAREST: f32 = 12.0;
/// Probability that no phase falls below: keeps every product a normal number.
const FLOOR: f32 = 1e-9;

/// One value for each phase, or for each turn between two phases, counted round the circle.
type Phases = [f32; PHASES_MAX];

/// The detector of Bahl, Cocke, Jelinek and Raviv for a carrier whose gain is known: exact but for rounding. Allocates
/// when built only.
#[derive(Debug)]
pub(super) struct Trellis {
    likelihoods: Vec<Phases>,
    turns: Vec<Phases>,
    forward: Vec<Phases>,
}

/// What is known of one carrier, and what the detector finds, symbol by symbol.
pub(super) struct Lane<'a> {
    /// Twice the received phasor over the gain, times power over noise. Becomes the mean of what was sent.
    pub(super) phasors: &'a mut [Complex<f32>],
    /// Log-likelihood ratios of the bits from elsewhere.
    pub(super) prior: &'a [f32],
    /// What the carrier says of its bits beyond `prior`.
    pub(super) extrinsic: &'a mut [f32],
}

impl Trellis {
    /// For blocks of at most `symbols_max` symbols.
    pub(super) fn new(symbols_max: usize) -> Self {
        let phases = || vec![[0.0; PHASES_MAX]; symbols_max];
        Self { likelihoods: phases(), turns: phases(), forward: phases() }
    }

    /// Detects a carrier of keying `keying` that had the phase `start`, in π/8, before its first symbol.
    pub(super) fn detect(&mut self, keying: Dpsk, start: u8, lane: Lane<'_>) {
        match keying.bits() {
            1 => self.run::<2>(start, lane),
            2 => self.run::<4>(start, lane),
            _ => self.run::<8>(start, lane),
        }
    }

    fn run<const M: usize>(&mut self, start: u8, lane: Lane<'_>) {
        let Lane { phasors, prior, extrinsic } = lane;
        let bits = M.trailing_zeros() as usize;
        let mut state = [0.0; PHASES_MAX];
        state[usize::from(start) * M / usize::from(PHASES)] = 1.0;
        for (n, (point, prior)) in phasors.iter().zip(prior.chunks_exact(bits)).enumerate() {
            self.likelihoods[n] = likelihoods::<M>(*point);
            self.turns[n] = turns::<M>(prior);
            self.forward[n] = state;
            state = forward::<M>(&state, &self.turns[n], &self.likelihoods[n]);
        }
        let mut after = [1.0; PHASES_MAX];
        for n in (0..phasors.len()).rev() {
            let arrived = product(&self.likelihoods[n], &after);
            let joint = joint::<M>(&self.forward[n], &arrived);
            let weighed = product(&joint, &self.turns[n]);
            ratios::<M>(&weighed, &prior[n * bits..][..bits], &mut extrinsic[n * bits..][..bits]);
            phasors[n] = mean::<M>(&reached::<M>(&self.forward[n], &self.turns[n]), &arrived);
            after = backward::<M>(&arrived, &self.turns[n]);
        }
    }
}

/// Likelihoods of the phases of a symbol, at most 1.
fn likelihoods<const M: usize>(point: Complex<f32>) -> Phases {
    let mut exponents = [f32::MIN; PHASES_MAX];
    for (phase, exponent) in exponents[..M].iter_mut().enumerate() {
        *exponent = (point * unit(phase as u8 * (PHASES / M as u8)).conj()).re;
    }
    let most = exponents[..M].iter().copied().fold(f32::MIN, f32::max);
    let mut likelihoods = [0.0; PHASES_MAX];
    for (likelihood, exponent) in likelihoods[..M].iter_mut().zip(exponents) {
        *likelihood = libm::expf((exponent - most).max(-2.0 * CLEAREST));
    }
    likelihoods
}

/// Probabilities of the turns, from those of the bits.
fn turns<const M: usize>(prior: &[f32]) -> Phases {
    let mut turns = [0.0; PHASES_MAX];
    turns[..M].fill(1.0);
    for (bit, &ratio) in prior.iter().enumerate() {
        let one = 1.0 / (1.0 + libm::expf(clipped(ratio)));
        for (turn, probability) in turns[..M].iter_mut().enumerate() {
            *probability *= if value(turn) >> bit & 1 == 1 { one } else { 1.0 - one };
        }
    }
    turns
}

/// The bits that a turn stands for; bit 0 is the first.
const fn value(turn: usize) -> usize {
    turn ^ turn >> 1
}

fn clipped(ratio: f32) -> f32 {
    ratio.clamp(-CLEAREST, CLEAREST)
}

fn product(a: &Phases, b: &Phases) -> Phases {
    core::array::from_fn(|n| a[n] * b[n])
}

/// Probabilities of the phases after a turn.
fn reached<const M: usize>(before: &Phases, turns: &Phases) -> Phases {
    let mut reached = [0.0; PHASES_MAX];
    for (phase, sum) in reached[..M].iter_mut().enumerate() {
        *sum = (0..M).map(|turn| turns[turn] * before[(phase + M - turn) % M]).sum();
    }
    reached
}

fn forward<const M: usize>(before: &Phases, turns: &Phases, likelihoods: &Phases) -> Phases {
    normalised::<M>(&product(&reached::<M>(before, turns), likelihoods))
}

fn backward<const M: usize>(arrived: &Phases, turns: &Phases) -> Phases {
    let mut before = [0.0; PHASES_MAX];
    for (phase, sum) in before[..M].iter_mut().enumerate() {
        *sum = (0..M).map(|turn| turns[turn] * arrived[(phase + turn) % M]).sum();
    }
    normalised::<M>(&before)
}

/// Likelihood of each turn, whatever the phase.
fn joint<const M: usize>(before: &Phases, arrived: &Phases) -> Phases {
    let mut joint = [0.0; PHASES_MAX];
    for (turn, sum) in joint[..M].iter_mut().enumerate() {
        *sum = (0..M).map(|phase| before[phase] * arrived[(phase + turn) % M]).sum();
    }
    joint
}

fn normalised<const M: usize>(phases: &Phases) -> Phases {
    let scale = 1.0 / phases[..M].iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut normalised = [0.0; PHASES_MAX];
    normalised[..M].iter_mut().zip(phases).for_each(|(to, from)| *to = from * scale + FLOOR);
    normalised
}

fn ratios<const M: usize>(turns: &Phases, prior: &[f32], extrinsic: &mut [f32]) {
    for (bit, (to, &own)) in extrinsic.iter_mut().zip(prior).enumerate() {
        let mut sums = [f32::MIN_POSITIVE; 2];
        turns[..M].iter().enumerate().for_each(|(turn, p)| sums[value(turn) >> bit & 1] += p);
        *to = clipped(libm::logf(sums[0] / sums[1]) - clipped(own));
    }
}

/// Mean phasor, from the probabilities before and after the symbol's own likelihood.
fn mean<const M: usize>(reached: &Phases, arrived: &Phases) -> Complex<f32> {
    let posterior = product(reached, arrived);
    let scale = 1.0 / posterior[..M].iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let phasor = |phase: usize| unit(phase as u8 * (PHASES / M as u8)) * (posterior[phase] * scale);
    (0..M).map(phasor).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By definition, over all sequences of turns: ratios of the bits without `prior`, and mean phasors.
    fn slow(bits: usize, start: u8, points: &[Complex<f32>], prior: &[f32]) -> (Vec<f64>, Vec<[f64; 2]>) {
        let (count, keying) = (points.len() * bits, Dpsk::new(bits));
        let (mut sums, mut total) = (vec![[0f64; 2]; count], 0.0);
        let mut sent = vec![[0f64; 2]; points.len()];
        for word in 0..1usize << count {
            let bit = |n: usize| word >> n & 1;
            let mut exponent: f64 = (0..count).map(|n| f64::from(prior[n]) * (0.5 - bit(n) as f64)).sum();
            let (mut phase, mut phasors) = (start, vec![]);
            for (n, point) in points.iter().enumerate() {
                phase += keying.shift((word >> (n * bits) & ((1 << bits) - 1)) as u8);
                phasors.push(unit(phase % PHASES));
                exponent += f64::from((point * phasors[n].conj()).re);
            }
            let weight = exponent.exp();
            total += weight;
            (0..count).for_each(|n| sums[n][bit(n)] += weight);
            for (sum, phasor) in sent.iter_mut().zip(phasors) {
                sum[0] += weight * f64::from(phasor.re);
                sum[1] += weight * f64::from(phasor.im);
            }
        }
        let ratio = |(sum, own): (&[f64; 2], &f32)| (sum[0] / sum[1]).ln() - f64::from(*own);
        let mean = |sum: &[f64; 2]| sum.map(|part| part / total);
        (sums.iter().zip(prior).map(ratio).collect(), sent.iter().map(mean).collect())
    }

    proptest! {
        #[test]
        fn posteriors_are_those_of_all_sequences(
            bits in 1usize..4,
            opposite: bool,
            points in proptest::collection::vec((-3f32..3.0, -3f32..3.0), 4),
            prior in proptest::collection::vec(-3f32..3.0, 12),
        ) {
            let points: Vec<_> = points.into_iter().map(|(re, im)| Complex::new(re, im)).collect();
            let prior = &prior[..4 * bits];
            let start = if opposite { PHASES / 2 } else { 0 };
            let (mut extrinsic, mut sent) = (vec![0.0; 4 * bits], points.clone());
            let lane = Lane { phasors: &mut sent, prior, extrinsic: &mut extrinsic };
            Trellis::new(4).detect(Dpsk::new(bits), start, lane);
            let (ratios, means) = slow(bits, start, &points, prior);
            for (found, expected) in extrinsic.into_iter().zip(ratios) {
                prop_assert!((f64::from(found) - expected).abs() < 1e-3, "{found} {expected}");
            }
            for (found, [re, im]) in sent.into_iter().zip(means) {
                prop_assert!((found - Complex::new(re as f32, im as f32)).norm() < 1e-4, "{found}");
            }
        }
    }
}
