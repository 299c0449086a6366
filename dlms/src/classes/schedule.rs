//! Schedule, class 10 \[BB 4.5.3\].

use super::object::{attributes, parameter, stored_attributes};
use super::value::structure;
use super::{Bits, Effects, List, Moment, Object, ScriptReference, SpecialDays};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::Data;
use crate::cosem::{Date, LogicalName, Time, Wall};
use crate::specs::objects::{CALENDAR_DAYS_MAX, SCHEDULE_ENTRIES_MAX, SPECIAL_DAYS_MAX};

structure! {
    /// schedule_table_entry.
    ScheduleEntry {
        /// By which it is found; entries of the same time are executed in the order of it.
        index: u16,
        /// Whether it is executed at all.
        enable: bool,
        /// The script table.
        table: LogicalName,
        /// The script.
        selector: u16,
        /// The time of day.
        switch_time: Time,
        /// Minutes by which it may be late; 65535 for any.
        validity_window: u16,
        /// Monday first.
        exec_weekdays: Bits<7>,
        /// By the index of the special day, from 1.
        exec_specdays: Bits<SPECIAL_DAYS_MAX>,
        /// From this day on.
        begin_date: Date,
        /// Until this day.
        end_date: Date,
    }
}

structure! {
    /// The parameter of enable/disable: the entries of the first range are disabled, then those of the second
    /// enabled. A range that begins with 0 is none.
    Ranges {
        /// First entry to disable.
        first_disabled: u16,
        /// Last entry to disable.
        last_disabled: u16,
        /// First entry to enable.
        first_enabled: u16,
        /// Last entry to enable.
        last_enabled: u16,
    }
}

structure! {
    /// The parameter of delete.
    Range {
        /// First entry.
        first: u16,
        /// Last entry.
        last: u16,
    }
}

attributes! {
    /// Scripts that are executed by weekday and time.
    Schedule: SCHEDULE {
        /// The entries.
        [2] entries: List<ScheduleEntry, SCHEDULE_ENTRIES_MAX>,
    } kept {} volatile {}
}

impl Schedule {
    /// No entries.
    pub fn new() -> Self {
        Self { entries: List::default() }
    }

    /// What was due after `from` and until `to`, and is not too late: each entry once, for its last time.
    pub fn due(
        &self,
        from: Wall,
        to: Wall,
        special: &SpecialDays,
    ) -> impl Iterator<Item = (Wall, ScriptReference)> {
        self.entries.iter().filter_map(move |entry| {
            let due = entry.last(from, to, special)?;
            Some((due, ScriptReference { table: entry.table, selector: entry.selector }))
        })
    }

    /// When something is due next after `wall`; of what is far away, when to look again.
    pub fn next(&self, wall: Wall, special: &SpecialDays) -> Option<Wall> {
        let enabled = self.entries.iter().filter(|entry| entry.enable);
        let horizon = wall.midnight().plus_days(CALENDAR_DAYS_MAX);
        enabled.map(|entry| entry.first(wall, special).unwrap_or(horizon)).min()
    }

    fn enable(&mut self, (first, last): (u16, u16), enable: bool) {
        let within = |entry: &&mut ScheduleEntry| first > 0 && (first..=last).contains(&entry.index);
        self.entries.iter_mut().filter(within).for_each(|entry| entry.enable = enable);
    }
}

impl ScheduleEntry {
    fn last(&self, from: Wall, to: Wall, special: &SpecialDays) -> Option<Wall> {
        (0..CALENDAR_DAYS_MAX)
            .map(|days| to.midnight().plus_days(-days))
            .take_while(|day| day.plus_days(1) > from)
            .filter_map(|day| self.on(day, special))
            .find(|&time| time > from && time <= to)
            .filter(|&time| self.is_in_time(time, to))
    }

    fn first(&self, from: Wall, special: &SpecialDays) -> Option<Wall> {
        let days = (0..CALENDAR_DAYS_MAX).map(|days| from.midnight().plus_days(days));
        days.filter_map(|day| self.on(day, special)).find(|&time| time > from)
    }

    /// Lateness up to a minute is that of the meter, not of the clock.
    fn is_in_time(&self, time: Wall, now: Wall) -> bool {
        let late_min = (now.as_secs() - time.as_secs()) / 60;
        self.validity_window == ANY_LATENESS || late_min <= i64::from(self.validity_window)
    }

    fn on(&self, day: Wall, special: &SpecialDays) -> Option<Wall> {
        let (begins, ends) = (bound(&self.begin_date), bound(&self.end_date));
        let in_force =
            begins.is_none_or(|begin| begin <= day) && ends.is_none_or(|end| day.midnight() <= end);
        let executes = match special.index(day) {
            Some(index) => self.exec_specdays.has(usize::from(index).wrapping_sub(1)),
            None => self.exec_weekdays.has(usize::from(day.civil().weekday - 1)),
        };
        if self.enable && in_force && executes { day.at(&self.switch_time) } else { None }
    }
}

