//! ACCESS \[GB 9.3.9, 9.5\]: several operations in one exchange.

use super::lists::{Values, parse_list};
use super::{
    ActionResult, DataAccessResult, LongInvokeId, Pdu, date_time_len, emit_date_time, take_date_time,
};
use crate::axdr::{emit_length, length_len, parse_length};
use crate::cosem::{AttributeRequest, ClockTime, MethodRequest, Selector};
use crate::specs::access::{RESULT_LEN, SPECIFICATION_LEN_MIN};
use crate::specs::apdu_tag;
use crate::specs::choice::access as choice;
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// access-request-specification: one operation.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessOperation {
    /// Read an attribute, or a part of it.
    Get(AttributeRequest),
    /// Write an attribute, or a part of it.
    Set(AttributeRequest),
    /// Invoke a method.
    Action(MethodRequest),
}

impl AccessOperation {
    /// What chooses a part of the attribute, if only a part is meant.
    pub const fn selector(&self) -> Option<&Selector> {
        match self {
            Self::Get(attribute) | Self::Set(attribute) => attribute.selector.as_ref(),
            Self::Action(_) => None,
        }
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8()? {
            choice::GET => Ok(Self::Get(AttributeRequest::parse_descriptor(reader)?)),
            choice::SET => Ok(Self::Set(AttributeRequest::parse_descriptor(reader)?)),
            choice::ACTION => Ok(Self::Action(MethodRequest::parse(reader)?)),
            choice::GET_WITH_SELECTION => Ok(Self::Get(Self::selected(reader)?)),
            choice::SET_WITH_SELECTION => Ok(Self::Set(Self::selected(reader)?)),
            _ => Err(WireError::Invalid("access-request-specification")),
        }
    }

    /// No flag stands ahead of the selector: the choice says that there is one \[GB 9.5; confidence B\]. One
    /// implementation writes a flag all the same.
    fn selected(reader: &mut Reader<'_>) -> Result<AttributeRequest, WireError> {
        let attribute = AttributeRequest::parse_descriptor(reader)?;
        Ok(AttributeRequest { selector: Some(Selector::parse(reader)?), ..attribute })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        match self {
            Self::Get(attribute) => {
                emit_attribute(writer, attribute, choice::GET, choice::GET_WITH_SELECTION)
            }
            Self::Set(attribute) => {
                emit_attribute(writer, attribute, choice::SET, choice::SET_WITH_SELECTION)
            }
            Self::Action(method) => {
                writer.u8(choice::ACTION)?;
                method.emit(writer)
            }
        }
    }

    fn wire_len(&self) -> usize {
        match self {
            // The choice tells what the flag of other descriptors does.
            Self::Get(attribute) | Self::Set(attribute) => attribute.wire_len(),
            Self::Action(method) => 1 + method.wire_len(),
        }
    }
}

fn emit_attribute(
    writer: &mut Writer<'_>,
    attribute: &AttributeRequest,
    plain: u8,
    selected: u8,
) -> Result<(), WireError> {
    writer.u8(if attribute.selector.is_some() { selected } else { plain })?;
    attribute.emit_descriptor(writer)?;
    attribute.selector.as_ref().map_or(Ok(()), |selector| selector.emit(writer))
}

impl fmt::Display for AccessOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(attribute) => write!(f, "get {attribute}"),
            Self::Set(attribute) => write!(f, "set {attribute}"),
            Self::Action(method) => write!(f, "action {method}"),
        }
    }
}

/// access-request.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessRequest<'a> {
    /// Comes back in the response.
    pub invoke_id: LongInvokeId,
    /// When the client sent it, if it says so.
    pub date_time: Option<ClockTime>,
    /// What to do, in order.
    pub operations: Vec<AccessOperation>,
    /// A value for each operation: what to write, the parameter of a method, null-data otherwise.
    pub data: Values<'a>,
}

