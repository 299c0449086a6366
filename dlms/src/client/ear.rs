//! What the client believes: answers of one server, each counter once.

use super::{AnswerFault, ClientCounters};
use crate::apdu::{ApduKind, Conformance, InitiateResponse};
use crate::security::{Demand, End, Heard, Mark, SecurityContext, SessionKeyCounter, SystemTitle, Unopened};
use crate::specs::apdu_tag;
use alloc::vec::Vec;
use plc_core::wire::WireError;

/// The server as it has shown itself, and the counters that it has used.
#[derive(Debug)]
pub(super) struct Ear {
    heard: Heard,
    told: Option<u32>,
    server_title: Option<SystemTitle>,
    dedicated: Option<SecurityContext>,
    initiate: Option<InitiateResponse>,
}

impl Ear {
    /// Counters up to `last` were heard in an earlier life, and requests before `first` were sent in it.
    pub(super) fn new(last: Option<u32>, first: u32, keys: Option<&SecurityContext>) -> Self {
        let zero = keys.is_some_and(|keys| keys.interop().session_key_counter == SessionKeyCounter::Zero);
        // Answers have the transaction-id of their request.
        let answered = if zero { first.checked_sub(1) } else { last };
        let heard = Heard { single_use: answered.map(u128::from), ..Heard::new(last) };
        Self { heard, told: last, server_title: None, dedicated: None, initiate: None }
    }

    /// The largest APDU that the server takes, in octets; it says 0 for no limit.
    pub(super) fn server_max_pdu(&self) -> usize {
        let said = self.initiate.map(|initiate| initiate.max_pdu).filter(|&max_pdu| max_pdu > 0);
        said.map_or(usize::MAX, usize::from)
    }

    /// What the server can do, once it has said so.
    pub(super) const fn server_conformance(&self) -> Option<Conformance> {
        match self.initiate {
            Some(initiate) => Some(initiate.conformance),
            None => None,
        }
    }

    /// What the server says of itself.
    pub(super) const fn on_initiate(&mut self, initiate: &InitiateResponse) {
        self.initiate = Some(*initiate);
    }

    /// A server is known without having shown itself: its counters go on, whatever life it is in.
    pub(super) const fn on_known(&mut self, title: SystemTitle) {
        self.server_title = Some(title);
    }

    /// A server has shown an authentic answer to an AARQ; returns whether it is fresh. A dedicated key
    /// begins with no counter heard.
    pub(super) fn on_server(
        &mut self,
        title: SystemTitle,
        counter: u32,
        dedicated: Option<SecurityContext>,
    ) -> bool {
        let fresh = self.heard.is_fresh(Mark::Global(counter));
        if fresh {
            self.heard.accept(Mark::Global(counter));
            self.heard.forget_dedicated();
            self.server_title = Some(title);
            self.dedicated = dedicated;
        }
        fresh
    }

    /// The two ends, once the server has shown itself.
    pub(super) fn end<'e>(&'e self, context: &'e SecurityContext, own: &'e SystemTitle) -> Option<End<'e>> {
        let peer = self.server_title.as_ref()?;
        Some(End { context, dedicated: self.dedicated.as_ref(), own, peer })
    }

    /// Takes an APDU out of its protection.
    ///
    /// # Errors
    /// Counted, and why it is not to be believed.
    pub(super) fn open(
        &mut self,
        keys: &SecurityContext,
        own: &SystemTitle,
        apdu: &[u8],
        drops: &mut ClientCounters,
    ) -> Result<Vec<u8>, AnswerFault> {
        let came = ApduKind(apdu.first().copied().unwrap_or_default());
        let Some(end) = self.end(keys, own) else {
            drops.unexpected += 1;
            return Err(AnswerFault::Kind { came, expected: ApduKind(apdu_tag::AARE) });
        };
        match end.open(&self.heard, Demand::of_responses(keys), apdu) {
            Ok(opened) => {
                self.heard.accept(opened.mark);
                Ok(opened.plain)
            }
            Err(unopened) => {
                let malformed = WireError::Invalid("protection");
                let (count, fault) = match unopened {
                    Unopened::Malformed => {
                        (&mut drops.malformed, AnswerFault::Malformed { came, fault: malformed })
                    }
                    Unopened::Replay => (&mut drops.replayed, AnswerFault::Replayed(came)),
                    Unopened::Fault(_) => (&mut drops.unauthentic, AnswerFault::Unauthentic(came)),
                };
                *count += 1;
                Err(fault)
            }
        }
    }

    /// The highest counter that was accepted, if it was not told before.
    pub(super) fn news(&mut self) -> Option<u32> {
        let last = self.heard.global.last().filter(|_| self.heard.global.last() != self.told)?;
        self.told = Some(last);
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{SPECIFIC, seal};

    const CLIENT: SystemTitle = *b"PLCDC001";

    const SERVER: SystemTitle = *b"MTR00001";
    const ANSWER: [u8; 5] = [0xC4, 1, 0x41, 0, 0];

    fn keys() -> SecurityContext {
        SecurityContext::new(&[1; 16], &[2; 16])
    }

    fn answer(counter: u32) -> Vec<u8> {
        seal(&keys(), &SERVER, counter, &ANSWER, SPECIFIC)
    }

    #[test]
    fn an_answer_is_believed_once_and_none_before_it_afterwards() {
        let (mut ear, mut drops) = (Ear::new(Some(4), 1, None), ClientCounters::default());
        assert!(!ear.on_server(SERVER, 4, None) && ear.on_server(SERVER, 5, None));
        assert_eq!(ear.open(&keys(), &CLIENT, &answer(8), &mut drops), Ok(ANSWER.to_vec()));
        let replayed = Err(AnswerFault::Replayed(ApduKind(apdu_tag::GLO_GET_RESPONSE)));
        assert_eq!(ear.open(&keys(), &CLIENT, &answer(8), &mut drops), replayed);
        assert_eq!(ear.open(&keys(), &CLIENT, &answer(7), &mut drops), replayed);
        assert_eq!(drops.replayed, 2);
        assert_eq!((ear.news(), ear.news()), (Some(8), None));
    }

    #[test]
    fn a_forged_answer_does_not_move_the_counter() {
        let (mut ear, mut drops) = (Ear::new(None, 1, None), ClientCounters::default());
        ear.on_server(SERVER, 1, None);
        let mut forged = answer(u32::MAX);
        *forged.last_mut().expect("a tag") ^= 1;
        let unauthentic = Err(AnswerFault::Unauthentic(ApduKind(apdu_tag::GLO_GET_RESPONSE)));
        assert_eq!(ear.open(&keys(), &CLIENT, &forged, &mut drops), unauthentic);
        assert_eq!(drops.unauthentic, 1);
        assert!(ear.open(&keys(), &CLIENT, &answer(2), &mut drops).is_ok());
    }

    #[test]
    fn before_an_association_nothing_ciphered_is_believed() {
        let (mut ear, mut drops) = (Ear::new(None, 1, None), ClientCounters::default());
        assert!(ear.open(&keys(), &CLIENT, &answer(2), &mut drops).is_err());
        assert_eq!((drops.unexpected, ear.news()), (1, None));
    }
}
