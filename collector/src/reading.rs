//! What the collector is for.

use alloc::vec::Vec;
use core::fmt;
use dlms::cosem::{LogicalName, ScalerUnit, Unit};
use plc_core::{Eui64, Utc};

/// One value of one meter at one capture: the number that the meter sent, and how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The meter.
    pub meter: Eui64,
    /// The register.
    pub logical_name: LogicalName,
    /// When the meter has captured it: the end of a period.
    pub capture: Utc,
    /// The number, times ten to the `scaler`, in `unit`.
    pub value: i64,
    /// Exponent to the base of 10.
    pub scaler: i8,
    /// Unit code \[BB 4.3.2\]; 30 is Wh.
    pub unit: u8,
    /// The profile status of the row, as the meter gave it; 0 when its profile has no such column.
    pub status: u32,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = ScalerUnit { scaler: self.scaler, unit: Unit(self.unit) }.unit;
        let Self { meter, logical_name, capture, value, scaler, .. } = self;
        write!(f, "{meter} {logical_name} {capture} {value}e{scaler} {unit}")
    }
}

/// Readings that become durable together, or not at all.
///
/// The same readings may come again in a later batch, after a session or a power supply has failed. A reading is
/// named by meter, logical name and capture, and always has the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Names the batch when it has become durable.
    pub number: u64,
    /// In order of capture, then of column.
    pub readings: Vec<Reading>,
}
