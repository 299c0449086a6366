//! Clock, class 8, as a server has it: zone, daylight saving, adjustments \[BB 4.5.1\].

use super::object::{attributes, no_parameter, object_basics, parameter};
use super::value::structure;
use super::{Effect, Effects, Enumerated, Moment, Object, Value};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::cosem::{ClockStatus, ClockTime, Month, Wall};
use crate::specs::clock::{DEVIATION_MAX_MINUTES, SHIFT_MAX_S};
use core::time::Duration;
use plc_core::Utc;

structure! {
    /// The parameter of preset_adjusting_time.
    Preset {
        /// The time to be set.
        time: ClockTime,
        /// From when on it may be set.
        valid_from: ClockTime,
        /// Until when.
        valid_until: ClockTime,
    }
}

attributes! {
    /// The rules by which UTC becomes the time on the wall; the time itself is the meter's.
    WallClock: CLOCK {
        /// UTC minus local time in minutes, without daylight saving.
        [3] time_zone: i16,
        /// When daylight saving begins, in local time; the year may be left open, the day may be a rule.
        [5] daylight_savings_begin: ClockTime,
        /// When it ends, in local time of daylight saving.
        [6] daylight_savings_end: ClockTime,
        /// Minutes that daylight saving adds, within ±120.
        [7] daylight_savings_deviation: i8,
        /// Whether it is ever added.
        [8] daylight_savings_enabled: bool,
        /// Where the time comes from.
        [9] clock_base: Enumerated,
    } kept {} volatile {
        /// What adjust_to_preset_time would set.
        preset: Option<Preset>,
        /// What adjust_to_measuring_period rounds to, in seconds; 0 for a quarter of an hour.
        measuring_period_s: u32,
    }
}

impl WallClock {
    /// A clock that shows UTC.
    pub const fn new(clock_base: u8) -> Self {
        Self {
            time_zone: 0,
            daylight_savings_begin: ClockTime::UNSPECIFIED,
            daylight_savings_end: ClockTime::UNSPECIFIED,
            daylight_savings_deviation: 0,
            daylight_savings_enabled: false,
            clock_base: Enumerated(clock_base),
            preset: None,
            measuring_period_s: 0,
        }
    }

    /// Sets the period to which adjust_to_measuring_period rounds.
    pub const fn measure_every(&mut self, seconds: u32) {
        self.measuring_period_s = seconds;
    }

    /// Whether daylight saving is in force.
    pub fn is_daylight_saving(&self, utc: Utc) -> bool {
        let standard = Wall::of(utc, self.time_zone);
        let year = standard.civil().year;
        let begin = switch_in(&self.daylight_savings_begin, year);
        let saved_s = i64::from(self.daylight_savings_deviation) * 60;
        let end = switch_in(&self.daylight_savings_end, year).map(|end| end.plus_secs(-saved_s));
        let (Some(begin), Some(end), true) = (begin, end, self.daylight_savings_enabled) else {
            return false;
        };
        if begin <= end { (begin..end).contains(&standard) } else { !(end..begin).contains(&standard) }
    }

    /// UTC minus local time in minutes, with daylight saving.
    pub fn deviation(&self, utc: Utc) -> i16 {
        let saved = if self.is_daylight_saving(utc) { self.daylight_savings_deviation } else { 0 };
        self.time_zone.saturating_sub(saved.into())
    }

    /// What the clock shows.
    pub fn wall(&self, utc: Utc) -> Wall {
        Wall::of(utc, self.deviation(utc))
    }

    /// The first UTC after `now` at which the clock may show `wall`: where it shows it twice, or skips it, the earlier.
    pub fn utc_of(&self, wall: Wall, now: Utc) -> Utc {
        let standard = wall.utc(self.time_zone);
        let saving = wall.utc(self.time_zone.saturating_sub(self.daylight_savings_deviation.into()));
        let (early, late) = (standard.min(saving), standard.max(saving));
        if !self.daylight_savings_enabled {
            return standard;
        }
        if early > now { early } else { late }
    }

    /// `utc` as a date-time with deviation and status.
    pub fn time(&self, utc: Utc) -> ClockTime {
        ClockTime::from_utc(utc, self.deviation(utc), self.status(Some(utc)))
    }

