//! Which service an APDU asks for.

use super::ServerCounters;
use super::accessing::Accessing;
use super::acting::Acting;
use super::caller::MALFORMED;
use super::getting::Getting;
use super::negotiated::needed;
use super::recent::Fingerprint;
use super::services::Services;
use super::serving::UNKNOWN_SERVICE;
use super::session::Session;
use super::setting::Setting;
use crate::apdu::{
    AccessRequest, AnyActionRequest, ExceptionResponse, GetRequest, InvokeId, Pdu, SetRequest,
};
use crate::specs::apdu_tag;
use crate::specs::choice::{self, action_request, set_request};
use alloc::vec::Vec;

/// What a service has to say: an answer, nothing, or that it is no service.
pub(super) type Answer = Result<Option<Vec<u8>>, ExceptionResponse>;

/// One APDU of a session that is open.
pub(super) struct Dispatch<'d, 's> {
    pub(super) session: &'d mut Session,
    pub(super) services: Services<'s>,
    pub(super) counters: &'d mut ServerCounters,
}

impl Dispatch<'_, '_> {
    /// The answer; `None` when there is nothing to say. A request that wants no answer gets none: what it writes and invokes
    /// is done all the same, and what is read, or goes on in blocks that would have to be acknowledged, is not.
    pub(super) fn answer(self, apdu: &[u8]) -> Answer {
        if !is_unconfirmed(apdu) {
            return self.confirmed(apdu);
        }
        if is_done_unconfirmed(apdu) {
            // There is nobody to tell.
            let _ = self.confirmed(apdu);
        }
        Ok(None)
    }

    fn confirmed(self, apdu: &[u8]) -> Answer {
        let Self { session, mut services, counters } = self;
        let services = &mut services;
        if !session.terms.conformance.has(needed(apdu)) {
            return Err(UNKNOWN_SERVICE);
        }
        match apdu.first() {
            Some(&apdu_tag::GET_REQUEST) => {
                let request = GetRequest::from_bytes(apdu).map_err(|_| unreadable(apdu))?;
                let fingerprint = Fingerprint::of(apdu);
                Getting { session, services, fingerprint }.on_request(&request)
            }
            Some(&apdu_tag::SET_REQUEST) => {
                let request = SetRequest::from_bytes(apdu).map_err(|_| unreadable(apdu))?;
                Setting { session, services, counters }.on_request(&request).map(Some)
            }
            Some(&apdu_tag::ACTION_REQUEST) => {
                let request = AnyActionRequest::from_bytes(apdu).map_err(|_| unreadable(apdu))?;
                Acting { session, services, counters }.on_request(&request)
            }
            Some(&apdu_tag::ACCESS_REQUEST) => {
                let request = AccessRequest::from_bytes(apdu).map_err(|_| unreadable(apdu))?;
                Accessing { services }.on_request(&request)
            }
            _ => Err(UNKNOWN_SERVICE),
        }
    }
}

/// What is said of a request that cannot be read: a form that nobody knows is not supported, one that is known is no such request
/// \[GB 9.5; confidence B\].
const fn unreadable(apdu: &[u8]) -> ExceptionResponse {
    let is_known = match *apdu {
        [apdu_tag::GET_REQUEST, choice, ..] => matches!(choice, choice::NORMAL..=choice::WITH_LIST),
        [apdu_tag::SET_REQUEST, choice, ..] => {
            matches!(choice, set_request::NORMAL..=set_request::WITH_LIST_AND_FIRST_DATA_BLOCK)
        }
        [apdu_tag::ACTION_REQUEST, choice, ..] => {
            matches!(choice, action_request::NORMAL..=action_request::WITH_PBLOCK)
        }
        _ => true,
    };
    if is_known { MALFORMED } else { UNKNOWN_SERVICE }
}

/// Whether this is a GET, SET or ACTION whose service class says that no answer is wanted \[GB 9.5; confidence A\].
pub(super) fn is_unconfirmed(apdu: &[u8]) -> bool {
    match *apdu {
        [apdu_tag::GET_REQUEST | apdu_tag::SET_REQUEST | apdu_tag::ACTION_REQUEST, _, invoke_id, ..] => {
            !InvokeId(invoke_id).is_confirmed()
        }
        _ => false,
    }
}

/// Whether an unconfirmed request is carried out: one that writes or invokes, and is all there.
fn is_done_unconfirmed(apdu: &[u8]) -> bool {
    matches!(
        *apdu,
        [apdu_tag::SET_REQUEST, set_request::NORMAL | set_request::WITH_LIST, ..]
            | [apdu_tag::ACTION_REQUEST, action_request::NORMAL | action_request::WITH_LIST, ..]
    )
}
