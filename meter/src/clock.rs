//! The meter's clock: UTC, set from outside.

use plc_core::{Instant, Utc, UtcAnchor};

/// UTC of the driver's instants, once it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterClock {
    anchor: Option<UtcAnchor>,
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
        self.anchor = Some(anchor);
        before.map_or(ClockShift::First, |before| {
            ClockShift::Millis(anchor.utc.as_millis().saturating_sub(before.as_millis()))
        })
    }

    /// UTC at `now`; `None` while the clock is not set.
    pub fn utc(&self, now: Instant) -> Option<Utc> {
        self.anchor.map(|anchor| anchor.utc(now))
    }

    /// The instant of `utc`; `None` while the clock is not set.
    pub fn instant(&self, utc: Utc) -> Option<Instant> {
        self.anchor.map(|anchor| anchor.instant(utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
