//! What header and payload share: convolutional code, repetition, padding, interleaver.

use super::Interop;
use crate::fec::{
    CONSTRAINT_TAIL, ConvolutionalEncoder, Interleaver, RepetitionOrder, Viterbi, combine, copy_position,
};

/// The way of a block of bits to the carriers and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    interleaver: Interleaver,
    order: RepetitionOrder,
    factor: usize,
    /// Coded bits before repetition.
    coded: usize,
    pad: u8,
}

impl Chain {
    /// For `information` bits without their tail, sent `factor` times on `carriers` carriers in `rows` rows.
    pub(crate) fn new(
        interop: &Interop,
        carriers: usize,
        rows: usize,
        factor: usize,
        information: usize,
    ) -> Self {
        Self {
            interleaver: Interleaver::new(carriers, rows, interop.interleaver, interop.interleaver_swap),
            order: interop.repetition,
            factor,
            coded: (information + CONSTRAINT_TAIL) * 2,
            pad: u8::from(interop.pad_bit),
        }
    }

    /// Bits on the carriers.
    pub(crate) fn len(&self) -> usize {
        self.interleaver.len()
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

    fn destination(&self, bit: usize, copy: usize) -> usize {
        self.interleaver.destination(copy_position(self.order, self.factor, self.coded, bit, copy))
    }
}
