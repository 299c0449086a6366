//! What header and payload share: convolutional code, repetition, padding, interleaver.

use super::Interop;
use super::interop::InterleaverSpan;
use crate::fec::{CONSTRAINT_TAIL, Interleaver, RepetitionOrder, copy_position};

/// The way of a block of bits to the carriers and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    interleaver: Interleaver,
    /// Interleavers of that size, each for one bit of the carriers.
    planes: usize,
    order: RepetitionOrder,
    factor: usize,
    /// Coded bits before repetition.
    coded: usize,
    pad: u8,
}

/// The carriers that a chain fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Carriers with data in a symbol.
    pub(crate) carriers: usize,
    /// Symbols.
    pub(crate) symbols: usize,
    /// Bits of a carrier.
    pub(crate) bits: usize,
}

impl Chain {
    /// For `information` bits without their tail, sent `factor` times on `grid`.
    pub(crate) fn new(interop: &Interop, grid: Grid, factor: usize, information: usize) -> Self {
        let (planes, rows) = match interop.interleaver_span {
            InterleaverSpan::FullBlock => (1, grid.symbols * grid.bits),
            InterleaverSpan::PerBit => (grid.bits, grid.symbols),
        };
        Self {
            interleaver: Interleaver::new(grid.carriers, rows, interop.interleaver, interop.interleaver_swap),
            planes,
            order: interop.repetition,
            factor,
            coded: (information + CONSTRAINT_TAIL) * 2,
            pad: u8::from(interop.pad_bit),
        }
    }

    /// Bits on the carriers.
    pub(crate) fn len(&self) -> usize {
        self.interleaver.len() * self.planes
    }

    /// Coded bits before repetition.
    pub(crate) const fn coded(&self) -> usize {
        self.coded
    }

    /// How often each coded bit is sent.
    pub(crate) const fn factor(&self) -> usize {
        self.factor
    }

    /// In which order the copies of a bit follow.
    pub(crate) const fn order(&self) -> RepetitionOrder {
        self.order
    }

    /// The bit that fills what is left.
    pub(crate) const fn pad(&self) -> u8 {
        self.pad
    }

    /// Where copy `copy` of coded bit `bit` stands on the carriers: symbol by symbol, carrier by carrier, bit by bit.
    pub(crate) fn destination(&self, bit: usize, copy: usize) -> usize {
        let position = copy_position(self.order, self.factor, self.coded, bit, copy);
        let (plane, within) = (position / self.interleaver.len(), position % self.interleaver.len());
        self.interleaver.destination(within) * self.planes + plane
    }

    /// Calls `visit` with where each bit in the stream of all copies stands on the carriers, in order, and then the padding.
    pub(crate) fn visit(&self, mut visit: impl FnMut(usize)) {
        for plane in 0..self.planes {
            self.interleaver.visit(|place| visit(place * self.planes + plane));
        }
    }
}
