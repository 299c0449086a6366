//! The receiver: samples in, indications out, one state at a time.
//!
//! Every state waits for the next window of 256 samples at an index that it names, and turns it into the
//! next state. So the result never depends on how the samples were cut into blocks.

mod again;
mod blanker;
mod coherent;
mod demap;
mod estimate;
mod fill;
mod header;
mod heard;
mod kit;
mod line;
mod payload;
mod preamble;
mod reports;
mod search;
mod sync;
mod tone;
mod tracking;

use super::{BandPlan, Interop};
use header::Header;
use kit::Kit;
use line::Line;
use payload::Payload;
pub(crate) use reports::Reports;
use search::Search;
use sync::Sync;

/// The receiver with all its memory.
#[derive(Debug)]
pub(crate) struct Receiver {
    line: Line,
    kit: Kit,
    state: State,
}

/// Where the reception stands.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Looking for SYNCP.
    Search(Search),
    /// Counting SYNCP until SYNCM.
    Sync(Sync),
    /// Collecting the frame control header.
    Header(Header),
    /// Collecting the payload.
    Payload(Payload),
}

impl Receiver {
    /// Listens from sample 0 on. What plain decoding fails on gets at most `iterations` iterations.
    pub(crate) fn new(plan: &'static BandPlan, interop: Interop, iterations: usize) -> Self {
        Self {
            line: Line::new(),
            kit: Kit::new(plan, interop, iterations),
            state: State::Search(Search::from(0)),
        }
    }

    /// Whether a frame is being received.
    pub(crate) const fn is_receiving(&self) -> bool {
        match self.state {
            State::Search(_) => false,
            State::Sync(sync) => sync.is_reported(),
            State::Header(_) | State::Payload(_) => true,
        }
    }

    /// Takes the samples that follow those before.
    pub(crate) fn push(&mut self, mut samples: &[f32], reports: &mut Reports) {
        while !samples.is_empty() {
            let taken = self.line.append(samples, self.state.window_start());
            samples = &samples[taken..];
            while let Some(window) = self.line.window(self.state.window_start()) {
                self.state = self.state.step(window, self.line.first(), &mut self.kit, reports);
            }
        }
    }

    /// Gives up what is being received and listens from sample `index` on.
    pub(crate) fn restart(&mut self, index: u64, reports: &mut Reports) {
        self.state.abandon(index, reports);
        self.line.restart(index);
        self.kit.forget();
        self.state = State::Search(Search::from(index));
    }
}

impl State {
    fn window_start(&self) -> u64 {
        match self {
            Self::Search(search) => search.window_start(),
            Self::Sync(sync) => sync.window_start(),
            Self::Header(header) => header.window_start(),
            Self::Payload(payload) => payload.window_start(),
        }
    }

    /// Takes the window that the state has named. Samples before `oldest` are gone.
    fn step(self, window: &[f32], oldest: u64, kit: &mut Kit, reports: &mut Reports) -> Self {
        match self {
            Self::Search(search) => search.step(window, oldest, kit, reports),
            Self::Sync(sync) => sync.step(window, kit, reports),
            Self::Header(header) => header.step(window, kit, reports),
            Self::Payload(payload) => payload.step(window, kit, reports),
        }
    }

