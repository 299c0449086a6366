//! A meter that only pushes: it hears nobody, so that all it says is laid down when it is configured.
//!
//! Each of its interval pushes is one datagram to the client of the push setup 0-0:25.9.0, from the server port 1, that anybody can
//! open who has the keys of that client, the title of the meter and the highest counter that was accepted before:
//!
//! ```text
//! wrapper                 version 1, source 1, destination push_client_sap, length          [GB 7.3.3]
//! general-glo-ciphering   DB, 08 and the system title of the meter (8 octets), length
//!   security header       security control (suite, authentication, encryption), invocation counter (4 octets)
//!   data-notification     0F, long-invoke-id-and-priority (4 octets, unconfirmed),
//!                         0C and the time at which the push has left (12 octets)            [GB 9.3.10; confidence B]
//!     structure of 2 + n
//!       octet-string(12)  clock, 0-0:1.0.0 attribute 2: when the values were read, with deviation and status
//!       octet-string(16)  logical device name, 0-0:42.0.0 attribute 2
//!       n values          as push_object_list has them: 1-0:1.8.0 and 1-0:2.8.0, attribute 2, long64-unsigned in mWh
//! ```
//!
//! The values are read when the schedule 0-0:15.0.4 triggers the push, and wait as they are while the push is put off at random
//! (randomisation_start_interval): the clock inside is that of the boundary, to the block of samples in which it fell. The invocation
//! counter never goes back: it is reserved in blocks that are durable before they are used.

use super::board::Slots;
use super::defaults::{list, pushed, value_of};
use super::names;
use crate::specs::{ONE_WAY_PERIOD_MIN_S, ONE_WAY_PERIODS_MAX};
use alloc::vec::Vec;
use dlms::classes::{ExecutionTime, ScheduleType};
use dlms::cosem::{Date, Time};
use dlms::specs::schemas;

/// When a meter that only pushes does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneWay {
    /// Seconds between pushes, counted from local midnight: a divisor of a day, from 900.
    pub every_s: u32,
    /// Within so many seconds after its time each push leaves, at random: less than `every_s`. It keeps the meters of a town apart.
    pub spread_s: u16,
}

impl OneWay {
    /// Whether a schedule can hold it.
    pub(crate) const fn is_lawful(&self) -> bool {
        let Self { every_s, spread_s } = *self;
        every_s >= ONE_WAY_PERIOD_MIN_S && DAY_S.is_multiple_of(every_s) && (spread_s as u32) < every_s
    }

    /// Lays down what is pushed and when.
    pub(crate) fn apply(&self, slots: &mut Slots) {
        slots.push_interval.objects =
            list(VALUES.map(|(class, name)| pushed(value_of(class, name))).to_vec());
        slots.push_interval.randomisation_start_interval = self.spread_s;
        slots.push_schedule.schedule_type = ScheduleType::AnyDates;
        let times = (0..DAY_S).step_by(self.every_s as usize).take(ONE_WAY_PERIODS_MAX);
        slots.push_schedule.execution_time = list(times.map(daily).collect::<Vec<_>>());
    }
}

const DAY_S: u32 = 86_400;

/// What is pushed: its classes and names, of each attribute 2.
const VALUES: [(u16, dlms::cosem::LogicalName); 4] = [
    (schemas::CLOCK.class_id, names::CLOCK),
    (schemas::DATA.class_id, names::LOGICAL_DEVICE_NAME),
    (schemas::REGISTER.class_id, names::ACTIVE_IMPORT),
    (schemas::REGISTER.class_id, names::ACTIVE_EXPORT),
];

/// At this second of every day.
fn daily(second: u32) -> ExecutionTime {
    let part = |value: u32| u8::try_from(value).ok();
    let time = Time {
        hour: part(second / 3600),
        minute: part(second / 60 % 60),
        second: part(second % 60),
        hundredths: Some(0),
    };
    ExecutionTime { time, date: Date::from_octets([0xFF; 5]) }
}
