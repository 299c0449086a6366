//! Unbalance by symmetrical components.

use crate::phasor::{Phasor, THIRD};
use crate::ratings::Wiring;
use crate::values::Values;

/// Unbalance of the voltages, in millionths of the positive sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unbalance {
    /// Negative sequence u2.
    pub negative_ppm: u32,
    /// Zero sequence u0; zero for three wires, where there is none.
    pub zero_ppm: u32,
}

impl Unbalance {
    /// Of the fundamentals of the voltages; zero for one phase and without a positive sequence.
    pub fn new(values: &Values, wiring: Wiring) -> Self {
        let u = values.elements.map(|element| element.voltage);
        match wiring {
            Wiring::OnePhaseTwoWire => Self::default(),
            Wiring::ThreePhaseFourWire => Self::of(u[0], u[1], u[2]),
            // Elements have u12 and u32: the third side of the triangle follows.
            Wiring::ThreePhaseThreeWire => {
                let (u12, u23) = (u[0], Phasor::default().minus(u[1]));
                let u31 = Phasor::default().minus(u12.plus(u23));
                Self { zero_ppm: 0, ..Self::of(u12, u23, u31) }
            }
        }
    }

    /// Of three phasors.
    pub fn of(a: Phasor, b: Phasor, c: Phasor) -> Self {
        let two_thirds = THIRD.wrapping_mul(2);
        let positive = a.plus(b.turned(THIRD)).plus(c.turned(two_thirds)).magnitude();
        let negative = a.plus(b.turned(two_thirds)).plus(c.turned(THIRD)).magnitude();
        let zero = a.plus(b).plus(c).magnitude();
        let ppm = |part: u64| {
            let ppm = (u128::from(part) * 1_000_000).checked_div(u128::from(positive)).unwrap_or(0);
            u32::try_from(ppm).unwrap_or(u32::MAX)
        };
        Self { negative_ppm: ppm(negative), zero_ppm: ppm(zero) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polar(volts: f64, degrees: f64) -> Phasor {
        let (s, c) = degrees.to_radians().sin_cos();
        Phasor { re: (volts * c * 1e9).round() as i64, im: (volts * s * 1e9).round() as i64 }
    }

    #[test]
    fn known_systems_have_their_known_unbalance() {
        let cases = [
            ([(230.0, 0.0), (230.0, -120.0), (230.0, 120.0)], (0, 0)),
            ([(230.0, 0.0), (207.0, -120.0), (230.0, 120.0)], (34_482, 34_482)),
            ([(232.0, 0.0), (225.0, -121.0), (236.0, 118.5)], (6_423, 21_581)),
            ([(230.0, 0.0), (230.0, -120.0), (0.0, 0.0)], (500_000, 500_000)),
        ];
        for (system, (negative, zero)) in cases {
            let [a, b, c] = system.map(|(volts, degrees)| polar(volts, degrees));
            let found = Unbalance::of(a, b, c);
            assert!(
                found.negative_ppm.abs_diff(negative) <= 2 && found.zero_ppm.abs_diff(zero) <= 2,
                "{found:?}"
            );
        }
        assert_eq!(
            Unbalance::of(Phasor::default(), Phasor::default(), Phasor::default()),
            Unbalance::default()
        );
    }
}
