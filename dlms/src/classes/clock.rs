//! Clock, class 8 \[BB 4.5.1\].

use crate::axdr::Data;
use crate::cosem::{AttributeRequest, ClockStatus, ClockTime, LogicalName};

/// The interface class Clock.
pub const CLASS_ID: u16 = 8;
/// The attribute time.
pub const TIME: i8 = 2;

/// A clock: its time, its zone, and whether daylight saving is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The time.
    pub time: ClockTime,
    /// UTC minus local time in minutes, without daylight saving.
    pub time_zone: Option<i16>,
    /// The state of the clock.
    pub status: Option<ClockStatus>,
    /// What daylight saving adds, in minutes.
    pub daylight_savings_deviation: Option<i8>,
    /// Whether daylight saving is ever added.
    pub daylight_savings_enabled: Option<bool>,
}

impl ClockReading {
    /// The attributes that make a reading: time, time_zone, status, daylight_savings_deviation,
    /// daylight_savings_enabled.
    pub fn requests(logical_name: LogicalName) -> impl Iterator<Item = AttributeRequest> {
        [TIME, 3, 4, 7, 8].into_iter().map(move |n| AttributeRequest::new(CLASS_ID, logical_name, n))
    }

    /// From the encoded values of [`ClockReading::requests`], in their order; a value that was refused is
    /// `None`. `None` without a time.
    pub fn from_values<'a>(values: impl IntoIterator<Item = Option<&'a [u8]>>) -> Option<Self> {
        let mut values = values.into_iter().map(|value| Data::from_bytes(value?).ok());
        let time = values.next()??.as_clock_time()?;
        let mut number = || values.next()??.as_i64();
        let (time_zone, status, deviation) = (number(), number(), number());
        let enabled = match values.next().flatten() {
            Some(Data::Boolean(enabled)) => Some(enabled),
            _ => None,
        };
        Some(Self {
            time,
            time_zone: time_zone.and_then(|zone| i16::try_from(zone).ok()),
            status: status.and_then(|status| u8::try_from(status).ok()).map(ClockStatus),
            daylight_savings_deviation: deviation.and_then(|deviation| i8::try_from(deviation).ok()),
            daylight_savings_enabled: enabled,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    #[test]
    fn a_clock_is_read_with_or_without_its_zone() {
        let values = ["090C07EA0B160705110700FFC400", "10FFC4", "1100", "0F3C", "0301"].map(hex);
        let clock = ClockReading::from_values(values.iter().map(|v| Some(&v[..]))).unwrap();
        assert_eq!((clock.time_zone, clock.daylight_savings_deviation), (Some(-60), Some(60)));
        assert_eq!((clock.status, clock.daylight_savings_enabled), (Some(ClockStatus::OK), Some(true)));
        let bare = ClockReading::from_values([Some(&values[0][..]), None, None]).unwrap();
        assert_eq!((bare.time, bare.time_zone, bare.daylight_savings_enabled), (clock.time, None, None));
        assert_eq!(ClockReading::from_values([Some(&values[1][..])]), None);
    }
}
