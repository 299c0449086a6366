//! Signal processing that knows no standard.

mod fft;
mod window;

pub use fft::{Complex, Fft, RadixTwo};
pub use window::raised_cosine;
