//! What the air exchanges with a node.

use heapless::Vec;
use plc_core::Instant;
use plc_core::sap::{GROUPS_MAX, Lqi, PhaseDifference, PhyLoss, Psdu, TxGain, TxParameters};

/// A frame on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// First sample of the preamble.
    pub start: Instant,
    /// End of the preamble.
    pub preamble_ends: Instant,
    /// End of the frame control header.
    pub header_ends: Instant,
    /// End of the last symbol.
    pub ends: Instant,
    /// What it carries.
    pub body: Body,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A header alone.
    Ack {
        /// FCS of the frame that is acknowledged.
        fcs: u16,
        /// Whether more segments are expected.
        more_segments: bool,
        /// NACK.
        negative: bool,
    },
    /// A payload.
    Data {
        /// Its octets.
        psdu: Psdu,
        /// How it is sent.
        tx: TxParameters,
        /// How loud it is sent.
        gain: TxGain,
        /// Whether it asks for an acknowledgement.
        response_expected: bool,
    },
}

/// How a receiver has heard a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Signal quality over the carriers in use.
    pub lqi: Lqi,
    /// Signal quality per group of carriers, lowest first.
    pub group_lqi: Vec<Lqi, GROUPS_MAX>,
    /// Mains phase at the receiver against that at the sender.
    pub phase_difference: PhaseDifference,
}

/// What the medium does to a [`super::FramePhy`].
#[derive(Debug)]
pub enum FrameEvent<'a> {
    /// The pending frame leaves now: hand it out.
    Start(&'a mut Option<Box<Frame>>),
    /// The frame has left.
    Sent,
    /// A preamble is heard.
    Preamble,
    /// A header was understood.
    Header {
        /// End of the payload.
        ends: Instant,
        /// Whether it asks for an acknowledgement.
        response_expected: bool,
    },
    /// A frame was received whole.
    Received {
        /// The frame.
        frame: &'a Frame,
        /// How it was heard.
        quality: &'a Quality,
    },
    /// What began with a preamble was lost.
    Lost(PhyLoss),
    /// What looked like a preamble leads nowhere.
    FalsePreamble,
}
