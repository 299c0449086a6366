//! What a household has taken from the grid, exactly.

use super::truth::Put;
use crate::feeder::Feeder;
use meter::objects::names::of_phase;
use metrology::{Energy, Registers, Steady, SteadyElement};

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

/// A household on three phases, as a measurement in closed form is fed: whole microvolts and microamperes, constant for a minute.
#[derive(Clone, Debug)]
pub(crate) struct ThreePhaseLoad {
    /// By minute of the day, in mW.
    milliwatts: Vec<u64>,
    start_ms: u64,
    /// The generator on the roof feeds into phase 1.
    has_generator: bool,
    /// What has flowed so far, in 1e-18 J: taken, and fed back.
    flowed: [u128; 2],
    /// Both when the meter has made them durable last.
    kept: [u128; 2],
}

/// RMS voltages, in µV: within EN 50160, and none like the other [ours].
const VOLTS_UV: [i64; 3] = [231_400_000, 229_700_000, 230_250_000];
/// Shares of the load by phase, in percent.
const SHARES: [u64; 3] = [50, 30, 20];
/// Reactive current by active current, in percent: power factor 0.95.
const LAGGING_PERCENT: i64 = 33;
/// What a generator feeds in, in µA, from the first to the second minute of the day.
const GENERATOR: (i64, std::ops::Range<usize>) = (12_000_000, 600..960);
/// An element whose power is below this is at rest, in 1e-12 W: half of the starting power of a meter of class 1, 5 A.
const CREEP: i128 = 2_300_000_000_000;
const MINUTE_MS: u64 = 60_000;

impl ThreePhaseLoad {
    pub(crate) fn new(feeder: &Feeder, customer: u32, start_second: u32) -> Self {
        let kilowatts = feeder.profile(customer).unwrap_or(&[0.0]);
        let minute = |n: usize| (kilowatts[n % kilowatts.len()] * 1e6).round() as u64;
        Self {
            milliwatts: (0..MINUTES).map(minute).collect(),
            start_ms: u64::from(start_second) * 1000,
            has_generator: customer.is_multiple_of(2),
            flowed: [0; 2],
            kept: [0; 2],
        }
    }

    /// When the load changes next, in ms since the start; never before a millisecond later.
    pub(crate) fn next_change(&self, ms: u64) -> u64 {
        let of_day = self.start_ms + ms;
        of_day.div_euclid(MINUTE_MS) * MINUTE_MS + MINUTE_MS - self.start_ms
    }

    /// Voltage, current in phase and lagging current of each phase `ms` after the start, in µV and µA.
    pub(crate) fn phases(&self, ms: u64) -> [(i64, i64, i64); 3] {
        let minute = ((self.start_ms + ms) % DAY_MS / MINUTE_MS) as usize;
        let feeds = self.has_generator && GENERATOR.1.contains(&minute);
        std::array::from_fn(|n| {
            let milliwatts = self.milliwatts[minute] * SHARES[n] / 100;
            let taken = (u128::from(milliwatts) * 1_000_000_000 / VOLTS_UV[n].unsigned_abs() as u128) as i64;
            let in_phase = taken - if feeds && n == 0 { GENERATOR.0 } else { 0 };
            (VOLTS_UV[n], in_phase, taken * LAGGING_PERCENT / 100)
        })
    }

    /// The same for a measurement.
    pub(crate) fn steady(&self, ms: u64) -> Steady {
        let phases = self.phases(ms).map(|(u, i, q)| SteadyElement::sinusoidal(u, i, q));
        Steady::three_phase(50_000, phases).expect("households are small")
    }

    /// It was like that at `ms` for `us` microseconds.
    pub(crate) fn flow(&mut self, ms: u64, us: u64) {
        let powers = self.phases(ms).map(|(u, i, _)| i128::from(u) * i128::from(i));
        let total: i128 = powers.into_iter().filter(|power| power.abs() >= CREEP).sum();
        if total.abs() >= CREEP {
            self.flowed[usize::from(total < 0)] += total.unsigned_abs() * u128::from(us);
        }
    }

    /// The meter has made durable what it has counted.
    pub(crate) const fn keep(&mut self) {
        self.kept = self.flowed;
    }

    /// The meter has lost what it had not made durable.
    pub(crate) const fn lose(&mut self) {
        self.flowed = self.kept;
    }

    /// What a row must hold now, with the load of `ms` after the start.
    pub(super) fn put(&self, ms: u64) -> Put {
        let milliwatt_hours = self.flowed.map(|flowed| (flowed / 3_600_000_000_000_000_000) as i64);
        let mut put = Put::energies(milliwatt_hours[0], milliwatt_hours[1]);
        for (phase, (u, i, q)) in (1..).zip(self.phases(ms)) {
            let rms = f64::hypot(i as f64, q as f64);
            let milli = |micro: f64| (micro / 1e3).round() as i64;
            let factor = if rms == 0.0 { 0.0 } else { 1e3 * i as f64 / rms };
            let of = |code, e| of_phase(phase, code, 7, e);
            put.expect(of(12, 0), milli(u as f64), 0);
            // What shows in whole thousandths may be rounded either way.
            put.expect(of(11, 0), milli(rms), 1);
            put.expect(of(13, 0), factor.round() as i64, 1);
            put.expect(of(12, 124), 0, 0);
        }
        [32, 36, 40].into_iter().for_each(|d| put.expect(of_phase(0, 12, d, 0), 0, 0));
        put
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
