//! The frame that the MAC has.

use super::Frame;
use plc_core::sap::{Handle, MacStatus};
use plc_core::{Instant, MacAddress};

/// The frame that the MAC has.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) handle: Handle,
    pub(super) expires: Instant,
    pub(super) hop: MacAddress,
    pub(super) load: Load,
}

/// What it carries.
#[derive(Debug)]
pub(super) enum Load {
    /// A frame, kept because it may have to go again.
    Frame(Frame),
    /// A fragment of the packet with this tag.
    Fragment(u16),
}

/// What a confirm has ended.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A frame.
    Frame {
        /// The frame.
        frame: Frame,
        /// Where it went.
        hop: MacAddress,
        /// How it ended.
        status: MacStatus,
    },
    /// A fragment of the packet with this tag.
    Fragment {
        /// The tag.
        tag: u16,
        /// Where it went.
        hop: MacAddress,
        /// How it ended.
        status: MacStatus,
    },
}

impl InFlight {
    pub(super) fn ended(self, status: MacStatus) -> Sent {
        let hop = self.hop;
        match self.load {
            Load::Frame(frame) => Sent::Frame { frame, hop, status },
            Load::Fragment(tag) => Sent::Fragment { tag, hop, status },
        }
    }
}
