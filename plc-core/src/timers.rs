//! A table of deadlines, one per timer of a machine.

use crate::Instant;

/// `N` timers, each armed or not. A machine names its timers with constants or an enum cast to `usize`.
#[derive(Clone, Debug)]
pub struct TimerTable<const N: usize> {
    deadlines: [Option<Instant>; N],
}

impl<const N: usize> TimerTable<N> {
    /// All timers unarmed.
    pub const fn new() -> Self {
        Self { deadlines: [None; N] }
    }

    /// Arms `timer` for `at`, replacing an earlier setting.
    pub fn arm(&mut self, timer: usize, at: Instant) {
        self.deadlines[timer] = Some(at);
    }

    /// Unarms `timer`.
    pub fn cancel(&mut self, timer: usize) {
        self.deadlines[timer] = None;
    }

    /// When `timer` will expire, if armed.
    pub fn armed(&self, timer: usize) -> Option<Instant> {
        self.deadlines[timer]
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Unarms and returns the timer that expired first, at or before `now`. Ties go to the lower number.
    pub fn expire(&mut self, now: Instant) -> Option<usize> {
        let due = (0..N).filter(|&t| self.deadlines[t].is_some_and(|at| at <= now));
        let timer = due.min_by_key(|&t| (self.deadlines[t], t))?;
        self.cancel(timer);
        Some(timer)
    }
}

impl<const N: usize> Default for TimerTable<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_expire_in_the_order_of_their_deadlines() {
        let mut timers: TimerTable<3> = TimerTable::new();
        timers.arm(0, Instant::from_secs(3));
        timers.arm(1, Instant::from_secs(1));
        timers.arm(2, Instant::from_secs(9));
        assert_eq!(timers.deadline(), Some(Instant::from_secs(1)));
        let now = Instant::from_secs(5);
        assert_eq!((timers.expire(now), timers.expire(now), timers.expire(now)), (Some(1), Some(0), None));
        assert_eq!(timers.deadline(), Some(Instant::from_secs(9)));
    }
}
