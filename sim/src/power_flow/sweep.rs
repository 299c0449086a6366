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
        let mut solution = self.at_rest();
        self.settle(TOLERANCE_V, std::slice::from_ref(demand), std::slice::from_mut(&mut solution))?;
        Ok(solution)
    }

    /// A feeder from which nobody takes anything: where [`Self::settle`] may begin.
    pub fn at_rest(&self) -> Solution {
        let buses = self.numbers.len();
        Solution {
            voltages: vec![self.source.open(); buses],
            neutral: vec![Complex64::ZERO; buses],
            currents: vec![[Complex64::ZERO; 3]; buses],
            sweeps: 0,
        }
    }

    /// Solves several feeders of these tables at one busbar: what one of them takes through the transformer, all of them feel. Begins at
    /// what `solutions` hold, so that a minute that is like the one before takes few sweeps; ends when no voltage changes by
    /// `tolerance_v`, which a sweep on from there would hardly do by a tenth.
    ///
    /// # Errors
    /// When there is no solution; what `solutions` hold then is of no use.
    ///
    /// # Panics
    /// Unless there is one solution for each demand: a mistake in the program.
    pub fn settle(
        &self,
        tolerance_v: f64,
        demands: &[Demand],
        solutions: &mut [Solution],
    ) -> Result<(), Collapse> {
        assert_eq!(demands.len(), solutions.len(), "each feeder has its demand");
        solutions.iter_mut().for_each(|solution| solution.sweeps = 0);
        loop {
            let mut through = [Complex64::ZERO; 3];
            for (demand, solution) in demands.iter().zip(&mut *solutions) {
                solution.sweeps += 1;
                self.gather(demand, solution);
                through.iter_mut().zip(solution.currents[0]).for_each(|(sum, part)| *sum += part);
            }
            let (phase, common) = self.source.impedances();
            let busbar = fall(&self.source.open(), &through, phase, common);
            let changes = solutions.iter_mut().map(|solution| self.spread(busbar, solution));
            if changes.fold(0.0, f64::max) < tolerance_v {
                return Ok(());
            }
            solutions.iter().try_for_each(|solution| self.check(solution))?;
        }
    }

    /// From the leaves inward: the current that comes into each bus.
    fn gather(&self, demand: &Demand, solution: &mut Solution) {
        for &bus in &self.solved {
            let (power, voltage) = (demand.at(bus), &solution.voltages[bus]);
            solution.currents[bus] = std::array::from_fn(|n| drawn(power[n], voltage[n]));
        }
        self.sum_up(&mut solution.currents);
    }

    /// Adds what leaves each bus to what comes into it.
    pub(super) fn sum_up(&self, currents: &mut [PerPhase]) {
        for branch in self.branches.iter().rev() {
            let through = currents[branch.to];
            let into = &mut currents[branch.from];
            into.iter_mut().zip(through).for_each(|(sum, part)| *sum += part);
        }
    }

    /// From the busbar outward: the voltage that is left at each bus. Returns the greatest change of any, volts.
    fn spread(&self, busbar: PerPhase, solution: &mut Solution) -> f64 {
        let mut change = replace(&mut solution.voltages[0], busbar);
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
        let all = self.solved.iter().map(|&bus| (bus, lowest(&solution.voltages[bus])));
        let (bus, volts) = all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY));
        let part = volts / self.source.open_v;
        if part > FLOOR && solution.sweeps < SWEEPS_MAX {
            return Ok(());
        }
        Err(Collapse { bus: self.numbers[bus], percent: 100.0 * part, sweeps: solution.sweeps })
    }
}

/// The current of a load; none takes most of the buses.
fn drawn(power: Complex64, voltage: Complex64) -> Complex64 {
    if power == Complex64::ZERO { power } else { (power / voltage).conj() }
}

/// What is left of phase-to-neutral voltages behind an impedance of each phase and one that all have in common.
pub(super) fn fall(
    voltages: &PerPhase,
    currents: &PerPhase,
    phase: Complex64,
    common: Complex64,
) -> PerPhase {
    let shared = common * currents.iter().sum::<Complex64>();
    std::array::from_fn(|n| voltages[n] - phase * currents[n] - shared)
}

/// Returns by how much the most changed of them changes, volts.
fn replace(old: &mut PerPhase, new: PerPhase) -> f64 {
    let apart = old.iter().zip(&new).map(|(old, new)| (old - new).norm()).fold(0.0, f64::max);
    *old = new;
    apart
}
