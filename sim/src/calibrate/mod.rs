//! From the real receiver to the error tables: `plcsim calibrate`.
//!
//! Headers alone and payloads of several lengths pass the modem in white noise, ratio by ratio, and what is lost is counted. Then
//! the same with the power of the groups spread unevenly, which gives β of the effective ratio; and in the noise of the street
//! against its background alone, which gives the loss to impulses and the floor below which no signal comes.

mod bench;
mod fit;
mod quality;
mod sweep;
mod walk;

pub use bench::{Bench, Line, Outcome, Shot};
pub use sweep::{Sweep, calibrate};
