//! Profiles whose meter leaves out what follows from the row before.

use super::{Rows, SortMethod};
use crate::axdr::{Data, EncodeFault, Encoder};
use crate::cosem::{CaptureObject, ClockTime};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// What null-data in the cell of a profile stands for \[companion specifications; confidence B\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullCells {
    /// For a value that there is not.
    #[default]
    NoValue,
    /// For what follows from the row before: the time one capture period on, any other value unchanged.
    FromRowBefore,
}

/// What is known of a buffer besides its octets, so that the cells that were left out can be put back.
#[derive(Clone, Copy, Debug)]
pub struct Restoring<'c> {
    /// The columns of the rows, as they were asked for.
    pub columns: &'c [CaptureObject],
    /// Seconds between rows; 0 when they are captured by other means.
    pub capture_period_s: u32,
    /// The order of the rows: with the last first, times fall from row to row.
    pub sort_method: SortMethod,
    /// The most octets that the whole buffer may have: a few rows of long values can stand for many.
    pub len_max: usize,
}

/// Why a buffer cannot be read so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreFault {
    /// It is no array of rows.
    NotRows,
    /// A row has not as many cells as there are columns.
    Cells {
        /// The row, from 0.
        row: usize,
        /// Its cells.
        found: usize,
        /// The columns.
        expected: usize,
    },
    /// More octets than the limit.
    TooLong {
        /// The limit.
        len_max: usize,
    },
}

impl fmt::Display for RestoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRows => f.write_str("buffer: no array of structures, expected the rows of a profile"),
            Self::Cells { row, found, expected } => {
                write!(f, "row {row}: {found} cells, expected {expected}, one for each column")
            }
            Self::TooLong { len_max } => write!(f, "buffer: with all cells longer than {len_max} octets"),
        }
    }
}

impl core::error::Error for RestoreFault {}

impl NullCells {
    /// An encoded buffer with every cell that it stands for: as it came, or with the cells that were left out.
    ///
    /// A cell that nothing can follow from stays null-data: one of the first row or below such a one, and a time below one that names no
    /// instant or in a profile without capture period.
    ///
    /// # Errors
    /// Only where cells are to be put back: what is wrong with the buffer.
    pub fn restore<'a>(self, encoded: &'a [u8], with: &Restoring<'_>) -> Result<Cow<'a, [u8]>, RestoreFault> {
        match self {
            Self::NoValue => Ok(Cow::Borrowed(encoded)),
            Self::FromRowBefore => with.restored(encoded).map(Cow::Owned),
        }
    }
}

/// A cell as it stands for itself.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Said(Data<'a>),
    /// A time that follows, and whether it is written with the tag of date-time.
    Counted(ClockTime, bool),
}

impl Restoring<'_> {
    fn restored(&self, encoded: &[u8]) -> Result<Vec<u8>, RestoreFault> {
        let rows = Rows::from_value(encoded).ok_or(RestoreFault::NotRows)?;
        let expected = self.columns.len();
        let mut before: Vec<Cell<'_>> = alloc::vec![Cell::Said(Data::Null); expected];
        let mut restored = Vec::new();
        let mut out = Encoder::new(&mut restored, self.len_max);
        out.array(rows.len());
        for (row, cells) in rows.iter().enumerate() {
            let found = cells.len();
            if found != expected {
                return Err(RestoreFault::Cells { row, found, expected });
            }
            out.structure(expected);
            for ((cell, before), column) in cells.zip(&mut before).zip(self.columns) {
                *before = self.cell(cell, *before, column);
                before.encode(&mut out);
            }
            if out.is_faulty() {
                break;
            }
        }
        out.finish().map(|()| restored).map_err(|fault| match fault {
            EncodeFault::TooLong => RestoreFault::TooLong { len_max: self.len_max },
            EncodeFault::TooDeep | EncodeFault::Unbalanced => RestoreFault::NotRows,
        })
    }

    fn cell<'a>(&self, cell: Data<'a>, before: Cell<'a>, column: &CaptureObject) -> Cell<'a> {
        match cell {
            Data::Null if is_time(column) => self.time_after(before),
            Data::Null => before,
            said => Cell::Said(said),
        }
    }

    fn time_after<'a>(&self, before: Cell<'a>) -> Cell<'a> {
        let period = i64::from(self.capture_period_s);
        let step = if self.sort_method == SortMethod::Lifo { -period } else { period };
        let (time, tagged) = match before {
            Cell::Counted(time, tagged) => (Some(time), tagged),
            Cell::Said(data) => (data.as_clock_time(), matches!(data, Data::DateTime(_))),
        };
        let next = time.filter(|_| period > 0).and_then(|time| time.plus_seconds(step));
        next.map_or(Cell::Said(Data::Null), |next| Cell::Counted(next, tagged))
    }
}

