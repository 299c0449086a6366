//! A node that is nobody's: it hears what the meter beside it hears, and sends it again, or what it has made up.

use crate::frame::Frame;
use plc_core::Instant;
use plc_core::time::Duration;
use std::collections::VecDeque;

/// A recorder and forger of frames.
#[derive(Debug)]
pub(super) struct Rogue {
    /// The newest frames that it has heard, or those that it has made up and still has to send.
    heard: VecDeque<Frame>,
    /// Frames that it still has to send.
    left: usize,
}

/// Frames that it keeps.
const KEPT: usize = 256;
/// Silence between two frames that it sends.
const PAUSE: Duration = Duration::from_millis(120);

impl Rogue {
    pub(super) const fn new() -> Self {
        Self { heard: VecDeque::new(), left: 0 }
    }

    /// It has heard a frame. While it sends, it does not listen.
    pub(super) fn on_heard(&mut self, frame: &Frame) {
        if self.left > 0 {
            return;
        }
        if self.heard.len() == KEPT {
            self.heard.pop_front();
        }
        self.heard.push_back(frame.clone());
    }

    /// It shall send so many of them, oldest first.
    pub(super) fn replay(&mut self, frames: usize) {
        self.left = frames.min(self.heard.len());
        let surplus = self.heard.len() - self.left;
        self.heard.drain(..surplus);
    }

    /// It shall send these.
    pub(super) fn send(&mut self, frames: Vec<Frame>) {
        self.left = frames.len();
        self.heard = frames.into();
    }

    /// The next frame to send at `now`, and when to ask again.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Frame, Instant)> {
        self.left = self.left.checked_sub(1)?;
        let old = self.heard.pop_front()?;
        let moved = |at: Instant| now + at.since(old.start);
        let frame = Frame {
            start: now,
            preamble_ends: moved(old.preamble_ends),
            header_ends: moved(old.header_ends),
            ends: moved(old.ends),
            body: old.body,
        };
        let again = frame.ends + PAUSE;
        Some((frame, again))
    }
}
