//! The receiver: samples in, indications out, one state at a time.
//!
//! Every state waits for the next window of 256 samples at an index that it names, and turns it into the
//! next state. So the result never depends on how the samples were cut into blocks.

mod estimate;
mod header;
mod kit;
mod line;
mod payload;
mod pulses;
mod reports;
mod search;
mod sync;
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
    /// Listens from sample 0 on.
    pub(crate) fn new(plan: &'static BandPlan, interop: Interop) -> Self {
        Self { line: Line::new(), kit: Kit::new(plan, interop), state: State::Search(Search::from(0)) }
    }

    /// Whether a frame is being received.
    pub(crate) const fn is_receiving(&self) -> bool {
        !matches!(self.state, State::Search(_))
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
            Self::Sync(_) => reports.false_preamble(),
            Self::Header(_) => reports.header_loss(index),
            Self::Payload(_) => reports.payload_loss(index),
        }
    }
}
