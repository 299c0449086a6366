//! general-ciphering and general-signing \[GB 9.5, 9.2.7.2\].

use super::{Pdu, take_octets};
use crate::axdr::{emit_length, length_len};
use crate::security::Control;
use crate::specs::apdu_tag;
use crate::specs::security::{HEADER_LEN, key_info as specs};
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// Who sends what to whom: the header of both PDUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneralHeader<'a> {
    /// transaction-id: comes back in the answer.
    pub transaction: &'a [u8],
    /// originator-system-title.
    pub originator: &'a [u8],
    /// recipient-system-title.
    pub recipient: &'a [u8],
    /// date-time, or nothing.
    pub date_time: &'a [u8],
    /// other-information, mostly nothing.
    pub other: &'a [u8],
}

impl<'a> GeneralHeader<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self {
            transaction: take_octets(reader)?,
            originator: take_octets(reader)?,
            recipient: take_octets(reader)?,
            date_time: take_octets(reader)?,
            other: take_octets(reader)?,
        })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        self.fields().into_iter().try_for_each(|field| emit_octets(writer, field))
    }

    fn wire_len(&self) -> usize {
        self.fields().into_iter().map(octets_len).sum()
    }

    /// The fields as they stand on the wire, each behind its length.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = alloc::vec![0; self.wire_len()];
        self.emit(&mut Writer::new(&mut octets)).expect("wire_len is what emit writes");
        octets
    }

    const fn fields(&self) -> [&'a [u8]; 5] {
        [self.transaction, self.originator, self.recipient, self.date_time, self.other]
    }
}

/// key-info: what key a general-ciphering APDU is protected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyInfo<'a> {
    /// identified-key: one that both ends have, by its number.
    Identified(u8),
    /// wrapped-key: sent along, under the key encryption key of this number.
    Wrapped(u8, &'a [u8]),
    /// agreed-key: key-parameters and key-ciphered-data.
    Agreed(&'a [u8], &'a [u8]),
}

impl<'a> KeyInfo<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        match reader.u8()? {
            specs::IDENTIFIED => reader.u8().map(Self::Identified),
            specs::WRAPPED => Ok(Self::Wrapped(reader.u8()?, take_octets(reader)?)),
            specs::AGREED => Ok(Self::Agreed(take_octets(reader)?, take_octets(reader)?)),
            _ => Err(WireError::Invalid("key info")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        match self {
            Self::Identified(key) => writer.bytes(&[specs::IDENTIFIED, *key]),
            Self::Wrapped(kek, wrapped) => {
                writer.bytes(&[specs::WRAPPED, *kek])?;
                emit_octets(writer, wrapped)
            }
            Self::Agreed(parameters, data) => {
                writer.u8(specs::AGREED)?;
                emit_octets(writer, parameters)?;
                emit_octets(writer, data)
            }
        }
    }

    fn wire_len(&self) -> usize {
        match self {
            Self::Identified(_) => 2,
            Self::Wrapped(_, wrapped) => 2 + octets_len(wrapped),
            Self::Agreed(parameters, data) => 1 + octets_len(parameters) + octets_len(data),
        }
    }
}

/// general-ciphering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralCiphering<'a> {
    /// Who sends what to whom.
    pub header: GeneralHeader<'a>,
    /// With what key; without one it was settled before.
    pub key_info: Option<KeyInfo<'a>>,
    /// The security control octet.
    pub control: Control,
    /// The invocation counter.
    pub counter: u32,
    /// What follows the counter: cipher text and tag.
    pub text: &'a [u8],
}

