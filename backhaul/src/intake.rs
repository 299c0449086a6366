//! The head-end's end of the backhaul for one box: what it holds, and what it says of a batch.

use crate::{Lot, Span, Spans};
use core::fmt;

/// What the head-end holds of one epoch of one box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    events: Spans,
    readings: Spans,
    values: Spans,
}

/// A batch that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBatch {
    /// Its first cursor.
    pub first: u64,
    /// Its last cursor.
    pub last: u64,
    /// Its rows.
    pub rows: usize,
}

impl Intake {
    /// From what was made durable.
    pub const fn new(events: Spans, readings: Spans, values: Spans) -> Self {
        Self { events, readings, values }
    }

    /// What is held of a kind.
    pub const fn held(&self, lot: Lot) -> &Spans {
        match lot {
            Lot::Events => &self.events,
            Lot::Readings => &self.readings,
            Lot::Values => &self.values,
        }
    }

    /// Examines a batch: whether anything of it is new.
    ///
    /// # Errors
    /// Its cursors are in disorder, or it has more rows than cursors.
    pub fn examine(&self, lot: Lot, span: Span, rows: usize) -> Result<bool, BadBatch> {
        let Span { first, last } = span;
        let room = last.checked_sub(first).and_then(|more| more.checked_add(1));
        match room {
            Some(room) if first > 0 && rows as u64 <= room => Ok(!self.held(lot).covers(span)),
            _ => Err(BadBatch { first, last, rows }),
        }
    }

    /// The batch is durable.
    pub fn committed(&mut self, lot: Lot, span: Span) {
        match lot {
            Lot::Events => self.events.insert(span),
            Lot::Readings => self.readings.insert(span),
            Lot::Values => self.values.insert(span),
        }
    }
}

impl fmt::Display for BadBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, rows } = self;
        write!(
            f,
            "batch {first}-{last} with {rows} rows: expected cursors from 1, in order, one for each row"
        )
    }
}

impl core::error::Error for BadBatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_new_until_all_of_it_is_held() {
        let mut intake = Intake::default();
        let span = |first, last| Span { first, last };
        assert_eq!(intake.examine(Lot::Readings, span(1, 4), 4), Ok(true));
        intake.committed(Lot::Readings, span(1, 4));
        assert_eq!(intake.examine(Lot::Readings, span(2, 3), 2), Ok(false));
        assert_eq!(intake.examine(Lot::Readings, span(2, 5), 4), Ok(true));
        for other in [Lot::Events, Lot::Values] {
            assert_eq!(intake.examine(other, span(2, 3), 2), Ok(true), "kinds are apart");
        }
        intake.committed(Lot::Values, span(2, 3));
        assert_eq!(intake.examine(Lot::Values, span(2, 3), 2), Ok(false));
        assert_eq!(intake, Intake::new(Spans::new(), Spans::through(4), [span(2, 3)].into_iter().collect()));
    }

    #[test]
    fn a_batch_whose_cursors_are_in_disorder_is_refused_by_name() {
        let intake = Intake::default();
        for (first, last, rows) in [(0, 3, 3), (4, 3, 0), (1, 3, 4), (0, u64::MAX, 1)] {
            let error = intake.examine(Lot::Readings, Span { first, last }, rows).unwrap_err();
            assert!(error.to_string().contains(&alloc::format!("{first}-{last}")), "{error}");
        }
        // A row that the box could not read any more may be missing.
        assert_eq!(intake.examine(Lot::Readings, Span { first: 1, last: 9 }, 3), Ok(true));
    }

    use alloc::string::ToString;
}
