//! The clock that runs on while the meter is without power: a crystal that drifts with the temperature, and a reserve.
//!
//! What drives a meter runs one, and tells it the time (`Clock`) when it starts: a meter whose reserve has lasted goes on with its
//! rows, one whose reserve is used up captures nothing until somebody sets its clock.

use crate::specs::crystal;
use core::time::Duration;
use plc_core::Utc;

/// A tuning-fork crystal of 32 768 Hz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crystal {
    /// By how much it runs fast at 25 °C, in thousand-millionths.
    pub offset_ppb: i32,
    /// By how much its clock is made to run faster, in thousand-millionths: what adjustment and a table of temperatures give.
    pub trim_ppb: i32,
}

impl Crystal {
    /// By how much the clock runs fast at a temperature, in thousand-millionths.
    pub fn error_ppb(&self, milli_celsius: i32) -> i64 {
        let apart = i64::from(milli_celsius) - crystal::TURNOVER_MILLI_CELSIUS;
        let bent = crystal::PARABOLA_PPB_PER_K2 * apart * apart / 1_000_000;
        i64::from(self.offset_ppb) + i64::from(self.trim_ppb) - bent
    }
}

/// What the clock lives on while the supply is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// A capacitor, which the supply fills again.
    Capacitor {
        /// How long it lasts when it is full.
        lasts: Duration,
        /// How long it takes to be filled.
        fills_in: Duration,
    },
    /// A battery, which nothing fills again.
    Battery {
        /// How long it lasts, all outages together.
        lasts: Duration,
    },
}

/// A clock with a crystal and a reserve.
#[derive(Clone, Debug)]
pub struct RealTimeClock {
    crystal: Crystal,
    reserve: Reserve,
    /// What is left of it.
    left: Duration,
    /// What it shows, in ns since the epoch; `None` when it was lost, or never set.
    utc_ns: Option<i128>,
    /// What rounding has taken from it, in 1e-9 ns.
    rest: i128,
}

impl RealTimeClock {
    /// A clock that was never set, with a full reserve.
    pub const fn new(crystal: Crystal, reserve: Reserve) -> Self {
        let (Reserve::Capacitor { lasts: left, .. } | Reserve::Battery { lasts: left }) = reserve;
        Self { crystal, reserve, left, utc_ns: None, rest: 0 }
    }

    /// Sets it.
    pub fn set(&mut self, utc: Utc) {
        (self.utc_ns, self.rest) = (Some(i128::from(utc.as_millis()) * NS_PER_MS), 0);
    }

    /// What it shows; `None` when it was lost, or never set.
    pub fn utc(&self) -> Option<Utc> {
        self.utc_ns.map(|ns| Utc::from_millis((ns / NS_PER_MS) as i64))
    }

    /// What is left of the reserve.
    pub const fn left(&self) -> Duration {
        self.left
    }

    /// So much true time has passed at this temperature, with or without the supply. A reserve that ends within loses the clock.
    pub fn run(&mut self, elapsed: Duration, milli_celsius: i32, supplied: bool) {
        if supplied {
            self.fill(elapsed);
        } else if elapsed > self.left {
            (self.left, self.utc_ns) = (Duration::ZERO, None);
        } else {
            self.left -= elapsed;
        }
        if let Some(utc_ns) = &mut self.utc_ns {
            let rate = 1_000_000_000 + i128::from(self.crystal.error_ppb(milli_celsius));
            let shown = elapsed.as_nanos() as i128 * rate + self.rest;
            *utc_ns += shown.div_euclid(1_000_000_000);
            self.rest = shown.rem_euclid(1_000_000_000);
        }
    }

    fn fill(&mut self, elapsed: Duration) {
        let Reserve::Capacitor { lasts, fills_in } = self.reserve else { return };
        let filled = lasts.as_nanos() * elapsed.as_nanos() / fills_in.as_nanos().max(1);
        let filled = Duration::from_nanos(u64::try_from(filled).unwrap_or(u64::MAX));
        self.left = self.left.saturating_add(filled).min(lasts);
    }
}

const NS_PER_MS: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOON: Utc = Utc::from_secs(1_795_000_000);

    fn clock(crystal: Crystal, reserve: Reserve) -> RealTimeClock {
        let mut clock = RealTimeClock::new(crystal, reserve);
        assert_eq!(clock.utc(), None);
        clock.set(NOON);
        clock
    }

    fn off_by_ms(clock: &RealTimeClock, elapsed: Duration) -> Option<i64> {
        Some(clock.utc()?.as_millis() - NOON.as_millis() - elapsed.as_millis() as i64)
    }

    #[test]
    fn a_crystal_loses_seven_seconds_a_day_in_the_cold_and_half_a_second_by_its_offset() {
        // 62054-21: ±0.5 s a day at 23 °C are 5.8 ppm; -0.034 ppm/K² over 50 K are 85 ppm.
        let battery = Reserve::Battery { lasts: DAY };
        for (offset_ppb, trim_ppb, milli_celsius, expected_ms) in [
            (5_800, 0, 25_000, 501),
            (0, 0, -25_000, -7_344),
            (0, 85_000, -25_000, 0),
            (0, 0, 60_000, -3_599),
        ] {
            let mut clock = clock(Crystal { offset_ppb, trim_ppb }, battery);
            (0..86_400).for_each(|_| clock.run(Duration::from_secs(1), milli_celsius, true));
            let off = off_by_ms(&clock, DAY).expect("it is set");
            assert!((off - expected_ms).abs() <= 1, "{offset_ppb} {trim_ppb} {milli_celsius}: {off} ms");
        }
    }

    #[test]
    fn a_capacitor_lasts_fills_again_and_loses_the_clock_when_it_is_empty() {
        let hours = |n: u64| Duration::from_secs(3600 * n);
        let capacitor = Reserve::Capacitor { lasts: hours(48), fills_in: hours(24) };
        let mut clock = clock(Crystal::default(), capacitor);
        clock.run(hours(40), 25_000, false);
        assert_eq!((off_by_ms(&clock, hours(40)), clock.left()), (Some(0), hours(8)));
        clock.run(hours(6), 25_000, true);
        assert_eq!(clock.left(), hours(20), "half as long as it lasts");
        clock.run(hours(100), 25_000, true);
        assert_eq!(clock.left(), hours(48), "never more than full");
        clock.run(hours(48), 25_000, false);
        assert_eq!(off_by_ms(&clock, hours(194)), Some(0), "to the last moment");
        clock.run(Duration::from_nanos(1), 25_000, false);
        assert_eq!(clock.utc(), None);
        clock.run(hours(48), 25_000, true);
        assert_eq!(clock.utc(), None, "a lost clock does not come back by itself");
    }

    #[test]
    fn a_battery_counts_all_outages_together() {
        let mut clock = clock(Crystal::default(), Reserve::Battery { lasts: DAY * 10 });
        for _ in 0..10 {
            clock.run(DAY, 25_000, false);
            clock.run(DAY * 30, 25_000, true);
        }
        assert_eq!((off_by_ms(&clock, DAY * 310), clock.left()), (Some(0), Duration::ZERO));
        clock.run(Duration::from_secs(1), 25_000, false);
        assert_eq!(clock.utc(), None);
    }
}
