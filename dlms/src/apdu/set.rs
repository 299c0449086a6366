//! SET \[GB 9.3.7, 9.5\].

use super::lists::{AccessResults, Values, attributes_len, emit_attributes, parse_attributes};
use super::{DataAccessResult, DataBlock, InvokeId, Pdu, take_value};
use crate::cosem::AttributeRequest;
use crate::specs::apdu_tag;
use crate::specs::choice::{set_request, set_response};
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// set-request.
#[derive(Clone, Debug, PartialEq)]
pub enum SetRequest<'a> {
    /// set-request-normal: one attribute.
    Normal {
        /// Comes back in the response.
        invoke_id: InvokeId,
        /// What to write.
        attribute: AttributeRequest,
        /// One whole encoded value.
        value: &'a [u8],
    },
    /// set-request-with-first-datablock: one attribute whose value comes in blocks.
    WithFirstDataBlock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// What to write.
        attribute: AttributeRequest,
        /// The first piece of the value.
        block: DataBlock<'a>,
    },
    /// set-request-with-datablock: a further piece.
    WithDataBlock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The piece.
        block: DataBlock<'a>,
    },
    /// set-request-with-list: several attributes.
    WithList {
        /// Comes back in the response.
        invoke_id: InvokeId,
        /// What to write.
        attributes: Vec<AttributeRequest>,
        /// As many values.
        values: Values<'a>,
    },
    /// set-request-with-list-and-first-datablock: several attributes whose values come in blocks.
    WithListAndFirstDataBlock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// What to write.
        attributes: Vec<AttributeRequest>,
        /// The first piece of the list of values.
        block: DataBlock<'a>,
    },
}

impl SetRequest<'_> {
    /// Comes back in the response.
    pub const fn invoke_id(&self) -> InvokeId {
        match self {
            Self::Normal { invoke_id, .. }
            | Self::WithFirstDataBlock { invoke_id, .. }
            | Self::WithDataBlock { invoke_id, .. }
            | Self::WithList { invoke_id, .. }
            | Self::WithListAndFirstDataBlock { invoke_id, .. } => *invoke_id,
        }
    }

    const fn choice(&self) -> u8 {
        match self {
            Self::Normal { .. } => set_request::NORMAL,
            Self::WithFirstDataBlock { .. } => set_request::WITH_FIRST_DATA_BLOCK,
            Self::WithDataBlock { .. } => set_request::WITH_DATA_BLOCK,
            Self::WithList { .. } => set_request::WITH_LIST,
            Self::WithListAndFirstDataBlock { .. } => set_request::WITH_LIST_AND_FIRST_DATA_BLOCK,
        }
    }
}

impl<'a> Pdu<'a> for SetRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::SET_REQUEST)?;
        let kind = reader.u8()?;
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            set_request::NORMAL => {
                let attribute = AttributeRequest::parse(reader)?;
                Ok(Self::Normal { invoke_id, attribute, value: take_value(reader)? })
            }
            set_request::WITH_FIRST_DATA_BLOCK => {
                let attribute = AttributeRequest::parse(reader)?;
                Ok(Self::WithFirstDataBlock { invoke_id, attribute, block: DataBlock::parse(reader)? })
            }
            set_request::WITH_DATA_BLOCK => {
                Ok(Self::WithDataBlock { invoke_id, block: DataBlock::parse(reader)? })
            }
            set_request::WITH_LIST => {
                let attributes = parse_attributes(reader)?;
                let values = Values::parse(reader)?;
                if values.len() != attributes.len() {
                    return Err(WireError::Invalid("number of values"));
                }
                Ok(Self::WithList { invoke_id, attributes, values })
            }
            set_request::WITH_LIST_AND_FIRST_DATA_BLOCK => {
                let attributes = parse_attributes(reader)?;
                let block = DataBlock::parse(reader)?;
                Ok(Self::WithListAndFirstDataBlock { invoke_id, attributes, block })
            }
            _ => Err(WireError::Invalid("set-request")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::SET_REQUEST, self.choice(), self.invoke_id().0])?;
        match self {
            Self::Normal { attribute, value, .. } => {
                attribute.emit(writer)?;
                writer.bytes(value)
            }
            Self::WithFirstDataBlock { attribute, block, .. } => {
                attribute.emit(writer)?;
                block.emit(writer)
            }
            Self::WithDataBlock { block, .. } => block.emit(writer),
            Self::WithList { attributes, values, .. } => {
                emit_attributes(writer, attributes)?;
                values.emit(writer)
            }
            Self::WithListAndFirstDataBlock { attributes, block, .. } => {
                emit_attributes(writer, attributes)?;
                block.emit(writer)
            }
        }
    }

    fn wire_len(&self) -> usize {
        3 + match self {
            Self::Normal { attribute, value, .. } => attribute.wire_len() + value.len(),
            Self::WithFirstDataBlock { attribute, block, .. } => attribute.wire_len() + block.wire_len(),
            Self::WithDataBlock { block, .. } => block.wire_len(),
            Self::WithList { attributes, values, .. } => attributes_len(attributes) + values.wire_len(),
            Self::WithListAndFirstDataBlock { attributes, block, .. } => {
                attributes_len(attributes) + block.wire_len()
            }
        }
    }
}

