//! Maximum-likelihood decoding of the convolutional code with metrics of 32 bits: slow, and never wrong.

use super::super::convolutional::outputs;
use alloc::vec;
use alloc::vec::Vec;

const STATES: usize = 64;
/// A metric that no path from state zero can fall to.
const UNREACHED: i32 = i32::MIN / 2;

/// What [`Viterbi`](super::Viterbi) is measured against: no quantisation, no saturation.
#[derive(Clone, Debug)]
pub struct ExactViterbi {
    /// One bit per state and step: whether the better predecessor is the upper one.
    decisions: Vec<u64>,
    /// Sign of each coded bit on the branch with input 0 from state `j < 32`.
    signs: [[i32; STATES / 2]; 2],
}

impl ExactViterbi {
    /// A decoder for at most `steps_max` information bits, tail included.
    pub fn new(steps_max: usize) -> Self {
        let sign = |j: usize, which: usize| 1 - 2 * i32::from(outputs(2 * j as u8)[which]);
        let signs = core::array::from_fn(|which| core::array::from_fn(|j| sign(j, which)));
        Self { decisions: vec![0; steps_max], signs }
    }

    /// Decodes `soft`, two values per step (positive means 0), of a block that starts and ends in state
    /// zero, into `bits`, one per step, tail included. Steps beyond the capacity, or beyond the shorter
    /// of the two slices, are left alone.
    pub fn decode(&mut self, soft: &[i8], bits: &mut [u8]) {
        let steps = self.decisions.len().min(bits.len()).min(soft.len() / 2);
        let mut metrics = [UNREACHED; STATES];
        metrics[0] = 0;
        for (pair, decision) in soft.chunks_exact(2).zip(&mut self.decisions[..steps]) {
            *decision = step(&self.signs, &mut metrics, i32::from(pair[0]), i32::from(pair[1]));
        }
        self.trace_back(&mut bits[..steps]);
    }

    fn trace_back(&self, bits: &mut [u8]) {
        let mut state = 0usize;
        for (bit, decision) in bits.iter_mut().zip(&self.decisions).rev() {
            *bit = (state & 1) as u8;
            state = state >> 1 | ((decision >> state & 1) as usize) << 5;
        }
    }
}

/// One step of add, compare, select. From state `j` and `j + 32` paths go to `2j` and `2j + 1`; both generators
/// have their first and last tap set, so the four branches carry the same value with the signs + - - +.
fn step(signs: &[[i32; 32]; 2], metrics: &mut [i32; STATES], a: i32, b: i32) -> u64 {
    let mut next = [0; STATES];
    let mut decision = 0u64;
    for j in 0..STATES / 2 {
        let branch = signs[0][j] * a + signs[1][j] * b;
        let (low, high) = (metrics[j], metrics[j + 32]);
        let (zero, zero_high) = (low + branch, high - branch);
        let (one, one_high) = (low - branch, high + branch);
        next[2 * j] = zero.max(zero_high);
        next[2 * j + 1] = one.max(one_high);
        let taken = u64::from(zero_high > zero) | u64::from(one_high > one) << 1;
        decision |= taken << (2 * j);
    }
    *metrics = next;
    decision
}
