//! Payload: symbol by symbol into soft bits, and at the end into octets.

use super::State;
use super::header::quantise;
use super::kit::Kit;
use super::pulses::Pulses;
use super::reports::Reports;
use super::search::Search;
use super::tracking::{Slope, Tracking};
use crate::fec::Scrambler;
use crate::g3::specs::{FFT_LEN, SYMBOL_HOP};
use crate::g3::{PayloadShape, Sof};
use crate::ofdm::Dpsk;
use heapless::Vec;
use plc_core::sap::{Lqi, PdDataIndication, PhyIndication, Psdu};

/// So many symbols of the payload are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    start: u64,
    symbol: usize,
    frame: u64,
    ended: u64,
    sof: Sof,
    shape: PayloadShape,
    keying: Dpsk,
    tracking: Tracking,
    pulses: Pulses,
}

impl Payload {
    /// The first symbol's window starts at `start`; the frame began at `frame`.
    pub(super) fn from(start: u64, frame: u64, sof: Sof, shape: PayloadShape, kit: &Kit) -> Self {
        let ended = frame + kit.plan.frame_len(shape.symbols) as u64;
        let (keying, tracking) = (Dpsk::new(shape.bits), Tracking::default());
        Self { start, symbol: 0, frame, ended, sof, shape, keying, tracking, pulses: Pulses::new() }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    /// Index of the first sample after the frame.
    pub(super) const fn ended(&self) -> u64 {
        self.ended
    }

    pub(super) fn step(mut self, window: &[f32], kit: &mut Kit, reports: &mut Reports) -> State {
        kit.analyse(window);
        let slope = self.demap(kit);
        core::mem::swap(&mut kit.previous, &mut kit.carriers);
        let correction = self.tracking.update(&slope, FFT_LEN, SYMBOL_HOP);
        kit.delay_previous(correction);
        self.start = (self.start + SYMBOL_HOP as u64).saturating_add_signed(correction);
        self.symbol += 1;
        if self.symbol < self.shape.symbols { State::Payload(self) } else { self.finish(kit, reports) }
    }

    /// Soft bits of the symbol at hand; the slope of phase over its carriers.
    fn demap(&mut self, kit: &mut Kit) -> Slope {
        let Kit { carriers, previous, estimate, soft, plan, .. } = kit;
        let bits = self.shape.bits;
        let mut soft = soft[self.symbol * self.shape.carriers * bits..].chunks_exact_mut(bits);
        let trust = self.pulses.trust(estimate.energy(carriers), estimate.snr()) * confidence(bits);
        let mut slope = Slope::default();
        for (position, (carrier, before)) in carriers.iter().zip(previous.iter()).enumerate() {
            let product = carrier * before.conj();
            let weight = estimate.weights()[position] * trust;
            slope.add(plan.first_carrier + position, product * self.keying.nearest(product).conj(), weight);
            if plan.is_active(self.sof.tx.tone_map, position) {
                let values = self.keying.soft(product);
                let slots = soft.next().into_iter().flatten();
                slots.zip(values).for_each(|(slot, value)| *slot = quantise(value * weight));
            }
        }
        slope
    }

    fn finish(self, kit: &mut Kit, reports: &mut Reports) -> State {
        let mut scrambler = Scrambler::new();
        if kit.interop.fch_scrambled && !kit.interop.payload_restarts_scrambler {
            (0..kit.plan.fch_bits).for_each(|_| _ = scrambler.bit());
        }
        let len = self.shape.symbols * self.shape.carriers * self.shape.bits;
        let Kit { soft, coded, viterbi, codec, .. } = kit;
        match codec.decode(&soft[..len], coded, viterbi, &self.shape, scrambler) {
            Ok((psdu, corrected)) => {
                reports.counters_mut().corrected_octets += corrected as u64;
                let psdu = Psdu::from_slice(psdu).expect("no code word is longer than a Psdu");
                let indication = self.indication(psdu, kit, reports);
                reports.received(PhyIndication::Data(indication));
            }
            Err(_) => reports.payload_loss(self.ended),
        }
        State::Search(Search::from(self.start))
    }

    fn indication(&self, psdu: Psdu, kit: &Kit, reports: &Reports) -> PdDataIndication {
        let (map, size) = (self.sof.tx.tone_map, kit.plan.group_size());
        let active = (0..kit.plan.carriers()).filter(|&position| kit.plan.is_active(map, position));
        let sum: f32 = active.map(|position| kit.estimate.snr_db(position)).sum();
        let mut group_lqi = Vec::new();
        for group in 0..kit.plan.groups {
            let sum: f32 =
                (group * size..(group + 1) * size).map(|position| kit.estimate.snr_db(position)).sum();
            // Bands have at most 24 groups.
            _ = group_lqi.push(Lqi::from_snr_db(sum / size as f32));
        }
        PdDataIndication {
            psdu,
            tx: self.sof.tx,
            response_expected: self.sof.response_expected,
            lqi: Lqi::from_snr_db(sum / self.shape.carriers as f32),
            group_lqi,
            started: reports.instant(self.frame),
            ended: reports.instant(self.ended),
        }
    }
}

/// Bits that share a carrier are less clear than one alone: uses the range of the soft bits all the same.
const fn confidence(bits: usize) -> f32 {
    match bits {
        1 => 1.0,
        2 => 1.4,
        _ => 2.0,
    }
}
