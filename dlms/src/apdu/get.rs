//! GET \[GB 9.3.6, 9.5\].

use super::results::{GetResults, parse_result};
use super::{DataAccessResult, InvokeId, Pdu, take_octets, take_value};
use crate::axdr::{emit_length, length_len, parse_length};
use crate::cosem::AttributeRequest;
use crate::specs::get::DESCRIPTOR_LEN_MIN;
use crate::specs::{apdu_tag, choice};
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// get-request.
#[derive(Clone, Debug, PartialEq)]
pub enum GetRequest {
    /// get-request-normal: one attribute.
    Normal {
        /// Comes back in the response.
        invoke_id: InvokeId,
        /// What to read.
        attribute: AttributeRequest,
    },
    /// get-request-next: the block after this one.
    Next {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The block that was received last.
        block: u32,
    },
    /// get-request-with-list: several attributes.
    WithList {
        /// Comes back in the response.
        invoke_id: InvokeId,
        /// What to read.
        attributes: Vec<AttributeRequest>,
    },
}

impl<'a> Pdu<'a> for GetRequest {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::GET_REQUEST)?;
        let kind = reader.u8()?;
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            choice::NORMAL => Ok(Self::Normal { invoke_id, attribute: AttributeRequest::parse(reader)? }),
            choice::NEXT => Ok(Self::Next { invoke_id, block: reader.u32_be()? }),
            choice::WITH_LIST => {
                let count = parse_length(reader)?;
                if count > reader.remaining() / DESCRIPTOR_LEN_MIN {
                    return Err(WireError::Truncated);
                }
                let attributes =
                    (0..count).map(|_| AttributeRequest::parse(reader)).collect::<Result<_, _>>()?;
                Ok(Self::WithList { invoke_id, attributes })
            }
            _ => Err(WireError::Invalid("get-request")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::GET_REQUEST)?;
        match self {
            Self::Normal { invoke_id, attribute } => {
                writer.bytes(&[choice::NORMAL, invoke_id.0])?;
                attribute.emit(writer)
            }
            Self::Next { invoke_id, block } => {
                writer.bytes(&[choice::NEXT, invoke_id.0])?;
                writer.u32_be(*block)
            }
            Self::WithList { invoke_id, attributes } => {
                writer.bytes(&[choice::WITH_LIST, invoke_id.0])?;
                emit_length(writer, attributes.len())?;
                attributes.iter().try_for_each(|attribute| attribute.emit(writer))
            }
        }
    }

    fn wire_len(&self) -> usize {
        3 + match self {
            Self::Normal { attribute, .. } => attribute.wire_len(),
            Self::Next { .. } => 4,
            Self::WithList { attributes, .. } => {
                length_len(attributes.len())
                    + attributes.iter().map(AttributeRequest::wire_len).sum::<usize>()
            }
        }
    }
}

impl fmt::Display for GetRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal { invoke_id, attribute } => write!(f, "get-request {invoke_id} {attribute}"),
            Self::Next { invoke_id, block } => write!(f, "get-request {invoke_id} next after {block}"),
            Self::WithList { invoke_id, attributes } => {
                write!(f, "get-request {invoke_id} list of {}", attributes.len())
            }
        }
    }
}

/// get-response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetResponse<'a> {
    /// get-response-normal.
    Normal {
        /// Of the request.
        invoke_id: InvokeId,
        /// One whole encoded value, or why there is none.
        result: Result<&'a [u8], DataAccessResult>,
    },
    /// get-response-with-datablock.
    WithDataBlock {
        /// Of the request.
        invoke_id: InvokeId,
        /// Whether this is the last block.
        last: bool,
        /// Its number, from 1.
        block: u32,
        /// A piece of the encoded value, or why there is none.
        result: Result<&'a [u8], DataAccessResult>,
    },
    /// get-response-with-list.
    WithList {
        /// Of the request.
        invoke_id: InvokeId,
        /// In the order of the request.
        results: GetResults<'a>,
    },
}

