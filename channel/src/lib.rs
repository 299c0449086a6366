//! The power line between transmitters and receivers, at the samples of the modem.
//!
//! A sample is a voltage in volts; the rate is a parameter (400 kHz for CENELEC-A, up to 1.2 MHz), and a
//! sample index counts from the start of the medium. Nothing here reads a clock: the same seed and the same
//! transmissions give the same bits, however the time is cut into blocks.
//!
//! Tour:
//!
//! * [`levels`]: volts and dBµV, the level of a transmitter, the noise of a mains;
//! * [`specs`]: every published or assumed number, with its source and confidence mark;
//! * [`Cable`], [`Impedance`], [`Path`]: a way along cables with everything that hangs on it;
//! * [`Multipath`]: the echo model of Zimmermann and Dostert, with its reference channels;
//! * [`Link`]: one of the two as a frequency response and as the [`Fir`] that approximates it in the band;
//! * [`MainsGain`], [`skew`]: what varies with time: the mains cycle, and the clocks of both ends;
//! * [`noise`]: background, cyclostationary, impulsive and narrowband [`noise::Noise`] by sample index;
//! * [`Medium`]: the ports, their links and their noise: blocks in, blocks out;
//! * [`snr`]: what a link and a noise mean per carrier.
//!
//! ```
//! use channel::{FirDesign, Link, Medium, Multipath};
//! let design = FirDesign::cenelec(64);
//! let link = Link::from_multipath(&Multipath::four_path(), &design);
//! let mut medium = Medium::new(400_000, 2);
//! medium.connect(0, 1, link);
//! let mut received = vec![Vec::new(), Vec::new()];
//! medium.exchange(278, &[Some(&[1.0; 278]), None], &mut received);
//! assert!(received[1].iter().any(|v| v.abs() > 0.1));
//! ```
#![forbid(unsafe_code)]

mod cable;
pub mod convolve;
mod fir;
pub mod gauss;
mod impedance;
pub mod levels;
mod link;
mod mains;
mod medium;
mod multipath;
pub mod noise;
mod path;
pub mod skew;
pub mod snr;
pub mod specs;

pub use cable::{Cable, Quadripole};
pub use fir::{Fir, FirDesign};
pub use impedance::Impedance;
pub use link::Link;
pub use mains::MainsGain;
pub use medium::Medium;
pub use multipath::{Echo, Multipath};
pub use noise::{Noise, NoiseSource};
pub use path::{Branch, Hop, Node, Path, Segment};
pub use rustfft::num_complex::Complex64;
pub use snr::Signal;
