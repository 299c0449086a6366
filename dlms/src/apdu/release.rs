//! RLRQ and RLRE: the end of an association.

use super::{Pdu, ber};
use crate::axdr::emit_length;
use crate::specs::{apdu_tag, association as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

macro_rules! release {
    ($(#[$doc:meta])* $name:ident, $tag:expr, $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name<'a> {
            /// reason; 0 is normal.
            pub reason: Option<u8>,
            /// user-information: in a ciphered context a ciphered initiate PDU, which proves the sender.
            pub user_information: Option<&'a [u8]>,
        }

        impl<'a> Pdu<'a> for $name<'a> {
            fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
                let (reason, user_information) = parse_release(reader, $tag)?;
                Ok(Self { reason, user_information })
            }

            fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
                writer.u8($tag)?;
                emit_length(writer, contents_len(self.reason, self.user_information))?;
                if let Some(reason) = self.reason {
                    ber::emit(writer, specs::RELEASE_REASON, &[reason])?;
                }
                ber::emit_optional(writer, specs::USER_INFORMATION, ber::OCTET_STRING, self.user_information)
            }

            fn wire_len(&self) -> usize {
                ber::element_len(contents_len(self.reason, self.user_information))
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} reason {:?}", $label, self.reason)
            }
        }
    };
}

release! {
    /// RLRQ \[GB 9.4.3\].
    Rlrq, apdu_tag::RLRQ, "RLRQ"
}
release! {
    /// RLRE \[GB 9.4.3\].
    Rlre, apdu_tag::RLRE, "RLRE"
}

type Fields<'a> = (Option<u8>, Option<&'a [u8]>);

fn parse_release<'a>(reader: &mut Reader<'a>, expected: u8) -> Result<Fields<'a>, WireError> {
    let (tag, contents) = ber::element(reader)?;
    if tag != expected {
        return Err(WireError::Invalid("tag"));
    }
    let mut fields = Reader::new(contents);
    let (mut reason, mut user_information) = (None, None);
    while !fields.is_empty() {
        match ber::element(&mut fields)? {
            (specs::RELEASE_REASON, [octet]) => reason = Some(*octet),
            (specs::USER_INFORMATION, contents) => {
                user_information = Some(ber::only(contents, ber::OCTET_STRING)?);
            }
            _ => return Err(WireError::Invalid("element")),
        }
    }
    Ok((reason, user_information))
}

fn contents_len(reason: Option<u8>, user_information: Option<&[u8]>) -> usize {
    reason.map_or(0, |_| ber::element_len(1)) + ber::optional_nested_len(user_information)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn a_plain_release_has_three_octets_of_contents() {
        assert_eq!(Rlrq { reason: Some(0), user_information: None }.to_vec(), hex("6203800100"));
        assert_eq!(Rlre::from_bytes(&hex("6300")), Ok(Rlre::default()));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex("620c800100be070405210301020304"))) {
            law::check::<Rlrq<'_>>(&bytes)?;
            law::check::<Rlre<'_>>(&bytes)?;
        }
    }
}
