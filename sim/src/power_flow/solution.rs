//! What a power flow has found.

use super::{PerPhase, PowerFlow};
use crate::feeder::Phase;
use channel::Complex64;
use std::f64::consts::TAU;

/// Voltages and currents of a feeder, by the places of its buses in their table; root mean square values.
#[derive(Clone, Debug)]
pub struct Solution {
    pub(super) voltages: Vec<PerPhase>,
    pub(super) neutral: Vec<Complex64>,
    /// What comes into each bus.
    pub(super) currents: Vec<PerPhase>,
    pub(super) sweeps: usize,
}

impl Solution {
    /// From a phase to neutral at a bus, volts; L1 without load has the angle zero.
    ///
    /// # Panics
    /// When the feeder has no such bus: a mistake in the program. So for all that ask for a bus.
    pub fn voltage(&self, bus: usize, phase: Phase) -> Complex64 {
        self.voltages[bus][phase.index()]
    }

    /// All three of them.
    pub fn voltages(&self, bus: usize) -> &PerPhase {
        &self.voltages[bus]
    }

    /// Potential of the neutral over earth, volts.
    pub fn neutral(&self, bus: usize) -> Complex64 {
        self.neutral[bus]
    }

    /// What comes into a bus on each phase, amperes: at bus 1 all that the transformer gives.
    pub fn currents(&self, bus: usize) -> &PerPhase {
        &self.currents[bus]
    }

    /// What the transformer gives at bus 1, VA.
    pub fn supplied(&self) -> Complex64 {
        self.voltages[0]
            .iter()
            .zip(&self.currents[0])
            .map(|(voltage, current)| voltage * current.conj())
            .sum()
    }

    /// Unbalance of the voltages at a bus: the negative-sequence part by the positive-sequence part, percent.
    pub fn unbalance(&self, bus: usize) -> f64 {
        let turn = Complex64::from_polar(1.0, TAU / 3.0);
        let [one, two, three] = self.voltages[bus];
        let positive = one + turn * two + turn * turn * three;
        let negative = one + turn * turn * two + turn * three;
        100.0 * negative.norm() / positive.norm()
    }

    /// Sweeps that it took.
    pub const fn sweeps(&self) -> usize {
        self.sweeps
    }
}

impl PowerFlow {
    /// What the cables take for themselves, VA.
    pub fn losses(&self, solution: &Solution) -> Complex64 {
        let of = |branch: &super::Branch| {
            let current = &solution.currents[branch.to];
            let phases: f64 = current.iter().map(Complex64::norm_sqr).sum();
            branch.phase * phases + branch.neutral * current.iter().sum::<Complex64>().norm_sqr()
        };
        self.branches.iter().map(of).sum()
    }
}
