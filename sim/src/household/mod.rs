//! What a customer's meter sees: voltage and current at 8000 samples a second, as its converter delivers them.
//!
//! The active power follows the customer's profile, minute by minute; the frequency wanders slowly, the voltage too unless it follows from
//! a power flow ([`Household::with_supply`]), and both waveforms carry harmonics. The energy is summed from the unquantised waveforms sample by
//! sample, so it is the truth that a meter is compared with.
//!
//! ```
//! use plc_core::Seed;
//! use sim::feeder::Feeder;
//! use sim::household::Household;
//! let feeder = Feeder::european_lv();
//! let mut household = Household::of(&feeder, 1, 18 * 3600, &Seed::from_u64(1)).expect("customer 1 exists");
//! let (mut voltage, mut current) = ([0; 800], [0; 800]);
//! household.fill(&mut voltage, &mut current);
//! assert!(household.energy_wh() > 0.0);
//! ```

mod mains;
mod segment;
mod three_phase;

pub use mains::Mains;
pub use three_phase::ThreePhaseHousehold;

use crate::feeder::Feeder;
use channel::gauss::Words;
use plc_core::Seed;
pub(crate) use segment::{CURRENT as CURRENT_HARMONICS, Harmonic, VOLTAGE as VOLTAGE_HARMONICS};
use segment::{LENGTH, Segment, Shape};
use std::sync::Arc;
pub(crate) use three_phase::SHARES;

/// Samples per second.
pub const RATE: u32 = 8000;

/// Volts of the least significant bit of the voltage samples: 500 V peak on 24 bits [confidence C].
pub const VOLTS_PER_LSB: f64 = 500.0 / 8_388_608.0;

/// Amperes of the least significant bit of the current samples: 150 A peak on 24 bits [confidence C].
pub const AMPERES_PER_LSB: f64 = 150.0 / 8_388_608.0;

/// Noise of the converter, least significant bits rms: some 98 dB below a full-scale sinusoid [C: data sheets
/// say 88 to 101 dB].
pub const NOISE_LSB: f64 = 75.0;

const SAMPLES_PER_MINUTE: u64 = 60 * RATE as u64;
const MINUTES_PER_DAY: usize = 1440;

/// The waveforms of one household, by sample of the day.
///
/// Sample 0 is midnight; after the last sample of the day the profile begins anew. The same seed, customer
/// and sample give the same values, wherever the reading began.
#[derive(Clone, Debug)]
pub struct Household {
    mains: Mains,
    key: u64,
    /// Active power by minute, watts.
    watts: Vec<f64>,
    shape: Shape,
    /// The next sample.
    sample: u64,
    segment: Box<Segment>,
    /// Number of the segment that is made.
    made: Option<u64>,
    /// Sum of the products of volts and amperes.
    products: f64,
}

impl Household {
    /// The household of a customer of `feeder`, from `start_second` of the day on; `None` when there is no such
    /// customer.
    pub fn of(feeder: &Feeder, customer: u32, start_second: u32, seed: &Seed) -> Option<Self> {
        let row = feeder.customer(customer)?;
        let mains = Mains::new(seed, customer, row.phase, row.nominal_v);
        Some(Self::new(mains, feeder.profile(customer)?, row.power_factor, customer, start_second, seed))
    }

    /// The same with the voltage of a power flow; see [`Mains::with_supply`].
    #[must_use]
    pub fn with_supply(self, supply: Arc<[(f64, f64)]>) -> Self {
        Self { mains: self.mains.with_supply(supply), ..self }
    }

    /// The household number `customer` on `mains` with active powers by minute (kW; repeated when the day is
    /// longer) and a displacement power factor (above 0 up to 1, lagging).
    pub fn new(
        mains: Mains,
        kilowatts: &[f64],
        power_factor: f64,
        customer: u32,
        start_second: u32,
        seed: &Seed,
    ) -> Self {
        let bytes = seed.derive("household converter", u64::from(customer)).0;
        let key = u64::from_le_bytes(std::array::from_fn(|n| bytes[n]));
        let mut watts: Vec<f64> = kilowatts.iter().map(|kw| kw * 1e3).collect();
        watts.resize(watts.len().max(1), 0.0);
        let sample = u64::from(start_second) * u64::from(RATE);
        let (shape, segment) = (Shape::new(power_factor), Box::new(Segment::empty()));
        Self { mains, key, watts, shape, sample, segment, made: None, products: 0.0 }
    }

