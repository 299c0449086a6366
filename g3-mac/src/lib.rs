//! The MAC of G3-PLC (ITU-T G.9903): CSMA/CA, stop-and-wait ARQ, segmentation, CCM*.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod config;
mod counters;
mod mac;
pub mod specs;
mod timing;

pub use config::{Bounds, Interop, MacConfig, OctetOrder, Pib};
pub use counters::{Counters, Drops};
pub use mac::{Mac, MacInput, MacOutput};
pub use timing::Timing;
