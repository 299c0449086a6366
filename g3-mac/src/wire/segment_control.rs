//! The segment control field, in front of every MAC header.

use crate::specs::{SEGMENT_CONTROL_LEN, SEGMENT_COUNT_MAX, SEGMENT_LENGTH_MAX};
use core::fmt;
use plc_core::sap::Priority;
use plc_core::wire::{Reader, WireError, Writer};

/// The segment control field \[G3 MAC 1.1; confidence A\]. Reserved bits are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentControl {
    /// TMR: the sender asks for a tone map response.
    pub tone_map_request: bool,
    /// CC: the sender keeps the channel for its next segment.
    pub contention_free: bool,
    /// CAP: channel access priority.
    pub priority: Priority,
    /// LSF: nothing follows.
    pub last: bool,
    /// SC: number of this segment, 0..=63.
    pub count: u8,
    /// SL: octets of payload in this segment, MIC included, 0..=1023.
    pub length: u16,
}

impl SegmentControl {
    /// Reads the field.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let flags = reader.u8()?;
        let sizes = reader.u16_be()?;
        Ok(Self {
            tone_map_request: flags & TMR != 0,
            contention_free: flags & CC != 0,
            priority: if flags & CAP != 0 { Priority::High } else { Priority::Normal },
            last: flags & LSF != 0,
            count: (sizes >> LENGTH_BITS) as u8,
            length: sizes & SEGMENT_LENGTH_MAX,
        })
    }

    /// Writes the field. A count or length out of range is invalid.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        if self.count > SEGMENT_COUNT_MAX || self.length > SEGMENT_LENGTH_MAX {
            return Err(WireError::Invalid("segment control"));
        }
        let flag = |set, bit| if set { bit } else { 0 };
        writer.u8(flag(self.tone_map_request, TMR)
            | flag(self.contention_free, CC)
            | flag(self.priority == Priority::High, CAP)
            | flag(self.last, LSF))?;
        writer.u16_be(u16::from(self.count) << LENGTH_BITS | self.length)
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        SEGMENT_CONTROL_LEN
    }
}

impl fmt::Display for SegmentControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seg {}{} len {}", self.count, if self.last { " last" } else { "" }, self.length)?;
        let flags = [
            (self.tone_map_request, " TMR"),
            (self.contention_free, " CC"),
            (self.priority == Priority::High, " high"),
        ];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))
    }
}

const TMR: u8 = 0x08;
const CC: u8 = 0x04;
const CAP: u8 = 0x02;
const LSF: u8 = 0x01;
const LENGTH_BITS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn the_field_of_the_published_frame_is_one_last_segment_of_18_octets() {
        let control = SegmentControl::parse(&mut Reader::new(&[0x01, 0x00, 0x12])).unwrap();
        assert_eq!(control, SegmentControl { last: true, length: 18, ..Default::default() });
        assert_eq!(control.to_string(), "seg 0 last len 18");
    }

    #[test]
    fn count_and_length_share_sixteen_bits() {
        let control = SegmentControl {
            contention_free: true,
            priority: Priority::High,
            tone_map_request: true,
            count: 0x2A,
            length: 0x155,
            last: false,
        };
        assert_eq!(emitted(|w| control.emit(w)), [0x0E, 0xA9, 0x55]);
        let too_many = SegmentControl { count: 64, ..control };
        assert!(too_many.emit(&mut Writer::new(&mut [0; 3])).is_err());
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed_and_the_other_way_round(bytes: [u8; 3]) {
            let control = SegmentControl::parse(&mut Reader::new(&bytes)).unwrap();
            let again = emitted(|w| control.emit(w));
            prop_assert_eq!(again.as_slice(), [bytes[0] & 0x0F, bytes[1], bytes[2]]);
        }
    }
}
