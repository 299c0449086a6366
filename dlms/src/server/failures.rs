//! Who has guessed wrong, and for how long nobody listens to him.

use crate::specs::conversation::{FAILING_PEERS_MAX, GUESSES_FACTOR};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// The failed proofs of one association, by peer: who fails too often in a row is locked out, and nobody else.
///
/// A guesser may take many addresses. So all peers together have an allowance of failures; when it is used up, only
/// peers that have proved themselves before are heard, and the others one by one as it slowly grows again: no faster
/// than one locked peer may guess.
#[derive(Debug)]
pub(super) struct Failures {
    peers: Vec<Peer>,
    /// Failures of all peers that count still.
    used: u32,
    /// When the first of them ceases to count.
    refills_at: Option<Instant>,
}

/// What is known of one address.
#[derive(Debug)]
struct Peer {
    peer: u16,
    failed: u8,
    has_proved: bool,
    locked_until: Option<Instant>,
    last: Instant,
}

/// How much guessing is borne.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Failures of a peer in a row that lock it.
    pub(super) most: u8,
    /// For how long.
    pub(super) lockout: Duration,
}

impl Patience {
    const fn most(self) -> u8 {
        if self.most == 0 { 1 } else { self.most }
    }

    fn allowance(self) -> u32 {
        u32::from(self.most()) * GUESSES_FACTOR
    }

    /// How long one failure counts against all.
    fn interval(self) -> Duration {
        self.lockout / u32::from(self.most())
    }
}

impl Failures {
    pub(super) fn new() -> Self {
        Self { peers: Vec::with_capacity(FAILING_PEERS_MAX), used: 0, refills_at: None }
    }

    /// Whether nobody listens to `peer` now.
    pub(super) fn is_locked(&mut self, now: Instant, peer: u16, patience: Patience) -> bool {
        self.refill(now, patience);
        let known = self.peers.iter().find(|known| known.peer == peer);
        let by_itself = known.and_then(|known| known.locked_until).is_some_and(|until| now < until);
        let has_proved = known.is_some_and(|known| known.has_proved);
        by_itself || !has_proved && self.used >= patience.allowance()
    }

    pub(super) fn on_proved(&mut self, now: Instant, peer: u16) {
        if let Some(known) = self.place(now, peer) {
            *known = Peer { failed: 0, has_proved: true, locked_until: None, last: now, peer };
        }
    }

    /// Returns whether the peer, or everyone who has not proved himself, is locked from now on.
    pub(super) fn on_failed(&mut self, now: Instant, peer: u16, patience: Patience) -> bool {
        self.refill(now, patience);
        self.used = (self.used + 1).min(patience.allowance());
        self.refills_at.get_or_insert(now + patience.interval());
        let is_used_up = self.used >= patience.allowance();
        let Some(known) = self.place(now, peer) else { return is_used_up };
        known.last = now;
        known.failed = known.failed.saturating_add(1);
        let is_locked = known.failed >= patience.most();
        if is_locked {
            known.failed = 0;
            known.locked_until = Some(now + patience.lockout);
        }
        is_locked || is_used_up
    }

    /// What was failed long ago counts no more.
    fn refill(&mut self, now: Instant, patience: Patience) {
        while let Some(at) = self.refills_at.filter(|&at| at <= now) {
            self.used = self.used.saturating_sub(1);
            self.refills_at = (self.used > 0).then(|| at + patience.interval().max(Duration::from_millis(1)));
        }
    }

    /// The place of `peer`: its own, a free one, or that of whoever is not locked and was heard longest ago; of peers that
    /// have proved themselves only if there is no other. `None` if all places are of locked peers: then the allowance of
    /// all is what remains.
    fn place(&mut self, now: Instant, peer: u16) -> Option<&mut Peer> {
        let new = Peer { peer, failed: 0, has_proved: false, locked_until: None, last: now };
        if let Some(at) = self.peers.iter().position(|known| known.peer == peer) {
            return self.peers.get_mut(at);
        }
        if self.peers.len() < FAILING_PEERS_MAX {
            self.peers.push(new);
            return self.peers.last_mut();
        }
        let places =
            self.peers.iter_mut().filter(|known| known.locked_until.is_none_or(|until| until <= now));
        let oldest = places.min_by_key(|known| (known.has_proved, known.last))?;
        *oldest = new;
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { most: 3, lockout: Duration::from_secs(600) };
    const T0: Instant = Instant::from_secs(1000);

    #[test]
    fn who_guesses_is_locked_and_nobody_else() {
        let mut failures = Failures::new();
        let told: Vec<bool> = (0..3).map(|_| failures.on_failed(T0, 7, PATIENCE)).collect();
        assert_eq!(told, [false, false, true]);
        assert!(failures.is_locked(T0, 7, PATIENCE) && !failures.is_locked(T0, 8, PATIENCE));
        let (before, after) = (T0 + Duration::from_millis(599_999), T0 + Duration::from_secs(600));
        assert!(failures.is_locked(before, 7, PATIENCE) && !failures.is_locked(after, 7, PATIENCE));
    }

    #[test]
    fn a_proof_forgives_the_failures_before_it() {
        let mut failures = Failures::new();
        for _ in 0..5 {
            assert!(!failures.on_failed(T0, 7, PATIENCE) && !failures.on_failed(T0, 7, PATIENCE));
            failures.on_proved(T0, 7);
        }
        assert!(!failures.is_locked(T0, 7, PATIENCE));
    }

    #[test]
    fn many_addresses_together_guess_no_faster_than_one_in_the_long_run() {
        let mut failures = Failures::new();
        failures.on_proved(T0, 1);
        let (mut guesses, mut peer) = (0, 100);
        // A new address for every guess, one guess a second, for ten hours.
        for second in 0..36_000 {
            peer += 1;
            let now = T0 + Duration::from_secs(second);
            assert!(!failures.is_locked(now, 1, PATIENCE), "who has proved himself is heard");
            if !failures.is_locked(now, peer, PATIENCE) {
                guesses += 1;
                failures.on_failed(now, peer, PATIENCE);
            }
            assert!(failures.peers.len() <= FAILING_PEERS_MAX);
            if second % 100 == 0 {
                failures.on_proved(now, 1);
            }
        }
        let alone = 36_000 / 600 * 3;
        let burst = 3 * GUESSES_FACTOR;
        assert!((alone..=alone + burst).contains(&guesses), "{guesses} guesses");
    }

    #[test]
    fn the_table_is_bounded_and_a_locked_peer_keeps_its_place() {
        let mut failures = Failures::new();
        let generous = Patience { most: 200, ..PATIENCE };
        (0..3).for_each(|_| {
            failures.on_failed(T0, 7, PATIENCE);
        });
        for peer in 1000..2000 {
            failures.on_failed(T0 + Duration::from_secs(1), peer, generous);
        }
        assert!(
            failures.peers.len() == FAILING_PEERS_MAX && failures.peers.iter().any(|known| known.peer == 7)
        );
        assert!(failures.is_locked(T0 + Duration::from_secs(2), 7, generous));
    }
}
