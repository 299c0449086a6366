//! What shall be read again and again, besides the load profile.

use crate::{SessionFailure, Unexpected};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use dlms::apdu::DataAccessResult;
use dlms::cosem::LogicalName;
use plc_core::{Eui64, Utc};

/// Tasks that may be known.
pub const TASKS_MAX: usize = 32;
/// Registers or profiles of one task.
pub const OBJECTS_MAX: usize = 64;
/// The priority of the load profile among the tasks: those with a smaller one go before it.
pub const PROFILE_PRIORITY: u8 = 100;

/// Something that is read of meters again and again. A run of it begins at each multiple of the period, counted from 1970 and moved by
/// the offset, and is over when all of its meters have ended, at the latest at its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Names it. Another task with the same number takes its place.
    pub number: u32,
    /// What is read.
    pub what: What,
    /// Of whom.
    pub meters: Selection,
    /// Time between two runs: whole seconds, a minute or more.
    pub period: Duration,
    /// How long after the multiple of the period a run begins, less than the period.
    pub offset: Duration,
    /// The meters of a run begin within this time, each at its own moment; who is first differs from run to run.
    pub spread: Duration,
    /// How long after its beginning a run is over, whatever is missing. What is longer than the period counts as the period.
    pub deadline: Duration,
    /// The smallest goes first; the load profile has [`PROFILE_PRIORITY`].
    pub priority: u8,
    /// How often a meter is tried in a run, 1 or more.
    pub attempts: u32,
    /// Pause after the first failure; doubles with each further one.
    pub back_off: Duration,
    /// The beginning of the last run that is over: it is not begun again.
    pub ran: Option<Utc>,
    /// Whether no run begins.
    pub paused: bool,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Registers (class 3 \[BB 4.3.2\]) as they are now, at most [`OBJECTS_MAX`]. A meter that has none of them fails; one that has some is
    /// read of those.
    Registers(Vec<LogicalName>),
    /// The rows that profiles (class 7 \[BB 4.3.6\]) have got since they were last read, such as daily values or logs of events; at most
    /// [`OBJECTS_MAX`] profiles.
    Rows(Vec<LogicalName>),
    /// The clock: compared with UTC, and set if that is wanted and allowed.
    Clock,
}

/// Of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All that are registered.
    All,
    /// These, if they are registered.
    Only(BTreeSet<Eui64>),
}

impl Selection {
    /// Whether a meter is meant.
    pub fn contains(&self, meter: Eui64) -> bool {
        match self {
            Self::All => true,
            Self::Only(meters) => meters.contains(&meter),
        }
    }
}

/// One number that a task has read. It is named by meter, source, logical name, capture and ordinal, and always has the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The meter.
    pub meter: Eui64,
    /// The profile that it stood in; of a register and of the clock: itself.
    pub source: LogicalName,
    /// The object: a register, the code of an event, the clock.
    pub logical_name: LogicalName,
    /// When the meter has captured it, by its own clock; of a register and of the clock: when it was asked, in UTC.
    pub capture: Utc,
    /// Rows of the same time in the same profile count from 0.
    pub ordinal: u16,
    /// The number, times ten to the `scaler`, in `unit`. Of the clock: by how much it is ahead.
    pub value: i64,
    /// Exponent to the base of 10.
    pub scaler: i8,
    /// Unit code \[BB 4.3.2\]; 255 is a count.
    pub unit: u8,
    /// The profile status of the row; 0 when there is none.
    pub status: u32,
}

/// Up to where a profile of a meter was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The meter.
    pub meter: Eui64,
    /// The profile.
    pub source: LogicalName,
    /// The newest row.
    pub through: Utc,
}

/// Values that become durable together, with the mark that they move, or not at all. The same values may come again in a later batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueBatch {
    /// Names the batch when it has become durable.
    pub number: u64,
    /// What has read it.
    pub task: u32,
    /// In order of capture.
    pub values: Vec<Value>,
    /// How far their profile is read with them.
    pub mark: Option<Mark>,
}

/// How a run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The task.
    pub task: u32,
    /// When the run was to begin.
    pub at: Utc,
    /// Meters of which everything is durable.
    pub done: u32,
    /// Meters that were tried as often as the task allows.
    pub failed: u32,
    /// Meters that were still missing at the deadline.
    pub late: u32,
    /// The first of those that were late, at most [`NAMED_MAX`].
    pub named: Vec<Eui64>,
}

/// Meters that a report names.
pub const NAMED_MAX: usize = 8;

/// A task as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// The task.
    pub number: u32,
    /// When the next run begins; none while it is paused or UTC is not known.
    pub next: Option<Utc>,
    /// The run that is under way: when it was to begin.
    pub run: Option<Utc>,
    /// Of that run: meters that have not ended.
    pub waiting: u32,
    /// Of that run: meters that are done.
    pub done: u32,
    /// Of that run: meters that have failed for good.
    pub failed: u32,
}

/// Why a task has failed with a meter.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskFault {
    /// The meter has nothing of it, and said so.
    Denied(DataAccessResult),
    /// The meter has answered something that cannot be believed.
    Unexpected(Unexpected),
    /// The session has failed.
    Session(SessionFailure),
    /// The store did not make it durable in time.
    NotStored,
}

impl fmt::Display for TaskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(result) => write!(f, "the meter gives nothing of it: {result}"),
            Self::Unexpected(unexpected) => write!(f, "unexpected value: {unexpected}"),
            Self::Session(failure) => write!(f, "{failure}"),
            Self::NotStored => f.write_str("the store did not confirm a batch"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { meter, source, logical_name, capture, value, scaler, unit, .. } = self;
        write!(f, "{meter} {source} {logical_name} {capture} {value}e{scaler} unit {unit}")
    }
}
