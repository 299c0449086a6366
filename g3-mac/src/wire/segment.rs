//! A whole PSDU: segment control, header, payload, padding, check sequence.

use super::{AuxHeader, Mhr, SegmentControl};
use crate::specs::{AUX_HEADER_LEN, FCS_LEN, SEGMENT_CONTROL_LEN};
use core::fmt;
use plc_core::crc::g3_fcs;
use plc_core::sap::Psdu;
use plc_core::wire::{Reader, WireError, Writer};

/// One segment of an MSDU as one PSDU carries it \[G3 MAC 1.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Segment control; its length field is that of `payload`.
    pub control: SegmentControl,
    /// The header, repeated in every segment.
    pub mhr: Mhr,
    /// The security header, in segment 0 of a secured MSDU only.
    pub aux: Option<AuxHeader>,
    /// This segment's part of the payload; ciphertext and MIC if secured.
    pub payload: &'a [u8],
}

/// Octets of a PSDU besides its payload and padding.
pub fn psdu_overhead(mhr: &Mhr, count: u8) -> usize {
    let aux = if mhr.security && count == 0 { AUX_HEADER_LEN } else { 0 };
    SEGMENT_CONTROL_LEN + mhr.wire_len() + aux + FCS_LEN
}

/// Splits a PSDU into its body (padding included) and the FCS that it carries; `Err` holds the FCS that
/// is wrong, or nothing when the PSDU is too short to have one.
pub fn check_fcs(psdu: &[u8]) -> Result<(&[u8], u16), Option<u16>> {
    let (body, tail) = psdu.split_last_chunk::<FCS_LEN>().ok_or(None)?;
    let fcs = u16::from_le_bytes(*tail);
    if g3_fcs(body) == fcs { Ok((body, fcs)) } else { Err(Some(fcs)) }
}

impl<'a> Segment<'a> {
    /// Reads a segment and the padding behind it.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Self::parse_with_header(reader).map(|(segment, _)| segment)
    }

    /// Reads a segment and the padding behind it; also gives the octets of the header and the security
    /// header as they were received, which are the associated data of the cipher.
    pub fn parse_with_header(reader: &mut Reader<'a>) -> Result<(Self, &'a [u8]), WireError> {
        let control = SegmentControl::parse(reader)?;
        let start = *reader;
        let mhr = Mhr::parse(reader)?;
        let secured_start = mhr.security && control.count == 0;
        let aux = if secured_start { Some(AuxHeader::parse(reader)?) } else { None };
        let header = { start }.bytes(start.remaining() - reader.remaining())?;
        let payload = reader.bytes(usize::from(control.length))?;
        reader.rest();
        Ok((Self { control, mhr, aux, payload }, header))
    }

    /// Writes the segment without padding and FCS.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let counted = usize::from(self.control.length) == self.payload.len();
        let secured_start = self.mhr.security && self.control.count == 0;
        if !counted || self.aux.is_some() != secured_start {
            return Err(WireError::Invalid("segment"));
        }
        self.control.emit(writer)?;
        self.emit_header(writer)?;
        writer.bytes(self.payload)
    }

    /// Writes what the cipher authenticates beside the payload: header and security header.
    pub fn emit_header(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        self.mhr.emit(writer)?;
        self.aux.as_ref().map_or(Ok(()), |aux| aux.emit(writer))
    }

    /// Octets on the wire without padding and FCS.
    pub fn wire_len(&self) -> usize {
        psdu_overhead(&self.mhr, self.control.count) - FCS_LEN + self.payload.len()
    }

    /// The PSDU of `len` octets that carries the segment, zero padding and FCS included.
    pub fn psdu(&self, len: usize) -> Result<Psdu, WireError> {
        let mut psdu = Psdu::new();
        psdu.resize(len, 0).map_err(|_| WireError::NoRoom)?;
        let (body, tail) = psdu.split_last_chunk_mut::<FCS_LEN>().ok_or(WireError::NoRoom)?;
        self.emit(&mut Writer::new(body))?;
        *tail = g3_fcs(body).to_le_bytes();
        Ok(psdu)
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.control, self.mhr)?;
        self.aux.iter().try_for_each(|aux| write!(f, " | {aux}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mhr::tests::any_mhr;
    use crate::wire::testing::emitted;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn the_published_psdu_is_taken_apart_and_put_together_again() {
        let bytes = *b"\x01\x00\x12\x69\x88\x05\x1d\x78\x01\x00\x00\x00\x0d\x01\x00\x00\x00\x00\
            \x44\x10\x55\x96\x0b\x11\x9a\x0c\x6a\x17\x77\xce\xfb\x78\xaa\x8c\xd2\x16\x43\x58";
        let (body, fcs) = check_fcs(&bytes).unwrap();
        assert_eq!(fcs, 0x5843);
        let (segment, header) = Segment::parse_with_header(&mut Reader::new(body)).unwrap();
        assert_eq!(header, &bytes[3..18]);
        assert_eq!(segment.payload, &bytes[18..36]);
        assert_eq!(segment.psdu(bytes.len()).unwrap(), bytes);
    }

    #[test]
    fn padding_lies_between_payload_and_fcs() {
        let mhr = Mhr::new(crate::wire::FrameType::Command, 1);
        let control = SegmentControl { last: true, length: 1, ..Default::default() };
        let psdu = Segment { control, mhr, aux: None, payload: &[7] }.psdu(13).unwrap();
        assert_eq!(psdu[..11], [1, 0, 1, 3, 0, 1, 7, 0, 0, 0, 0]);
        assert_eq!(check_fcs(&psdu).unwrap().0, &psdu[..11]);
    }

    #[test]
    fn one_wrong_bit_is_found() {
        let mut bytes = [1, 2, 3, 4, 5, 6];
        let fcs = g3_fcs(&bytes[..4]);
        bytes[4..].copy_from_slice(&fcs.to_le_bytes());
        assert_eq!(check_fcs(&bytes), Ok((&[1, 2, 3, 4][..], fcs)));
        bytes[1] ^= 0x10;
        assert_eq!(check_fcs(&bytes), Err(Some(fcs)));
        assert_eq!(check_fcs(&bytes[..1]), Err(None));
    }

    proptest! {
        #[test]
        fn every_segment_comes_back(mhr in any_mhr(), count in 0u8..64, payload: Vec<u8>, counter: u32, pad in 0usize..9) {
            let aux = (mhr.security && count == 0)
                .then_some(AuxHeader { security_control: 0x0D, frame_counter: counter, key_index: 1 });
            let control = SegmentControl { count, length: payload.len() as u16, ..Default::default() };
            let segment = Segment { control, mhr, aux, payload: &payload };
            prop_assert_eq!(emitted(|w| segment.emit(w)).len(), segment.wire_len());
            let psdu = segment.psdu(segment.wire_len() + 2 + pad).unwrap();
            let (body, _) = check_fcs(&psdu).unwrap();
            prop_assert_eq!(Segment::parse(&mut Reader::new(body)), Ok(segment));
        }

        #[test]
        fn no_octets_panic(bytes: Vec<u8>) {
            let _ = check_fcs(&bytes);
            let _ = Segment::parse(&mut Reader::new(&bytes));
        }
    }
}
