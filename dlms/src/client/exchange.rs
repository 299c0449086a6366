//! One request to an open association, until it is answered.

use super::request::Request;
use super::sending::Sending;
use super::{AnswerFault, ClientCounters, ClientFailure, ClientOutput, Quirks};
use crate::apdu::{
    AccessResponse, AccessResults, ActionOutcomes, ActionResult, AnyActionRequest, AnyActionResponse,
    ApduKind, Conformance, DataAccessResult, GetRequest, GetResponse, GetResults, InvokeId, Pdu, SetResponse,
    joined_outcome,
};
use crate::axdr::Data;
use crate::specs::apdu_tag;
use alloc::vec::Vec;
use plc_core::wire::WireError;

/// What an answer means.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Not an answer to this request, or one that came twice.
    Stray(AnswerFault),
    /// A block has arrived, here or there; go on with the next.
    Next,
    /// The transfer is lost; ask from the start.
    Restart,
    /// The request is done.
    Done(ClientOutput),
}

/// What the server takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The longest APDU before protection, in octets.
    pub(super) room: usize,
    /// What it can do.
    pub(super) conformance: Conformance,
}

/// A request and the answers that it may take.
///
/// Each repetition of a request has a number of its own, so that blocks of two transfers never mix: a
/// value is joined only from blocks with one number. Any number issued for this request may bring the
/// answer, since all of them asked the same.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Request,
    issued: u16,
    latest: u8,
    sending: Option<Sending>,
    transfer: Option<Transfer>,
    value_max: usize,
}

/// Blocks received so far.
#[derive(Debug)]
struct Transfer {
    number: u8,
    blocks: u32,
    value: Vec<u8>,
}

impl Exchange {
    pub(super) const fn new(request: Request, value_max: usize) -> Self {
        Self { request, issued: 0, latest: 0, sending: None, transfer: None, value_max }
    }

    /// Whether asking again is harmless: a method whose parameter has not gone out in full was not invoked,
    /// and one whose answer arrives in blocks was.
    pub(super) fn is_repeatable(&self) -> bool {
        let unsent = self.sending.as_ref().is_some_and(|sending| !sending.is_last(&self.request));
        !self.request.is_action() || self.transfer.is_some() || unsent
    }

    /// The APDU to send now; `fresh` is the number to use if the request is asked from the start.
    ///
    /// # Errors
    /// The request is longer than the server takes by any means.
    pub(super) fn apdu(&mut self, fresh: u8, terms: Terms) -> Result<Vec<u8>, ClientFailure> {
        if let Some(transfer) = &self.transfer {
            let (invoke_id, block) = (InvokeId::confirmed(transfer.number), transfer.blocks);
            return Ok(match self.request.is_action() {
                false => GetRequest::Next { invoke_id, block }.to_vec(),
                true => AnyActionRequest::NextPblock { invoke_id, block }.to_vec(),
            });
        }
        if let Some(sending) = &self.sending {
            return Ok(sending.apdu(&self.request));
        }
        self.issued |= 1 << fresh;
        self.latest = fresh;
        let whole = self.request.whole(fresh);
        if whole.len() <= terms.room {
            return Ok(whole);
        }
        let blocks = self.request.payload().is_some_and(|(_, needed)| terms.conformance.has(needed));
        self.sending = if blocks { Sending::new(&self.request, fresh, terms.room) } else { None };
        match &self.sending {
            Some(sending) => Ok(sending.apdu(&self.request)),
            None if terms.conformance.has(Conformance::GENERAL_BLOCK_TRANSFER) => Ok(whole),
            None => Err(ClientFailure::TooLong),
        }
    }

    /// Whether the next APDU asks from the start.
    pub(super) const fn needs_fresh(&self) -> bool {
        self.transfer.is_none() && self.sending.is_none()
    }

    /// Octets held.
    pub(super) fn held(&self) -> usize {
        self.transfer.as_ref().map_or(0, |transfer| transfer.value.len())
    }

    /// What would answer it.
    pub(super) const fn expected(&self) -> ApduKind {
        ApduKind(match self.request {
            Request::Get(_) | Request::GetList(_) => apdu_tag::GET_RESPONSE,
            Request::Set(..) | Request::SetList(..) => apdu_tag::SET_RESPONSE,
            Request::Action(..) | Request::ActionList(..) => apdu_tag::ACTION_RESPONSE,
            Request::Access(..) => apdu_tag::ACCESS_RESPONSE,
        })
    }

