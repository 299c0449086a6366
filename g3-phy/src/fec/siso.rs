//! Soft decisions in, soft decisions out: the posterior of every bit of the convolutional code.

use super::convolutional::outputs;
use alloc::vec;
use alloc::vec::Vec;

const STATES: usize = 64;
/// States that are handled side by side.
const LANES: usize = 8;
/// Steps between two states of the forward pass that are kept.
const BLOCK: usize = 64;
/// A soft bit clearer than this counts as this.
const CLEAREST: f32 = 12.0;
/// Probability that no state falls below, relative to the sum over all: keeps every product a normal number.
const FLOOR: f32 = 1e-12;

type States = [f32; STATES];
/// The likelihoods of the four pairs of coded bits.
type Pairs = [f32; 4];

/// The decoder of Bahl, Cocke, Jelinek and Raviv for the code of constraint length 7, on probabilities: exact but for
/// rounding. Blocks begin and end in state zero. Allocates when built only; the forward pass keeps one state in 64 and
/// is run again block by block, so that it stays in the cache.
#[derive(Clone, Debug)]
pub struct Siso {
    pairs: Vec<Pairs>,
    checkpoints: Vec<States>,
    forward: Vec<States>,
}

impl Siso {
    /// A decoder for at most `steps_max` information bits, tail included.
    pub fn new(steps_max: usize) -> Self {
        Self {
            pairs: vec![[0.0; 4]; steps_max],
            checkpoints: vec![[0.0; STATES]; steps_max.div_ceil(BLOCK)],
            forward: vec![[0.0; STATES]; BLOCK.min(steps_max) + 1],
        }
    }

    /// Decodes `soft`, log-likelihood ratios of two coded bits per step (positive means 0). `extrinsic` takes what the
    /// code knows of each coded bit beyond its own value in `soft`, `bits` the most likely information bits, tail
    /// included. Steps beyond the capacity, or beyond the shortest of the three slices, are left alone.
    pub fn decode(&mut self, soft: &[f32], extrinsic: &mut [f32], bits: &mut [u8]) {
        let steps = self.pairs.len().min(bits.len()).min(soft.len() / 2).min(extrinsic.len() / 2);
        for (pairs, soft) in self.pairs[..steps].iter_mut().zip(soft.chunks_exact(2)) {
            *pairs = pairs_of(soft[0], soft[1]);
        }
        self.run_forward(steps);
        let mut backward = zero_state();
        for (number, first) in (0..steps).step_by(BLOCK).enumerate().rev() {
            let last = steps.min(first + BLOCK);
            let extrinsic = &mut extrinsic[2 * first..2 * last];
            self.run_block(number, first..last, &mut backward, extrinsic, &mut bits[first..last]);
        }
    }

    /// Keeps the state at the beginning of each block.
    fn run_forward(&mut self, steps: usize) {
        let mut state = zero_state();
        for (block, checkpoint) in self.pairs[..steps].chunks(BLOCK).zip(&mut self.checkpoints) {
            *checkpoint = state;
            block.iter().for_each(|pairs| state = forward(&state, &rows(pairs)));
        }
    }

    fn run_block(
        &mut self,
        number: usize,
        steps: core::ops::Range<usize>,
        after: &mut States,
        extrinsic: &mut [f32],
        bits: &mut [u8],
    ) {
        let Self { pairs, checkpoints, forward: states, .. } = self;
        let pairs = &pairs[steps];
        states[0] = checkpoints[number];
        for (n, pairs) in pairs.iter().enumerate() {
            states[n + 1] = forward(&states[n], &rows(pairs));
        }
        for (n, pairs) in pairs.iter().enumerate().rev() {
            bits[n] = likelier_bit(&states[n + 1], after);
            let sums = branch_sums(&states[n], after);
            [extrinsic[2 * n], extrinsic[2 * n + 1]] = beyond_their_own(&sums, pairs);
            *after = backward(after, &rows(pairs));
        }
    }
}

/// Index of the pair of coded bits on the branch with input 0 from state `j < 32`. Linear in the bits of `j`. From `j + 32`,
/// or with input 1, both bits are the other way round.
const fn pair(j: usize) -> usize {
    let [a, b] = outputs(2 * j as u8);
    (a * 2 + b) as usize
}

