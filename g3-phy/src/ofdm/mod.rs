//! Symbols on carriers. Knows no standard.

mod constellation;
mod spectrum;

pub use constellation::{Dpsk, PHASES, unit};
pub use spectrum::Spectrum;
