//! DLMS/COSEM without I/O, client and server.
//!
//! Tour:
//!
//! * [`client`]: [`client::Client`], one association with one meter;
//! * [`server`]: [`server::Server`], the associations of one meter, over an [`server::ObjectModel`];
//! * [`classes`]: what registers and profiles hold;
//! * [`cosem`]: logical names, times, units, selectors;
//! * [`axdr`]: values on the wire;
//! * [`apdu`], [`wrapper`]: the PDUs;
//! * [`hdlc`], [`mode_e`]: links over serial lines and TCP, and the opening of an optical port;
//! * [`security`], [`invocation`]: suite 0 and its counters;
//! * [`specs`]: the numbers of the standards.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod apdu;
pub mod axdr;
mod block_transfer;
pub mod classes;
pub mod client;
pub mod cosem;
pub mod hdlc;
mod hex;
pub mod invocation;
pub mod mode_e;
pub mod security;
pub mod server;
pub mod specs;
pub mod wrapper;
