//! Synchronisation by itself: frames that are a header and nothing else, and noise without any frame.

use crate::line::Line;
use crate::link::{LEAD, emitted, heard, slid};
use crate::random::{Words, key};
use crate::run::Trial;
use crate::stats::Tally;
use g3_phy::{BandPlan, Modem, ModemConfig};
use plc_core::Instant;
use plc_core::sap::{CarrierSense, PdAckRequest, Phy, PhyIndication, PhyLoss, PhyRequest};
use std::ops::Range;

/// Acknowledgements over a line: a preamble and a header.
pub(crate) struct Headers {
    pub(crate) seed: u64,
    pub(crate) plan: &'static BandPlan,
    pub(crate) config: ModemConfig,
    pub(crate) line: Line,
}

/// Noise alone; a "frame" is a piece of it.
pub(crate) struct Quiet {
    pub(crate) seed: u64,
    pub(crate) plan: &'static BandPlan,
    pub(crate) config: ModemConfig,
    pub(crate) line: Line,
}

/// Samples in a piece of noise.
const PIECE: usize = 1_000_000;

impl Trial for Headers {
    fn run(&self, snr_db: f64, frames: Range<u64>) -> Tally {
        let mut tally = Tally { frames: frames.end - frames.start, ..Tally::default() };
        let (mut talker, mut listener) =
            (Modem::new(self.plan, self.config), Modem::new(self.plan, self.config));
        let key = key(self.seed, "headers", snr_db);
        for frame in frames {
            let mut words = Words::new(key, frame);
            let fcs = words.word() as u16;
            self.one(fcs, snr_db, &mut words, &mut talker, &mut listener).count(fcs, &mut tally);
        }
        tally
    }
}

/// What was heard after a header was sent.
struct Heard(Vec<PhyIndication>);

impl Heard {
    fn count(&self, fcs: u16, tally: &mut Tally) {
        let any = |wanted: fn(&PhyIndication) -> bool| self.0.iter().any(wanted);
        let right =
            |i: &PhyIndication| matches!(i, PhyIndication::Ack(ack) if ack.fcs == fcs && !ack.negative);
        if self.0.iter().any(right) {
        } else if any(|i| matches!(i, PhyIndication::Ack(_) | PhyIndication::Data(_))) {
            tally.wrong += 1;
        } else if any(|i| matches!(i, PhyIndication::Lost { loss, .. } if *loss != PhyLoss::Payload)) {
            tally.header += 1;
        } else if any(|i| matches!(i, PhyIndication::CarrierSense(CarrierSense::Frame { .. }))) {
            tally.wrong += 1;
        } else {
            tally.preamble += 1;
        }
    }
}

impl Headers {
    fn one(
        &self,
        fcs: u16,
        snr_db: f64,
        words: &mut Words,
        talker: &mut Modem,
        listener: &mut Modem,
    ) -> Heard {
        let request = PdAckRequest { fcs, more_segments: false, negative: false, at: Instant::EPOCH };
        talker.on_request(Instant::EPOCH, PhyRequest::Ack(request));
        let sent = emitted(talker);
        let start = (LEAD.0 + words.word() % LEAD.1) as usize;
        let mut samples = self.line.pass(slid(&sent, start, words), words);
        self.line.disturb(snr_db, &mut samples, words);
        Heard(heard(listener, &samples))
    }
}

impl Trial for Quiet {
    /// Counts what the modem takes for a preamble; for a header; for a frame.
    fn run(&self, snr_db: f64, pieces: Range<u64>) -> Tally {
        let mut tally = Tally { frames: pieces.end - pieces.start, ..Tally::default() };
        let mut listener = Modem::new(self.plan, self.config);
        let key = key(self.seed, "quiet", snr_db);
        for piece in pieces {
            let mut samples = vec![0.0; PIECE];
            self.line.disturb(snr_db, &mut samples, &mut Words::new(key, piece));
            for indication in heard(&mut listener, &samples) {
                match indication {
                    PhyIndication::CarrierSense(CarrierSense::Preamble) => tally.preamble += 1,
                    PhyIndication::CarrierSense(CarrierSense::Frame { .. }) => tally.header += 1,
                    PhyIndication::Data(_) | PhyIndication::Ack(_) => tally.wrong += 1,
                    _ => {}
                }
            }
        }
        tally
    }
}

impl Quiet {
    /// Hours that `pieces` pieces last.
    pub(crate) fn hours(&self, pieces: u64) -> f64 {
        pieces as f64 * PIECE as f64 / f64::from(self.plan.sample_rate_hz) / 3600.0
    }
}
