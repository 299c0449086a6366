//! The clock of a meter of the town: a crystal of its own, in a place with a temperature of its own.

use meter::{Crystal, RealTimeClock, Reserve};
use plc_core::seed::uniform;
use plc_core::time::Duration;
use plc_core::{Instant, Seed, Utc};

/// The clock beside the processor of a meter, which runs on without the supply.
#[derive(Clone, Debug)]
pub(super) struct Timepiece {
    crystal: Crystal,
    climate: Option<Climate>,
    clock: RealTimeClock,
    /// Up to when it has run, and the temperature since then.
    ran_to: Instant,
    milli_celsius: i32,
}

/// The temperature where a meter hangs: warmest at three in the afternoon, coldest twelve hours before.
#[derive(Clone, Copy, Debug)]
struct Climate {
    mean_milli_celsius: i32,
}

/// A capacitor of two days, filled again in one \[62054-21 asks for 36 h; the rest is ours; confidence C\].
const RESERVE: Reserve =
    Reserve::Capacitor { lasts: Duration::from_secs(2 * 86_400), fills_in: Duration::from_secs(86_400) };
/// Where meters hang in winter, from the coldest cabinet to the warmest flat, and the swing of a day to either side \[ours; C\].
const COLDEST_MILLI_CELSIUS: i32 = 2_000;
const SPAN_MILLI_CELSIUS: u32 = 20_000;
const SWING_MILLI_CELSIUS: i64 = 3_000;
/// Where a crystal runs as its offset says.
const TURNOVER_MILLI_CELSIUS: i32 = 25_000;

impl Timepiece {
    /// A clock that is right at `start`. Its crystal is off by at most `drift_ppb` either way at 25 °C, and by what the cold takes from
    /// it; with a drift of nothing it is right for ever.
    pub(super) fn new(drift_ppb: u32, (start, utc): (Instant, Utc), seed: &Seed) -> Self {
        let mut stream = seed.stream();
        let offset = i64::from(uniform(&mut stream, 2 * drift_ppb + 1)) - i64::from(drift_ppb);
        let mean = COLDEST_MILLI_CELSIUS + uniform(&mut stream, SPAN_MILLI_CELSIUS) as i32;
        let crystal = Crystal { offset_ppb: offset as i32, trim_ppb: 0 };
        let climate = (drift_ppb > 0).then_some(Climate { mean_milli_celsius: mean });
        let mut clock = RealTimeClock::new(crystal, RESERVE);
        clock.set(utc);
        let milli_celsius = climate.map_or(TURNOVER_MILLI_CELSIUS, |climate| climate.at(utc));
        Self { crystal, climate, clock, ran_to: start, milli_celsius }
    }

    /// Lets it run up to `now`, where it is `utc`; by how much it runs fast from then on, in thousand-millionths.
    pub(super) fn run(&mut self, (now, utc): (Instant, Utc), is_supplied: bool) -> i32 {
        self.clock.run(now.since(self.ran_to), self.milli_celsius, is_supplied);
        self.ran_to = now;
        if let Some(climate) = self.climate {
            self.milli_celsius = climate.at(utc);
        }
        i32::try_from(self.crystal.error_ppb(self.milli_celsius)).unwrap_or(0)
    }

    /// What it shows, as of when it was let run last; `None` once its reserve was used up.
    pub(super) fn utc(&self) -> Option<Utc> {
        self.clock.utc()
    }

    /// It is set.
    pub(super) fn set(&mut self, now: Instant, utc: Utc) {
        self.ran_to = now;
        self.clock.set(utc);
    }
}

impl Climate {
    fn at(self, utc: Utc) -> i32 {
        // Minutes since the coldest.
        let minute = (utc.as_secs().div_euclid(60) - 180).rem_euclid(1440);
        let from_coldest = if minute < 720 { minute } else { 1440 - minute };
        let swing = (2 * from_coldest - 720) * SWING_MILLI_CELSIUS / 720;
        self.mean_milli_celsius + swing as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Utc = Utc::from_secs(1_795_003_200);

    fn off_after_days(drift_ppb: u32, days: u64, seed: u64) -> i64 {
        let start = Instant::EPOCH;
        let mut piece = Timepiece::new(drift_ppb, (start, NOON), &Seed::from_u64(seed));
        for minute in 1..=days * 1440 {
            let passed = Duration::from_secs(60 * minute);
            piece.run((start + passed, NOON + passed), true);
        }
        let shown = piece.utc().expect("it has power").as_millis();
        shown - (NOON + Duration::from_secs(86_400 * days)).as_millis()
    }

    #[test]
    fn crystals_differ_and_the_cold_makes_them_late() {
        assert_eq!(off_after_days(0, 3, 1), 0, "a perfect clock");
        let off: Vec<i64> = (0..40).map(|seed| off_after_days(20_000, 1, seed)).collect();
        let (least, most) = (off.iter().min().expect("some"), off.iter().max().expect("some"));
        // 20 ppm are 1.73 s a day; 23 K below the turnover take 18 ppm more.
        assert!(*least > -3_400 && *most < 1_728 && most - least > 2_000, "{least} to {most} ms");
        assert!(off.iter().sum::<i64>() < 0, "{off:?}");
    }

    #[test]
    fn it_is_coldest_at_three_and_warmest_twelve_hours_later() {
        let climate = Climate { mean_milli_celsius: 10_000 };
        let midnight = Utc::from_secs(1_795_003_200 / 86_400 * 86_400);
        let at = |hour: u64| climate.at(midnight + Duration::from_secs(3600 * hour));
        assert_eq!([3, 9, 15, 21].map(at), [7_000, 10_000, 13_000, 10_000]);
    }
}
