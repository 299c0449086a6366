//! The flow of a harmonic.

use super::sweep::fall;
use super::{PerPhase, PowerFlow};
use channel::Complex64;

/// Voltages of one order at the buses of a feeder. Loads of a harmonic are currents, whatever the voltage, so one sweep each way
/// finds them.
#[derive(Clone, Debug)]
pub struct HarmonicFlow {
    order: u8,
    /// By bus: what comes into it, A.
    currents: Vec<PerPhase>,
    /// By bus, V.
    voltages: Vec<PerPhase>,
}

impl HarmonicFlow {
    /// The flow of an order on the buses of `flow`, before anybody takes anything.
    pub fn new(flow: &PowerFlow, order: u8) -> Self {
        let nothing = vec![[Complex64::ZERO; 3]; flow.numbers.len()];
        Self { order, currents: nothing.clone(), voltages: nothing }
    }

    /// The order.
    pub const fn order(&self) -> u8 {
        self.order
    }

    /// From phase to neutral at a bus, volts.
    ///
    /// # Panics
    /// When the feeder has no such bus: a mistake in the program.
    pub fn voltages(&self, bus: usize) -> &PerPhase {
        &self.voltages[bus]
    }

    /// What comes into a bus on each phase, amperes.
    ///
    /// # Panics
    /// As [`Self::voltages`].
    pub fn currents(&self, bus: usize) -> &PerPhase {
        &self.currents[bus]
    }

    /// Nobody takes anything.
    pub fn clear(&mut self, flow: &PowerFlow) {
        flow.solved.iter().for_each(|&bus| self.currents[bus] = [Complex64::ZERO; 3]);
    }

    /// Somebody takes `amperes` more on a phase (0 to 2) of a bus.
    ///
    /// # Panics
    /// When there is no such bus or phase: a mistake in the program.
    pub fn add(&mut self, bus: usize, phase: usize, amperes: Complex64) {
        self.currents[bus][phase] += amperes;
    }
}

impl PowerFlow {
    /// Solves several feeders at one busbar, whose voltages of that order would be `open` (V) if nobody took anything. Reactances
    /// grow with the order; resistances stay as they are \[the skin effect of these cables is below a tenth up to the 7th order; C\].
    pub fn settle_harmonic(&self, open: &PerPhase, feeders: &mut [HarmonicFlow]) {
        let mut through = [Complex64::ZERO; 3];
        for feeder in &mut *feeders {
            self.sum_up(&mut feeder.currents);
            through.iter_mut().zip(feeder.currents[0]).for_each(|(sum, part)| *sum += part);
        }
        let (phase, common) = self.source.impedances();
        for feeder in feeders {
            let at = |z: Complex64| Complex64::new(z.re, z.im * f64::from(feeder.order));
            feeder.voltages[0] = fall(open, &through, at(phase), at(common));
            for branch in &self.branches {
                let (from, current) = (feeder.voltages[branch.from], &feeder.currents[branch.to]);
                feeder.voltages[branch.to] = fall(&from, current, at(branch.phase), at(branch.neutral));
            }
        }
    }
}
