//! One request to an open association, until it is answered.

use super::{ClientFailure, ClientOutput};
use crate::apdu::{
    ActionRequest, ActionResponse, DataAccessResult, GetRequest, GetResponse, GetResults, InvokeId, Pdu,
    SetRequest, SetResponse,
};
use crate::axdr::Data;
use crate::cosem::{AttributeRequest, MethodRequest};
use crate::specs::apdu_tag;
use alloc::vec::Vec;
use plc_core::wire::WireError;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Get(AttributeRequest),
    GetList(Vec<AttributeRequest>),
    Set(AttributeRequest, Vec<u8>),
    Action(MethodRequest, Option<Vec<u8>>),
}

/// What an answer means.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Not an answer to this request, or one that came twice.
    Ignore,
    /// A block has arrived; ask for the next.
    Next,
    /// The transfer is lost; ask from the start.
    Restart,
    /// The request is done.
    Done(ClientOutput),
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
        Self { request, issued: 0, latest: 0, transfer: None, value_max }
    }

    /// Whether asking twice is harmless.
    pub(super) const fn is_repeatable(&self) -> bool {
        !matches!(self.request, Request::Action(..))
    }

    /// The APDU to send now; `fresh` is the number to use if the request is asked from the start.
    pub(super) fn apdu(&mut self, fresh: u8) -> Vec<u8> {
        if let Some(transfer) = &self.transfer {
            let invoke_id = InvokeId::confirmed(transfer.number);
            return GetRequest::Next { invoke_id, block: transfer.blocks }.to_vec();
        }
        self.issued |= 1 << fresh;
        self.latest = fresh;
        let invoke_id = InvokeId::confirmed(fresh);
        match &self.request {
            Request::Get(attribute) => {
                GetRequest::Normal { invoke_id, attribute: attribute.clone() }.to_vec()
            }
            Request::GetList(attributes) => {
                GetRequest::WithList { invoke_id, attributes: attributes.clone() }.to_vec()
            }
            Request::Set(attribute, value) => {
                SetRequest { invoke_id, attribute: attribute.clone(), value }.to_vec()
            }
            Request::Action(method, parameter) => {
                ActionRequest { invoke_id, method: *method, parameter: parameter.as_deref() }.to_vec()
            }
        }
    }

    /// Whether the next APDU asks from the start.
    pub(super) const fn needs_fresh(&self) -> bool {
        self.transfer.is_none()
    }

    /// Octets held.
    pub(super) fn held(&self) -> usize {
        self.transfer.as_ref().map_or(0, |transfer| transfer.value.len())
    }

    /// What an answer means.
    ///
    /// # Errors
    /// A response that is none.
    pub(super) fn on_apdu(&mut self, apdu: &[u8]) -> Result<Step, WireError> {
        match apdu.first() {
            Some(&apdu_tag::GET_RESPONSE) => GetResponse::from_bytes(apdu).map(|r| self.on_get_response(&r)),
            Some(&apdu_tag::SET_RESPONSE) => SetResponse::from_bytes(apdu).map(|r| self.on_set_response(r)),
            Some(&apdu_tag::ACTION_RESPONSE) => {
                ActionResponse::from_bytes(apdu).map(|r| self.on_action_response(&r))
            }
            _ => Ok(Step::Ignore),
        }
    }

    fn on_get_response(&mut self, response: &GetResponse<'_>) -> Step {
        match self.request {
            Request::Get(_) => self.on_one(response),
            Request::GetList(ref attributes) => self.on_list(attributes.len(), response),
            Request::Set(..) | Request::Action(..) => Step::Ignore,
        }
    }

    fn on_one(&mut self, response: &GetResponse<'_>) -> Step {
        match *response {
            GetResponse::Normal { invoke_id, result } if self.is_issued(invoke_id) => {
                self.on_normal(invoke_id, result)
            }
            GetResponse::WithDataBlock { invoke_id, last, block, result } if self.is_issued(invoke_id) => {
                match result {
                    Ok(piece) => self.on_block(invoke_id.number(), last, block, piece),
                    Err(result) => self.on_normal(invoke_id, Err(result)),
                }
            }
            _ => Step::Ignore,
        }
    }

    fn on_list(&self, asked: usize, response: &GetResponse<'_>) -> Step {
        match *response {
            GetResponse::WithList { invoke_id, results } if self.is_issued(invoke_id) => {
                self.on_results(asked, &results)
            }
            GetResponse::Normal { invoke_id, result: Err(result) } if self.is_issued(invoke_id) => {
                Step::Done(ClientOutput::AccessResult(result))
            }
            GetResponse::WithDataBlock { invoke_id, .. } if self.is_issued(invoke_id) => {
                Step::Done(ClientOutput::Failed(ClientFailure::TooLong))
            }
            _ => Step::Ignore,
        }
    }

    fn on_results(&self, asked: usize, results: &GetResults<'_>) -> Step {
        Step::Done(if results.len() != asked {
            ClientOutput::Failed(ClientFailure::Protocol)
        } else if results.encoded_len() > self.value_max {
            ClientOutput::Failed(ClientFailure::TooLong)
        } else {
            ClientOutput::Values(results.iter().map(|result| result.map(<[u8]>::to_vec)).collect())
        })
    }

    fn on_set_response(&self, response: SetResponse) -> Step {
        let mine = matches!(self.request, Request::Set(..)) && self.is_issued(response.invoke_id);
        if mine { Step::Done(ClientOutput::AccessResult(response.result)) } else { Step::Ignore }
    }

    fn on_action_response(&self, response: &ActionResponse<'_>) -> Step {
        let mine = matches!(self.request, Request::Action(..)) && self.is_issued(response.invoke_id);
        if !mine {
            return Step::Ignore;
        }
        let returned = response.returned.and_then(Result::ok).map(<[u8]>::to_vec);
        Step::Done(ClientOutput::ActionResult(response.result, returned))
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
            return Step::Ignore;
        }
        self.issued = 0;
        Step::Restart
    }

    fn on_block(&mut self, number: u8, last: bool, block: u32, piece: &[u8]) -> Step {
        let begins = self.transfer.as_ref().is_none_or(|t| t.number != number && number == self.latest);
        if block == 1 && begins {
            self.transfer = Some(Transfer { number, blocks: 0, value: Vec::new() });
        }
        let Some(transfer) = self.transfer.as_mut() else { return Step::Ignore };
        if transfer.number != number || block != transfer.blocks + 1 {
            return Step::Ignore;
        }
        if piece.is_empty() && !last {
            return Step::Done(ClientOutput::Failed(ClientFailure::Protocol));
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
        match Data::from_bytes(&value) {
            Ok(_) => Step::Done(ClientOutput::Value(value)),
            Err(_) => Step::Done(ClientOutput::Failed(ClientFailure::Protocol)),
        }
    }
}

