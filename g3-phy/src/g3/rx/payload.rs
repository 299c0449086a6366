//! Payload: symbol by symbol into memory, and at the end into octets.

use super::State;
use super::again::Line;
use super::kit::Kit;
use super::reports::Reports;
use super::search::Search;
use super::tracking::Tracking;
use crate::fec::Scrambler;
use crate::g3::layout::Layout;
use crate::g3::payload::Decoded;
use crate::g3::specs::SYMBOL_HOP;
use crate::g3::{PayloadShape, Sof};
use crate::ofdm::{Dpsk, Keying};
use heapless::Vec;
use plc_core::sap::{Lqi, ModulationScheme, PdDataIndication, PhaseDifference, PhyIndication, Psdu};

/// So many symbols of the payload are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    start: u64,
    symbol: usize,
    frame: u64,
    ended: u64,
    sof: Sof,
    shape: PayloadShape,
    keying: Keying,
    layout: Layout,
    tracking: Tracking,
    /// Samples by which the window at hand was moved.
    moved: i64,
    /// Samples from the centre of the preamble to the first symbol of the header.
    age: f32,
}

impl Payload {
    /// The first symbol's window starts at `start`; the frame began at `frame`, and the centre of its preamble was `age`
    /// samples before the header.
    pub(super) fn from(
        (start, frame, age): (u64, u64, f32),
        sof: Sof,
        shape: PayloadShape,
        kit: &mut Kit,
    ) -> Self {
        let ended = frame + kit.plan.frame_len(shape.symbols_on_air()) as u64;
        let keying = Keying::new(shape.bits, kit.interop.qam16);
        let layout = Layout::new(kit.plan, sof.tx.tone_map, sof.tx.scheme);
        let first = if shape.s_symbols() > 0 { Keying::Psk(Dpsk::new(1)) } else { keying };
        let tracking = Tracking::from(&kit.heard.anchor, first);
        kit.heard.restart();
        Self { start, symbol: 0, frame, ended, sof, shape, keying, layout, tracking, moved: 0, age }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    /// Index of the first sample after the frame.
    pub(super) const fn ended(&self) -> u64 {
        self.ended
    }

    pub(super) fn step(mut self, window: &[f32], kit: &mut Kit, reports: &mut Reports) -> State {
        kit.analyse(window, self.start);
        kit.heard.push(&kit.carriers, self.moved, kit.blanker.kept());
        let carriers = kit.heard.symbol(self.symbol);
        let silent = self.pilots();
        let late = self.tracking.update(carriers, kit.plan.first_carrier, silent, &kit.heard.anchor);
        kit.heard.set_late(late);
        let step = self.tracking.moved() - self.moved;
        self.moved += step;
        self.start = (self.start + SYMBOL_HOP as u64).saturating_add_signed(step);
        self.symbol += 1;
        if self.symbol == self.shape.s_symbols() {
            self.begin_data(kit);
        }
        if self.symbol < self.shape.symbols_on_air() {
            State::Payload(self)
        } else {
            self.finish(kit, reports)
        }
    }

    /// S1 and S2 are over.
    fn begin_data(&mut self, kit: &mut Kit) {
        kit.heard.learn_s_symbols(kit.plan);
        self.tracking.set_keying(self.keying);
    }

    /// The carriers of the symbol at hand that are not keyed like the others.
    fn pilots(&self) -> u128 {
        self.symbol.checked_sub(self.shape.s_symbols()).map_or(0, |symbol| self.layout.pilot_set(symbol))
    }

    fn finish(self, kit: &mut Kit, reports: &mut Reports) -> State {
        let mut scrambler = Scrambler::new();
        if kit.interop.fch_scrambled && !kit.interop.payload_restarts_scrambler {
            (0..kit.plan.fch_bits()).for_each(|_| _ = scrambler.bit());
        }
        match self.decode(kit, &scrambler).or_else(|| self.decode_again(kit, &scrambler)) {
            Some((psdu, corrected)) => {
                reports.counters_mut().corrected_octets += corrected as u64;
                let indication = self.indication(psdu, corrected, kit, reports);
                reports.received(PhyIndication::Data(indication));
            }
            None => reports.payload_loss(self.ended),
        }
        State::Search(Search::from(self.start))
    }

    /// Plain decoding. What needed the whole strength of the code in any of its words is left to a better decoder, if there
    /// is one.
    fn decode(&self, kit: &mut Kit, scrambler: &Scrambler) -> Option<(Psdu, usize)> {
        let len = self.shape.carried_bits();
        let Kit { heard, demapper, soft, coded, viterbi, codec, plan, again, .. } = kit;
        match self.differential() {
            Some(keying) => demapper.demap(heard, plan, self.sof.tx.tone_map, keying, &mut soft[..len]),
            None => demapper.demap_coherent(heard, plan, &self.layout, self.keying, &mut soft[..len]),
        }
        let found = codec.decode(&soft[..len], coded, viterbi, &self.shape, scrambler.clone()).ok()?;
        let better = again.is_there() && self.differential().is_some();
        (!better || found.is_sure(&self.shape)).then(|| owned(found))
    }

    fn decode_again(&self, kit: &mut Kit, scrambler: &Scrambler) -> Option<(Psdu, usize)> {
        let keying = self.differential()?;
        let Kit { again, codec, plan, preamble, heard, header, interop, .. } = kit;
        let line = Line { plan, preamble, heard, header, age: self.age };
        again.payload(line, (keying, self.sof.tx.tone_map), self.shape.chain(interop), |bits| {
            codec.check(bits, &self.shape, scrambler.clone()).map(owned)
        })
    }

    /// The keying, if it is differential.
    fn differential(&self) -> Option<Dpsk> {
        match self.keying {
            Keying::Psk(keying) if self.shape.scheme == ModulationScheme::Differential => Some(keying),
            _ => None,
        }
    }

    fn indication(&self, psdu: Psdu, corrected: usize, kit: &Kit, reports: &Reports) -> PdDataIndication {
        let (map, size, anchor) = (self.sof.tx.tone_map, kit.plan.group_size(), &kit.heard.anchor);
        let active = (0..kit.plan.carriers()).filter(|&position| kit.plan.is_active(map, position));
        let sum: f32 = active.map(|position| anchor.snr_db(position)).sum();
        let mut group_lqi = Vec::new();
        for group in 0..kit.plan.groups {
            let sum: f32 = (group * size..(group + 1) * size).map(|position| anchor.snr_db(position)).sum();
            // Bands have at most 24 groups.
            _ = group_lqi.push(Lqi::from_snr_db(sum / size as f32));
        }
        let here = reports.phase_detection_counter(kit.plan, self.frame);
        PdDataIndication {
            psdu,
            tx: self.sof.tx,
            response_expected: self.sof.response_expected,
            lqi: Lqi::from_snr_db(sum / (self.shape.carriers + self.shape.pilots) as f32),
            group_lqi,
            phase_difference: PhaseDifference(here.wrapping_sub(self.sof.pdc)),
            corrected_octets: corrected as u8,
            started: reports.instant(self.frame),
            ended: reports.instant(self.ended),
        }
    }
}

fn owned(Decoded { psdu, corrected, .. }: Decoded<'_>) -> (Psdu, usize) {
    (Psdu::from_slice(psdu).expect("no code word is longer than a Psdu"), corrected)
}
