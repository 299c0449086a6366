//! Requests for long values that came lately, to tell a datagram that came twice from a new request.

use crate::apdu::InvokeId;
use crate::cosem::AttributeRequest;
use crate::specs::conversation::{DUPLICATE_WINDOW, RECENT_MAX};
use heapless::Deque;
use plc_core::Instant;

/// What a request is, seen against the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// Not seen lately.
    New,
    /// The request that came last: its value still stands.
    Latest,
    /// One that others have displaced: whoever asked has gone on, and would mistake a new reading for a
    /// part of the old one.
    Displaced,
}

/// The last requests that were answered in blocks. Only sessions without security need it: elsewhere
/// the invocation counter tells twins apart.
#[derive(Debug, Default)]
pub(super) struct Recent {
    requests: Deque<(Instant, InvokeId, AttributeRequest), RECENT_MAX>,
}

impl Recent {
    pub(super) fn sight(
        &mut self,
        now: Instant,
        invoke_id: InvokeId,
        attribute: &AttributeRequest,
    ) -> Sighting {
        while self.requests.front().is_some_and(|(at, ..)| *at + DUPLICATE_WINDOW <= now) {
            self.requests.pop_front();
        }
        let twin =
            |(_, id, request): &(_, InvokeId, AttributeRequest)| *id == invoke_id && request == attribute;
        let later = self.requests.iter().rev().position(twin);
        let unnumbered = |later| self.requests.iter().rev().take(later).any(|(_, id, _)| *id == invoke_id);
        match later {
            None => Sighting::New,
            Some(0) => Sighting::Latest,
            // A client that gives every request the same number cannot be told from its twin.
            Some(later) if unnumbered(later) => Sighting::New,
            Some(_) => Sighting::Displaced,
        }
    }

    /// The transfer of the latest request was aborted.
    pub(super) fn forget_latest(&mut self) {
        self.requests.pop_back();
    }

    pub(super) fn note(&mut self, now: Instant, invoke_id: InvokeId, attribute: &AttributeRequest) {
        if self.requests.is_full() {
            self.requests.pop_front();
        }
        // Room was made above.
        let _ = self.requests.push_back((now, invoke_id, attribute.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::LogicalName;

    #[test]
    fn twins_are_told_from_new_requests_for_a_while() {
        let attribute = AttributeRequest::new(7, LogicalName([1, 0, 99, 1, 0, 255]), 2);
        let (start, mut recent) = (Instant::from_secs(10), Recent::default());
        recent.note(start, InvokeId(1), &attribute);
        assert_eq!(recent.sight(start, InvokeId(1), &attribute), Sighting::Latest);
        assert_eq!(recent.sight(start, InvokeId(2), &attribute), Sighting::New);
        recent.note(start, InvokeId(2), &attribute);
        assert_eq!(recent.sight(start, InvokeId(1), &attribute), Sighting::Displaced);
        assert_eq!(recent.sight(start + DUPLICATE_WINDOW, InvokeId(1), &attribute), Sighting::New);
    }

    #[test]
    fn a_client_that_never_counts_is_served_each_time() {
        let name = |e| AttributeRequest::new(7, LogicalName([1, 0, 99, 1, e, 255]), 2);
        let (start, mut recent) = (Instant::from_secs(10), Recent::default());
        recent.note(start, InvokeId(1), &name(0));
        recent.note(start, InvokeId(1), &name(1));
        assert_eq!(recent.sight(start, InvokeId(1), &name(0)), Sighting::New);
    }
}
