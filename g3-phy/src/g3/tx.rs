//! The transmitter: from requests to samples.

use super::chain::Chain;
use super::payload::{PayloadCodec, PayloadShape, carried_bits_max};
use super::preamble::syncp_samples;
use super::specs::{CYCLIC_PREFIX, FCH_REPETITION, FFT_LEN, OVERLAP, PREAMBLE_GAIN, SYMBOL_HOP};
use super::{BandPlan, Fch, Interop};
use crate::dsp::raised_cosine;
use crate::fec::{Scrambler, unpack};
use crate::ofdm::{Dpsk, PHASES, Spectrum, unit};
use alloc::vec;
use alloc::vec::Vec;
use plc_core::sap::{ToneMap, TxParameters};
use plc_core::wire::Writer;

/// Codes one frame at a time and makes its samples piece by piece. Allocates when built only.
#[derive(Debug)]
pub(crate) struct Transmitter {
    plan: &'static BandPlan,
    interop: Interop,
    amplitude: f32,
    spectrum: Spectrum,
    codec: PayloadCodec,
    syncp: Vec<f32>,
    header: Vec<u8>,
    payload: Vec<u8>,
    /// Phase of each carrier in the last symbol, in π/8.
    phases: Vec<u8>,
    frame: Frame,
    piece: Piece,
}

/// What is being sent.
#[derive(Debug)]
struct Frame {
    next_piece: usize,
    pieces: usize,
    bits: usize,
    tone_map: ToneMap,
    dummies: Scrambler,
}

/// Samples that are ready to leave, and the tail that overlaps with the next piece.
#[derive(Debug)]
struct Piece {
    samples: Vec<f32>,
    len: usize,
    sent: usize,
    tail: [f32; OVERLAP],
}

impl Transmitter {
    /// `level` is the rms value of header and payload.
    pub(crate) fn new(plan: &'static BandPlan, interop: Interop, level: f32) -> Self {
        let amplitude = level * libm::sqrtf(2.0 / plan.carriers() as f32);
        let mut spectrum = Spectrum::new(FFT_LEN, plan.first_carrier);
        let syncp = syncp_samples(plan, &mut spectrum, amplitude * PREAMBLE_GAIN);
        Self {
            plan,
            interop,
            amplitude,
            spectrum,
            codec: PayloadCodec::new(interop),
            syncp,
            header: vec![0; plan.fch_symbols() * plan.carriers()],
            payload: vec![0; carried_bits_max(plan)],
            phases: vec![0; plan.carriers()],
            frame: Frame {
                next_piece: 0,
                pieces: 0,
                bits: 1,
                tone_map: ToneMap(0),
                dummies: Scrambler::new(),
            },
            piece: Piece::new(),
        }
    }

    /// Prepares a frame with a payload. `fch` must describe `shape`, and `psdu` have its length.
    pub(crate) fn load(&mut self, fch: &Fch, psdu: &[u8], tx: &TxParameters, shape: &PayloadShape) {
        let scrambler = self.load_header(fch);
        let scrambler = if self.interop.payload_restarts_scrambler { Scrambler::new() } else { scrambler };
        self.codec.encode(psdu, shape, scrambler, &mut self.payload);
        self.start(shape.symbols, shape.bits, tx.tone_map);
    }

    /// Prepares a frame that is a header alone.
    pub(crate) fn load_alone(&mut self, fch: &Fch) {
        self.load_header(fch);
        self.start(0, 1, ToneMap(0));
    }

    /// Writes the next samples of the frame; fewer than `samples` holds means that the frame has ended.
    pub(crate) fn fill(&mut self, samples: &mut [f32]) -> usize {
        let mut written = 0;
        while written < samples.len() {
            if self.piece.is_sent() && !self.next_piece() {
                break;
            }
            written += self.piece.take(&mut samples[written..]);
        }
        written
    }

    /// Whether every sample of the frame has been written.
    pub(crate) fn is_done(&self) -> bool {
        self.piece.is_sent() && self.frame.next_piece == self.frame.pieces
    }

    fn load_header(&mut self, fch: &Fch) -> Scrambler {
        let mut octets = [0; Fch::LEN];
        fch.emit(&mut Writer::new(&mut octets), self.interop.check_placement)
            .expect("the modem makes headers from parameters that it has checked");
        let mut bits = [0; Fch::LEN * 8];
        unpack(&octets, &mut bits);
        let (bits, mut scrambler) = (&mut bits[..self.plan.fch_bits], Scrambler::new());
        if self.interop.fch_scrambled {
            scrambler.apply_bits(bits);
        }
        header_chain(self.plan, &self.interop).encode(bits, &mut self.header);
        scrambler
    }

    fn start(&mut self, symbols: usize, bits: usize, tone_map: ToneMap) {
        // SYNCP, SYNCM, half SYNCM, symbols, last tail.
        let pieces = self.plan.syncp + 2 + self.plan.fch_symbols() + symbols + 1;
        self.phases.copy_from_slice(self.plan.preamble);
        self.frame = Frame { next_piece: 0, pieces, bits, tone_map, dummies: Scrambler::new() };
        self.piece = Piece {
            tail: [0.0; OVERLAP],
            len: 0,
            sent: 0,
            samples: core::mem::take(&mut self.piece.samples),
        };
    }

