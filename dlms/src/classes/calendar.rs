//! Activity calendar, class 20 \[BB 4.5.5\].

use super::object::{attributes, no_parameter, stored_attributes};
use super::value::structure;
use super::{Effects, List, Moment, Object, Octets, ScriptReference, SpecialDays};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::{ClockTime, LogicalName, Time, Wall};
use crate::specs::objects::{
    CALENDAR_DAYS_MAX, DAY_ACTIONS_MAX, DAYS_MAX, NAME_LEN_MAX, SEASONS_MAX, WEEKS_MAX,
};

/// A name of a calendar, a season or a week.
pub type Name = Octets<NAME_LEN_MAX>;

structure! {
    /// season_profile.
    Season {
        /// Its name.
        name: Name,
        /// When it begins; the year may be left open.
        start: ClockTime,
        /// The week profile in force.
        week: Name,
    }
}

structure! {
    /// week_profile: the day profile of each weekday.
    Week {
        /// Its name.
        name: Name,
        /// Of Monday.
        monday: u8,
        /// Of Tuesday.
        tuesday: u8,
        /// Of Wednesday.
        wednesday: u8,
        /// Of Thursday.
        thursday: u8,
        /// Of Friday.
        friday: u8,
        /// Of Saturday.
        saturday: u8,
        /// Of Sunday.
        sunday: u8,
    }
}

structure! {
    /// day_profile_action.
    DayAction {
        /// From when on.
        start: Time,
        /// The script table.
        table: LogicalName,
        /// The script.
        selector: u16,
    }
}

structure! {
    /// day_profile.
    DayProfile {
        /// Its number.
        day_id: u8,
        /// What happens when.
        actions: List<DayAction, DAY_ACTIONS_MAX>,
    }
}

attributes! {
    /// Which script was executed last, by season, week and day: it switches tariffs.
    ActivityCalendar: ACTIVITY_CALENDAR {
        /// The name of the calendar in force.
        [2] name_active: Name,
        /// Its seasons.
        [3] seasons_active: List<Season, SEASONS_MAX>,
        /// Its weeks.
        [4] weeks_active: List<Week, WEEKS_MAX>,
        /// Its days.
        [5] days_active: List<DayProfile, DAYS_MAX>,
        /// The name of the calendar that is prepared.
        [6] name_passive: Name,
        /// Its seasons.
        [7] seasons_passive: List<Season, SEASONS_MAX>,
        /// Its weeks.
        [8] weeks_passive: List<Week, WEEKS_MAX>,
        /// Its days.
        [9] days_passive: List<DayProfile, DAYS_MAX>,
        /// When the prepared calendar comes into force; unspecified for never.
        [10] activation_time: ClockTime,
    } kept {} volatile {
        /// When the action in force began, once it was executed.
        position: Option<Wall>,
    }
}

impl ActivityCalendar {
    /// A calendar in which nothing happens.
    pub fn new() -> Self {
        Self {
            name_active: Name::default(),
            seasons_active: List::default(),
            weeks_active: List::default(),
            days_active: List::default(),
            name_passive: Name::default(),
            seasons_passive: List::default(),
            weeks_passive: List::default(),
            days_passive: List::default(),
            activation_time: ClockTime::UNSPECIFIED,
            position: None,
        }
    }

    /// Brings the calendar to `wall`: activates what was prepared if its time has come, and tells the script that
    /// must be executed now, with the time at which its action began. However far the clock has moved, forward or
    /// back, it is the one action in force.
    pub fn step(&mut self, wall: Wall, special: &SpecialDays) -> Option<(Wall, ScriptReference)> {
        if Wall::named(&self.activation_time).is_some_and(|time| time <= wall) {
            self.activate();
        }
        let (began, action) = self.in_force(wall, special)?;
        let script = ScriptReference { table: action.table, selector: action.selector };
        let is_new = self.position != Some(began);
        self.position = Some(began);
        is_new.then_some((began, script))
    }

    /// When [`Self::step`] has something to do next, after `wall`.
    pub fn next(&self, wall: Wall, special: &SpecialDays) -> Option<Wall> {
        let action = (0..2).find_map(|days| {
            let day = wall.midnight().plus_days(days);
            let starts = self.actions_of(day, special).iter().filter_map(|action| day.at(&action.start));
            starts.filter(|&start| start > wall).min()
        });
        let activation = Wall::named(&self.activation_time);
        let tomorrow = (!self.days_active.is_empty()).then(|| wall.midnight().plus_days(1));
        [action.or(tomorrow), activation].into_iter().flatten().filter(|&next| next > wall).min()
    }

