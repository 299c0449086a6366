//! A message of the LoWPAN bootstrapping protocol.

use super::{Dispatch, EapMessage, EscCommand, Parameter};
use core::fmt;
use plc_core::Eui64;
use plc_core::wire::{Reader, WireError, Writer};

/// What a bootstrapping message is: the T bit and the code \[G3 LBP 7.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LbpCode {
    /// A device wants in, or answers a challenge.
    Joining,
    /// A device leaves.
    Leave,
    /// A device reports another PAN; older editions.
    Conflict,
    /// The device is in.
    Accepted,
    /// The coordinator asks.
    Challenge,
    /// The device is refused.
    Decline,
    /// The device must leave.
    Kick,
    /// None of these, 0..=15.
    Other(u8),
}

impl LbpCode {
    /// From the upper four bits of the message.
    pub const fn from_nibble(nibble: u8) -> Self {
        match nibble {
            0x1 => Self::Joining,
            0x4 => Self::Leave,
            0x5 => Self::Conflict,
            0x9 => Self::Accepted,
            0xA => Self::Challenge,
            0xB => Self::Decline,
            0xC => Self::Kick,
            other => Self::Other(other),
        }
    }

    /// The upper four bits of the message.
    pub const fn nibble(self) -> u8 {
        match self {
            Self::Joining => 0x1,
            Self::Leave => 0x4,
            Self::Conflict => 0x5,
            Self::Accepted => 0x9,
            Self::Challenge => 0xA,
            Self::Decline => 0xB,
            Self::Kick => 0xC,
            Self::Other(nibble) => nibble,
        }
    }

    /// Whether the message goes to the device (the T bit).
    pub const fn is_to_device(self) -> bool {
        self.nibble() & 0x8 != 0
    }
}

/// A bootstrapping message, from ESC on \[G3 LBP 7.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LbpFrame<'a> {
    /// What it is.
    pub code: LbpCode,
    /// Media type, disable-backup flag and reserved bits: the lower four bits of the first octet.
    pub media: u8,
    /// Reserved; in older editions part of a transaction identifier.
    pub reserved: u8,
    /// The device that joins or has joined.
    pub eui64: Eui64,
    /// Bootstrapping data.
    pub data: &'a [u8],
}

impl<'a> LbpFrame<'a> {
    /// Octets before the bootstrapping data.
    pub const HEADER: usize = 12;

    /// A message over PLC.
    pub const fn new(code: LbpCode, eui64: Eui64, data: &'a [u8]) -> Self {
        Self { code, media: 0, reserved: 0, eui64, data }
    }

    /// Reads the whole message.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        if reader.array()? != [Dispatch::ESC, EscCommand::Lbp.code()] {
            return Err(WireError::Invalid("LBP dispatch"));
        }
        let first = reader.u8()?;
        Ok(Self {
            code: LbpCode::from_nibble(first >> 4),
            media: first & 0x0F,
            reserved: reader.u8()?,
            eui64: Eui64(reader.array()?),
            data: reader.rest(),
        })
    }

    /// Writes the message.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[Dispatch::ESC, EscCommand::Lbp.code()])?;
        writer.bytes(&[self.code.nibble() << 4 | self.media & 0x0F, self.reserved])?;
        writer.bytes(&self.eui64.0)?;
        writer.bytes(self.data)
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        Self::HEADER + self.data.len()
    }

    /// What the bootstrapping data say.
    pub fn bootstrapping(&self) -> Result<BootstrappingData<'a>, WireError> {
        BootstrappingData::parse(&mut Reader::new(self.data))
    }
}

impl fmt::Display for LbpFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LBP {:?} {}", self.code, self.eui64)?;
        match self.bootstrapping() {
            Ok(BootstrappingData::Eap(eap)) => write!(f, " {eap}"),
            Ok(BootstrappingData::Empty) => Ok(()),
            _ => write!(f, " {} octets", self.data.len()),
        }
    }
}

/// What a bootstrapping message carries; bit 0 of the first octet tells \[G3 LBP 7.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrappingData<'a> {
    /// Nothing.
    Empty,
    /// A message of the authentication.
    Eap(EapMessage<'a>),
    /// Configuration parameters, in clear; see [`Parameter::parse`].
    Parameters(&'a [u8]),
}

impl<'a> BootstrappingData<'a> {
    /// Reads all of it; parameters are checked for their form.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        match reader.peek() {
            Err(_) => Ok(Self::Empty),
            Ok(first) if first & 1 == 0 => Ok(Self::Eap(EapMessage::parse(reader)?)),
            Ok(_) => {
                let all = reader.rest();
                let mut check = Reader::new(all);
                while !check.is_empty() {
                    Parameter::parse(&mut check)?;
                }
                Ok(Self::Parameters(all))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::msdu;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_lbp_message_comes_back(nibble in 0u8..16, media in 0u8..16, reserved: u8, eui: u64, len in 0usize..388, fill: u8) {
            let data = [fill; 388];
            let code = LbpCode::from_nibble(nibble);
            prop_assert_eq!(code.nibble(), nibble);
            let frame = LbpFrame { code, media, reserved, eui64: Eui64::from_u64(eui), data: &data[..len] };
            let bytes = msdu(|w| frame.emit(w)).unwrap();
            prop_assert_eq!(bytes.len(), frame.wire_len());
            prop_assert_eq!(LbpFrame::parse(&mut Reader::new(&bytes)), Ok(frame));
        }

        #[test]
        fn random_bootstrapping_data_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = BootstrappingData::parse(&mut Reader::new(&bytes));
        }
    }
}
