//! Somebody who listens to a run.

use crate::capture::{Entry, Input, Pcapng};
use crate::frame::{Body, Frame, Heard, Quality};
use plc_core::{Instant, UtcAnchor};
use plc_node::FrameBody;
use plc_node::pcapng::utc_nanos;

/// Keeps what happens to one node, or all frames on the line, or both, or nothing.
#[derive(Debug, Default)]
pub struct Tap {
    node: Option<u32>,
    entries: Vec<Entry>,
    frames: Option<Pcapng>,
}

impl Tap {
    /// A tap on a node (0 for the concentrator), and on all frames if `frames` says so.
    pub fn new(node: Option<u32>, frames: bool) -> Self {
        Self { node, entries: Vec::new(), frames: frames.then(Pcapng::new) }
    }

    /// What has happened to the node.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The frames on the line.
    pub const fn frames(&self) -> Option<&Pcapng> {
        self.frames.as_ref()
    }

    pub(super) fn note(&mut self, at: Instant, node: u32, input: impl FnOnce() -> Input) {
        if self.node == Some(node) {
            self.entries.push(Entry { at, input: input() });
        }
    }

    pub(super) fn on_frame(&mut self, anchor: UtcAnchor, frame: &Frame) {
        if let Some(frames) = &mut self.frames {
            frames.add(utc_nanos(anchor, frame.start), &body(&frame.body));
        }
    }
}

fn body(body: &Body) -> FrameBody {
    match body {
        Body::Ack { fcs, more_segments, negative } => {
            FrameBody::Ack { fcs: *fcs, more_segments: *more_segments, negative: *negative }
        }
        Body::Data { psdu, tx, response_expected, .. } => {
            FrameBody::Data { psdu: psdu.clone(), tx: *tx, response_expected: *response_expected }
        }
    }
}

/// What a node has heard, as an input; `received` is what and how, if it was a whole frame.
pub(super) fn input(what: &Heard, received: Option<(&Frame, &Quality)>) -> Input {
    match what {
        Heard::Sent => Input::Sent,
        Heard::Preamble => Input::Preamble,
        Heard::Header { ends, response_expected } => {
            Input::Header { ends: *ends, response_expected: *response_expected }
        }
        Heard::Received => {
            let (frame, quality) = received.expect("only a frame on the line is received");
            Input::Received(Box::new(frame.clone()), quality.clone())
        }
        Heard::Lost(loss) => Input::Lost(*loss),
        Heard::FalsePreamble => Input::FalsePreamble,
    }
}
