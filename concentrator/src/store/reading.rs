//! Readings as the store keeps them.

use plc_core::{Eui64, Utc};
use rusqlite::Row;

/// One value that a meter captured. Meter, logical name and capture time identify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The meter.
    pub meter: Eui64,
    /// Logical name of the object, A to F.
    pub logical_name: [u8; 6],
    /// When the meter captured the value.
    pub capture: Utc,
    /// The value, to be multiplied by 10 to the power of `scaler`.
    pub value: i64,
    /// Power of ten.
    pub scaler: i8,
    /// Unit, as DLMS/COSEM numbers it.
    pub unit: u8,
    /// Status bits that the meter captured with the value.
    pub status: u32,
    /// When the concentrator received it.
    pub received: Utc,
}

impl Reading {
    /// What must agree when the same reading comes again.
    pub(super) const fn content(&self) -> (i64, i8, u8, u32) {
        (self.value, self.scaler, self.unit, self.status)
    }
}

/// Place of a row in the store: a later row has a greater cursor, and none is ever reused. 0 is before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

impl Cursor {
    /// Before the first row.
    pub const START: Self = Self(0);

    /// As the database counts.
    pub(super) fn row_id(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// A reading with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredReading {
    /// Its place.
    pub cursor: Cursor,
    /// The reading.
    pub reading: Reading,
}

/// Which readings to list; all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadingFilter {
    /// Only of this meter.
    pub meter: Option<Eui64>,
    /// Captured at this time or later.
    pub from: Option<Utc>,
    /// Captured before this time.
    pub to: Option<Utc>,
}

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

/// The columns that [`stored`] reads, in its order.
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
