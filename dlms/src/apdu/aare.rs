//! AARE: the server answers a request for an association.

use super::names::{ApplicationContext, Mechanism};
use super::{AssociationResult, Diagnostic, Pdu, ber};
use crate::axdr::emit_length;
use crate::specs::{apdu_tag, association as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// AARE \[GB 9.4.2\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aare<'a> {
    /// application-context-name.
    pub context: ApplicationContext,
    /// Whether the association was accepted.
    pub result: AssociationResult,
    /// Why not, or what is still to be done.
    pub diagnostic: Diagnostic,
    /// Whether the diagnostic is that of the service provider rather than of its user.
    pub from_provider: bool,
    /// responding-AP-title: the system title of the server.
    pub server_title: Option<&'a [u8]>,
    /// mechanism-name.
    pub mechanism: Option<Mechanism>,
    /// responding-authentication-value: the challenge of the server.
    pub authentication_value: Option<&'a [u8]>,
    /// user-information: the initiate-response, ciphered or not, or an error.
    pub user_information: Option<&'a [u8]>,
}

impl Aare<'_> {
    fn contents_len(&self) -> usize {
        let mechanism = self.mechanism.map_or(0, |_| specs::REQUIREMENTS_LEN + ber::element_len(7));
        ber::nested_len(7)
            + ber::nested_len(1)
            + ber::element_len(ber::nested_len(1))
            + ber::optional_nested_len(self.server_title)
            + mechanism
            + ber::optional_nested_len(self.authentication_value)
            + ber::optional_nested_len(self.user_information)
    }

    const fn source_tag(&self) -> u8 {
        if self.from_provider { specs::SOURCE_PROVIDER } else { specs::SOURCE_USER }
    }
}

impl<'a> Pdu<'a> for Aare<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let (tag, contents) = ber::element(reader)?;
        if tag != apdu_tag::AARE {
            return Err(WireError::Invalid("tag"));
        }
        let mut fields = Reader::new(contents);
        let (mut context, mut result, mut source) = (None, None, None);
        let (mut server_title, mut mechanism, mut authentication_value, mut user_information) =
            (None, None, None, None);
        while !fields.is_empty() {
            let (tag, contents) = ber::element(&mut fields)?;
            match tag {
                specs::CONTEXT_NAME => {
                    let identifier = ber::only(contents, ber::OBJECT_IDENTIFIER)?;
                    context = Some(ApplicationContext::from_identifier(identifier)?);
                }
                specs::RESULT => result = Some(AssociationResult::from_code(ber::only_integer(contents)?)),
                specs::RESULT_SOURCE => source = Some(parse_source(contents)?),
                specs::RESPONDING_TITLE => server_title = Some(ber::only(contents, ber::OCTET_STRING)?),
                specs::RESPONDING_MECHANISM => mechanism = Some(Mechanism::from_identifier(contents)?),
                specs::RESPONDING_VALUE => {
                    authentication_value = Some(ber::only(contents, specs::CHAR_STRING)?)
                }
                specs::USER_INFORMATION => user_information = Some(ber::only(contents, ber::OCTET_STRING)?),
                // Version, requirements, responding names, implementation: nothing depends on them.
                specs::PROTOCOL_VERSION | specs::RESPONDING_REQUIREMENTS | specs::IMPLEMENTATION => {}
                specs::RESPONDING_REST_FIRST..=specs::RESPONDING_REST_LAST => {}
                _ => return Err(WireError::Invalid("element")),
            }
        }
        let context = context.ok_or(WireError::Invalid("no context"))?;
        let result = result.ok_or(WireError::Invalid("no result"))?;
        let (from_provider, diagnostic) = source.ok_or(WireError::Invalid("no diagnostic"))?;
        Ok(Self {
            context,
            result,
            diagnostic,
            from_provider,
            server_title,
            mechanism,
            authentication_value,
            user_information,
        })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::AARE)?;
        emit_length(writer, self.contents_len())?;
        let context = self.context.identifier();
        ber::emit_nested(writer, specs::CONTEXT_NAME, ber::OBJECT_IDENTIFIER, &context)?;
        ber::emit_nested(writer, specs::RESULT, ber::INTEGER, &[self.result.code()])?;
        writer.bytes(&[specs::RESULT_SOURCE, ber::nested_len(1) as u8])?;
        ber::emit_nested(writer, self.source_tag(), ber::INTEGER, &[self.diagnostic.code()])?;
        ber::emit_optional(writer, specs::RESPONDING_TITLE, ber::OCTET_STRING, self.server_title)?;
        if let Some(mechanism) = self.mechanism {
            ber::emit(writer, specs::RESPONDING_REQUIREMENTS, &specs::REQUIREMENTS)?;
            ber::emit(writer, specs::RESPONDING_MECHANISM, &mechanism.identifier())?;
        }
        ber::emit_optional(writer, specs::RESPONDING_VALUE, specs::CHAR_STRING, self.authentication_value)?;
        ber::emit_optional(writer, specs::USER_INFORMATION, ber::OCTET_STRING, self.user_information)
    }

    fn wire_len(&self) -> usize {
        ber::element_len(self.contents_len())
    }
}

fn parse_source(contents: &[u8]) -> Result<(bool, Diagnostic), WireError> {
    let mut reader = Reader::new(contents);
    let (tag, inner) = ber::element(&mut reader)?;
    reader.finish()?;
    let diagnostic = Diagnostic::from_code(ber::only_integer(inner)?);
    match tag {
        specs::SOURCE_USER => Ok((false, diagnostic)),
        specs::SOURCE_PROVIDER => Ok((true, diagnostic)),
        _ => Err(WireError::Invalid("diagnostic")),
    }
}

impl fmt::Display for Aare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AARE context {} {} {}", self.context.0, self.result, self.diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const ACCEPTED: &str =
        "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007";
    const CIPHERED: &str = "6169a109060760857405080103a203020100a305a10302010ea40a04084142434445464748\
        88020780890760857405080205aa128010d0e8f4fafd7ebf5f2f170b0502018040be230421281f30000034fca84e1bd16a\
        4e5ae0d36f6e4b448f5a7f77acb2d7b767879de7ef";

    #[test]
    fn published_and_captured_answers_are_understood_and_written_the_same() {
        for text in [ACCEPTED, CIPHERED] {
            let bytes = hex(text);
            assert_eq!(Aare::from_bytes(&bytes).unwrap().to_vec(), bytes);
        }
        let bytes = hex(CIPHERED);
        let aare = Aare::from_bytes(&bytes).unwrap();
        assert_eq!(aare.diagnostic, Diagnostic::AuthenticationRequired);
        assert_eq!(aare.server_title, Some(&b"ABCDEFGH"[..]));
        assert_eq!(aare.authentication_value.map(<[u8]>::len), Some(16));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex(CIPHERED))) {
            law::check::<Aare<'_>>(&bytes)?;
        }
    }
}
