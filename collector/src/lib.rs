//! What to read from whom and when: the load profiles of the meters of a feeder, and whatever tasks say.
//!
//! [`Collector`] is a machine. After each boundary of the capture period every meter that has joined gets a session: the
//! collector connects, learns the columns of the load profile once, asks for the captures since the last that is
//! stored, checks every cell of the answer, hands the readings over to be stored, and counts them as read only when
//! they are durable. An outage fills itself that way, in pieces of bounded size. What a meter should have and does not give is
//! asked for again, a bounded number of times. A meter that fails is tried again after a growing pause and holds up nobody.
//!
//! Nothing is stored of an answer of which one cell cannot be believed.
//!
//! Tour:
//!
//! * [`Collector`] routes, and plans who is next; `session` is one conversation with one meter;
//! * `progress` knows how far a meter has been read and what was left out, `schedule` and `back_off` when to ask;
//! * [`diagnosis`] says why a meter is read or is not;
//! * [`Order`] is what is wanted of a meter ahead of the plan, or beside it: an [`Image`] comes over in parts, behind those that are read;
//! * [`Task`] is what is read of meters again and again besides the load profile: `tasks` knows who is still missing in a run, `errand`
//!   is what a task wants of one meter, `sheet` reads the rows of its profiles, `lot` asks for several attributes at once;
//! * `columns` and `rows` turn the load profile into [`Reading`]s, or into an [`Unexpected`];
//! * [`CollectorInput`], [`CollectorOutput`], [`CollectorEvent`], [`CollectorConfig`] are the interface;
//! * `specs` holds the numbers of the standards.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod back_off;
mod collector;
mod columns;
mod config;
pub mod diagnosis;
mod errand;
mod event;
mod image;
mod listening;
mod lot;
mod messages;
mod meter;
mod one_way;
mod order;
mod outgoing;
mod progress;
mod range;
mod reading;
mod rekey;
mod rows;
mod schedule;
mod session;
mod sheet;
mod specs;
mod task;
mod tasks;

pub use collector::Collector;
pub use config::{AssociationParameters, CollectorConfig, PushedValue};
pub use diagnosis::{Diagnosis, Explanation, Finding, Verdict};
pub use event::{CollectorCounters, CollectorEvent, SessionFailure, Supply, Unexpected};
pub use image::{IMAGE_LEN_MAX, Image, ImageFault, ImageProgress, ImageStage};
pub use messages::{CollectorInput, CollectorOutput, MeterEntry};
pub use meter::{MeterState, MeterStatus};
pub use order::{Answer, BACKGROUND, Denial, ORDERS_MAX, Order, OrderEnd, STEPS_MAX, Step, Work};
pub use range::CaptureRange;
pub use reading::{Batch, Reading};
pub use rekey::{MeterKeys, Rekey, RenewedKeys};
pub use task::{
    Mark, NAMED_MAX, OBJECTS_MAX, PROFILE_PRIORITY, RunReport, Selection, TASKS_MAX, Task, TaskFault,
    TaskStatus, Value, ValueBatch, What,
};
