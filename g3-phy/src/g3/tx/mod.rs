//! The transmitter: PSDU in, samples out.

mod mapper;
mod notch;
mod piece;

use super::chain::{Chain, Grid};
use super::payload::{PayloadCodec, PayloadShape, carried_bits_max};
use super::route::Route;
use super::specs::{FCH_REPETITION, FFT_LEN, PREAMBLE_GAIN};
use super::{BandPlan, Fch, GainSign, Interop};
use crate::fec::{Scrambler, unpack};
use crate::ofdm::Spectrum;
use alloc::vec;
use alloc::vec::Vec;
use mapper::Mapper;
use notch::Notch;
use piece::Piece;
use plc_core::sap::{TxGain, TxParameters};
use plc_core::wire::Writer;

/// Codes one frame at a time and makes its samples piece by piece. Allocates when built only.
#[derive(Debug)]
pub(crate) struct Transmitter {
    plan: &'static BandPlan,
    interop: Interop,
    /// Amplitude of a carrier of header and payload at full level.
    amplitude: f32,
    /// The amplitude of each carrier in this frame.
    amplitudes: Vec<f32>,
    /// The gain that `amplitudes` and `syncp` were made for.
    gain: Option<TxGain>,
    spectrum: Spectrum,
    header_route: Route,
    codec: PayloadCodec,
    mapper: Mapper,
    syncp: Vec<f32>,
    header: Vec<u8>,
    payload: Vec<u8>,
    frame: Frame,
    piece: Piece,
    /// What makes notches deep.
    notch: Option<Notch>,
}

/// What is being sent.
#[derive(Debug, Default)]
struct Frame {
    next_piece: usize,
    pieces: usize,
    s_symbols: usize,
}

impl Transmitter {
    /// `level` is the rms value of header and payload at full gain, but for what makes notches deep, if that is wanted.
    pub(crate) fn new(plan: &'static BandPlan, interop: Interop, level: f32, deep_notches: bool) -> Self {
        Self {
            plan,
            interop,
            amplitude: level * libm::sqrtf(2.0 / plan.used_carriers() as f32),
            amplitudes: vec![0.0; plan.carriers()],
            gain: None,
            spectrum: Spectrum::new(FFT_LEN, plan.first_carrier),
            header_route: Route::of(header_chain(plan, &interop)),
            codec: PayloadCodec::new(plan, interop),
            mapper: Mapper::new(plan, &interop),
            syncp: vec![0.0; FFT_LEN],
            header: vec![0; plan.fch_symbols() * plan.used_carriers()],
            payload: vec![0; carried_bits_max(plan)],
            frame: Frame::default(),
            piece: Piece::new(),
            notch: deep_notches.then(|| Notch::of(plan, level)).flatten(),
        }
    }

    /// Prepares a frame with a payload. `fch` must describe `shape`, and `psdu` have its length.
    pub(crate) fn load(
        &mut self,
        fch: &Fch,
        psdu: &[u8],
        tx: &TxParameters,
        gain: &TxGain,
        shape: &PayloadShape,
    ) {
        let scrambler = self.load_header(fch);
        let scrambler = if self.interop.payload_restarts_scrambler { Scrambler::new() } else { scrambler };
        self.codec.encode(psdu, shape, scrambler, &mut self.payload);
        self.mapper.start(tx, shape);
        self.start(shape.symbols, shape.s_symbols(), gain);
    }

    /// Damages the first `octets[n]` octets of code word `n` of the frame that is loaded.
    #[cfg(test)]
    pub(crate) fn strike(&mut self, shape: &PayloadShape, octets: &[usize]) {
        self.codec.strike(shape, octets, &mut self.payload);
    }

