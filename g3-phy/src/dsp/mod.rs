//! Signal processing that knows no standard.

mod fft;
mod kernel;
pub(crate) mod trellis;
mod window;

pub use fft::{Complex, Fft, RadixTwo};
pub use kernel::Kernel;
pub use window::raised_cosine;
