//! DataBlock-SA \[GB 9.5\]: the piece of a long SET or ACTION.

use super::take_octets;
use crate::axdr::{emit_length, length_len};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// One piece of a value that does not fit one APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataBlock<'a> {
    /// Whether this is the last block.
    pub last: bool,
    /// Its number, from 1.
    pub number: u32,
    /// A piece of the encoded value.
    pub raw: &'a [u8],
}

impl<'a> DataBlock<'a> {
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { last: reader.u8()? != 0, number: reader.u32_be()?, raw: take_octets(reader)? })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(u8::from(self.last))?;
        writer.u32_be(self.number)?;
        emit_length(writer, self.raw.len())?;
        writer.bytes(self.raw)
    }

    pub(super) const fn wire_len(&self) -> usize {
        5 + length_len(self.raw.len()) + self.raw.len()
    }
}

impl fmt::Display for DataBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.last { " last" } else { "" };
        write!(f, "block {}{last} {} octets", self.number, self.raw.len())
    }
}
