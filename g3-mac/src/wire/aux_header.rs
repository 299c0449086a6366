//! The auxiliary security header of segment 0.

use crate::specs::{AUX_HEADER_LEN, KEY_SLOTS};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// The auxiliary security header \[G3 MAC 4; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxHeader {
    /// Security level and key identifier mode; 0x0D is the only one in use.
    pub security_control: u8,
    /// Frame counter of the MSDU.
    pub frame_counter: u32,
    /// Slot of the group key: 0 or 1.
    pub key_index: u8,
}

impl AuxHeader {
    /// Reads the header. Unknown security controls and key indices are kept.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { security_control: reader.u8()?, frame_counter: reader.u32_le()?, key_index: reader.u8()? })
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(self.security_control)?;
        writer.u32_le(self.frame_counter)?;
        writer.u8(self.key_index)
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        AUX_HEADER_LEN
    }

    /// Whether the key index names a slot of the key table.
    pub const fn names_a_slot(&self) -> bool {
        (self.key_index as usize) < KEY_SLOTS
    }
}

impl fmt::Display for AuxHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sec {:02x} counter {} key {}", self.security_control, self.frame_counter, self.key_index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn the_header_of_the_published_frame_is_read() {
        let aux = AuxHeader::parse(&mut Reader::new(&[0x0D, 1, 0, 0, 0, 0])).unwrap();
        assert_eq!(aux, AuxHeader { security_control: 0x0D, frame_counter: 1, key_index: 0 });
        assert_eq!(aux.to_string(), "sec 0d counter 1 key 0");
    }

    proptest! {
        #[test]
        fn every_header_comes_back(bytes: [u8; 6]) {
            let aux = AuxHeader::parse(&mut Reader::new(&bytes)).unwrap();
            let again = emitted(|w| aux.emit(w));
            prop_assert_eq!(again.as_slice(), bytes.as_slice());
        }
    }
}