    /// Whether octets begin like an answer to this request, even if they are none.
    pub(super) fn is_addressed(&self, apdu: &[u8]) -> bool {
        let number = match self.request {
            Request::Access(..) => apdu.get(ACCESS_NUMBER_AT),
            _ => apdu.get(NUMBER_AT),
        };
        apdu.first() == Some(&self.expected().0)
            && number.is_some_and(|&number| self.is_issued(InvokeId(number)))
    }

    /// What an answer means.
    ///
    /// # Errors
    /// A response that is none.
    pub(super) fn on_apdu(
        &mut self,
        apdu: &[u8],
        quirks: Quirks,
        counters: &mut ClientCounters,
    ) -> Result<Step, WireError> {
        let expected = self.expected();
        let came = ApduKind(apdu.first().copied().ok_or(WireError::Truncated)?);
        if came != expected {
            return Ok(Step::Stray(AnswerFault::Kind { came, expected }));
        }
        match came.0 {
            apdu_tag::GET_RESPONSE => quirks.pdu(apdu, counters).map(|r| self.on_get_response(&r)),
            apdu_tag::SET_RESPONSE => quirks.pdu(apdu, counters).map(|r| self.on_set_response(&r)),
            apdu_tag::ACTION_RESPONSE => quirks.pdu(apdu, counters).map(|r| self.on_action_response(&r)),
            _ => quirks.pdu(apdu, counters).map(|r| self.on_access_response(r)),
        }
    }

    fn on_get_response(&mut self, response: &GetResponse<'_>) -> Step {
        let asked = match &self.request {
            Request::GetList(attributes) => Some(attributes.len()),
            _ => None,
        };
        let (GetResponse::Normal { invoke_id, .. }
        | GetResponse::WithDataBlock { invoke_id, .. }
        | GetResponse::WithList { invoke_id, .. }) = *response;
        if !self.is_issued(invoke_id) {
            return self.stray(invoke_id);
        }
        match (*response, asked) {
            (GetResponse::Normal { result: Ok(_), .. }, Some(_)) | (GetResponse::WithList { .. }, None) => {
                failed(AnswerFault::Form)
            }
            (GetResponse::Normal { result, .. }, _) => self.on_normal(invoke_id, result),
            (GetResponse::WithDataBlock { last, block, result: Ok(piece), .. }, _) => {
                self.on_block(invoke_id.number(), last, block, piece)
            }
            (GetResponse::WithDataBlock { result: Err(result), .. }, _) => {
                self.on_normal(invoke_id, Err(result))
            }
            (GetResponse::WithList { results, .. }, Some(asked)) => self.on_results(asked, &results),
        }
    }

    /// The answer to another request.
    const fn stray(&self, invoke_id: InvokeId) -> Step {
        Step::Stray(AnswerFault::InvokeId { came: invoke_id.number(), expected: self.latest })
    }

    fn on_results(&self, asked: usize, results: &GetResults<'_>) -> Step {
        if results.len() != asked {
            return failed(AnswerFault::Count { came: results.len(), expected: asked });
        }
        Step::Done(if results.encoded_len() > self.value_max {
            ClientOutput::Failed(ClientFailure::TooLong)
        } else {
            ClientOutput::Values(results.iter().map(|result| result.map(<[u8]>::to_vec)).collect())
        })
    }

    fn on_set_response(&mut self, response: &SetResponse<'_>) -> Step {
        let invoke_id = response.invoke_id();
        if !self.is_issued(invoke_id) {
            return self.stray(invoke_id);
        }
        match *response {
            SetResponse::DataBlock { block, .. } => self.on_received(invoke_id, block),
            SetResponse::Normal { result, .. } | SetResponse::LastDataBlock { result, .. } => {
                if is_loss(result) {
                    return self.on_lost_sending(invoke_id.number());
                }
                Step::Done(ClientOutput::AccessResult(result))
            }
            SetResponse::WithList { results, .. } | SetResponse::LastDataBlockWithList { results, .. } => {
                self.on_written(&results)
            }
        }
    }

    fn on_written(&self, results: &AccessResults<'_>) -> Step {
        let asked = match &self.request {
            Request::SetList(attributes, _) => attributes.len(),
            _ => return failed(AnswerFault::Form),
        };
        if results.len() != asked {
            return failed(AnswerFault::Count { came: results.len(), expected: asked });
        }
        Step::Done(ClientOutput::AccessResults(results.iter().collect()))
    }

    /// The server has taken a block and wants the next.
    fn on_received(&mut self, invoke_id: InvokeId, block: u32) -> Step {
        let Some(sending) = &mut self.sending else { return failed(AnswerFault::Form) };
        let expected = sending.block();
        let due = sending.on_received(&self.request, invoke_id.number(), block);
        if due { Step::Next } else { Step::Stray(AnswerFault::Block { came: block, expected }) }
    }

