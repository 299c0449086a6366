//! The adaptation layer of G3-PLC: IPv6 over the power line, and how a meter gets into the network.
//!
//! [`Adp`] is a [`plc_core::Machine`] between ADPD/ADPM above and MCPS/MLME below. It is built with a
//! [`Role`]: a coordinator admits devices, a device looks for a network, joins it and may relay the
//! joining of its own neighbours.
//!
//! Tour, from the outside inwards:
//!
//! * [`config`]: what an instance is told when it is built;
//! * [`counters`]: what it has lost and why;
//! * `adp`: the machine, which only routes between the procedures below;
//! * [`wire`]: one type per header and message: dispatch, mesh, BC0, fragments, LBP, EAP-PSK;
//! * [`addressing`], [`ipv6`], [`iphc`]: the IPv6 header, its addresses and its compression (RFC 6282);
//! * [`fragment`], [`reassembly`]: datagrams larger than a MAC payload;
//! * [`loadng`]: routes through the mesh, and the link cost; `broadcast`: the log of broadcasts already seen;
//! * `transmit`: the queue towards the MAC, one frame in flight;
//! * [`eap_psk`]: keys and protected channel (RFC 4764);
//! * `lbs`, `lbd`, `lba`: the coordinator, the joining device and the relay of the bootstrapping protocol;
//! * [`specs`]: every number of the standard.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod actions;
pub mod addressing;
mod adp;
mod broadcast;
pub mod config;
pub mod counters;
pub mod eap_psk;
mod exchange;
pub mod fragment;
pub mod iphc;
pub mod ipv6;
mod lba;
mod lbd;
mod lbs;
pub mod loadng;
pub mod reassembly;
mod sequence;
pub mod specs;
mod transmit;
#[cfg(test)]
mod vectors;
pub mod wire;

pub use adp::{Adp, AdpInput, AdpOutput};
pub use config::{AdpConfig, InformationBase, Interop, Limits, Memory, Role};
pub use counters::{Counters, Drop};
