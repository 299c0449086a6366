//! What is wanted of a meter ahead of the plan.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::cosem::{AttributeRequest, MethodRequest};
use plc_core::{Eui64, Instant};

use crate::SessionFailure;
use crate::image::{Image, ImageFault};
use crate::rekey::Rekey;

/// Orders that may wait or be under way; the next is refused.
pub const ORDERS_MAX: usize = 64;

/// Something that shall be done with a meter as soon as the line has a place. It is carried out once: what may have reached the meter is
/// not repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Names it in its end.
    pub number: u64,
    /// The meter.
    pub meter: Eui64,
    /// What.
    pub work: Work,
    /// Of several orders the one with the smallest goes first; then the oldest. [`BACKGROUND`] waits for everything else.
    pub priority: u8,
    /// When it is given up, unless it has begun.
    pub until: Instant,
}

/// The priority of what takes hours: those who are to be read go ahead, and it never takes the last place on the line.
pub const BACKGROUND: u8 = u8::MAX;

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Read all captures up to now, whatever the plan says.
    Read,
    /// Set the clock to UTC, however small the deviation.
    SetClock,
    /// These, in this order, at most [`STEPS_MAX`]; the first that the meter refuses is the last.
    Steps(Vec<Step>),
    /// Bring this image over, have it verified, and activate it: a part in each session, told by [`crate::CollectorEvent::OrderProgress`].
    Image(Image),
    /// Give the meter new keys. It is done when an association was opened under them.
    Rekey(Rekey),
}

/// One request to the meter.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Read an attribute.
    Get(AttributeRequest),
    /// Write an attribute: one whole encoded value.
    Set(AttributeRequest, Vec<u8>),
    /// Invoke a method, with one whole encoded value as parameter.
    Act(MethodRequest, Option<Vec<u8>>),
}

/// Steps of an order.
pub const STEPS_MAX: usize = 32;

/// What the meter has answered to a step that it carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The encoded value that was read.
    Value(Vec<u8>),
    /// The value was written.
    Written,
    /// The method was invoked, and has returned this encoded value.
    Acted(Option<Vec<u8>>),
}

/// How an order has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderEnd {
    /// It was carried out; an answer for each step. Of a clock: none.
    Done(Vec<Answer>),
    /// The meter has refused this step, from 0; what comes before it was carried out.
    Denied(usize, Denial),
    /// The meter was lost in the middle: what was asked last may have been carried out, or not.
    Uncertain(SessionFailure),
    /// A part of it was carried out: to go on, order it again after this pause, with the progress that was told.
    Partly {
        /// How long the meter needs, or is to be left alone.
        pause: Duration,
    },
    /// The meter goes on with the keys that it had.
    NotTaken,
    /// No master key of the meter is known, so it can be given no keys.
    NoMasterKey,
    /// The meter only pushes: it hears nobody.
    OneWay,
    /// The image does not run.
    Image(ImageFault),
    /// The clock of the meter tells no zone, so that nobody knows what to set.
    NoZone,
    /// The clock of the collector cannot be trusted, so no clock is set by it.
    NoTrust,
    /// Time was up before it began.
    Expired,
    /// Too many orders, or too many steps; an image that is empty, too long, or has no name.
    NoRoom,
    /// The meter is not registered.
    NoMeter,
}

/// Why a meter has refused a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Of reading or writing.
    Access(DataAccessResult),
    /// Of a method.
    Action(ActionResult),
}

impl fmt::Display for OrderEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(_) => f.write_str("done"),
            Self::Denied(step, Denial::Access(why)) => {
                write!(f, "refused by the meter at step {step}: {why}")
            }
            Self::Denied(step, Denial::Action(why)) => {
                write!(f, "refused by the meter at step {step}: {why}")
            }
            Self::Uncertain(why) => write!(f, "lost in the middle, it may have been carried out: {why}"),
            Self::Partly { pause } if pause.is_zero() => f.write_str("partly done"),
            Self::Partly { pause } => write!(f, "partly done, to go on in {} s", pause.as_secs()),
            Self::NotTaken => f.write_str("the meter has not taken the keys, the old ones hold"),
            Self::OneWay => f.write_str("the meter only pushes, it hears nobody"),
            Self::NoMasterKey => f.write_str("no master_key is configured for the meter"),
            Self::Image(fault) => write!(f, "{fault}"),
            Self::NoZone => f.write_str("the clock of the meter tells no time zone"),
            Self::NoTrust => f.write_str("the clock of the concentrator cannot be trusted now"),
            Self::Expired => f.write_str("time was up before the meter could be reached"),
            Self::NoRoom => f.write_str("too many orders"),
            Self::NoMeter => f.write_str("the meter is not expected"),
        }
    }
}

/// Orders that wait for the line.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    waiting: Vec<Waiting>,
    /// Those in sessions.
    under_way: usize,
}

#[derive(Debug)]
struct Waiting {
    order: Order,
    not_before: Instant,
}

impl Orders {
    /// Takes an order, if there is room.
    pub(crate) fn take(&mut self, now: Instant, order: Order) -> Result<(), Order> {
        let fits = match &order.work {
            Work::Steps(steps) => steps.len() <= STEPS_MAX,
            Work::Image(image) => image.is_sound(),
            Work::Read | Work::SetClock | Work::Rekey(_) => true,
        };
        if self.len() >= ORDERS_MAX || !fits {
            return Err(order);
        }
        self.waiting.push(Waiting { order, not_before: now });
        Ok(())
    }

    /// Orders that wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.under_way
    }

    /// The first order that has expired.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Order> {
        let at = self.waiting.iter().position(|waiting| waiting.order.until <= now)?;
        Some(self.waiting.remove(at).order)
    }

    /// The first order of a meter that is not expected any more.
    pub(crate) fn of(&mut self, meter: Eui64) -> Option<Order> {
        let at = self.waiting.iter().position(|waiting| waiting.order.meter == meter)?;
        Some(self.waiting.remove(at).order)
    }

    /// Priority of the most urgent order for this meter that may begin now.
    pub(crate) fn due(&self, now: Instant, meter: Eui64) -> Option<u8> {
        let mut due = self.waiting.iter().filter(|waiting| waiting.order.meter == meter);
        due.by_ref().filter(|waiting| waiting.not_before <= now).map(|waiting| waiting.order.priority).min()
    }

    /// Takes all orders for a meter whose session begins, the most urgent first; those of the background only if it begins for them.
    pub(crate) fn begin(&mut self, meter: Eui64, background: bool) -> Vec<Order> {
        let (own, others) = core::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|w| w.order.meter == meter && (background || w.order.priority < BACKGROUND));
        self.waiting = others;
        let mut own: Vec<Waiting> = own;
        own.sort_by_key(|waiting| waiting.order.priority);
        self.under_way += own.len();
        own.into_iter().map(|waiting| waiting.order).collect()
    }

    /// An order of a session has ended.
    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// A session has ended before it could begin with an order.
    pub(crate) fn postpone(&mut self, order: Order, not_before: Instant) {
        self.end();
        self.waiting.push(Waiting { order, not_before });
    }

    /// When the first order expires, and when the first for which `may_begin` holds may begin.
    pub(crate) fn deadline(&self, may_begin: impl Fn(&Order) -> bool) -> Option<Instant> {
        let expiry = self.waiting.iter().map(|waiting| waiting.order.until);
        let begins = self.waiting.iter().filter(|waiting| may_begin(&waiting.order));
        expiry.chain(begins.map(|waiting| waiting.not_before)).min()
    }
}
