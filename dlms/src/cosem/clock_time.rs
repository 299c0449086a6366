//! date-time: the civil time of a meter, 12 octets.

use crate::specs::clock;
use core::fmt;
use core::time::Duration;
use plc_core::Utc;

/// A date-time \[BB 4.1.6.1\]: local civil time, its deviation from UTC, and the state of the clock.
///
/// Any field may be unspecified; [`ClockTime::utc`] tells whether it names one instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClockTime {
    octets: [u8; 12],
}

/// clock_status \[BB 4.1.6.1\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClockStatus(pub u8);

impl ClockStatus {
    /// Everything is well.
    pub const OK: Self = Self(0);
    /// The time could not be recovered after an incident.
    pub const INVALID: Self = Self(0x01);
    /// The time may be wrong by an unknown amount.
    pub const DOUBTFUL: Self = Self(0x02);
    /// A different clock base was used.
    pub const DIFFERENT_BASE: Self = Self(0x04);
    /// The clock status itself is invalid.
    pub const INVALID_STATUS: Self = Self(0x08);
    /// Daylight saving is active, and included in the deviation.
    pub const DAYLIGHT_SAVING: Self = Self(0x80);
    /// The status is not specified.
    pub const UNSPECIFIED: Self = Self(0xFF);

    /// Whether all bits of `flags` are set; an unspecified status has none.
    pub const fn has(self, flags: Self) -> bool {
        self.0 != Self::UNSPECIFIED.0 && self.0 & flags.0 == flags.0
    }
}

impl ClockTime {
    /// All fields unspecified.
    pub const UNSPECIFIED: Self = Self { octets: clock::UNSPECIFIED };

    /// From the wire.
    pub const fn from_octets(octets: [u8; 12]) -> Self {
        Self { octets }
    }

    /// For the wire.
    pub const fn octets(&self) -> [u8; 12] {
        self.octets
    }

    /// `utc` as local time. `deviation` is UTC minus local time in minutes (-60 in the winter of Paris),
    /// within ±840.
    pub fn from_utc(utc: Utc, deviation: i16, status: ClockStatus) -> Self {
        let c = shift(utc, -i32::from(deviation)).civil();
        let [year_high, year_low] = u16::try_from(c.year).unwrap_or(clock::YEAR_UNSPECIFIED).to_be_bytes();
        let [dev_high, dev_low] = deviation.to_be_bytes();
        let hundredths = (c.millisecond / 10) as u8;
        Self {
            octets: [
                year_high, year_low, c.month, c.day, c.weekday, c.hour, c.minute, c.second, hundredths,
                dev_high, dev_low, status.0,
            ],
        }
    }

    /// The instant that this names; `None` when a field that it needs is unspecified or out of range.
    /// An unspecified deviation counts as `default_deviation` minutes.
    pub fn utc_assuming(&self, default_deviation: i16) -> Option<Utc> {
        let [year_high, year_low, month, day, _, hour, minute, second, hundredths, ..] = self.octets;
        let year = u16::from_be_bytes([year_high, year_low]);
        if year == clock::YEAR_UNSPECIFIED {
            return None;
        }
        let second = if second == clock::FIELD_UNSPECIFIED { 0 } else { second };
        let hundredths = if hundredths == clock::FIELD_UNSPECIFIED { 0 } else { hundredths };
        let deviation = self.deviation().unwrap_or(default_deviation);
        if hundredths > 99 || deviation.unsigned_abs() > clock::DEVIATION_MAX_MINUTES {
            return None;
        }
        let local = Utc::from_civil(i32::from(year), month, day, hour, minute, second)?;
        Some(shift(local, i32::from(deviation)) + Duration::from_millis(u64::from(hundredths) * 10))
    }

    /// The instant that this names, when it says its deviation from UTC.
    pub fn utc(&self) -> Option<Utc> {
        self.deviation().and_then(|deviation| self.utc_assuming(deviation))
    }

    /// So many seconds later, or earlier if negative, under the same deviation and status; weekday, seconds, hundredths and deviation
    /// that are not specified stay so. `None` when date or time are not specified, or out of range.
    #[must_use]
    pub fn plus_seconds(&self, seconds: i64) -> Option<Self> {
        let deviation = self.deviation().unwrap_or(0);
        let millis = self.utc_assuming(0)?.as_millis().checked_add(seconds.checked_mul(1000)?)?;
        let mut octets = Self::from_utc(Utc::from_millis(millis), deviation, self.status()).octets;
        if octets[..2] == clock::YEAR_UNSPECIFIED.to_be_bytes() {
            return None;
        }
        for place in [WEEKDAY, SECOND, HUNDREDTHS] {
            if self.octets[place] == clock::FIELD_UNSPECIFIED {
                octets[place] = clock::FIELD_UNSPECIFIED;
            }
        }
        octets[DEVIATION].copy_from_slice(&self.octets[DEVIATION]);
        Some(Self { octets })
    }

