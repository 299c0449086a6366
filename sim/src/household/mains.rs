//! The mains at one customer: phase angle, frequency, voltage.

use super::{MINUTES_PER_DAY, RATE, SAMPLES_PER_MINUTE};
use crate::feeder::Phase;
use plc_core::Seed;
use std::f64::consts::TAU;
use std::sync::Arc;

/// Slow wander of the frequency, and of the voltage where no power flow says what it is, in closed form: any sample can be asked for.
///
/// The frequency is the same at every customer of a seed, the voltage is each customer's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Mains {
    nominal_v: f64,
    /// Turns at sample 0: a third of a turn per phase.
    offset: f64,
    frequency: [Wander; 2],
    voltage: [Wander; 3],
    /// By minute of the day, where the voltage follows from a power flow: volts, and turns ahead of the voltage without load.
    supply: Option<Arc<[(f64, f64)]>>,
}

/// A sinusoid of minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wander {
    amplitude: f64,
    period_s: f64,
    /// Turns at sample 0.
    phase: f64,
}

/// Nominal frequency, Hz.
const NOMINAL_HZ: f64 = 50.0;

/// Amplitudes (Hz) and periods (s) of the frequency: ±0.05 Hz in all [confidence C].
const FREQUENCY: [(f64, f64); 2] = [(0.035, 617.0), (0.015, 89.0)];

/// Amplitudes (parts of one) and periods (s) of the voltage: ±3 % in all [confidence C].
const VOLTAGE: [(f64, f64); 3] = [(0.015, 5400.0), (0.01, 983.0), (0.005, 151.0)];

impl Mains {
    /// The mains of customer number `customer` on `phase` with `nominal_v` volts to neutral.
    pub fn new(seed: &Seed, customer: u32, phase: Phase, nominal_v: f64) -> Self {
        let common = seed.derive("mains frequency", 0).0;
        let own = seed.derive("mains voltage", u64::from(customer)).0;
        let turns = |bytes: &[u8; 32], n: usize| f64::from(bytes[n]) / 256.0;
        Self {
            nominal_v,
            offset: 1.0 - phase.index() as f64 / 3.0,
            frequency: std::array::from_fn(|n| Wander::new(FREQUENCY[n], turns(&common, n))),
            voltage: std::array::from_fn(|n| Wander::new(VOLTAGE[n], turns(&own, n))),
            supply: None,
        }
    }

    /// The same with the voltage of a power flow, by minute of the day (no less than 1440): volts to neutral, and turns by which they
    /// are ahead of those without load.
    #[must_use]
    pub fn with_supply(self, supply: Arc<[(f64, f64)]>) -> Self {
        Self { supply: Some(supply), ..self }
    }

    fn supply_at(&self, sample: u64) -> Option<(f64, f64)> {
        let supply = self.supply.as_deref()?;
        let minute = (sample / SAMPLES_PER_MINUTE) as usize % MINUTES_PER_DAY;
        supply.get(minute).copied()
    }

    /// Phase angle of the voltage's fundamental at a sample, in turns from 0 to 1: zero at its rising zero
    /// crossing.
    pub fn turns(&self, sample: u64) -> f64 {
        // The nominal frequency is 160 samples a turn: exact for any index.
        let nominal = (sample % 160) as f64 / 160.0;
        let wander: f64 = self.frequency.iter().map(|wander| wander.integral(seconds(sample))).sum();
        let ahead = self.supply_at(sample).map_or(0.0, |(_, turns)| turns);
        (nominal + wander + self.offset + ahead).rem_euclid(1.0)
    }

    /// Turns from a sample to the one `count` later.
    pub fn turns_since(&self, sample: u64, count: u64) -> f64 {
        let (from, to) = (seconds(sample), seconds(sample + count));
        let wander: f64 = self.frequency.iter().map(|w| w.integral(to) - w.integral(from)).sum();
        count as f64 / 160.0 + wander
    }

    /// Frequency at a sample, Hz.
    pub fn hertz(&self, sample: u64) -> f64 {
        NOMINAL_HZ + self.frequency.iter().map(|wander| wander.value(seconds(sample))).sum::<f64>()
    }

    /// Root mean square of the fundamental at a sample, volts.
    pub fn volts(&self, sample: u64) -> f64 {
        if let Some((volts, _)) = self.supply_at(sample) {
            return volts;
        }
        self.nominal_v * (1.0 + self.voltage.iter().map(|wander| wander.value(seconds(sample))).sum::<f64>())
    }
}

impl Wander {
    fn new((amplitude, period_s): (f64, f64), phase: f64) -> Self {
        Self { amplitude, period_s, phase }
    }

    fn value(&self, seconds: f64) -> f64 {
        self.amplitude * (TAU * self.turns(seconds)).sin()
    }

    /// Integral of the value over time, up to a constant.
    fn integral(&self, seconds: f64) -> f64 {
        -self.amplitude * self.period_s / TAU * (TAU * self.turns(seconds)).cos()
    }

    fn turns(&self, seconds: f64) -> f64 {
        (seconds / self.period_s + self.phase).fract()
    }
}

fn seconds(sample: u64) -> f64 {
    sample as f64 / f64::from(RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mains(phase: Phase) -> Mains {
        Mains::new(&Seed::from_u64(2), 7, phase, 230.0)
    }

    #[test]
    fn the_frequency_is_the_slope_of_the_angle() {
        let mains = mains(Phase::One);
        for sample in [0, 123_456, 600_000_000] {
            let slope = mains.turns_since(sample, 80) * 100.0;
            assert!((slope - mains.hertz(sample + 40)).abs() < 1e-5);
            assert!((NOMINAL_HZ - 0.05..=NOMINAL_HZ + 0.05).contains(&slope));
            let next = (mains.turns(sample) + mains.turns_since(sample, 80)).rem_euclid(1.0);
            let apart = (next - mains.turns(sample + 80)).abs();
            assert!(apart.min(1.0 - apart) < 1e-9);
        }
    }

    #[test]
    fn the_second_phase_follows_the_first_by_a_third_of_a_turn() {
        let turns = [Phase::One, Phase::Two, Phase::Three].map(|phase| mains(phase).turns(1000));
        assert!(((turns[0] - turns[1]).rem_euclid(1.0) - 1.0 / 3.0).abs() < 1e-9);
        assert!(((turns[1] - turns[2]).rem_euclid(1.0) - 1.0 / 3.0).abs() < 1e-9);
    }
}
