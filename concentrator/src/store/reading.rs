//! Readings as the store gives them, and how the database counts.

pub use archive::Filter as ReadingFilter;
pub use backhaul::{Cursor, Reading, StoredReading};

use plc_core::{Eui64, Utc};
use rusqlite::Row;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InsertReport {
    /// Readings that are new.
    pub inserted: usize,
    /// Readings that were held already, with the same content.
    pub duplicates: usize,
    /// Readings that contradict one that is held: refused, with an event.
    pub conflicts: usize,
    /// Cursor of the newest reading of the store.
    pub newest: Cursor,
}

/// The columns that [`stored`] reads, in its order, of files in which each reading had a row.
pub(super) const COLUMNS: &str =
    "cursor, meter, logical_name, capture, value, scaler, unit, status, received";

pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredReading> {
    let reading = Reading {
        meter: eui64(row.get(1)?),
        logical_name: row.get(2)?,
        capture: Utc::from_millis(row.get(3)?),
        value: row.get(4)?,
        scaler: row.get(5)?,
        unit: row.get(6)?,
        status: row.get(7)?,
        received: Utc::from_millis(row.get(8)?),
    };
    Ok(StoredReading { cursor: cursor(row.get(0)?), reading })
}

/// The database knows signed numbers only: addresses and counters keep their 64 bits.
pub(super) const fn eui64(bits: i64) -> Eui64 {
    Eui64::from_u64(bits.cast_unsigned())
}

/// See [`eui64`].
pub(super) const fn bits(meter: Eui64) -> i64 {
    meter.as_u64().cast_signed()
}

pub(super) const fn cursor(row_id: i64) -> Cursor {
    Cursor(row_id.cast_unsigned())
}

/// A cursor as the database counts.
pub(super) fn row_id(cursor: Cursor) -> i64 {
    i64::try_from(cursor.0).unwrap_or(i64::MAX)
}
