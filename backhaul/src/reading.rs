//! What is kept and delivered.

use plc_core::{Eui64, Utc};

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

/// A register of a meter: what has one value at each capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    /// The meter.
    pub meter: Eui64,
    /// Logical name of the object, A to F.
    pub logical_name: [u8; 6],
}

/// What must agree when the same reading comes again: value, scaler, unit, status.
pub type Content = (i64, i8, u8, u32);

impl Reading {
    /// Whose value it is.
    pub const fn register(&self) -> Register {
        Register { meter: self.meter, logical_name: self.logical_name }
    }

    /// What must agree when the same reading comes again.
    pub const fn content(&self) -> Content {
        (self.value, self.scaler, self.unit, self.status)
    }
}

/// Place of a reading, an event or a value in a store: a later one has a greater cursor, and none is ever reused. 0 is before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

impl Cursor {
    /// Before the first.
    pub const START: Self = Self(0);
}

/// A reading with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredReading {
    /// Its place.
    pub cursor: Cursor,
    /// The reading.
    pub reading: Reading,
}
