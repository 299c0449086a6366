//! The mains of a street or of a town: what everybody takes, and the voltages that everybody has because of it.
//!
//! [`Grid`] holds the feeders at one busbar with all that hang there, whether they have a meter or not, and solves the power flow
//! ([`crate::power_flow`]) of a minute: per phase, with the neutral, and for the third, fifth and seventh harmonics besides. What a meter
//! sees of it is a [`Supply`]. Everything is a function of the feeder's tables, of the minute and of who has lost the supply.
//!
//! Harmonics: a load takes 8, 4 and 2 % of its fundamental current as harmonics, at the angles of [`crate::household`]; the busbar has
//! 1.5, 2.5 and 1.2 % of voltage, as a household's waveform has. In the cables they add up order by order: the third ones of all phases
//! in the neutral, where they are what distorts the voltage at the end of a feeder.

mod consumer;
mod day;
mod figures;
mod supply;

pub use consumer::Consumer;
pub(crate) use day::Voltages;
pub use figures::{Extreme, GridFigures};
pub use supply::{ORDERS, Supply};

use crate::feeder::{Feeder, Phase};
use crate::household::{CURRENT_HARMONICS, Harmonic, VOLTAGE_HARMONICS};
use crate::power_flow::{Collapse, Demand, HarmonicFlow, PerPhase, PowerFlow, Solution, Source};
use channel::Complex64;
use std::f64::consts::TAU;

/// Feeders at one busbar and all that hang there.
#[derive(Clone, Debug)]
pub struct Grid {
    source: Source,
    flow: PowerFlow,
    consumers: Vec<Consumer>,
    /// By consumer: whether the supply is there.
    supplied: Vec<bool>,
    demands: Vec<Demand>,
    solutions: Vec<Solution>,
    /// By harmonic, by feeder.
    harmonics: Vec<Vec<HarmonicFlow>>,
    /// By consumer: the fundamental of the current of its load, A.
    amperes: Vec<PerPhase>,
}

/// A minute, solved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Balance {
    /// What the transformer gives to all feeders, W.
    pub supplied_w: f64,
    /// What the cables take of it, W.
    pub lost_w: f64,
    /// The most sweeps that a feeder took.
    pub sweeps: usize,
}

/// A sweep that changes no voltage by more, volts, is the last: what is left is some microvolts.
const TOLERANCE_V: f64 = 1e-4;

impl Grid {
    /// `feeders` copies of `feeder` behind `source`, with these consumers, all of whom have the supply.
    ///
    /// # Panics
    /// When a consumer hangs at a feeder or a bus that there is not: a mistake in the program.
    pub fn new(feeder: &Feeder, feeders: usize, source: Source, consumers: Vec<Consumer>) -> Self {
        let flow = PowerFlow::condensed(feeder, source);
        let harmonic = |&(order, ..): &Harmonic| vec![HarmonicFlow::new(&flow, order as u8); feeders];
        let grid = Self {
            source,
            supplied: vec![true; consumers.len()],
            demands: vec![Demand::none(feeder); feeders],
            solutions: vec![flow.at_rest(); feeders],
            harmonics: CURRENT_HARMONICS.iter().map(harmonic).collect(),
            amperes: vec![[Complex64::ZERO; 3]; consumers.len()],
            flow,
            consumers,
        };
        let at_feeder =
            |consumer: &Consumer| consumer.feeder < feeders && consumer.bus < feeder.buses().len();
        assert!(grid.consumers.iter().all(at_feeder), "consumers hang at a bus of a feeder");
        grid
    }

    /// All that hang there.
    pub fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    /// A consumer has the supply or not.
    ///
    /// # Panics
    /// When there is no such consumer: a mistake in the program.
    pub fn set_supplied(&mut self, consumer: usize, supplied: bool) {
        self.supplied[consumer] = supplied;
    }

    /// Whether a consumer has the supply.
    pub fn is_supplied(&self, consumer: usize) -> bool {
        self.supplied[consumer]
    }

