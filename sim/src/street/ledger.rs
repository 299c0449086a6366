//! The energy that was put into the samples of a meter, minute by minute.

use meter::Ring;
use plc_core::Utc;

/// Notes that are kept: those of the last week.
const NOTES: usize = 7 * 24 * 60 + 1;
/// Milliseconds between two notes.
const NOTE_MS: i64 = 60_000;

/// A note of the energy since the start, at the start and after each minute.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    start: Utc,
    notes: Ring<f64>,
}

impl Ledger {
    /// Begins at `start` with nothing.
    pub(super) fn new(start: Utc) -> Self {
        Self::with_notes(start, NOTES)
    }

    /// Another minute has passed.
    pub(super) fn note(&mut self, energy_wh: f64) {
        self.notes.push(energy_wh);
    }

    /// The note of `at`; `None` unless that is a whole number of minutes after the start, has passed, and is
    /// not forgotten.
    pub(super) fn energy_wh(&self, at: Utc) -> Option<f64> {
        let since_start = at.as_millis().saturating_sub(self.start.as_millis());
        let minute = u64::try_from(since_start / NOTE_MS).ok().filter(|_| since_start % NOTE_MS == 0)?;
        let note = minute.checked_sub(self.notes.forgotten())?;
        self.notes.row(usize::try_from(note).ok()?).copied()
    }

    fn with_notes(start: Utc, notes: usize) -> Self {
        let mut ledger = Self { start, notes: Ring::new(notes) };
        ledger.note(0.0);
        ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_notes_are_kept_under_their_minute_and_the_older_ones_are_gone() {
        let mut ledger = Ledger::with_notes(Utc::from_secs(30), 3);
        let read = |ledger: &Ledger| -> Vec<_> {
            (-1..7).map(|minute| ledger.energy_wh(Utc::from_secs(30 + 60 * minute))).collect()
        };
        assert_eq!(read(&ledger)[..3], [None, Some(0.0), None]);
        (1..=5).for_each(|minute| ledger.note(f64::from(minute)));
        assert_eq!(read(&ledger), [None, None, None, None, Some(3.0), Some(4.0), Some(5.0), None]);
        for ms in [30_000 + 180_001, 30_000 + 239_999, i64::MIN, i64::MAX] {
            assert_eq!(ledger.energy_wh(Utc::from_millis(ms)), None);
        }
    }
}
