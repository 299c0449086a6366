//! Contention-free access.

use super::{Dispatch, EscCommand};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// A message about contention-free access, from ESC on \[G3 ADP 5.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentionFreeAccess {
    /// The sender wants the channel for itself.
    Request,
    /// It does not need it any more.
    Stop,
    /// It may have it.
    Success,
    /// It may not.
    Fail,
    /// None of these.
    Other(u8),
}

impl ContentionFreeAccess {
    /// Reads all of it.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if [reader.u8()?, reader.u8()?] != [Dispatch::ESC, EscCommand::ContentionFreeAccess.code()] {
            return Err(WireError::Invalid("contention-free access"));
        }
        let code = reader.u8()?;
        reader.finish()?;
        Ok(match code {
            0 => Self::Request,
            1 => Self::Stop,
            2 => Self::Success,
            3 => Self::Fail,
            other => Self::Other(other),
        })
    }

    /// Writes the message.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let code = match self {
            Self::Request => 0,
            Self::Stop => 1,
            Self::Success => 2,
            Self::Fail => 3,
            Self::Other(other) => *other,
        };
        writer.bytes(&[Dispatch::ESC, EscCommand::ContentionFreeAccess.code(), code])
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        3
    }
}

impl fmt::Display for ContentionFreeAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "contention-free access {self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_and_nothing_else_is_read() {
        for code in 0..=255 {
            let bytes = [0x40, 3, code];
            let message = ContentionFreeAccess::parse(&mut Reader::new(&bytes)).unwrap();
            let mut buffer = [0; 3];
            message.emit(&mut Writer::new(&mut buffer)).unwrap();
            assert_eq!((buffer, message.wire_len()), (bytes, 3));
        }
        for bytes in [&[0x40, 3][..], &[0x40, 3, 0, 0], &[0x40, 2, 0]] {
            assert!(ContentionFreeAccess::parse(&mut Reader::new(bytes)).is_err());
        }
    }
}
