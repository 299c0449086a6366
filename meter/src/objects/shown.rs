//! Logs as profiles: the rows of a ring, as a clock shows their times.

use crate::ring::Ring;
use dlms::axdr::Encoder;
use dlms::classes::WallClock;
use dlms::classes::profile::RowSource;
use plc_core::Utc;

/// A row of a log. Column 0 is its time.
pub(super) trait LogRow {
    /// When it happened.
    fn utc(&self) -> Utc;
    /// The number in a column, 1 or more, by which rows are sorted and picked.
    fn key(&self, column: usize) -> i64;
    /// The value of a column, 1 or more.
    fn emit(&self, column: usize, out: &mut Encoder<'_>);
}

/// The rows of a log.
pub(super) struct ShownLog<'r, R> {
    pub(super) rows: &'r Ring<R>,
    pub(super) clock: &'r WallClock,
}

impl<R: LogRow> RowSource for ShownLog<'_, R> {
    fn rows(&self) -> u32 {
        self.rows.len() as u32
    }

    fn key(&self, row: u32, column: usize) -> Option<i64> {
        let row = self.rows.row(row as usize)?;
        Some(if column == 0 { row.utc().as_secs() } else { row.key(column) })
    }

    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        match (self.rows.row(row as usize), column) {
            (None, _) => out.null(),
            (Some(row), 0) => out.clock_time(&self.clock.time(row.utc())),
            (Some(row), _) => row.emit(column, out),
        }
    }
}
