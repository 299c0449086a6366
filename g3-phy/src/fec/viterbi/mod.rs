//! Decoding of the convolutional code from soft bits.

mod exact;

use crate::dsp::Kernel;
use crate::dsp::trellis::{Decisions, GROUP};
use alloc::vec;
use alloc::vec::Vec;

pub use exact::ExactViterbi;

/// A decoder with memory for blocks of a greatest length. Allocates when built only.
#[derive(Clone, Debug)]
pub struct Viterbi {
    kernel: Kernel,
    decisions: Vec<Decisions>,
    steps_max: usize,
}

impl Viterbi {
    /// The root mean square of soft bits at which the decoder loses least: it works with 31 levels, and values beyond
    /// 58 count as 58.
    pub const SOFT_RMS: f32 = 35.0;

    /// A decoder for at most `steps_max` information bits, tail included, as fast as this processor can.
    pub fn new(steps_max: usize) -> Self {
        Self::with_kernel(Kernel::fastest(), steps_max)
    }

    /// The same with a kernel of choice; every kernel gives the same bits.
    pub fn with_kernel(kernel: Kernel, steps_max: usize) -> Self {
        Self { kernel, decisions: vec![Decisions::default(); steps_max.div_ceil(GROUP)], steps_max }
    }

    /// Decodes `soft`, two values per step (positive means 0), of a block that starts and ends in state
    /// zero, into `bits`, one per step, tail included. Steps beyond the capacity, or beyond the shorter
    /// of the two slices, are left alone. The scale that serves best is [`Self::SOFT_RMS`].
    pub fn decode(&mut self, soft: &[i8], bits: &mut [u8]) {
        let steps = self.steps_max.min(bits.len());
        self.kernel.decode(soft, &mut self.decisions, &mut bits[..steps]);
    }
}

#[cfg(test)]
mod tests;
