//! Pauses that double and differ from device to device.

use crate::specs;
use core::time::Duration;
use plc_core::seed::{Stream, uniform};

/// A range of pauses, shortest and longest.
pub(super) type Range = (Duration, Duration);

/// How long a device waits before it asks again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pauses {
    /// Whether it yields more than the standard wants when nobody answers.
    pub(super) yields: bool,
    /// Scans that led nowhere since the last success.
    pub(super) failed_scans: u8,
    /// Attempts to join that nobody has answered since the last success.
    pub(super) unanswered: u8,
}

impl Pauses {
    /// Forgets all failures.
    pub(super) fn succeed(&mut self) {
        (self.failed_scans, self.unanswered) = (0, 0);
    }

    /// Whether anything has failed since the last success.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed_scans > 0 || self.unanswered > 0
    }

    /// The pause before a scan.
    pub(super) fn before_scan(&self, random: &mut Stream) -> Duration {
        let last = if self.yields { specs::SCAN_BACKOFF_CROWDED } else { specs::SCAN_BACKOFF_LAST };
        draw(specs::SCAN_BACKOFF_FIRST, last, self.failed_scans, random)
    }

    /// The pause before an attempt to join, after `attempts` on the results of the present scan.
    pub(super) fn before_attempt(&self, attempts: u8, random: &mut Stream) -> Duration {
        match self.yields {
            true => {
                let failures = attempts.max(self.unanswered);
                draw(specs::JOIN_BACKOFF_FIRST, specs::JOIN_BACKOFF_CROWDED, failures, random)
            }
            false => draw(specs::JOIN_BACKOFF_FIRST, specs::JOIN_BACKOFF_LAST, attempts, random),
        }
    }
}

/// A random pause after `failures` failures: from `first`, doubled with each failure up to `last`.
fn draw(first: Range, last: Range, failures: u8, random: &mut Stream) -> Duration {
    let factor = 1u32 << u32::from(failures).min(20);
    let shortest = (first.0 * factor).min(last.0);
    let longest = (first.1 * factor).min(last.1);
    let span = longest.saturating_sub(shortest).as_millis() as u32;
    shortest + Duration::from_millis(u64::from(uniform(random, span + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;

    #[test]
    fn pauses_double_within_their_bounds_and_differ() {
        let mut random = Seed::from_u64(1).stream();
        let (first, last) = (specs::SCAN_BACKOFF_FIRST, specs::SCAN_BACKOFF_LAST);
        for (failures, low, high) in
            [(0, 1, 5), (1, 2, 10), (3, 8, 40), (4, 16, 80), (5, 20, 100), (255, 20, 100)]
        {
            let pauses: alloc::vec::Vec<_> =
                (0..50).map(|_| draw(first, last, failures, &mut random)).collect();
            let (low, high) = (Duration::from_secs(low), Duration::from_secs(high));
            assert!(pauses.iter().all(|pause| (low..=high).contains(pause)));
            assert!(*pauses.iter().max().unwrap() > low + (high - low) / 2);
            assert!(*pauses.iter().min().unwrap() < low + (high - low) / 2);
        }
    }

    #[test]
    fn who_yields_pauses_longer_the_more_attempts_nobody_answers_and_the_others_keep_to_the_standard() {
        let mut random = Seed::from_u64(2).stream();
        let mut longest = |yields, unanswered| {
            let pauses = Pauses { yields, unanswered, ..Pauses::default() };
            (0..200).map(|_| pauses.before_attempt(0, &mut random).as_secs()).max().unwrap()
        };
        let patient: alloc::vec::Vec<_> = [0, 4, 20].map(|unanswered| longest(true, unanswered)).into();
        assert!(patient[0] <= 2 && (30..=40).contains(&patient[1]) && (500..=600).contains(&patient[2]));
        assert!(longest(false, 20) <= 10);
        let mut pauses = Pauses { yields: true, failed_scans: 9, unanswered: 9 };
        assert!(pauses.has_failed());
        assert!((0..200).any(|_| pauses.before_scan(&mut random) > specs::SCAN_BACKOFF_LAST.1));
        pauses.succeed();
        assert!(!pauses.has_failed() && pauses.before_attempt(0, &mut random).as_secs() <= 2);
    }
}