impl Cell<'_> {
    fn encode(&self, out: &mut Encoder<'_>) {
        match self {
            Self::Said(data) => out.data(data),
            Self::Counted(time, true) => out.data(&Data::DateTime(time.octets())),
            Self::Counted(time, false) => out.clock_time(time),
        }
    }
}

/// Whether a column holds the time of a clock.
const fn is_time(column: &CaptureObject) -> bool {
    column.class_id == CaptureObject::CLOCK.class_id
        && column.attribute == CaptureObject::CLOCK.attribute
        && column.data_index == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::{ClockStatus, LogicalName};
    use crate::hex::hex;
    use alloc::string::{String, ToString};
    use plc_core::Utc;
    use proptest::prelude::*;

    const COLUMNS: [CaptureObject; 3] = [
        CaptureObject::CLOCK,
        CaptureObject::new(1, LogicalName([0, 0, 96, 10, 1, 255]), 2),
        CaptureObject::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2),
    ];
    const QUARTERS: Restoring<'_> = Restoring {
        columns: &COLUMNS,
        capture_period_s: 900,
        sort_method: SortMethod::Fifo,
        len_max: 100_000,
    };

    fn restored(value: &str, with: &Restoring<'_>) -> Result<Vec<u8>, RestoreFault> {
        let value = hex(&value.split_whitespace().collect::<String>());
        NullCells::FromRowBefore.restore(&value, with).map(Cow::into_owned)
    }

    fn octets(value: &str) -> Vec<u8> {
        hex(&value.split_whitespace().collect::<String>())
    }

    /// Five quarters of an hour across midnight, the fourth of them late.
    const SENT: &str = "0105
        0203 090C07EA0B15FF171E00FF800000 1108 06000003E8
        0203 00 00 06000003E9
        0203 00 00 00
        0203 090C07EA0B16FF00190000800000 1100 06000003EA
        0203 00 00 00";

    #[test]
    fn what_a_meter_has_left_out_follows_from_the_row_before() {
        let expected = octets(
            "0105
            0203 090C07EA0B15FF171E00FF800000 1108 06000003E8
            0203 090C07EA0B15FF172D00FF800000 1108 06000003E9
            0203 090C07EA0B16FF000000FF800000 1108 06000003E9
            0203 090C07EA0B16FF00190000800000 1100 06000003EA
            0203 090C07EA0B16FF00280000800000 1100 06000003EA",
        );
        assert_eq!(restored(SENT, &QUARTERS), Ok(expected));
    }

    #[test]
    fn a_null_that_nothing_stands_before_stays_null() {
        let first = "0102 0203 00 00 00 0203 00 1101 00";
        assert_eq!(restored(first, &QUARTERS), Ok(octets(first)));
        let unset = "0102 0203 090CFFFFFFFFFFFFFFFFFF8000FF 1101 00 0203 00 00 1102";
        let kept = "0102 0203 090CFFFFFFFFFFFFFFFFFF8000FF 1101 00 0203 00 1101 1102";
        assert_eq!(restored(unset, &QUARTERS), Ok(octets(kept)));
        let by_event = Restoring { capture_period_s: 0, ..QUARTERS };
        let events = "0102 0203 090C07EA0B1607000F000000000 0 1101 00 0203 00 00 1102";
        let kept = "0102 0203 090C07EA0B1607000F000000000 0 1101 00 0203 00 1101 1102";
        assert_eq!(restored(events, &by_event), Ok(octets(kept)), "no period, no time");
    }

    #[test]
    fn times_fall_where_the_last_row_comes_first_and_keep_their_tag() {
        let with = Restoring { sort_method: SortMethod::Lifo, ..QUARTERS };
        let sent = "0102 0203 1907EA0B16070019000000 0000 1101 1102 0203 00 00 00";
        let expected =
            "0102 0203 1907EA0B16070019000000 0000 1101 1102 0203 1907EA0B1607000A000000 0000 1101 1102";
        assert_eq!(restored(sent, &with), Ok(octets(expected)));
    }

    #[test]
    fn nulls_that_mean_no_value_are_left_alone() {
        let value = octets(SENT);
        assert_eq!(NullCells::NoValue.restore(&value, &QUARTERS), Ok(Cow::Borrowed(&value[..])));
        assert_eq!(NullCells::default(), NullCells::NoValue);
    }

    #[test]
    fn a_buffer_that_is_none_has_other_columns_or_swells_beyond_its_limit_is_refused_by_name() {
        assert_eq!(restored("1101", &QUARTERS), Err(RestoreFault::NotRows));
        let cells = RestoreFault::Cells { row: 1, found: 2, expected: 3 };
        assert_eq!(restored("0102 0203 00 00 00 0202 00 00", &QUARTERS), Err(cells));
        assert_eq!(cells.to_string(), "row 1: 2 cells, expected 3, one for each column");
        let long = [&[1, 100, 2, 3, 0, 0, 9, 100][..], &[7; 100], &[2, 3, 0, 0, 0].repeat(99)].concat();
        let limit = |len_max| {
            NullCells::FromRowBefore.restore(&long, &Restoring { len_max, ..QUARTERS }).map(|all| all.len())
        };
        assert_eq!(limit(2 + 100 * 106), Ok(2 + 100 * 106));
        assert_eq!(limit(2 + 100 * 106 - 1), Err(RestoreFault::TooLong { len_max: 2 + 100 * 106 - 1 }));
    }

    /// The rows as a meter sends them that leaves out all that it may where `leave` says so.
    fn sent(rows: &[(i64, u8, u32)], leave: &[[bool; 3]], compressed: bool) -> Vec<u8> {
        let mut value = Vec::new();
        let mut out = Encoder::new(&mut value, 100_000);
        out.array(rows.len());
        let mut before: Option<(i64, u8, u32)> = None;
        for (&(time, status, energy), leave) in rows.iter().zip(leave) {
            let is = |n: usize, follows: &dyn Fn((i64, u8, u32)) -> bool| {
                compressed && leave[n] && before.is_some_and(follows)
            };
            out.structure(3);
            match is(0, &|(t, ..)| t + 900 == time) {
                true => out.null(),
                false => out.clock_time(&ClockTime::from_utc(Utc::from_secs(time), -60, ClockStatus::OK)),
            }
            if is(1, &|(_, s, _)| s == status) {
                out.null()
            } else {
                out.u8(status)
            }
            if is(2, &|(.., e)| e == energy) {
                out.null()
            } else {
                out.u32(energy)
            }
            before = Some((time, status, energy));
        }
        assert_eq!(out.finish(), Ok(()));
        value
    }

    proptest! {
        #[test]
        fn what_was_left_out_comes_back_octet_by_octet(
            steps in prop::collection::vec((prop::sample::select(&[900i64, 900, 900, 1800, 3600][..]), 0u8..2, 0u32..2), 0..40),
            leave in prop::collection::vec(any::<[bool; 3]>(), 40),
        ) {
            let mut at = (1_700_000_000, 0, 1000);
            let rows: Vec<_> = steps.iter().map(|&(step, status, energy)| {
                at = (at.0 + step, status, at.2 + energy);
                at
            }).collect();
            let compressed = sent(&rows, &leave, true);
            let whole = NullCells::FromRowBefore.restore(&compressed, &QUARTERS).unwrap().into_owned();
            prop_assert_eq!(&whole, &sent(&rows, &leave, false));
            // What is whole stays as it is.
            prop_assert_eq!(NullCells::FromRowBefore.restore(&whole, &QUARTERS).unwrap().into_owned(), whole);
        }

        #[test]
        fn any_octets_are_read_or_refused(bytes in prop::collection::vec(0u8..30, 0..80), period: u32) {
            let with = Restoring { capture_period_s: period, len_max: 1000, ..QUARTERS };
            if let Ok(whole) = NullCells::FromRowBefore.restore(&bytes, &with) {
                prop_assert!(whole.len() <= 1000 && Rows::from_value(&whole).is_some());
            }
        }
    }
}
