//! Signal processing that knows no standard.

mod fft;
mod kernel;
mod real_fft;
pub(crate) mod trellis;
mod window;

pub use fft::{Complex, Fft, RadixTwo};
pub use kernel::Kernel;
pub use real_fft::RealFft;
pub use window::raised_cosine;
