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
    pub(crate) fn add(&mut self, amount: u128, per_mwh: u128) {
        let rest = self.rest + amount;
        self.mwh = self.mwh.wrapping_add((rest / per_mwh) as u64);
        self.rest = rest % per_mwh;
    }
}

/// Active energy both ways: of the total, what must survive a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Active energy A+, from the grid.
    pub import: Energy,
    /// Active energy A-, to the grid.
    pub export: Energy,
}

/// All energies of an element or of the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Active energy.
    pub active: Registers,
    /// Reactive energy of the fundamental by quadrant, Q1 to Q4, in milli-var-hours.
    pub reactive: [Energy; 4],
    /// Apparent energy while active power is imported and while it is exported, in milli-volt-ampere-hours.
    pub apparent: Registers,
}

impl Account {
    /// R+, imported reactive energy: Q1 and Q2, in milli-var-hours.
    pub const fn reactive_import(&self) -> u64 {
        self.reactive[0].mwh.wrapping_add(self.reactive[1].mwh)
    }

    /// R-, exported reactive energy: Q3 and Q4, in milli-var-hours.
    pub const fn reactive_export(&self) -> u64 {
        self.reactive[2].mwh.wrapping_add(self.reactive[3].mwh)
    }

    /// Import less export of active energy, in milliwatt-hours.
    pub const fn net(&self) -> i128 {
        self.active.import.mwh as i128 - self.active.export.mwh as i128
    }

    /// A window has ended: credits its reactive and apparent energy, sums in squared steps · samples, where they belong.
    pub(crate) fn on_window(&mut self, active: i128, reactive: i128, apparent: u128, unit: &Unit) {
        let quadrant = match (active >= 0, reactive >= 0) {
            (true, true) => 0,
            (false, true) => 1,
            (false, false) => 2,
            (true, false) => 3,
        };
        self.reactive[quadrant].add(reactive.unsigned_abs() * unit.yoctowatt_per_lsb2, unit.per_mwh);
        let apparent_register =
            if active >= 0 { &mut self.apparent.import } else { &mut self.apparent.export };
        apparent_register.add(apparent * unit.yoctowatt_per_lsb2, unit.per_mwh);
    }
}

/// What the sums of products are worth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    yoctowatt_per_lsb2: u128,
    per_mwh: u128,
}

impl Unit {
    pub(crate) const fn new(ratings: &Ratings) -> Self {
        Self {
            yoctowatt_per_lsb2: ratings.yoctowatt_per_lsb2(),
            per_mwh: YOCTOJOULE_PER_MWH * ratings.sample_rate_hz as u128,
        }
    }

    /// For sums in 1e-24 J, whose rests have the unit that those of samples have.
    pub(crate) const fn yoctojoule(ratings: &Ratings) -> Self {
        Self { yoctowatt_per_lsb2: ratings.sample_rate_hz as u128, ..Self::new(ratings) }
    }
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
    open: i128,
    threshold_mw: u64,
    unit: Unit,
}

impl EnergyMeter {
    /// Goes on from `registers`. A rest that this sample rate cannot have is cut to one that it can.
    pub(crate) const fn new(ratings: &Ratings, mut registers: Registers, unit: Unit) -> Self {
        registers.import.rest %= unit.per_mwh;
        registers.export.rest %= unit.per_mwh;
        Self { registers, flow: Flow::Idle, open: 0, threshold_mw: ratings.creep_threshold_mw(), unit }
    }

    pub(crate) const fn registers(&self) -> Registers {
        self.registers
    }

    /// A window with the sum `ui` and the mean power `power_mw` has ended.
    pub(crate) fn on_window(&mut self, ui: i128, power_mw: i64) {
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

    /// Credits an amount by its own sign, whatever flowed before.
    pub(crate) fn count(&mut self, amount: i128) {
        self.credit(amount);
    }

    /// Credits what an open window with the sum `ui` so far owes, if it flows as the last whole one did.
    pub(crate) fn settle(&mut self, ui: i128) {
        let due = self.open + ui;
        if self.continues(due) {
            self.open = self.credit(due) - ui;
        }
    }

    const fn continues(&self, due: i128) -> bool {
        match self.flow {
            Flow::Idle => false,
            Flow::Import => due > 0,
            Flow::Export => due < 0,
        }
    }

    /// Credits `due` by its sign; nothing of it remains.
    fn credit(&mut self, due: i128) -> i128 {
        let amount = due.unsigned_abs() * self.unit.yoctowatt_per_lsb2;
        let register = if due > 0 { &mut self.registers.import } else { &mut self.registers.export };
        register.add(amount, self.unit.per_mwh);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_register_and_its_rest_are_the_exact_sum(sums in prop::collection::vec(-(1i128 << 56)..1 << 56, 0..50)) {
            let ratings = Ratings { u_pv_per_lsb: 1 << 35, i_pa_per_lsb: 1 << 28, ..Ratings::household() };
            let mut meter = EnergyMeter::new(&ratings, Registers::default(), Unit::new(&ratings));
            sums.iter().for_each(|&sum| { meter.credit(sum); });
            let exact = |sign: i128| -> u128 {
                let one = |sum: &i128| sum.unsigned_abs() * ratings.yoctowatt_per_lsb2();
                sums.iter().filter(|sum| sum.signum() == sign).map(one).sum()
            };
            let whole = |energy: Energy| u128::from(energy.mwh) * meter.unit.per_mwh + energy.rest;
            let Registers { import, export } = meter.registers();
            prop_assert_eq!((whole(import), whole(export)), (exact(1), exact(-1)));
            prop_assert!(import.rest < meter.unit.per_mwh && export.rest < meter.unit.per_mwh);
        }

        #[test]
        fn settling_at_any_moment_changes_no_total(
            windows in prop::collection::vec((1i128..1 << 62, -(1i128 << 62)..1 << 62), 1..50),
        ) {
            // Every window imports as a whole but may swing either way before it ends.
            let ratings = Ratings::household();
            let (mut plain, mut settled) = (EnergyMeter::new(&ratings, Registers::default(), Unit::new(&ratings)), EnergyMeter::new(&ratings, Registers::default(), Unit::new(&ratings)));
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
        let mut meter =
            EnergyMeter::new(&Ratings::household(), Registers::default(), Unit::new(&Ratings::household()));
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
            let mut meter = EnergyMeter::new(&ratings, registers, Unit::new(&ratings));
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
