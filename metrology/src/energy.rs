//! Energy registers that lose nothing.

use crate::ratings::Ratings;
use crate::specs::YOCTOJOULE_PER_MWH;

/// An amount of energy: whole milliwatt-hours and an exact rest below one.
///
/// The rest is a number of 1e-24 W · sample; it has a meaning only for one sample rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Energy {
    mwh: u64,
    rest: u128,
}

impl Energy {
    /// A whole number of milliwatt-hours.
    pub const fn from_milliwatt_hours(mwh: u64) -> Self {
        Self { mwh, rest: 0 }
    }

    /// An amount as it was stored: see [`Energy::milliwatt_hours`] and [`Energy::rest`].
    pub const fn from_parts(mwh: u64, rest: u128) -> Self {
        Self { mwh, rest }
    }

    /// Whole milliwatt-hours. Wraps after 2^64, some 18 million TWh.
    pub const fn milliwatt_hours(&self) -> u64 {
        self.mwh
    }

    /// The rest below one milliwatt-hour, in 1e-24 W · sample.
    pub const fn rest(&self) -> u128 {
        self.rest
    }

    /// Adds `amount`, in the unit of the rest, of which `per_mwh` are one milliwatt-hour.
    fn add(&mut self, amount: u128, per_mwh: u128) {
        let rest = self.rest + amount;
        self.mwh = self.mwh.wrapping_add((rest / per_mwh) as u64);
        self.rest = rest % per_mwh;
    }
}

/// What must survive a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Active energy A+, from the grid.
    pub import: Energy,
    /// Active energy A-, to the grid.
    pub export: Energy,
}

/// Which way energy flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Below the anti-creep threshold.
    Idle,
    Import,
    Export,
}

/// Credits sums of products to the registers.
#[derive(Clone, Debug)]
pub(crate) struct EnergyMeter {
    registers: Registers,
    flow: Flow,
    /// What earlier windows have left to be credited; negative of what the open window has been credited
    /// in advance. In squared steps · samples.
    open: i64,
    threshold_mw: u64,
    yoctowatt_per_lsb2: u128,
    per_mwh: u128,
}

impl EnergyMeter {
    /// Goes on from `registers`. A rest that this sample rate cannot have is cut to one that it can.
    pub(crate) fn new(ratings: &Ratings, mut registers: Registers) -> Self {
        let per_mwh = YOCTOJOULE_PER_MWH * u128::from(ratings.sample_rate_hz);
        registers.import.rest %= per_mwh;
        registers.export.rest %= per_mwh;
        let (threshold_mw, yoctowatt_per_lsb2) = (ratings.creep_threshold_mw(), ratings.yoctowatt_per_lsb2());
        Self { registers, flow: Flow::Idle, open: 0, threshold_mw, yoctowatt_per_lsb2, per_mwh }
    }

    pub(crate) const fn registers(&self) -> Registers {
        self.registers
    }

    /// A window with the sum `ui` and the mean power `power_mw` has ended.
    pub(crate) fn on_window(&mut self, ui: i64, power_mw: i64) {
        self.flow = match power_mw {
            p if p.unsigned_abs() < self.threshold_mw => Flow::Idle,
            p if p > 0 => Flow::Import,
            _ => Flow::Export,
        };
        let due = self.open + ui;
        self.open = match self.flow {
            Flow::Idle => 0,
            _ if self.continues(due) => self.credit(due),
            _ => due,
        };
    }

    /// Credits what an open window with the sum `ui` so far owes, if it flows as the last whole one did.
    pub(crate) fn settle(&mut self, ui: i64) {
        let due = self.open + ui;
        if self.continues(due) {
            self.open = self.credit(due) - ui;
        }
    }

    const fn continues(&self, due: i64) -> bool {
        match self.flow {
            Flow::Idle => false,
            Flow::Import => due > 0,
            Flow::Export => due < 0,
        }
    }

    /// Credits `due` by its sign; nothing of it remains.
    fn credit(&mut self, due: i64) -> i64 {
        let amount = u128::from(due.unsigned_abs()) * self.yoctowatt_per_lsb2;
        let register = if due > 0 { &mut self.registers.import } else { &mut self.registers.export };
        register.add(amount, self.per_mwh);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_register_and_its_rest_are_the_exact_sum(sums in prop::collection::vec(-(1i64 << 56)..1 << 56, 0..50)) {
            let ratings = Ratings { u_pv_per_lsb: 1 << 35, i_pa_per_lsb: 1 << 28, ..Ratings::household() };
            let mut meter = EnergyMeter::new(&ratings, Registers::default());
            sums.iter().for_each(|&sum| { meter.credit(sum); });
            let exact = |sign: i64| -> u128 {
                let one = |sum: &i64| u128::from(sum.unsigned_abs()) * ratings.yoctowatt_per_lsb2();
                sums.iter().filter(|sum| sum.signum() == sign).map(one).sum()
            };
            let whole = |energy: Energy| u128::from(energy.mwh) * meter.per_mwh + energy.rest;
            let Registers { import, export } = meter.registers();
            prop_assert_eq!((whole(import), whole(export)), (exact(1), exact(-1)));
            prop_assert!(import.rest < meter.per_mwh && export.rest < meter.per_mwh);
        }

        #[test]
        fn settling_at_any_moment_changes_no_total(
            windows in prop::collection::vec((1i64..1 << 62, -(1i64 << 62)..1 << 62), 1..50),
        ) {
            // Every window imports as a whole but may swing either way before it ends.
            let ratings = Ratings::household();
            let (mut plain, mut settled) = (EnergyMeter::new(&ratings, Registers::default()), EnergyMeter::new(&ratings, Registers::default()));
            let mut last = 0;
            for &(total, part) in windows.iter().chain(&[(1 << 61, 0)]) {
                settled.settle(part);
                let now = settled.registers().import.mwh;
                prop_assert!(now >= last);
                last = now;
                settled.on_window(total, 10_000);
                plain.on_window(total, 10_000);
            }
            settled.on_window(1 << 62, 10_000);
            plain.on_window(1 << 62, 10_000);
            prop_assert_eq!(plain.registers(), settled.registers());
        }
    }

    #[test]
    fn what_flows_below_the_threshold_is_withheld_whole() {
        let mut meter = EnergyMeter::new(&Ratings::household(), Registers::default());
        meter.on_window(1 << 50, 2_299);
        meter.settle(1 << 50);
        assert_eq!(meter.registers(), Registers::default());
        meter.on_window(-(1 << 50), -2_300);
        assert_eq!(meter.registers().import, Energy::default());
        assert_ne!(meter.registers().export, Energy::default());
    }

    #[test]
    fn a_stored_register_goes_on_where_it_was() {
        let ratings = Ratings::household();
        let run = |registers, times| {
            let mut meter = EnergyMeter::new(&ratings, registers);
            (0..times).for_each(|_| {
                meter.credit(123_456_789_012_345);
            });
            meter.registers()
        };
        let whole = run(Registers::default(), 1000);
        assert_eq!(whole, run(run(Registers::default(), 500), 500));
        assert!(whole.import.milliwatt_hours() > 0 && whole.import.rest() > 0);
    }
}