impl fmt::Display for SetRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set-request {}", self.invoke_id())?;
        match self {
            Self::Normal { attribute, value, .. } => write!(f, " {attribute} {} octets", value.len()),
            Self::WithFirstDataBlock { attribute, block, .. } => write!(f, " {attribute} {block}"),
            Self::WithDataBlock { block, .. } => write!(f, " {block}"),
            Self::WithList { attributes, .. } => write!(f, " list of {}", attributes.len()),
            Self::WithListAndFirstDataBlock { attributes, block, .. } => {
                write!(f, " list of {} {block}", attributes.len())
            }
        }
    }
}

/// set-response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetResponse<'a> {
    /// set-response-normal.
    Normal {
        /// Of the request.
        invoke_id: InvokeId,
        /// How it went.
        result: DataAccessResult,
    },
    /// set-response-datablock: the next block is wanted.
    DataBlock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The block that was received.
        block: u32,
    },
    /// set-response-last-datablock: the transfer is over.
    LastDataBlock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// How it went.
        result: DataAccessResult,
        /// The block that was received.
        block: u32,
    },
    /// set-response-last-datablock-with-list: the transfer of a list is over.
    LastDataBlockWithList {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// In the order of the request.
        results: AccessResults<'a>,
        /// The block that was received.
        block: u32,
    },
    /// set-response-with-list.
    WithList {
        /// Of the request.
        invoke_id: InvokeId,
        /// In the order of the request.
        results: AccessResults<'a>,
    },
}

impl SetResponse<'_> {
    /// Of the request.
    pub const fn invoke_id(&self) -> InvokeId {
        match self {
            Self::Normal { invoke_id, .. }
            | Self::DataBlock { invoke_id, .. }
            | Self::LastDataBlock { invoke_id, .. }
            | Self::LastDataBlockWithList { invoke_id, .. }
            | Self::WithList { invoke_id, .. } => *invoke_id,
        }
    }

    const fn choice(&self) -> u8 {
        match self {
            Self::Normal { .. } => set_response::NORMAL,
            Self::DataBlock { .. } => set_response::DATA_BLOCK,
            Self::LastDataBlock { .. } => set_response::LAST_DATA_BLOCK,
            Self::LastDataBlockWithList { .. } => set_response::LAST_DATA_BLOCK_WITH_LIST,
            Self::WithList { .. } => set_response::WITH_LIST,
        }
    }
}