    /// UTC minus local time in minutes.
    pub const fn deviation(&self) -> Option<i16> {
        let deviation = i16::from_be_bytes([self.octets[9], self.octets[10]]);
        if deviation == clock::DEVIATION_UNSPECIFIED { None } else { Some(deviation) }
    }

    /// The state of the clock.
    pub const fn status(&self) -> ClockStatus {
        ClockStatus(self.octets[11])
    }
}

/// Places of fields that may be left out.
const WEEKDAY: usize = 4;
const SECOND: usize = 7;
const HUNDREDTHS: usize = 8;
const DEVIATION: core::ops::Range<usize> = 9..11;

fn shift(utc: Utc, minutes: i32) -> Utc {
    Utc::from_millis(utc.as_millis().saturating_add(i64::from(minutes) * 60_000))
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year_high, year_low, month, day, _, hour, minute, second, ..] = self.octets;
        let year = u16::from_be_bytes([year_high, year_low]);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.deviation() {
            None => f.write_str("?"),
            Some(deviation) => write!(f, "{:+}min", -i32::from(deviation)),
        }
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}/{:02x}", self.octets[11])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn a_captured_date_time_is_understood() {
        let time = ClockTime::from_octets(hex("07ea0b160705110700000000").try_into().unwrap());
        assert_eq!(time.utc(), Utc::from_civil(2026, 11, 22, 5, 17, 7));
        assert_eq!(time.status(), ClockStatus::OK);
    }

    #[test]
    fn local_time_plus_deviation_is_utc() {
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let paris = ClockTime::from_utc(noon, -120, ClockStatus::DAYLIGHT_SAVING);
        assert_eq!(paris.octets()[5], 14);
        assert_eq!(paris.utc(), Some(noon));
    }

    #[test]
    fn an_unspecified_date_names_no_instant() {
        assert_eq!(ClockTime::UNSPECIFIED.utc_assuming(0), None);
        let without_deviation = ClockTime::from_octets(hex("07d20c04030a060bff800000").try_into().unwrap());
        assert_eq!(without_deviation.utc(), None);
        assert_eq!(without_deviation.utc_assuming(0), Utc::from_civil(2002, 12, 4, 10, 6, 11));
    }

    #[test]
    fn a_quarter_of_an_hour_later_what_was_not_said_is_not_said_either() {
        let later = |time: &str, seconds| {
            let time = ClockTime::from_octets(hex(time).try_into().unwrap());
            time.plus_seconds(seconds).map(|time| time.octets().to_vec())
        };
        // Into the next year, Thursday to Friday, an hour before UTC, with daylight saving.
        assert_eq!(later("07ea0c1f04173b1e00ffc480", 900), Some(hex("07eb010105000e1e00ffc480")));
        assert_eq!(later("07eb010105000e1e00ffc480", -900), Some(hex("07ea0c1f04173b1e00ffc480")));
        assert_eq!(later("07ea0b16ff051100ff8000ff", 900), Some(hex("07ea0b16ff052000ff8000ff")));
        for nothing in ["ffff0b16ff051100ff8000ff", "07eaff16ff051100ff8000ff", "07ea0b16ffff1100ff8000ff"] {
            assert_eq!(later(nothing, 900), None, "{nothing}");
        }
        assert_eq!(later("07ea0b16ff051100ff8000ff", i64::MAX), None);
    }

    proptest! {
        #[test]
        fn seconds_that_are_added_are_those_between_both(
            start in 0i64..4_000_000_000, seconds in -100_000_000i64..100_000_000, deviation in -840i16..=840,
        ) {
            prop_assume!(start + seconds >= 0);
            let time = ClockTime::from_utc(Utc::from_secs(start), deviation, ClockStatus(0x80));
            let later = ClockTime::from_utc(Utc::from_secs(start + seconds), deviation, ClockStatus(0x80));
            prop_assert_eq!(time.plus_seconds(seconds), Some(later));
        }

        #[test]
        fn an_instant_is_read_back(secs in 0i64..4_000_000_000, deviation in -840i16..=840) {
            let utc = Utc::from_secs(secs);
            prop_assert_eq!(ClockTime::from_utc(utc, deviation, ClockStatus::OK).utc(), Some(utc));
        }

        #[test]
        fn any_octets_are_harmless(octets: [u8; 12]) {
            let _ = ClockTime::from_octets(octets).utc_assuming(0);
            let _ = ClockTime::from_octets(octets).plus_seconds(i64::MAX);
        }
    }
}
