//! The MAC of G3-PLC (ITU-T G.9903): CSMA/CA, stop-and-wait ARQ, segmentation, CCM*.
//!
//! [`Mac`] is a [`plc_core::Machine`] between the adaptation layer (MCPS, MLME) and the modem (PD). It
//! knows no clock and no band: frame durations and capacities come from a
//! [`FrameGeometry`](plc_core::sap::FrameGeometry), and every interval stands in one [`Timing`].
//!
//! Tour, from the outside in:
//!
//! * [`MacConfig`] with [`Pib`], [`Interop`], [`Bounds`]: what a MAC is built from;
//! * [`specs`]: the numbers of the standard; [`wire`]: its PDUs, one type each;
//! * `mac` routes; `sender` is the way out (`queue`, `compose`, `outgoing`, `csma`), `receiver` the way in
//!   (`duplicates`, `reassembly`, `device_table`), `scan` asks for beacons and answers;
//! * `channel` is physical and virtual carrier sense; `security` is CCM* and the key slots;
//!   `frame_counter` reserves counters before they are used;
//! * [`Counters`]: everything that happened, every drop by its reason.
//!
//! A transmission is asked of the PHY with the exact time of its first sample. Whether the channel is
//! free is decided at the slot itself, by what carrier sense has said until then.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod channel;
mod compose;
mod config;
mod counters;
mod csma;
mod device_table;
mod duplicates;
mod env;
mod frame_counter;
mod mac;
mod neighbours;
mod outgoing;
mod queue;
mod reassembly;
mod receiver;
mod scan;
mod security;
mod sender;
pub mod specs;
mod timing;
pub mod wire;

#[cfg(test)]
#[path = "../tests/machine/geometry.rs"]
mod testing;

pub use config::{Bounds, Interop, MacConfig, OctetOrder, Pib};
pub use counters::{Counters, Drops};
pub use mac::{Mac, MacInput, MacOutput};
pub use timing::Timing;
