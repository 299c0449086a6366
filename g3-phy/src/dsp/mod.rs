//! Signal processing that knows no standard.

mod fft;
mod real_fft;
mod window;

pub use fft::{Complex, Fft, RadixTwo};
pub use real_fft::RealFft;
pub use window::raised_cosine;