impl<'a> Pdu<'a> for AccessRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::ACCESS_REQUEST)?;
        let invoke_id = LongInvokeId(reader.u32_be()?);
        let date_time = take_date_time(reader)?;
        let operations = parse_operations(reader)?;
        let data = Values::parse(reader)?;
        if data.len() != operations.len() {
            return Err(WireError::Invalid("number of access data"));
        }
        Ok(Self { invoke_id, date_time, operations, data })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::ACCESS_REQUEST)?;
        writer.u32_be(self.invoke_id.0)?;
        emit_date_time(writer, self.date_time)?;
        emit_operations(writer, &self.operations)?;
        self.data.emit(writer)
    }

    fn wire_len(&self) -> usize {
        5 + date_time_len(self.date_time) + operations_len(&self.operations) + self.data.wire_len()
    }
}

fn parse_operations(reader: &mut Reader<'_>) -> Result<Vec<AccessOperation>, WireError> {
    parse_list(reader, SPECIFICATION_LEN_MIN, AccessOperation::parse)
}

fn emit_operations(writer: &mut Writer<'_>, operations: &[AccessOperation]) -> Result<(), WireError> {
    emit_length(writer, operations.len())?;
    operations.iter().try_for_each(|operation| operation.emit(writer))
}

fn operations_len(operations: &[AccessOperation]) -> usize {
    length_len(operations.len()) + operations.iter().map(AccessOperation::wire_len).sum::<usize>()
}

impl fmt::Display for AccessRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "access-request {}", self.invoke_id)?;
        self.operations.iter().try_for_each(|operation| write!(f, " {operation}"))
    }
}

/// access-response-specification: how one operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationResult {
    /// Of a reading.
    Get(DataAccessResult),
    /// Of a writing.
    Set(DataAccessResult),
    /// Of a method.
    Action(ActionResult),
}

impl OperationResult {
    /// Whether the operation was carried out.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Get(DataAccessResult::Success) | Self::Set(DataAccessResult::Success))
            || matches!(self, Self::Action(ActionResult::Success))
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.array()? {
            [choice::GET, code] => Ok(Self::Get(DataAccessResult::from_code(code))),
            [choice::SET, code] => Ok(Self::Set(DataAccessResult::from_code(code))),
            [choice::ACTION, code] => Ok(Self::Action(ActionResult::from_code(code))),
            _ => Err(WireError::Invalid("access-response-specification")),
        }
    }

    const fn octets(self) -> [u8; RESULT_LEN] {
        match self {
            Self::Get(result) => [choice::GET, result.code()],
            Self::Set(result) => [choice::SET, result.code()],
            Self::Action(result) => [choice::ACTION, result.code()],
        }
    }
}

impl fmt::Display for OperationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(result) => write!(f, "get {result}"),
            Self::Set(result) => write!(f, "set {result}"),
            Self::Action(result) => write!(f, "action {result}"),
        }
    }
}

/// access-response.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessResponse<'a> {
    /// Of the request.
    pub invoke_id: LongInvokeId,
    /// When the server answered, if it says so.
    pub date_time: Option<ClockTime>,
    /// What was asked, if the server repeats it.
    pub operations: Option<Vec<AccessOperation>>,
    /// A value for each operation: what was read or returned, null-data otherwise.
    pub data: Values<'a>,
    /// How each operation went.
    pub results: Vec<OperationResult>,
}

impl<'a> Pdu<'a> for AccessResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::ACCESS_RESPONSE)?;
        let invoke_id = LongInvokeId(reader.u32_be()?);
        let date_time = take_date_time(reader)?;
        let operations = match reader.u8()? {
            0 => None,
            _ => Some(parse_operations(reader)?),
        };
        let data = Values::parse(reader)?;
        let count = parse_length(reader)?;
        if count != data.len() || operations.as_ref().is_some_and(|asked| asked.len() != count) {
            return Err(WireError::Invalid("number of access results"));
        }
        let results = (0..count).map(|_| OperationResult::parse(reader)).collect::<Result<_, _>>()?;
        Ok(Self { invoke_id, date_time, operations, data, results })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::ACCESS_RESPONSE)?;
        writer.u32_be(self.invoke_id.0)?;
        emit_date_time(writer, self.date_time)?;
        writer.u8(u8::from(self.operations.is_some()))?;
        if let Some(operations) = &self.operations {
            emit_operations(writer, operations)?;
        }
        self.data.emit(writer)?;
        emit_length(writer, self.results.len())?;
        self.results.iter().try_for_each(|result| writer.bytes(&result.octets()))
    }

    fn wire_len(&self) -> usize {
        let operations = self.operations.as_deref().map_or(0, operations_len);
        let results = length_len(self.results.len()) + self.results.len() * RESULT_LEN;
        6 + date_time_len(self.date_time) + operations + self.data.wire_len() + results
    }
}

