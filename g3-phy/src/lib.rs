#![doc = include_str!("../README.md")]
//!
//! # Tour
//!
//! A [`Modem`] stands between the MAC ([`plc_core::sap`]) and the line. Its driver gives it blocks of samples, an [`Exchange`]
//! each, and gets blocks of samples back; its clock is the sample counter. From the bottom:
//!
//! * [`dsp`]: Fourier transforms and the window; knows no standard;
//! * [`fec`]: scrambler, Reed-Solomon, convolutional code, Viterbi, interleaver, repetition;
//! * [`ofdm`]: constellations and symbols with their cyclic prefix;
//! * [`g3`]: what makes it G3-PLC: [`BandPlan`], the numbers ([`g3::specs`]), what is uncertain about them ([`Interop`]), the frame
//!   control header ([`g3::Fch`]), the transmitter and the receiver with its states `Search → Sync → Header → Payload`;
//! * [`Modem`]: both halves on one sample counter.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod dsp;
pub mod fec;
pub mod g3;
mod modem;
pub mod ofdm;

pub use g3::{ARIB, BandError, BandPlan, CENELEC_A, Counters, FCC, FCC_1A, FCC_1B, Interop, ToneMask};
pub use modem::{Exchange, ITERATIONS_MAX, LEVEL_MAX, Modem, ModemConfig, ModemInput};