/// [`pair`] of the first state of each group of lanes.
const GROUP_PAIR: [usize; STATES / 2 / LANES] = [pair(0), pair(LANES), pair(2 * LANES), pair(3 * LANES)];
/// [`pair`] of each lane of the first group.
const LANE_PAIR: [usize; LANES] = [pair(0), pair(1), pair(2), pair(3), pair(4), pair(5), pair(6), pair(7)];
/// What turns the index of a pair into that of its opposite.
const OPPOSITE: usize = 3;

fn zero_state() -> States {
    let mut state = [FLOOR; STATES];
    state[0] = 1.0;
    state
}

/// Likelihoods of the pairs 00, 01, 10, 11; that of the likeliest is 1.
fn pairs_of(a: f32, b: f32) -> Pairs {
    let [[a0, a1], [b0, b1]] = [a, b].map(|soft| {
        let other = libm::expf(-soft.abs().min(CLEAREST));
        if soft < 0.0 { [other, 1.0] } else { [1.0, other] }
    });
    [a0 * b0, a0 * b1, a1 * b0, a1 * b1]
}

/// For each pair on the first lane of a group: the likelihoods of the pairs on all its lanes.
#[inline(always)]
fn rows(pairs: &Pairs) -> [[f32; LANES]; 4] {
    core::array::from_fn(|first| core::array::from_fn(|lane| pairs[first ^ LANE_PAIR[lane]]))
}

#[inline(always)]
fn forward(state: &States, rows: &[[f32; LANES]; 4]) -> States {
    let mut next = [0.0; STATES];
    for (group, pair) in GROUP_PAIR.into_iter().enumerate() {
        let (same, other) = (&rows[pair], &rows[pair ^ OPPOSITE]);
        for lane in 0..LANES {
            let j = group * LANES + lane;
            let (low, high) = (state[j], state[j + STATES / 2]);
            next[2 * j] = same[lane] * low + other[lane] * high;
            next[2 * j + 1] = other[lane] * low + same[lane] * high;
        }
    }
    normalised(&next)
}

#[inline(always)]
fn backward(state: &States, rows: &[[f32; LANES]; 4]) -> States {
    let mut before = [0.0; STATES];
    for (group, pair) in GROUP_PAIR.into_iter().enumerate() {
        let (same, other) = (&rows[pair], &rows[pair ^ OPPOSITE]);
        for lane in 0..LANES {
            let j = group * LANES + lane;
            let (even, odd) = (state[2 * j], state[2 * j + 1]);
            before[j] = same[lane] * even + other[lane] * odd;
            before[j + STATES / 2] = other[lane] * even + same[lane] * odd;
        }
    }
    normalised(&before)
}

/// Makes the sum 1, but for the floor.
#[inline(always)]
fn normalised(state: &States) -> States {
    let mut sums = [0.0; LANES];
    for lanes in state.chunks_exact(LANES) {
        (0..LANES).for_each(|lane| sums[lane] += lanes[lane]);
    }
    let scale = 1.0 / sums.iter().sum::<f32>();
    core::array::from_fn(|j| state[j] * scale + FLOOR)
}

/// For each pair of coded bits: the sum over its branches of what stands before and after them.
#[inline(always)]
fn branch_sums(before: &States, after: &States) -> Pairs {
    let mut lanes = [[0.0; LANES]; 4];
    for (group, pair) in GROUP_PAIR.into_iter().enumerate() {
        (0..LANES).for_each(|lane| {
            let j = group * LANES + lane;
            let (low, high) = (before[j], before[j + STATES / 2]);
            let (even, odd) = (after[2 * j], after[2 * j + 1]);
            lanes[pair][lane] += low * even + high * odd;
            lanes[pair ^ OPPOSITE][lane] += low * odd + high * even;
        });
    }
    core::array::from_fn(|pair| (0..LANES).map(|lane| lanes[pair ^ LANE_PAIR[lane]][lane]).sum())
}

