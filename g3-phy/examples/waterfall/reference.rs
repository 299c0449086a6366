//! The yardstick: the same code words over a line whose delay, phase, signal and noise are known.
//!
//! No preamble, no header, no samples: the points of the constellation get their noise directly. A frame of two code
//! words is lost with either of them. Soft bits are max-log
//! and not quantised, the decoder's metrics are floating-point numbers.

use crate::channels::Channel;
use crate::noises::Noises;
use crate::random::{Words, complex, key, octets};
use crate::run::Trial;
use crate::stats::Tally;
use crate::viterbi::Viterbi;
use g3_phy::fec::{
    CONSTRAINT_TAIL, ConvolutionalEncoder, Interleaver, InterleaverOrder, ReedSolomon, RepetitionOrder,
    copy_position, pack, unpack,
};
use g3_phy::g3::PayloadShape;
use g3_phy::ofdm::{Dpsk, PHASES, Qam16Map, unit};
use plc_core::sap::ModulationScheme;
use std::ops::Range;

/// Payloads of one shape with ideal reception.
pub(crate) struct Reference {
    seed: u64,
    shape: PayloadShape,
    channel: Channel,
    noises: Noises,
    /// Symbols of one code word.
    rows: usize,
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
            let delivered = (0..self.shape.blocks).all(|_| self.delivered(snr_db, &mut words, &mut bench));
            tally.payload += u64::from(!delivered);
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
        let len = shape.carried_bits() / shape.blocks;
        Self { viterbi: Viterbi::default(), sent: vec![0; len], soft: vec![0.0; len] }
    }
}

impl Reference {
    /// Payloads of `shape` over `channel` with `noises`.
    pub(crate) fn new(seed: u64, shape: PayloadShape, channel: Channel, noises: Noises) -> Self {
        let rows = shape.symbols / shape.blocks;
        let interleaver =
            Interleaver::new(shape.carriers, rows * shape.bits, InterleaverOrder::LargerFirst, true);
        let len = (shape.word_len() * 8 + CONSTRAINT_TAIL) * 2;
        let place = |n: usize| {
            let (bit, copy) = (n / shape.repetition, n % shape.repetition);
            copy_position(RepetitionOrder::BitByBit, shape.repetition, len, bit, copy)
        };
        let destinations = (0..len * shape.repetition).map(|n| interleaver.destination(place(n))).collect();
        Self { seed, shape, channel, noises, rows, code: ReedSolomon::new(shape.parity), destinations }
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
        let noise = 10f64.powf(-snr_db / 20.0) as f32;
        let amplitudes = self.channel.amplitudes(words);
        let phase = if matches!(self.noises, Noises::Even) { 0.0 } else { words.uniform() };
        for (carrier, &amplitude) in amplitudes.iter().enumerate().take(self.shape.carriers) {
            match self.shape.scheme {
                ModulationScheme::Differential => {
                    let variances = self.variances(carrier, phase, amplitude, noise);
                    self.turn(carrier, amplitude, variances, words, bench);
                }
                ModulationScheme::Coherent => self.place(carrier, amplitude, noise, words, bench),
            }
        }
    }

    /// The noise of the symbols of one carrier.
    fn variances(
        &self,
        carrier: usize,
        phase: f64,
        amplitude: f32,
        noise: f32,
    ) -> impl Iterator<Item = f32> + use<'_> {
        let (signal, power) = (f64::from(amplitude).powi(2), f64::from(noise).powi(2));
        (0..).map(move |symbol| {
            let share = self.noises.share(carrier, symbol, phase, signal / power);
            (share.noise * power + share.own * signal) as f32
        })
    }

    /// One carrier of differential symbols, after one that serves as a reference. The product of two has the mean S and
    /// the variance (S·(σ₁² + σ₂²) + σ₁²·σ₂²) / 2 of its real part, which gives its weight.
    fn turn(
        &self,
        carrier: usize,
        amplitude: f32,
        variances: impl Iterator<Item = f32>,
        words: &mut Words,
        bench: &mut Bench,
    ) {
        let (keying, power) = (Dpsk::new(self.shape.bits), amplitude * amplitude);
        let mut phase = 0;
        let mut variances = variances;
        let mut noise = variances.next().unwrap_or_default();
        let mut before = unit(phase) * amplitude + complex(words) * noise.sqrt();
        for (bits, variance) in self.carrier_bits(carrier).zip(variances) {
            let weight = 4.0 * power / (power * (variance + noise) + variance * noise);
            phase = (phase + keying.shift(value(&bench.sent[bits.clone()]))) % PHASES;
            let now = unit(phase) * amplitude + complex(words) * variance.sqrt();
            let soft = keying.soft(now * before.conj()).map(|soft| soft * weight);
            bench.soft[bits.clone()].copy_from_slice(&soft[..bits.len()]);
            (before, noise) = (now, variance);
        }
    }

    /// One carrier whose phase and amplitude are known.
    fn place(&self, carrier: usize, amplitude: f32, noise: f32, words: &mut Words, bench: &mut Bench) {
        let weight = 4.0 * (amplitude / noise).powi(2);
        for bits in self.carrier_bits(carrier) {
            let value = value(&bench.sent[bits.clone()]);
            let error = complex(words) * (noise / amplitude);
            if bits.len() == Qam16Map::BITS {
                let soft = Qam16Map::default().soft(Qam16Map::default().point(value) + error);
                bench.soft[bits].copy_from_slice(&soft.map(|soft| soft * weight));
            } else {
                let keying = Dpsk::new(bits.len());
                let soft = keying.soft(unit(keying.shift(value)) + error).map(|soft| soft * weight);
                bench.soft[bits.clone()].copy_from_slice(&soft[..bits.len()]);
            }
        }
    }

    /// Where the bits of each symbol of a carrier stand.
    fn carrier_bits(&self, carrier: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let PayloadShape { carriers, bits, .. } = self.shape;
        (0..self.rows).map(move |symbol| {
            let first = (symbol * carriers + carrier) * bits;
            first..first + bits
        })
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

/// Bits as a number, the first one lowest.
fn value(bits: &[u8]) -> u8 {
    bits.iter().enumerate().fold(0, |value, (n, bit)| value | bit << n)
}
