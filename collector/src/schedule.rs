//! When which captures may be read.

use crate::CollectorConfig;
use crate::tasks::slot;
use plc_core::seed::Stream;
use plc_core::{Instant, Utc, UtcAnchor};

/// The latest boundary whose captures may be asked for at `now`.
pub(crate) fn boundary(config: &CollectorConfig, anchor: &UtcAnchor, now: Instant) -> Utc {
    (anchor.utc(now) - config.delay).floor(config.every())
}

/// The latest boundary whose captures a meter has by now, give or take the tolerance of clocks.
pub(crate) fn latest(config: &CollectorConfig, anchor: &UtcAnchor, now: Instant) -> Utc {
    (anchor.utc(now) - config.delay.min(config.clock_tolerance)).floor(config.period)
}

/// Where a meter stands among all: they take turns, so that nobody is always last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its number, from 0.
    pub index: u64,
    /// How many there are.
    pub of: u32,
}

/// When the captures of the next boundary may be asked for: after `now`, in the turn of the meter within the spread.
pub(crate) fn next_period(
    config: &CollectorConfig,
    anchor: &UtcAnchor,
    now: Instant,
    place: Place,
    stream: &mut Stream,
) -> Instant {
    after(config, anchor, boundary(config, anchor, now), now, place, stream)
}

/// When the captures of the boundary after `read` may be asked for, `now` at the earliest, in the turn of the meter within the spread.
pub(crate) fn after(
    config: &CollectorConfig,
    anchor: &UtcAnchor,
    read: Utc,
    now: Instant,
    place: Place,
    stream: &mut Stream,
) -> Instant {
    let next = read.floor(config.every()) + config.every();
    let round = next.as_secs().unsigned_abs() / config.every().as_secs().max(1);
    anchor.instant(next + config.delay).max(now) + slot(config.spread, place.index, round, place.of, stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use plc_core::Seed;
    use proptest::prelude::*;

    const ALONE: Place = Place { index: 0, of: 1 };

    #[test]
    fn each_meter_is_first_once_and_nobody_is_always_last() {
        let config = CollectorConfig::new(Seed::from_u64(1));
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: noon };
        let mut stream = config.seed.stream();
        let mut ends = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
        for round in 0..7 {
            let read = noon + config.period * round;
            let mut when = |index| {
                let place = Place { index, of: 7 };
                (after(&config, &anchor, read, Instant::EPOCH, place, &mut stream), index)
            };
            let mut order: std::vec::Vec<_> = (0..7).map(&mut when).collect();
            order.sort();
            ends[0].insert(order[0].1);
            ends[1].insert(order[6].1);
        }
        assert!(ends.iter().all(|meters| meters.len() == 7), "{ends:?}");
    }

    proptest! {
        #[test]
        fn the_next_period_is_ahead_and_opens_the_next_boundary(
            at_ns in 0u64..1 << 50, now_ns in 0u64..1 << 50, utc in 0i64..4_000_000_000_000, seed: u64,
        ) {
            let config = CollectorConfig::new(Seed::from_u64(seed));
            let anchor = UtcAnchor { at: Instant::from_nanos(at_ns), utc: Utc::from_millis(utc + (1 << 41)) };
            let now = Instant::from_nanos(now_ns);
            let next = next_period(&config, &anchor, now, ALONE, &mut config.seed.stream());
            prop_assert!(next > now);
            prop_assert!(next.since(now) <= config.period + config.spread + Duration::from_millis(2));
            prop_assert_eq!(boundary(&config, &anchor, next), boundary(&config, &anchor, now) + config.period);
        }
    }

    #[test]
    fn a_boundary_that_passed_during_a_session_is_read_within_the_spread() {
        let config = CollectorConfig::new(Seed::from_u64(1));
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: noon };
        let now = Instant::from_secs(15);
        let next = after(&config, &anchor, noon - config.period, now, ALONE, &mut config.seed.stream());
        assert!(next >= now && next <= now + config.spread, "{next:?}");
    }

    #[test]
    fn captures_of_a_quarter_may_be_read_every_four_hours() {
        let every = Duration::from_secs(4 * 3600);
        let config = CollectorConfig { every, ..CollectorConfig::new(Seed::from_u64(1)) };
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: noon };
        let now = Instant::from_secs(3 * 3600);
        assert_eq!(boundary(&config, &anchor, now), noon);
        // A gap has moved what is read to within the four hours.
        let read = noon + config.period * 3;
        let next = after(&config, &anchor, read, now, ALONE, &mut config.seed.stream());
        assert_eq!(boundary(&config, &anchor, next), noon + every);
        assert!(
            next.since(Instant::EPOCH) <= every + config.delay + config.spread + Duration::from_millis(2)
        );
    }

    #[test]
    fn captures_may_be_asked_for_after_the_delay() {
        let config = CollectorConfig::new(Seed::from_u64(1));
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: noon };
        let after = |secs| boundary(&config, &anchor, Instant::from_secs(secs));
        assert_eq!((after(9), after(10)), (noon - config.period, noon));
    }
}
