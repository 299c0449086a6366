//! Logical names of the objects \[metering OBIS codes: BB 6; confidence A\].
#![allow(missing_docs)]

use dlms::cosem::LogicalName;

const fn abstract_name(c: u8, d: u8, e: u8) -> LogicalName {
    LogicalName([0, 0, c, d, e, 255])
}

const fn electricity(c: u8, d: u8, e: u8) -> LogicalName {
    LogicalName([1, 0, c, d, e, 255])
}

pub const LOGICAL_DEVICE_NAME: LogicalName = abstract_name(42, 0, 0);
pub const DEVICE_ID: LogicalName = abstract_name(96, 1, 0);
pub const DEVICE_ID_2: LogicalName = abstract_name(96, 1, 1);
pub const FIRMWARE: LogicalName = electricity(0, 2, 0);
pub const FIRMWARE_SIGNATURE: LogicalName = electricity(0, 2, 8);
pub const RECEIVE_COUNTER: LogicalName = abstract_name(43, 1, 0);
pub const CLOCK: LogicalName = abstract_name(1, 0, 0);
pub const PROFILE_STATUS: LogicalName = abstract_name(96, 10, 1);
pub const POWER_FAILURES: LogicalName = abstract_name(96, 7, 21);
/// Whether export is credited: see [`crate::objects::Crediting`].
pub const METERING_MODE: LogicalName = abstract_name(94, 96, 19);
/// The energy that is paid for: a code of the maker.
pub const CREDITED: LogicalName = electricity(128, 8, 0);
pub const CONSUMER_MESSAGE: LogicalName = abstract_name(96, 13, 0);
pub const CONSUMER_CODE: LogicalName = abstract_name(96, 13, 1);
pub const ERROR_REGISTER: LogicalName = abstract_name(97, 97, 0);
pub const ALARM_REGISTER: LogicalName = abstract_name(97, 98, 0);
pub const ALARM_REGISTER_2: LogicalName = abstract_name(97, 98, 1);
pub const ALARM_FILTER: LogicalName = abstract_name(97, 98, 10);
pub const ALARM_FILTER_2: LogicalName = abstract_name(97, 98, 11);
pub const ALARM_DESCRIPTOR_2: LogicalName = abstract_name(97, 98, 21);
pub const ALARM_DESCRIPTOR: LogicalName = abstract_name(97, 98, 20);
pub const RESET_SCRIPTS: LogicalName = abstract_name(10, 0, 0);
pub const BILLING_SCRIPTS: LogicalName = abstract_name(10, 0, 1);
pub const TARIFF_SCRIPTS: LogicalName = abstract_name(10, 0, 100);
pub const DISCONNECT_SCRIPTS: LogicalName = abstract_name(10, 0, 106);
pub const IMAGE_SCRIPTS: LogicalName = abstract_name(10, 0, 107);
pub const PUSH_SCRIPTS: LogicalName = abstract_name(10, 0, 108);
pub const SPECIAL_DAYS: LogicalName = abstract_name(11, 0, 0);
pub const SCHEDULE: LogicalName = abstract_name(12, 0, 0);
pub const CALENDAR: LogicalName = abstract_name(13, 0, 0);
pub const REGISTER_ACTIVATION: LogicalName = abstract_name(14, 0, 0);
pub const BILLING_SCHEDULE: LogicalName = abstract_name(15, 0, 0);
pub const DISCONNECT_SCHEDULE: LogicalName = abstract_name(15, 0, 1);
pub const IMAGE_SCHEDULE: LogicalName = abstract_name(15, 0, 2);
pub const PUSH_SCHEDULE: LogicalName = abstract_name(15, 0, 4);
pub const CURRENT_MONITOR: LogicalName = abstract_name(16, 0, 0);
pub const VOLTAGE_MONITOR: LogicalName = abstract_name(16, 0, 1);
pub const ALARM_MONITOR: LogicalName = abstract_name(16, 1, 0);
pub const LIMITER: LogicalName = abstract_name(17, 0, 0);
pub const ACCOUNT: LogicalName = abstract_name(19, 0, 0);
pub const CREDIT: LogicalName = abstract_name(19, 10, 0);
pub const CHARGE: LogicalName = abstract_name(19, 20, 0);
pub const TOKEN_GATEWAY: LogicalName = abstract_name(19, 40, 0);
pub const PUSH_INTERVAL: LogicalName = abstract_name(25, 9, 0);
pub const PUSH_ALARM: LogicalName = LogicalName([0, 1, 25, 9, 0, 255]);
pub const LOCAL_PORT: LogicalName = abstract_name(20, 0, 0);
pub const HDLC_SETUP: LogicalName = abstract_name(22, 0, 0);
pub const UDP_PORT: LogicalName = abstract_name(25, 0, 0);
pub const MAC_ADDRESS: LogicalName = abstract_name(25, 2, 0);
pub const IPV6_SETUP: LogicalName = abstract_name(25, 7, 0);
pub const G3_MAC_COUNTERS: LogicalName = abstract_name(29, 0, 0);
pub const G3_MAC_SETUP: LogicalName = abstract_name(29, 1, 0);
pub const G3_ADAPTATION_SETUP: LogicalName = abstract_name(29, 2, 0);
pub const IMAGE_TRANSFER: LogicalName = abstract_name(44, 0, 0);
pub const DISCONNECTOR: LogicalName = abstract_name(96, 3, 10);
pub const ARBITRATOR: LogicalName = abstract_name(96, 3, 20);
pub const ACTIVE_IMPORT: LogicalName = electricity(1, 8, 0);
pub const ACTIVE_IMPORT_RATES: [LogicalName; 4] =
    [electricity(1, 8, 1), electricity(1, 8, 2), electricity(1, 8, 3), electricity(1, 8, 4)];