    /// Fills both blocks, of the same length, with the next samples in units of [`VOLTS_PER_LSB`] and
    /// [`AMPERES_PER_LSB`].
    ///
    /// # Panics
    /// When the lengths differ: a mistake in the program.
    pub fn fill(&mut self, voltage: &mut [i32], current: &mut [i32]) {
        assert_eq!(voltage.len(), current.len(), "voltage and current are sampled together");
        let mut done = 0;
        while done < voltage.len() {
            self.prepare();
            let first = (self.sample % LENGTH as u64) as usize;
            let taken = (LENGTH - first).min(voltage.len() - done);
            let (made, to) = (first..first + taken, done..done + taken);
            voltage[to.clone()].copy_from_slice(&self.segment.voltage[made.clone()]);
            current[to].copy_from_slice(&self.segment.current[made.clone()]);
            self.products =
                self.segment.products[made].iter().fold(self.products, |sum, product| sum + product);
            self.sample += taken as u64;
            done += taken;
        }
    }

    /// Index of the next sample, counted from the midnight before the first one.
    pub fn sample(&self) -> u64 {
        self.sample
    }

    /// Goes to another sample; the energy stays.
    pub fn seek(&mut self, sample: u64) {
        self.sample = sample;
    }

    /// Active energy of all samples filled so far, Wh: the sum of the unquantised products over time.
    pub fn energy_wh(&self) -> f64 {
        self.products / (f64::from(RATE) * 3600.0)
    }

    /// Active power that the profile has at the next sample, watts.
    pub fn profile_watts(&self) -> f64 {
        let minute = self.sample / SAMPLES_PER_MINUTE % MINUTES_PER_DAY as u64;
        self.watts[minute as usize % self.watts.len()]
    }

    /// What the voltage follows.
    pub fn mains(&self) -> &Mains {
        &self.mains
    }

