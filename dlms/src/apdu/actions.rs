//! ACTION in all its forms \[GB 9.3.8, 9.5\].

use super::action::{Returned, parse_outcome};
use super::lists::{Values, emit_methods, methods_len, parse_methods};
use super::{ActionRequest, ActionResponse, ActionResult, DataBlock, InvokeId, Pdu};
use crate::axdr::{emit_length, length_len, parse_length};
use crate::cosem::MethodRequest;
use crate::specs::apdu_tag;
use crate::specs::choice::{action_request, action_response};
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// action-request in any of its forms.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyActionRequest<'a> {
    /// action-request-normal: one method.
    Normal(ActionRequest<'a>),
    /// action-request-next-pblock: the block of the answer after this one.
    NextPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The block that was received last.
        block: u32,
    },
    /// action-request-with-list: several methods.
    WithList {
        /// Comes back in the response.
        invoke_id: InvokeId,
        /// What to invoke.
        methods: Vec<MethodRequest>,
        /// As many parameters; null-data for a method that has none.
        parameters: Values<'a>,
    },
    /// action-request-with-first-pblock: one method whose parameter comes in blocks.
    WithFirstPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// What to invoke.
        method: MethodRequest,
        /// The first piece of the parameter.
        block: DataBlock<'a>,
    },
    /// action-request-with-list-and-first-pblock: several methods whose parameters come in blocks.
    WithListAndFirstPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// What to invoke.
        methods: Vec<MethodRequest>,
        /// The first piece of the list of parameters.
        block: DataBlock<'a>,
    },
    /// action-request-with-pblock: a further piece.
    WithPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The piece.
        block: DataBlock<'a>,
    },
}

impl AnyActionRequest<'_> {
    /// Comes back in the response.
    pub const fn invoke_id(&self) -> InvokeId {
        match self {
            Self::Normal(request) => request.invoke_id,
            Self::NextPblock { invoke_id, .. }
            | Self::WithList { invoke_id, .. }
            | Self::WithFirstPblock { invoke_id, .. }
            | Self::WithListAndFirstPblock { invoke_id, .. }
            | Self::WithPblock { invoke_id, .. } => *invoke_id,
        }
    }

    const fn choice(&self) -> u8 {
        match self {
            Self::Normal(_) => action_request::NORMAL,
            Self::NextPblock { .. } => action_request::NEXT_PBLOCK,
            Self::WithList { .. } => action_request::WITH_LIST,
            Self::WithFirstPblock { .. } => action_request::WITH_FIRST_PBLOCK,
            Self::WithListAndFirstPblock { .. } => action_request::WITH_LIST_AND_FIRST_PBLOCK,
            Self::WithPblock { .. } => action_request::WITH_PBLOCK,
        }
    }
}

impl<'a> Pdu<'a> for AnyActionRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let whole = *reader;
        super::expect_tag(reader, apdu_tag::ACTION_REQUEST)?;
        let kind = reader.u8()?;
        if kind == action_request::NORMAL {
            *reader = whole;
            return ActionRequest::parse(reader).map(Self::Normal);
        }
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            action_request::NEXT_PBLOCK => Ok(Self::NextPblock { invoke_id, block: reader.u32_be()? }),
            action_request::WITH_LIST => {
                let methods = parse_methods(reader)?;
                let parameters = Values::parse(reader)?;
                if parameters.len() != methods.len() {
                    return Err(WireError::Invalid("number of parameters"));
                }
                Ok(Self::WithList { invoke_id, methods, parameters })
            }
            action_request::WITH_FIRST_PBLOCK => {
                let method = MethodRequest::parse(reader)?;
                Ok(Self::WithFirstPblock { invoke_id, method, block: DataBlock::parse(reader)? })
            }
            action_request::WITH_LIST_AND_FIRST_PBLOCK => {
                let methods = parse_methods(reader)?;
                Ok(Self::WithListAndFirstPblock { invoke_id, methods, block: DataBlock::parse(reader)? })
            }
            action_request::WITH_PBLOCK => {
                Ok(Self::WithPblock { invoke_id, block: DataBlock::parse(reader)? })
            }
            _ => Err(WireError::Invalid("action-request")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        if let Self::Normal(request) = self {
            return request.emit(writer);
        }
        writer.bytes(&[apdu_tag::ACTION_REQUEST, self.choice(), self.invoke_id().0])?;
        match self {
            Self::Normal(request) => request.emit(writer),
            Self::NextPblock { block, .. } => writer.u32_be(*block),
            Self::WithList { methods, parameters, .. } => {
                emit_methods(writer, methods)?;
                parameters.emit(writer)
            }
            Self::WithFirstPblock { method, block, .. } => {
                method.emit(writer)?;
                block.emit(writer)
            }
            Self::WithListAndFirstPblock { methods, block, .. } => {
                emit_methods(writer, methods)?;
                block.emit(writer)
            }
            Self::WithPblock { block, .. } => block.emit(writer),
        }
    }

    fn wire_len(&self) -> usize {
        match self {
            Self::Normal(request) => request.wire_len(),
            Self::NextPblock { .. } => 7,
            Self::WithList { methods, parameters, .. } => 3 + methods_len(methods) + parameters.wire_len(),
            Self::WithFirstPblock { method, block, .. } => 3 + method.wire_len() + block.wire_len(),
            Self::WithListAndFirstPblock { methods, block, .. } => {
                3 + methods_len(methods) + block.wire_len()
            }
            Self::WithPblock { block, .. } => 3 + block.wire_len(),
        }
    }
}

