//! Single action schedule, class 22 \[BB 4.5.7\].

use super::object::{attributes, stored_attributes};
use super::value::{enumeration, structure};
use super::{Effects, List, Moment, Object, ScriptReference, Value};
use crate::apdu::DataAccessResult;
use crate::axdr::Data;
use crate::cosem::{Date, Time, Wall};
use crate::specs::objects::{CALENDAR_DAYS_MAX, EXECUTION_TIMES_MAX};

enumeration! {
    /// type: how many execution times there are, and whether their dates may be rules.
    ScheduleType {
        /// One; its date may be a rule.
        OneAnyDate = 1,
        /// Several at the same time of day; no rules.
        SameTimeFixedDates = 2,
        /// Several at the same time of day; their dates may be rules.
        SameTimeAnyDates = 3,
        /// Several; no rules.
        FixedDates = 4,
        /// Several; their dates may be rules.
        AnyDates = 5,
    }
}

structure! {
    /// execution_time_date.
    ExecutionTime {
        /// The time of day.
        time: Time,
        /// The date.
        date: Date,
    }
}

attributes! {
    /// A script and when it is executed.
    SingleActionSchedule: SINGLE_ACTION_SCHEDULE {
        /// The script.
        [2] executed_script: ScriptReference,
        /// What the execution times may be.
        [3] schedule_type: ScheduleType,
        /// The execution times.
        [4] execution_time: List<ExecutionTime, EXECUTION_TIMES_MAX>,
    } kept {} volatile {}
}

impl SingleActionSchedule {
    /// A schedule that never executes its script.
    pub fn new(executed_script: ScriptReference, schedule_type: ScheduleType) -> Self {
        Self { executed_script, schedule_type, execution_time: List::default() }
    }

    /// The script and when it was due, if it was due after `from` and until `to`. What was due several times, because
    /// the clock has jumped, is executed once, for the last of them.
    pub fn due(&self, from: Wall, to: Wall) -> Option<(Wall, ScriptReference)> {
        let script = self.executed_script.some()?;
        let due = self.execution_time.iter().filter_map(|time| time.last(from, to)).max()?;
        Some((due, script))
    }

    /// When the script is due next after `wall`; of what is far away, when to look again.
    pub fn next(&self, wall: Wall) -> Option<Wall> {
        self.executed_script.some()?;
        let horizon = || wall.midnight().plus_days(CALENDAR_DAYS_MAX);
        self.execution_time.iter().map(|time| time.first(wall).unwrap_or_else(horizon)).min()
    }

    /// Whether the execution times are what the type says.
    fn fits_type(&self, times: &[ExecutionTime]) -> bool {
        let fixed = times.iter().all(|time| time.date.is_one_day());
        let same = times.iter().all(|time| Some(time.time) == times.first().map(|first| first.time));
        match self.schedule_type {
            ScheduleType::OneAnyDate => times.len() <= 1,
            ScheduleType::SameTimeFixedDates => same && fixed,
            ScheduleType::SameTimeAnyDates => same,
            ScheduleType::FixedDates => fixed,
            ScheduleType::AnyDates => true,
        }
    }
}

impl ExecutionTime {
    /// The last time after `from` and until `to`, of the last [`CALENDAR_DAYS_MAX`] days.
    fn last(&self, from: Wall, to: Wall) -> Option<Wall> {
        (0..CALENDAR_DAYS_MAX)
            .map(|days| to.midnight().plus_days(-days))
            .take_while(|day| day.plus_days(1) > from)
            .filter_map(|day| self.on(day))
            .find(|&time| time > from && time <= to)
    }

    /// The first time after `from`, of the next [`CALENDAR_DAYS_MAX`] days.
    fn first(&self, from: Wall) -> Option<Wall> {
        let days = (0..CALENDAR_DAYS_MAX).map(|days| from.midnight().plus_days(days));
        days.filter_map(|day| self.on(day)).find(|&time| time > from)
    }

    fn on(&self, day: Wall) -> Option<Wall> {
        if self.date.names(day) { day.at(&self.time) } else { None }
    }
}

