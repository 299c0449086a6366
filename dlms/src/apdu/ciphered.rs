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
    /// glo-get-request, ded-get-request and their kin: the tag tells what is inside, and under which key.
    Specific(u8),
    /// general-glo-ciphering, with the title of the sender or without.
    General(Option<SystemTitle>),
    /// general-ded-ciphering, with the title of the sender or without.
    GeneralDedicated(Option<SystemTitle>),
}

impl Envelope {
    /// Whether the dedicated key is used.
    pub const fn is_dedicated(self) -> bool {
        match self {
            Self::Specific(tag) => is_dedicated(tag),
            Self::General(_) => false,
            Self::GeneralDedicated(_) => true,
        }
    }

    /// The envelope of this form for an APDU of `title` that begins with `plain`: the general one where
    /// there is none of its own.
    pub(crate) fn around(self, plain: u8, title: SystemTitle) -> Self {
        let dedicated = self.is_dedicated();
        let specific = if dedicated { ded_tag(plain) } else { glo_tag(plain) };
        match (self, specific) {
            (Self::Specific(_), Some(tag)) => Self::Specific(tag),
            _ if dedicated => Self::GeneralDedicated(Some(title)),
            _ => Self::General(Some(title)),
        }
    }
}

/// A ciphered APDU, global or dedicated key.
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
    matches!(tag, apdu_tag::GENERAL_GLO | apdu_tag::GENERAL_DED) || plain_tag(tag).is_some()
}

/// Whether `tag` begins an envelope with a header of its own: general-ciphering, general-signing.
pub const fn is_general(tag: u8) -> bool {
    matches!(tag, apdu_tag::GENERAL_CIPHERING | apdu_tag::GENERAL_SIGNING)
}

/// Whether an APDU that begins with `tag` may stand inside a general envelope.
pub const fn may_be_inside(tag: u8) -> bool {
    glo_tag(tag).is_some()
        || matches!(
            tag,
            apdu_tag::ACCESS_REQUEST
                | apdu_tag::ACCESS_RESPONSE
                | apdu_tag::DATA_NOTIFICATION
                | apdu_tag::DATA_NOTIFICATION_CONFIRM
                | apdu_tag::EXCEPTION_RESPONSE
        )
}

/// The tag of the service-specific envelope for an APDU that begins with `plain`, under the global key.
pub const fn glo_tag(plain: u8) -> Option<u8> {
    let mut at = 0;
    while at < SPECIFIC_TAGS.len() {
        if SPECIFIC_TAGS[at].0 == plain {
            return Some(SPECIFIC_TAGS[at].1);
        }
        at += 1;
    }
    None
}

/// The same under the dedicated key.
pub const fn ded_tag(plain: u8) -> Option<u8> {
    let mut at = 0;
    while at < SPECIFIC_TAGS.len() {
        if SPECIFIC_TAGS[at].0 == plain {
            return Some(SPECIFIC_TAGS[at].2);
        }
        at += 1;
    }
    None
}

/// The tag of the APDU inside a service-specific envelope.
pub const fn plain_tag(specific: u8) -> Option<u8> {
    let mut at = 0;
    while at < SPECIFIC_TAGS.len() {
        if SPECIFIC_TAGS[at].1 == specific || SPECIFIC_TAGS[at].2 == specific {
            return Some(SPECIFIC_TAGS[at].0);
        }
        at += 1;
    }
    None
}

/// Whether nothing is said to what begins with this tag, whatever it holds: answers, errors and notifications, in an envelope of their own or
/// not. Two ends that answered those would answer each other for ever.
pub const fn is_never_answered(tag: u8) -> bool {
    let plain = match plain_tag(tag) {
        Some(plain) => plain,
        None => tag,
    };
    matches!(
        plain,
        apdu_tag::AARE
            | apdu_tag::RLRE
            | apdu_tag::INITIATE_RESPONSE
            | apdu_tag::CONFIRMED_SERVICE_ERROR
            | apdu_tag::DATA_NOTIFICATION
            | apdu_tag::DATA_NOTIFICATION_CONFIRM
            | apdu_tag::EVENT_NOTIFICATION_REQUEST
            | apdu_tag::GET_RESPONSE
            | apdu_tag::SET_RESPONSE
            | apdu_tag::ACTION_RESPONSE
            | apdu_tag::ACCESS_RESPONSE
            | apdu_tag::EXCEPTION_RESPONSE
    )
}

const fn is_dedicated(tag: u8) -> bool {
    let mut at = 0;
    while at < SPECIFIC_TAGS.len() {
        if SPECIFIC_TAGS[at].2 == tag {
            return true;
        }
        at += 1;
    }
    false
}

