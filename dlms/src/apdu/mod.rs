//! The APDUs of COSEM: one type per PDU.

mod aare;
mod aarq;
mod access;
mod action;
mod actions;
mod ber;
mod ciphered;
mod confirmed_error;
mod data_block;
mod exception;
mod general;
mod general_block;
mod get;
mod initiate;
mod kind;
mod lists;
mod names;
mod notification;
mod release;
mod result;
mod results;
mod set;

pub use aare::Aare;
pub use aarq::Aarq;
pub use access::{AccessOperation, AccessRequest, AccessResponse, OperationResult};
pub use action::{ActionRequest, ActionResponse, Returned};
pub use actions::{ActionOutcomes, AnyActionRequest, AnyActionResponse};
pub use ciphered::{
    Ciphered, Envelope, ded_tag, glo_tag, is_ciphered, is_general, is_never_answered, may_be_inside,
    plain_tag,
};
pub use confirmed_error::ConfirmedServiceError;
pub use data_block::DataBlock;
pub use exception::{ExceptionResponse, ServiceError};
pub use general::{GeneralCiphering, GeneralHeader, GeneralSigning, KeyInfo};
pub use general_block::GeneralBlockTransfer;
pub use get::{GetRequest, GetResponse};
pub use initiate::{Conformance, InitiateRequest, InitiateResponse};
pub use kind::ApduKind;
pub use lists::{AccessResults, Values};
pub use names::{ApplicationContext, Mechanism};
pub use notification::{DataNotification, DataNotificationConfirm, EventNotification};
pub use release::{Rlre, Rlrq};
pub use result::{ActionResult, AssociationResult, DataAccessResult, Diagnostic, StateError};
pub use results::GetResults;
pub use set::{SetRequest, SetResponse};

use crate::axdr::{Data, parse_length};
use crate::cosem::ClockTime;
pub(crate) use actions::joined_outcome;
pub(crate) use lists::counted;

use crate::specs::{invoke_id, long_invoke_id};
use alloc::vec::Vec;
use core::fmt;
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
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// The same into `bytes`, in the place of what is there.
    fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.resize(self.wire_len(), 0);
        let mut writer = Writer::new(bytes);
        self.emit(&mut writer).expect("wire_len is what emit writes");
        debug_assert_eq!(writer.len(), self.wire_len(), "wire_len is what emit writes");
    }
}

/// invoke-id-and-priority: the number of the request in the low four bits, flags above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvokeId(pub u8);

impl InvokeId {
    /// A confirmed request of normal priority.
    pub const fn confirmed(number: u8) -> Self {
        Self(invoke_id::CONFIRMED | number & invoke_id::NUMBER)
    }

    /// Whether an answer is wanted.
    pub const fn is_confirmed(self) -> bool {
        self.0 & invoke_id::CONFIRMED != 0
    }

    /// The number, 0..=15.
    pub const fn number(self) -> u8 {
        self.0 & invoke_id::NUMBER
    }
}

impl fmt::Display for InvokeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number())
    }
}

/// long-invoke-id-and-priority: the number of the request in the low 24 bits, flags above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongInvokeId(pub u32);

impl LongInvokeId {
    /// A confirmed request of normal priority.
    pub const fn confirmed(number: u32) -> Self {
        Self(long_invoke_id::CONFIRMED | number & long_invoke_id::NUMBER)
    }

    /// A request that wants no answer.
    pub const fn unconfirmed(number: u32) -> Self {
        Self(number & long_invoke_id::NUMBER)
    }

    /// The number, 24 bits.
    pub const fn number(self) -> u32 {
        self.0 & long_invoke_id::NUMBER
    }

    /// Whether an answer is wanted.
    pub const fn is_confirmed(self) -> bool {
        self.0 & long_invoke_id::CONFIRMED != 0
    }

    /// Whether the first operation that fails ends the request.
    pub const fn breaks_on_error(self) -> bool {
        self.0 & long_invoke_id::BREAK_ON_ERROR != 0
    }
}

impl fmt::Display for LongInvokeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number())
    }
}

pub(crate) fn expect_tag(reader: &mut Reader<'_>, tag: u8) -> Result<(), WireError> {
    if reader.u8()? == tag { Ok(()) } else { Err(WireError::Invalid("tag")) }
}

pub(crate) fn expect_choice(reader: &mut Reader<'_>, tag: u8, choice: u8) -> Result<(), WireError> {
    expect_tag(reader, tag)?;
    if reader.u8()? == choice { Ok(()) } else { Err(WireError::Invalid("choice")) }
}

/// Takes the octets of one whole, checked value.
fn take_value<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let mut ahead = *reader;
    Data::parse(&mut ahead)?;
    reader.bytes(reader.remaining() - ahead.remaining())
}

/// Takes octets behind their length.
fn take_octets<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let len = parse_length(reader)?;
    reader.bytes(len)
}

/// Takes a date-time behind its length; none has length 0.
fn take_date_time(reader: &mut Reader<'_>) -> Result<Option<ClockTime>, WireError> {
    match take_octets(reader)? {
        [] => Ok(None),
        octets => {
            let octets = octets.try_into().map_err(|_| WireError::Invalid("date-time"))?;
            Ok(Some(ClockTime::from_octets(octets)))
        }
    }
}

fn emit_date_time(writer: &mut Writer<'_>, time: Option<ClockTime>) -> Result<(), WireError> {
    match time {
        None => writer.u8(0),
        Some(time) => {
            writer.u8(DATE_TIME_LEN)?;
            writer.bytes(&time.octets())
        }
    }
}

const fn date_time_len(time: Option<ClockTime>) -> usize {
    if time.is_some() { 1 + DATE_TIME_LEN as usize } else { 1 }
}

const DATE_TIME_LEN: u8 = 12;

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