impl fmt::Display for AccessResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "access-response {}", self.invoke_id)?;
        self.results.iter().try_for_each(|result| write!(f, " {result}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    /// The sample that goes round with the books: one reading and three writings.
    const PUBLISHED: &str = "D94000000000040100010000600100FF020100080000010000FF0202001400000D0000FF0702001400000D0000FF0804000001040203090100090CFFFFFFFFFFFFFF00000000000901FF0203090101090CFFFFFFFFFFFFFF00000000000901FF0203090102090CFFFFFFFFFFFFFF00000000000901FF0203090103090CFFFFFFFFFFFFFF00000000000901FF0104020809010011FF11FF11FF11FF11FF11FF11FF02080901011102110111021101110111021101020809010211FF11FF11FF11FF11FF11FF11FF02080901031101110211021102110211021102";
    const SELECTED: &str = "D920000005 00 02 04 0007 0100630100FF 02 02 0204 0600000001 0600000002 120001 120000 \
        03 00460000600310FF01 02 00 0F00";
    const RESPONSE: &str = "DA40000000 0C07EA0B160705110700000000 00 02 1105 00 02 0100 0203";

    #[test]
    fn the_published_request_is_understood_and_written_the_same() {
        let bytes = hex(PUBLISHED);
        let request = AccessRequest::from_bytes(&bytes).unwrap();
        assert_eq!((request.operations.len(), request.data.len()), (4, 4));
        assert!(
            matches!(&request.operations[3], AccessOperation::Set(a) if a.class_id == 20 && a.attribute == 8)
        );
        assert!(request.invoke_id.is_confirmed() && !request.invoke_id.breaks_on_error());
        assert_eq!(request.to_vec(), bytes);
    }

    #[test]
    fn selectors_methods_and_responses_are_understood_and_written_the_same() {
        let selected = hex(SELECTED);
        let request = AccessRequest::from_bytes(&selected).unwrap();
        assert!(matches!(&request.operations[0], AccessOperation::Get(a) if a.selector.is_some()));
        assert!(request.invoke_id.breaks_on_error());
        assert_eq!(request.to_vec(), selected);
        let bytes = hex(RESPONSE);
        let response = AccessResponse::from_bytes(&bytes).unwrap();
        let denied = OperationResult::Set(DataAccessResult::ReadWriteDenied);
        assert_eq!(response.results, [OperationResult::Get(DataAccessResult::Success), denied]);
        assert_eq!(response.to_vec(), bytes);
    }

    #[test]
    fn there_is_one_value_for_each_operation_and_one_result() {
        let one_short = "D940000000 00 02 01 00010000600100FF02 01 00010000600101FF02 01 00";
        assert_eq!(
            AccessRequest::from_bytes(&hex(one_short)),
            Err(WireError::Invalid("number of access data"))
        );
        let one_short = "DA40000000 00 00 02 1105 00 01 0100";
        assert!(AccessResponse::from_bytes(&hex(one_short)).is_err());
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            published in law::near(&hex(PUBLISHED)),
            selected in law::near(&hex(SELECTED)),
            response in law::near(&hex(RESPONSE)),
        ) {
            law::check::<AccessRequest<'_>>(&published)?;
            law::check::<AccessRequest<'_>>(&selected)?;
            law::check::<AccessResponse<'_>>(&response)?;
        }
    }
}
