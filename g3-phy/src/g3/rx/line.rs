//! The samples that may still be needed.

use crate::dsp::{Kernel, body};
use crate::g3::specs::FFT_LEN;
use alloc::vec;
use alloc::vec::Vec;

/// Samples kept before the window of the present state: a new state may begin so far back.
const HISTORY: usize = 3 * FFT_LEN;
/// Samples of memory.
const CAPACITY: usize = 4096;
/// Samples beyond this are as good as this: keeps every sum of squares finite.
const LIMIT: f32 = 1e12;

/// A window over the stream of samples, with indices of the stream.
#[derive(Debug)]
pub(super) struct Line {
    kernel: Kernel,
    samples: Vec<f32>,
    len: usize,
    first: u64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { kernel: Kernel::fastest(), samples: vec![0.0; CAPACITY], len: 0, first: 0 }
    }

    /// Index of the oldest sample that is still here.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// Takes as many of `samples` as there is room for, and tells how many; what lies well before `needed`
    /// is dropped when room is short.
    pub(super) fn append(&mut self, samples: &[f32], needed: u64) -> usize {
        if self.len == CAPACITY {
            self.drop_before(needed.saturating_sub(HISTORY as u64));
        }
        let count = samples.len().min(CAPACITY - self.len);
        self.kernel.run::<Bound, _>((&samples[..count], &mut self.samples[self.len..]));
        self.len += count;
        count
    }

    /// One symbol body from sample `start` on, once it is complete.
    pub(super) fn window(&self, start: u64) -> Option<&[f32]> {
        let offset = usize::try_from(start.checked_sub(self.first)?).ok()?;
        self.samples[..self.len].get(offset..offset.checked_add(FFT_LEN)?)
    }

    /// Forgets everything; the next sample has this index.
    pub(super) fn restart(&mut self, index: u64) {
        (self.first, self.len) = (index, 0);
    }

    fn drop_before(&mut self, index: u64) {
        let count = (index.saturating_sub(self.first) as usize).min(self.len);
        self.samples.copy_within(count..self.len, 0);
        self.first += count as u64;
        self.len -= count;
    }
}

body!(Bound = bound, (&[f32], &mut [f32]) => ());

/// Samples within the limits; 0 for what is no number.
#[inline(always)]
fn bound((samples, to): (&[f32], &mut [f32])) {
    for (to, &sample) in to.iter_mut().zip(samples) {
        *to = if sample.is_nan() { 0.0 } else { sample.clamp(-LIMIT, LIMIT) };
    }
}
