//! The opening of IEC 62056-21, mode E: from a few readable characters at 300 bit/s to HDLC.
//!
//! [`Opener`] is the client's side, [`Responder`] the meter's. When they have told that the line is open,
//! octets belong to the two ends of a link, [`crate::hdlc`].

mod lines;
mod message;
mod opener;
mod responder;
pub mod specs;

pub use message::{Identification, OptionSelect, Rate, SignOn};
pub use opener::{Confirmation, Opener, OpenerConfig, OpenerInput, OpenerOutput, OpeningFailure};
pub use responder::{Responder, ResponderConfig, ResponderInput, ResponderOutput};

/// How a line is to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSettings {
    /// Its rate.
    pub rate: Rate,
    /// Its characters.
    pub format: LineFormat,
}

/// The characters of a line; one start bit and one stop bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// Seven bits and even parity, for readable characters.
    SevenEven,
    /// Eight bits without parity, for HDLC.
    EightNone,
}

impl LineSettings {
    /// How every opening begins.
    pub const INITIAL: Self = Self { rate: Rate::INITIAL, format: LineFormat::SevenEven };
}

/// Octets and messages of an opening that were not taken, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModeECounters {
    /// Octets outside messages, and of those that are too long.
    pub noise: u64,
    /// Messages that are none of the opening.
    pub malformed: u64,
    /// Messages out of turn.
    pub unexpected: u64,
    /// Requests for other meters.
    pub not_for_us: u64,
    /// Choices of what was not offered.
    pub refused: u64,
}