impl fmt::Display for AnyActionRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal(request) => write!(f, "{request}"),
            Self::NextPblock { invoke_id, block } => {
                write!(f, "action-request {invoke_id} next after {block}")
            }
            Self::WithList { invoke_id, methods, .. } => {
                write!(f, "action-request {invoke_id} list of {}", methods.len())
            }
            Self::WithFirstPblock { invoke_id, method, block } => {
                write!(f, "action-request {invoke_id} {method} {block}")
            }
            Self::WithListAndFirstPblock { invoke_id, methods, block } => {
                write!(f, "action-request {invoke_id} list of {} {block}", methods.len())
            }
            Self::WithPblock { invoke_id, block } => write!(f, "action-request {invoke_id} {block}"),
        }
    }
}

/// action-response in any of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyActionResponse<'a> {
    /// action-response-normal.
    Normal(ActionResponse<'a>),
    /// action-response-with-pblock: a piece of what was returned.
    WithPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The piece.
        block: DataBlock<'a>,
    },
    /// action-response-with-list.
    WithList {
        /// Of the request.
        invoke_id: InvokeId,
        /// In the order of the request.
        outcomes: ActionOutcomes<'a>,
    },
    /// action-response-next-pblock: the next block is wanted.
    NextPblock {
        /// Of the transfer.
        invoke_id: InvokeId,
        /// The block that was received.
        block: u32,
    },
}

impl AnyActionResponse<'_> {
    /// Of the request.
    pub const fn invoke_id(&self) -> InvokeId {
        match self {
            Self::Normal(response) => response.invoke_id,
            Self::WithPblock { invoke_id, .. }
            | Self::WithList { invoke_id, .. }
            | Self::NextPblock { invoke_id, .. } => *invoke_id,
        }
    }
}

impl<'a> Pdu<'a> for AnyActionResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let whole = *reader;
        super::expect_tag(reader, apdu_tag::ACTION_RESPONSE)?;
        let kind = reader.u8()?;
        if kind == action_response::NORMAL {
            *reader = whole;
            return ActionResponse::parse(reader).map(Self::Normal);
        }
        let invoke_id = InvokeId(reader.u8()?);
        match kind {
            action_response::WITH_PBLOCK => {
                Ok(Self::WithPblock { invoke_id, block: DataBlock::parse(reader)? })
            }
            action_response::WITH_LIST => {
                Ok(Self::WithList { invoke_id, outcomes: ActionOutcomes::parse(reader)? })
            }
            action_response::NEXT_PBLOCK => Ok(Self::NextPblock { invoke_id, block: reader.u32_be()? }),
            _ => Err(WireError::Invalid("action-response")),
        }
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let head = |choice| [apdu_tag::ACTION_RESPONSE, choice, self.invoke_id().0];
        match self {
            Self::Normal(response) => response.emit(writer),
            Self::WithPblock { block, .. } => {
                writer.bytes(&head(action_response::WITH_PBLOCK))?;
                block.emit(writer)
            }
            Self::WithList { outcomes, .. } => {
                writer.bytes(&head(action_response::WITH_LIST))?;
                outcomes.emit(writer)
            }
            Self::NextPblock { block, .. } => {
                writer.bytes(&head(action_response::NEXT_PBLOCK))?;
                writer.u32_be(*block)
            }
        }
    }

    fn wire_len(&self) -> usize {
        match self {
            Self::Normal(response) => response.wire_len(),
            Self::WithPblock { block, .. } => 3 + block.wire_len(),
            Self::WithList { outcomes, .. } => 3 + outcomes.wire_len(),
            Self::NextPblock { .. } => 7,
        }
    }
}

impl fmt::Display for AnyActionResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal(response) => write!(f, "{response}"),
            Self::WithPblock { invoke_id, block } => write!(f, "action-response {invoke_id} {block}"),
            Self::WithList { invoke_id, outcomes } => {
                write!(f, "action-response {invoke_id} list of {}", outcomes.len())
            }
            Self::NextPblock { invoke_id, block } => {
                write!(f, "action-response {invoke_id} next after {block}")
            }
        }
    }
}

/// SEQUENCE OF Action-Response-With-Optional-Data: checked when parsed, walked without copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionOutcomes<'a> {
    count: usize,
    encoded: &'a [u8],
}

impl<'a> ActionOutcomes<'a> {
    /// Of what [`ActionOutcomes::push`] has written.
    pub(crate) const fn new(count: usize, encoded: &'a [u8]) -> Self {
        Self { count, encoded }
    }

