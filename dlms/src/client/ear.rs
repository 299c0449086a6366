//! What the client believes: answers of one server, each counter once.

use super::ClientCounters;
use crate::apdu::{Ciphered, Conformance, InitiateResponse, Pdu};
use crate::invocation::ReceiveCounter;
use crate::security::{Suite0, SystemTitle, open};
use alloc::vec::Vec;

/// The server as it has shown itself, and the counters that it has used.
#[derive(Debug)]
pub(super) struct Ear {
    receive: ReceiveCounter,
    told: Option<u32>,
    server_title: Option<SystemTitle>,
    initiate: Option<InitiateResponse>,
}

impl Ear {
    /// Counters up to `last` were heard in an earlier life.
    pub(super) const fn new(last: Option<u32>) -> Self {
        Self { receive: ReceiveCounter::new(last), told: last, server_title: None, initiate: None }
    }

    /// The title of the server, once it has opened an association.
    pub(super) const fn server_title(&self) -> Option<&SystemTitle> {
        self.server_title.as_ref()
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

    /// A server has shown an authentic answer to an AARQ; returns whether it is fresh.
    pub(super) fn on_server(&mut self, title: SystemTitle, counter: u32) -> bool {
        let fresh = self.receive.is_fresh(counter);
        if fresh {
            self.receive.accept(counter);
            self.server_title = Some(title);
        }
        fresh
    }

    /// Takes an APDU out of its envelope; `None`, and a count, for what is not to be believed.
    pub(super) fn open(&mut self, keys: &Suite0, apdu: &[u8], drops: &mut ClientCounters) -> Option<Vec<u8>> {
        let drop = |count: &mut u64| {
            *count += 1;
            None
        };
        let Ok(ciphered) = Ciphered::from_bytes(apdu) else { return drop(&mut drops.malformed) };
        let Some(title) = &self.server_title else { return drop(&mut drops.unexpected) };
        if !self.receive.is_fresh(ciphered.counter) {
            return drop(&mut drops.replayed);
        }
        let Ok(plain) = open(keys, title, &ciphered) else { return drop(&mut drops.unauthentic) };
        self.receive.accept(ciphered.counter);
        Some(plain)
    }

    /// The highest counter that was accepted, if it was not told before.
    pub(super) fn news(&mut self) -> Option<u32> {
        let last = self.receive.last().filter(|_| self.receive.last() != self.told)?;
        self.told = Some(last);
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{SPECIFIC, seal};

    const SERVER: SystemTitle = *b"MTR00001";
    const ANSWER: [u8; 5] = [0xC4, 1, 0x41, 0, 0];

    fn keys() -> Suite0 {
        Suite0::new(&[1; 16], &[2; 16])
    }

    fn answer(counter: u32) -> Vec<u8> {
        seal(&keys(), &SERVER, counter, &ANSWER, SPECIFIC)
    }

    #[test]
    fn an_answer_is_believed_once_and_none_before_it_afterwards() {
        let (mut ear, mut drops) = (Ear::new(Some(4)), ClientCounters::default());
        assert!(!ear.on_server(SERVER, 4) && ear.on_server(SERVER, 5));
        assert_eq!(ear.open(&keys(), &answer(8), &mut drops), Some(ANSWER.to_vec()));
        assert_eq!(ear.open(&keys(), &answer(8), &mut drops), None);
        assert_eq!(ear.open(&keys(), &answer(7), &mut drops), None);
        assert_eq!(drops.replayed, 2);
        assert_eq!((ear.news(), ear.news()), (Some(8), None));
    }

    #[test]
    fn a_forged_answer_does_not_move_the_counter() {
        let (mut ear, mut drops) = (Ear::new(None), ClientCounters::default());
        ear.on_server(SERVER, 1);
        let mut forged = answer(u32::MAX);
        *forged.last_mut().expect("a tag") ^= 1;
        assert_eq!(ear.open(&keys(), &forged, &mut drops), None);
        assert_eq!(drops.unauthentic, 1);
        assert!(ear.open(&keys(), &answer(2), &mut drops).is_some());
    }

    #[test]
    fn before_an_association_nothing_ciphered_is_believed() {
        let (mut ear, mut drops) = (Ear::new(None), ClientCounters::default());
        assert_eq!(ear.open(&keys(), &answer(2), &mut drops), None);
        assert_eq!((drops.unexpected, ear.news()), (1, None));
    }
}
