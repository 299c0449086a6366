//! AARQ: the client asks for an association.

use super::names::{ApplicationContext, Mechanism};
use super::{Pdu, ber};
use crate::axdr::emit_length;
use crate::specs::{apdu_tag, association as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// AARQ \[GB 9.4.2\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aarq<'a> {
    /// protocol-version, the octets of the bit string; version 1 if it is not there.
    pub protocol_version: Option<&'a [u8]>,
    /// application-context-name.
    pub context: ApplicationContext,
    /// calling-AP-title: the system title of the client.
    pub client_title: Option<&'a [u8]>,
    /// calling-AE-invocation-identifier: which user of the client it is, as user_list knows it \[GB 9.4.2.2; confidence B\].
    /// A number beyond 255 is of no user.
    pub user_id: Option<u8>,
    /// mechanism-name.
    pub mechanism: Option<Mechanism>,
    /// calling-authentication-value: a password or the challenge of the client.
    pub authentication_value: Option<&'a [u8]>,
    /// user-information: the initiate-request, ciphered or not.
    pub user_information: Option<&'a [u8]>,
}

impl Aarq<'_> {
    /// Whether the client can speak version 1 of the protocol: the first bit of the bit string.
    pub fn has_version_1(&self) -> bool {
        self.protocol_version
            .is_none_or(|version| matches!(version, [_, bits, ..] if bits & specs::VERSION_1 != 0))
    }

    fn contents_len(&self) -> usize {
        let mechanism = self.mechanism.map_or(0, |_| specs::REQUIREMENTS_LEN + ber::element_len(7));
        self.protocol_version.map_or(0, |version| ber::element_len(version.len()))
            + ber::nested_len(7)
            + ber::optional_nested_len(self.client_title)
            + self.user_id.map_or(0, |user| ber::nested_len(ber::unsigned(user).len()))
            + mechanism
            + ber::optional_nested_len(self.authentication_value)
            + ber::optional_nested_len(self.user_information)
    }
}

impl<'a> Pdu<'a> for Aarq<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let (tag, contents) = ber::element(reader)?;
        if tag != apdu_tag::AARQ {
            return Err(WireError::Invalid("tag"));
        }
        let mut fields = Reader::new(contents);
        let (mut protocol_version, mut context, mut user_id) = (None, None, None);
        let (mut client_title, mut mechanism, mut authentication_value, mut user_information) =
            (None, None, None, None);
        while !fields.is_empty() {
            let (tag, contents) = ber::element(&mut fields)?;
            match tag {
                specs::CONTEXT_NAME => {
                    let identifier = ber::only(contents, ber::OBJECT_IDENTIFIER)?;
                    context = Some(ApplicationContext::from_identifier(identifier)?);
                }
                specs::CALLING_TITLE => client_title = Some(ber::only(contents, ber::OCTET_STRING)?),
                specs::CALLING_USER => user_id = user(contents)?,
                specs::CALLING_MECHANISM => mechanism = Some(Mechanism::from_identifier(contents)?),
                specs::CALLING_VALUE => authentication_value = Some(ber::only(contents, specs::CHAR_STRING)?),
                specs::USER_INFORMATION => user_information = Some(ber::only(contents, ber::OCTET_STRING)?),
                specs::PROTOCOL_VERSION => protocol_version = Some(contents),
                // Requirements, called and calling names, implementation: nothing depends on them.
                specs::CALLING_REQUIREMENTS | specs::IMPLEMENTATION => {}
                specs::CALLED_FIRST..=specs::CALLED_LAST => {}
                specs::CALLING_REST_FIRST..=specs::CALLING_REST_LAST => {}
                _ => return Err(WireError::Invalid("element")),
            }
        }
        let context = context.ok_or(WireError::Invalid("no context"))?;
        Ok(Self {
            protocol_version,
            context,
            client_title,
            user_id,
            mechanism,
            authentication_value,
            user_information,
        })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::AARQ)?;
        emit_length(writer, self.contents_len())?;
        if let Some(version) = self.protocol_version {
            ber::emit(writer, specs::PROTOCOL_VERSION, version)?;
        }
        let context = self.context.identifier();
        ber::emit_nested(writer, specs::CONTEXT_NAME, ber::OBJECT_IDENTIFIER, &context)?;
        ber::emit_optional(writer, specs::CALLING_TITLE, ber::OCTET_STRING, self.client_title)?;
        if let Some(user) = self.user_id {
            ber::emit_nested(writer, specs::CALLING_USER, ber::INTEGER, ber::unsigned(user).as_slice())?;
        }
        if let Some(mechanism) = self.mechanism {
            ber::emit(writer, specs::CALLING_REQUIREMENTS, &specs::REQUIREMENTS)?;
            ber::emit(writer, specs::CALLING_MECHANISM, &mechanism.identifier())?;
        }
        ber::emit_optional(writer, specs::CALLING_VALUE, specs::CHAR_STRING, self.authentication_value)?;
        ber::emit_optional(writer, specs::USER_INFORMATION, ber::OCTET_STRING, self.user_information)
    }

    fn wire_len(&self) -> usize {
        ber::element_len(self.contents_len())
    }
}

