//! Numbers with their scaler and unit.

use super::{ScalerUnit, Unit};
use crate::axdr::Data;
use core::fmt;

/// What a register says: a number, its scaler and its unit \[BB 4.3.2\]. No float is involved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The number, before its scaler.
    pub number: i64,
    /// What it counts.
    pub scaler_unit: ScalerUnit,
}

impl Quantity {
    /// The integer in `value` under `scaler_unit`; `None` when it is none.
    pub fn new(value: &Data<'_>, scaler_unit: ScalerUnit) -> Option<Self> {
        Some(Self { number: value.as_i64()?, scaler_unit })
    }

    /// The number under another scaler: in units of 10^`scaler`, towards zero. `None` beyond 64 bits.
    pub fn at_scaler(&self, scaler: i8) -> Option<i64> {
        let steps = i32::from(self.scaler_unit.scaler) - i32::from(scaler);
        let power = 10_i64.checked_pow(steps.unsigned_abs());
        match (steps >= 0, power) {
            _ if self.number == 0 => Some(0),
            (true, power) => self.number.checked_mul(power?),
            // Divided by more than 64 bits hold, nothing is left.
            (false, power) => Some(power.map_or(0, |power| self.number / power)),
        }
    }

    /// The unit.
    pub const fn unit(&self) -> Unit {
        self.scaler_unit.unit
    }
}

impl fmt::Display for Quantity {
    /// All digits, with a point where the scaler puts it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaler = self.scaler_unit.scaler;
        let sign = if self.number < 0 { "-" } else { "" };
        let digits = self.number.unsigned_abs();
        match scaler {
            0.. => {
                write!(f, "{sign}{digits}")?;
                (0..if digits == 0 { 0 } else { scaler }).try_for_each(|_| f.write_str("0"))?;
            }
            // 19 places are all that 64 bits can have ahead of the point.
            -19..0 => {
                let power = 10_u64.pow(u32::from(scaler.unsigned_abs()));
                let places = usize::from(scaler.unsigned_abs());
                write!(f, "{sign}{}.{:0places$}", digits / power, digits % power)?;
            }
            _ => write!(f, "{sign}{digits}e{scaler}")?,
        }
        match self.unit().symbol() {
            None | Some("") => Ok(()),
            Some(symbol) => write!(f, " {symbol}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn quantity(number: i64, scaler: i8) -> Quantity {
        Quantity { number, scaler_unit: ScalerUnit { scaler, unit: Unit::WATT_HOUR } }
    }

    #[test]
    fn the_point_stands_where_the_scaler_puts_it() {
        let cases = [
            (1_234_567, -3, "1234.567 Wh"),
            (-5, -2, "-0.05 Wh"),
            (12, 2, "1200 Wh"),
            (0, 3, "0 Wh"),
            (7, 0, "7 Wh"),
            (i64::MIN, -19, "-0.9223372036854775808 Wh"),
            (5, -128, "5e-128 Wh"),
        ];
        for (number, scaler, text) in cases {
            assert_eq!(quantity(number, scaler).to_string(), text);
        }
    }

    #[test]
    fn scalers_are_changed_without_overflow() {
        assert_eq!(quantity(1_234_567, -3).at_scaler(0), Some(1234));
        assert_eq!(quantity(-1_999, -3).at_scaler(0), Some(-1));
        assert_eq!(quantity(12, 3).at_scaler(0), Some(12_000));
        assert_eq!(quantity(i64::MAX, 1).at_scaler(0), None);
        assert_eq!(quantity(i64::MAX, -128).at_scaler(127), Some(0));
        assert_eq!(quantity(1, 127).at_scaler(-128), None);
    }

    proptest! {
        #[test]
        fn any_quantity_is_shown_and_any_scaler_asked_for(number: i64, scaler: i8, other: i8) {
            prop_assert!(!quantity(number, scaler).to_string().is_empty());
            let _ = quantity(number, scaler).at_scaler(other);
        }
    }
}
