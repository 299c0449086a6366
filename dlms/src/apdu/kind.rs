//! What an APDU is, by its tag.

use crate::specs::apdu_tag;
use core::fmt;

/// The tag of an APDU; prints as the standard's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApduKind(pub u8);

impl ApduKind {
    /// The standard's name; `None` for a tag that this crate does not know \[GB 9.5\].
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            apdu_tag::CONFIRMED_SERVICE_ERROR => "confirmedServiceError",
            apdu_tag::DATA_NOTIFICATION => "data-notification",
            apdu_tag::DATA_NOTIFICATION_CONFIRM => "data-notification-confirm",
            apdu_tag::AARQ => "AARQ",
            apdu_tag::AARE => "AARE",
            apdu_tag::RLRQ => "RLRQ",
            apdu_tag::RLRE => "RLRE",
            apdu_tag::GET_REQUEST => "get-request",
            apdu_tag::SET_REQUEST => "set-request",
            apdu_tag::EVENT_NOTIFICATION_REQUEST => "event-notification-request",
            apdu_tag::ACTION_REQUEST => "action-request",
            apdu_tag::GET_RESPONSE => "get-response",
            apdu_tag::SET_RESPONSE => "set-response",
            apdu_tag::ACTION_RESPONSE => "action-response",
            apdu_tag::GLO_GET_RESPONSE => "glo-get-response",
            apdu_tag::GLO_SET_RESPONSE => "glo-set-response",
            apdu_tag::GLO_ACTION_RESPONSE => "glo-action-response",
            apdu_tag::DED_GET_RESPONSE => "ded-get-response",
            apdu_tag::DED_SET_RESPONSE => "ded-set-response",
            apdu_tag::DED_ACTION_RESPONSE => "ded-action-response",
            apdu_tag::EXCEPTION_RESPONSE => "exception-response",
            apdu_tag::ACCESS_REQUEST => "access-request",
            apdu_tag::ACCESS_RESPONSE => "access-response",
            apdu_tag::GENERAL_GLO => "general-glo-ciphering",
            apdu_tag::GENERAL_DED => "general-ded-ciphering",
            apdu_tag::GENERAL_CIPHERING => "general-ciphering",
            apdu_tag::GENERAL_SIGNING => "general-signing",
            apdu_tag::GENERAL_BLOCK_TRANSFER => "general-block-transfer",
            _ => return None,
        })
    }
}

impl fmt::Display for ApduKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "APDU with unknown tag {:#04X}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_known_tag_prints_as_its_name_and_another_as_its_number() {
        assert_eq!(ApduKind(apdu_tag::SET_RESPONSE).to_string(), "set-response");
        assert_eq!(ApduKind(0x99).to_string(), "APDU with unknown tag 0x99");
    }
}