impl Object for SingleActionSchedule {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        if attribute == 4 {
            let times = List::<ExecutionTime, EXECUTION_TIMES_MAX>::from_data(value);
            if times.is_none_or(|times| !self.fits_type(times.as_slice())) {
                return Err(DataAccessResult::OtherReason);
            }
        }
        self.store(attribute, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;
    use crate::cosem::LogicalName;
    use alloc::vec::Vec;

    const SCRIPT: ScriptReference =
        ScriptReference { table: LogicalName([0, 0, 10, 0, 1, 255]), selector: 1 };

    fn schedule(schedule_type: ScheduleType, times: &[(u8, [u8; 5])]) -> SingleActionSchedule {
        let times = times.iter().map(|&(hour, date)| ExecutionTime {
            time: Time::from_octets([hour, 0, 0, 0]),
            date: Date::from_octets(date),
        });
        let times = List::<_, 199>::new(times.collect()).unwrap().to_value();
        let mut schedule = SingleActionSchedule::new(SCRIPT, schedule_type);
        test::write(&mut schedule, 4, &times).unwrap();
        schedule
    }

    fn due(schedule: &SingleActionSchedule, from: Moment, to: Moment) -> Option<Wall> {
        schedule.due(from.wall.unwrap(), to.wall.unwrap()).map(|(wall, _)| wall)
    }

    const MONTHLY: [u8; 5] = [0xFF, 0xFF, 0xFF, 1, 0xFF];

    #[test]
    fn a_rule_is_due_whenever_it_comes_true_and_once_however_often_it_was_missed() {
        let monthly = schedule(ScheduleType::OneAnyDate, &[(0, MONTHLY)]);
        test::check(&monthly, &test::UNSET);
        let december = test::at(12, 1, 0, 0, 0);
        assert_eq!(due(&monthly, test::at(11, 30, 23, 59, 58), test::at(11, 30, 23, 59, 59)), None);
        assert_eq!(due(&monthly, test::at(11, 30, 23, 59, 59), december), december.wall);
        assert_eq!(due(&monthly, december, test::at(12, 1, 0, 0, 1)), None);
        assert_eq!(due(&monthly, test::at(6, 5, 0, 0, 0), test::at(12, 5, 0, 0, 0)), december.wall);
        assert_eq!(monthly.next(test::at(11, 20, 0, 0, 0).wall.unwrap()), december.wall);
    }

    #[test]
    fn several_times_are_due_each() {
        let daily = [0xFF; 5];
        let twice = schedule(ScheduleType::AnyDates, &[(6, daily), (18, daily)]);
        let (six, eighteen) = (test::at(11, 22, 6, 0, 0), test::at(11, 22, 18, 0, 0));
        assert_eq!(due(&twice, test::at(11, 22, 5, 0, 0), test::at(11, 22, 7, 0, 0)), six.wall);
        assert_eq!(due(&twice, six, eighteen), eighteen.wall);
        assert_eq!(twice.next(six.wall.unwrap()), eighteen.wall);
    }

    #[test]
    fn times_that_the_type_does_not_allow_are_refused() {
        let refused = |schedule_type, times: &[(u8, [u8; 5])]| {
            let times = times.iter().map(|&(hour, date)| ExecutionTime {
                time: Time::from_octets([hour, 0, 0, 0]),
                date: Date::from_octets(date),
            });
            let times = List::<_, 199>::new(times.collect::<Vec<_>>()).unwrap().to_value();
            let mut schedule = SingleActionSchedule::new(SCRIPT, schedule_type);
            test::write(&mut schedule, 4, &times) == Err(DataAccessResult::OtherReason)
        };
        let once = [0x07, 0xEA, 12, 24, 0xFF];
        assert!(refused(ScheduleType::OneAnyDate, &[(0, once), (1, once)]));
        assert!(refused(ScheduleType::SameTimeFixedDates, &[(0, once), (1, once)]));
        assert!(refused(ScheduleType::FixedDates, &[(0, MONTHLY)]));
        assert!(!refused(ScheduleType::FixedDates, &[(0, once), (1, once)]));
        assert!(!refused(ScheduleType::AnyDates, &[(0, MONTHLY), (1, once)]));
        assert!(refused(ScheduleType::AnyDates, &[(0, MONTHLY); EXECUTION_TIMES_MAX + 1]));
    }
}
