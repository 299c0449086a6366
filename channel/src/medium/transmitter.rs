//! The delay line of one transmitter.

use crate::Link;
use crate::skew::MARGIN;
use core::ops::Range;

/// What a port has sent lately.
#[derive(Clone, Debug)]
pub(super) struct Transmitter {
    pub(super) scale: f32,
    /// Samples of the past that its links reach back to.
    memory: usize,
    /// Samples after which nothing of it is left on the line.
    tail: u64,
    /// First sample of the burst and the one after its last that was not zero.
    burst: Option<Range<u64>>,
    /// `memory` samples of the past and the present block.
    samples: Vec<f32>,
}

impl Transmitter {
    /// A port that has no links yet.
    pub(super) fn new() -> Self {
        Self { scale: 1.0, memory: 0, tail: 0, burst: None, samples: Vec::new() }
    }

    /// Keeps as much of the past as `link` needs.
    pub(super) fn remember(&mut self, link: &Link) {
        let margin = if link.skew_ppm() != 0.0 { 2 * MARGIN } else { 0 };
        self.memory = self.memory.max(link.fir().memory());
        self.tail = self.tail.max((link.fir().memory() + margin) as u64);
    }

    /// The burst that is still on the line at sample `now`.
    pub(super) fn active(&self, now: u64) -> Option<&Range<u64>> {
        self.burst.as_ref().filter(|burst| now < burst.end + self.tail)
    }

    /// Whether anything of it is still on the line at sample `now`.
    pub(super) fn is_active(&self, now: u64) -> bool {
        self.active(now).is_some()
    }

    /// Appends a block to the past; says whether a new burst has begun.
    pub(super) fn take(&mut self, now: u64, samples: usize, block: &[f32]) -> bool {
        let first = block.iter().position(|sample| *sample != 0.0);
        let last = block.iter().rposition(|sample| *sample != 0.0);
        let begins = !self.is_active(now) && first.is_some();
        if begins {
            self.samples.clear();
            self.samples.resize(self.memory, 0.0);
            self.burst = first.map(|first| now + first as u64..now);
        }
        if let (Some(burst), Some(last)) = (self.burst.as_mut(), last) {
            burst.end = now + last as u64 + 1;
        }
        if self.is_active(now) {
            self.samples.extend(block.iter().map(|sample| sample * self.scale));
            self.samples.resize(self.memory + samples, 0.0);
        }
        begins
    }

    /// What the filter of `link` needs for the outputs `span` of the present block.
    pub(super) fn input(&self, link: &Link, span: &Range<usize>) -> &[f32] {
        let fir = link.fir();
        let newest = self.memory - fir.delay;
        &self.samples[newest + span.start + 1 - fir.taps.len()..newest + span.end]
    }

    /// The present becomes the past.
    pub(super) fn move_on(&mut self, now: u64, samples: usize) {
        if self.is_active(now) {
            self.samples.drain(..samples);
        }
    }
}
