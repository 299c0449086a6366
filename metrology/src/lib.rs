//! Samples of voltage and current to energy, power and power quality, in integers alone.
//!
//! One to three elements, simultaneous streams of samples. Nothing is allocated, nothing is a floating-point number, and the same
//! samples give the same registers however they are cut into blocks.
//!
//! ```text
//! u ─► offset, gain ─► DC ─► delay ─┬─► CrossingDetector ─► FrequencyMeter, Oscillator
//!                                   ├─► u·u, u·i, i·i, u·sin … ─► Window (ten whole cycles) ─► Ledger, Values
//! i ─► offset, gain ─► DC ─► delay ─┘
//! ```
//!
//! Tour:
//!
//! * [`Ratings`]: what is printed on the meter, how it is wired, and what one step of its converters is worth;
//! * [`Calibration`]: constants that correct offset, gain and phase of each channel;
//! * [`MeterCore`]: the measurement; it takes blocks of any length;
//! * [`quality::QualityCore`]: the same with power quality;
//! * [`SteadyCore`]: what both measure of a load that does not change, in closed form, for simulations;
//! * [`Registers`] and [`Ledger`]: what must survive a restart; [`Values`] and [`Instantaneous`]: what need not;
//! * [`Energy`]: milliwatt-hours and the exact rest below one;
//! * [`calibrate`]: the procedure that finds those constants;
//! * [`Demand`], [`PulseOutput`]: what is made of registers;
//! * [`Diagnosis`], [`TamperWatch`]: what is wired wrongly or tampered with;
//! * [`specs`]: the numbers of the standards.
//!
//! Every sample's product is counted exactly once: ten cycles of products are summed in 64 bits and then credited as a whole to
//! import or export, without rounding, because the register keeps the remainder. Only what flows below the anti-creep threshold
//! is withheld, and it is withheld whole.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod calibrate;
mod calibration;
mod core;
mod crossing;
mod dc;
mod delay;
mod demand;
mod energy;
mod frequency;
mod ledger;
mod oscillator;
mod phasor;
mod pulse;
pub mod quality;
mod ratings;
pub mod specs;
mod steady;
mod tamper;
mod values;
mod window;
mod wiring;

pub use calibration::{
    CURRENT_POINTS, Calibration, ChannelCalibration, CurrentPoint, ElementCalibration, GAIN_ONE,
};
pub use core::{Counters, Frame, MeterCore};
pub use delay::{DELAY_MAX, DELAY_ONE};
pub use demand::{Demand, MaximumDemand};
pub use energy::{Account, Energy, Registers};
pub use ledger::Ledger;
pub use phasor::{Phasor, THIRD};
pub use pulse::PulseOutput;
pub use ratings::{
    AccuracyClass, Apparent, Connection, RatingError, Ratings, Summation, TransformerRatios, Wiring,
};
pub use steady::{LINES_MAX, Line, RMS_MAX_NANO, Steady, SteadyCore, SteadyElement, SteadyError};
pub use tamper::{Tamper, TamperEvent, TamperInputs, TamperLimits, TamperWatch};
pub use values::{ElementValues, Instantaneous, PhaseSequence, Values};
pub use wiring::{Arrangement, Diagnosis, WiringWatch};
