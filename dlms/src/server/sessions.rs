//! The table of sessions.

use super::session::Session;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// The sessions of a server: a bounded number, each forgotten after a silence.
#[derive(Debug)]
pub(super) struct Sessions {
    held: Vec<Session>,
    most: usize,
    timeout: Duration,
}

/// Which associations are open, and who has opened them.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenAssociations {
    /// Bit n is association n.
    bits: u64,
    users: [u8; ASSOCIATIONS_MAX],
}

/// Associations that have objects of their own. A bound of this crate.
pub(super) const ASSOCIATIONS_MAX: usize = 64;

impl Default for OpenAssociations {
    fn default() -> Self {
        Self { bits: 0, users: [0; ASSOCIATIONS_MAX] }
    }
}

impl OpenAssociations {
    fn add(&mut self, session: &Session) {
        if let Some(user) = self.users.get_mut(session.association) {
            self.bits |= 1 << session.association;
            *user = session.user_id.unwrap_or(*user);
        }
    }

    /// Whether somebody has opened the association at this place.
    pub(super) const fn has(&self, association: usize) -> bool {
        association < ASSOCIATIONS_MAX && self.bits & 1 << association != 0
    }

    /// The user who has opened it; of several, one that has said who it is.
    pub(super) fn user(&self, association: usize) -> Option<u8> {
        self.users.get(association).copied().filter(|_| self.has(association))
    }
}

