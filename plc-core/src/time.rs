//! Time as a value: instants of the driver's clock, UTC, and the sample counter as a clock.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
pub use core::time::Duration;

/// Nanoseconds since an epoch that only the driver knows. Monotonic; wraps after 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The driver's epoch.
    pub const EPOCH: Self = Self(0);

    /// The instant `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The instant `secs` whole seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// Seconds since the epoch, for display.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Time since `earlier`, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(rhs)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// A duration in nanoseconds, saturating at 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Coordinated universal time in milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Utc(i64);

impl Utc {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1000)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The latest multiple of `period` (counted from 1970) that is not after this time.
    /// A period of zero gives the time itself.
    pub const fn floor(self, period: Duration) -> Self {
        let period = period.as_millis() as i64;
        if period == 0 { self } else { Self(self.0.saturating_sub(self.0.rem_euclid(period))) }
    }

    /// The civil date and time: year, month 1..=12, day 1..=31, hour, minute, second, millisecond.
    pub const fn civil(self) -> Civil {
        let days = self.0.div_euclid(86_400_000);
        let ms = self.0.rem_euclid(86_400_000) as u32;
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = ((ms / 3_600_000) as u8, (ms / 60_000 % 60) as u8);
        let (second, millisecond) = ((ms / 1000 % 60) as u8, (ms % 1000) as u16);
        Civil { year, month, day, hour, minute, second, millisecond, weekday: weekday(days) }
    }

    /// The time of a civil date; `None` when a field is out of range.
    pub fn from_civil(year: i32, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let valid = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
        let in_month = valid && (1..=days_in_month(year, month)).contains(&day);
        in_month.then(|| {
            let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
            Self::from_secs(days_from_civil(year, month, day) * 86_400 + seconds)
        })
    }
}

impl Add<Duration> for Utc {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Utc {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }
}

impl fmt::Debug for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+{}ms", self.0.rem_euclid(1000))
    }
}

/// A [`Utc`] broken into calendar fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year of the Gregorian calendar.
    pub year: i32,
    /// 1..=12.
    pub month: u8,
    /// 1..=31.
    pub day: u8,
    /// 0..=23.
    pub hour: u8,
    /// 0..=59.
    pub minute: u8,
    /// 0..=59.
    pub second: u8,
    /// 0..=999.
    pub millisecond: u16,
    /// 1 = Monday .. 7 = Sunday.
    pub weekday: u8,
}

const fn weekday(days: i64) -> u8 {
    ((days + 3).rem_euclid(7) + 1) as u8
}

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + is_leap(year) as u8,
        _ => 31,
    }
}

/// Days from 1970-01-01, counted in 400-year eras that begin on 1 March of year 0.
const fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let y = year as i64 - (month <= 2) as i64;
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let march_month = (month as i64 + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day as i64 - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u8;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u8;
    ((year_of_era + era * 400 + (month <= 2) as i64) as i32, month, day)
}

/// Ties the driver's clock to UTC: at `at` it was `utc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcAnchor {
    /// An instant of the driver's clock.
    pub at: Instant,
    /// The UTC of that instant.
    pub utc: Utc,
}

impl UtcAnchor {
    /// UTC at `now`, before or after the anchor.
    pub fn utc(&self, now: Instant) -> Utc {
        if now >= self.at { self.utc + now.since(self.at) } else { self.utc - self.at.since(now) }
    }

    /// The instant of `utc`; the driver's epoch when it lies before it.
    pub fn instant(&self, utc: Utc) -> Instant {
        let millis = utc.as_millis() - self.utc.as_millis();
        let distance = Duration::from_millis(millis.unsigned_abs());
        if millis >= 0 { self.at + distance } else { self.at - distance }
    }
}

/// The sample counter as a clock: index ⇄ [`Instant`], always computed from the index, never by
/// accumulation, because a sample of 1.2 MHz is not a whole number of nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleClock {
    rate_hz: u32,
    origin: Instant,
    ppb: i32,
}

impl SampleClock {
    /// A clock of nominally `rate_hz` samples per second whose sample 0 is at `origin` and which runs
    /// `ppb` parts per billion fast. `rate_hz` must not be zero.
    pub const fn new(rate_hz: u32, origin: Instant, ppb: i32) -> Self {
        assert!(rate_hz > 0, "a sample rate is positive");
        Self { rate_hz, origin, ppb }
    }

