//! How long a failed meter is left alone.

use crate::CollectorConfig;
use core::time::Duration;
use plc_core::seed::{Stream, uniform};

/// The pause after the `failures`-th failure in a row (from 1): doubled with each, bounded, and shortened at
/// random by up to a half, so that meters that failed together do not come back together.
pub(crate) fn back_off(config: &CollectorConfig, failures: u32, stream: &mut Stream) -> Duration {
    pause(config.back_off, config.back_off_max, failures, stream)
}

/// The same, with any first and longest pause.
pub(crate) fn pause(first: Duration, longest: Duration, failures: u32, stream: &mut Stream) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = first.saturating_mul(1 << doublings).min(longest);
    full - full / 2 * uniform(stream, JITTER_STEPS) / JITTER_STEPS
}

/// A moment within `span`, uniformly.
pub(crate) fn moment(span: Duration, stream: &mut Stream) -> Duration {
    span / JITTER_STEPS * uniform(stream, JITTER_STEPS)
}

const JITTER_STEPS: u32 = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;

    #[test]
    fn the_pause_doubles_until_its_bound_and_jitters_below() {
        let config = CollectorConfig::new(Seed::from_u64(1));
        let mut stream = config.seed.stream();
        for (failures, full) in [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 240), (60, 240)] {
            let full = Duration::from_secs(full);
            let drawn: alloc::vec::Vec<_> =
                (0..50).map(|_| back_off(&config, failures, &mut stream)).collect();
            assert!(drawn.iter().all(|&pause| full / 2 <= pause && pause <= full), "{failures}: {drawn:?}");
            assert!(drawn.iter().any(|pause| *pause != drawn[0]));
        }
    }

    #[test]
    fn a_moment_lies_within_its_span() {
        let mut stream = Seed::from_u64(2).stream();
        let span = Duration::from_secs(30);
        assert!((0..100).all(|_| moment(span, &mut stream) < span));
        assert_eq!(moment(Duration::ZERO, &mut stream), Duration::ZERO);
    }
}
