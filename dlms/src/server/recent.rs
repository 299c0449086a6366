//! Requests for long values that came lately, to tell a datagram that came twice from a new request.

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
///
/// What came is told by its fingerprint, the invoke-id in it: who makes two requests look alike only
/// deceives himself.
#[derive(Debug, Default)]
pub(super) struct Recent {
    requests: Deque<(Instant, Fingerprint), RECENT_MAX>,
}

/// What tells one request from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    invoke_id: u8,
    /// FNV-1a of the whole APDU.
    hash: u64,
}

impl Fingerprint {
    /// Of an APDU that begins with tag, choice and invoke-id.
    pub(super) fn of(apdu: &[u8]) -> Self {
        const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
        const PRIME: u64 = 0x100_0000_01B3;
        let hash = apdu.iter().fold(BASIS, |hash, &octet| (hash ^ u64::from(octet)).wrapping_mul(PRIME));
        Self { invoke_id: apdu.get(2).copied().unwrap_or_default(), hash }
    }
}

impl Recent {
    pub(super) fn sight(&mut self, now: Instant, request: Fingerprint) -> Sighting {
        while self.requests.front().is_some_and(|(at, _)| *at + DUPLICATE_WINDOW <= now) {
            self.requests.pop_front();
        }
        let later = self.requests.iter().rev().position(|(_, earlier)| *earlier == request);
        let unnumbered =
            |later| self.requests.iter().rev().take(later).any(|(_, r)| r.invoke_id == request.invoke_id);
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

    pub(super) fn note(&mut self, now: Instant, request: Fingerprint) {
        if self.requests.is_full() {
            self.requests.pop_front();
        }
        // Room was made above.
        let _ = self.requests.push_back((now, request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(invoke_id: u8, group_e: u8) -> Fingerprint {
        Fingerprint::of(&[0xC0, 1, invoke_id, 0, 7, 1, 0, 99, 1, group_e, 255, 2, 0])
    }

    #[test]
    fn twins_are_told_from_new_requests_for_a_while() {
        let (start, mut recent) = (Instant::from_secs(10), Recent::default());
        recent.note(start, get(1, 0));
        assert_eq!(recent.sight(start, get(1, 0)), Sighting::Latest);
        assert_eq!(recent.sight(start, get(2, 0)), Sighting::New);
        recent.note(start, get(2, 0));
        assert_eq!(recent.sight(start, get(1, 0)), Sighting::Displaced);
        assert_eq!(recent.sight(start + DUPLICATE_WINDOW, get(1, 0)), Sighting::New);
    }

    #[test]
    fn a_client_that_never_counts_is_served_each_time() {
        let (start, mut recent) = (Instant::from_secs(10), Recent::default());
        recent.note(start, get(1, 0));
        recent.note(start, get(1, 1));
        assert_eq!(recent.sight(start, get(1, 0)), Sighting::New);
    }
}