    fn next_piece(&mut self) -> bool {
        let (piece, syncp) = (self.frame.next_piece, self.plan.syncp);
        if piece == self.frame.pieces {
            return false;
        }
        self.frame.next_piece += 1;
        if piece < syncp {
            self.piece.sync(&self.syncp, 1.0, piece == 0);
        } else if piece == syncp {
            self.piece.sync(&self.syncp, -1.0, false);
        } else if piece == syncp + 1 {
            self.piece.half_syncm(&self.syncp);
        } else if piece + 1 < self.frame.pieces {
            self.symbol(piece - syncp - 2);
        } else {
            self.piece.last_tail();
        }
        true
    }

    /// Composes symbol `number` of header and payload.
    fn symbol(&mut self, number: usize) {
        if number < self.plan.fch_symbols() {
            self.turn_header(number);
        } else {
            self.turn_payload(number - self.plan.fch_symbols());
        }
        let carriers = self.phases.iter().map(|&phase| unit(phase) * self.amplitude);
        self.spectrum.synthesise(carriers, &mut self.piece.samples[CYCLIC_PREFIX..]);
        self.piece.symbol();
    }

    fn turn_header(&mut self, symbol: usize) {
        let keying = Dpsk::new(1);
        let bits = &self.header[symbol * self.phases.len()..];
        for (phase, &bit) in self.phases.iter_mut().zip(bits) {
            *phase = (*phase + keying.shift(bit)) % PHASES;
        }
    }

    /// Data carriers take bits of the payload, the others bits of the dummy sequence \[G3 PHY 4.5; confidence B\].
    fn turn_payload(&mut self, symbol: usize) {
        let Frame { bits, tone_map, ref mut dummies, .. } = self.frame;
        let keying = Dpsk::new(bits);
        let carriers = self.plan.group_size() * tone_map.0.count_ones() as usize;
        let mut data = self.payload[symbol * carriers * bits..].iter();
        for (position, phase) in self.phases.iter_mut().enumerate() {
            let active = self.plan.is_active(tone_map, position);
            let mut bit = || if active { data.next().copied().unwrap_or(0) } else { dummies.bit() };
            let value = (0..bits).fold(0, |value, n| value | bit() << n);
            *phase = (*phase + keying.shift(value)) % PHASES;
        }
    }
}

/// The chain of the header of `plan`.
pub(super) fn header_chain(plan: &BandPlan, interop: &Interop) -> Chain {
    Chain::new(interop, plan.carriers(), plan.fch_symbols(), FCH_REPETITION, plan.fch_bits)
}

impl Piece {
    fn new() -> Self {
        Self { samples: vec![0.0; CYCLIC_PREFIX + FFT_LEN], len: 0, sent: 0, tail: [0.0; OVERLAP] }
    }

    fn is_sent(&self) -> bool {
        self.sent == self.len
    }

    fn take(&mut self, samples: &mut [f32]) -> usize {
        let count = samples.len().min(self.len - self.sent);
        samples[..count].copy_from_slice(&self.samples[self.sent..self.sent + count]);
        self.sent += count;
        count
    }

    /// A whole cycle of the preamble.
    fn sync(&mut self, syncp: &[f32], sign: f32, first: bool) {
        self.samples.iter_mut().zip(syncp).for_each(|(to, from)| *to = sign * from);
        if first {
            self.ramp_up();
        }
        (self.len, self.sent) = (FFT_LEN, 0);
    }

    fn half_syncm(&mut self, syncp: &[f32]) {
        self.samples.iter_mut().zip(syncp).for_each(|(to, from)| *to = -from);
        self.keep_tail(FFT_LEN / 2);
    }

    /// A symbol whose body stands after the room for its prefix.
    fn symbol(&mut self) {
        self.samples.copy_within(FFT_LEN.., 0);
        self.ramp_up();
        self.samples.iter_mut().zip(&self.tail).for_each(|(to, tail)| *to += tail);
        self.keep_tail(SYMBOL_HOP + OVERLAP);
    }

    fn last_tail(&mut self) {
        self.samples[..OVERLAP].copy_from_slice(&self.tail);
        (self.len, self.sent) = (OVERLAP, 0);
    }

    fn ramp_up(&mut self) {
        self.samples.iter_mut().take(OVERLAP).enumerate().for_each(|(n, s)| *s *= raised_cosine(n, OVERLAP));
    }

    /// The last samples before `end` are ramped down and wait for the next piece.
    fn keep_tail(&mut self, end: usize) {
        let start = end - OVERLAP;
        for (n, tail) in self.tail.iter_mut().enumerate() {
            *tail = self.samples[start + n] * raised_cosine(OVERLAP - 1 - n, OVERLAP);
        }
        (self.len, self.sent) = (start, 0);
    }
}