    /// The samples end at `index`: reports the loss, if any.
    fn abandon(self, index: u64, reports: &mut Reports) {
        match self {
            Self::Search(_) => {}
            Self::Sync(sync) if sync.is_reported() => reports.false_preamble(),
            Self::Sync(_) => {}
            Self::Header(_) => reports.header_loss(index),
            Self::Payload(_) => reports.payload_loss(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g3::mains::Mains;
    use crate::g3::tx::Transmitter;
    use crate::g3::{CENELEC_A, CheckPlacement, Fch, PayloadShape, RepetitionOrder, Sof};
    use core::time::Duration;
    use plc_core::sap::*;
    use plc_core::{Instant, SampleClock};
    use std::vec;
    use std::vec::Vec;

    fn sof(modulation: Modulation, scheme: ModulationScheme, units: u16) -> Sof {
        let tx = TxParameters { modulation, scheme, tone_map: ToneMap(0x3F) };
        Sof { pdc: 7, tx, units, blocks: 1, response_expected: false }
    }

    fn heard(interop: Interop, samples: &[f32]) -> Vec<PhyIndication> {
        let mut reports = Reports::new(
            SampleClock::new(400_000, Instant::EPOCH, 0),
            Mains::new(Instant::EPOCH, Duration::from_millis(20)),
        );
        Receiver::new(&CENELEC_A, interop, 0).push(samples, &mut reports);
        core::iter::from_fn(|| reports.pop()).collect()
    }

    fn header_alone(fch: Fch) -> Vec<f32> {
        let mut transmitter = Transmitter::new(&CENELEC_A, Interop::default(), 1.0, true);
        transmitter.load_alone(&fch);
        let mut samples = vec![0.0; 10_000];
        transmitter.fill(&mut samples[700..]);
        samples
    }

    fn frame(interop: Interop, psdu: &[u8], sof: Sof) -> Vec<f32> {
        let shape = PayloadShape::of(&CENELEC_A, &sof.tx, usize::from(sof.units), 1).unwrap();
        let mut transmitter = Transmitter::new(&CENELEC_A, interop, 1.0, true);
        transmitter.load(&Fch::Sof(sof), psdu, &sof.tx, &TxGain::default(), &shape);
        let mut samples = vec![0.0; 30_000];
        let written = transmitter.fill(&mut samples[500..]);
        assert!(transmitter.is_done() && written == CENELEC_A.frame_len(shape.symbols));
        samples
    }

    fn loss(said: &[PhyIndication]) -> Option<PhyLoss> {
        assert_eq!(said.last(), Some(&PhyIndication::CarrierSense(CarrierSense::Idle)));
        said.iter().find_map(|i| if let PhyIndication::Lost { loss, .. } = i { Some(*loss) } else { None })
    }

    #[test]
    fn a_frame_on_a_clear_line_is_heard_within_a_slot_of_two_symbols() {
        let sent = header_alone(Fch::Sof(sof(Modulation::Robo, ModulationScheme::Differential, 10)));
        for offset in (0..256).step_by(5) {
            let mut receiver = Receiver::new(&CENELEC_A, Interop::default(), 0);
            let mut reports = Reports::new(
                SampleClock::new(400_000, Instant::EPOCH, 0),
                Mains::new(Instant::EPOCH, Duration::from_millis(20)),
            );
            // Something small and even where nothing is sent.
            let hiss = |n: usize| 0.003 * libm::sinf((n * n % 1009) as f32);
            let samples: Vec<f32> = sent.iter().enumerate().map(|(n, sample)| sample + hiss(n)).collect();
            receiver.push(&samples[offset..700 + 556], &mut reports);
            assert!(receiver.is_receiving(), "{offset}");
            receiver.push(&samples[700 + 556..], &mut reports);
            let said: Vec<_> = core::iter::from_fn(|| reports.pop()).collect();
            assert!(
                said.iter().any(|i| matches!(i, PhyIndication::CarrierSense(CarrierSense::Frame { .. })))
            );
        }
    }

    #[test]
    fn a_reserved_delimiter_is_unsupported() {
        let reserved = Fch::Reserved { delimiter: 5, fields: [1, 2, 3, 0, 0, 0, 0, 0, 0] };
        assert_eq!(loss(&heard(Interop::default(), &header_alone(reserved))), Some(PhyLoss::Unsupported));
    }

    #[test]
    fn a_length_that_no_payload_has_makes_a_header_wrong() {
        for units in [0, 10, 63] {
            let fch = Fch::Sof(sof(Modulation::Psk8, ModulationScheme::Differential, units));
            assert_eq!(loss(&heard(Interop::default(), &header_alone(fch))), Some(PhyLoss::Header), "{fch}");
        }
    }

    #[test]
    fn every_reading_of_the_standard_works_with_itself_and_not_with_the_default() {
        let default = Interop::default();
        let readings = [
            Interop { fch_scrambled: false, ..default },
            Interop { payload_restarts_scrambler: false, ..default },
            Interop { check_placement: CheckPlacement::HighestFirst, ..default },
            Interop { repetition: RepetitionOrder::BlockByBlock, ..default },
            Interop { interleaver: crate::fec::InterleaverOrder::SmallerFirst, ..default },
        ];
        let psdu: Vec<u8> = (0..37).collect();
        let sof = sof(Modulation::Qpsk, ModulationScheme::Differential, 3);
        let data = |said: &[PhyIndication]| {
            said.iter().any(|i| matches!(i, PhyIndication::Data(d) if d.psdu[..] == psdu[..]))
        };
        assert!(data(&heard(default, &frame(default, &psdu, sof))));
        for interop in readings {
            let samples = frame(interop, &psdu, sof);
            assert!(data(&heard(interop, &samples)), "{interop:?}");
            assert!(!data(&heard(default, &samples)), "{interop:?}");
        }
    }
}
