//! Samples of voltage and current to energy, power, RMS values and frequency, in integers alone.
//!
//! One phase, two simultaneous streams of ADC samples. Nothing is allocated, nothing is a floating-point
//! number, and the same samples give the same registers however they are cut into blocks.
//!
//! ```text
//! u ─► DcBlocker ─┬────────────► CrossingDetector ─► FrequencyMeter
//!                 ├─ u·u, u·i, i·i ─► Window (ten whole cycles) ─► EnergyMeter, Instantaneous
//! i ─► DcBlocker ─┘
//! ```
//!
//! Tour:
//!
//! * [`Ratings`]: what is printed on the meter, and what one step of its ADCs is worth;
//! * [`MeterCore`]: the measurement; [`MeterCore::process`] takes blocks of any length;
//! * [`Registers`]: what must survive a restart, [`Instantaneous`]: what need not;
//! * [`Energy`]: milliwatt-hours and the exact rest below one;
//! * [`specs`]: the numbers of the standards.
//!
//! Every sample's product is counted exactly once: ten cycles of products are summed in 64 bits and then
//! credited as a whole to import or export, without rounding, because the register keeps the remainder.
//! Only what flows below the anti-creep threshold is withheld, and it is withheld whole.
#![no_std]
#![forbid(unsafe_code)]

mod core;
mod crossing;
mod dc;
mod energy;
mod frequency;
mod ratings;
pub mod specs;
mod window;

pub use core::{Counters, MeterCore};
pub use energy::{Energy, Registers};
pub use ratings::{AccuracyClass, RatingError, Ratings};
pub use window::Instantaneous;
