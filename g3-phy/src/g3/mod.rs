//! G3-PLC: band plans, numbers, frame control header, transmitter, receiver.

mod band_plan;
mod chain;
mod counters;
mod fch;
mod interop;
mod payload;
mod preamble;
pub(crate) mod rx;
pub mod specs;
pub(crate) mod tx;

pub use band_plan::{BandPlan, CENELEC_A};
pub use counters::Counters;
pub use fch::{Fch, Sof};
pub use interop::{CheckPlacement, InterleaverOrder, Interop, RepetitionOrder};
pub use payload::PayloadShape;
