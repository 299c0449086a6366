//! GET in all its forms.

use super::recent::Sighting;
use super::services::Services;
use super::session::Session;
use super::transfer::{self, Served};
use crate::apdu::{
    DataAccessResult, ExceptionResponse, GetRequest, GetResponse, GetResults, InvokeId, Pdu, ServiceError,
    StateError,
};
use crate::cosem::AttributeRequest;
use crate::specs::get::{LIST_MAX, LIST_OVERHEAD, RESULT_LEN_MIN};
use alloc::vec::Vec;

/// Serves one get-request.
pub(super) struct Getting<'g, 's> {
    pub(super) session: &'g mut Session,
    pub(super) services: &'g mut Services<'s>,
}

impl Getting<'_, '_> {
    /// The answer; `None` when there is nothing to say.
    pub(super) fn on_request(&mut self, request: &GetRequest) -> Result<Option<Vec<u8>>, ExceptionResponse> {
        match request {
            GetRequest::Normal { invoke_id, attribute } => Ok(self.on_normal(*invoke_id, attribute)),
            GetRequest::Next { invoke_id, block } => Ok(self.on_next(*invoke_id, *block)),
            GetRequest::WithList { invoke_id, attributes } => self.on_list(*invoke_id, attributes).map(Some),
        }
    }

    /// Reads an attribute, unless the request came twice and its value still stands.
    fn on_normal(&mut self, invoke_id: InvokeId, attribute: &AttributeRequest) -> Option<Vec<u8>> {
        match (self.sighting(invoke_id, attribute), &self.session.transfer) {
            (Sighting::New, _) => Some(self.read(invoke_id, attribute)),
            (Sighting::Latest, Some(transfer)) => Some(transfer.first()),
            (Sighting::Latest | Sighting::Displaced, _) => None,
        }
    }

    fn sighting(&mut self, invoke_id: InvokeId, attribute: &AttributeRequest) -> Sighting {
        let now = self.services.builtin.context.now;
        let plain = self.session.is_plain();
        if plain { self.session.recent.sight(now, invoke_id, attribute) } else { Sighting::New }
    }

    fn read(&mut self, invoke_id: InvokeId, attribute: &AttributeRequest) -> Vec<u8> {
        let (budget, block_get) = (self.services.budget, self.session.terms.block_get);
        let value = self.services.get(attribute, usize::MAX);
        match value.and_then(|value| transfer::serve(invoke_id, value, budget, block_get)) {
            Ok(Served::Whole(apdu)) => apdu,
            Ok(Served::Blocks(first, transfer)) => {
                self.session.transfer = Some(transfer);
                self.session.recent.note(self.services.builtin.context.now, invoke_id, attribute);
                first
            }
            Err(result) => GetResponse::Normal { invoke_id, result: Err(result) }.to_vec(),
        }
    }

    /// Reads a list into one APDU. What has no room in it is refused by itself, so that the client can ask
    /// for it alone.
    fn on_list(
        &mut self,
        invoke_id: InvokeId,
        attributes: &[AttributeRequest],
    ) -> Result<Vec<u8>, ExceptionResponse> {
        let room = self.services.budget.saturating_sub(LIST_OVERHEAD);
        if attributes.len() > LIST_MAX || attributes.len() * RESULT_LEN_MIN > room {
            return Err(LIST_TOO_LONG);
        }
        let mut encoded = Vec::new();
        for (attribute, behind) in attributes.iter().zip((0..attributes.len()).rev()) {
            let room = room - encoded.len() - behind * RESULT_LEN_MIN;
            let value = self.services.get(attribute, room - 1);
            GetResults::push(&mut encoded, value.as_deref().map_err(|result| *result));
        }
        let results = GetResults::new(attributes.len(), &encoded);
        Ok(GetResponse::WithList { invoke_id, results }.to_vec())
    }

    fn on_next(&mut self, invoke_id: InvokeId, block: u32) -> Option<Vec<u8>> {
        let after = match &mut self.session.transfer {
            None => Err(DataAccessResult::NoLongGetInProgress),
            Some(transfer) => transfer.after(invoke_id, block),
        };
        after.unwrap_or_else(|result| {
            if result == DataAccessResult::DataBlockNumberInvalid {
                self.session.transfer = None;
                self.session.recent.forget_latest();
            }
            Some(GetResponse::WithDataBlock { invoke_id, last: true, block, result: Err(result) }.to_vec())
        })
    }
}

/// More attributes than are read at once, or than the client has room for.
const LIST_TOO_LONG: ExceptionResponse =
    ExceptionResponse { state: StateError::ServiceNotAllowed, service: ServiceError::PduTooLong };
