//! Which attempts to get in are worth a row of the log.

use crate::specs::event;
use core::time::Duration;
use plc_core::Instant;

/// When an attempt of each kind is logged next.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    kinds: [Option<Pace>; KINDS.len()],
}

/// How often one kind is logged.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: Duration,
    next: Instant,
}

impl Attempts {
    /// Whether an attempt now is logged: the first of its kind is, then one a minute, then each time half as often, down to one a
    /// day, until there was none for a day.
    pub(super) fn is_logged(&mut self, code: u8, now: Instant) -> bool {
        let Some(pace) = KINDS.iter().position(|&kind| kind == code).and_then(|at| self.kinds.get_mut(at))
        else {
            return true;
        };
        let interval = match *pace {
            Some(Pace { next, .. }) if now < next => return false,
            Some(Pace { interval, next }) if now < next + QUIET => (interval * 2).min(INTERVAL_MAX),
            _ => INTERVAL_MIN,
        };
        *pace = Some(Pace { interval, next: now + interval });
        true
    }
}

/// What anybody can bring about.
const KINDS: [u8; 2] = [event::AUTHENTICATION_FAILURE, event::FAILED_LOGIN];
const INTERVAL_MIN: Duration = Duration::from_secs(60);
const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// Without an attempt for so long the pace begins anew.
const QUIET: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_a_week_takes_fewer_than_twenty_rows_and_hides_nothing_that_follows_it() {
        let mut attempts = Attempts::default();
        let at = |seconds| Instant::from_secs(1000 + seconds);
        let rows = (0..7 * 86_400).filter(|&s| attempts.is_logged(event::AUTHENTICATION_FAILURE, at(s)));
        let rows: alloc::vec::Vec<u64> = rows.collect();
        assert_eq!(rows[..4], [0, 60, 180, 420]);
        assert!(rows.len() < 20, "{rows:?}");
        assert!(attempts.is_logged(event::FAILED_LOGIN, at(0)), "another kind");
        assert!(attempts.is_logged(event::REPLAY, at(0)) && attempts.is_logged(event::REPLAY, at(0)));
        let later = 10 * 86_400;
        assert!(attempts.is_logged(event::AUTHENTICATION_FAILURE, at(later)));
        assert!(!attempts.is_logged(event::AUTHENTICATION_FAILURE, at(later + 59)));
        assert!(attempts.is_logged(event::AUTHENTICATION_FAILURE, at(later + 60)));
    }
}
