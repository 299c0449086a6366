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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::Complex;
    use crate::g3::{CENELEC_A, Sof};
    use plc_core::sap::{FrameGeometry, Modulation};

    const AMPLITUDE: f32 = 0.235_702_26;

    /// One frame of DQPSK on the lowest group.
    fn frame() -> Vec<f32> {
        let tx = TxParameters { modulation: Modulation::Qpsk, tone_map: ToneMap(1), ..CENELEC_A.robust() };
        let shape = PayloadShape::fitting(&CENELEC_A, &tx, 20).unwrap();
        let units = (shape.symbols / 4) as u8;
        let mut transmitter = Transmitter::new(&CENELEC_A, Interop::default(), 1.0);
        let fch = Fch::Sof(Sof { pdc: 1, tx, units, response_expected: false });
        transmitter.load(&fch, &vec![0x33; shape.psdu_len], &tx, &shape);
        let mut samples = vec![0.0; CENELEC_A.frame_len(shape.symbols) + 1];
        assert_eq!(transmitter.fill(&mut samples), samples.len() - 1);
        samples
    }

    /// The carrier of index `k` in the 256 samples from `start` on, by definition.
    fn carrier(samples: &[f32], start: usize, k: usize) -> Complex<f32> {
        let turn = |n: usize| {
            let angle = -core::f32::consts::TAU * ((k * n) % 256) as f32 / 256.0;
            Complex::new(libm::cosf(angle), libm::sinf(angle))
        };
        (0..256).map(|n| turn(n) * samples[start + n]).sum::<Complex<f32>>() / (128.0 * AMPLITUDE)
    }

    /// The carrier of index `k` in symbol `symbol` of header and payload: the window begins inside the prefix, before
    /// the tail that overlaps with the next symbol, so the phase is that of eleven samples earlier.
    fn body(samples: &[f32], symbol: usize, k: usize) -> Complex<f32> {
        let angle = core::f32::consts::TAU * (k * 11) as f32 / 256.0;
        carrier(samples, 2424 + 278 * symbol + 19, k) * Complex::new(libm::cosf(angle), libm::sinf(angle))
    }

    /// Phase between two symbols in quarters of a circle, which must be a whole number.
    fn quarters(now: Complex<f32>, before: Complex<f32>) -> u8 {
        let turn = (now * before.conj()).arg() / core::f32::consts::FRAC_PI_2;
        assert!((turn - turn.round()).abs() < 1e-3, "{turn}");
        (turn.round() as i32).rem_euclid(4) as u8
    }

    #[test]
    fn the_preamble_is_eight_syncp_and_one_and_a_half_inverted() {
        let samples = frame();
        for (c, &phase) in CENELEC_A.preamble.iter().enumerate() {
            let sent = unit(phase) * PREAMBLE_GAIN;
            assert!((carrier(&samples, 256, 23 + c) - sent).norm() < 1e-3);
            assert!((carrier(&samples, 7 * 256, 23 + c) - sent).norm() < 1e-3);
            assert!((carrier(&samples, 8 * 256, 23 + c) + sent).norm() < 1e-3);
        }
        let inverted = |n: usize| (samples[n] + samples[n - 256 * 2]).abs() < 1e-4;
        assert!((9 * 256..9 * 256 + 120).all(inverted));
    }

    #[test]
    fn symbols_follow_each_other_every_278_samples_with_a_cyclic_prefix() {
        let samples = frame();
        for symbol in 0..13 {
            let prefix = 2424 + 278 * symbol;
            assert!(
                (prefix + 8..prefix + 22).all(|n| (samples[n] - samples[n + 256]).abs() < 1e-4),
                "{symbol}"
            );
        }
    }

    #[test]
    fn the_header_turns_phases_by_half_circles_from_those_of_syncp() {
        let samples = frame();
        let mut before: Vec<_> = CENELEC_A.preamble.iter().map(|&phase| unit(phase)).collect();
        for symbol in 0..13 {
            for (c, before) in before.iter_mut().enumerate() {
                let now = body(&samples, symbol, 23 + c);
                assert!((now.norm() - 1.0).abs() < 1e-3 && quarters(now, *before).is_multiple_of(2));
                *before = now;
            }
        }
    }

    #[test]
    fn carriers_without_data_send_the_dummy_sequence() {
        let (samples, mut sequence) = (frame(), Scrambler::new());
        for symbol in 13..20 {
            for k in 29..59 {
                let dibit = [sequence.bit(), sequence.bit()];
                let expected = [[0, 0], [1, 0], [1, 1], [0, 1]].iter().position(|d| *d == dibit);
                let turned = quarters(body(&samples, symbol, k), body(&samples, symbol - 1, k));
                assert_eq!(Some(usize::from(turned)), expected, "symbol {symbol}, carrier {k}");
            }
        }
    }
}
