//! date and time: the parts of a date-time that stand alone \[BB 4.1.6.1\].

use crate::specs::clock;
use core::fmt;

/// A date of 5 octets, any part of which may be unspecified or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    /// The year; `None` for every.
    pub year: Option<u16>,
    /// The month.
    pub month: Month,
    /// The day of the month.
    pub day: Day,
    /// The day of the week, 1 Monday; `None` for every.
    pub weekday: Option<u8>,
}

/// A month of a [`Date`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Month {
    /// 1..=12, or what the standard does not name.
    Number(u8),
    /// The one in which daylight saving begins.
    DaylightSavingBegin,
    /// The one in which it ends.
    DaylightSavingEnd,
    /// Every.
    Every,
}

/// A day of a [`Date`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Day {
    /// 1..=31, or what the standard does not name.
    Number(u8),
    /// The last but one of the month.
    SecondLast,
    /// The last of the month.
    Last,
    /// Every.
    Every,
}

impl Date {
    /// From the wire.
    pub const fn from_octets([high, low, month, day, weekday]: [u8; 5]) -> Self {
        let year = u16::from_be_bytes([high, low]);
        Self {
            year: if year == clock::YEAR_UNSPECIFIED { None } else { Some(year) },
            month: match month {
                clock::FIELD_UNSPECIFIED => Month::Every,
                clock::MONTH_DST_BEGIN => Month::DaylightSavingBegin,
                clock::MONTH_DST_END => Month::DaylightSavingEnd,
                number => Month::Number(number),
            },
            day: match day {
                clock::FIELD_UNSPECIFIED => Day::Every,
                clock::DAY_LAST => Day::Last,
                clock::DAY_SECOND_LAST => Day::SecondLast,
                number => Day::Number(number),
            },
            weekday: specified(weekday),
        }
    }

    /// For the wire.
    pub fn octets(&self) -> [u8; 5] {
        let [high, low] = self.year.unwrap_or(clock::YEAR_UNSPECIFIED).to_be_bytes();
        let month = match self.month {
            Month::Number(number) => number,
            Month::DaylightSavingBegin => clock::MONTH_DST_BEGIN,
            Month::DaylightSavingEnd => clock::MONTH_DST_END,
            Month::Every => clock::FIELD_UNSPECIFIED,
        };
        let day = match self.day {
            Day::Number(number) => number,
            Day::SecondLast => clock::DAY_SECOND_LAST,
            Day::Last => clock::DAY_LAST,
            Day::Every => clock::FIELD_UNSPECIFIED,
        };
        [high, low, month, day, self.weekday.unwrap_or(clock::FIELD_UNSPECIFIED)]
    }
}

/// A time of day of 4 octets, any part of which may be unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// 0..=23.
    pub hour: Option<u8>,
    /// 0..=59.
    pub minute: Option<u8>,
    /// 0..=59.
    pub second: Option<u8>,
    /// 0..=99.
    pub hundredths: Option<u8>,
}

impl Time {
    /// From the wire.
    pub const fn from_octets([hour, minute, second, hundredths]: [u8; 4]) -> Self {
        Self {
            hour: specified(hour),
            minute: specified(minute),
            second: specified(second),
            hundredths: specified(hundredths),
        }
    }

    /// For the wire.
    pub fn octets(&self) -> [u8; 4] {
        [self.hour, self.minute, self.second, self.hundredths]
            .map(|field| field.unwrap_or(clock::FIELD_UNSPECIFIED))
    }
}

const fn specified(field: u8) -> Option<u8> {
    if field == clock::FIELD_UNSPECIFIED { None } else { Some(field) }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, field) in [self.hour, self.minute, self.second].into_iter().enumerate() {
            let colon = if n == 0 { "" } else { ":" };
            match field {
                Some(field) => write!(f, "{colon}{field:02}")?,
                None => write!(f, "{colon}**")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn rules_and_wildcards_have_names() {
        let last_sunday_of_march = Date::from_octets([0xFF, 0xFF, 3, 0xFE, 7]);
        assert_eq!((last_sunday_of_march.year, last_sunday_of_march.weekday), (None, Some(7)));
        assert_eq!((last_sunday_of_march.month, last_sunday_of_march.day), (Month::Number(3), Day::Last));
        let begin = Date::from_octets([0x07, 0xEA, 0xFE, 0xFD, 0xFF]);
        assert_eq!((begin.month, begin.day), (Month::DaylightSavingBegin, Day::SecondLast));
        assert_eq!(Time::from_octets([12, 0xFF, 5, 0]).to_string(), "12:**:05");
    }

    proptest! {
        #[test]
        fn any_octets_are_written_as_they_were_read(date: [u8; 5], time: [u8; 4]) {
            prop_assert_eq!(Date::from_octets(date).octets(), date);
            prop_assert_eq!(Time::from_octets(time).octets(), time);
        }
    }
}
