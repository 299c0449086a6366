//! The power flow of a feeder at 50 Hz: which voltage every customer has, what the cables lose, how far the phases are apart.
//!
//! A feeder is a tree, so a backward and forward sweep suffices: from the leaves to the transformer the currents are summed, from the
//! transformer to the leaves the voltages fall, until they stay what they are. All is computed per phase, with a neutral:
//!
//! * a phase conductor has the positive-sequence impedance Z1 of its cable, and the neutral (Z0 - Z1) / 3. Phase-to-neutral voltages
//!   are then those of the sequence impedances exactly, for a zero-sequence current sees Z1 + 3 (Z0 - Z1) / 3;
//! * the neutral is earthed at the transformer alone. What its potential is elsewhere follows from its own drop; where a table gives
//!   a cable of two equal conductors Z0 = Z1, the whole loop counts as phase conductor, and the neutral shows no drop;
//! * customers take constant power, whatever their voltage.
//!
//! ```
//! use sim::feeder::Feeder;
//! use sim::power_flow::{Demand, PowerFlow, Source};
//! let feeder = Feeder::european_lv();
//! let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
//! let evening = flow.solve(&Demand::at_minute(&feeder, 18 * 60))?;
//! let seventh = feeder.customer(7).expect("there are 55 customers");
//! let volts = evening.voltage(seventh.bus, seventh.phase).norm();
//! assert!((240.0..253.0).contains(&volts));
//! # Ok::<(), sim::power_flow::Collapse>(())
//! ```

mod condensed;
mod demand;
mod harmonic;
mod report;
mod solution;
mod source;
mod sweep;

pub use demand::Demand;
pub use harmonic::HarmonicFlow;
pub use report::{Snapshot, buses_csv, customers_csv, day_text};
pub use solution::Solution;
pub use source::Source;

use crate::feeder::Feeder;
use channel::Complex64;

/// One value per phase, in the order L1, L2, L3.
pub type PerPhase = [Complex64; 3];

/// A feeder whose lines stand in the order in which a sweep takes them.
#[derive(Clone, Debug)]
pub struct PowerFlow {
    source: Source,
    /// From the transformer outward: whatever feeds a line comes before it.
    branches: Vec<Branch>,
    /// By place in the table of buses: their numbers.
    numbers: Vec<u32>,
    /// The buses that are looked at, by their places.
    solved: Vec<usize>,
}

/// A line as a sweep sees it.
#[derive(Clone, Copy, Debug)]
struct Branch {
    from: usize,
    to: usize,
    /// Ohm, of each phase.
    phase: Complex64,
    /// Ohm.
    neutral: Complex64,
}

/// The customers want more than the cables can carry: there is no voltage at which they would have it.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "no voltage satisfies the load: at bus {bus} it fell below {percent:.0} % of what the transformer gives, after {sweeps} sweeps"
)]
pub struct Collapse {
    /// Number of the bus where it was lowest.
    pub bus: u32,
    /// What was left there, percent of the open-circuit voltage.
    pub percent: f64,
    /// Sweeps made.
    pub sweeps: usize,
}

impl PowerFlow {
    /// The power flow of `feeder` behind `source`.
    pub fn new(feeder: &Feeder, source: Source) -> Self {
        let mut branches = Vec::with_capacity(feeder.lines().len());
        let mut reached = vec![0];
        while let Some(bus) = reached.pop() {
            for line in feeder.leaving(bus) {
                let cable = feeder.kinds()[line.kind].cable;
                let km = line.length_m / 1e3;
                let phase = Complex64::new(cable.r1, cable.x1) * km;
                let zero = Complex64::new(cable.r0, cable.x0) * km;
                branches.push(Branch { from: line.from, to: line.to, phase, neutral: (zero - phase) / 3.0 });
                reached.push(line.to);
            }
        }
        let numbers: Vec<u32> = feeder.buses().iter().map(|bus| bus.number).collect();
        Self { source, branches, solved: (0..numbers.len()).collect(), numbers }
    }

    /// What the transformer gives.
    pub fn source(&self) -> &Source {
        &self.source
    }
}

#[cfg(test)]
mod tests;
