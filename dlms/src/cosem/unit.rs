//! Scalers and units of registers.

use crate::axdr::{Data, Encoder};
use core::fmt;

/// A unit code \[BB 4.3.2, table of units; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(pub u8);

impl Unit {
    /// Second.
    pub const SECOND: Self = Self(7);
    /// Degree.
    pub const DEGREE: Self = Self(8);
    /// Watt.
    pub const WATT: Self = Self(27);
    /// Volt-ampere.
    pub const VOLT_AMPERE: Self = Self(28);
    /// Var.
    pub const VAR: Self = Self(29);
    /// Watt-hour.
    pub const WATT_HOUR: Self = Self(30);
    /// Volt-ampere-hour.
    pub const VOLT_AMPERE_HOUR: Self = Self(31);
    /// Var-hour.
    pub const VAR_HOUR: Self = Self(32);
    /// Ampere.
    pub const AMPERE: Self = Self(33);
    /// Volt.
    pub const VOLT: Self = Self(35);
    /// Hertz.
    pub const HERTZ: Self = Self(44);
    /// Percent.
    pub const PERCENT: Self = Self(56);
    /// A count, no unit.
    pub const COUNT: Self = Self(255);

    /// The symbol, or `None` for a code that has no name here.
    pub const fn symbol(self) -> Option<&'static str> {
        Some(match self {
            Self::SECOND => "s",
            Self::DEGREE => "°",
            Self::WATT => "W",
            Self::VOLT_AMPERE => "VA",
            Self::VAR => "var",
            Self::WATT_HOUR => "Wh",
            Self::VOLT_AMPERE_HOUR => "VAh",
            Self::VAR_HOUR => "varh",
            Self::AMPERE => "A",
            Self::VOLT => "V",
            Self::HERTZ => "Hz",
            Self::PERCENT => "%",
            Self::COUNT => "",
            _ => return None,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol() {
            Some(symbol) => f.write_str(symbol),
            None => write!(f, "unit {}", self.0),
        }
    }
}

/// scal_unit_type: the value is the number times ten to the `scaler`, in `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScalerUnit {
    /// Exponent to the base of 10.
    pub scaler: i8,
    /// The unit.
    pub unit: Unit,
}

impl ScalerUnit {
    /// From the structure that attribute 3 of a register holds.
    pub fn from_data(data: &Data<'_>) -> Option<Self> {
        let [scaler, unit] = data.as_structure()?.exactly()?;
        let Data::Enum(unit) = unit else { return None };
        Some(Self { scaler: i8::try_from(scaler.as_i64()?).ok()?, unit: Unit(unit) })
    }

    /// Writes the structure.
    pub fn encode(&self, out: &mut Encoder<'_>) {
        out.structure(2);
        out.i8(self.scaler);
        out.enumeration(self.unit.0);
    }
}
