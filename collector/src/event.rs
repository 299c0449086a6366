//! What operators need to know.

use crate::{CaptureRange, ImageProgress, OrderEnd, TaskFault};
use core::fmt;
use core::time::Duration;
use dlms::apdu::DataAccessResult;
use dlms::client::ClientFailure;
use dlms::cosem::AttributeRequest;
use plc_core::{Eui64, Utc};

/// A fact about the reading of meters.
#[derive(Clone, Debug, PartialEq)]
pub enum CollectorEvent {
    /// A session has ended well.
    MeterRead {
        /// The meter.
        meter: Eui64,
        /// Captures that the session has stored.
        captures: u32,
        /// The latest capture of the meter that is stored.
        last_capture: Option<Utc>,
    },
    /// A session has failed. The meter is tried again after a pause.
    SessionFailed {
        /// The meter.
        meter: Eui64,
        /// Why.
        reason: SessionFailure,
        /// Failures in a row for this boundary, this one included.
        failures: u32,
    },
    /// The meter has no rows for captures that it should have. They are asked for again.
    Gap {
        /// The meter.
        meter: Eui64,
        /// What is missing.
        range: CaptureRange,
    },
    /// Captures were missing whenever they were asked for, and are not asked for again.
    GapLost {
        /// The meter.
        meter: Eui64,
        /// What is missing for good.
        range: CaptureRange,
    },
    /// Captures of a meter that only pushes have not come, and their time is up.
    NeverPushed {
        /// The meter.
        meter: Eui64,
        /// What is missing for good.
        range: CaptureRange,
    },
    /// The meter has answered something that cannot be believed. Nothing of the answer was stored.
    UnexpectedValue {
        /// The meter.
        meter: Eui64,
        /// What is wrong with the answer.
        unexpected: Unexpected,
    },
    /// The clock of the meter deviates from UTC by more than is tolerated.
    ClockDeviation {
        /// The meter.
        meter: Eui64,
        /// By how much, give or take half the time on the line.
        deviation: Duration,
        /// Whether the meter is ahead of UTC.
        ahead: bool,
    },
    /// The meter does not know the time, as after a long time without its supply.
    ClockLost {
        /// The meter.
        meter: Eui64,
    },
    /// The clock of the meter was set to UTC. What it captures until its next boundary bears that in its status.
    ClockSet {
        /// The meter.
        meter: Eui64,
        /// By how many milliseconds it was moved; 0 for one that was lost.
        by_ms: i64,
    },
    /// The meter does not let its clock be set.
    ClockNotSet {
        /// The meter.
        meter: Eui64,
        /// What the meter said.
        result: DataAccessResult,
    },
    /// The clock of the meter deviates by more than may be set without an order.
    ClockBeyondLimit {
        /// The meter.
        meter: Eui64,
        /// By how many milliseconds it would have been moved.
        by_ms: i64,
    },
    /// A task has failed with a meter for this run: it was tried as often as it may be, or there is nothing to read.
    TaskFailed {
        /// The meter.
        meter: Eui64,
        /// Which task.
        task: u32,
        /// Why.
        fault: TaskFault,
    },
    /// An image has come to another stage or some blocks further, or a part of it has ended: worth keeping, for the next order of it.
    OrderProgress {
        /// The meter.
        meter: Eui64,
        /// Which order.
        number: u64,
        /// How far it is.
        progress: ImageProgress,
    },
    /// It is certain which keys the meter has: make it durable before what follows. Invocation counters of both ends begin anew under renewed
    /// keys, at what was persisted for them.
    KeysSettled {
        /// The meter.
        meter: Eui64,
        /// Whether it has the renewed ones; else those that it had.
        renewed: bool,
    },
    /// An order has ended.
    OrderEnded {
        /// The meter.
        meter: Eui64,
        /// Which order.
        number: u64,
        /// How.
        end: OrderEnd,
    },
    /// The meter says that its supply is lost (its last words before it dies), or that it is back.
    Supplied {
        /// The meter.
        meter: Eui64,
        /// What it says.
        supply: Supply,
    },
    /// The meter tells of alarms that its filters let through. They stay until a client clears them.
    Alarmed {
        /// The meter.
        meter: Eui64,
        /// Both alarm descriptors.
        descriptors: [u32; 2],
    },
    /// The meter has pushed something authentic that nobody here understands.
    PushUnknown {
        /// The meter.
        meter: Eui64,
    },
    /// There is no room for another meter.
    MeterRefused {
        /// The meter.
        meter: Eui64,
    },
}

