//! Pieces of a frame: cycles of the preamble and symbols, joined by their ramps.

use crate::dsp::raised_cosine;
use crate::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP, SYMBOL_HOP};
use alloc::vec;
use alloc::vec::Vec;

/// Samples that are ready to leave, and the tail that overlaps with the next piece.
#[derive(Debug)]
pub(super) struct Piece {
    samples: Vec<f32>,
    len: usize,
    sent: usize,
    tail: [f32; OVERLAP],
    /// The rising ramp.
    ramp: [f32; OVERLAP],
}

impl Piece {
    pub(super) fn new() -> Self {
        let ramp = core::array::from_fn(|n| raised_cosine(n, OVERLAP));
        Self { samples: vec![0.0; CYCLIC_PREFIX + FFT_LEN], len: 0, sent: 0, tail: [0.0; OVERLAP], ramp }
    }

    /// A new frame.
    pub(super) const fn restart(&mut self) {
        (self.len, self.sent, self.tail) = (0, 0, [0.0; OVERLAP]);
    }

    /// Where the body of the next [`symbol`](Self::symbol) is to be written.
    pub(super) fn body(&mut self) -> &mut [f32] {
        &mut self.samples[CYCLIC_PREFIX..]
    }

    /// The piece that is ready to leave.
    pub(super) fn samples(&mut self) -> &mut [f32] {
        &mut self.samples[..self.len]
    }

    pub(super) const fn is_sent(&self) -> bool {
        self.sent == self.len
    }

    pub(super) fn take(&mut self, samples: &mut [f32]) -> usize {
        let count = samples.len().min(self.len - self.sent);
        samples[..count].copy_from_slice(&self.samples[self.sent..self.sent + count]);
        self.sent += count;
        count
    }

    /// A whole cycle of the preamble.
    pub(super) fn sync(&mut self, syncp: &[f32], sign: f32, first: bool) {
        self.samples.iter_mut().zip(syncp).for_each(|(to, from)| *to = sign * from);
        if first {
            self.ramp_up();
        }
        (self.len, self.sent) = (FFT_LEN, 0);
    }

    pub(super) fn half_syncm(&mut self, syncp: &[f32]) {
        self.samples.iter_mut().zip(syncp).for_each(|(to, from)| *to = -from);
        self.keep_tail(FFT_LEN / 2);
    }

    /// A symbol whose body stands after the room for its prefix.
    pub(super) fn symbol(&mut self) {
        self.samples.copy_within(FFT_LEN.., 0);
        self.ramp_up();
        self.samples.iter_mut().zip(&self.tail).for_each(|(to, tail)| *to += tail);
        self.keep_tail(SYMBOL_HOP + OVERLAP);
    }

    pub(super) fn last_tail(&mut self) {
        self.samples[..OVERLAP].copy_from_slice(&self.tail);
        (self.len, self.sent) = (OVERLAP, 0);
    }

    fn ramp_up(&mut self) {
        self.samples.iter_mut().zip(&self.ramp).for_each(|(sample, ramp)| *sample *= ramp);
    }

    /// The last samples before `end` are ramped down and wait for the next piece.
    fn keep_tail(&mut self, end: usize) {
        let start = end - OVERLAP;
        let falling = self.samples[start..end].iter().zip(self.ramp.iter().rev());
        self.tail.iter_mut().zip(falling).for_each(|(tail, (sample, ramp))| *tail = sample * ramp);
        (self.len, self.sent) = (start, 0);
    }
}
