//! The voltages of a day.

use super::{Demand, PerPhase, PowerFlow, Source};
use crate::feeder::Feeder;
use channel::Complex64;
use std::sync::OnceLock;

/// Minutes after which the day of all customers begins anew.
const MINUTES: usize = 1440;

/// What every bus of a feeder is supplied with, by minute of the day: the power flow of all its customers, solved when somebody
/// first asks for that minute. Shared by all that are supplied.
#[derive(Debug)]
pub struct Supply {
    feeder: Feeder,
    flow: PowerFlow,
    minutes: Vec<OnceLock<Vec<PerPhase>>>,
}

impl Supply {
    /// That of `feeder` behind `source`.
    pub fn new(feeder: &Feeder, source: Source) -> Self {
        let minutes = (0..MINUTES).map(|_| OnceLock::new()).collect();
        Self { feeder: feeder.clone(), flow: PowerFlow::new(feeder, source), minutes }
    }

    /// The feeder.
    pub fn feeder(&self) -> &Feeder {
        &self.feeder
    }

    /// Volts from each phase to neutral at a bus in a minute of the day; the angle is zero for L1 without load. Zero where the
    /// load cannot be carried, as when a fuse has blown.
    ///
    /// # Panics
    /// When the feeder has no such bus: a mistake in the program.
    pub fn voltages(&self, bus: usize, minute: usize) -> PerPhase {
        let minute = minute % MINUTES;
        let solve = || {
            let solution = self.flow.solve(&Demand::at_minute(&self.feeder, minute));
            solution.map_or_else(
                |_| vec![[Complex64::ZERO; 3]; self.feeder.buses().len()],
                |solution| solution.voltages,
            )
        };
        self.minutes[minute].get_or_init(solve)[bus]
    }
}
