//! SET in all its forms.

use super::ServerCounters;
use super::caller::MALFORMED;
use super::incoming::{Arrival, Incoming, Target};
use super::services::Services;
use super::serving::LIST_TOO_LONG;
use super::session::Session;
use crate::apdu::{
    AccessResults, DataAccessResult, DataBlock, ExceptionResponse, InvokeId, Pdu, SetRequest, SetResponse,
    Values,
};
use crate::cosem::AttributeRequest;
use crate::specs::get::LIST_MAX;
use alloc::vec::Vec;

/// Serves one set-request.
pub(super) struct Setting<'g, 's> {
    pub(super) session: &'g mut Session,
    pub(super) services: &'g mut Services<'s>,
    pub(super) counters: &'g mut ServerCounters,
}

impl Setting<'_, '_> {
    /// The answer.
    pub(super) fn on_request(&mut self, request: &SetRequest<'_>) -> Result<Vec<u8>, ExceptionResponse> {
        let invoke_id = request.invoke_id();
        match request {
            SetRequest::Normal { attribute, value, .. } => {
                let result = self.services.set(attribute, value);
                Ok(SetResponse::Normal { invoke_id, result }.to_vec())
            }
            SetRequest::WithList { attributes, values, .. } => {
                check_count(attributes.len())?;
                let codes = self.write_all(attributes, values);
                Ok(SetResponse::WithList { invoke_id, results: AccessResults::new(&codes) }.to_vec())
            }
            SetRequest::WithFirstDataBlock { attribute, block, .. } => {
                Ok(self.on_first(invoke_id, attribute, block))
            }
            SetRequest::WithListAndFirstDataBlock { attributes, block, .. } => {
                check_count(attributes.len())?;
                self.session.incoming = Some(Incoming::new(invoke_id, Target::SetList(attributes.clone())));
                Ok(self.on_block(invoke_id, block))
            }
            SetRequest::WithDataBlock { block, .. } => Ok(self.on_block(invoke_id, block)),
        }
    }

    fn write_all(&mut self, attributes: &[AttributeRequest], values: &Values<'_>) -> Vec<u8> {
        let pairs = attributes.iter().zip(values.iter());
        pairs.map(|(attribute, value)| self.services.set(attribute, value).code()).collect()
    }

    /// Nothing is collected for an attribute that may not be written.
    fn on_first(
        &mut self,
        invoke_id: InvokeId,
        attribute: &AttributeRequest,
        block: &DataBlock<'_>,
    ) -> Vec<u8> {
        if let Err(result) = self.services.check_write(attribute) {
            self.session.incoming = None;
            return SetResponse::LastDataBlock { invoke_id, result, block: block.number }.to_vec();
        }
        self.session.incoming = Some(Incoming::new(invoke_id, Target::Set(attribute.clone())));
        self.on_block(invoke_id, block)
    }

    fn on_block(&mut self, invoke_id: InvokeId, block: &DataBlock<'_>) -> Vec<u8> {
        let value_max = self.services.builtin.config.max_value_len;
        let incoming = self.session.incoming.as_mut().filter(|incoming| incoming.is_for(true, invoke_id));
        let arrival = incoming.map_or(Arrival::None, |incoming| incoming.on_block(block, value_max));
        match arrival {
            Arrival::More => SetResponse::DataBlock { invoke_id, block: block.number }.to_vec(),
            Arrival::Again(answer) => answer,
            Arrival::Whole(target, value) => self.on_whole(invoke_id, block.number, &target, &value),
            Arrival::None => self.refuse(invoke_id, block, DataAccessResult::NoLongSetInProgress),
            Arrival::WrongNumber => self.abort(invoke_id, block, DataAccessResult::DataBlockNumberInvalid),
            Arrival::TooLong => self.abort(invoke_id, block, DataAccessResult::LongSetAborted),
        }
    }

    fn on_whole(&mut self, invoke_id: InvokeId, block: u32, target: &Target, value: &[u8]) -> Vec<u8> {
        let answer = match target {
            Target::Set(attribute) => {
                let result = self.services.set(attribute, value);
                SetResponse::LastDataBlock { invoke_id, result, block }.to_vec()
            }
            Target::SetList(attributes) => self.on_whole_list(invoke_id, block, attributes, value),
            Target::Action(_) | Target::ActionList(_) => Vec::new(),
        };
        if let Some(incoming) = &mut self.session.incoming {
            incoming.on_answered(&answer);
        }
        answer
    }

    fn on_whole_list(
        &mut self,
        invoke_id: InvokeId,
        block: u32,
        attributes: &[AttributeRequest],
        value: &[u8],
    ) -> Vec<u8> {
        let values = Values::from_bytes(value).ok().filter(|values| values.len() == attributes.len());
        let Some(values) = values else {
            let result = DataAccessResult::TypeUnmatched;
            return SetResponse::LastDataBlock { invoke_id, result, block }.to_vec();
        };
        let codes = self.write_all(attributes, &values);
        let results = AccessResults::new(&codes);
        SetResponse::LastDataBlockWithList { invoke_id, results, block }.to_vec()
    }

    /// The transfer is over before its end.
    fn abort(&mut self, invoke_id: InvokeId, block: &DataBlock<'_>, result: DataAccessResult) -> Vec<u8> {
        self.session.incoming = None;
        self.counters.aborted_transfers += 1;
        self.refuse(invoke_id, block, result)
    }

    fn refuse(&self, invoke_id: InvokeId, block: &DataBlock<'_>, result: DataAccessResult) -> Vec<u8> {
        SetResponse::LastDataBlock { invoke_id, result, block: block.number }.to_vec()
    }
}

/// Whether so many objects are served at once: a list of none asks for nothing.
pub(super) const fn check_count(count: usize) -> Result<(), ExceptionResponse> {
    match count {
        0 => Err(MALFORMED),
        1..=LIST_MAX => Ok(()),
        _ => Err(LIST_TOO_LONG),
    }
}
