//! An impedance between phase and neutral.

use crate::Complex64;
use crate::specs;

/// What an end of a cable sees: a series circuit of resistance and inductance, or the artificial network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Impedance {
    /// Nothing connected.
    Open,
    /// Resistance in ohm and inductance in henry, in series.
    Series {
        /// Resistance, ohm; above zero.
        ohm: f64,
        /// Inductance, henry; zero or more.
        henry: f64,
    },
    /// The artificial mains network of EN 50065-1.
    Lisn,
}

impl Impedance {
    /// A pure resistance, ohm.
    pub const fn resistance(ohm: f64) -> Self {
        Self::Series { ohm, henry: 0.0 }
    }

    /// An ordinary household [confidence C].
    pub const fn household() -> Self {
        let (ohm, henry) = specs::HOUSEHOLD_OHM_HENRY;
        Self::Series { ohm, henry }
    }

    /// A transformer seen from its low-voltage side: rated voltage (line to line, V), power (VA) and
    /// short-circuit reactance and resistance (per cent). Its inductance alone counts at carrier frequencies.
    pub fn transformer(
        volts: f64,
        volt_amperes: f64,
        reactance_percent: f64,
        resistance_percent: f64,
    ) -> Self {
        let base = volts * volts / volt_amperes;
        let omega = 2.0 * core::f64::consts::PI * specs::MAINS_HZ;
        Self::Series {
            ohm: base * resistance_percent / 100.0,
            henry: base * reactance_percent / 100.0 / omega,
        }
    }

    /// Admittance at `hz`, siemens.
    pub fn admittance(&self, hz: f64) -> Complex64 {
        let omega = 2.0 * core::f64::consts::PI * hz;
        match *self {
            Self::Open => Complex64::ZERO,
            Self::Series { ohm, henry } => Complex64::new(ohm, omega * henry).inv(),
            Self::Lisn => {
                let (parallel, ohm, henry) = specs::LISN;
                Complex64::new(1.0 / parallel, 0.0) + Complex64::new(ohm, omega * henry).inv()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_transformer_is_ten_ohm_in_the_middle_of_cenelec_a() {
        let transformer = Impedance::transformer(416.0, 800e3, 4.0, 0.4);
        let ohm = transformer.admittance(60e3).inv().norm();
        assert!((9.0..12.0).contains(&ohm), "{ohm}");
    }

    #[test]
    fn the_artificial_network_rises_from_five_to_fifty_ohm() {
        assert!((Impedance::Lisn.admittance(1.0).inv().norm() - 50.0 * 5.0 / 55.0).abs() < 0.01);
        assert!((Impedance::Lisn.admittance(30e6).inv().norm() - 50.0).abs() < 0.1);
    }
}