    /// The server has forgotten what it was sent, or never had it in order.
    fn on_lost_sending(&mut self, number: u8) -> Step {
        if self.sending.take_if(|sending| sending.number() == number).is_none() {
            return self.stray(InvokeId(number));
        }
        self.issued = 0;
        Step::Restart
    }

    fn on_action_response(&mut self, response: &AnyActionResponse<'_>) -> Step {
        let invoke_id = response.invoke_id();
        let asked = match &self.request {
            Request::ActionList(methods, _) => Some(methods.len()),
            _ => None,
        };
        if !self.is_issued(invoke_id) {
            return self.stray(invoke_id);
        }
        match response {
            AnyActionResponse::NextPblock { block, .. } => self.on_received(invoke_id, *block),
            AnyActionResponse::WithPblock { block, .. } => {
                self.on_block(invoke_id.number(), block.last, block.number, block.raw)
            }
            AnyActionResponse::WithList { outcomes, .. } => Self::on_outcomes(asked, outcomes),
            AnyActionResponse::Normal(response) => {
                if is_lost_action(response.result) && self.is_repeatable() && self.transfer.is_none() {
                    return self.on_lost_sending(invoke_id.number());
                }
                let returned = response.returned.and_then(Result::ok).map(<[u8]>::to_vec);
                Step::Done(ClientOutput::ActionResult(response.result, returned))
            }
        }
    }

    fn on_outcomes(asked: Option<usize>, outcomes: &ActionOutcomes<'_>) -> Step {
        match asked {
            None => return failed(AnswerFault::Form),
            Some(expected) if expected != outcomes.len() => {
                return failed(AnswerFault::Count { came: outcomes.len(), expected });
            }
            Some(_) => {}
        }
        let outcomes = outcomes.iter();
        let returned = |returned: Option<Result<&[u8], _>>| returned.and_then(Result::ok).map(<[u8]>::to_vec);
        Step::Done(ClientOutput::ActionResults(outcomes.map(|(result, r)| (result, returned(r))).collect()))
    }

    fn on_access_response(&self, response: AccessResponse<'_>) -> Step {
        let Request::Access(operations, _) = &self.request else { return failed(AnswerFault::Form) };
        let number = u8::try_from(response.invoke_id.number()).ok().filter(|&number| number < 16);
        if number.is_none_or(|number| self.issued & 1 << number == 0) {
            return self.stray(InvokeId(number.unwrap_or(u8::MAX)));
        }
        let (came, expected) = (response.results.len(), operations.len());
        if came != expected {
            return failed(AnswerFault::Count { came, expected });
        }
        let values = response.data.iter().map(<[u8]>::to_vec);
        Step::Done(ClientOutput::AccessResponse(values.zip(response.results).collect()))
    }

    const fn is_issued(&self, invoke_id: InvokeId) -> bool {
        self.issued & 1 << invoke_id.number() != 0
    }

    fn on_normal(&mut self, invoke_id: InvokeId, result: Result<&[u8], DataAccessResult>) -> Step {
        match result {
            Ok(value) if value.len() > self.value_max => {
                Step::Done(ClientOutput::Failed(ClientFailure::TooLong))
            }
            Ok(value) => Step::Done(ClientOutput::Value(value.to_vec())),
            Err(lost) if is_loss(lost) => self.on_lost_transfer(invoke_id.number()),
            Err(result) => Step::Done(ClientOutput::AccessResult(result)),
        }
    }

    /// The server has forgotten a transfer; which matters only if it is the one under way.
    fn on_lost_transfer(&mut self, number: u8) -> Step {
        if self.transfer.take_if(|transfer| transfer.number == number).is_none() {
            return self.stray(InvokeId(number));
        }
        self.issued = 0;
        Step::Restart
    }

    fn on_block(&mut self, number: u8, last: bool, block: u32, piece: &[u8]) -> Step {
        let begins = self.transfer.as_ref().is_none_or(|t| t.number != number && number == self.latest);
        if block == 1 && begins {
            self.transfer = Some(Transfer { number, blocks: 0, value: Vec::new() });
        }
        let Some(transfer) = self.transfer.as_mut() else {
            return failed(AnswerFault::Block { came: block, expected: 1 });
        };
        let expected = transfer.blocks + 1;
        if transfer.number != number || block < expected {
            return Step::Stray(AnswerFault::Block { came: block, expected });
        }
        if block > expected {
            // Blocks are asked for one by one, so none that follows is on its way.
            return failed(AnswerFault::Block { came: block, expected });
        }
        if piece.is_empty() && !last {
            return failed(AnswerFault::EmptyBlock(block));
        }
        if transfer.value.len() + piece.len() > self.value_max {
            return Step::Done(ClientOutput::Failed(ClientFailure::TooLong));
        }
        transfer.value.extend_from_slice(piece);
        transfer.blocks = block;
        if last { self.complete() } else { Step::Next }
    }

