//! G3-PLC: band plans, numbers, frame control header, transmitter, receiver.

mod band_plan;
mod chain;
mod counters;
mod fch;
mod interop;
mod layout;
pub(crate) mod mains;
mod payload;
mod preamble;
mod route;
pub(crate) mod rx;
pub mod specs;
pub(crate) mod turbo;
pub(crate) mod tx;

pub use band_plan::{
    ARIB, BandError, BandPlan, CARRIERS_MIN, CENELEC_A, FCC, FCC_1A, FCC_1B, SYNCP_MAX, SYNCP_MIN, ToneMask,
};
pub use counters::Counters;
pub use fch::{Fch, HeaderFormat, Sof};
pub use interop::{
    CheckPlacement, FchKeying, GainSign, InterleaverOrder, InterleaverSpan, Interop, Qam16Map,
    RepetitionOrder,
};
pub use payload::PayloadShape;
