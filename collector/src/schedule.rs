//! When which captures may be read.

use crate::CollectorConfig;
use crate::back_off::moment;
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

/// When the captures of the next boundary may be asked for: after `now`, at a random moment of the spread.
pub(crate) fn next_period(
    config: &CollectorConfig,
    anchor: &UtcAnchor,
    now: Instant,
    stream: &mut Stream,
) -> Instant {
    after(config, anchor, boundary(config, anchor, now), now, stream)
}

/// When the captures of the boundary after `read` may be asked for, `now` at the earliest, at a random moment of
/// the spread.
pub(crate) fn after(
    config: &CollectorConfig,
    anchor: &UtcAnchor,
    read: Utc,
    now: Instant,
    stream: &mut Stream,
) -> Instant {
    anchor.instant(read.floor(config.every()) + config.every() + config.delay).max(now)
        + moment(config.spread, stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use plc_core::Seed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_next_period_is_ahead_and_opens_the_next_boundary(
            at_ns in 0u64..1 << 50, now_ns in 0u64..1 << 50, utc in 0i64..4_000_000_000_000, seed: u64,
        ) {
            let config = CollectorConfig::new(Seed::from_u64(seed));
            let anchor = UtcAnchor { at: Instant::from_nanos(at_ns), utc: Utc::from_millis(utc + (1 << 41)) };
            let now = Instant::from_nanos(now_ns);
            let next = next_period(&config, &anchor, now, &mut config.seed.stream());
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
        let next = after(&config, &anchor, noon - config.period, now, &mut config.seed.stream());
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
        let next = after(&config, &anchor, read, now, &mut config.seed.stream());
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
