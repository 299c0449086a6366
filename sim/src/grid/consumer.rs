//! Somebody who takes energy from a feeder, or gives some.

use crate::feeder::{Feeder, Phase};
use crate::household::SHARES;
use channel::Complex64;
use std::sync::Arc;

/// Somebody who hangs at a feeder.
#[derive(Clone, Debug)]
pub struct Consumer {
    pub(super) feeder: usize,
    pub(super) bus: usize,
    /// The phase, or the first of three.
    pub(super) phase: Phase,
    pub(super) three_phases: bool,
    /// By minute of the day, W.
    watts: Arc<[f64]>,
    /// Reactive by active power of the load.
    tangent: f64,
    /// What a generator gives while the sun shines, W.
    generator_w: f64,
}

/// Minutes of the day at which generators give all that they have, and between which they give nothing [ours].
const SUN: std::ops::Range<usize> = 600..960;

impl Consumer {
    /// Customer `number` on feeder number `feeder`, on the phase of the table. `None` when there is no such customer.
    pub fn of(table: &Feeder, feeder: usize, number: u32) -> Option<Self> {
        let row = table.customer(number)?;
        let watts = table.profile(number)?.iter().map(|kilowatts| kilowatts * 1e3).collect();
        let tangent = row.power_factor.acos().tan();
        let (bus, phase) = (row.bus, row.phase);
        Some(Self { feeder, bus, phase, three_phases: false, watts, tangent, generator_w: 0.0 })
    }

    /// The same on another phase.
    #[must_use]
    pub fn on(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same with the load spread over all phases.
    #[must_use]
    pub fn on_three_phases(self) -> Self {
        Self { three_phases: true, ..self }
    }

    /// The same with a generator on the roof, of so many watts from ten o'clock to four: on the phase, or the first of three.
    #[must_use]
    pub fn with_generator(self, generator_w: f64) -> Self {
        Self { generator_w, ..self }
    }

    /// Which feeder.
    pub const fn feeder(&self) -> usize {
        self.feeder
    }

    /// Which bus, by its place in the table.
    pub const fn bus(&self) -> usize {
        self.bus
    }

    /// Whether it has three phases.
    pub const fn has_three_phases(&self) -> bool {
        self.three_phases
    }

    /// Its phase, or the first of three.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What the load takes on a phase, VA.
    pub fn load_va(&self, phase: Phase, minute: usize) -> Complex64 {
        let watts = self.watts.get(minute % self.watts.len().max(1)).copied().unwrap_or(0.0);
        Complex64::new(1.0, self.tangent) * (watts * self.share(phase))
    }

    /// What the generator gives on a phase, VA.
    pub fn generated_va(&self, phase: Phase, minute: usize) -> Complex64 {
        let shines = SUN.contains(&minute) && phase == self.phase;
        Complex64::new(if shines { self.generator_w } else { 0.0 }, 0.0)
    }

    fn share(&self, phase: Phase) -> f64 {
        let after = (phase.index() + 3 - self.phase.index()) % 3;
        match (self.three_phases, after) {
            (true, after) => SHARES[after],
            (false, 0) => 1.0,
            (false, _) => 0.0,
        }
    }
}
