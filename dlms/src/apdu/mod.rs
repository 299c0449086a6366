//! The APDUs of COSEM: one type per PDU.

mod exception;
mod result;

pub use exception::{ExceptionResponse, ServiceError};
pub use result::{ActionResult, AssociationResult, DataAccessResult, Diagnostic, StateError};

use alloc::vec::Vec;
use plc_core::wire::{Reader, WireError, Writer};

/// A PDU: read from a cursor, written to a cursor.
pub trait Pdu<'a>: Sized {
    /// Takes the PDU from the front.
    ///
    /// # Errors
    /// Bytes that are no such PDU.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError>;

    /// Writes the PDU.
    ///
    /// # Errors
    /// No room.
    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError>;

    /// Octets that `emit` writes.
    fn wire_len(&self) -> usize;

    /// The PDU that fills all of `bytes`.
    ///
    /// # Errors
    /// As [`Pdu::parse`], and for trailing bytes.
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let pdu = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(pdu)
    }

    /// The PDU as octets.
    fn to_vec(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0; self.wire_len()];
        let mut writer = Writer::new(&mut bytes);
        self.emit(&mut writer).expect("wire_len is what emit writes");
        debug_assert_eq!(writer.len(), self.wire_len(), "wire_len is what emit writes");
        bytes
    }
}

pub(crate) fn expect_tag(reader: &mut Reader<'_>, tag: u8) -> Result<(), WireError> {
    if reader.u8()? == tag { Ok(()) } else { Err(WireError::Invalid("tag")) }
}

/// The laws of every PDU, for property tests.
#[cfg(test)]
pub(crate) mod law {
    use super::*;
    use core::fmt::{Debug, Display};
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    /// Bytes that are random, or a valid PDU with some octets changed, cut or appended.
    pub(crate) fn near(valid: &[u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
        let valid = valid.to_vec();
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
        let mutated = (changes, any::<Option<prop::sample::Index>>()).prop_map(move |(changes, cut)| {
            let mut bytes = valid.clone();
            changes.into_iter().for_each(|(at, octet)| {
                let at = at.index(bytes.len());
                bytes[at] = octet;
            });
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1)));
            bytes
        });
        prop_oneof![prop::collection::vec(any::<u8>(), 0..80), mutated]
    }

    /// What parses is shown, emitted in the length that it says, and parsed again to the same.
    pub(crate) fn check<'a, P>(bytes: &'a [u8]) -> Result<(), TestCaseError>
    where
        P: Pdu<'a> + PartialEq + Debug + Display,
    {
        let Ok(pdu) = P::from_bytes(bytes) else { return Ok(()) };
        let text = alloc::format!("{pdu}");
        prop_assert!(!text.is_empty());
        let emitted: &'a [u8] = pdu.to_vec().leak();
        prop_assert_eq!(emitted.len(), pdu.wire_len());
        let again = P::from_bytes(emitted);
        prop_assert_eq!(again, Ok(pdu));
        Ok(())
    }
}