    /// Appends one outcome to those in `encoded`.
    pub(crate) fn push(encoded: &mut Vec<u8>, result: ActionResult, returned: Returned<'_>) {
        encoded.push(result.code());
        match returned {
            None => encoded.push(0),
            Some(Ok(value)) => {
                encoded.extend_from_slice(&[1, 0]);
                encoded.extend_from_slice(value);
            }
            Some(Err(result)) => encoded.extend_from_slice(&[1, 1, result.code()]),
        }
    }

    /// The outcomes that fill all of `bytes`, their count ahead.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let outcomes = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(outcomes)
    }

    /// Number of outcomes.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the outcomes: how it went, and what was returned: one whole encoded value, or why there is none.
    pub fn iter(&self) -> impl Iterator<Item = (ActionResult, Returned<'a>)> + use<'a> {
        let mut reader = Reader::new(self.encoded);
        (0..self.count).map_while(move |_| parse_outcome(&mut reader).ok())
    }

    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = parse_length(reader)?;
        if count > reader.remaining() / OUTCOME_LEN_MIN {
            return Err(WireError::Truncated);
        }
        let mut ahead = *reader;
        for _ in 0..count {
            parse_outcome(&mut ahead)?;
        }
        let encoded = reader.bytes(reader.remaining() - ahead.remaining())?;
        Ok(Self { count, encoded })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        emit_length(writer, self.count)?;
        writer.bytes(self.encoded)
    }

    const fn wire_len(&self) -> usize {
        length_len(self.count) + self.encoded.len()
    }
}

/// The outcome of a method that returns nothing: a result, and that there is no value.
const OUTCOME_LEN_MIN: usize = 2;

/// The outcome of one method whose answer came in blocks: what was returned alone \[GB 9.5; confidence C\],
/// or the whole Action-Response-With-Optional-Data, as some servers send it.
pub(crate) fn joined_outcome(joined: &[u8]) -> Result<(ActionResult, Returned<'_>), WireError> {
    if crate::axdr::Data::from_bytes(joined).is_ok() {
        return Ok((ActionResult::Success, Some(Ok(joined))));
    }
    let mut reader = Reader::new(joined);
    let outcome = parse_outcome(&mut reader)?;
    reader.finish()?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::{DataAccessResult, law};
    use crate::hex::hex;
    use proptest::prelude::*;

    const REQUESTS: [&str; 6] = [
        "C301C1000F0000280000FF010109021122",
        "C302C100000001",
        "C303C1 02 00030100010800FF01 00460000600310FF02 02 00 0F00",
        "C304C1 00120000 2C0000FF02 00 00000001 03 098201",
        "C305C1 01 001200002C0000FF02 00 00000001 03 010982",
        "C306C1 01 00000002 020102",
    ];
    const RESPONSES: [&str; 4] = [
        "C701C100010009021122",
        "C702C1 00 00000001 020982",
        "C703C1 03 0000 000100 1105 000101FA",
        "C704C100000007",
    ];

    #[test]
    fn every_form_is_understood_and_written_the_same() {
        for text in REQUESTS {
            let bytes = hex(text);
            assert_eq!(
                AnyActionRequest::from_bytes(&bytes).map(|request| request.to_vec()),
                Ok(bytes.clone())
            );
        }
        for text in RESPONSES {
            let bytes = hex(text);
            assert_eq!(
                AnyActionResponse::from_bytes(&bytes).map(|response| response.to_vec()),
                Ok(bytes.clone())
            );
        }
    }

    #[test]
    fn outcomes_are_walked_in_order() {
        let bytes = hex(RESPONSES[2]);
        let Ok(AnyActionResponse::WithList { outcomes, .. }) = AnyActionResponse::from_bytes(&bytes) else {
            panic!("a list")
        };
        let done = ActionResult::Success;
        let refused = Some(Err(DataAccessResult::OtherReason));
        assert!(outcomes.iter().eq([(done, None), (done, Some(Ok(&[0x11, 5][..]))), (done, refused)]));
    }

    #[test]
    fn what_came_in_blocks_may_have_its_result_ahead() {
        let alone = joined_outcome(&[0x11, 5]);
        assert_eq!(alone, Ok((ActionResult::Success, Some(Ok(&[0x11, 5][..])))));
        assert_eq!(joined_outcome(&[0, 1, 0, 0x11, 5]), alone);
        assert!(joined_outcome(&[0, 1, 0, 0x11]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_requests_keeps_the_laws(bytes in (0usize..6).prop_flat_map(|n| law::near(&hex(REQUESTS[n])))) {
            law::check::<AnyActionRequest<'_>>(&bytes)?;
        }

        #[test]
        fn parsing_responses_keeps_the_laws(bytes in (0usize..4).prop_flat_map(|n| law::near(&hex(RESPONSES[n])))) {
            law::check::<AnyActionResponse<'_>>(&bytes)?;
        }
    }
}