impl<'a> Pdu<'a> for GetResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::GET_RESPONSE)?;
        let kind = reader.u8()?;
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            choice::NORMAL => Ok(Self::Normal { invoke_id, result: parse_result(reader, take_value)? }),
            choice::WITH_DATA_BLOCK => {
                let last = reader.u8()? != 0;
                let block = reader.u32_be()?;
                Ok(Self::WithDataBlock { invoke_id, last, block, result: parse_result(reader, take_octets)? })
            }
            choice::WITH_LIST => Ok(Self::WithList { invoke_id, results: GetResults::parse(reader)? }),
            _ => Err(WireError::Invalid("get-response")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::GET_RESPONSE)?;
        match *self {
            Self::Normal { invoke_id, result } => {
                writer.bytes(&[choice::NORMAL, invoke_id.0, u8::from(result.is_err())])?;
                match result {
                    Ok(value) => writer.bytes(value),
                    Err(result) => writer.u8(result.code()),
                }
            }
            Self::WithDataBlock { invoke_id, last, block, result } => {
                writer.bytes(&[choice::WITH_DATA_BLOCK, invoke_id.0, u8::from(last)])?;
                writer.u32_be(block)?;
                writer.u8(u8::from(result.is_err()))?;
                match result {
                    Ok(piece) => {
                        emit_length(writer, piece.len())?;
                        writer.bytes(piece)
                    }
                    Err(result) => writer.u8(result.code()),
                }
            }
            Self::WithList { invoke_id, results } => {
                writer.bytes(&[choice::WITH_LIST, invoke_id.0])?;
                results.emit(writer)
            }
        }
    }

    fn wire_len(&self) -> usize {
        match self {
            Self::Normal { result, .. } => 4 + result.map_or(1, <[u8]>::len),
            Self::WithDataBlock { result, .. } => {
                9 + result.map_or(1, |piece| length_len(piece.len()) + piece.len())
            }
            Self::WithList { results, .. } => 3 + results.wire_len(),
        }
    }
}

impl fmt::Display for GetResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = match self {
            Self::Normal { invoke_id, result } => {
                write!(f, "get-response {invoke_id}")?;
                result
            }
            Self::WithDataBlock { invoke_id, last, block, result } => {
                write!(f, "get-response {invoke_id} block {block}{}", if *last { " last" } else { "" })?;
                result
            }
            Self::WithList { invoke_id, results } => {
                return write!(f, "get-response {invoke_id} list of {}", results.len());
            }
        };
        match result {
            Ok(value) => write!(f, " {} octets", value.len()),
            Err(result) => write!(f, " {result}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::cosem::LogicalName;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn the_published_requests_are_understood_and_written_the_same() {
        let register = hex("C001C100030100010800FF0200");
        let invoke_id = InvokeId(0xC1);
        let attribute = AttributeRequest::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2);
        let normal = GetRequest::Normal { invoke_id, attribute };
        assert_eq!(GetRequest::from_bytes(&register), Ok(normal.clone()));
        assert_eq!(normal.to_vec(), register);
        let next = GetRequest::from_bytes(&hex("C0024100000001"));
        assert_eq!(next, Ok(GetRequest::Next { invoke_id: InvokeId(0x41), block: 1 }));
    }

    #[test]
    fn trailing_octets_after_the_value_are_refused() {
        let captured = hex("c400c100090c07ea0b160705110700000000090f090c07ea0b160705110700000000090f");
        assert!(GetResponse::from_bytes(&captured).is_err());
        assert!(GetResponse::from_bytes(&hex("C40181000906010000010 0FF")).is_ok());
        assert!(GetResponse::from_bytes(&hex("C401810009060100000100FF00")).is_err());
    }

    #[test]
    fn a_published_response_is_understood() {
        let bytes = hex("C4018100090C07D20C04030A060BFF007800");
        let result = Ok(&bytes[4..]);
        assert_eq!(
            GetResponse::from_bytes(&bytes),
            Ok(GetResponse::Normal { invoke_id: InvokeId(0x81), result })
        );
    }

    const RANGE: &str = "C001C100070100630100FF0201010204020412000809060000010000FF0F02120000\
        090C07EA0B160700000000000000090C07EA0B1707FFFFFFFF000000 0100";

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            range in law::near(&hex(RANGE)),
            list in law::near(&hex("C003C1020003 0100010800FF0200 0003 0100020800FF0200")),
            block in law::near(&hex("C402C1000000000100 03010203")),
            normal in law::near(&hex("C401C1000600000001")),
            results in law::near(&hex("C403C103 000600000001 0104 0000")),
        ) {
            law::check::<GetRequest>(&range)?;
            law::check::<GetRequest>(&list)?;
            law::check::<GetResponse<'_>>(&block)?;
            law::check::<GetResponse<'_>>(&normal)?;
            law::check::<GetResponse<'_>>(&results)?;
        }
    }

    #[test]
    fn a_range_selector_is_understood() {
        assert!(GetRequest::from_bytes(&hex(RANGE)).is_ok());
    }
}
