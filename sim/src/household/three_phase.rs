//! A household on all three phases.

use super::{Household, Mains};
use crate::feeder::{Feeder, Phase};
use metrology::Frame;
use plc_core::Seed;
use std::sync::Arc;

/// Shares of the load on the phase of the customer and on the two that follow it [a household with a cooker and a heater; C].
pub(crate) const SHARES: [f64; 3] = [0.5, 0.3, 0.2];

/// The waveforms of a household whose load is spread over three phases.
#[derive(Clone, Debug)]
pub struct ThreePhaseHousehold {
    /// By phase.
    phases: [Household; 3],
    u: Vec<i32>,
    i: Vec<i32>,
}

impl ThreePhaseHousehold {
    /// The household of a customer of `feeder`, from `start_second` of the day on; `None` when there is no such
    /// customer.
    pub fn of(feeder: &Feeder, customer: u32, start_second: u32, seed: &Seed) -> Option<Self> {
        let (row, profile) = (feeder.customer(customer)?, feeder.profile(customer)?);
        let phases = Phase::ALL.map(|phase| {
            let share = SHARES[(phase.index() + 3 - row.phase.index()) % 3];
            let kilowatts: Vec<f64> = profile.iter().map(|kw| kw * share).collect();
            let own = seed.derive("phase", phase.index() as u64);
            // The mains are those of the seed, so that all customers share their frequency; noise is of each converter.
            let mains = Mains::new(seed, customer, phase, row.nominal_v);
            Household::new(mains, &kilowatts, row.power_factor, customer, start_second, &own)
        });
        Some(Self { phases, u: Vec::new(), i: Vec::new() })
    }

    /// The same with the voltages of a power flow, by phase; see [`Mains::with_supply`].
    #[must_use]
    pub fn with_supply(self, supply: [Arc<[(f64, f64)]>; 3]) -> Self {
        let [one, two, three] = self.phases;
        let [first, second, third] = supply;
        let phases = [one.with_supply(first), two.with_supply(second), three.with_supply(third)];
        Self { phases, ..self }
    }

    /// Fills a block with the next samples of all phases, in units of [`super::VOLTS_PER_LSB`] and [`super::AMPERES_PER_LSB`]; the
    /// neutral carries what the phases leave.
    pub fn fill(&mut self, frames: &mut [Frame]) {
        frames.fill(Frame::default());
        self.u.resize(frames.len(), 0);
        self.i.resize(frames.len(), 0);
        for (phase, household) in self.phases.iter_mut().enumerate() {
            household.fill(&mut self.u, &mut self.i);
            for ((frame, &u), &i) in frames.iter_mut().zip(&self.u).zip(&self.i) {
                (frame.u[phase], frame.i[phase]) = (u, i);
                frame.i[3] -= i;
            }
        }
    }

    /// Active energy of all samples filled so far, Wh.
    pub fn energy_wh(&self) -> f64 {
        self.phases.iter().map(Household::energy_wh).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::household::RATE;

    #[test]
    fn three_phases_share_the_load_of_one_and_follow_each_other() {
        let (feeder, seed) = (Feeder::european_lv(), Seed::from_u64(1));
        let mut three = ThreePhaseHousehold::of(&feeder, 17, 18 * 3600, &seed).expect("the customer exists");
        let mut one = Household::of(&feeder, 17, 18 * 3600, &seed).expect("the customer exists");
        let mut frames = vec![Frame::default(); RATE as usize * 10];
        three.fill(&mut frames);
        let (mut u, mut i) = (vec![0; frames.len()], vec![0; frames.len()]);
        one.fill(&mut u, &mut i);
        // The power is constant for 25 ms, which need not be whole cycles.
        assert!((three.energy_wh() / one.energy_wh() - 1.0).abs() < 1e-3);
        let sum = |frame: &Frame| frame.u.iter().map(|&u| i64::from(u)).sum::<i64>();
        let peak = frames.iter().map(|frame| i64::from(frame.u[0])).max().unwrap_or(0);
        // The fundamentals cancel; third harmonics of 1.5 % add up.
        assert!(frames.iter().all(|frame| sum(frame).abs() < peak / 15), "{peak}");
        assert!(frames.iter().all(|frame| frame.i.iter().sum::<i32>() == 0));
    }
}
