//! How often a meter answered in each of the last hours.

use plc_core::Utc;
use std::collections::VecDeque;
use std::time::Duration;

/// Hours that are remembered.
pub const HOURS: usize = 24;

/// One hour of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub from: Utc,
    /// Sessions that ended well.
    pub succeeded: u32,
    /// Sessions that failed.
    pub failed: u32,
}

/// The last hours of a meter in which it was asked, at most [`HOURS`], oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability(VecDeque<Hour>);

impl Availability {
    /// A session has ended.
    pub fn note(&mut self, now: Utc, good: bool) {
        let from = now.floor(HOUR);
        if self.0.back().is_none_or(|hour| hour.from < from) {
            self.0.push_back(Hour { from, succeeded: 0, failed: 0 });
        }
        let horizon = from - HOUR * (HOURS as u32 - 1);
        self.0.retain(|hour| hour.from >= horizon);
        if let Some(hour) = self.0.back_mut() {
            let count = if good { &mut hour.succeeded } else { &mut hour.failed };
            *count = count.saturating_add(1);
        }
    }

    /// The hours in which it was asked, of the last day before `now`.
    pub fn hours(&self, now: Utc) -> impl Iterator<Item = Hour> {
        let horizon = now.floor(HOUR) - HOUR * (HOURS as u32 - 1);
        self.0.iter().copied().filter(move |hour| hour.from >= horizon)
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64, minutes: i64) -> Utc {
        Utc::from_secs(1_795_305_600 + hours * 3600 + minutes * 60)
    }

    #[test]
    fn sessions_are_counted_in_their_hour() {
        let mut availability = Availability::default();
        for (minutes, good) in [(0, true), (59, false), (60, true), (61, true)] {
            availability.note(at(0, minutes), good);
        }
        let hours: Vec<_> = availability.hours(at(1, 5)).collect();
        let expected = [
            Hour { from: at(0, 0), succeeded: 1, failed: 1 },
            Hour { from: at(1, 0), succeeded: 2, failed: 0 },
        ];
        assert_eq!(hours, expected);
    }

    #[test]
    fn a_day_is_remembered_and_no_more() {
        let mut availability = Availability::default();
        for hour in 0..100 {
            availability.note(at(hour, 7), true);
        }
        let hours: Vec<_> = availability.hours(at(99, 8)).collect();
        assert_eq!((hours.len(), hours[0].from), (HOURS, at(76, 0)));
        assert_eq!(availability.hours(at(110, 0)).count(), HOURS - 11);
    }
}
