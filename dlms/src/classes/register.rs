//! Register, class 3, and what it shares with Data, class 1 \[BB 4.3.1, 4.3.2\].

use crate::axdr::{Data, Encoder};
use crate::cosem::{LogicalName, ScalerUnit};

/// The interface class Register.
pub const CLASS_ID: u16 = 3;
/// The attribute value.
pub const VALUE: i8 = 2;
/// The attribute scaler_unit.
pub const SCALER_UNIT: i8 = 3;

/// The number in the value of a register, before its scaler; `None` when it is no integer.
pub fn value(encoded: &[u8]) -> Option<i64> {
    Data::from_bytes(encoded).ok()?.as_i64()
}

/// The value of attribute scaler_unit.
pub fn scaler_unit(encoded: &[u8]) -> Option<ScalerUnit> {
    ScalerUnit::from_data(&Data::from_bytes(encoded).ok()?)
}

/// Writes an attribute of a register whose value is a long64-unsigned; returns whether it exists.
pub fn encode(
    attribute: i8,
    logical_name: LogicalName,
    value: &Data<'_>,
    scaler_unit: ScalerUnit,
    out: &mut Encoder<'_>,
) -> bool {
    match attribute {
        1 => out.logical_name(logical_name),
        VALUE => out.data(value),
        SCALER_UNIT => scaler_unit.encode(out),
        _ => return false,
    }
    true
}
