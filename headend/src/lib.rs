//! The reference receiver of the backhaul: takes readings, events and values of tasks of any number of boxes, keeps each reading and each
//! value once, and acknowledges what it has committed.
//!
//! * [`HeadStore`]: what is kept, in one SQLite file: readings as the box keeps them, events, values, and what is held of each box and epoch;
//! * [`Committer`]: the only writer, on a thread of its own: what waits from all boxes is one transaction;
//! * [`service`]: the gRPC services `Backhaul` and `Ledger`, with mutual TLS or in plain text on this machine.
#![forbid(unsafe_code)]

mod committer;
mod contradiction;
pub mod service;
mod store;
mod value;

pub use committer::{Committer, Refusal, Seat};
pub use contradiction::Contradiction;
pub use store::{BoxLife, HeadStore, HeadStoreError, Parcel, Rows};
