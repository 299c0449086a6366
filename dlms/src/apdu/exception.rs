//! exception-response \[GB 9.5\].

use super::{Pdu, StateError};
use crate::specs::{apdu_tag, service_error as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// Why a service was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// operation-not-possible 1.
    OperationNotPossible,
    /// service-not-supported 2.
    ServiceNotSupported,
    /// other-reason 3.
    OtherReason,
    /// pdu-too-long 4.
    PduTooLong,
    /// deciphering-error 5.
    DecipheringError,
    /// invocation-counter-error 6, with the lowest counter that would be accepted.
    InvocationCounter(u32),
    /// A code that the standard does not name.
    Other(u8),
}

/// exception-response: the APDU itself could not be dealt with. Never protected, so never to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceptionResponse {
    /// Whether the service was refused or unknown.
    pub state: StateError,
    /// Why.
    pub service: ServiceError,
}

impl<'a> Pdu<'a> for ExceptionResponse {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::EXCEPTION_RESPONSE)?;
        let state = StateError::from_code(reader.u8()?);
        let service = match reader.u8()? {
            specs::OPERATION_NOT_POSSIBLE => ServiceError::OperationNotPossible,
            specs::SERVICE_NOT_SUPPORTED => ServiceError::ServiceNotSupported,
            specs::OTHER_REASON => ServiceError::OtherReason,
            specs::PDU_TOO_LONG => ServiceError::PduTooLong,
            specs::DECIPHERING_ERROR => ServiceError::DecipheringError,
            specs::INVOCATION_COUNTER_ERROR => ServiceError::InvocationCounter(reader.u32_be()?),
            other => ServiceError::Other(other),
        };
        Ok(Self { state, service })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::EXCEPTION_RESPONSE, self.state.code()])?;
        match self.service {
            ServiceError::OperationNotPossible => writer.u8(specs::OPERATION_NOT_POSSIBLE),
            ServiceError::ServiceNotSupported => writer.u8(specs::SERVICE_NOT_SUPPORTED),
            ServiceError::OtherReason => writer.u8(specs::OTHER_REASON),
            ServiceError::PduTooLong => writer.u8(specs::PDU_TOO_LONG),
            ServiceError::DecipheringError => writer.u8(specs::DECIPHERING_ERROR),
            ServiceError::InvocationCounter(expected) => {
                writer.u8(specs::INVOCATION_COUNTER_ERROR)?;
                writer.u32_be(expected)
            }
            ServiceError::Other(other) => writer.u8(other),
        }
    }

    fn wire_len(&self) -> usize {
        3 + if matches!(self.service, ServiceError::InvocationCounter(_)) { 4 } else { 0 }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OperationNotPossible => "operation-not-possible",
            Self::ServiceNotSupported => "service-not-supported",
            Self::OtherReason => "other-reason",
            Self::PduTooLong => "pdu-too-long",
            Self::DecipheringError => "deciphering-error",
            Self::InvocationCounter(expected) => {
                return write!(f, "invocation-counter-error, expected {expected}");
            }
            Self::Other(code) => return write!(f, "{code}"),
        })
    }
}

impl fmt::Display for ExceptionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception-response {} {}", self.state, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn the_published_exceptions_are_understood() {
        let unknown = ExceptionResponse::from_bytes(&[0xD8, 0x02, 0x04]).unwrap();
        assert_eq!((unknown.state, unknown.service), (StateError::ServiceUnknown, ServiceError::PduTooLong));
        let counter = hex("d80106000186a3");
        let counter = ExceptionResponse::from_bytes(&counter).unwrap();
        assert_eq!(counter.service, ServiceError::InvocationCounter(0x0001_86A3));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&[0xD8, 1, 6, 0, 0, 0, 1])) {
            law::check::<ExceptionResponse>(&bytes)?;
        }
    }
}