pub const ACTIVE_EXPORT: LogicalName = electricity(2, 8, 0);
pub const POWER_IMPORT: LogicalName = electricity(1, 7, 0);
pub const POWER_EXPORT: LogicalName = electricity(2, 7, 0);
pub const DEMAND: LogicalName = electricity(1, 4, 0);
pub const MAXIMUM_DEMAND: LogicalName = electricity(1, 6, 0);
pub const DEMAND_EXPORT: LogicalName = electricity(2, 4, 0);
pub const MAXIMUM_DEMAND_EXPORT: LogicalName = electricity(2, 6, 0);
pub const DEMAND_REACTIVE: LogicalName = electricity(3, 4, 0);
pub const MAXIMUM_DEMAND_REACTIVE: LogicalName = electricity(3, 6, 0);
pub const DEMAND_APPARENT: LogicalName = electricity(9, 4, 0);
pub const MAXIMUM_DEMAND_APPARENT: LogicalName = electricity(9, 6, 0);
pub const VOLTAGE: LogicalName = electricity(32, 7, 0);
pub const CURRENT: LogicalName = electricity(31, 7, 0);
pub const FREQUENCY: LogicalName = electricity(14, 7, 0);
pub const NEUTRAL_CURRENT: LogicalName = electricity(91, 7, 0);
/// What is wired wrongly, in words: a code of the maker.
pub const WIRING_DIAGNOSIS: LogicalName = abstract_name(96, 128, 0);
pub const LOAD_PROFILE: LogicalName = electricity(99, 1, 0);
pub const DAILY_PROFILE: LogicalName = electricity(98, 2, 0);
pub const MONTHLY_PROFILE: LogicalName = electricity(98, 1, 0);

/// Logs and the codes of their last events: E is the group.
pub const fn event_log(group: u8) -> LogicalName {
    abstract_name(99, 98, group)
}
pub const fn event_code(group: u8) -> LogicalName {
    abstract_name(96, 11, group)
}

/// A quantity of a phase, or with `phase` 0 of all: C is 20 times the phase and the code of the quantity.
pub const fn of_phase(phase: u8, code: u8, d: u8, e: u8) -> LogicalName {
    electricity(20 * phase + code, d, e)
}
/// The angle `of` before or behind `against`: 0 to 2 are the voltages, 4 to 6 the currents \[BB 7.5.3; confidence B\].
pub const fn angle(of: u8, against: u8) -> LogicalName {
    electricity(81, 7, 10 * of + against)
}
/// Dips, swells and interruptions, from 1 \[companion specifications; confidence B\].
pub const fn quality_log(kind: u8) -> LogicalName {
    electricity(99, 10, kind)
}