    /// What was prepared comes into force. The prepared calendar stays as it is.
    pub fn activate(&mut self) {
        self.name_active = self.name_passive.clone();
        self.seasons_active = self.seasons_passive.clone();
        self.weeks_active = self.weeks_passive.clone();
        self.days_active = self.days_passive.clone();
        self.activation_time = ClockTime::UNSPECIFIED;
        self.position = None;
    }

    /// The action in force, and when it began: the last of the day, or of the days before.
    fn in_force(&self, wall: Wall, special: &SpecialDays) -> Option<(Wall, &DayAction)> {
        (0..CALENDAR_DAYS_MAX).find_map(|days| {
            let day = wall.midnight().plus_days(-days);
            let begun = self
                .actions_of(day, special)
                .iter()
                .filter_map(|action| Some((day.at(&action.start)?, action)));
            begun.filter(|(start, _)| *start <= wall).max_by_key(|(start, _)| *start)
        })
    }

    fn actions_of(&self, day: Wall, special: &SpecialDays) -> &[DayAction] {
        let day_id = special.day_id(day).or_else(|| self.day_id(day));
        let profile = self.days_active.iter().find(|profile| Some(profile.day_id) == day_id);
        profile.map_or(&[], |profile| profile.actions.as_slice())
    }

    /// The day profile of an ordinary day.
    fn day_id(&self, day: Wall) -> Option<u8> {
        let season = self.season(day)?;
        let week = self.weeks_active.iter().find(|week| week.name == season.week)?;
        let days = [
            week.monday,
            week.tuesday,
            week.wednesday,
            week.thursday,
            week.friday,
            week.saturday,
            week.sunday,
        ];
        days.get(usize::from(day.civil().weekday.wrapping_sub(1))).copied()
    }

    /// The season that has begun last. Before the first of the year it is the last of the year before.
    fn season(&self, day: Wall) -> Option<&Season> {
        let year = day.civil().year;
        let begun = |season: &Season, year: i32| start_in(&season.start, year).filter(|&start| start <= day);
        let begins = |season| begun(season, year).or_else(|| begun(season, year - 1));
        let seasons = self.seasons_active.iter().filter_map(|season| Some((begins(season)?, season)));
        seasons.max_by_key(|(start, _)| *start).map(|(_, season)| season)
    }
}

/// The day on which a season begins in `year`. A start that names no day is the first of January.
fn start_in(start: &ClockTime, year: i32) -> Option<Wall> {
    let [high, low, month, day, ..] = start.octets();
    let named = u16::from_be_bytes([high, low]);
    if named != crate::specs::clock::YEAR_UNSPECIFIED && i32::from(named) != year {
        return None;
    }
    let or_first = |field: u8| if field == crate::specs::clock::FIELD_UNSPECIFIED { 1 } else { field };
    let utc = plc_core::Utc::from_civil(year, or_first(month), or_first(day), 0, 0, 0)?;
    Some(Wall::from_secs(utc.as_secs()))
}

impl Default for ActivityCalendar {
    fn default() -> Self {
        Self::new()
    }
}