/// A date that is a bound; one with open parts is none.
fn bound(date: &Date) -> Option<Wall> {
    let [high, low, month, day, _] = date.octets();
    let year = i32::from(u16::from_be_bytes([high, low]));
    date.is_one_day()
        .then(|| plc_core::Utc::from_civil(year, month, day, 0, 0, 0))?
        .map(|utc| Wall::of(utc, 0))
}

/// validity_window without end \[BB 4.5.3; confidence A\].
const ANY_LATENESS: u16 = 0xFFFF;

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

impl Object for Schedule {
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

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), ActionResult> {
        match method {
            1 => {
                let ranges: Ranges = parameter(data)?;
                self.enable((ranges.first_disabled, ranges.last_disabled), false);
                self.enable((ranges.first_enabled, ranges.last_enabled), true);
            }
            2 => {
                let entry: ScheduleEntry = parameter(data)?;
                let index = entry.index;
                if !self.entries.put(entry, |held| held.index == index) {
                    return Err(ActionResult::OtherReason);
                }
            }
            _ => {
                let range: Range = parameter(data)?;
                self.entries.retain(|entry| !(range.first..=range.last).contains(&entry.index));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Value, test};
    use alloc::vec::Vec;

    fn entry(index: u16, hour: u8, window: u16) -> ScheduleEntry {
        ScheduleEntry {
            index,
            enable: true,
            table: LogicalName([0, 0, 10, 0, 100, 255]),
            selector: index,
            switch_time: Time::from_octets([hour, 0, 0, 0]),
            validity_window: window,
            exec_weekdays: Bits::of(&[true, true, true, true, true, false, false]),
            exec_specdays: Bits::zeros(0),
            begin_date: Date::from_octets([0xFF; 5]),
            end_date: Date::from_octets([0x07, 0xEA, 12, 31, 0xFF]),
        }
    }

    fn act(schedule: &mut Schedule, method: i8, parameter: &impl Value) -> Result<(), ActionResult> {
        let parameter = parameter.to_value();
        schedule.invoke(method, &Data::from_bytes(&parameter).unwrap(), &test::UNSET, &mut Effects::default())
    }

    fn due(schedule: &Schedule, from: Moment, to: Moment) -> Vec<u16> {
        let none = SpecialDays::new();
        schedule.due(from.wall.unwrap(), to.wall.unwrap(), &none).map(|(_, script)| script.selector).collect()
    }

    #[test]
    fn entries_are_due_on_their_weekdays_within_their_dates_and_window() {
        let mut schedule = Schedule::new();
        assert_eq!(act(&mut schedule, 2, &entry(1, 6, 10)), Ok(()));
        assert_eq!(act(&mut schedule, 2, &entry(2, 7, 0xFFFF)), Ok(()));
        test::check(&schedule, &test::UNSET);
        // 23 November 2026 is a Monday.
        assert_eq!(due(&schedule, test::at(11, 23, 5, 59, 59), test::at(11, 23, 6, 0, 0)), [1]);
        assert_eq!(due(&schedule, test::at(11, 23, 5, 0, 0), test::at(11, 23, 6, 30, 0)), []);
        assert_eq!(due(&schedule, test::at(11, 23, 5, 0, 0), test::at(11, 23, 12, 0, 0)), [2]);
        assert_eq!(due(&schedule, test::at(11, 22, 5, 0, 0), test::at(11, 22, 12, 0, 0)), []);
        let next = schedule.next(test::at(11, 21, 0, 0, 0).wall.unwrap(), &SpecialDays::new());
        assert_eq!(next, test::at(11, 23, 6, 0, 0).wall);
    }

    #[test]
    fn entries_are_disabled_enabled_and_deleted_by_ranges() {
        let mut schedule = Schedule::new();
        (1..=4).for_each(|index| assert_eq!(act(&mut schedule, 2, &entry(index, 6, 0)), Ok(())));
        let ranges = Ranges { first_disabled: 1, last_disabled: 4, first_enabled: 2, last_enabled: 3 };
        assert_eq!(act(&mut schedule, 1, &ranges), Ok(()));
        assert_eq!(due(&schedule, test::at(11, 23, 5, 59, 59), test::at(11, 23, 6, 0, 0)), [2, 3]);
        assert_eq!(act(&mut schedule, 3, &Range { first: 1, last: 2 }), Ok(()));
        assert_eq!(schedule.entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(act(&mut schedule, 3, &7u8), Err(ActionResult::TypeUnmatched));
    }
}
