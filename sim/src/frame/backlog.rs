//! What a node hears while nothing depends on it.

use plc_core::Instant;
use plc_core::sap::{CarrierSense, PdAckIndication, PdOverheard, PhyIndication, PhyLoss, Withheld};
use std::collections::VecDeque;

/// Something that passes a node by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// A preamble.
    Preamble,
    /// A header.
    Header {
        /// End of the payload.
        ends: Instant,
        /// Whether it asks for an acknowledgement.
        response_expected: bool,
    },
    /// A frame for another node.
    Overheard(PdOverheard),
    /// An acknowledgement.
    Ack(PdAckIndication),
    /// What began with a preamble was lost.
    Lost(PhyLoss),
    /// What looked like a preamble leads nowhere.
    FalsePreamble,
}

/// What has passed by and was not told yet.
///
/// A frame for others makes three events: preamble, header and end. A MAC that is told them late sees only the last ones: what a
/// preamble and a header say of the channel, the end of the frame says again. They are left out as soon as they are said again,
/// so that one entry is left of a frame (two if its payload was lost). `sim/tests/town` holds this to a run that withholds nothing.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: VecDeque<(Instant, Passing)>,
    /// The line is idle again, which the MAC has not been told.
    idle: Option<Instant>,
}

/// Entries kept at most.
const ENTRIES: usize = 64;

impl Backlog {
    pub(super) fn push(&mut self, now: Instant, event: Passing) {
        match event {
            Passing::Preamble => {}
            Passing::Header { .. } | Passing::Lost(_) => self.drop_last(|last| last == Passing::Preamble),
            Passing::Overheard(_) | Passing::Ack(_) => {
                self.drop_last(|last| matches!(last, Passing::Preamble | Passing::Header { .. }));
            }
            Passing::FalsePreamble => {
                self.drop_last(|last| last == Passing::Preamble);
                self.idle = Some(now);
                return;
            }
        }
        self.idle = None;
        self.entries.push_back((now, event));
    }

    /// Whether it must be emptied before more is put into it.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES
    }

    /// The next indication for the MAC.
    pub(super) fn pop(&mut self) -> Option<(Instant, Withheld)> {
        if let Some(at) = self.idle.filter(|_| self.entries.is_empty()) {
            self.idle = None;
            return Some((at, sense(CarrierSense::Idle)));
        }
        let (at, event) = self.entries.pop_front()?;
        Some((
            at,
            match event {
                Passing::Preamble => sense(CarrierSense::Preamble),
                Passing::Header { ends, response_expected } => {
                    sense(CarrierSense::Frame { ends, response_expected })
                }
                Passing::Overheard(frame) => self.over(at, Withheld::Overheard(frame)),
                Passing::Ack(ack) => self.over(at, Withheld::Indication(PhyIndication::Ack(ack))),
                Passing::Lost(loss) => {
                    self.over(at, Withheld::Indication(PhyIndication::Lost { loss, ended: at }))
                }
                Passing::FalsePreamble => sense(CarrierSense::Idle),
            },
        ))
    }

    /// Behind the last frame the line is idle.
    fn over(&mut self, at: Instant, told: Withheld) -> Withheld {
        if self.entries.is_empty() {
            self.idle = Some(at);
        }
        told
    }

    fn drop_last(&mut self, superseded: impl Fn(Passing) -> bool) {
        while self.entries.back().is_some_and(|&(_, last)| superseded(last)) {
            self.entries.pop_back();
        }
    }
}

const fn sense(sense: CarrierSense) -> Withheld {
    Withheld::Indication(PhyIndication::CarrierSense(sense))
}