/// Plain, global and dedicated tag of each APDU that has envelopes of its own.
const SPECIFIC_TAGS: [(u8, u8, u8); 10] = [
    (apdu_tag::INITIATE_REQUEST, apdu_tag::GLO_INITIATE_REQUEST, apdu_tag::DED_INITIATE_REQUEST),
    (apdu_tag::INITIATE_RESPONSE, apdu_tag::GLO_INITIATE_RESPONSE, apdu_tag::DED_INITIATE_RESPONSE),
    (
        apdu_tag::CONFIRMED_SERVICE_ERROR,
        apdu_tag::GLO_CONFIRMED_SERVICE_ERROR,
        apdu_tag::DED_CONFIRMED_SERVICE_ERROR,
    ),
    (apdu_tag::GET_REQUEST, apdu_tag::GLO_GET_REQUEST, apdu_tag::DED_GET_REQUEST),
    (apdu_tag::SET_REQUEST, apdu_tag::GLO_SET_REQUEST, apdu_tag::DED_SET_REQUEST),
    (
        apdu_tag::EVENT_NOTIFICATION_REQUEST,
        apdu_tag::GLO_EVENT_NOTIFICATION_REQUEST,
        apdu_tag::DED_EVENT_NOTIFICATION_REQUEST,
    ),
    (apdu_tag::ACTION_REQUEST, apdu_tag::GLO_ACTION_REQUEST, apdu_tag::DED_ACTION_REQUEST),
    (apdu_tag::GET_RESPONSE, apdu_tag::GLO_GET_RESPONSE, apdu_tag::DED_GET_RESPONSE),
    (apdu_tag::SET_RESPONSE, apdu_tag::GLO_SET_RESPONSE, apdu_tag::DED_SET_RESPONSE),
    (apdu_tag::ACTION_RESPONSE, apdu_tag::GLO_ACTION_RESPONSE, apdu_tag::DED_ACTION_RESPONSE),
];

impl<'a> Pdu<'a> for Ciphered<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = match reader.u8()? {
            apdu_tag::GENERAL_GLO => Envelope::General(parse_title(reader)?),
            apdu_tag::GENERAL_DED => Envelope::GeneralDedicated(parse_title(reader)?),
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
            Envelope::General(title) => emit_title(writer, apdu_tag::GENERAL_GLO, title)?,
            Envelope::GeneralDedicated(title) => emit_title(writer, apdu_tag::GENERAL_DED, title)?,
        }
        emit_length(writer, 5 + self.text.len())?;
        writer.u8(self.control.0)?;
        writer.u32_be(self.counter)?;
        writer.bytes(self.text)
    }

    fn wire_len(&self) -> usize {
        let head = match self.envelope {
            Envelope::Specific(_) => 1,
            Envelope::General(None) | Envelope::GeneralDedicated(None) => 2,
            Envelope::General(Some(_)) | Envelope::GeneralDedicated(Some(_)) => 10,
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

fn emit_title(writer: &mut Writer<'_>, tag: u8, title: Option<SystemTitle>) -> Result<(), WireError> {
    match title {
        None => writer.bytes(&[tag, 0]),
        Some(title) => {
            writer.bytes(&[tag, title.len() as u8])?;
            writer.bytes(&title)
        }
    }
}

impl fmt::Display for Ciphered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.envelope {
            Envelope::Specific(tag) if self.envelope.is_dedicated() => write!(f, "ded {tag:02x}")?,
            Envelope::Specific(tag) => write!(f, "glo {tag:02x}")?,
            Envelope::General(_) => f.write_str("general-glo")?,
            Envelope::GeneralDedicated(_) => f.write_str("general-ded")?,
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
        let specific =
            ["C8122001234567411312FF935A47566827C467BC", "D0122001234567411312FF935A47566827C467BC"];
        for text in [GENERAL, specific[0], specific[1], "DB000530800000D1", "DC000530800000D1"] {
            let bytes = hex(text);
            assert_eq!(Ciphered::from_bytes(&bytes).unwrap().to_vec(), bytes);
        }
    }

    #[test]
    fn every_service_has_one_envelope_for_each_key() {
        for tag in 0..=u8::MAX {
            let (glo, ded) = (glo_tag(tag), ded_tag(tag));
            assert_eq!(glo.is_some(), ded.is_some());
            for specific in [glo, ded].into_iter().flatten() {
                assert_eq!(plain_tag(specific), Some(tag));
                assert_eq!(Envelope::Specific(specific).is_dedicated(), Some(specific) == ded);
            }
        }
        assert_eq!((glo_tag(0xC0), ded_tag(0xC0), glo_tag(0xD9)), (Some(0xC8), Some(0xD0), None));
        let title = *b"MTR00001";
        assert_eq!(Envelope::Specific(0xD0).around(0xC4, title), Envelope::Specific(0xD4));
        assert_eq!(Envelope::Specific(0xD0).around(0xDA, title), Envelope::GeneralDedicated(Some(title)));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex(GENERAL))) {
            law::check::<Ciphered<'_>>(&bytes)?;
        }
    }
}