    fn complete(&mut self) -> Step {
        let value = self.transfer.take().map(|transfer| transfer.value).unwrap_or_default();
        let none = failed(AnswerFault::Joined);
        match &self.request {
            Request::GetList(attributes) => GetResults::from_bytes(&value)
                .map_or(none, |results| self.on_results(attributes.len(), &results)),
            Request::ActionList(methods, _) => ActionOutcomes::from_bytes(&value)
                .map_or(none, |outcomes| Self::on_outcomes(Some(methods.len()), &outcomes)),
            Request::Action(..) => joined_outcome(&value).map_or(none, |(result, returned)| {
                let returned = returned.and_then(Result::ok).map(<[u8]>::to_vec);
                Step::Done(ClientOutput::ActionResult(result, returned))
            }),
            _ if Data::from_bytes(&value).is_ok() => Step::Done(ClientOutput::Value(value)),
            _ => none,
        }
    }
}

const fn failed(fault: AnswerFault) -> Step {
    Step::Done(ClientOutput::Failed(ClientFailure::Answer(fault)))
}

/// Where an answer has its invoke-id-and-priority, and where an access-response the last octet of its long one.
const NUMBER_AT: usize = 2;
const ACCESS_NUMBER_AT: usize = 4;

/// Results that say that a transfer is not under way, or not at this block.
const fn is_loss(result: DataAccessResult) -> bool {
    matches!(
        result,
        DataAccessResult::NoLongGetInProgress
            | DataAccessResult::LongGetAborted
            | DataAccessResult::DataBlockNumberInvalid
            | DataAccessResult::DataBlockUnavailable
            | DataAccessResult::NoLongSetInProgress
    )
}