    /// Finds the voltages of a minute of the day.
    ///
    /// # Errors
    /// When the cables cannot carry what is wanted; the voltages are then those of a feeder from which nobody takes anything.
    pub fn solve(&mut self, minute: usize) -> Result<Balance, Collapse> {
        self.demands.iter_mut().for_each(|demand| self.flow.clear(demand));
        for (consumer, _) in self.consumers.iter().zip(&self.supplied).filter(|(_, supplied)| **supplied) {
            for phase in Phase::ALL {
                let power = consumer.load_va(phase, minute) - consumer.generated_va(phase, minute);
                self.demands[consumer.feeder].add(consumer.bus, phase, power);
            }
        }
        if let Err(collapse) = self.flow.settle(TOLERANCE_V, &self.demands, &mut self.solutions) {
            self.solutions.iter_mut().for_each(|solution| *solution = self.flow.at_rest());
            self.solve_harmonics(minute);
            return Err(collapse);
        }
        self.solve_harmonics(minute);
        Ok(self.balance())
    }

    fn balance(&self) -> Balance {
        let mut balance = Balance::default();
        for solution in &self.solutions {
            balance.supplied_w += solution.supplied().re;
            balance.lost_w += self.flow.losses(solution).re;
            balance.sweeps = balance.sweeps.max(solution.sweeps());
        }
        balance
    }

    fn solve_harmonics(&mut self, minute: usize) {
        for (n, consumer) in self.consumers.iter().enumerate() {
            let voltages = self.solutions[consumer.feeder].voltages(consumer.bus);
            self.amperes[n] = Phase::ALL.map(|phase| {
                let power = if self.supplied[n] { consumer.load_va(phase, minute) } else { Complex64::ZERO };
                if power == Complex64::ZERO { power } else { (power / voltages[phase.index()]).conj() }
            });
        }
        for (flows, (current, voltage)) in
            self.harmonics.iter_mut().zip(CURRENT_HARMONICS.into_iter().zip(VOLTAGE_HARMONICS))
        {
            flows.iter_mut().for_each(|flow| flow.clear(&self.flow));
            for (consumer, amperes) in self.consumers.iter().zip(&self.amperes) {
                let voltages = self.solutions[consumer.feeder].voltages(consumer.bus);
                for phase in (0..3).filter(|&phase| amperes[phase] != Complex64::ZERO) {
                    let taken = of_fundamental(current, voltages[phase], amperes[phase].norm());
                    flows[consumer.feeder].add(consumer.bus, phase, taken);
                }
            }
            let open = self.source.open().map(|open| of_fundamental(voltage, open, open.norm()));
            self.flow.settle_harmonic(&open, flows);
        }
    }

    /// What a consumer has in the minute that was solved last.
    ///
    /// # Panics
    /// When there is no such consumer: a mistake in the program.
    pub fn supply(&self, consumer: usize, minute: usize) -> Supply {
        let of = &self.consumers[consumer];
        let harmonics: [&PerPhase; 3] =
            std::array::from_fn(|n| self.harmonics[n][of.feeder].voltages(of.bus));
        let voltages = self.solutions[of.feeder].voltages(of.bus);
        let currents = Phase::ALL.map(|phase| {
            let generated = (of.generated_va(phase, minute) / voltages[phase.index()]).conj();
            (self.amperes[consumer][phase.index()], generated)
        });
        Supply::new(of, voltages, harmonics, &currents)
    }

    /// Voltage from a phase to neutral where a consumer hangs, volts; as if it had the supply.
    pub fn voltages(&self, consumer: usize) -> &PerPhase {
        let of = &self.consumers[consumer];
        self.solutions[of.feeder].voltages(of.bus)
    }

    /// Unbalance of the voltages where a consumer hangs, percent.
    pub fn unbalance(&self, consumer: usize) -> f64 {
        let of = &self.consumers[consumer];
        self.solutions[of.feeder].unbalance(of.bus)
    }
}

/// A harmonic of `size`, at its angle to the zero crossing of a voltage.
fn of_fundamental((order, share, turns): Harmonic, voltage: Complex64, size: f64) -> Complex64 {
    Complex64::from_polar(share * size, f64::from(order) * voltage.arg() + TAU * turns)
}

#[cfg(test)]
mod tests;
