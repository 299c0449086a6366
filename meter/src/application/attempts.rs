//! Which attempts to get in are worth a row of the log.

use crate::specs::event;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// When an attempt of each kind is logged next, of each peer by itself: who floods is logged ever more seldom, and whoever else tries is
/// logged at once.
///
/// A flooder may take many addresses. So all peers together have an allowance of rows; when it is used up, attempts are logged one by
/// one as it slowly grows again, and the log keeps what else has happened.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    peers: Vec<Peer>,
    /// Rows of all peers that count still.
    used: u32,
    /// When the first of them ceases to count.
    refills_at: Option<Instant>,
}

/// What is known of one address.
#[derive(Debug)]
struct Peer {
    peer: u16,
    kinds: [Option<Pace>; KINDS.len()],
    last: Instant,
}

/// How often one kind is logged.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: Duration,
    next: Instant,
}

impl Attempts {
    /// Whether an attempt of `peer` now is logged: the first of its kind is, then one a minute, then each time half as often, down to
    /// one a day, until there was none for a day; all within the allowance of all.
    pub(super) fn is_logged(&mut self, code: u8, peer: u16, now: Instant) -> bool {
        let Some(kind) = KINDS.iter().position(|&kind| kind == code) else { return true };
        self.refill(now);
        let used_up = self.used >= ALLOWANCE;
        let known = self.place(peer, now);
        known.last = now;
        let Some(pace) = known.kinds.get_mut(kind) else { return true };
        let interval = match *pace {
            Some(Pace { next, .. }) if now < next => return false,
            _ if used_up => return false,
            Some(Pace { interval, next }) if now < next + QUIET => (interval * 2).min(INTERVAL_MAX),
            _ => INTERVAL_MIN,
        };
        *pace = Some(Pace { interval, next: now + interval });
        self.used += 1;
        self.refills_at.get_or_insert(now + REFILL);
        true
    }

    /// What was logged long ago counts no more.
    fn refill(&mut self, now: Instant) {
        while let Some(at) = self.refills_at.filter(|&at| at <= now) {
            self.used = self.used.saturating_sub(1);
            self.refills_at = (self.used > 0).then(|| at + REFILL);
        }
    }

    /// The place of `peer`: its own, a free one, or that of whoever was quiet for longest.
    fn place(&mut self, peer: u16, now: Instant) -> &mut Peer {
        let own = self.peers.iter().position(|known| known.peer == peer);
        let at = own.unwrap_or_else(|| {
            let new = Peer { peer, kinds: [None; KINDS.len()], last: now };
            let oldest = self.peers.iter().enumerate().min_by_key(|(_, known)| known.last);
            match oldest.map(|(at, _)| at).filter(|_| self.peers.len() >= PEERS_MAX) {
                Some(at) => {
                    self.peers[at] = new;
                    at
                }
                None => {
                    self.peers.push(new);
                    self.peers.len() - 1
                }
            }
        });
        &mut self.peers[at]
    }
}

/// What anybody can bring about, without keys or with a record of somebody who has them.
const KINDS: [u8; 3] = [event::AUTHENTICATION_FAILURE, event::FAILED_LOGIN, event::REPLAY];
const INTERVAL_MIN: Duration = Duration::from_secs(60);
const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// Without an attempt for so long the pace begins anew.
const QUIET: Duration = Duration::from_secs(86_400);
/// Peers whose attempts are told apart.
const PEERS_MAX: usize = 32;
/// Rows of all peers together at once: a quarter of the log.
const ALLOWANCE: u32 = 24;
/// How long one of them counts.
const REFILL: Duration = Duration::from_secs(6 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::EVENTS_MAX;

    const fn at(seconds: u64) -> Instant {
        Instant::from_secs(1000 + seconds)
    }

    #[test]
    fn a_flood_of_a_week_takes_fewer_than_twenty_rows_and_hides_nothing_that_follows_it() {
        for code in KINDS {
            let mut attempts = Attempts::default();
            let rows = (0..7 * 86_400).filter(|&s| attempts.is_logged(code, 7, at(s)));
            let rows: Vec<u64> = rows.collect();
            assert_eq!(rows[..4], [0, 60, 180, 420]);
            assert!(rows.len() < 20, "{rows:?}");
            let later = 10 * 86_400;
            assert!(attempts.is_logged(code, 7, at(later)));
            assert!(
                !attempts.is_logged(code, 7, at(later + 59)) && attempts.is_logged(code, 7, at(later + 60))
            );
        }
    }

    #[test]
    fn while_one_peer_floods_every_other_is_logged_at_once_and_so_is_every_other_kind() {
        let mut attempts = Attempts::default();
        let flood =
            (0..86_400).filter(|&s| attempts.is_logged(event::AUTHENTICATION_FAILURE, 7, at(s))).count();
        assert!(flood < 14, "{flood}");
        assert!(!attempts.is_logged(event::AUTHENTICATION_FAILURE, 7, at(86_400)));
        for peer in [8, 9, 10] {
            assert!(attempts.is_logged(event::AUTHENTICATION_FAILURE, peer, at(86_400)), "{peer}");
        }
        assert!(attempts.is_logged(event::FAILED_LOGIN, 7, at(86_400)));
        assert!(attempts.is_logged(event::COVER_REMOVED, 7, at(86_400)), "nothing that needs a hand");
    }

    #[test]
    fn a_flood_from_as_many_addresses_as_there_are_leaves_half_of_the_log_for_a_week() {
        let mut attempts = Attempts::default();
        let mut rows = 0;
        // Ten attempts a second, each from another address.
        for n in 0..7 * 86_400 * 10u64 {
            let now = at(0) + Duration::from_millis(100 * n);
            rows += usize::from(attempts.is_logged(event::AUTHENTICATION_FAILURE, n as u16, now));
            assert!(attempts.peers.len() <= PEERS_MAX);
        }
        assert!((24..=EVENTS_MAX / 2 + 2).contains(&rows), "{rows}");
    }
}
