//! ConfirmedServiceError \[GB 9.5\]: why an initiate request, or a service of short names, failed.

use super::Pdu;
use crate::specs::{apdu_tag, confirmed_error as specs};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// ConfirmedServiceError.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmedServiceError {
    /// Which service: 1 initiate, 5 read, 6 write.
    pub service: u8,
    /// The class of the error: 0 application-reference, 1 hardware-resource, 2 vde-state-error, 3 service,
    /// 4 definition, 5 access, 6 initiate, 7 load-data-set, 9 task.
    pub class: u8,
    /// The error within its class.
    pub error: u8,
}

impl ConfirmedServiceError {
    /// Whether it is the initiate request that failed.
    pub const fn is_initiate(&self) -> bool {
        self.service == specs::INITIATE
    }
}

impl<'a> Pdu<'a> for ConfirmedServiceError {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::CONFIRMED_SERVICE_ERROR)?;
        let [service, class, error] = reader.array()?;
        Ok(Self { service, class, error })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::CONFIRMED_SERVICE_ERROR, self.service, self.class, self.error])
    }

    fn wire_len(&self) -> usize {
        4
    }
}

impl fmt::Display for ConfirmedServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "confirmed-service-error {} {} {}", self.service, self.class, self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use proptest::prelude::*;

    #[test]
    fn a_pdu_size_that_is_too_short_is_an_initiate_error() {
        let error = ConfirmedServiceError::from_bytes(&crate::specs::initiate::ERROR_PDU_SIZE).unwrap();
        assert!(error.is_initiate());
        assert_eq!((error.class, error.error), (6, 3));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&[0x0E, 1, 6, 3])) {
            law::check::<ConfirmedServiceError>(&bytes)?;
        }
    }
}
