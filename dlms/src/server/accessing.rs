//! ACCESS.

use super::services::Services;
use super::serving::LIST_TOO_LONG;
use super::setting::check_count;
use crate::apdu::{
    AccessOperation, AccessRequest, AccessResponse, ActionResult, DataAccessResult, ExceptionResponse,
    OperationResult, Pdu, Values, counted,
};
use alloc::vec::Vec;

/// Serves one access-request.
pub(super) struct Accessing<'g, 's> {
    pub(super) services: &'g mut Services<'s>,
}

impl Accessing<'_, '_> {
    /// The answer, nothing if the client wants none. What has no room in it is refused by itself.
    pub(super) fn on_request(
        &mut self,
        request: &AccessRequest<'_>,
    ) -> Result<Option<Vec<u8>>, ExceptionResponse> {
        let count = request.operations.len();
        check_count(count)?;
        let mut data = counted(count);
        let mut results = Vec::with_capacity(count);
        let overhead = ACCESS_OVERHEAD + count * RESULT_AND_NULL_LEN;
        let room = self.services.limit.checked_sub(overhead).ok_or(LIST_TOO_LONG)?;
        let mut broken = false;
        for (operation, value) in request.operations.iter().zip(request.data.iter()) {
            let (read, result) = if broken {
                (Vec::new(), skipped(operation))
            } else {
                self.carry_out(operation, value, (room + 1).saturating_sub(data.len()))
            };
            broken |= request.invoke_id.breaks_on_error() && !result.is_success();
            data.extend_from_slice(if read.is_empty() { &[0] } else { &read });
            results.push(result);
        }
        let data = Values::from_bytes(&data).map_err(|_| LIST_TOO_LONG)?;
        let (invoke_id, date_time, operations) = (request.invoke_id, None, None);
        let response = AccessResponse { invoke_id, date_time, operations, data, results };
        Ok(invoke_id.is_confirmed().then(|| response.to_vec()))
    }

    fn carry_out(
        &mut self,
        operation: &AccessOperation,
        value: &[u8],
        room: usize,
    ) -> (Vec<u8>, OperationResult) {
        match operation {
            AccessOperation::Get(attribute) => match self.services.get(attribute, room) {
                Ok(read) => (read, OperationResult::Get(DataAccessResult::Success)),
                Err(result) => (Vec::new(), OperationResult::Get(result)),
            },
            AccessOperation::Set(attribute) => {
                (Vec::new(), OperationResult::Set(self.services.set(attribute, value)))
            }
            AccessOperation::Action(method) => {
                let parameter = Some(value).filter(|value| *value != [0]);
                match self.services.invoke(method, parameter) {
                    Ok(returned) if returned.len() <= room => {
                        (returned, OperationResult::Action(ActionResult::Success))
                    }
                    Ok(_) => (Vec::new(), OperationResult::Action(ActionResult::Success)),
                    Err(result) => (Vec::new(), OperationResult::Action(result)),
                }
            }
        }
    }
}

/// What was not carried out because something before it failed.
const fn skipped(operation: &AccessOperation) -> OperationResult {
    match operation {
        AccessOperation::Get(_) => OperationResult::Get(DataAccessResult::OtherReason),
        AccessOperation::Set(_) => OperationResult::Set(DataAccessResult::OtherReason),
        AccessOperation::Action(_) => OperationResult::Action(ActionResult::OtherReason),
    }
}

/// access-response besides its data and results: tag, long-invoke-id, no date-time, no repetition of what was
/// asked, and two counts below 128.
const ACCESS_OVERHEAD: usize = 1 + 4 + 1 + 1 + 1 + 1;
/// What one operation takes at least: a result and a null value.
const RESULT_AND_NULL_LEN: usize = 2 + 1;