    /// Makes the segment of the next sample.
    fn prepare(&mut self) {
        let number = self.sample / LENGTH as u64;
        if self.made == Some(number) {
            return;
        }
        let first = number * LENGTH as u64;
        let (from, to) = (self.mains.turns(first), self.mains.turns_since(first, LENGTH as u64));
        let volts = self.mains.volts(first);
        let words = Words::new(self.key, number);
        self.segment.make(&self.shape, from, to / LENGTH as f64, volts, self.profile_watts(), words);
        self.made = Some(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn household(customer: u32, start: u32) -> Household {
        Household::of(&Feeder::european_lv(), customer, start, &Seed::from_u64(3))
            .expect("the customer exists")
    }

    fn run(household: &mut Household, samples: usize) -> (Vec<i32>, Vec<i32>) {
        let (mut voltage, mut current) = (vec![0; samples], vec![0; samples]);
        household.fill(&mut voltage, &mut current);
        (voltage, current)
    }

    fn volts(samples: &[i32]) -> Vec<f64> {
        samples.iter().map(|lsb| f64::from(*lsb) * VOLTS_PER_LSB).collect()
    }

    fn amperes(samples: &[i32]) -> Vec<f64> {
        samples.iter().map(|lsb| f64::from(*lsb) * AMPERES_PER_LSB).collect()
    }

    fn rms(values: &[f64]) -> f64 {
        (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn the_mean_power_of_each_minute_is_that_of_the_profile() {
        let feeder = Feeder::european_lv();
        for (customer, minute) in [(1, 540), (17, 1079), (55, 1437)] {
            let mut household = household(customer, minute * 60);
            for minute in minute as usize..minute as usize + 5 {
                let before = household.energy_wh();
                run(&mut household, SAMPLES_PER_MINUTE as usize);
                let watts = (household.energy_wh() - before) * 60.0;
                let profile = feeder.profile(customer).expect("exists")[minute % 1440] * 1e3;
                assert!((watts / profile - 1.0).abs() < 1e-3, "{customer} {minute}: {watts} of {profile}");
            }
        }
    }

    #[test]
    fn the_truth_equals_the_integral_of_the_samples_within_the_noise_of_the_converter() {
        let mut household = household(17, 18 * 3600);
        let (voltage, current) = run(&mut household, SAMPLES_PER_MINUTE as usize);
        let products = volts(&voltage).iter().zip(amperes(&current)).map(|(u, i)| u * i).sum::<f64>();
        let integral = products / f64::from(RATE) / 3600.0;
        assert!((integral / household.energy_wh() - 1.0).abs() < 1e-4, "{integral}");
    }

    #[test]
    fn the_blocks_and_the_start_do_not_matter() {
        let mut whole = household(5, 100);
        let (voltage, current) = run(&mut whole, 10_000);
        let mut parts = household(5, 100);
        let mut at = 0;
        for length in [1, 199, 200, 201, 3, 4000, 5396] {
            assert_eq!(run(&mut parts, length).0, voltage[at..at + length]);
            at += length;
        }
        assert_eq!(parts.energy_wh(), whole.energy_wh());
        let mut later = household(5, 101);
        assert_eq!(run(&mut later, 2000).1, current[8000..]);
    }

    #[test]
    fn the_power_factor_is_that_of_the_customer_and_the_current_lags() {
        let mut household = household(17, 18 * 3600);
        let samples = SAMPLES_PER_MINUTE as usize;
        let (voltage, current) = run(&mut household, samples);
        let (u, i) = (volts(&voltage), amperes(&current));
        let apparent = rms(&u) * rms(&i);
        let factor = household.energy_wh() * 60.0 / apparent;
        assert!((factor - 0.95).abs() < 0.01, "{factor}");
        let quarter = RATE as usize / 200;
        let reactive: f64 = u.iter().zip(&i[quarter..]).map(|(u, i)| u * i).sum::<f64>() / samples as f64;
        assert!(
            (reactive / apparent - 0.312).abs() < 0.03,
            "{reactive}: the current comes after the voltage"
        );
    }

    #[test]
    fn the_waveforms_are_continuous_over_segments_and_days() {
        for start in [0, 43_199, 86_399] {
            let mut household = household(9, start);
            let u = volts(&run(&mut household, 16_000).0);
            let steepest = 325.0 * 1.03 * std::f64::consts::TAU * 50.05 / f64::from(RATE) * 1.4;
            assert!(u.windows(2).all(|pair| (pair[1] - pair[0]).abs() < steepest));
            // A cycle later the voltage is nearly the same: the frequency is 50 Hz within a tenth.
            let drift = u.windows(161).map(|w| (w[160] - w[0]).abs()).fold(0.0, f64::max);
            assert!(drift < 5.0, "{drift}");
        }
    }

    #[test]
    fn the_voltage_stays_within_its_band_and_its_harmonics_within_the_limits() {
        let mut household = household(9, 0);
        for _ in 0..40 {
            household.seek(household.sample() + 60 * u64::from(RATE));
            let level = rms(&volts(&run(&mut household, 1600).0));
            assert!((222.0..238.0).contains(&level), "{level}");
        }
        household.seek(0);
        let u = volts(&run(&mut household, 8000).0);
        let share = |order: f64| {
            let hz = order * household.mains().hertz(4000);
            let at = |n: usize| std::f64::consts::TAU * hz * n as f64 / f64::from(RATE);
            let (re, im) = u
                .iter()
                .enumerate()
                .fold((0.0, 0.0), |(re, im), (n, u)| (re + u * at(n).cos(), im + u * at(n).sin()));
            f64::hypot(re, im)
        };
        let percent = |order| 100.0 * share(order) / share(1.0);
        assert!((percent(3.0) - 1.5).abs() < 0.1, "{}", percent(3.0));
        assert!((percent(5.0) - 2.5).abs() < 0.1, "{}", percent(5.0));
        assert!((percent(7.0) - 1.2).abs() < 0.1, "{}", percent(7.0));
        assert!(percent(9.0) < 0.2);
    }

    #[test]
    fn households_differ_in_their_voltage_and_share_their_frequency() {
        let (a, b) = (household(1, 500), household(3, 500));
        assert_eq!(a.mains().hertz(a.sample()), b.mains().hertz(b.sample()));
        assert_ne!(a.mains().volts(a.sample()), b.mains().volts(b.sample()));
    }
}
