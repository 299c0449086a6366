//! SET \[GB 9.3.7, 9.5\], of values that fit one APDU.

use super::{DataAccessResult, InvokeId, Pdu, take_value};
use crate::cosem::AttributeRequest;
use crate::specs::{apdu_tag, choice};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// set-request-normal.
#[derive(Clone, Debug, PartialEq)]
pub struct SetRequest<'a> {
    /// Comes back in the response.
    pub invoke_id: InvokeId,
    /// What to write.
    pub attribute: AttributeRequest,
    /// One whole encoded value.
    pub value: &'a [u8],
}

impl<'a> Pdu<'a> for SetRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_choice(reader, apdu_tag::SET_REQUEST, choice::NORMAL)?;
        let invoke_id = InvokeId(reader.u8()?);
        let attribute = AttributeRequest::parse(reader)?;
        Ok(Self { invoke_id, attribute, value: take_value(reader)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::SET_REQUEST, choice::NORMAL, self.invoke_id.0])?;
        self.attribute.emit(writer)?;
        writer.bytes(self.value)
    }

    fn wire_len(&self) -> usize {
        3 + self.attribute.wire_len() + self.value.len()
    }
}

impl fmt::Display for SetRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set-request {} {} {} octets", self.invoke_id, self.attribute, self.value.len())
    }
}

/// set-response-normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetResponse {
    /// Of the request.
    pub invoke_id: InvokeId,
    /// How it went.
    pub result: DataAccessResult,
}

impl<'a> Pdu<'a> for SetResponse {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_choice(reader, apdu_tag::SET_RESPONSE, choice::NORMAL)?;
        let invoke_id = InvokeId(reader.u8()?);
        Ok(Self { invoke_id, result: DataAccessResult::from_code(reader.u8()?) })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::SET_RESPONSE, choice::NORMAL, self.invoke_id.0, self.result.code()])
    }

    fn wire_len(&self) -> usize {
        4
    }
}

impl fmt::Display for SetResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set-response {} {}", self.invoke_id, self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            request in law::near(&hex("C101C100010000600100FF02000904DEADBEEF")),
            response in law::near(&hex("C501C100")),
        ) {
            law::check::<SetRequest<'_>>(&request)?;
            law::check::<SetResponse>(&response)?;
        }
    }
}
