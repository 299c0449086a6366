//! Symbols on carriers. Knows no standard.

mod constellation;
mod qam16;
mod spectrum;

pub use constellation::{Dpsk, PHASES, unit};
pub use qam16::Qam16Map;
pub use spectrum::Spectrum;
