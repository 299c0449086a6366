//! ACTION in all its forms.

use super::ServerCounters;
use super::getting::next_block;
use super::incoming::{Arrival, Incoming, Target};
use super::services::{Services, action_failed};
use super::session::Session;
use super::setting::check_count;
use super::transfer::{self, Service};
use crate::apdu::{
    ActionOutcomes, ActionRequest, ActionResponse, ActionResult, AnyActionRequest, AnyActionResponse,
    DataAccessResult, DataBlock, ExceptionResponse, InvokeId, Pdu, Values, counted,
};
use crate::axdr::Data;
use crate::cosem::MethodRequest;
use alloc::vec::Vec;

/// Serves one action-request.
pub(super) struct Acting<'g, 's> {
    pub(super) session: &'g mut Session,
    pub(super) services: &'g mut Services<'s>,
    pub(super) counters: &'g mut ServerCounters,
}

impl Acting<'_, '_> {
    /// The answer; `None` when there is nothing to say.
    pub(super) fn on_request(
        &mut self,
        request: &AnyActionRequest<'_>,
    ) -> Result<Option<Vec<u8>>, ExceptionResponse> {
        let invoke_id = request.invoke_id();
        match request {
            AnyActionRequest::Normal(ActionRequest { method, parameter, .. }) => {
                Ok(Some(self.act(invoke_id, method, *parameter)))
            }
            AnyActionRequest::NextPblock { block, .. } => {
                Ok(next_block(self.session, Service::Action, invoke_id, *block))
            }
            AnyActionRequest::WithList { methods, parameters, .. } => {
                check_count(methods.len())?;
                Ok(Some(self.act_all(invoke_id, methods, parameters)))
            }
            AnyActionRequest::WithFirstPblock { method, block, .. } => {
                Ok(Some(self.on_first(invoke_id, method, block)))
            }
            AnyActionRequest::WithListAndFirstPblock { methods, block, .. } => {
                check_count(methods.len())?;
                let target = Target::ActionList(methods.clone());
                self.session.incoming = Some(Incoming::new(invoke_id, target));
                Ok(Some(self.on_block(invoke_id, block)))
            }
            AnyActionRequest::WithPblock { block, .. } => Ok(Some(self.on_block(invoke_id, block))),
        }
    }

    /// Invokes one method. One that was invoked is never said to have failed, even if what it returned is
    /// too long for the client.
    fn act(&mut self, invoke_id: InvokeId, method: &MethodRequest, parameter: Option<&[u8]>) -> Vec<u8> {
        let value = match self.services.invoke(method, parameter) {
            Ok(value) => value,
            Err(result) => return action_failed(invoke_id, result),
        };
        let result = ActionResult::Success;
        let returned = (!value.is_empty()).then_some(Ok(&value[..]));
        let response = ActionResponse { invoke_id, result, returned };
        if response.wire_len() <= self.services.budget {
            return response.to_vec();
        }
        let whole = (response.wire_len() <= self.services.limit).then(|| response.to_vec());
        self.in_blocks(invoke_id, value).or(whole).unwrap_or_else(|| {
            let returned = Some(Err(DataAccessResult::OtherReason));
            ActionResponse { invoke_id, result, returned }.to_vec()
        })
    }

    fn act_all(
        &mut self,
        invoke_id: InvokeId,
        methods: &[MethodRequest],
        parameters: &Values<'_>,
    ) -> Vec<u8> {
        let mut encoded = Vec::new();
        let room = self.services.builtin.config.max_value_len;
        for (method, parameter) in methods.iter().zip(parameters.iter()) {
            let parameter = Some(parameter).filter(|parameter| *parameter != NULL);
            match self.services.invoke(method, parameter) {
                Err(result) => ActionOutcomes::push(&mut encoded, result, None),
                Ok(value) => {
                    let fits = encoded.len() + value.len() <= room;
                    let value = if fits { Ok(&value[..]) } else { Err(DataAccessResult::OtherReason) };
                    let returned = (value != Ok(&[])).then_some(value);
                    ActionOutcomes::push(&mut encoded, ActionResult::Success, returned);
                }
            }
        }
        self.all_acted(invoke_id, methods.len(), encoded)
    }

