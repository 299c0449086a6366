//! What tasks read, and is kept and delivered beside readings.

use plc_core::{Eui64, Utc};

/// One number that a task has read, named by meter, source, logical name, capture and ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskValue {
    /// The meter.
    pub meter: Eui64,
    /// The profile or log that it stood in; of a register and of the clock: itself.
    pub source: [u8; 6],
    /// The object.
    pub logical_name: [u8; 6],
    /// When the meter captured it; of a register and of the clock: when it was asked.
    pub capture: Utc,
    /// Rows of the same time in the same profile count from 0.
    pub ordinal: u16,
    /// The number.
    pub value: i64,
    /// Power of ten.
    pub scaler: i8,
    /// Unit code.
    pub unit: u8,
    /// Profile status of the row.
    pub status: u32,
    /// When it was received.
    pub received: Utc,
}