    /// Nominal samples per second.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The instant at which sample `index` is taken; the last instant there is, for a sample that comes after it.
    pub const fn instant(&self, index: u64) -> Instant {
        let nanos = index as u128 * 1_000_000_000_000_000_000 / self.real_rate();
        let nanos = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 };
        Instant(self.origin.0.saturating_add(nanos))
    }

    /// The first sample that is not before `at`.
    pub const fn index(&self, at: Instant) -> u64 {
        let nanos = at.0.saturating_sub(self.origin.0) as u128;
        (nanos * self.real_rate()).div_ceil(1_000_000_000_000_000_000) as u64
    }

    /// Samples in `duration`, rounded to nearest.
    pub const fn samples(&self, duration: Duration) -> u64 {
        ((duration.as_nanos() * self.real_rate() + 500_000_000_000_000_000) / 1_000_000_000_000_000_000)
            as u64
    }

    /// Real rate in 1e-9 samples per second.
    const fn real_rate(&self) -> u128 {
        (self.rate_hz as i128 * (1_000_000_000 + self.ppb as i128)) as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_of_samples_at_1200_khz_is_a_day() {
        let clock = SampleClock::new(1_200_000, Instant::EPOCH, 0);
        assert_eq!(clock.instant(1_200_000 * 86_400), Instant::from_secs(86_400));
    }

    #[test]
    fn a_clock_50_ppm_fast_takes_fifty_more_samples_in_a_million() {
        let clock = SampleClock::new(1_000_000, Instant::EPOCH, 50_000);
        assert_eq!(clock.index(Instant::from_secs(1)), 1_000_050);
    }

    #[test]
    fn civil_dates_agree_with_known_days() {
        let c = Utc::from_secs(951_782_400).civil();
        assert_eq!((c.year, c.month, c.day, c.weekday), (2000, 2, 29, 2));
        let c = Utc::from_secs(-1).civil();
        assert_eq!((c.year, c.month, c.day, c.hour, c.second, c.weekday), (1969, 12, 31, 23, 59, 3));
        assert_eq!(Utc::from_civil(2026, 11, 22, 10, 26, 16), Some(Utc::from_secs(1_795_343_176)));
        assert_eq!(Utc::from_civil(2026, 2, 29, 0, 0, 0), None);
    }

    #[test]
    fn flooring_to_a_period_works_before_1970() {
        let quarter = Duration::from_secs(900);
        assert_eq!(Utc::from_secs(-1).floor(quarter), Utc::from_secs(-900));
        assert_eq!(Utc::from_secs(1799).floor(quarter), Utc::from_secs(900));
    }

    #[test]
    fn a_sample_beyond_all_instants_is_at_the_last_one() {
        let clock = SampleClock::new(1, Instant::from_secs(3), 0);
        assert_eq!(clock.instant(15_975_357_231_389), Instant(u64::MAX));
        assert_eq!(clock.instant(18_446_744_070), Instant::from_secs(18_446_744_073));
    }

    proptest! {
        #[test]
        fn index_and_instant_are_inverse(index in 0u64..1 << 45, rate in 2_000u32..4_000_000, ppb in -100_000i32..100_000) {
            let clock = SampleClock::new(rate, Instant::from_secs(3), ppb);
            prop_assert_eq!(clock.index(clock.instant(index)).abs_diff(index) as u128 * 1_000_000_000 / u128::from(rate), 0);
        }

        #[test]
        fn every_civil_date_comes_back(secs in -60_000_000_000i64..200_000_000_000) {
            let c = Utc::from_secs(secs).civil();
            prop_assert_eq!(Utc::from_civil(c.year, c.month, c.day, c.hour, c.minute, c.second), Some(Utc::from_secs(secs)));
        }

        #[test]
        fn an_anchor_maps_both_ways(millis in 0i64..1_000_000_000) {
            let anchor = UtcAnchor { at: Instant::from_secs(2_000_000), utc: Utc::from_millis(500_000_000) };
            prop_assert_eq!(anchor.utc(anchor.instant(Utc::from_millis(millis))), Utc::from_millis(millis));
        }
    }
}