impl<'a> Pdu<'a> for SetResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::SET_RESPONSE)?;
        let kind = reader.u8()?;
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            set_response::NORMAL => {
                Ok(Self::Normal { invoke_id, result: DataAccessResult::from_code(reader.u8()?) })
            }
            set_response::DATA_BLOCK => Ok(Self::DataBlock { invoke_id, block: reader.u32_be()? }),
            set_response::LAST_DATA_BLOCK => {
                let result = DataAccessResult::from_code(reader.u8()?);
                Ok(Self::LastDataBlock { invoke_id, result, block: reader.u32_be()? })
            }
            set_response::LAST_DATA_BLOCK_WITH_LIST => {
                let results = AccessResults::parse(reader)?;
                Ok(Self::LastDataBlockWithList { invoke_id, results, block: reader.u32_be()? })
            }
            set_response::WITH_LIST => {
                Ok(Self::WithList { invoke_id, results: AccessResults::parse(reader)? })
            }
            _ => Err(WireError::Invalid("set-response")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::SET_RESPONSE, self.choice(), self.invoke_id().0])?;
        match self {
            Self::Normal { result, .. } => writer.u8(result.code()),
            Self::DataBlock { block, .. } => writer.u32_be(*block),
            Self::LastDataBlock { result, block, .. } => {
                writer.u8(result.code())?;
                writer.u32_be(*block)
            }
            Self::LastDataBlockWithList { results, block, .. } => {
                results.emit(writer)?;
                writer.u32_be(*block)
            }
            Self::WithList { results, .. } => results.emit(writer),
        }
    }

    fn wire_len(&self) -> usize {
        3 + match self {
            Self::Normal { .. } => 1,
            Self::DataBlock { .. } => 4,
            Self::LastDataBlock { .. } => 5,
            Self::LastDataBlockWithList { results, .. } => results.wire_len() + 4,
            Self::WithList { results, .. } => results.wire_len(),
        }
    }
}

impl fmt::Display for SetResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set-response {}", self.invoke_id())?;
        match self {
            Self::Normal { result, .. } => write!(f, " {result}"),
            Self::DataBlock { block, .. } => write!(f, " next after {block}"),
            Self::LastDataBlock { result, block, .. } => write!(f, " {result} after {block}"),
            Self::LastDataBlockWithList { results, block, .. } => {
                write!(f, " list of {} after {block}", results.len())
            }
            Self::WithList { results, .. } => write!(f, " list of {}", results.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    const REQUESTS: [&str; 5] = [
        "C101C100010000600100FF02000904DEADBEEF",
        "C102C100010000600100FF0200 00 00000001 03 0982AA",
        "C103C1 01 00000002 020102",
        "C104C1 02 00010000600100FF0200 00010000600101FF0200 02 1105 0901AA",
        "C105C1 01 00010000600100FF0200 00 00000001 03 010982",
    ];
    const RESPONSES: [&str; 5] =
        ["C501C100", "C502C100000001", "C503C10C00000003", "C504C1020003 00000004", "C505C103000304"];

    #[test]
    fn every_form_is_understood_and_written_the_same() {
        for text in REQUESTS {
            assert_eq!(SetRequest::from_bytes(&hex(text)).map(|request| request.to_vec()), Ok(hex(text)));
        }
        for text in RESPONSES {
            assert_eq!(SetResponse::from_bytes(&hex(text)).map(|response| response.to_vec()), Ok(hex(text)));
        }
    }

    #[test]
    fn a_list_has_as_many_values_as_attributes() {
        let one_short = "C104C1 02 00010000600100FF0200 00010000600101FF0200 01 1105";
        assert_eq!(SetRequest::from_bytes(&hex(one_short)), Err(WireError::Invalid("number of values")));
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(which in 0usize..5, bytes in (0usize..5).prop_flat_map(|n| law::near(&hex(REQUESTS[n])))) {
            law::check::<SetRequest<'_>>(&bytes)?;
            law::check::<SetRequest<'_>>(&hex(REQUESTS[which]))?;
        }

        #[test]
        fn parsing_responses_keeps_the_laws(bytes in (0usize..5).prop_flat_map(|n| law::near(&hex(RESPONSES[n])))) {
            law::check::<SetResponse<'_>>(&bytes)?;
        }
    }
}