/// Results that say that a transfer is not under way, or not at this block.
const fn is_loss(result: DataAccessResult) -> bool {
    matches!(
        result,
        DataAccessResult::NoLongGetInProgress
            | DataAccessResult::LongGetAborted
            | DataAccessResult::DataBlockNumberInvalid
            | DataAccessResult::DataBlockUnavailable
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::LogicalName;
    use alloc::vec;

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
        exchange.apdu(3);
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0x34])), Step::Next);
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0x34])), Step::Ignore);
        let value = Step::Done(ClientOutput::Value(vec![0x12, 0x34, 0x56]));
        assert_eq!(exchange.on_get_response(&block(3, 2, true, &[0x56])), value);
    }

    #[test]
    fn blocks_of_two_transfers_never_mix() {
        let mut exchange = get();
        exchange.apdu(3);
        exchange.apdu(4);
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12, 0xAA])), Step::Next);
        assert_eq!(exchange.on_get_response(&block(4, 2, true, &[0xBB])), Step::Ignore);
        assert_eq!(exchange.on_get_response(&block(4, 1, false, &[0x12, 0xBB])), Step::Next);
        assert_eq!(exchange.on_get_response(&block(3, 2, true, &[0xAA])), Step::Ignore);
        let value = Step::Done(ClientOutput::Value(vec![0x12, 0xBB, 0xBB]));
        assert_eq!(exchange.on_get_response(&block(4, 2, true, &[0xBB])), value);
    }

    #[test]
    fn an_answer_to_another_request_is_ignored() {
        let mut exchange = get();
        exchange.apdu(3);
        let late = GetResponse::Normal { invoke_id: InvokeId::confirmed(2), result: Ok(&[0]) };
        assert_eq!(exchange.on_get_response(&late), Step::Ignore);
        let set = SetResponse { invoke_id: InvokeId::confirmed(3), result: DataAccessResult::Success };
        assert_eq!(exchange.on_set_response(set), Step::Ignore);
    }

    #[test]
    fn a_forgotten_transfer_is_asked_for_again_from_the_start() {
        let mut exchange = get();
        exchange.apdu(3);
        exchange.on_get_response(&block(3, 1, false, &[0x12]));
        let invoke_id = InvokeId::confirmed(3);
        let lost = GetResponse::Normal { invoke_id, result: Err(DataAccessResult::NoLongGetInProgress) };
        assert_eq!(exchange.on_get_response(&lost), Step::Restart);
        assert!(exchange.needs_fresh());
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0x12])), Step::Ignore);
    }

    #[test]
    fn a_value_beyond_the_limit_ends_the_request() {
        let mut exchange = get();
        exchange.apdu(3);
        let failed = Step::Done(ClientOutput::Failed(ClientFailure::TooLong));
        assert_eq!(exchange.on_get_response(&block(3, 1, false, &[0; 101])), failed);
    }
}