/// The same of ACTION.
const fn is_lost_action(result: ActionResult) -> bool {
    matches!(result, ActionResult::LongActionAborted | ActionResult::NoLongActionInProgress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::{AttributeRequest, LogicalName, MethodRequest};
    use alloc::vec;

    const TERMS: Terms = Terms { room: 60, conformance: Conformance::OURS };

    fn get() -> Exchange {
        let attribute = AttributeRequest::new(7, LogicalName([1, 0, 99, 1, 0, 255]), 2);
        Exchange::new(Request::Get(attribute), 100)
    }

    fn block(number: u8, block: u32, last: bool, piece: &[u8]) -> GetResponse<'_> {
        GetResponse::WithDataBlock { invoke_id: InvokeId::confirmed(number), last, block, result: Ok(piece) }
    }

    #[test]
    fn a_block_that_comes_twice_is_joined_once() {
        let mut exchange = get();
        exchange.apdu(3, TERMS).unwrap();
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0x34])), Step::Next);
        let again = Step::Stray(AnswerFault::Block { came: 1, expected: 2 });
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0x34])), again);
        let value = Step::Done(ClientOutput::Value(vec![0x12, 0x34, 0x56]));
        assert_eq!(exchange.on_get_response(&block(3, 2, true, &[0x56])), value);
    }

    #[test]
    fn blocks_of_two_transfers_never_mix() {
        let mut exchange = get();
        exchange.apdu(3, TERMS).unwrap();
        exchange.apdu(4, TERMS).unwrap();
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0xAA])), Step::Next);
        assert!(matches!(exchange.on_get_response(&block(4, 2, true, &[0xBB])), Step::Stray(_)));
        assert_eq!(exchange.on_get_response(&block(4, 1, false, &[0x12, 0xBB])), Step::Next);
        assert!(matches!(exchange.on_get_response(&block(3, 2, true, &[0xAA])), Step::Stray(_)));
        let value = Step::Done(ClientOutput::Value(vec![0x12, 0xBB, 0xBB]));
        assert_eq!(exchange.on_get_response(&block(4, 2, true, &[0xBB])), value);
    }

    #[test]
    fn an_answer_to_another_request_is_ignored() {
        let mut exchange = get();
        exchange.apdu(3, TERMS).unwrap();
        let late = GetResponse::Normal { invoke_id: InvokeId::confirmed(2), result: Ok(&[0]) };
        let stray = Step::Stray(AnswerFault::InvokeId { came: 2, expected: 3 });
        assert_eq!(exchange.on_get_response(&late), stray);
        let set =
            SetResponse::Normal { invoke_id: InvokeId::confirmed(3), result: DataAccessResult::Success };
        let (came, expected) = (ApduKind(apdu_tag::SET_RESPONSE), ApduKind(apdu_tag::GET_RESPONSE));
        let step = exchange.on_apdu(&set.to_vec(), Quirks::default(), &mut ClientCounters::default());
        assert_eq!(step, Ok(Step::Stray(AnswerFault::Kind { came, expected })));
    }

    #[test]
    fn a_forgotten_transfer_is_asked_for_again_from_the_start() {
        let mut exchange = get();
        exchange.apdu(3, TERMS).unwrap();
        exchange.on_get_response(&block(3, 1, false, &[0x12]));
        let invoke_id = InvokeId::confirmed(3);
        let lost = GetResponse::Normal { invoke_id, result: Err(DataAccessResult::NoLongGetInProgress) };
        assert_eq!(exchange.on_get_response(&lost), Step::Restart);
        assert!(exchange.needs_fresh());
        let stray = Step::Stray(AnswerFault::InvokeId { came: 3, expected: 3 });
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12])), stray);
    }

    #[test]
    fn a_value_beyond_the_limit_ends_the_request() {
        let mut exchange = get();
        exchange.apdu(3, TERMS).unwrap();
        let failed = Step::Done(ClientOutput::Failed(ClientFailure::TooLong));
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0; 101])), failed);
    }

    fn long_action() -> Exchange {
        let method =
            MethodRequest { class_id: 18, logical_name: LogicalName([0, 0, 44, 0, 0, 255]), method: 2 };
        Exchange::new(Request::Action(method, Some([&[9, 100][..], &[7; 100]].concat())), 100)
    }

    #[test]
    fn an_action_may_be_repeated_until_its_last_block_is_out_and_once_its_answer_comes() {
        let mut exchange = long_action();
        assert!(!exchange.is_repeatable());
        let invoke_id = InvokeId::confirmed(3);
        let mut block = 0;
        while exchange.apdu(3, TERMS).is_ok() && (block == 0 || exchange.is_repeatable()) {
            block += 1;
            let next = AnyActionResponse::NextPblock { invoke_id, block };
            if matches!(exchange.on_action_response(&next), Step::Stray(_)) {
                break;
            }
        }
        assert!(block == 2 && !exchange.is_repeatable(), "the last block is out: {block}");
        let block = crate::apdu::DataBlock { last: false, number: 1, raw: &[9, 1] };
        let first = AnyActionResponse::WithPblock { invoke_id, block };
        assert_eq!(exchange.on_action_response(&first), Step::Next);
        assert!(exchange.is_repeatable());
        let next = AnyActionRequest::NextPblock { invoke_id, block: 1 }.to_vec();
        assert_eq!(exchange.apdu(4, TERMS), Ok(next));
    }

    #[test]
    fn an_action_whose_parameter_was_lost_is_asked_from_the_start_unless_it_may_have_been_invoked() {
        let lost = |exchange: &mut Exchange| {
            let (invoke_id, result) = (InvokeId::confirmed(3), ActionResult::LongActionAborted);
            let response = crate::apdu::ActionResponse { invoke_id, result, returned: None };
            exchange.on_action_response(&AnyActionResponse::Normal(response))
        };
        let mut exchange = long_action();
        exchange.apdu(3, TERMS).unwrap();
        assert_eq!(lost(&mut exchange), Step::Restart);
        let mut exchange = long_action();
        exchange.apdu(3, TERMS).unwrap();
        for block in 1..3 {
            let next = AnyActionResponse::NextPblock { invoke_id: InvokeId::confirmed(3), block };
            assert_eq!(exchange.on_action_response(&next), Step::Next);
        }
        let aborted = ClientOutput::ActionResult(ActionResult::LongActionAborted, None);
        assert_eq!(lost(&mut exchange), Step::Done(aborted));
    }

    #[test]
    fn a_request_that_the_server_cannot_take_in_any_way_is_not_sent() {
        let deaf = Terms { room: 60, conformance: Conformance::GET };
        assert_eq!(long_action().apdu(3, deaf), Err(ClientFailure::TooLong));
        let tiny = Terms { room: 20, conformance: Conformance::BLOCK_ACTION };
        assert_eq!(long_action().apdu(3, tiny), Err(ClientFailure::TooLong));
    }
}
