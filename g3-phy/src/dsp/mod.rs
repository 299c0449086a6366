//! Signal processing that knows no standard.

mod fft;
mod kernel;
mod real_fft;
pub(crate) mod trellis;
mod turn;
mod window;

pub use fft::{Complex, Fft, RadixTwo};
pub use kernel::Kernel;
pub use real_fft::RealFft;
pub use turn::{turn, turns};
pub use window::raised_cosine;
