//! What a household has taken from the grid, exactly.

use super::truth::Put;
use crate::feeder::Feeder;
use crate::grid::Supply;
use meter::objects::names::of_phase;
use metrology::{Energy, Ratings, Registers};

/// The energy of a household by its profile: an integral in whole milliwatt-seconds, so that nothing is rounded but the register that
/// shows milliwatt-hours.
///
/// A meter of one phase gets its registers from here instead of from 8000 samples a second, through the door that a metrology
/// chip would use ([`meter::MeterInput::Registers`]), where there is no mains about it: on a desk.
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

/// What has flowed through a meter at frame fidelity: the supply is constant for a while, so that the energy follows in closed form and
/// to the last digit, as the meter finds it ([`meter::MeterInput::Steady`]).
#[derive(Clone, Debug)]
pub(super) struct Metered {
    supply: Supply,
    elements: usize,
    /// What has flowed so far, in 1e-24 J: taken, and fed back.
    flowed: [u128; 2],
    /// Both when the meter has made them durable last.
    kept: [u128; 2],
}

/// An element whose power is below this is at rest, in 1e-18 W: half of the starting power of a meter of class 1, 5 A.
const CREEP: i128 = 2_300_000_000_000_000_000;
/// A milliwatt-hour, in 1e-24 J.
const MILLIWATT_HOUR: u128 = 3_600_000_000_000_000_000_000_000;

impl Metered {
    /// A meter of one element or of three, that has seen nothing yet.
    pub(super) fn new(elements: usize) -> Self {
        Self { supply: Supply::default(), elements, flowed: [0; 2], kept: [0; 2] }
    }

    pub(super) const fn ratings(&self) -> Ratings {
        if self.elements == 3 { Ratings::three_phase() } else { Ratings::household() }
    }

    pub(super) const fn elements(&self) -> usize {
        self.elements
    }

    pub(super) const fn supply(&self) -> &Supply {
        &self.supply
    }

    /// From now on it is like that.
    pub(super) const fn set_supply(&mut self, supply: Supply) {
        self.supply = supply;
    }

    /// It was like that for `us` microseconds.
    pub(super) fn flow(&mut self, us: u64) {
        let powers = (0..self.elements).map(|element| self.supply.active(element));
        let total: i128 = powers.filter(|power| power.abs() >= CREEP).sum();
        if total.abs() >= CREEP {
            self.flowed[usize::from(total < 0)] += total.unsigned_abs() * u128::from(us);
        }
    }

    /// The meter has made durable what it has counted.
    pub(super) const fn keep(&mut self) {
        self.kept = self.flowed;
    }

    /// The meter has lost what it had not made durable.
    pub(super) const fn lose(&mut self) {
        self.flowed = self.kept;
    }

    /// What a row must hold now.
    pub(super) fn put(&self) -> Put {
        let milliwatt_hours = self.flowed.map(|flowed| (flowed / MILLIWATT_HOUR) as i64);
        let mut put = Put::energies(milliwatt_hours[0], milliwatt_hours[1]);
        if self.elements == 3 {
            (0..3).for_each(|element| self.put_element(element, &mut put));
            [32, 36, 40].into_iter().for_each(|d| put.expect(of_phase(0, 12, d, 0), 0, 0));
        }
        put
    }

    /// What shows in whole thousandths may be rounded either way.
    fn put_element(&self, element: usize, put: &mut Put) {
        let (volts, amperes) = (self.supply.volts(element), self.supply.amperes(element));
        let apparent = volts * amperes;
        let watts = self.supply.active(element) as f64 / 1e18;
        let factor = if apparent == 0.0 { 0.0 } else { 1e3 * watts / apparent };
        let of = |code, e| of_phase(element as u8 + 1, code, 7, e);
        put.expect(of(12, 0), (volts * 1e3).round() as i64, 1);
        put.expect(of(11, 0), (amperes * 1e3).round() as i64, 1);
        put.expect(of(13, 0), factor.round() as i64, 1);
        put.expect(of(12, 124), (self.supply.distortion(element) * 1e4).round() as i64, 1);
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
