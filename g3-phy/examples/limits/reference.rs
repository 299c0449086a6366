//! The reference: the same frame with everything known but the data.
//!
//! Carriers in white noise of known power, the product of each with its predecessor, max-log soft bits in floating
//! point, a Viterbi decoder without quantisation, the frame's own interleaver and Reed-Solomon code.

use channel::gauss::{Words, ziggurat};
use g3_phy::dsp::Complex;
use g3_phy::fec::{ConvolutionalEncoder, Interleaver, InterleaverOrder, ReedSolomon, pack, unpack};
use g3_phy::g3::PayloadShape;
use g3_phy::ofdm::{Dpsk, unit};

/// Frames of one shape.
pub(crate) struct Reference {
    shape: PayloadShape,
    code: ReedSolomon,
    interleaver: Interleaver,
}

impl Reference {
    pub(crate) fn new(shape: PayloadShape) -> Self {
        let rows = shape.symbols * shape.bits;
        let interleaver = Interleaver::new(shape.carriers, rows, InterleaverOrder::default(), true);
        Self { shape, code: ReedSolomon::new(shape.parity), interleaver }
    }

    /// Whether frame number `seed` arrives at `snr_db` per carrier.
    pub(crate) fn delivered(&self, seed: u64, snr_db: f64) -> bool {
        let mut words = Words::new(0x5EED, seed);
        let shape = &self.shape;
        let mut word: Vec<u8> = (0..shape.word_len()).map(|_| words.word() as u8).collect();
        self.code.encode(&mut word);
        let soft = self.transmit(&self.coded(&word), snr_db, &mut words);
        let mut bits = vec![0; word.len() * 8 + 6];
        viterbi(&self.combined(&soft, bits.len() * 2), &mut bits);
        let mut decoded = vec![0; word.len()];
        pack(&bits[..word.len() * 8], &mut decoded);
        self.code.decode(&mut decoded).is_ok() && decoded == word
    }

    fn coded(&self, word: &[u8]) -> Vec<u8> {
        let mut bits = vec![0; word.len() * 8];
        unpack(word, &mut bits);
        let mut encoder = ConvolutionalEncoder::new();
        let coded = bits.iter().chain(&[0; 6]).flat_map(|&bit| encoder.push(bit));
        let mut sent = vec![0; self.interleaver.len()];
        let copies = coded.flat_map(|bit| std::iter::repeat_n(bit, self.shape.repetition));
        copies.enumerate().for_each(|(n, bit)| sent[self.interleaver.destination(n)] = bit);
        sent
    }

    /// Soft bits of `sent`, in the order of the carriers.
    fn transmit(&self, sent: &[u8], snr_db: f64, words: &mut Words) -> Vec<f32> {
        let sigma = (0.5 / 10f64.powf(snr_db / 10.0)).sqrt() as f32;
        let keying = Dpsk::new(self.shape.bits);
        let mut noise = || Complex::new(words.gaussian(ziggurat()), words.gaussian(ziggurat())) * sigma;
        let mut phases = vec![0u8; self.shape.carriers];
        let mut before: Vec<_> = phases.iter().map(|_| unit(0) + noise()).collect();
        let mut soft = Vec::with_capacity(sent.len());
        for (n, bits) in sent.chunks_exact(self.shape.bits).enumerate() {
            let carrier = n % self.shape.carriers;
            let value = bits.iter().enumerate().fold(0, |value, (n, bit)| value | bit << n);
            phases[carrier] = (phases[carrier] + keying.shift(value)) % 16;
            let now = unit(phases[carrier]) + noise();
            let product = now * before[carrier].conj();
            soft.extend(&keying.soft(product)[..self.shape.bits]);
            before[carrier] = now;
        }
        soft
    }

    fn combined(&self, soft: &[f32], len: usize) -> Vec<f32> {
        let copies = self.shape.repetition;
        let copy = |n: usize| soft[self.interleaver.destination(n)];
        (0..len).map(|n| (n * copies..(n + 1) * copies).map(copy).sum()).collect()
    }
}

/// Maximum likelihood without quantisation: from state zero to state zero.
fn viterbi(soft: &[f32], bits: &mut [u8]) {
    let signs: Vec<[f32; 2]> = (0..128).map(signs).collect();
    let mut metrics = [f32::MIN / 2.0; 64];
    metrics[0] = 0.0;
    let mut decisions = Vec::with_capacity(bits.len());
    for pair in soft.chunks_exact(2) {
        let (mut next, mut decision) = ([0.0; 64], 0u64);
        for (state, next) in next.iter_mut().enumerate() {
            let reached = |before: usize| {
                let [a, b] = signs[before << 1 | state & 1];
                metrics[before] + a * pair[0] + b * pair[1]
            };
            let (low, high) = (reached(state >> 1), reached(state >> 1 | 32));
            decision |= u64::from(high > low) << state;
            *next = low.max(high);
        }
        metrics = next;
        decisions.push(decision);
    }
    let mut state = 0usize;
    for (bit, decision) in bits.iter_mut().zip(&decisions).rev() {
        *bit = (state & 1) as u8;
        state = state >> 1 | ((decision >> state & 1) as usize) << 5;
    }
}

/// Signs of the two coded bits of a register of seven bits, newest in bit 0.
fn signs(register: u8) -> [f32; 2] {
    let mut encoder = ConvolutionalEncoder::new();
    let outputs = (0..7).rev().map(|n| encoder.push(register >> n & 1)).last();
    outputs.expect("seven bits were pushed").map(|bit| 1.0 - 2.0 * f32::from(bit))
}
