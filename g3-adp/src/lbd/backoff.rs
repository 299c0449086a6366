//! Pauses that double and differ from device to device.

use core::time::Duration;
use plc_core::seed::{Stream, uniform};

/// A range of pauses, shortest and longest.
pub(super) type Range = (Duration, Duration);

/// A random pause after `failures` failures: from `first`, doubled with each failure up to `last`.
pub(super) fn draw(first: Range, last: Range, failures: u8, random: &mut Stream) -> Duration {
    let factor = 1u32 << u32::from(failures).min(20);
    let shortest = (first.0 * factor).min(last.0);
    let longest = (first.1 * factor).min(last.1);
    let span = longest.saturating_sub(shortest).as_millis() as u32;
    shortest + Duration::from_millis(u64::from(uniform(random, span + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs;
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
}