/// The supply of a meter, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// It is lost.
    Lost,
    /// It is back.
    Back,
}

/// Why a session has failed.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionFailure {
    /// The association failed or broke.
    Association(ClientFailure),
    /// The meter does not give this attribute.
    Denied {
        /// What was asked for.
        request: AttributeRequest,
        /// What the meter said.
        result: DataAccessResult,
    },
    /// The meter has answered something that cannot be believed.
    Unexpected(Unexpected),
    /// The session took too long.
    TimedOut,
    /// The store did not make a batch durable in time.
    NotStored,
    /// The meter has left the network, or has got another address.
    Left,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexpected {
    /// The value is no A-XDR.
    Encoding,
    /// capture_objects: no clock or several, no register, or a register twice.
    Columns,
    /// scaler_unit is no scaler and unit.
    ScalerUnit,
    /// The time is no date-time, or names no instant.
    Clock,
    /// The buffer is no array.
    Profile,
    /// More rows than captures were asked for.
    TooManyRows,
    /// A row is no structure of as many cells as there are columns.
    RowShape,
    /// A row whose time is none, names no instant, or is marked as invalid.
    RowClock,
    /// A row that was not captured on a boundary.
    RowMisaligned,
    /// A row that was not asked for.
    RowOutside,
    /// A register that is not an integer of 64 bits.
    RowValue,
    /// A profile status that is not a number of 32 bits.
    RowStatus,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "the value is malformed",
            Self::Columns => "capture_objects cannot be read",
            Self::ScalerUnit => "scaler_unit cannot be read",
            Self::Clock => "the clock names no instant",
            Self::Profile => "the buffer is no array",
            Self::TooManyRows => "more rows than were asked for",
            Self::RowShape => "a row does not have the columns of the profile",
            Self::RowClock => "a row names no valid instant",
            Self::RowMisaligned => "a row is not on a boundary",
            Self::RowOutside => "a row was not asked for",
            Self::RowValue => "a register is no integer",
            Self::RowStatus => "a status is no number",
        })
    }
}

impl CollectorEvent {
    /// Whether a meter has told it unasked.
    pub const fn is_pushed(&self) -> bool {
        matches!(self, Self::Supplied { .. } | Self::Alarmed { .. } | Self::PushUnknown { .. })
    }

    /// Which meter it is about.
    pub const fn meter(&self) -> Eui64 {
        match *self {
            Self::MeterRead { meter, .. }
            | Self::SessionFailed { meter, .. }
            | Self::Gap { meter, .. }
            | Self::GapLost { meter, .. }
            | Self::NeverPushed { meter, .. }
            | Self::UnexpectedValue { meter, .. }
            | Self::ClockDeviation { meter, .. }
            | Self::ClockLost { meter }
            | Self::ClockSet { meter, .. }
            | Self::ClockNotSet { meter, .. }
            | Self::ClockBeyondLimit { meter, .. }
            | Self::TaskFailed { meter, .. }
            | Self::OrderProgress { meter, .. }
            | Self::KeysSettled { meter, .. }
            | Self::OrderEnded { meter, .. }
            | Self::Supplied { meter, .. }
            | Self::Alarmed { meter, .. }
            | Self::PushUnknown { meter }
            | Self::MeterRefused { meter } => meter,
        }
    }
}

