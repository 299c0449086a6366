//! The medium voltage and the transformer, as the low-voltage side sees them.

use super::PerPhase;
use channel::Complex64;
use std::f64::consts::TAU;

/// A stiff voltage behind an impedance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Volts from phase to neutral without load.
    pub open_v: f64,
    /// Positive-sequence impedance, ohm: of the medium voltage and the transformer.
    pub z1: Complex64,
    /// Zero-sequence impedance, ohm: of the transformer alone, for its delta winding lets no such current pass.
    pub z0: Complex64,
}

/// Ohm of the 11 kV network behind 3000 A of three-phase short-circuit current, X/R = 4, referred to 416 V.
const NETWORK: Complex64 = Complex64 { re: 0.000_734_324, im: 0.002_937_295 };
/// Ohm of the transformer: 800 kVA, 416 V, 0.4 % resistance, 4 % reactance.
const TRANSFORMER: Complex64 = Complex64 { re: 0.000_865_28, im: 0.008_652_8 };

impl Source {
    /// That of the European low-voltage test feeder: 1.05 times 11 kV, X/R = 4 \[C: the default of the program that the case was
    /// published with\], a transformer of 800 kVA, 11/0.416 kV, delta-wye, with 4 % of reactance and 0.4 % of resistance.
    pub const EUROPEAN_LV: Self = Self {
        open_v: 252.186_597,
        z1: Complex64 { re: NETWORK.re + TRANSFORMER.re, im: NETWORK.im + TRANSFORMER.im },
        z0: TRANSFORMER,
    };

    /// The same at another voltage, as a tap changer sets it; `per_unit` of the nominal 416 V.
    #[must_use]
    pub fn at(self, per_unit: f64) -> Self {
        Self { open_v: per_unit * 416.0 / 3f64.sqrt(), ..self }
    }

    /// The voltages without load, volts; that of L1 has the angle zero.
    pub(crate) fn open(&self) -> PerPhase {
        [0.0, 1.0, 2.0].map(|n| Complex64::from_polar(self.open_v, -n * TAU / 3.0))
    }

    /// Impedance of each phase, and of what they have in common, ohm.
    pub(super) fn impedances(&self) -> (Complex64, Complex64) {
        (self.z1, (self.z0 - self.z1) / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_follow_from_the_published_ratings() {
        let ratio: f64 = 416.0 / 11e3;
        let network = 11e3 / 3f64.sqrt() / 3000.0 * ratio * ratio;
        let base = 416.0 * 416.0 / 800e3;
        assert!((NETWORK.norm() - network).abs() < 1e-8, "{} {network}", NETWORK.norm());
        assert!((NETWORK.im / NETWORK.re - 4.0).abs() < 1e-5);
        assert!((TRANSFORMER - Complex64::new(0.004, 0.04) * base).norm() < 1e-9);
        assert!((Source::EUROPEAN_LV.open_v - 1.05 * 416.0 / 3f64.sqrt()).abs() < 1e-6);
        assert!((Source::EUROPEAN_LV.at(1.05).open_v - Source::EUROPEAN_LV.open_v).abs() < 1e-6);
    }
}