impl Object for ActivityCalendar {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(&mut self, _: i8, data: &Data<'_>, _: &Moment, _: &mut Effects) -> Result<(), ActionResult> {
        no_parameter(data)?;
        self.activate();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{SpecialDay, Value, test};
    use crate::cosem::Date;
    use alloc::vec::Vec;

    const TABLE: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    fn action(hour: u8, selector: u16) -> DayAction {
        DayAction { start: Time::from_octets([hour, 0, 0, 0]), table: TABLE, selector }
    }

    fn day(day_id: u8, actions: Vec<DayAction>) -> DayProfile {
        DayProfile { day_id, actions: List::new(actions).unwrap() }
    }

    fn season(month: u8, week: &str) -> Season {
        let start =
            ClockTime::from_octets([0xFF, 0xFF, month, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0xFF]);
        Season { name: name(week), start, week: name(week) }
    }

    fn week(of: &str, working: u8, sunday: u8) -> Week {
        let [monday, tuesday, wednesday, thursday, friday, saturday] = [working; 6];
        Week { name: name(of), monday, tuesday, wednesday, thursday, friday, saturday, sunday }
    }

    /// Winter from November, summer from April; Sundays are cheap all day.
    fn calendar() -> ActivityCalendar {
        let mut calendar = ActivityCalendar::new();
        calendar.seasons_passive = List::new(Vec::from([season(4, "S"), season(11, "W")])).unwrap();
        calendar.weeks_passive = List::new(Vec::from([week("S", 1, 2), week("W", 3, 2)])).unwrap();
        let days = Vec::from([
            day(1, Vec::from([action(22, 1), action(6, 2)])),
            day(2, Vec::from([action(0, 1)])),
            day(3, Vec::from([action(7, 2), action(21, 1)])),
        ]);
        calendar.days_passive = List::new(days).unwrap();
        calendar
    }

    fn step(calendar: &mut ActivityCalendar, special: &SpecialDays, at: Moment) -> Option<u16> {
        calendar.step(at.wall.unwrap(), special).map(|(_, script)| script.selector)
    }

    #[test]
    fn what_was_prepared_comes_into_force_at_its_time_and_by_its_method() {
        let (mut calendar, none) = (calendar(), SpecialDays::new());
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 12, 0, 0)), None);
        calendar.activation_time = ClockTime::of_wall(test::at(11, 23, 13, 0, 0).wall.unwrap());
        let next = calendar.next(test::at(11, 23, 12, 0, 0).wall.unwrap(), &none);
        assert_eq!(next, test::at(11, 23, 13, 0, 0).wall);
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 12, 59, 59)), None);
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 13, 0, 0)), Some(2));
        assert_eq!(calendar.activation_time, ClockTime::UNSPECIFIED);
        let mut by_method = self::calendar();
        assert_eq!(by_method.invoke(1, &Data::I8(0), &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!(by_method.days_active, by_method.days_passive);
        test::check(&by_method, &test::UNSET);
    }

    #[test]
    fn each_action_is_executed_once_at_its_time_by_season_weekday_and_special_day() {
        let (mut calendar, mut special) = (calendar(), SpecialDays::new());
        calendar.activate();
        // 23 November 2026 is a Monday of winter.
        let steps = [
            (test::at(11, 23, 7, 0, 0), Some(2)),
            (test::at(11, 23, 7, 0, 1), None),
            (test::at(11, 23, 20, 59, 59), None),
            (test::at(11, 23, 21, 0, 0), Some(1)),
            (test::at(11, 24, 6, 59, 59), None),
            (test::at(11, 24, 7, 0, 0), Some(2)),
            (test::at(11, 29, 0, 0, 0), Some(1)),
        ];
        for (at, expected) in steps {
            assert_eq!(step(&mut calendar, &special, at), expected, "{at:?}");
        }
        let entry = SpecialDay { index: 1, date: Date::from_octets([0xFF, 0xFF, 12, 25, 0xFF]), day_id: 2 }
            .to_value();
        let entry = Data::from_bytes(&entry).unwrap();
        assert_eq!(special.invoke(1, &entry, &test::UNSET, &mut Effects::default()), Ok(()));
        assert_eq!(step(&mut calendar, &special, test::at(12, 25, 12, 0, 0)), Some(1));
        assert_eq!(step(&mut calendar, &special, test::at(5, 4, 6, 30, 0)), Some(2), "a Monday of summer");
    }

    #[test]
    fn however_the_clock_jumps_the_action_in_force_is_executed_and_no_other() {
        let (mut calendar, none) = (calendar(), SpecialDays::new());
        calendar.activate();
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 8, 0, 0)), Some(2));
        assert_eq!(step(&mut calendar, &none, test::at(12, 23, 23, 0, 0)), Some(1), "a month ahead");
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 8, 0, 0)), Some(2), "and back");
        assert_eq!(step(&mut calendar, &none, test::at(11, 23, 9, 0, 0)), None);
        assert_eq!(
            step(&mut calendar, &none, test::at(1, 5, 3, 0, 0)),
            Some(1),
            "the last action of the day before"
        );
        let next = calendar.next(test::at(11, 23, 8, 0, 0).wall.unwrap(), &none);
        assert_eq!(next, test::at(11, 23, 21, 0, 0).wall);
        let next = calendar.next(test::at(11, 23, 22, 0, 0).wall.unwrap(), &none);
        assert_eq!(next, test::at(11, 24, 7, 0, 0).wall);
    }
}