impl<'a> Pdu<'a> for GeneralCiphering<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::GENERAL_CIPHERING)?;
        let header = GeneralHeader::parse(reader)?;
        let key_info = match reader.u8()? {
            0 => None,
            1 => Some(KeyInfo::parse(reader)?),
            _ => return Err(WireError::Invalid("presence")),
        };
        let mut body = Reader::new(take_octets(reader)?);
        let control = Control(body.u8()?);
        let counter = body.u32_be()?;
        Ok(Self { header, key_info, control, counter, text: body.rest() })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::GENERAL_CIPHERING)?;
        self.header.emit(writer)?;
        writer.u8(u8::from(self.key_info.is_some()))?;
        self.key_info.map_or(Ok(()), |key_info| key_info.emit(writer))?;
        emit_length(writer, HEADER_LEN + self.text.len())?;
        writer.u8(self.control.0)?;
        writer.u32_be(self.counter)?;
        writer.bytes(self.text)
    }

    fn wire_len(&self) -> usize {
        let body = HEADER_LEN + self.text.len();
        let key_info = self.key_info.map_or(0, |key_info| key_info.wire_len());
        1 + self.header.wire_len() + 1 + key_info + length_len(body) + body
    }
}

impl fmt::Display for GeneralCiphering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key_info {
            None => "settled",
            Some(KeyInfo::Identified(_)) => "identified",
            Some(KeyInfo::Wrapped(..)) => "wrapped",
            Some(KeyInfo::Agreed(..)) => "agreed",
        };
        let Self { control, counter, text, .. } = self;
        write!(f, "general-ciphering {key} key sc {:02x} ic {counter} {} octets", control.0, text.len())
    }
}

/// general-signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralSigning<'a> {
    /// Who sends what to whom.
    pub header: GeneralHeader<'a>,
    /// An APDU.
    pub content: &'a [u8],
    /// r | s.
    pub signature: &'a [u8],
}

impl<'a> Pdu<'a> for GeneralSigning<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::GENERAL_SIGNING)?;
        let header = GeneralHeader::parse(reader)?;
        Ok(Self { header, content: take_octets(reader)?, signature: take_octets(reader)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::GENERAL_SIGNING)?;
        self.header.emit(writer)?;
        emit_octets(writer, self.content)?;
        emit_octets(writer, self.signature)
    }

    fn wire_len(&self) -> usize {
        1 + self.header.wire_len() + octets_len(self.content) + octets_len(self.signature)
    }
}

impl fmt::Display for GeneralSigning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "general-signing {} octets", self.content.len())
    }
}

fn emit_octets(writer: &mut Writer<'_>, octets: &[u8]) -> Result<(), WireError> {
    emit_length(writer, octets.len())?;
    writer.bytes(octets)
}

const fn octets_len(octets: &[u8]) -> usize {
    length_len(octets.len()) + octets.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const IDENTIFIED: &str =
        "dd080102030405060708084d4d4d0000bc614e084d4d4d000000000100000100001230000000010203040506070809";
    const WRAPPED: &str = "dd080102030405060708084d4d4d0000bc614e084d4d4d0000000001000001010018\
        1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe50631000000002a";
    const AGREED: &str =
        "dd080102030405060708084d4d4d0000bc614e084d4d4d000000000100000102010200063100000000ff";
    const SIGNED: &str = "df080102030405060708084d4d4d0000bc614e084d4d4d0000000001000003d8010104aabbccdd";

    #[test]
    fn every_kind_of_key_information_is_understood_and_written_the_same() {
        for text in [WRAPPED, AGREED] {
            let bytes = hex(text);
            assert_eq!(GeneralCiphering::from_bytes(&bytes).unwrap().to_vec(), bytes);
        }
        let bytes = hex(SIGNED);
        assert_eq!(GeneralSigning::from_bytes(&bytes).unwrap().to_vec(), bytes);
    }

    #[test]
    fn unknown_key_information_and_lying_lengths_are_refused() {
        let good = hex(AGREED);
        for (at, octet) in [(1, 0xFF), (1, 0x84), (29, 2), (30, 3), (34, 0x80)] {
            let mut bytes = good.clone();
            bytes[at] = octet;
            assert!(GeneralCiphering::from_bytes(&bytes).is_err(), "octet {at} is {octet:02x}");
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            identified in law::near(&hex(IDENTIFIED)),
            wrapped in law::near(&hex(WRAPPED)),
            agreed in law::near(&hex(AGREED)),
            signed in law::near(&hex(SIGNED)),
        ) {
            for bytes in [identified, wrapped, agreed] {
                law::check::<GeneralCiphering<'_>>(&bytes)?;
            }
            law::check::<GeneralSigning<'_>>(&signed)?;
        }
    }
}