    /// The outcomes of a list, in one APDU or in blocks; without what was returned if there is no room.
    fn all_acted(&mut self, invoke_id: InvokeId, count: usize, encoded: Vec<u8>) -> Vec<u8> {
        let outcomes = ActionOutcomes::new(count, &encoded);
        let response = AnyActionResponse::WithList { invoke_id, outcomes };
        if response.wire_len() <= self.services.budget {
            return response.to_vec();
        }
        let whole = (response.wire_len() <= self.services.limit).then(|| response.to_vec());
        let joined = [&counted(count)[..], &encoded].concat();
        self.in_blocks(invoke_id, joined).or(whole).unwrap_or_else(|| {
            let mut short = Vec::new();
            outcomes.iter().for_each(|(result, _)| ActionOutcomes::push(&mut short, result, None));
            let outcomes = ActionOutcomes::new(count, &short);
            AnyActionResponse::WithList { invoke_id, outcomes }.to_vec()
        })
    }

    /// The first block of `value`, if the client can join blocks.
    fn in_blocks(&mut self, invoke_id: InvokeId, value: Vec<u8>) -> Option<Vec<u8>> {
        let (budget, terms) = (self.services.budget, &self.session.terms);
        let (first, transfer) = transfer::begin(Service::Action, invoke_id, value, budget, terms)?;
        self.session.transfer = Some(transfer);
        Some(first)
    }

    /// Nothing is collected for a method that may not be invoked.
    fn on_first(&mut self, invoke_id: InvokeId, method: &MethodRequest, block: &DataBlock<'_>) -> Vec<u8> {
        if let Err(result) = self.services.check_invoke(method) {
            self.session.incoming = None;
            return action_failed(invoke_id, result);
        }
        self.session.incoming = Some(Incoming::new(invoke_id, Target::Action(*method)));
        self.on_block(invoke_id, block)
    }

    fn on_block(&mut self, invoke_id: InvokeId, block: &DataBlock<'_>) -> Vec<u8> {
        let value_max = self.services.builtin.config.max_value_len;
        let incoming = self.session.incoming.as_mut().filter(|incoming| incoming.is_for(false, invoke_id));
        let arrival = incoming.map_or(Arrival::None, |incoming| incoming.on_block(block, value_max));
        match arrival {
            Arrival::More => AnyActionResponse::NextPblock { invoke_id, block: block.number }.to_vec(),
            Arrival::Again(answer) => answer,
            Arrival::Whole(target, value) => self.on_whole(invoke_id, &target, &value),
            Arrival::None => action_failed(invoke_id, ActionResult::NoLongActionInProgress),
            Arrival::WrongNumber | Arrival::TooLong => {
                self.session.incoming = None;
                self.counters.aborted_transfers += 1;
                action_failed(invoke_id, ActionResult::LongActionAborted)
            }
        }
    }

    fn on_whole(&mut self, invoke_id: InvokeId, target: &Target, value: &[u8]) -> Vec<u8> {
        let answer = match target {
            Target::Action(_) if Data::from_bytes(value).is_err() => {
                action_failed(invoke_id, ActionResult::TypeUnmatched)
            }
            Target::Action(method) => self.act(invoke_id, method, Some(value)),
            Target::ActionList(methods) => {
                let values = Values::from_bytes(value).ok().filter(|values| values.len() == methods.len());
                match values {
                    Some(values) => self.act_all(invoke_id, methods, &values),
                    None => action_failed(invoke_id, ActionResult::TypeUnmatched),
                }
            }
            Target::Set(_) | Target::SetList(_) => Vec::new(),
        };
        if let Some(incoming) = &mut self.session.incoming {
            incoming.on_answered(&answer);
        }
        answer
    }
}

/// The parameter of a method that has none, in a list.
const NULL: &[u8] = &[0];
