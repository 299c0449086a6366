//! What a household has taken from the grid, exactly.

use crate::feeder::Feeder;
use metrology::{Energy, Registers};

/// The energy of a household by its profile: an integral in whole milliwatt-seconds, so that nothing is rounded but the register that
/// shows milliwatt-hours.
///
/// At frame fidelity a meter gets its registers from here instead of from 8000 samples a second, through the door that a metrology
/// chip would use ([`meter::MeterInput::Registers`]). What that leaves out is the error of the metrology itself, which
/// [`crate::street`] measures.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Milliwatt-seconds from midnight to the beginning of each minute, and of the whole day.
    sums: Vec<u64>,
    /// Milliwatt-seconds from midnight to the start of the world.
    before: u64,
    start_ms: u64,
    /// Parts of [`FEEDS_BACK_OF`] of what it takes that it feeds back.
    feeds_back: u32,
}

/// The profiles know of no energy that is fed back. So that a register of its own has to be read all the same, every household
/// feeds back from one to eight sixteenths of what it takes [ours; confidence C].
const FEEDS_BACK_OF: u64 = 16;

const MINUTES: usize = 1440;
const DAY_MS: u64 = 86_400_000;

impl Load {
    /// The household of a customer, from `start_second` of the day on.
    pub(crate) fn new(feeder: &Feeder, customer: u32, start_second: u32) -> Self {
        let kilowatts = feeder.profile(customer).unwrap_or(&[0.0]);
        let mut sums = vec![0];
        for minute in 0..MINUTES {
            let milliwatts = (kilowatts[minute % kilowatts.len()] * 1e6).round() as u64;
            sums.push(sums[minute] + milliwatts * 60);
        }
        let (start_ms, feeds_back) = (u64::from(start_second) * 1000, customer % 8 + 1);
        let mut load = Self { sums, before: 0, start_ms, feeds_back };
        load.before = load.since_midnight(load.start_ms);
        load
    }

    /// The registers `ms` milliseconds after the start.
    pub(crate) fn registers(&self, ms: u64) -> Registers {
        let taken = self.since_midnight(self.start_ms + ms) - self.before;
        let fed_back = taken * u64::from(self.feeds_back) / FEEDS_BACK_OF;
        let register = |milliwatt_seconds: u64| Energy::from_milliwatt_hours(milliwatt_seconds / 3600);
        Registers { import: register(taken), export: register(fed_back) }
    }

    /// Milliwatt-seconds from the first midnight on.
    fn since_midnight(&self, ms: u64) -> u64 {
        let (days, ms) = (ms / DAY_MS, ms % DAY_MS);
        let (minute, rest) = ((ms / 60_000) as usize, ms % 60_000);
        let milliwatts = (self.sums[minute + 1] - self.sums[minute]) / 60;
        days * self.sums[MINUTES] + self.sums[minute] + milliwatts * rest / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::household::Household;
    use plc_core::Seed;

    #[test]
    fn the_registers_are_those_that_the_waveforms_of_the_household_hold() {
        let feeder = Feeder::european_lv();
        let start = 18 * 3600 + 30;
        let load = Load::new(&feeder, 17, start);
        let mut household =
            Household::of(&feeder, 17, start, &Seed::from_u64(1)).expect("the customer exists");
        let (mut u, mut i) = (vec![0; 8000], vec![0; 8000]);
        for second in 1..=120 {
            household.fill(&mut u, &mut i);
            let exact = load.registers(second * 1000).import.milliwatt_hours() as f64 / 1e3;
            assert!((exact - household.energy_wh()).abs() < 0.02 + exact * 1e-3, "{second}: {exact}");
        }
    }

    #[test]
    fn a_day_is_the_same_as_the_next() {
        let load = Load::new(&Feeder::european_lv(), 3, 86_399);
        let at = |ms| load.registers(ms).import.milliwatt_hours();
        assert!(at(DAY_MS) > 0 && at(0) == 0);
        assert!(at(2 * DAY_MS).abs_diff(2 * at(DAY_MS)) <= 1);
    }
}
