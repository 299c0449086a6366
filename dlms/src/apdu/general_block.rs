//! general-block-transfer \[GB 9.3.13, 9.5\]: a piece of any APDU.

use super::{Pdu, take_octets};
use crate::axdr::{emit_length, length_len};
use crate::specs::{apdu_tag, general_block as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// general-block-transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralBlockTransfer<'a> {
    /// Whether the sender has no block behind this one.
    pub last: bool,
    /// Whether further blocks follow without being asked for.
    pub streaming: bool,
    /// Blocks that the sender of this one takes in one go, 0..=63.
    pub window: u8,
    /// The number of this block, from 1.
    pub number: u16,
    /// The last block that was received in order, 0 for none.
    pub acknowledged: u16,
    /// A piece of an APDU; empty in a mere acknowledgement.
    pub piece: &'a [u8],
}

impl<'a> Pdu<'a> for GeneralBlockTransfer<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::GENERAL_BLOCK_TRANSFER)?;
        let control = reader.u8()?;
        Ok(Self {
            last: control & specs::LAST != 0,
            streaming: control & specs::STREAMING != 0,
            window: control & specs::WINDOW,
            number: reader.u16_be()?,
            acknowledged: reader.u16_be()?,
            piece: take_octets(reader)?,
        })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let last = if self.last { specs::LAST } else { 0 };
        let streaming = if self.streaming { specs::STREAMING } else { 0 };
        writer.bytes(&[apdu_tag::GENERAL_BLOCK_TRANSFER, last | streaming | self.window & specs::WINDOW])?;
        writer.u16_be(self.number)?;
        writer.u16_be(self.acknowledged)?;
        emit_length(writer, self.piece.len())?;
        writer.bytes(self.piece)
    }

    fn wire_len(&self) -> usize {
        6 + length_len(self.piece.len()) + self.piece.len()
    }
}

impl fmt::Display for GeneralBlockTransfer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = (if self.last { " last" } else { "" }, if self.streaming { " streaming" } else { "" });
        write!(f, "general-block {} acknowledges {}{}{}", self.number, self.acknowledged, flags.0, flags.1)?;
        write!(f, " window {} {} octets", self.window, self.piece.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn flags_window_and_numbers_are_where_the_book_has_them() {
        let bytes = hex("E0C5 0102 0003 02C001");
        let block = GeneralBlockTransfer::from_bytes(&bytes).unwrap();
        assert!(block.last && block.streaming);
        assert_eq!((block.window, block.number, block.acknowledged), (5, 0x102, 3));
        assert_eq!(block.piece, [0xC0, 1]);
        assert_eq!(block.to_vec(), bytes);
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex("E0C5 0102 0003 02C001"))) {
            law::check::<GeneralBlockTransfer<'_>>(&bytes)?;
        }
    }
}
