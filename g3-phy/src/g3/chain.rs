//! What header and payload share: convolutional code, repetition, padding, interleaver.

use super::Interop;
use super::interop::InterleaverSpan;
use super::specs::FCH_REPETITION;
use crate::fec::{
    CONSTRAINT_TAIL, ConvolutionalEncoder, Destinations, Interleaver, RepetitionOrder, Viterbi, combine,
    copy_position,
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
        let (rounds, copies) = match self.order {
            RepetitionOrder::BitByBit => (1, self.factor),
            RepetitionOrder::BlockByBlock => (self.factor, 1),
        };
        let mut places = self.places(0);
        for _ in 0..rounds {
            let mut encoder = ConvolutionalEncoder::new();
            let tail = core::iter::repeat_n(&0, CONSTRAINT_TAIL);
            for bit in information.iter().chain(tail).flat_map(|&bit| encoder.push(bit)) {
                for place in places.by_ref().take(copies) {
                    sent[place] = bit;
                }
            }
        }
        places.for_each(|place| sent[place] = self.pad);
    }

    /// Decodes the soft bits of a block; `coded` is room for the code word, `bits` takes the information and
    /// its tail.
    pub(crate) fn decode(&self, soft: &[i8], coded: &mut [i8], viterbi: &mut Viterbi, bits: &mut [u8]) {
        let coded = &mut coded[..self.coded];
        self.collect(soft, coded);
        viterbi.decode(coded, &mut bits[..self.coded / 2]);
    }

    /// Where copy `copy` of coded bit `bit` stands on the carriers: symbol by symbol, carrier by carrier, bit by bit.
    pub(crate) fn destination(&self, bit: usize, copy: usize) -> usize {
        let position = copy_position(self.order, self.factor, self.coded, bit, copy);
        let (plane, within) = (position / self.interleaver.len(), position % self.interleaver.len());
        self.interleaver.destination(within) * self.planes + plane
    }

    /// Takes the soft bits off the carriers and combines the copies of each.
    fn collect(&self, soft: &[i8], coded: &mut [i8]) {
        let value = |place: usize| i32::from(soft[place]);
        match self.order {
            _ if self.planes == 1 && self.factor == 1 => {
                let mut index = 0;
                self.interleaver.visit(self.coded, |place| {
                    coded[index] = soft[place].max(-127);
                    index += 1;
                });
            }
            RepetitionOrder::BitByBit if self.planes == 1 => {
                let (mut coded, mut sum, mut copies) = (coded.iter_mut(), 0, 0);
                self.interleaver.visit(self.coded * self.factor, |place| {
                    (sum, copies) = (sum + i32::from(soft[place]), copies + 1);
                    if copies == self.factor {
                        coded.next().into_iter().for_each(|coded| *coded = combine(sum, self.factor));
                        (sum, copies) = (0, 0);
                    }
                });
            }
            RepetitionOrder::BitByBit => {
                let mut places = self.places(0);
                for coded in coded {
                    let sum = places.by_ref().take(self.factor).map(value).sum();
                    *coded = combine(sum, self.factor);
                }
            }
            RepetitionOrder::BlockByBlock => {
                let mut copies: [_; COPIES_MAX] = core::array::from_fn(|copy| self.places(copy * self.coded));
                for coded in coded {
                    let places = copies[..self.factor].iter_mut().filter_map(Iterator::next);
                    *coded = combine(places.map(value).sum(), self.factor);
                }
            }
        }
    }

    /// Where the bits stand on the carriers that are at `position` and later in the stream of all copies.
    fn places(&self, position: usize) -> Places {
        let len = self.interleaver.len();
        let plane = position.checked_div(len).unwrap_or(self.planes);
        let within = if plane < self.planes { position % len } else { len };
        Places { chain: *self, plane, destinations: self.interleaver.destinations(within) }
    }
}

/// Places on the carriers: symbol by symbol, carrier by carrier, bit by bit.
struct Places {
    chain: Chain,
    plane: usize,
    destinations: Destinations,
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let destination = match self.destinations.next() {
            Some(destination) => destination,
            None => self.next_plane()?,
        };
        Some(destination * self.chain.planes + self.plane)
    }
}

impl Places {
    #[cold]
    fn next_plane(&mut self) -> Option<usize> {
        if self.plane + 1 >= self.chain.planes {
            return None;
        }
        self.plane += 1;
        self.destinations = self.chain.interleaver.destinations(0);
        self.destinations.next()
    }
}

/// No bit is sent more often.
const COPIES_MAX: usize = FCH_REPETITION;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g3::InterleaverOrder;
    use proptest::prelude::*;
    use std::vec;

    proptest! {
        #[test]
        fn every_copy_of_every_bit_goes_where_the_definition_puts_it(
            carriers in 1usize..73,
            symbols in 1usize..60,
            bits in 1usize..5,
            factor in 1usize..7,
            [per_bit, blocks, smaller, pad_bit] in any::<[bool; 4]>(),
            seed: u64,
        ) {
            let interop = Interop {
                pad_bit,
                interleaver: if smaller { InterleaverOrder::SmallerFirst } else { InterleaverOrder::LargerFirst },
                interleaver_span: if per_bit { InterleaverSpan::PerBit } else { InterleaverSpan::FullBlock },
                repetition: if blocks { RepetitionOrder::BlockByBlock } else { RepetitionOrder::BitByBit },
                ..Interop::default()
            };
            let room = carriers * symbols * bits;
            let Some(information) = (room / factor / 2).checked_sub(CONSTRAINT_TAIL) else { return Ok(()) };
            let chain = Chain::new(&interop, Grid { carriers, symbols, bits }, factor, information);
            let data: vec::Vec<u8> = (0..information).map(|n| (seed >> (n % 64) & 1) as u8).collect();
            let mut sent = vec![2; chain.len()];
            chain.encode(&data, &mut sent);

            let mut encoder = ConvolutionalEncoder::new();
            let mut expected = vec![u8::from(pad_bit); chain.len()];
            let tail = [0; CONSTRAINT_TAIL];
            for (index, bit) in data.iter().chain(&tail).flat_map(|&bit| encoder.push(bit)).enumerate() {
                (0..factor).for_each(|copy| expected[chain.destination(index, copy)] = bit);
            }
            prop_assert_eq!(&sent, &expected);

            let soft: vec::Vec<i8> = (0..chain.len()).map(|n| (seed.wrapping_mul(n as u64 + 1) >> 56) as i8).collect();
            let mut coded = vec![0; chain.coded];
            chain.collect(&soft, &mut coded);
            for (index, value) in coded.into_iter().enumerate() {
                let sum = (0..factor).map(|copy| i32::from(soft[chain.destination(index, copy)])).sum();
                prop_assert_eq!(value, combine(sum, factor));
            }
        }
    }
}
