//! The yardstick under the conditions of the published points: blocks of 2000 bits, a random interleaver, no
//! Reed-Solomon code. The ratio is Eb/N0 per information bit of the convolutional code.

use crate::random::{Words, complex, key};
use crate::run::Trial;
use crate::stats::Tally;
use crate::viterbi::Viterbi;
use g3_phy::dsp::Complex;
use g3_phy::fec::{CONSTRAINT_TAIL, ConvolutionalEncoder};
use g3_phy::ofdm::{Dpsk, unit};
use std::ops::Range;

/// One published point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) name: &'static str,
    pub(crate) bits: usize,
    pub(crate) differential: bool,
    /// Eb/N0 at a frame error rate of 1 %, in dB.
    pub(crate) published_db: f64,
}

/// Own simulations by another program, to ±0.05 dB; the coherent one agrees with the union bound of the code.
pub(crate) const ANCHORS: [Anchor; 4] = [
    Anchor { name: "BPSK, coherent", bits: 1, differential: false, published_db: 3.9 },
    Anchor { name: "DBPSK", bits: 1, differential: true, published_db: 6.5 },
    Anchor { name: "DQPSK", bits: 2, differential: true, published_db: 6.8 },
    Anchor { name: "D8PSK", bits: 3, differential: true, published_db: 8.9 },
];

/// Agreement with the published points counts as such within this, in dB.
pub(crate) const AGREEMENT_DB: f64 = 0.1;
const INFORMATION: usize = 2000;

/// An anchor with its seed.
pub(crate) struct AnchorTrial {
    pub(crate) seed: u64,
    pub(crate) anchor: Anchor,
}

impl Trial for AnchorTrial {
    fn run(&self, ebn0_db: f64, frames: Range<u64>) -> Tally {
        let mut tally = Tally { frames: frames.end - frames.start, ..Tally::default() };
        let (key, mut viterbi) = (key(self.seed, self.anchor.name, ebn0_db), Viterbi::default());
        for frame in frames {
            tally.payload += u64::from(!self.delivered(ebn0_db, &mut Words::new(key, frame), &mut viterbi));
        }
        tally
    }
}

impl AnchorTrial {
    fn delivered(&self, ebn0_db: f64, words: &mut Words, viterbi: &mut Viterbi) -> bool {
        let mut bits: Vec<u8> = (0..INFORMATION).map(|_| (words.word() >> 63) as u8).collect();
        bits.extend([0; CONSTRAINT_TAIL]);
        let mut encoder = ConvolutionalEncoder::new();
        let coded: Vec<u8> = bits.iter().flat_map(|&bit| encoder.push(bit)).collect();
        let order = shuffled(coded.len(), words);
        let mut sent: Vec<u8> = order.iter().map(|&place| coded[place]).collect();
        sent.resize(sent.len().next_multiple_of(self.anchor.bits), 0);
        let mut soft = vec![0.0; coded.len()];
        let arrived = self.arrived(ebn0_db, &sent, words);
        order.iter().zip(arrived).for_each(|(&place, value)| soft[place] = value);
        viterbi.decode(&soft) == bits
    }

    /// Soft bits of one carrier that sends `sent`.
    fn arrived(&self, ebn0_db: f64, sent: &[u8], words: &mut Words) -> Vec<f32> {
        let (keying, bits) = (Dpsk::new(self.anchor.bits), self.anchor.bits);
        let noise = 10f64.powf(-(ebn0_db + 10.0 * (bits as f64 / 2.0).log10()) / 20.0) as f32;
        let (mut phase, mut before) = (0, unit(0) + complex(words) * noise);
        let mut soft = Vec::new();
        for group in sent.chunks_exact(bits) {
            let value = group.iter().enumerate().fold(0, |value, (n, bit)| value | bit << n);
            phase = (if self.anchor.differential { phase } else { 0 } + keying.shift(value)) % 16;
            let now = unit(phase) + complex(words) * noise;
            let against = if self.anchor.differential { before } else { Complex::new(1.0, 0.0) };
            soft.extend_from_slice(&keying.soft(now * against.conj())[..bits]);
            before = now;
        }
        soft
    }
}

/// A random order of `len` things.
fn shuffled(len: usize, words: &mut Words) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    (1..len).rev().for_each(|n| order.swap(n, (words.word() % (n as u64 + 1)) as usize));
    order
}