/// Log-likelihood ratios of both bits of a pair, each without its own share in `pairs`.
#[inline(always)]
fn beyond_their_own(sums: &Pairs, pairs: &Pairs) -> [f32; 2] {
    // Only the ratio of the two values of the other bit counts: that of pairs 0 and 1, or 0 and 2.
    let (b0, b1) =
        if pairs[0] + pairs[1] > pairs[2] + pairs[3] { (pairs[0], pairs[1]) } else { (pairs[2], pairs[3]) };
    let (a0, a1) =
        if pairs[0] + pairs[2] > pairs[1] + pairs[3] { (pairs[0], pairs[2]) } else { (pairs[1], pairs[3]) };
    [
        libm::logf((sums[0] * b0 + sums[1] * b1) / (sums[2] * b0 + sums[3] * b1)),
        libm::logf((sums[0] * a0 + sums[2] * a1) / (sums[1] * a0 + sums[3] * a1)),
    ]
}

/// The bit that led to the state between `before` and `after`.
#[inline(always)]
fn likelier_bit(before: &States, after: &States) -> u8 {
    let mut sums = [0.0; LANES];
    for (before, after) in before.chunks_exact(LANES).zip(after.chunks_exact(LANES)) {
        (0..LANES).for_each(|lane| sums[lane] += before[lane] * after[lane]);
    }
    u8::from(sums[1] + sums[3] + sums[5] + sums[7] > sums[0] + sums[2] + sums[4] + sums[6])
}

#[cfg(test)]
mod tests {
    use super::super::ConvolutionalEncoder;
    use super::*;
    use proptest::prelude::*;

    const STEPS: usize = 16;

    fn encode(bits: &[u8]) -> Vec<u8> {
        let mut encoder = ConvolutionalEncoder::new();
        bits.iter().flat_map(|&bit| encoder.push(bit)).collect()
    }

    /// By definition: the sum over all words of the code. Ratios of the coded bits without their own share, and of the
    /// information bits.
    fn slow(soft: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let (mut coded_sums, mut sums) = (vec![[0f64; 2]; 2 * STEPS], vec![[0f64; 2]; STEPS]);
        for word in 0u16..1 << (STEPS - 6) {
            let bits: Vec<u8> = (0..STEPS).map(|n| (word >> n & 1) as u8).collect();
            let coded = encode(&bits);
            let likelihood = |(&bit, &soft): (&u8, &f32)| f64::from(soft) * (0.5 - f64::from(bit));
            let weight = coded.iter().zip(soft).map(likelihood).sum::<f64>().exp();
            coded.iter().zip(&mut coded_sums).for_each(|(&bit, sum)| sum[usize::from(bit)] += weight);
            bits.iter().zip(&mut sums).for_each(|(&bit, sum)| sum[usize::from(bit)] += weight);
        }
        let ratio = |sum: &[f64; 2]| (sum[0] / sum[1]).ln();
        let extrinsic = coded_sums.iter().zip(soft).map(|(sum, &own)| ratio(sum) - f64::from(own)).collect();
        (extrinsic, sums.iter().map(ratio).collect())
    }

    proptest! {
        #[test]
        fn posteriors_are_those_of_all_words_of_the_code(soft in proptest::collection::vec(-4f32..4.0, 2 * STEPS)) {
            let (mut extrinsic, mut bits) = ([0.0; 2 * STEPS], [9; STEPS]);
            Siso::new(STEPS).decode(&soft, &mut extrinsic, &mut bits);
            let (expected, ratios) = slow(&soft);
            for (extrinsic, expected) in extrinsic.into_iter().zip(expected) {
                prop_assert!((f64::from(extrinsic) - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{extrinsic} {expected}");
            }
            for (bit, ratio) in bits.into_iter().zip(ratios) {
                prop_assert!(ratio.abs() < 1e-3 || bit == u8::from(ratio < 0.0));
            }
        }

        #[test]
        fn long_blocks_come_back_from_clear_bits(data in proptest::collection::vec(0u8..2, 1..400), clear in 1f32..1e9) {
            let bits = [&data[..], &[0; 6]].concat();
            let coded = encode(&bits);
            let soft: Vec<f32> = coded.iter().map(|&bit| clear * (1.0 - 2.0 * f32::from(bit))).collect();
            let (mut extrinsic, mut decoded) = (vec![0.0; soft.len()], vec![9; bits.len()]);
            Siso::new(500).decode(&soft, &mut extrinsic, &mut decoded);
            prop_assert_eq!(decoded, bits);
            prop_assert!(extrinsic.iter().zip(&soft).all(|(e, s)| e.is_finite() && e * s > 0.0));
        }
    }
}
