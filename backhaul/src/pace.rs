//! How fast: the cap on octets, and the pauses between attempts.

use core::time::Duration;
use plc_core::Instant;
use plc_core::seed::{Stream, uniform};

/// A cap on octets per second with a second of burst: when the next batch may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    octets_per_s: Option<u64>,
    ready: Instant,
}

impl Pace {
    pub(crate) const fn new(octets_per_s: Option<u64>) -> Self {
        Self { octets_per_s, ready: Instant::EPOCH }
    }

    /// Whether there is a cap.
    pub(crate) const fn is_capped(&self) -> bool {
        self.octets_per_s.is_some()
    }

    /// When the next batch may go.
    pub(crate) const fn ready(&self) -> Instant {
        self.ready
    }

    /// So many octets have gone at `now`.
    pub(crate) fn charge(&mut self, now: Instant, octets: u64) {
        let Some(rate) = self.octets_per_s else { return };
        let nanos = u128::from(octets) * 1_000_000_000 / u128::from(rate.max(1));
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.ready = self.ready.max(now - BURST) + cost;
    }
}

/// Full jitter: a random time up to a bound that doubles with each failure; never before the other side wants it.
pub(crate) fn pause(
    base: Duration,
    longest: Duration,
    attempt: u32,
    wanted: Option<Duration>,
    stream: &mut Stream,
) -> Duration {
    let doubled = base.saturating_mul(1 << attempt.min(20));
    let bound = u32::try_from(doubled.min(longest).as_millis()).unwrap_or(u32::MAX);
    let jitter = Duration::from_millis(uniform(stream, bound.saturating_add(1)).into());
    wanted.unwrap_or(Duration::ZERO).min(LONGEST_WANTED).saturating_add(jitter)
}

const BURST: Duration = Duration::from_secs(1);
/// A head-end may not send a box away for longer.
const LONGEST_WANTED: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Seed;

    #[test]
    fn a_thousand_octets_per_second_are_a_thousand_octets_per_second() {
        let mut pace = Pace::new(Some(1000));
        let (mut now, mut sent) = (Instant::from_secs(100), 0);
        while now < Instant::from_secs(160) {
            if pace.ready() <= now {
                pace.charge(now, 250);
                sent += 250;
            }
            now += Duration::from_millis(10);
        }
        assert!((60_000..=61_500).contains(&sent), "{sent}");
    }

    #[test]
    fn pauses_are_spread_over_a_bound_that_doubles_up_to_the_longest() {
        let mut stream = Seed::from_u64(1).stream();
        let (base, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        for (attempt, bound) in [(0, 1), (1, 2), (3, 8), (6, 60), (40, 60)] {
            let pauses: [Duration; 200] =
                core::array::from_fn(|_| pause(base, longest, attempt, None, &mut stream));
            let bound = Duration::from_secs(bound);
            assert!(pauses.iter().all(|pause| *pause <= bound), "{attempt}");
            assert!(pauses.iter().any(|pause| *pause < bound / 5), "{attempt}: full jitter begins at zero");
            assert!(pauses.iter().any(|pause| *pause > bound * 4 / 5), "{attempt}");
        }
    }

    #[test]
    fn the_other_side_may_ask_for_more_and_not_for_ever() {
        let mut stream = Seed::from_u64(1).stream();
        let mut wanted =
            |wanted| pause(Duration::from_secs(1), Duration::from_secs(1), 0, Some(wanted), &mut stream);
        let patience = wanted(Duration::from_secs(30));
        assert!((30..=31).contains(&patience.as_secs()), "{patience:?}");
        assert!(wanted(Duration::MAX) <= LONGEST_WANTED + Duration::from_secs(1));
    }
}
