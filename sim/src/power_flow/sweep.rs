//! The sweeps.

use super::{Collapse, Demand, PerPhase, PowerFlow, Solution};
use channel::Complex64;

/// Two sweeps whose voltages differ by less, volts, have found them.
const TOLERANCE_V: f64 = 1e-7;
/// More sweeps than any load needs that can be carried: near the limit of a cable some dozens.
const SWEEPS_MAX: usize = 500;
/// A voltage below this part of the open-circuit voltage is on its way to nothing: the power that reaches a load through a
/// resistance is greatest at half, and falls from there on.
const FLOOR: f64 = 0.3;

impl PowerFlow {
    /// The voltages and currents at which everybody has what he takes.
    ///
    /// # Errors
    /// When there are none.
    pub fn solve(&self, demand: &Demand) -> Result<Solution, Collapse> {
        let buses = self.numbers.len();
        let mut solution = Solution {
            voltages: vec![self.source.open(); buses],
            neutral: vec![Complex64::ZERO; buses],
            currents: vec![[Complex64::ZERO; 3]; buses],
            sweeps: 0,
        };
        loop {
            solution.sweeps += 1;
            self.gather(demand, &mut solution);
            let change = self.spread(&mut solution);
            if change < TOLERANCE_V {
                return Ok(solution);
            }
            self.check(&solution)?;
        }
    }

    /// From the leaves inward: the current that comes into each bus.
    fn gather(&self, demand: &Demand, solution: &mut Solution) {
        for (bus, current) in solution.currents.iter_mut().enumerate() {
            let (power, voltage) = (demand.at(bus), &solution.voltages[bus]);
            *current = std::array::from_fn(|n| (power[n] / voltage[n]).conj());
        }
        for branch in self.branches.iter().rev() {
            let through = solution.currents[branch.to];
            let into = &mut solution.currents[branch.from];
            into.iter_mut().zip(through).for_each(|(sum, part)| *sum += part);
        }
    }

    /// From the transformer outward: the voltage that is left at each bus. Returns the greatest change of any, volts.
    fn spread(&self, solution: &mut Solution) -> f64 {
        let (phase, common) = self.source.impedances();
        let head = &solution.currents[0];
        let at_head = fall(&self.source.open(), head, phase, common);
        let mut change = replace(&mut solution.voltages[0], at_head);
        for branch in &self.branches {
            let current = &solution.currents[branch.to];
            let left = fall(&solution.voltages[branch.from], current, branch.phase, branch.neutral);
            let sum: Complex64 = current.iter().sum();
            solution.neutral[branch.to] = solution.neutral[branch.from] + branch.neutral * sum;
            change = change.max(replace(&mut solution.voltages[branch.to], left));
        }
        change
    }

    fn check(&self, solution: &Solution) -> Result<(), Collapse> {
        let lowest = |voltages: &PerPhase| voltages.iter().map(|v| v.norm()).fold(f64::INFINITY, f64::min);
        let all = solution.voltages.iter().map(lowest).enumerate();
        let (bus, volts) = all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY));
        let part = volts / self.source.open_v;
        if part > FLOOR && solution.sweeps < SWEEPS_MAX {
            return Ok(());
        }
        Err(Collapse { bus: self.numbers[bus], percent: 100.0 * part, sweeps: solution.sweeps })
    }
}

/// What is left of phase-to-neutral voltages behind an impedance of each phase and one that all have in common.
fn fall(voltages: &PerPhase, currents: &PerPhase, phase: Complex64, common: Complex64) -> PerPhase {
    let shared = common * currents.iter().sum::<Complex64>();
    std::array::from_fn(|n| voltages[n] - phase * currents[n] - shared)
}

/// Returns by how much the most changed of them changes, volts.
fn replace(old: &mut PerPhase, new: PerPhase) -> f64 {
    let apart = old.iter().zip(&new).map(|(old, new)| (old - new).norm()).fold(0.0, f64::max);
    *old = new;
    apart
}