impl fmt::Display for CollectorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MeterRead { meter, captures, .. } => write!(f, "{meter}: {captures} captures stored"),
            Self::SessionFailed { meter, reason, failures } => {
                write!(f, "{meter}: session failed ({failures} in a row): {reason}")
            }
            Self::Gap { meter, range } => write!(f, "{meter}: no rows for {range}"),
            Self::GapLost { meter, range } => write!(f, "{meter}: lost {range}"),
            Self::NeverPushed { meter, range } => write!(f, "{meter}: never pushed {range}"),
            Self::UnexpectedValue { meter, unexpected } => write!(f, "{meter}: {unexpected}"),
            Self::ClockDeviation { meter, deviation, ahead } => {
                let way = if *ahead { "ahead" } else { "behind" };
                write!(f, "{meter}: clock {way} by {deviation:?}")
            }
            Self::ClockLost { meter } => write!(f, "{meter}: its clock is lost"),
            Self::ClockSet { meter, by_ms: 0 } => write!(f, "{meter}: clock set"),
            Self::ClockSet { meter, by_ms } => write!(f, "{meter}: clock moved by {by_ms} ms"),
            Self::ClockNotSet { meter, result } => write!(f, "{meter}: clock not set: {result}"),
            Self::ClockBeyondLimit { meter, by_ms } => {
                write!(
                    f,
                    "{meter}: clock not moved by {by_ms} ms, which is more than is allowed without an order"
                )
            }
            Self::TaskFailed { meter, task, fault } => write!(f, "{meter}: task {task}: {fault}"),
            Self::OrderProgress { meter, number, progress } => {
                write!(f, "{meter}: order {number}: image {}, ", progress.stage)?;
                write!(f, "{} of {} blocks", progress.done, progress.all)
            }
            Self::KeysSettled { meter, renewed: true } => write!(f, "{meter}: keys renewed"),
            Self::KeysSettled { meter, renewed: false } => {
                write!(f, "{meter}: keys not renewed, the old ones hold")
            }
            Self::OrderEnded { meter, number, end } => write!(f, "{meter}: order {number}: {end}"),
            Self::Supplied { meter, supply: Supply::Lost } => write!(f, "{meter}: has lost its supply"),
            Self::Supplied { meter, supply: Supply::Back } => write!(f, "{meter}: has its supply back"),
            Self::Alarmed { meter, descriptors: [first, second] } => {
                write!(f, "{meter}: alarms {first:#010x} {second:#010x}")
            }
            Self::PushUnknown { meter } => write!(f, "{meter}: a push that is not understood"),
            Self::MeterRefused { meter } => write!(f, "{meter}: no room for another meter"),
        }
    }
}

impl fmt::Display for SessionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Association(failure) => write!(f, "association: {failure:?}"),
            Self::Denied { request, result } => write!(f, "{request} denied: {result}"),
            Self::Unexpected(unexpected) => write!(f, "unexpected value: {unexpected}"),
            Self::TimedOut => f.write_str("the session took too long"),
            Self::NotStored => f.write_str("the store did not confirm a batch"),
            Self::Left => f.write_str("the meter has left the network"),
        }
    }
}

/// Everything that was dropped, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorCounters {
    /// Meters that found no room.
    pub meters_refused: u64,
    /// Datagrams from an address with no session, or to a port that is not ours.
    pub datagrams_stray: u64,
    /// Pushes that were not authentic, or had been heard before.
    pub pushes_refused: u64,
    /// Tasks that found no room.
    pub tasks_refused: u64,
    /// Datagrams that the network could not send.
    pub datagrams_unsent: u64,
    /// Datagrams that no packet can carry.
    pub datagrams_oversize: u64,
    /// Events that found no room because the driver does not drain them.
    pub outputs_dropped: u64,
    /// Batches that became durable after their session had ended.
    pub batches_late: u64,
}