    /// Prepares a frame that is a header alone, at full level.
    pub(crate) fn load_alone(&mut self, fch: &Fch) {
        self.load_header(fch);
        self.mapper.start_alone();
        self.start(0, 0, &TxGain::default());
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
        let mut octets = [0; Fch::LEN_MAX];
        let format = self.plan.header;
        fch.emit(&mut Writer::new(&mut octets), format, self.interop.check_placement)
            .expect("the modem makes headers from parameters that it has checked");
        let mut bits = [0; Fch::LEN_MAX * 8];
        unpack(&octets, &mut bits);
        let (bits, mut scrambler) = (&mut bits[..format.bits()], Scrambler::new());
        if self.interop.fch_scrambled {
            scrambler.apply_bits(bits);
        }
        self.header_route.encode(bits, &mut self.header);
        scrambler
    }

    fn start(&mut self, symbols: usize, s_symbols: usize, gain: &TxGain) {
        self.tune(gain);
        // SYNCP, SYNCM, half SYNCM, symbols, last tail.
        let pieces = self.plan.syncp + 2 + self.plan.fch_symbols() + s_symbols + symbols + 1;
        self.frame = Frame { next_piece: 0, pieces, s_symbols };
        self.piece.restart();
    }

    /// Sets the amplitudes of the carriers, and SYNCP with them.
    fn tune(&mut self, gain: &TxGain) {
        if self.gain.as_ref() == Some(gain) {
            return;
        }
        let (full, sign, size) = (self.amplitude, self.interop.gain_sign, self.plan.group_size());
        for (position, amplitude) in self.amplitudes.iter_mut().enumerate() {
            *amplitude = full * factor(gain, position / size, sign);
        }
        let syncp = self.mapper.syncp(1.0);
        let carriers =
            syncp.iter().zip(&self.amplitudes).map(|(&point, amplitude)| point * amplitude * PREAMBLE_GAIN);
        if let Some(notch) = &mut self.notch {
            notch.set_syncp(carriers.clone());
        }
        self.spectrum.synthesise(carriers, &mut self.syncp);
        self.gain = Some(*gain);
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
        self.deepen(piece);
        true
    }

    /// Adds to the ends of the preamble what makes notches deep; symbols have it already.
    fn deepen(&mut self, piece: usize) {
        match &mut self.notch {
            Some(notch) if piece == 0 => notch.start(self.piece.samples()),
            Some(notch) if piece == self.plan.syncp => notch.turn(self.piece.samples()),
            _ => {}
        }
    }

    /// Composes symbol `number` after the preamble: header, S1 and S2, payload.
    fn symbol(&mut self, number: usize) {
        let (header, s) = (self.plan.fch_symbols(), self.frame.s_symbols);
        let (points, gain) = if number < header {
            (self.mapper.header(number, &self.header), 1.0)
        } else if number < header + s {
            let sign = if number == header { -1.0 } else { 1.0 };
            (self.mapper.syncp(sign), PREAMBLE_GAIN)
        } else {
            (self.mapper.payload(number - header - s, &self.payload), 1.0)
        };
        let carriers =
            points.iter().zip(&self.amplitudes).map(|(&point, amplitude)| point * (amplitude * gain));
        self.spectrum.synthesise(carriers.clone(), self.piece.body());
        self.piece.symbol();
        if let Some(notch) = &mut self.notch {
            notch.symbol(carriers, self.piece.samples());
        }
    }
}

/// The factor from full level to that of `group`. Attenuation goes down from it; amplification starts so low that 15
/// common steps reach it, and never goes beyond.
fn factor(gain: &TxGain, group: usize, sign: GainSign) -> f32 {
    let steps = i32::from(gain.steps_of(group));
    let down = match sign {
        GainSign::Attenuation => steps,
        GainSign::Amplification if *gain == TxGain::default() => 0,
        GainSign::Amplification => (15 - steps).max(0),
    };
    libm::powf(10.0, -gain.step_db() * down as f32 / 20.0)
}

/// The chain of the header of `plan`.
pub(super) fn header_chain(plan: &BandPlan, interop: &Interop) -> Chain {
    let grid = Grid { carriers: plan.used_carriers(), symbols: plan.fch_symbols(), bits: 1 };
    Chain::new(interop, grid, FCH_REPETITION, plan.fch_bits())
}

#[cfg(test)]
mod tests;