/// The user that an integer names. Clients write numbers from 128 on in one octet as well as, with a zero before them, in two.
fn user(contents: &[u8]) -> Result<Option<u8>, WireError> {
    match ber::only(contents, ber::INTEGER)? {
        [] => Err(WireError::Invalid("integer")),
        [user] | [0, user] => Ok(Some(*user)),
        _ => Ok(None),
    }
}

impl fmt::Display for Aarq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AARQ context {} mechanism {}", self.context.0, self.mechanism.map_or(0, |m| m.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const PLAIN: &str = "601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0";
    const PASSWORD: &str = "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738\
        BE10040E01000000065F1F0400007E1F04B0";
    const GMAC: &str = "6036A1090607608574050801018A0207808B0760857405080205AC0A80084B35366956616759\
        BE10040E01000000065F1F0400007E1F04B0";
    const CIPHERED: &str = "6066A109060760857405080103A60A04084D4D4D0000BC614E8A0207808B0760857405080201\
        AC0A80083132333435363738BE34043221303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175B\
        D52211BE6841DB204D39EE6FDB8E356855";

    #[test]
    fn published_requests_are_understood_and_written_the_same() {
        for text in [PLAIN, PASSWORD, GMAC, CIPHERED] {
            let bytes = hex(text);
            assert_eq!(Aarq::from_bytes(&bytes).unwrap().to_vec(), bytes);
        }
        let bytes = hex(GMAC);
        let gmac = Aarq::from_bytes(&bytes).unwrap();
        assert_eq!(
            (gmac.mechanism, gmac.authentication_value),
            (Some(Mechanism::HIGH_GMAC), Some(&b"K56iVagY"[..]))
        );
        let bytes = hex(CIPHERED);
        let ciphered = Aarq::from_bytes(&bytes).unwrap();
        assert_eq!(ciphered.context, ApplicationContext::LOGICAL_NAMES_CIPHERED);
        assert_eq!(ciphered.client_title, Some(&hex("4D4D4D0000BC614E")[..]));
    }

    #[test]
    fn indefinite_and_lying_lengths_are_refused() {
        for text in [
            "6080A1090607608574050801010000",
            "6084FFFFFFFFA109060760857405080101",
            "600BA184FFFFFFFF0607608574",
        ] {
            assert!(Aarq::from_bytes(&hex(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn the_version_of_the_protocol_is_told_and_kept() {
        for (bits, is_1) in
            [("07 80", true), ("00 FF", true), ("07 00", false), ("06 40", false), ("00", false)]
        {
            let version = hex(bits);
            let mut contents = alloc::vec![0x80, version.len() as u8];
            contents.extend_from_slice(&version);
            contents.extend_from_slice(&hex(PLAIN)[2..]);
            let mut bytes = alloc::vec![0x60, contents.len() as u8];
            bytes.append(&mut contents);
            let aarq = Aarq::from_bytes(&bytes).unwrap();
            assert_eq!((aarq.has_version_1(), aarq.to_vec()), (is_1, bytes.clone()), "{bits}");
        }
        assert!(Aarq::from_bytes(&hex(PLAIN)).unwrap().has_version_1());
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex(CIPHERED))) {
            law::check::<Aarq<'_>>(&bytes)?;
        }
    }
}
