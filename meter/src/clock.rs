//! The meter's clock: UTC, set from outside, and a crystal that runs as fast as it does.

use plc_core::{Instant, Utc, UtcAnchor};

/// UTC of the driver's instants, once it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterClock {
    anchor: Option<Anchor>,
    /// By how much it runs fast against the driver's time, in thousand-millionths.
    fast_ppb: i32,
}

/// What the clock has shown at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Anchor {
    at: Instant,
    /// In ns since the epoch of [`Utc`].
    utc_ns: i128,
}

/// How setting the clock has moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockShift {
    /// It was not set before.
    First,
    /// It now shows this many milliseconds more than it would have.
    Millis(i64),
}

impl MeterClock {
    /// Sets the clock.
    pub fn set(&mut self, anchor: UtcAnchor) -> ClockShift {
        let before = self.utc(anchor.at);
        let utc_ns = i128::from(anchor.utc.as_millis()) * NS_PER_MS;
        self.anchor = Some(Anchor { at: anchor.at, utc_ns });
        before.map_or(ClockShift::First, |before| {
            ClockShift::Millis(anchor.utc.as_millis().saturating_sub(before.as_millis()))
        })
    }

    /// From `now` on it runs fast by so many thousand-millionths of the driver's time; negative, slow. What it shows does not jump.
    /// Beyond a tenth it is as if it were a tenth.
    pub fn run_at(&mut self, now: Instant, fast_ppb: i32) {
        if let Some(anchor) = &mut self.anchor {
            *anchor = Anchor { at: now, utc_ns: anchor.utc_ns(now, self.fast_ppb) };
        }
        self.fast_ppb = fast_ppb.clamp(-FAST_MAX_PPB, FAST_MAX_PPB);
    }

    /// UTC at `now`; `None` while the clock is not set.
    pub fn utc(&self, now: Instant) -> Option<Utc> {
        let shown = self.anchor?.utc_ns(now, self.fast_ppb).div_euclid(NS_PER_MS);
        Some(Utc::from_millis(i64::try_from(shown).unwrap_or(i64::MAX)))
    }

    /// The first instant at which it shows `utc`; `None` while the clock is not set.
    pub fn instant(&self, utc: Utc) -> Option<Instant> {
        let anchor = self.anchor?;
        let shown = i128::from(utc.as_millis()) * NS_PER_MS - anchor.utc_ns;
        let rate = ONE + i128::from(self.fast_ppb);
        // Not a nanosecond before it.
        let elapsed = -(-shown * ONE).div_euclid(rate);
        let at = i128::from(anchor.at.as_nanos()) + elapsed;
        Some(Instant::from_nanos(u64::try_from(at.max(0)).unwrap_or(u64::MAX)))
    }
}

impl Anchor {
    /// What is shown at `now`, before or after the anchor.
    fn utc_ns(&self, now: Instant, fast_ppb: i32) -> i128 {
        let elapsed = i128::from(now.as_nanos()) - i128::from(self.at.as_nanos());
        self.utc_ns + (elapsed * (ONE + i128::from(fast_ppb))).div_euclid(ONE)
    }
}

const NS_PER_MS: i128 = 1_000_000;
/// One, in thousand-millionths.
const ONE: i128 = 1_000_000_000;
/// No crystal is that wrong [own choice].
const FAST_MAX_PPB: i32 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn setting_the_clock_tells_by_how_much_it_was_wrong() {
        let mut clock = MeterClock::default();
        let at = Instant::from_secs(10);
        assert_eq!(clock.utc(at), None);
        assert_eq!(clock.set(UtcAnchor { at, utc: Utc::from_secs(1000) }), ClockShift::First);
        let later = UtcAnchor { at: Instant::from_secs(20), utc: Utc::from_secs(1007) };
        assert_eq!(clock.set(later), ClockShift::Millis(-3000));
        assert_eq!(clock.utc(Instant::from_secs(21)), Some(Utc::from_secs(1008)));
    }

    #[test]
    fn a_clock_that_runs_fast_gains_what_its_crystal_says_and_does_not_jump_when_that_changes() {
        let mut clock = MeterClock::default();
        let day = |n: u64| Instant::from_secs(86_400 * n);
        clock.run_at(day(0), 20_000);
        clock.set(UtcAnchor { at: day(0), utc: Utc::from_secs(0) });
        // 20 ppm of a day are 1.728 s.
        assert_eq!(clock.utc(day(1)), Some(Utc::from_millis(86_400_000 + 1728)));
        (0..1440).for_each(|minute| clock.run_at(day(1) + Duration::from_secs(60 * minute), -20_000));
        let shown = clock.utc(day(2)).map(|utc| utc.as_millis() - 2 * 86_400_000);
        assert!(shown.is_some_and(|ms| (-1..=1).contains(&ms)), "{shown:?}");
    }

    #[test]
    fn the_instant_of_a_time_is_the_first_at_which_it_is_shown() {
        for fast_ppb in [0, 1, -1, 20_000, -33_333, 100_000_000, i32::MIN] {
            let mut clock = MeterClock::default();
            clock.run_at(Instant::EPOCH, fast_ppb);
            clock.set(UtcAnchor {
                at: Instant::from_nanos(7_654_321_123),
                utc: Utc::from_millis(1_000_000_123),
            });
            for ms in [0, 1, 999, 60_000, 86_400_000, 1_000_000_007] {
                let utc = Utc::from_millis(1_000_000_123 + ms);
                let at = clock.instant(utc).expect("it is set");
                assert_eq!(clock.utc(at), Some(utc), "{fast_ppb} {ms}");
                let before = clock.utc(at - Duration::from_nanos(1)).expect("it is set");
                assert!(before < utc, "{fast_ppb} {ms}");
            }
        }
    }
}
