//! The yardstick: the same code words over a line whose delay, phase, signal and noise are known.
//!
//! No preamble, no header, no samples: the points of the constellation get their noise directly. Soft bits are max-log
//! and not quantised, the decoder's metrics are floating-point numbers.

use crate::channels::Channel;
use crate::random::{Words, complex, key, octets};
use crate::run::Trial;
use crate::stats::Tally;
use crate::viterbi::Viterbi;
use g3_phy::dsp::Complex;
use g3_phy::fec::{
    CONSTRAINT_TAIL, ConvolutionalEncoder, Interleaver, InterleaverOrder, ReedSolomon, RepetitionOrder,
    copy_position, pack, unpack,
};
use g3_phy::g3::PayloadShape;
use g3_phy::ofdm::{Dpsk, unit};
use plc_core::sap::ModulationScheme;
use std::ops::Range;

/// Payloads of one shape with ideal reception.
pub(crate) struct Reference {
    seed: u64,
    shape: PayloadShape,
    scheme: ModulationScheme,
    channel: Channel,
    code: ReedSolomon,
    /// Where each copy of each coded bit is sent.
    destinations: Vec<usize>,
}

impl Trial for Reference {
    fn run(&self, snr_db: f64, frames: Range<u64>) -> Tally {
        let mut tally = Tally { frames: frames.end - frames.start, ..Tally::default() };
        let mut bench = Bench::new(&self.shape);
        let key = key(self.seed, "reference", snr_db);
        for frame in frames {
            let mut words = Words::new(key, frame);
            tally.payload += u64::from(!self.delivered(snr_db, &mut words, &mut bench));
        }
        tally
    }
}

/// Memory of one thread.
struct Bench {
    viterbi: Viterbi,
    sent: Vec<u8>,
    soft: Vec<f32>,
}

impl Bench {
    fn new(shape: &PayloadShape) -> Self {
        let len = shape.carriers * shape.symbols * shape.bits;
        Self { viterbi: Viterbi::default(), sent: vec![0; len], soft: vec![0.0; len] }
    }
}

impl Reference {
    /// Payloads of `shape` over `channel`.
    pub(crate) fn new(seed: u64, shape: PayloadShape, scheme: ModulationScheme, channel: Channel) -> Self {
        let rows = shape.symbols * shape.bits;
        let interleaver = Interleaver::new(shape.carriers, rows, InterleaverOrder::LargerFirst, true);
        let len = (shape.word_len() * 8 + CONSTRAINT_TAIL) * 2;
        let place = |n: usize| {
            let (bit, copy) = (n / shape.repetition, n % shape.repetition);
            copy_position(RepetitionOrder::BitByBit, shape.repetition, len, bit, copy)
        };
        let destinations = (0..len * shape.repetition).map(|n| interleaver.destination(place(n))).collect();
        Self { seed, shape, scheme, channel, code: ReedSolomon::new(shape.parity), destinations }
    }

    fn delivered(&self, snr_db: f64, words: &mut Words, bench: &mut Bench) -> bool {
        let mut word = octets(words, self.shape.word_len());
        self.code.encode(&mut word);
        self.encode(&word, bench);
        self.transmit(snr_db, words, bench);
        let mut decoded = self.decode(bench);
        self.code.decode(&mut decoded).is_ok() && decoded == word
    }

    fn encode(&self, word: &[u8], bench: &mut Bench) {
        let mut bits = vec![0; word.len() * 8 + CONSTRAINT_TAIL];
        unpack(word, &mut bits[..word.len() * 8]);
        let mut encoder = ConvolutionalEncoder::new();
        bench.sent.fill(0);
        let coded = bits.iter().flat_map(|&bit| encoder.push(bit));
        for (bit, places) in coded.zip(self.destinations.chunks_exact(self.shape.repetition)) {
            places.iter().for_each(|&place| bench.sent[place] = bit);
        }
    }

    /// Sends the bits and writes the soft bits that arrive.
    fn transmit(&self, snr_db: f64, words: &mut Words, bench: &mut Bench) {
        let (keying, bits) = (Dpsk::new(self.shape.bits), self.shape.bits);
        let noise = 10f64.powf(-snr_db / 20.0) as f32;
        let differential = self.scheme == ModulationScheme::Differential;
        let amplitudes = self.channel.amplitudes(words);
        for (carrier, &amplitude) in amplitudes.iter().enumerate().take(self.shape.carriers) {
            let snr = (amplitude / noise).powi(2);
            let mut phase = 0;
            let mut before = unit(phase) * amplitude + complex(words) * noise;
            let weight = weight(snr, amplitude, differential);
            for symbol in 0..self.shape.symbols {
                let first = (symbol * self.shape.carriers + carrier) * bits;
                let value = (0..bits).fold(0, |value, n| value | bench.sent[first + n] << n);
                phase = (if differential { phase } else { 0 } + keying.shift(value)) % 16;
                let now = unit(phase) * amplitude + complex(words) * noise;
                let against = if differential { before } else { Complex::new(amplitude, 0.0) };
                let soft = keying.soft(now * against.conj());
                (0..bits).for_each(|n| bench.soft[first + n] = soft[n] * weight);
                before = now;
            }
        }
    }

    fn decode(&self, bench: &mut Bench) -> Vec<u8> {
        let copies = self.destinations.chunks_exact(self.shape.repetition);
        let coded: Vec<f32> =
            copies.map(|copies| copies.iter().map(|&place| bench.soft[place]).sum()).collect();
        let bits = bench.viterbi.decode(&coded);
        let mut word = vec![0; self.shape.word_len()];
        pack(&bits, &mut word);
        word
    }
}

/// What makes a log-likelihood, up to a factor that all carriers share, of the real part of a product of a carrier of
/// `amplitude` with its reference. A noisy reference: mean S, variance S·σ² + σ⁴/2; a known one: S·σ²/2.
fn weight(snr: f32, amplitude: f32, noisy_reference: bool) -> f32 {
    let clear = if noisy_reference { 4.0 * snr * snr / (2.0 * snr + 1.0) } else { 4.0 * snr };
    clear / (amplitude * amplitude)
}
