//! The envelopes of ciphered APDUs \[GB 9.5, 9.2.7.2\].

use super::Pdu;
use crate::axdr::{emit_length, length_len, parse_length};
use crate::security::{Control, SystemTitle};
use crate::specs::apdu_tag;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// In what envelope an APDU stands. Servers answer in the form asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// glo-get-request and its kin: the tag tells what is inside.
    Specific(u8),
    /// general-glo-ciphering, with the title of the sender or without.
    General(Option<SystemTitle>),
}

/// A ciphered APDU, global key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ciphered<'a> {
    /// The envelope.
    pub envelope: Envelope,
    /// The security control octet.
    pub control: Control,
    /// The invocation counter.
    pub counter: u32,
    /// What follows the counter: cipher text and tag.
    pub text: &'a [u8],
}

/// Whether `tag` begins an envelope of this kind.
pub const fn is_ciphered(tag: u8) -> bool {
    matches!(tag, apdu_tag::GENERAL_GLO) || plain_tag(tag).is_some()
}

/// The tag of the service-specific envelope for an APDU that begins with `plain`.
pub const fn glo_tag(plain: u8) -> Option<u8> {
    Some(match plain {
        apdu_tag::INITIATE_REQUEST => apdu_tag::GLO_INITIATE_REQUEST,
        apdu_tag::INITIATE_RESPONSE => apdu_tag::GLO_INITIATE_RESPONSE,
        apdu_tag::GET_REQUEST => apdu_tag::GLO_GET_REQUEST,
        apdu_tag::SET_REQUEST => apdu_tag::GLO_SET_REQUEST,
        apdu_tag::ACTION_REQUEST => apdu_tag::GLO_ACTION_REQUEST,
        apdu_tag::GET_RESPONSE => apdu_tag::GLO_GET_RESPONSE,
        apdu_tag::SET_RESPONSE => apdu_tag::GLO_SET_RESPONSE,
        apdu_tag::ACTION_RESPONSE => apdu_tag::GLO_ACTION_RESPONSE,
        _ => return None,
    })
}

/// The tag of the APDU inside a service-specific envelope.
pub const fn plain_tag(glo: u8) -> Option<u8> {
    Some(match glo {
        apdu_tag::GLO_INITIATE_REQUEST => apdu_tag::INITIATE_REQUEST,
        apdu_tag::GLO_INITIATE_RESPONSE => apdu_tag::INITIATE_RESPONSE,
        apdu_tag::GLO_GET_REQUEST => apdu_tag::GET_REQUEST,
        apdu_tag::GLO_SET_REQUEST => apdu_tag::SET_REQUEST,
        apdu_tag::GLO_ACTION_REQUEST => apdu_tag::ACTION_REQUEST,
        apdu_tag::GLO_GET_RESPONSE => apdu_tag::GET_RESPONSE,
        apdu_tag::GLO_SET_RESPONSE => apdu_tag::SET_RESPONSE,
        apdu_tag::GLO_ACTION_RESPONSE => apdu_tag::ACTION_RESPONSE,
        _ => return None,
    })
}

impl<'a> Pdu<'a> for Ciphered<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = match reader.u8()? {
            apdu_tag::GENERAL_GLO => Envelope::General(parse_title(reader)?),
            tag if plain_tag(tag).is_some() => Envelope::Specific(tag),
            _ => return Err(WireError::Invalid("tag")),
        };
        let len = parse_length(reader)?;
        let mut body = Reader::new(reader.bytes(len)?);
        let control = Control(body.u8()?);
        let counter = body.u32_be()?;
        Ok(Self { envelope, control, counter, text: body.rest() })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        match self.envelope {
            Envelope::Specific(tag) => writer.u8(tag)?,
            Envelope::General(None) => writer.bytes(&[apdu_tag::GENERAL_GLO, 0])?,
            Envelope::General(Some(title)) => {
                writer.bytes(&[apdu_tag::GENERAL_GLO, 8])?;
                writer.bytes(&title)?;
            }
        }
        emit_length(writer, 5 + self.text.len())?;
        writer.u8(self.control.0)?;
        writer.u32_be(self.counter)?;
        writer.bytes(self.text)
    }

    fn wire_len(&self) -> usize {
        let head = match self.envelope {
            Envelope::Specific(_) => 1,
            Envelope::General(None) => 2,
            Envelope::General(Some(_)) => 10,
        };
        head + length_len(5 + self.text.len()) + 5 + self.text.len()
    }
}

fn parse_title(reader: &mut Reader<'_>) -> Result<Option<SystemTitle>, WireError> {
    match reader.u8()? {
        0 => Ok(None),
        8 => reader.array().map(Some),
        _ => Err(WireError::Invalid("system title")),
    }
}

impl fmt::Display for Ciphered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.envelope {
            Envelope::Specific(tag) => write!(f, "glo {tag:02x}")?,
            Envelope::General(_) => f.write_str("general-glo")?,
        }
        write!(f, " sc {:02x} ic {} {} octets", self.control.0, self.counter, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const GENERAL: &str =
        "db084d4d4d0000bc614e1e30000186a31b50020fdc520ddd601ba8dc639da375261f29f9c82b363b75";

    #[test]
    fn both_envelopes_are_understood_and_written_the_same() {
        for text in [GENERAL, "C8122001234567411312FF935A47566827C467BC", "DB000530800000D1"] {
            let bytes = hex(text);
            assert_eq!(Ciphered::from_bytes(&bytes).unwrap().to_vec(), bytes);
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex(GENERAL))) {
            law::check::<Ciphered<'_>>(&bytes)?;
        }
    }
}
