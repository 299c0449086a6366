//! What header and payload share: convolutional code, repetition, padding, interleaver.

use super::Interop;
use super::interop::InterleaverSpan;
use crate::fec::{
    CONSTRAINT_TAIL, ConvolutionalEncoder, Interleaver, RepetitionOrder, Viterbi, combine, copy_position,
};

/// The way of a block of bits to the carriers and back.
#[derive(Clone, Copy, Debug)]
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

    /// Codes `information` into `sent`, which must be as long as this chain.
    pub(crate) fn encode(&self, information: &[u8], sent: &mut [u8]) {
        sent.fill(self.pad);
        let mut encoder = ConvolutionalEncoder::new();
        let tail = core::iter::repeat_n(&0, CONSTRAINT_TAIL);
        let coded = information.iter().chain(tail).flat_map(|&bit| encoder.push(bit));
        for (index, bit) in coded.enumerate() {
            (0..self.factor).for_each(|copy| sent[self.destination(index, copy)] = bit);
        }
    }

    /// Decodes the soft bits of a block; `coded` is room for the code word, `bits` takes the information and
    /// its tail.
    pub(crate) fn decode(&self, soft: &[i8], coded: &mut [i8], viterbi: &mut Viterbi, bits: &mut [u8]) {
        for (index, value) in coded[..self.coded].iter_mut().enumerate() {
            let copies = (0..self.factor).map(|copy| i32::from(soft[self.destination(index, copy)]));
            *value = combine(copies.sum(), self.factor);
        }
        viterbi.decode(&coded[..self.coded], &mut bits[..self.coded / 2]);
    }

    /// Where copy `copy` of coded bit `bit` stands on the carriers: symbol by symbol, carrier by carrier, bit by bit.
    pub(crate) fn destination(&self, bit: usize, copy: usize) -> usize {
        let position = copy_position(self.order, self.factor, self.coded, bit, copy);
        if self.planes == 1 {
            return self.interleaver.destination(position);
        }
        let (plane, within) = (position / self.interleaver.len(), position % self.interleaver.len());
        self.interleaver.destination(within) * self.planes + plane
    }
}
