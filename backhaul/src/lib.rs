//! Readings on their way to the utility: what is held, what was delivered, and the protocol in between. Without I/O, clock or entropy
//! of its own.
//!
//! The box numbers what it has: each reading, event and value of a task has a [`Cursor`] of its kind ([`Lot`]), which only grows. It sends
//! ranges of cursors; the head-end commits them and answers with all that it holds as [`Spans`]. Both sides may die at any moment: after
//! each connection the head-end says again what it holds, and the box sends what is missing. What comes twice is known by its natural
//! key: of a reading meter, logical name and capture time; of a value its source and its ordinal too.
//!
//! Tour:
//!
//! * [`Reading`], [`TaskValue`], [`Runs`] (which captures are held), [`block`] (readings packed), [`Digest`] (two sides compare);
//! * [`ledger`]: in which one state every expected interval is;
//! * [`Uplink`]: the box's end, a machine; [`Intake`]: the head-end's; `lane` and `pace` are the uplink's parts.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod block;
mod digest;
mod intake;
mod lane;
pub mod ledger;
mod pace;
mod reading;
mod runs;
mod spans;
mod uplink;
mod value;
mod varint;

pub use digest::{Canonical, Digest, Digested, Digests, Range};
pub use intake::{BadBatch, Intake};
pub use reading::{Content, Cursor, Reading, Register, StoredReading};
pub use runs::Runs;
pub use spans::{MAX_SPANS, Span, Spans};
pub use uplink::{Ending, Lot, Order, Uplink, UplinkConfig, UplinkInput, UplinkOutput};
pub use value::TaskValue;
pub use varint::{
    push as push_number, push_signed as push_signed_number, take as take_number,
    take_signed as take_signed_number,
};
