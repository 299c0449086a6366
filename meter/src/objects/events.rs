//! Logs of events, by group.

use super::names;
use super::shown::LogRow;
use crate::ring::Ring;
use crate::specs::{self, event};
use dlms::axdr::Encoder;
use dlms::classes::profile::{ProfileDescription, SortMethod};
use dlms::cosem::{CaptureObject, LogicalName};
use plc_core::{Outbox, Utc};

/// A group of events, each with a log of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventGroup {
    /// Clock, firmware, errors.
    Standard,
    /// Attempts on the meter.
    Fraud,
    /// The breaker and the limiter.
    Disconnector,
    /// Voltage and current.
    PowerQuality,
    /// Pushes.
    Communication,
}

/// A row of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// When.
    pub utc: Utc,
    /// What: see [`crate::specs::event`].
    pub code: u8,
}

/// What has happened to a log, for whoever keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRecord {
    /// A row was added.
    Logged(EventGroup, EventRow),
    /// All rows were removed.
    Cleared(EventGroup),
}

/// The logs. An event without a clock is not logged, but for its code.
#[derive(Debug)]
pub struct EventLogs {
    rows: [Ring<EventRow>; GROUPS.len()],
    codes: [u8; GROUPS.len()],
    records: Outbox<LogRecord, RECORDS_MAX>,
}

/// Records that may wait to be taken.
const RECORDS_MAX: usize = 16;

/// The groups, in the order of their numbers.
pub const GROUPS: [EventGroup; 5] = [
    EventGroup::Standard,
    EventGroup::Fraud,
    EventGroup::Disconnector,
    EventGroup::PowerQuality,
    EventGroup::Communication,
];

impl EventGroup {
    /// Its number: E of its logical names \[companion specifications; confidence B\].
    pub const fn number(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::Fraud => 1,
            Self::Disconnector => 2,
            Self::PowerQuality => 4,
            Self::Communication => 5,
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Standard => 0,
            Self::Fraud => 1,
            Self::Disconnector => 2,
            Self::PowerQuality => 3,
            Self::Communication => 4,
        }
    }

    /// Its log.
    pub const fn log(self) -> LogicalName {
        names::event_log(self.number())
    }

    /// The columns of its log: clock and code.
    pub const fn columns(self) -> [CaptureObject; 2] {
        [CaptureObject::CLOCK, CaptureObject::new(1, names::event_code(self.number()), 2)]
    }

    /// What its log says of itself.
    pub(super) const fn description<'c>(self, columns: &'c [CaptureObject]) -> ProfileDescription<'c> {
        ProfileDescription {
            logical_name: self.log(),
            capture_objects: columns,
            capture_period_s: 0,
            sort_method: SortMethod::Fifo,
            profile_entries: specs::EVENTS_MAX as u32,
        }
    }
}

impl EventLogs {
    /// Empty logs.
    pub fn new() -> Self {
        Self {
            rows: core::array::from_fn(|_| Ring::new(specs::EVENTS_MAX)),
            codes: [0; GROUPS.len()],
            records: Outbox::new(),
        }
    }

    /// An event has happened.
    pub fn log(&mut self, group: EventGroup, code: u8, utc: Option<Utc>) {
        self.codes[group.place()] = code;
        if let Some(utc) = utc {
            let row = EventRow { utc, code };
            self.rows[group.place()].push(row);
            self.records.push(LogRecord::Logged(group, row));
        }
    }

    /// Gives back a row that was kept before a restart.
    pub(crate) fn restore(&mut self, group: EventGroup, row: EventRow) {
        self.codes[group.place()] = row.code;
        self.rows[group.place()].push(row);
    }

    /// The oldest record that was not taken. The logs keep their rows, taken or not.
    pub(crate) fn take_record(&mut self) -> Option<LogRecord> {
        self.records.pop()
    }

    /// The rows of a group, oldest first.
    pub const fn rows(&self, group: EventGroup) -> &Ring<EventRow> {
        &self.rows[group.place()]
    }

    /// The code of the last event of a group; 0 before the first.
    pub const fn code(&self, group: EventGroup) -> u8 {
        self.codes[group.place()]
    }

    /// Empties a log, which is an event.
    pub fn clear(&mut self, group: EventGroup, utc: Option<Utc>) {
        self.rows[group.place()] = Ring::new(specs::EVENTS_MAX);
        self.records.push(LogRecord::Cleared(group));
        self.log(group, event::LOG_CLEARED, utc);
    }
}

impl Default for EventLogs {
    fn default() -> Self {
        Self::new()
    }
}

impl LogRow for EventRow {
    fn utc(&self) -> Utc {
        self.utc
    }

    fn key(&self, _: usize) -> i64 {
        self.code.into()
    }

    fn emit(&self, _: usize, out: &mut Encoder<'_>) {
        out.u8(self.code);
    }
}
