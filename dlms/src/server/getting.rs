//! GET in all its forms.

use super::caller::MALFORMED;
use super::recent::{Fingerprint, Sighting};
use super::services::Services;
use super::serving::LIST_TOO_LONG;
use super::session::Session;
use super::transfer::{self, Service};
use crate::apdu::{
    Conformance, DataAccessResult, ExceptionResponse, GetRequest, GetResponse, GetResults, InvokeId, Pdu,
    counted,
};
use crate::cosem::AttributeRequest;
use crate::specs::get::{LIST_MAX, LIST_OVERHEAD, NORMAL_OVERHEAD, RESULT_LEN_MIN};
use alloc::vec::Vec;

/// Serves one get-request.
pub(super) struct Getting<'g, 's> {
    pub(super) session: &'g mut Session,
    pub(super) services: &'g mut Services<'s>,
    pub(super) fingerprint: Fingerprint,
}

impl Getting<'_, '_> {
    /// The answer; `None` when there is nothing to say.
    pub(super) fn on_request(&mut self, request: &GetRequest) -> Result<Option<Vec<u8>>, ExceptionResponse> {
        match request {
            GetRequest::Next { invoke_id, block } => Ok(self.on_next(*invoke_id, *block)),
            GetRequest::Normal { invoke_id, attribute } => match self.twin() {
                Some(answer) => Ok(answer),
                None => Ok(Some(self.read(*invoke_id, attribute))),
            },
            GetRequest::WithList { attributes, .. } if attributes.is_empty() => Err(MALFORMED),
            GetRequest::WithList { invoke_id, attributes } => match self.twin() {
                Some(answer) => Ok(answer),
                None => self.read_list(*invoke_id, attributes).map(Some),
            },
        }
    }

    /// What is said to a request that came twice, while its value still stands.
    fn twin(&mut self) -> Option<Option<Vec<u8>>> {
        let now = self.services.builtin.context.now;
        if !self.session.is_plain() {
            return None;
        }
        match (self.session.recent.sight(now, self.fingerprint), &self.session.transfer) {
            (Sighting::New, _) => None,
            (Sighting::Latest, Some(transfer)) => Some(Some(transfer.first())),
            (Sighting::Latest | Sighting::Displaced, _) => Some(None),
        }
    }

    fn read(&mut self, invoke_id: InvokeId, attribute: &AttributeRequest) -> Vec<u8> {
        let value = match self.services.get(attribute, usize::MAX) {
            Ok(value) => value,
            Err(result) => return self.refused(invoke_id, result),
        };
        let len = NORMAL_OVERHEAD + value.len();
        if len <= self.services.budget {
            return self.whole(invoke_id, value);
        }
        match self.in_blocks(invoke_id, value) {
            Ok(first) => first,
            Err(value) if len <= self.services.limit => self.whole(invoke_id, value),
            Err(_) => self.refused(invoke_id, DataAccessResult::OtherReason),
        }
    }

    fn refused(&mut self, invoke_id: InvokeId, result: DataAccessResult) -> Vec<u8> {
        self.services.buffers.write(&GetResponse::Normal { invoke_id, result: Err(result) })
    }

    fn whole(&mut self, invoke_id: InvokeId, value: Vec<u8>) -> Vec<u8> {
        let apdu = self.services.buffers.write(&GetResponse::Normal { invoke_id, result: Ok(&value) });
        self.services.buffers.give(value);
        apdu
    }

    /// The first block of `value`, or the value if the client cannot join blocks.
    fn in_blocks(&mut self, invoke_id: InvokeId, value: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        if !self.session.terms.conformance.has(Conformance::BLOCK_GET) {
            return Err(value);
        }
        let begun =
            transfer::begin(Service::Get, invoke_id, value, self.services.budget, &self.session.terms);
        let Some((first, transfer)) = begun else { return Err(Vec::new()) };
        self.session.transfer = Some(transfer);
        self.session.recent.note(self.services.builtin.context.now, self.fingerprint);
        Ok(first)
    }

    /// Reads a list: into one APDU if it fits, into blocks if the client can join them. What has no room is
    /// refused by itself, so that the client can ask for it alone.
    fn read_list(
        &mut self,
        invoke_id: InvokeId,
        attributes: &[AttributeRequest],
    ) -> Result<Vec<u8>, ExceptionResponse> {
        let blocks = self.session.terms.conformance.has(Conformance::BLOCK_GET);
        let room = if blocks { self.services.builtin.config.max_value_len } else { self.services.limit };
        let room = room.saturating_sub(LIST_OVERHEAD);
        if attributes.len() > LIST_MAX || attributes.len() * RESULT_LEN_MIN > room {
            return Err(LIST_TOO_LONG);
        }
        let encoded = self.read_all(attributes, room);
        let results = GetResults::new(attributes.len(), &encoded);
        let response = GetResponse::WithList { invoke_id, results };
        if response.wire_len() <= self.services.budget {
            return Ok(response.to_vec());
        }
        let joined = [counted(attributes.len()), encoded.clone()].concat();
        Ok(self.in_blocks(invoke_id, joined).unwrap_or_else(|_| response.to_vec()))
    }

    /// The results of a list in at most `room` octets.
    fn read_all(&mut self, attributes: &[AttributeRequest], room: usize) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (attribute, behind) in attributes.iter().zip((0..attributes.len()).rev()) {
            let room = room - encoded.len() - behind * RESULT_LEN_MIN;
            let value = self.services.get(attribute, room - 1);
            GetResults::push(&mut encoded, value.as_deref().map_err(|result| *result));
        }
        encoded
    }

    fn on_next(&mut self, invoke_id: InvokeId, block: u32) -> Option<Vec<u8>> {
        next_block(self.session, Service::Get, invoke_id, block)
    }
}

/// The block after `block` of what is under way; `None` for one that was served before.
pub(super) fn next_block(
    session: &mut Session,
    service: Service,
    invoke_id: InvokeId,
    block: u32,
) -> Option<Vec<u8>> {
    let after = match &mut session.transfer {
        None => Err(DataAccessResult::NoLongGetInProgress),
        Some(transfer) => transfer.after(service, invoke_id, block),
    };
    after.unwrap_or_else(|result| {
        if result == DataAccessResult::DataBlockNumberInvalid {
            session.transfer = None;
            session.recent.forget_latest();
        }
        Some(service.refusal(invoke_id, block, result))
    })
}