    /// The status at `utc`, or while the clock is not set.
    pub fn status(&self, utc: Option<Utc>) -> ClockStatus {
        match utc {
            None => ClockStatus::INVALID,
            Some(utc) if self.is_daylight_saving(utc) => ClockStatus::DAYLIGHT_SAVING,
            Some(_) => ClockStatus::OK,
        }
    }

    /// The UTC that a date-time names; one without deviation is local time.
    pub fn utc(&self, time: &ClockTime) -> Option<Utc> {
        let standard = time.utc_assuming(self.time_zone)?;
        match time.deviation() {
            Some(_) => Some(standard),
            None => time.utc_assuming(self.deviation(standard)),
        }
    }

    fn is_lawful(&self) -> bool {
        self.time_zone.unsigned_abs() <= DEVIATION_MAX_MINUTES
            && self.daylight_savings_deviation.unsigned_abs() <= 120
    }

    fn preset(&mut self, preset: Preset) -> Result<(), ActionResult> {
        let times = [&preset.time, &preset.valid_from, &preset.valid_until];
        if times.iter().any(|time| self.utc(time).is_none()) {
            return Err(ActionResult::OtherReason);
        }
        self.preset = Some(preset);
        Ok(())
    }

    /// The time that was preset, if now is the time to set it. It is set once.
    fn take_preset(&mut self, now: Utc) -> Result<Utc, ActionResult> {
        let preset = self.preset.take().ok_or(ActionResult::OtherReason)?;
        let named = |time| self.utc(time).ok_or(ActionResult::OtherReason);
        let (from, until) = (named(&preset.valid_from)?, named(&preset.valid_until)?);
        if (from..=until).contains(&now) { named(&preset.time) } else { Err(ActionResult::OtherReason) }
    }

    /// The multiple of `period` seconds on the wall that is nearest to `utc`.
    fn nearest(&self, utc: Utc, period_s: u32) -> Utc {
        let period = Duration::from_secs(period_s.max(1).into());
        let offset_ms = i64::from(self.deviation(utc)) * 60_000;
        let local = Utc::from_millis(utc.as_millis().saturating_sub(offset_ms));
        let rounded = (local + period / 2).floor(period);
        Utc::from_millis(rounded.as_millis().saturating_add(offset_ms))
    }
}

/// When daylight saving begins or ends in `year`.
fn switch_in(time: &ClockTime, year: i32) -> Option<Wall> {
    let (date, at) = (time.date(), time.time());
    let Month::Number(month) = date.month else { return None };
    let from = Wall::of(Utc::from_civil(year, month, 1, 0, 0, 0)?, 0);
    (0..31).map(|days| from.plus_days(days)).find(|&day| date.names(day))?.at(&at)
}

impl Object for WallClock {
    object_basics!();

    fn get(&self, attribute: i8, at: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        match attribute {
            2 => out.clock_time(&at.utc.map_or(UNSET, |utc| self.time(utc))),
            4 => out.u8(self.status(at.utc).0),
            _ => return self.read(attribute, out),
        }
        Ok(())
    }

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        if attribute == 2 {
            let time = ClockTime::from_data(value).ok_or(DataAccessResult::TypeUnmatched)?;
            let utc = self.utc(&time).ok_or(DataAccessResult::OtherReason)?;
            effects.push(Effect::SetTime(utc));
            return Ok(());
        }
        let before = self.clone();
        self.store(attribute, value)?;
        if !self.is_lawful() {
            *self = before;
            return Err(DataAccessResult::OtherReason);
        }
        Ok(())
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        at: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        if method == 5 {
            return self.preset(parameter(data)?);
        }
        let now = at.utc.ok_or(ActionResult::TemporaryFailure)?;
        if method == 6 {
            let shift: i16 = parameter(data)?;
            if shift.unsigned_abs() > SHIFT_MAX_S {
                return Err(ActionResult::OtherReason);
            }
            let shifted = Utc::from_millis(now.as_millis().saturating_add(i64::from(shift) * 1000));
            effects.push(Effect::SetTime(shifted));
            return Ok(());
        }
        no_parameter(data)?;
        let measuring_period_s =
            if self.measuring_period_s == 0 { QUARTER_S } else { self.measuring_period_s };
        let time = match method {
            1 => self.nearest(now, QUARTER_S),
            2 => self.nearest(now, measuring_period_s),
            3 => self.nearest(now, MINUTE_S),
            _ => self.take_preset(now)?,
        };
        effects.push(Effect::SetTime(time));
        Ok(())
    }
}

