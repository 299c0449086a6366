//! The header of a fragment.

use super::Dispatch;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// FRAG1 when the offset is zero, FRAGN otherwise \[G3 ADP 5.4; RFC 4944 5.3; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Octets of the whole uncompressed packet, below 2048.
    pub size: u16,
    /// Names the datagram among those of its originator.
    pub tag: u16,
    /// Where this fragment begins, in units of eight octets of the uncompressed packet.
    pub offset: u8,
}

impl FragmentHeader {
    const SIZE_MASK: u16 = 0x07FF;

    /// Reads the header; what follows stays in the reader. FRAGN with offset zero is refused.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let first = reader.u16_be()?;
        let tag = reader.u16_be()?;
        let size = first & Self::SIZE_MASK;
        match Dispatch::of((first >> 8) as u8) {
            Dispatch::Frag1 => Ok(Self { size, tag, offset: 0 }),
            Dispatch::FragN => match reader.u8()? {
                0 => Err(WireError::Invalid("fragment offset")),
                offset => Ok(Self { size, tag, offset }),
            },
            _ => Err(WireError::Invalid("fragment header")),
        }
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let dispatch = if self.offset == 0 { Dispatch::FRAG1 } else { Dispatch::FRAGN };
        writer.u16_be(u16::from(dispatch) << 8 | self.size & Self::SIZE_MASK)?;
        writer.u16_be(self.tag)?;
        if self.offset == 0 { Ok(()) } else { writer.u8(self.offset) }
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        if self.offset == 0 { 4 } else { 5 }
    }
}

impl fmt::Display for FragmentHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fragment {:04x} at {} of {}", self.tag, u16::from(self.offset) * 8, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fragment_header_comes_back(size in 0u16..2048, tag: u16, offset: u8) {
            let header = FragmentHeader { size, tag, offset };
            let mut buffer = [0; 5];
            let mut writer = Writer::new(&mut buffer);
            header.emit(&mut writer).unwrap();
            prop_assert_eq!(writer.len(), header.wire_len());
            prop_assert_eq!(FragmentHeader::parse(&mut Reader::new(writer.written())), Ok(header));
        }

        #[test]
        fn what_is_understood_is_written_the_same_way(bytes: [u8; 5], len in 0usize..6) {
            if let Ok(header) = FragmentHeader::parse(&mut Reader::new(&bytes[..len])) {
                let mut buffer = [0; 5];
                let mut writer = Writer::new(&mut buffer);
                header.emit(&mut writer).unwrap();
                prop_assert_eq!(writer.written(), &bytes[..header.wire_len()]);
            }
        }
    }
}
