//! Civil time on the wall: local, with its rules.

use super::{ClockTime, Date, Day, Month, Time};
use core::time::Duration;
use plc_core::Utc;

/// What a clock on the wall shows, to the second: seconds since 1970 as if there were neither zones nor daylight
/// saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// From seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// The seconds.
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// `utc` where local time is `deviation` minutes behind UTC.
    pub const fn of(utc: Utc, deviation: i16) -> Self {
        Self(utc.as_secs().saturating_sub(deviation as i64 * 60))
    }

    /// UTC, where local time is `deviation` minutes behind it.
    pub const fn utc(self, deviation: i16) -> Utc {
        Utc::from_secs(self.0.saturating_add(deviation as i64 * 60))
    }

    /// Its date and time of day.
    pub const fn civil(self) -> plc_core::time::Civil {
        Utc::from_secs(self.0).civil()
    }

    /// The first second of its day.
    pub const fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_S))
    }

    /// The same time of day so many days later.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(DAY_S)))
    }

    /// So many seconds later.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// This day at `time`; `None` when hour or minute are not specified or out of range. An unspecified second is 0.
    pub fn at(self, time: &Time) -> Option<Self> {
        let (hour, minute, second) = (time.hour?, time.minute?, time.second.unwrap_or(0));
        let valid = hour < 24 && minute < 60 && second < 60;
        let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        valid.then(|| self.midnight().plus_secs(of_day))
    }

    /// What a date-time names on the wall, whatever it says of its zone; `None` when a part is not specified.
    pub fn named(time: &ClockTime) -> Option<Self> {
        let octets = time.octets();
        let mut local = octets;
        (local[9], local[10]) = (0, 0);
        ClockTime::from_octets(local).utc_assuming(0).map(|utc| Self(utc.as_secs()))
    }
}

impl Date {
    /// Whether the day of `wall` is one of those that this date names \[BB 4.1.6.1; confidence A\]. A weekday with a
    /// day of the month means the first such weekday from that day on; with the last day, the last of the month.
    pub fn names(&self, wall: Wall) -> bool {
        let civil = wall.civil();
        let in_year = self.year.is_none_or(|year| i32::from(year) == civil.year);
        let in_month = match self.month {
            Month::Every => true,
            Month::Number(month) => month == civil.month,
            // When daylight saving begins and ends is told by a clock, not by a date.
            Month::DaylightSavingBegin | Month::DaylightSavingEnd => false,
        };
        in_year && in_month && self.names_day(&civil, last_day(wall))
    }

    /// Whether this names one day and no other.
    pub const fn is_one_day(&self) -> bool {
        self.year.is_some() && matches!((self.month, self.day), (Month::Number(_), Day::Number(_)))
    }

    fn names_day(&self, civil: &plc_core::time::Civil, last: u8) -> bool {
        let is_weekday = self.weekday.is_none_or(|weekday| weekday == civil.weekday);
        let in_week_from = |first: u8| civil.day >= first && civil.day < first.saturating_add(7);
        match (self.day, self.weekday) {
            (Day::Every, _) => is_weekday,
            (Day::Number(day), None) => civil.day == day,
            (Day::Number(day), Some(_)) => is_weekday && in_week_from(day),
            (Day::Last, None) => civil.day == last,
            (Day::Last, Some(_)) => is_weekday && in_week_from(last - 6),
            (Day::SecondLast, None) => civil.day + 1 == last,
            (Day::SecondLast, Some(_)) => is_weekday && in_week_from(last - 13),
        }
    }
}

impl ClockTime {
    /// The date of a date-time.
    pub fn date(&self) -> Date {
        let [a, b, c, d, e, ..] = self.octets();
        Date::from_octets([a, b, c, d, e])
    }

    /// The time of day of a date-time.
    pub fn time(&self) -> Time {
        let [.., hour, minute, second, hundredths, _, _, _] = self.octets();
        Time::from_octets([hour, minute, second, hundredths])
    }

    /// `wall` without anything said of its zone.
    pub fn of_wall(wall: Wall) -> Self {
        let mut octets = Self::from_utc(Utc::from_secs(wall.0), 0, super::ClockStatus::OK).octets();
        [octets[9], octets[10]] = crate::specs::clock::DEVIATION_UNSPECIFIED.to_be_bytes();
        Self::from_octets(octets)
    }
}

fn last_day(wall: Wall) -> u8 {
    let civil = wall.civil();
    let (year, month) = if civil.month == 12 { (civil.year + 1, 1) } else { (civil.year, civil.month + 1) };
    let next = Utc::from_civil(year, month, 1, 0, 0, 0);
    next.map_or(31, |next| (next - Duration::from_secs(DAY_S as u64)).civil().day)
}

const DAY_S: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u8, day: u8) -> Wall {
        Wall::from_secs(Utc::from_civil(year, month, day, 12, 0, 0).unwrap().as_secs())
    }

    #[test]
    fn rules_of_dates_name_the_days_of_the_standards_examples() {
        let last_sunday_of_march = Date::from_octets([0xFF, 0xFF, 3, 0xFE, 7]);
        let named: [u8; 1] = core::array::from_fn(|_| {
            (1..=31).find(|&d| last_sunday_of_march.names(day(2026, 3, d))).unwrap()
        });
        assert_eq!(named, [29]);
        let first_sunday_of_april = Date::from_octets([0xFF, 0xFF, 4, 1, 7]);
        let april: alloc::vec::Vec<u8> =
            (1..=30).filter(|&d| first_sunday_of_april.names(day(2026, 4, d))).collect();
        assert_eq!(april, [5]);
        let last_of_february = Date::from_octets([0xFF, 0xFF, 2, 0xFE, 0xFF]);
        assert!(last_of_february.names(day(2024, 2, 29)) && last_of_february.names(day(2026, 2, 28)));
        assert!(!last_of_february.names(day(2024, 2, 28)));
        let second_last = Date::from_octets([0xFF, 0xFF, 0xFF, 0xFD, 0xFF]);
        assert!(second_last.names(day(2026, 11, 29)) && !second_last.names(day(2026, 11, 30)));
        let monday = Date::from_octets([0xFF, 0xFF, 0xFF, 0xFF, 1]);
        assert!(monday.names(day(2026, 11, 23)) && !monday.names(day(2026, 11, 22)));
        let once = Date::from_octets([0x07, 0xEA, 12, 24, 0xFF]);
        assert!(once.names(day(2026, 12, 24)) && !once.names(day(2027, 12, 24)));
    }

    #[test]
    fn a_time_of_day_is_found_on_its_day_and_what_is_none_is_not() {
        let noon = day(2026, 11, 22);
        let time = Time { hour: Some(5), minute: Some(30), second: None, hundredths: None };
        assert_eq!(noon.at(&time).unwrap().civil().hour, 5);
        assert_eq!(noon.at(&Time { hour: None, ..time }), None);
        assert_eq!(noon.at(&Time { hour: Some(24), ..time }), None);
        assert_eq!(Wall::named(&ClockTime::of_wall(noon)), Some(noon));
        assert_eq!(ClockTime::of_wall(noon).deviation(), None);
        assert_eq!(Wall::of(noon.utc(-60), -60), noon);
    }
}
