//! Frames, format type 3.

use super::specs::frame as specs;
use super::{Address, Control};
use crate::apdu::Pdu;
use alloc::vec::Vec;
use core::fmt;
use plc_core::crc::hdlc_fcs;
use plc_core::wire::{Reader, WireError, Writer};

/// A frame without its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The receiver.
    pub destination: Address,
    /// The sender.
    pub source: Address,
    /// What the frame is.
    pub control: Control,
    /// Whether more segments of the same APDU follow.
    pub segmented: bool,
    /// The information field, empty where there is none.
    pub information: &'a [u8],
}

/// What is wrong with the octets of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// Fewer octets than a frame has.
    Short,
    /// Not format type 3.
    Format,
    /// A length that is not that of the frame.
    Length,
    /// An address of three octets, or of more than four.
    Address,
    /// A wrong header check sequence.
    HeaderCheck,
    /// A wrong frame check sequence.
    FrameCheck,
}

impl<'a> Frame<'a> {
    /// The frame that fills all of `octets`.
    ///
    /// # Errors
    /// What is wrong with them, the first fault in the order of the fields.
    pub fn read(octets: &'a [u8]) -> Result<Self, FrameFault> {
        if octets.len() < specs::LEN_MIN {
            return Err(FrameFault::Short);
        }
        let segmented = format(octets)?;
        let (body, trailer) = octets.split_at(octets.len() - specs::CHECK_LEN);
        let mut reader = Reader::new(&body[specs::FORMAT_LEN..]);
        let destination = Address::parse(&mut reader).map_err(|_| FrameFault::Address)?;
        let source = Address::parse(&mut reader).map_err(|_| FrameFault::Address)?;
        let control = Control::from_octet(reader.u8().map_err(|_| FrameFault::Short)?);
        let header_len = body.len() - reader.remaining();
        if !reader.is_empty() {
            let stated = reader.array().map_err(|_| FrameFault::Short)?;
            check(&body[..header_len], stated, FrameFault::HeaderCheck)?;
        }
        let stated = [trailer[0], trailer[1]];
        check(body, stated, FrameFault::FrameCheck)?;
        Ok(Self { destination, source, control, segmented, information: reader.rest() })
    }

    /// Octets besides the information field, flags not counted.
    pub const fn overhead(&self) -> usize {
        let addresses = self.destination.wire_len() + self.source.wire_len();
        let checks = if self.information.is_empty() { specs::CHECK_LEN } else { 2 * specs::CHECK_LEN };
        specs::FORMAT_LEN + addresses + 1 + checks
    }

    /// The frame between its flags, appended to `octets`. A frame too long for its length field is not
    /// written; returns whether it was.
    pub fn append_to(&self, octets: &mut Vec<u8>) -> bool {
        let (start, len) = (octets.len(), self.wire_len());
        octets.resize(start + len + 2, specs::FLAG);
        let mut writer = Writer::new(&mut octets[start + 1..=start + len]);
        let written = self.emit(&mut writer).is_ok();
        if !written {
            octets.truncate(start);
        }
        written
    }
}

/// Checks the format field; returns the segmentation bit.
fn format(octets: &[u8]) -> Result<bool, FrameFault> {
    let format = u16::from_be_bytes([octets[0], octets[1]]);
    if format & specs::FORMAT_TYPE_MASK != specs::FORMAT_TYPE {
        return Err(FrameFault::Format);
    }
    if usize::from(format & specs::LENGTH_MASK) != octets.len() {
        return Err(FrameFault::Length);
    }
    Ok(format & specs::SEGMENTATION != 0)
}

fn check(octets: &[u8], stated: [u8; 2], fault: FrameFault) -> Result<(), FrameFault> {
    if hdlc_fcs(octets).to_le_bytes() == stated { Ok(()) } else { Err(fault) }
}

impl<'a> Pdu<'a> for Frame<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let mut ahead = *reader;
        let len = usize::from(ahead.u16_be()? & specs::LENGTH_MASK);
        Self::read(reader.bytes(len)?).map_err(|fault| WireError::Invalid(fault.name()))
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let len = u16::try_from(self.wire_len()).ok().filter(|&len| len <= specs::LENGTH_MASK);
        let len = len.ok_or(WireError::Invalid("frame length"))?;
        let segmentation = if self.segmented { specs::SEGMENTATION } else { 0 };
        let start = writer.len();
        writer.u16_be(specs::FORMAT_TYPE | segmentation | len)?;
        self.destination.emit(writer)?;
        self.source.emit(writer)?;
        writer.u8(self.control.octet())?;
        if !self.information.is_empty() {
            writer.u16_le(hdlc_fcs(&writer.written()[start..]))?;
            writer.bytes(self.information)?;
        }
        writer.u16_le(hdlc_fcs(&writer.written()[start..]))
    }

    fn wire_len(&self) -> usize {
        self.overhead() + self.information.len()
    }
}

impl FrameFault {
    /// The field that is at fault.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "frame, too short",
            Self::Format => "frame format type",
            Self::Length => "frame length",
            Self::Address => "address length",
            Self::HeaderCheck => "header check sequence",
            Self::FrameCheck => "frame check sequence",
        }
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for FrameFault {}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: {}", self.source, self.destination, self.control)?;
        match (self.information.len(), self.segmented) {
            (0, _) => Ok(()),
            (len, false) => write!(f, ", {len} octets"),
            (len, true) => write!(f, ", {len} octets of more"),
        }
    }
}
