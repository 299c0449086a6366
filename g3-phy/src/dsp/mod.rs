//! Signal processing that knows no standard.

mod body;
mod fft;
mod kernel;
pub(crate) mod lanes;
mod real_fft;
pub(crate) mod trellis;
mod turn;
mod window;

pub(crate) use body::{Body, body};
pub use fft::{Complex, Fft, RadixTwo};
pub use kernel::Kernel;
pub use real_fft::RealFft;
pub(crate) use turn::{TURNS_MAX, Turns};
pub use turn::{turn, turns};
pub use window::raised_cosine;