impl Sessions {
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let (most, timeout) = (most.max(1), timeout.max(Duration::from_millis(1)));
        Self { held: Vec::with_capacity(most), most, timeout }
    }

    /// Sessions held, and the most that may be.
    pub(super) const fn occupancy(&self) -> (usize, usize) {
        (self.held.len(), self.most)
    }

    /// The session that a request of `peer` belongs to. A ciphered one may change its address.
    pub(super) fn find(&mut self, association: usize, peer: u16) -> Option<&mut Session> {
        let at = self.position(association, peer)?;
        self.held.get_mut(at)
    }

    /// Takes a session in: in the place of the same one, of a free place, or of the plain session that
    /// has been silent longest. An authentic one may also replace the most silent of all. Returns whether
    /// there was room.
    pub(super) fn admit(&mut self, session: Session) -> bool {
        let full = self.held.len() >= self.most;
        let same = self.position(session.association, session.peer);
        let place = same.or_else(|| full.then(|| self.most_silent(session.is_plain()))?);
        match place {
            Some(at) => self.held[at] = session,
            None if full => return false,
            None => self.held.push(session),
        }
        true
    }

    /// Forgets the session that a request of `peer` belongs to.
    pub(super) fn remove(&mut self, association: usize, peer: u16) {
        if let Some(at) = self.position(association, peer) {
            self.held.swap_remove(at);
        }
    }

    /// Forgets every session that `peer` has opened.
    pub(super) fn forget(&mut self, peer: u16) {
        self.held.retain(|session| session.peer != peer);
    }

    /// The associations that `peer` has opened.
    pub(super) fn opened_by(&self, peer: u16) -> impl Iterator<Item = usize> {
        let open = self.held.iter().filter(move |session| session.peer == peer && session.is_open());
        open.map(|session| session.association)
    }

    /// The peers that have this association open.
    pub(super) fn peers_of(&self, association: usize) -> Vec<u16> {
        let open = self.held.iter().filter(|session| session.association == association && session.is_open());
        open.map(|session| session.peer).collect()
    }

    /// Forgets whoever has been silent for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        self.held.retain(|session| session.last_heard + self.timeout > now);
    }

    /// The associations that are open.
    pub(super) fn open(&self) -> OpenAssociations {
        let mut open = OpenAssociations::default();
        self.held.iter().filter(|session| session.is_open()).for_each(|session| open.add(session));
        open
    }

    /// When the next session is to be forgotten.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.iter().map(|session| session.last_heard + self.timeout).min()
    }

    fn position(&self, association: usize, peer: u16) -> Option<usize> {
        let mine = |s: &Session| s.association == association && (!s.is_plain() || s.peer == peer);
        self.held.iter().position(mine)
    }

    fn most_silent(&self, only_plain: bool) -> Option<usize> {
        let candidates = self.held.iter().enumerate().filter(|(_, s)| s.is_plain() || !only_plain);
        candidates.min_by_key(|(_, s)| (!s.is_plain(), s.last_heard)).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::{Channel, Phase, Terms};
    use super::*;
    use crate::apdu::Conformance;

    const HOUR: Duration = Duration::from_secs(3600);

    fn plain(peer: u16, heard_s: u64) -> Session {
        let terms = Terms { max_pdu: 200, conformance: Conformance::OURS, joined_max: 200 };
        Session::new(Instant::from_secs(heard_s), peer, 1, Phase::Open, &terms)
    }

    fn ciphered(association: usize, heard_s: u64) -> Session {
        let terms = Terms { max_pdu: 200, conformance: Conformance::OURS, joined_max: 200 };
        Session::new(Instant::from_secs(heard_s), 0, association, Phase::Open, &terms)
            .ciphered(Some(Channel { client_title: [1; 8], dedicated: None }))
    }

    fn peers(sessions: &mut Sessions) -> Vec<u16> {
        (0..10).filter(|&peer| sessions.find(1, peer).is_some()).collect()
    }

    #[test]
    fn the_plain_session_that_was_silent_longest_makes_room_for_another() {
        let mut sessions = Sessions::new(3, HOUR);
        assert!([plain(1, 20), plain(2, 10), plain(3, 30)].into_iter().all(|s| sessions.admit(s)));
        assert!(sessions.admit(plain(4, 40)));
        assert_eq!(peers(&mut sessions), [1, 3, 4]);
        assert_eq!(sessions.occupancy(), (3, 3));
    }

    #[test]
    fn a_plain_session_never_displaces_a_ciphered_one() {
        let mut sessions = Sessions::new(2, HOUR);
        assert!(sessions.admit(ciphered(5, 1)) && sessions.admit(ciphered(6, 2)));
        assert!(!sessions.admit(plain(1, 100)));
        assert!(sessions.find(5, 0).is_some() && sessions.find(6, 0).is_some());
    }

    #[test]
    fn a_ciphered_session_displaces_plain_ones_first_and_then_the_most_silent() {
        let mut sessions = Sessions::new(2, HOUR);
        assert!(sessions.admit(ciphered(5, 1)) && sessions.admit(plain(1, 50)));
        assert!(sessions.admit(ciphered(6, 60)));
        assert!(peers(&mut sessions).is_empty());
        assert!(sessions.admit(ciphered(7, 70)));
        assert!(sessions.find(5, 0).is_none() && sessions.find(6, 0).is_some());
    }

    #[test]
    fn the_same_client_takes_its_own_place() {
        let mut sessions = Sessions::new(2, HOUR);
        assert!(sessions.admit(plain(1, 1)) && sessions.admit(ciphered(5, 2)));
        assert!(sessions.admit(plain(1, 3)) && sessions.admit(ciphered(5, 4)));
        assert_eq!(sessions.occupancy(), (2, 2));
        assert!(sessions.find(5, 999).is_some(), "a ciphered client may change its address");
        assert!(sessions.find(1, 999).is_none(), "a plain one is its address");
    }

    #[test]
    fn silence_ends_a_session() {
        let mut sessions = Sessions::new(2, HOUR);
        sessions.admit(plain(1, 0));
        sessions.admit(plain(2, 10));
        assert_eq!(sessions.deadline(), Some(Instant::from_secs(3600)));
        sessions.expire(Instant::from_secs(3600));
        assert_eq!(peers(&mut sessions), [2]);
    }
}
