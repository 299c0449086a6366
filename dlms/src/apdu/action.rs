//! ACTION \[GB 9.3.8, 9.5\]: the normal forms.

use super::{ActionResult, DataAccessResult, InvokeId, Pdu, take_value};
use crate::cosem::MethodRequest;
use crate::specs::{apdu_tag, choice};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// action-request-normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRequest<'a> {
    /// Comes back in the response.
    pub invoke_id: InvokeId,
    /// What to invoke.
    pub method: MethodRequest,
    /// One whole encoded value.
    pub parameter: Option<&'a [u8]>,
}

impl<'a> Pdu<'a> for ActionRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_choice(reader, apdu_tag::ACTION_REQUEST, choice::NORMAL)?;
        let invoke_id = InvokeId(reader.u8()?);
        let method = MethodRequest::parse(reader)?;
        let parameter = match reader.u8()? {
            0 => None,
            _ => Some(take_value(reader)?),
        };
        Ok(Self { invoke_id, method, parameter })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::ACTION_REQUEST, choice::NORMAL, self.invoke_id.0])?;
        self.method.emit(writer)?;
        writer.u8(u8::from(self.parameter.is_some()))?;
        writer.bytes(self.parameter.unwrap_or_default())
    }

    fn wire_len(&self) -> usize {
        4 + self.method.wire_len() + self.parameter.map_or(0, <[u8]>::len)
    }
}

impl fmt::Display for ActionRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "action-request {} {}", self.invoke_id, self.method)
    }
}

/// action-response-normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionResponse<'a> {
    /// Of the request.
    pub invoke_id: InvokeId,
    /// How it went.
    pub result: ActionResult,
    /// What the method returned: one whole encoded value, or why there is none.
    pub returned: Option<Result<&'a [u8], DataAccessResult>>,
}

impl<'a> Pdu<'a> for ActionResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_choice(reader, apdu_tag::ACTION_RESPONSE, choice::NORMAL)?;
        let invoke_id = InvokeId(reader.u8()?);
        let (result, returned) = parse_outcome(reader)?;
        Ok(Self { invoke_id, result, returned })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::ACTION_RESPONSE, choice::NORMAL, self.invoke_id.0])?;
        emit_outcome(writer, self.result, self.returned)
    }

    fn wire_len(&self) -> usize {
        3 + outcome_len(self.returned)
    }
}

/// What a method returned: one whole encoded value, or why there is none.
pub type Returned<'a> = Option<Result<&'a [u8], DataAccessResult>>;

/// Takes an Action-Response-With-Optional-Data.
pub(super) fn parse_outcome<'a>(reader: &mut Reader<'a>) -> Result<(ActionResult, Returned<'a>), WireError> {
    let result = ActionResult::from_code(reader.u8()?);
    let returned = match reader.u8()? {
        0 => None,
        _ => Some(parse_returned(reader)?),
    };
    Ok((result, returned))
}

/// Writes an Action-Response-With-Optional-Data.
fn emit_outcome(
    writer: &mut Writer<'_>,
    result: ActionResult,
    returned: Returned<'_>,
) -> Result<(), WireError> {
    writer.u8(result.code())?;
    match returned {
        None => writer.u8(0),
        Some(Ok(value)) => {
            writer.bytes(&[1, 0])?;
            writer.bytes(value)
        }
        Some(Err(result)) => writer.bytes(&[1, 1, result.code()]),
    }
}

/// Octets of an Action-Response-With-Optional-Data.
fn outcome_len(returned: Returned<'_>) -> usize {
    2 + returned.map_or(0, |returned| 1 + returned.map_or(1, <[u8]>::len))
}

fn parse_returned<'a>(reader: &mut Reader<'a>) -> Result<Result<&'a [u8], DataAccessResult>, WireError> {
    match reader.u8()? {
        0 => take_value(reader).map(Ok),
        1 => Ok(Err(DataAccessResult::from_code(reader.u8()?))),
        _ => Err(WireError::Invalid("result")),
    }
}

impl fmt::Display for ActionResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "action-response {} {}", self.invoke_id, self.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const REQUEST: &str = "C301C1000F0000280000FF0101091110012345677D52391C407E3A45210F000E";
    const RESPONSE: &str = "C701C10001000911101A9190BC0A587217BCD2BCD4FDDB7143";

    #[test]
    fn an_hls_exchange_from_the_field_is_understood_and_written_the_same() {
        let (request, response) = (hex(REQUEST), hex(RESPONSE));
        let parsed = ActionRequest::from_bytes(&request).unwrap();
        assert_eq!((parsed.method.class_id, parsed.method.method), (15, 1));
        assert_eq!(parsed.to_vec(), request);
        let parsed = ActionResponse::from_bytes(&response).unwrap();
        assert_eq!(parsed.returned, Some(Ok(&response[6..])));
        assert_eq!(parsed.to_vec(), response);
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(request in law::near(&hex(REQUEST)), response in law::near(&hex(RESPONSE))) {
            law::check::<ActionRequest<'_>>(&request)?;
            law::check::<ActionResponse<'_>>(&response)?;
        }
    }
}
