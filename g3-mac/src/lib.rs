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
//! * `neighbours` holds how each neighbour wants to be spoken to, `links` how well it is heard, `adaptation` what it is
//!   told (with `airtimes`), `pos` who is about, `pan_conflict` which other PANs are; `pib` is all of that by identifier;
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

mod adaptation;
mod airtimes;
mod channel;
mod compose;
mod config;
mod counters;
mod csma;
mod device_table;
mod duplicates;
mod env;
mod frame_counter;
mod links;
mod mac;
mod neighbours;
mod outgoing;
mod outputs;
mod pan_conflict;
mod pib;
mod pos;
mod queue;
mod reassembly;
mod receiver;
mod scan;
mod security;
mod sender;
pub mod specs;
mod table;
mod timing;
pub mod wire;

#[cfg(test)]
#[path = "../tests/machine/geometry.rs"]
mod testing;

pub use adaptation::{Adaptation, Mode};
pub use config::{AfterRestart, Bounds, DeviceCounter, Interop, MacConfig, OctetOrder, Pib};
pub use counters::{Counters, Drops};
pub use mac::{Mac, MacInput, MacOutput};
pub use receiver::Accepted;
pub use timing::Timing;
