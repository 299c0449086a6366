//! The words that every layer of the system shares, and nothing that only one of them needs.
//!
//! A layer of this system is a value that turns timed inputs into ordered outputs: a [`Machine`].
//! Layers never know each other; they exchange the *service primitives* of [`sap`]. Time, bytes and
//! entropy come in as arguments, so the same code runs in the simulator and in the daemon.
//!
//! Tour:
//!
//! * [`machine`]: the trait, and [`Outbox`], the bounded queue behind every `poll`;
//! * `laws`: the six laws of a machine as a harness (feature `laws`);
//! * [`time`]: [`Instant`], [`Utc`], [`SampleClock`];
//! * [`timers`]: a table of deadlines;
//! * [`wire`]: cursors over bytes;
//! * [`addr`]: short, extended and PAN addresses;
//! * [`crc`]: the checksums of the wire formats;
//! * [`seed`]: named random streams;
//! * [`afe`]: the stream between a node and its analogue front end;
//! * [`sap`]: the primitives PD, MLME, MCPS, ADPD, ADPM and UDP.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "laws"))]
extern crate alloc;

pub mod addr;
pub mod afe;
pub mod crc;
#[cfg(any(test, feature = "laws"))]
pub mod laws;
pub mod machine;
pub mod sap;
pub mod seed;
pub mod time;
pub mod timers;
pub mod wire;

pub use addr::{Eui64, MacAddress, PanId, ShortAddress};
pub use machine::{Machine, Outbox};
pub use seed::Seed;
pub use time::{Instant, SampleClock, Utc, UtcAnchor};
pub use timers::TimerTable;
