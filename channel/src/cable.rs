//! A cable as a line with losses.

use crate::Complex64;
use crate::specs;

/// A cable by its sequence impedances at 50 Hz, in ohm per kilometre, as feeder data state them.
///
/// The carrier travels in the loop of a phase and the neutral, whose impedance is (2 z1 + z0) / 3. From it:
///
/// * inductance: reactance over 2π · 50 Hz, taken as constant;
/// * resistance: times the skin effect max(1, 1/4 + x/2) of a round wire, x = radius over skin depth. Both
///   scale with the resistivity such that x = √(µ0 f / R) whatever the metal; R is the phase's own [confidence C];
/// * capacitance: from the inductance and the speed [`specs::VELOCITY_M_PER_S`];
/// * conductance: [`specs::LOSS_TANGENT`] times the capacitance's susceptance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cable {
    /// Positive-sequence resistance, ohm/km.
    pub r1: f64,
    /// Positive-sequence reactance at 50 Hz, ohm/km.
    pub x1: f64,
    /// Zero-sequence resistance, ohm/km.
    pub r0: f64,
    /// Zero-sequence reactance at 50 Hz, ohm/km.
    pub x0: f64,
}

/// A length of cable at one frequency: V1 = a V2 + b I2, I1 = c V2 + a I2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadripole {
    /// cosh γl.
    pub a: Complex64,
    /// Zc sinh γl, ohm.
    pub b: Complex64,
    /// sinh γl / Zc, siemens.
    pub c: Complex64,
}

impl Cable {
    /// Series impedance (ohm) and shunt admittance (siemens) of a metre at `hz`.
    pub fn per_metre(&self, hz: f64) -> (Complex64, Complex64) {
        let omega = 2.0 * core::f64::consts::PI * hz;
        let henry = self.henry_per_metre();
        let farad = 1.0 / (henry * specs::VELOCITY_M_PER_S * specs::VELOCITY_M_PER_S);
        let ohm = (2.0 * self.r1 + self.r0) / 3e3 * self.skin_effect(hz);
        (Complex64::new(ohm, omega * henry), Complex64::new(specs::LOSS_TANGENT, 1.0) * (omega * farad))
    }

    /// `metres` of this cable at `hz`.
    pub fn quadripole(&self, hz: f64, metres: f64) -> Quadripole {
        let (z, y) = self.per_metre(hz);
        let (z, y) = (z * metres, y * metres);
        let q = z * y;
        if q.norm_sqr() < SHORT_SQUARED { Quadripole::short(z, y, q) } else { Quadripole::exact(z, y, q) }
    }

    /// Resistance at `hz` over the resistance at direct current.
    pub fn skin_effect(&self, hz: f64) -> f64 {
        (0.25 + 0.5 * (specs::MU_0 * hz / (self.r1 * 1e-3)).sqrt()).max(1.0)
    }

    fn henry_per_metre(&self) -> f64 {
        (2.0 * self.x1 + self.x0) / 3e3 / (2.0 * core::f64::consts::PI * specs::MAINS_HZ)
    }
}

/// Square of the largest |γl|² for which the series below is exact to double precision.
const SHORT_SQUARED: f64 = 0.01;

impl Quadripole {
    /// Power series in q = (γl)²: no root, no exponential.
    fn short(z: Complex64, y: Complex64, q: Complex64) -> Self {
        let cosh = horner(q, [2.0, 12.0, 30.0, 56.0, 90.0]);
        let sinh_over = horner(q, [6.0, 20.0, 42.0, 72.0, 110.0]);
        Self { a: cosh, b: z * sinh_over, c: y * sinh_over }
    }

    fn exact(z: Complex64, y: Complex64, q: Complex64) -> Self {
        let gamma_l = q.sqrt();
        let sinh_over = gamma_l.sinh() / gamma_l;
        Self { a: gamma_l.cosh(), b: z * sinh_over, c: y * sinh_over }
    }

    /// Admittance at the near end with `load` (siemens) at the far one.
    pub fn input_admittance(&self, load: Complex64) -> Complex64 {
        (self.c + self.a * load) / (self.a + self.b * load)
    }

    /// Voltage at the far end, loaded with `load` (siemens), over the voltage at the near one.
    pub fn voltage_ratio(&self, load: Complex64) -> Complex64 {
        (self.a + self.b * load).inv()
    }
}

/// 1 + q/d0 (1 + q/d1 (1 + …)).
fn horner(q: Complex64, divisors: [f64; 5]) -> Complex64 {
    divisors.iter().rev().fold(Complex64::ONE, |sum, divisor| q * sum / *divisor + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CABLE: Cable = Cable { r1: 0.446, x1: 0.071, r0: 1.505, x0: 0.083 };

    #[test]
    fn the_short_series_equals_the_exact_functions() {
        for metres in [0.1, 5.0, 60.0, 120.0] {
            let (z, y) = CABLE.per_metre(90e3);
            let (z, y) = (z * metres, y * metres);
            let (short, exact) = (Quadripole::short(z, y, z * y), Quadripole::exact(z, y, z * y));
            assert!((short.a - exact.a).norm() < 1e-11);
            assert!((short.b - exact.b).norm() < 1e-11 * exact.b.norm());
            assert!((short.c - exact.c).norm() < 1e-11 * exact.c.norm());
        }
    }

    #[test]
    fn two_halves_in_a_row_equal_the_whole() {
        let (half, whole) = (CABLE.quadripole(60e3, 400.0), CABLE.quadripole(60e3, 800.0));
        assert!((half.a * half.a + half.b * half.c - whole.a).norm() < 1e-9);
        assert!((half.a * half.b * 2.0 - whole.b).norm() < 1e-9 * whole.b.norm());
    }

    #[test]
    fn skin_effect_is_nothing_at_mains_frequency_and_grows_with_the_root() {
        assert_eq!(CABLE.skin_effect(50.0), 1.0);
        let ratio = (CABLE.skin_effect(400e3) - 0.25) / (CABLE.skin_effect(100e3) - 0.25);
        assert!((ratio - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_long_lossless_like_line_has_a_characteristic_impedance_of_tens_of_ohm() {
        let (z, y) = CABLE.per_metre(60e3);
        let ohm = (z / y).sqrt().norm();
        assert!((20.0..60.0).contains(&ohm), "{ohm}");
    }
}
