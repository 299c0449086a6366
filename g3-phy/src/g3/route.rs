//! The places of a [`Chain`]'s bits, looked up instead of computed: bits to the carriers, and soft bits back.

use super::chain::Chain;
use crate::fec::{CONSTRAINT_TAIL, ConvolutionalEncoder, RepetitionOrder, Viterbi, combine};
use alloc::vec::Vec;

/// A chain with the table of its places. The table is made again only when another chain comes, which is when the tone
/// map, the modulation or the length of frames changes. Allocates when built only.
#[derive(Debug)]
pub(crate) struct Route {
    chain: Option<Chain>,
    /// Where each bit in the stream of all copies stands on the carriers; then the padding.
    places: Vec<u16>,
}

impl Route {
    /// For chains of at most `bits` bits on the carriers.
    pub(crate) fn new(bits: usize) -> Self {
        assert!(bits <= 1 << u16::BITS, "places are counted in sixteen bits");
        Self { chain: None, places: Vec::with_capacity(bits) }
    }

    /// For one chain alone.
    pub(crate) fn of(chain: Chain) -> Self {
        let mut route = Self::new(chain.len());
        route.follow(chain);
        route
    }

    /// Takes the way of `chain` from now on, whose bits have room.
    pub(crate) fn follow(&mut self, chain: Chain) {
        if self.chain == Some(chain) {
            return;
        }
        assert!(chain.len() <= self.places.capacity(), "no frame has more bits than the longest");
        self.places.clear();
        let places = &mut self.places;
        chain.visit(|place| places.push(place as u16));
        self.chain = Some(chain);
    }

    /// Codes `information` into `sent`, which must be as long as the chain.
    pub(crate) fn encode(&self, information: &[u8], sent: &mut [u8]) {
        let Some(chain) = &self.chain else { return };
        let (rounds, copies) = match chain.order() {
            RepetitionOrder::BitByBit => (1, chain.factor()),
            RepetitionOrder::BlockByBlock => (chain.factor(), 1),
        };
        let used = chain.coded() * chain.factor();
        let (used, padding) = self.places.split_at(used.min(self.places.len()));
        for places in used.chunks_exact(chain.coded() * copies).take(rounds) {
            match copies {
                1 => spread::<1>(information, places, sent),
                4 => spread::<4>(information, places, sent),
                6 => spread::<6>(information, places, sent),
                _ => spread_any(information, places, copies, sent),
            }
        }
        padding.iter().for_each(|&place| sent[usize::from(place)] = chain.pad());
    }

    /// Decodes the soft bits of a block; `coded` is room for the code word, `bits` takes the information and
    /// its tail.
    pub(crate) fn decode(&self, soft: &[i8], coded: &mut [i8], viterbi: &mut Viterbi, bits: &mut [u8]) {
        let Some(chain) = &self.chain else { return };
        let coded = &mut coded[..chain.coded()];
        self.collect(chain, soft, coded);
        viterbi.decode(coded, &mut bits[..chain.coded() / 2]);
    }

    /// Takes the soft bits off the carriers and combines the copies of each.
    fn collect(&self, chain: &Chain, soft: &[i8], coded: &mut [i8]) {
        match (chain.factor(), chain.order()) {
            (1, _) => gather::<1>(&self.places, soft, coded),
            (4, RepetitionOrder::BitByBit) => gather::<4>(&self.places, soft, coded),
            (6, RepetitionOrder::BitByBit) => gather::<6>(&self.places, soft, coded),
            (factor, order) => {
                let (copies, bits) = match order {
                    RepetitionOrder::BitByBit => (1, factor),
                    RepetitionOrder::BlockByBlock => (chain.coded(), 1),
                };
                let value = |place: usize| i32::from(soft[usize::from(self.places[place])]);
                for (bit, coded) in coded.iter_mut().enumerate() {
                    *coded = combine((0..factor).map(|copy| value(bit * bits + copy * copies)).sum(), factor);
                }
            }
        }
    }
}

/// Puts the coded bits of `information` and its tail where they stand, `N` copies each.
fn spread<const N: usize>(information: &[u8], places: &[u16], sent: &mut [u8]) {
    let (mut encoder, tail) = (ConvolutionalEncoder::new(), [0; CONSTRAINT_TAIL]);
    let (pairs, _) = places.as_chunks::<N>().0.as_chunks::<2>();
    for (pair, &bit) in pairs.iter().zip(information.iter().chain(&tail)) {
        for (places, bit) in pair.iter().zip(encoder.push(bit)) {
            places.iter().for_each(|&place| sent[usize::from(place)] = bit);
        }
    }
}

/// The same for any number of `copies`.
fn spread_any(information: &[u8], places: &[u16], copies: usize, sent: &mut [u8]) {
    let (mut encoder, tail) = (ConvolutionalEncoder::new(), [0; CONSTRAINT_TAIL]);
    let coded = information.iter().chain(&tail).flat_map(|&bit| encoder.push(bit));
    for (places, bit) in places.chunks_exact(copies).zip(coded) {
        places.iter().for_each(|&place| sent[usize::from(place)] = bit);
    }
}

/// Combines `N` soft bits for each of `coded`, in the order of `places`.
fn gather<const N: usize>(places: &[u16], soft: &[i8], coded: &mut [i8]) {
    if N == 1 {
        coded.iter_mut().zip(places).for_each(|(coded, &place)| *coded = soft[usize::from(place)]);
        return coded.iter_mut().for_each(|coded| *coded = combine(i32::from(*coded), 1));
    }
    for (coded, places) in coded.iter_mut().zip(places.as_chunks::<N>().0) {
        let sum = places.iter().map(|&place| i32::from(soft[usize::from(place)])).sum();
        *coded = combine(sum, N);
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::Grid;
    use super::super::interop::{InterleaverOrder, InterleaverSpan, Interop};
    use super::*;
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
            let mut route = Route::new(40_000);
            // Another chain was here before.
            route.follow(Chain::new(&interop, Grid { carriers: 30, symbols: 20, bits: 2 }, 4, 10));
            route.follow(chain);
            let data: Vec<u8> = (0..information).map(|n| (seed >> (n % 64) & 1) as u8).collect();
            let mut sent = vec![2; chain.len()];
            route.encode(&data, &mut sent);

            let mut encoder = ConvolutionalEncoder::new();
            let mut expected = vec![u8::from(pad_bit); chain.len()];
            let tail = [0; CONSTRAINT_TAIL];
            for (index, bit) in data.iter().chain(&tail).flat_map(|&bit| encoder.push(bit)).enumerate() {
                (0..factor).for_each(|copy| expected[chain.destination(index, copy)] = bit);
            }
            prop_assert_eq!(&sent, &expected);

            let soft: Vec<i8> = (0..chain.len()).map(|n| (seed.wrapping_mul(n as u64 + 1) >> 56) as i8).collect();
            let mut coded = vec![0; chain.coded()];
            route.collect(&chain, &soft, &mut coded);
            for (index, value) in coded.into_iter().enumerate() {
                let sum = (0..factor).map(|copy| i32::from(soft[chain.destination(index, copy)])).sum();
                prop_assert_eq!(value, combine(sum, factor));
            }
        }
    }
}
