//! What customers take.

use super::PerPhase;
use crate::feeder::{Feeder, Phase};
use channel::Complex64;

/// Complex power by bus and phase, VA; lagging loads have a positive imaginary part, feeding in is negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    by_bus: Vec<PerPhase>,
}

impl Demand {
    /// Nobody takes anything from `feeder`.
    pub fn none(feeder: &Feeder) -> Self {
        Self { by_bus: vec![[Complex64::ZERO; 3]; feeder.buses().len()] }
    }

    /// What all customers of `feeder` take in a minute of their day; it begins anew after 1440 minutes.
    pub fn at_minute(feeder: &Feeder, minute: usize) -> Self {
        let mut demand = Self::none(feeder);
        for customer in feeder.customers() {
            let profile = feeder.profile(customer.number).unwrap_or_default();
            let kilowatts = profile.get(minute % profile.len().max(1)).copied().unwrap_or(0.0);
            let tangent = customer.power_factor.acos().tan();
            demand.add(customer.bus, customer.phase, Complex64::new(1.0, tangent) * kilowatts * 1e3);
        }
        demand
    }

    /// Nobody takes anything at these buses.
    pub(super) fn clear(&mut self, buses: &[usize]) {
        buses.iter().for_each(|&bus| self.by_bus[bus] = [Complex64::ZERO; 3]);
    }

    /// Somebody takes `power` (VA) more at a bus, given by its place in the table.
    ///
    /// # Panics
    /// When the feeder has no such bus: a mistake in the program.
    pub fn add(&mut self, bus: usize, phase: Phase, power: Complex64) {
        self.by_bus[bus][phase.index()] += power;
    }

    /// What is taken at a bus.
    pub(super) fn at(&self, bus: usize) -> &PerPhase {
        &self.by_bus[bus]
    }

    /// What is taken in all, VA.
    pub fn total(&self) -> Complex64 {
        self.by_bus.iter().flatten().sum()
    }
}
