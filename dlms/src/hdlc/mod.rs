//! HDLC: frames on serial lines and TCP, and the link over them \[GB 8\].
//!
//! Tour:
//!
//! * [`Deframer`]: frames out of a stream;
//! * [`Frame`], [`Address`], [`Control`], [`Parameters`]: the fields;
//! * [`Primary`] and [`Secondary`]: the two ends of a link, which carry APDUs;
//! * [`HdlcClient`] and [`HdlcServer`]: a client and a server above them;
//! * [`specs`]: the numbers of the standard.
//!
//! Frames have no stuffing: their length says where they end. Whoever can put a flag, a length and two
//! check sequences into a payload and drop octets before it can have it taken for a frame; what protects
//! APDUs is their ciphering.

mod address;
mod client;
mod config;
mod control;
mod counters;
mod deframer;
mod frame;
mod parameters;
mod primary;
mod receiving;
mod secondary;
mod sending;
mod server;
pub mod specs;
mod station;

pub use address::Address;
pub use client::{
    HdlcClient, HdlcClientConfig, HdlcClientInput, HdlcClientOutput, NoSuchAddress, ServerStation,
};
pub use config::{LinkEnd, LinkOutput, PrimaryConfig, PrimaryInput, SecondaryConfig, SecondaryInput};
pub use control::{Control, Function, Number};
pub use counters::LinkCounters;
pub use deframer::{Deframer, DeframerCounters};
pub use frame::{Frame, FrameFault};
pub use parameters::Parameters;
pub use primary::Primary;
pub use secondary::Secondary;
pub use server::{HdlcServer, HdlcServerConfig, HdlcServerInput, HdlcServerOutput};

#[cfg(test)]
mod vectors;