/// The time of a clock that was never set: nothing specified, and the status says why.
const UNSET: ClockTime = {
    let mut octets = ClockTime::UNSPECIFIED.octets();
    octets[11] = ClockStatus::INVALID.0;
    ClockTime::from_octets(octets)
};
const QUARTER_S: u32 = 900;
const MINUTE_S: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;

    /// Paris: one hour ahead of UTC, two from the last Sunday of March to the last of October.
    fn paris() -> WallClock {
        let rule =
            |month, hour| ClockTime::from_octets([0xFF, 0xFF, month, 0xFE, 7, hour, 0, 0, 0, 0x80, 0, 0xFF]);
        WallClock {
            time_zone: -60,
            daylight_savings_begin: rule(3, 2),
            daylight_savings_end: rule(10, 3),
            daylight_savings_deviation: 60,
            daylight_savings_enabled: true,
            ..WallClock::new(1)
        }
    }

    fn utc(month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Utc {
        Utc::from_civil(2026, month, day, hour, minute, second).unwrap()
    }

    #[test]
    fn daylight_saving_begins_and_ends_to_the_second() {
        let clock = paris();
        for (at, saving) in [
            (utc(3, 29, 0, 59, 59), false),
            (utc(3, 29, 1, 0, 0), true),
            (utc(10, 25, 0, 59, 59), true),
            (utc(10, 25, 1, 0, 0), false),
        ] {
            assert_eq!(clock.is_daylight_saving(at), saving, "{at}");
            assert_eq!(clock.deviation(at), if saving { -120 } else { -60 });
            assert_eq!(clock.time(at).utc(), Some(at));
        }
        let off = WallClock { daylight_savings_enabled: false, ..clock };
        assert!(!off.is_daylight_saving(utc(7, 1, 0, 0, 0)));
    }

    #[test]
    fn south_of_the_equator_daylight_saving_lasts_over_new_year() {
        let north = paris();
        let south = WallClock {
            daylight_savings_begin: north.daylight_savings_end,
            daylight_savings_end: north.daylight_savings_begin,
            ..north
        };
        assert!(
            south.is_daylight_saving(utc(1, 1, 0, 0, 0)) && south.is_daylight_saving(utc(12, 1, 0, 0, 0))
        );
        assert!(!south.is_daylight_saving(utc(7, 1, 0, 0, 0)));
    }

    #[test]
    fn a_time_without_deviation_is_local_and_a_time_with_one_is_not() {
        let clock = paris();
        let local = ClockTime::of_wall(Wall::of(utc(7, 1, 14, 0, 0), 0));
        assert_eq!(clock.utc(&local), Some(utc(7, 1, 12, 0, 0)));
        let zoned = ClockTime::from_utc(utc(7, 1, 12, 0, 0), 300, ClockStatus::OK);
        assert_eq!(clock.utc(&zoned), Some(utc(7, 1, 12, 0, 0)));
        assert_eq!(clock.utc_of(clock.wall(utc(7, 1, 12, 0, 0)), utc(7, 1, 11, 30, 0)), utc(7, 1, 12, 0, 0));
        assert_eq!(clock.utc_of(clock.wall(utc(1, 1, 12, 0, 0)), utc(1, 1, 11, 30, 0)), utc(1, 1, 12, 0, 0));
    }

    fn act(clock: &mut WallClock, method: i8, parameter: &impl Value, now: Utc) -> Result<Utc, ActionResult> {
        let (parameter, mut effects) = (parameter.to_value(), Effects::default());
        let at = Moment { now: plc_core::Instant::from_secs(1), utc: Some(now), wall: Some(clock.wall(now)) };
        clock.invoke(method, &Data::from_bytes(&parameter).unwrap(), &at, &mut effects)?;
        match effects.take()[..] {
            [Effect::SetTime(utc)] => Ok(utc),
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn adjustments_go_to_the_nearest_quarter_and_minute() {
        let mut clock = paris();
        assert_eq!(act(&mut clock, 1, &0i8, utc(7, 1, 12, 7, 29)), Ok(utc(7, 1, 12, 0, 0)));
        assert_eq!(act(&mut clock, 1, &0i8, utc(7, 1, 12, 7, 30)), Ok(utc(7, 1, 12, 15, 0)));
        assert_eq!(act(&mut clock, 3, &0i8, utc(7, 1, 12, 7, 29)), Ok(utc(7, 1, 12, 7, 0)));
        assert_eq!(act(&mut clock, 3, &0i8, utc(7, 1, 12, 7, 30)), Ok(utc(7, 1, 12, 8, 0)));
        clock.measure_every(3600);
        assert_eq!(act(&mut clock, 2, &0i8, utc(7, 1, 12, 29, 59)), Ok(utc(7, 1, 12, 0, 0)));
        assert_eq!(act(&mut clock, 1, &1i8, utc(7, 1, 12, 0, 0)), Err(ActionResult::TypeUnmatched));
    }

    #[test]
    fn a_shift_is_at_most_a_quarter_of_an_hour() {
        let (mut clock, noon) = (paris(), utc(7, 1, 12, 0, 0));
        assert_eq!(act(&mut clock, 6, &900i16, noon), Ok(utc(7, 1, 12, 15, 0)));
        assert_eq!(act(&mut clock, 6, &-900i16, noon), Ok(utc(7, 1, 11, 45, 0)));
        for shift in [901, -901, i16::MIN, i16::MAX] {
            assert_eq!(act(&mut clock, 6, &shift, noon), Err(ActionResult::OtherReason), "{shift}");
        }
        let unset = clock.invoke(6, &Data::I16(1), &test::UNSET, &mut Effects::default());
        assert_eq!(unset, Err(ActionResult::TemporaryFailure));
    }

    #[test]
    fn a_preset_time_is_set_once_and_only_while_it_is_valid() {
        let mut clock = paris();
        let preset = Preset {
            time: clock.time(utc(7, 1, 12, 0, 0)),
            valid_from: clock.time(utc(7, 1, 11, 59, 0)),
            valid_until: clock.time(utc(7, 1, 12, 1, 0)),
        };
        let give = |clock: &mut WallClock| {
            let value = preset.to_value();
            clock.invoke(5, &Data::from_bytes(&value).unwrap(), &test::UNSET, &mut Effects::default())
        };
        assert_eq!(give(&mut clock), Ok(()));
        assert_eq!(act(&mut clock, 4, &0i8, utc(7, 1, 12, 0, 30)), Ok(utc(7, 1, 12, 0, 0)));
        assert_eq!(act(&mut clock, 4, &0i8, utc(7, 1, 12, 0, 30)), Err(ActionResult::OtherReason));
        assert_eq!(give(&mut clock), Ok(()));
        assert_eq!(act(&mut clock, 4, &0i8, utc(7, 1, 12, 1, 1)), Err(ActionResult::OtherReason));
    }

    #[test]
    fn zones_that_do_not_exist_are_refused_and_all_attributes_have_their_types() {
        let mut clock = paris();
        assert_eq!(test::write(&mut clock, 3, &841i16.to_value()), Err(DataAccessResult::OtherReason));
        assert_eq!(test::write(&mut clock, 7, &121i8.to_value()), Err(DataAccessResult::OtherReason));
        assert_eq!(test::write(&mut clock, 4, &0u8.to_value()), Err(DataAccessResult::ReadWriteDenied));
        assert_eq!(clock, paris());
        assert_eq!(test::write(&mut clock, 3, &300i16.to_value()), Ok(()));
        test::check(&clock, &test::UNSET);
        test::check(&clock, &test::at(7, 1, 12, 0, 0));
        assert_eq!(test::read(&paris(), 4, &test::at(7, 1, 12, 0, 0)), [17, 0x80]);
    }
}
