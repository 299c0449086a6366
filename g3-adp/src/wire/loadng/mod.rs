//! The messages of LOADng \[G3 ADP 6.1\]. They travel one hop, without a mesh header.

mod path;
mod rerr;
mod reverse;
mod route;

pub use path::{HopRecord, HopRecords, Prep, Preq, RECORDS_MAX};
pub use rerr::Rerr;
pub use reverse::{RlcRep, RlcReq};
pub use route::RouteMessage;

use super::{Dispatch, EscCommand};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// A message of LOADng, from ESC on \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadngMessage {
    /// Route request: who is on the way to `destination`?
    Rreq(RouteMessage),
    /// Route reply: `originator` is this way.
    Rrep(RouteMessage),
    /// Route error.
    Rerr(Rerr),
    /// Path request.
    Preq(Preq),
    /// Path reply.
    Prep(Prep),
    /// Request for the cost of the link in the other direction.
    RlcReq(RlcReq),
    /// That cost.
    RlcRep(RlcRep),
}

impl LoadngMessage {
    /// RREQ.
    pub const RREQ: u8 = 0;
    /// RREP.
    pub const RREP: u8 = 1;
    /// RERR.
    pub const RERR: u8 = 2;
    /// PREQ.
    pub const PREQ: u8 = 252;
    /// PREP.
    pub const PREP: u8 = 253;
    /// RLCREQ.
    pub const RLCREQ: u8 = 254;
    /// RLCREP.
    pub const RLCREP: u8 = 255;
    /// ESC, command and message type.
    const HEADER: usize = 3;

    /// Reads all of it.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if [reader.u8()?, reader.u8()?] != [Dispatch::ESC, EscCommand::Loadng.code()] {
            return Err(WireError::Invalid("LOADng"));
        }
        let message = match reader.u8()? {
            Self::RREQ => Self::Rreq(RouteMessage::parse(reader)?),
            Self::RREP => Self::Rrep(RouteMessage::parse(reader)?),
            Self::RERR => Self::Rerr(Rerr::parse(reader)?),
            Self::PREQ => Self::Preq(Preq::parse(reader)?),
            Self::PREP => Self::Prep(Prep::parse(reader)?),
            Self::RLCREQ => Self::RlcReq(RlcReq::parse(reader)?),
            Self::RLCREP => Self::RlcRep(RlcRep::parse(reader)?),
            _ => return Err(WireError::Invalid("LOADng message type")),
        };
        reader.finish().map(|()| message)
    }

    /// Writes the message.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[Dispatch::ESC, EscCommand::Loadng.code(), self.code()])?;
        match self {
            Self::Rreq(message) | Self::Rrep(message) => message.emit(writer),
            Self::Rerr(message) => message.emit(writer),
            Self::Preq(message) => message.emit(writer),
            Self::Prep(message) => message.emit(writer),
            Self::RlcReq(message) => message.emit(writer),
            Self::RlcRep(message) => message.emit(writer),
        }
    }

    /// Octets on the wire.
    pub fn wire_len(&self) -> usize {
        Self::HEADER
            + match self {
                Self::Rreq(message) | Self::Rrep(message) => message.wire_len(),
                Self::Rerr(message) => message.wire_len(),
                Self::Preq(message) => message.wire_len(),
                Self::Prep(message) => message.wire_len(),
                Self::RlcReq(message) => message.wire_len(),
                Self::RlcRep(message) => message.wire_len(),
            }
    }

    /// The message type.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Rreq(_) => Self::RREQ,
            Self::Rrep(_) => Self::RREP,
            Self::Rerr(_) => Self::RERR,
            Self::Preq(_) => Self::PREQ,
            Self::Prep(_) => Self::PREP,
            Self::RlcReq(_) => Self::RLCREQ,
            Self::RlcRep(_) => Self::RLCREP,
        }
    }
}

impl fmt::Display for LoadngMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rreq(message) => write!(f, "RREQ {message}"),
            Self::Rrep(message) => write!(f, "RREP {message}"),
            Self::Rerr(message) => write!(f, "RERR {message}"),
            Self::Preq(message) => write!(f, "PREQ {message}"),
            Self::Prep(message) => write!(f, "PREP {message}"),
            Self::RlcReq(message) => write!(f, "RLCREQ {message}"),
            Self::RlcRep(message) => write!(f, "RLCREP {message}"),
        }
    }
}

#[cfg(test)]
mod tests;
