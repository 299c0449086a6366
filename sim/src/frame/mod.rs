//! Frame fidelity: a medium that carries whole frames, and the PHY of a node above it.
//!
//! What a receiver makes of a frame follows from four things, none of which needs a sample:
//!
//! * the ratio of signal to noise in each group of carriers: from the cables ([`crate::feeder::Responses`]), the noise at the receiver
//!   over the day ([`Noise`]), and what else is on the line meanwhile ([`Air`]);
//! * one number for all groups: the ratio of white noise that would do the same harm ([`effective_db`]);
//! * the share of preambles, headers and payloads that the real receiver loses at that ratio: an [`ErrorTable`], made by running
//!   it (`plcsim calibrate`);
//! * what it is doing: it sends, or has locked on to another frame.
//!
//! Impulses are not drawn. They count as the loss against the table, in decibels, that the real receiver suffers from the noise of
//! [`crate::street`], and as the share of headers and payloads that it loses however strong the signal; the table holds both.

mod air;
mod backlog;
mod effective;
mod event;
mod kind;
mod links;
mod noise;
mod phy;
mod sinr;
mod solo;
mod table;
mod traffic;

pub use air::{Air, AirCounters, Due, FlightId, Heard, Stage};
pub use backlog::Passing;
pub use effective::effective_db;
pub use event::{Body, Frame, FrameEvent, Quality};
pub use kind::{FrameKind, FrameKinds, Head};
pub use links::{Link, Links};
pub use noise::Noise;
pub use phy::FramePhy;
pub use table::{Curve, ErrorTable, Payload, TableError};
