//! Symbols on carriers. Knows no standard.

mod constellation;
mod keying;
mod qam16;
mod spectrum;

pub use constellation::{Dpsk, PHASES, unit};
pub use keying::Keying;
pub use qam16::Qam16Map;
pub use spectrum::Spectrum;
