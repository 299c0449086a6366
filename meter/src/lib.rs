//! A meter: metrology behind COSEM objects above a node of the power line network.
//!
//! ```text
//! samples of U and I ─► Measurement ─► registers, values, profiles
//!                                          ▲ Objects: the COSEM view
//! UdpIndication ─► dlms::Server ───────────┘
//!                       └─► UdpRequest ─► plc_node::Node ─► medium
//! ```
//!
//! Tour:
//!
//! * [`Meter`]: the whole, above any PHY; it joins the network by itself and joins again when it has left;
//! * [`MeterApplication`]: the part above UDP, for any other way of carrying datagrams;
//! * [`Measurement`]: blocks of samples, cut exactly at the boundaries of capture periods;
//! * [`Profiles`]: the load profile and the billing profiles, rings of [`Row`]s;
//! * [`MeterClock`]: UTC, set from outside;
//! * [`RealTimeClock`]: what runs on while there is no power, with its drift and its reserve;
//! * [`objects`]: what clients see, and which client sees what;
//! * [`MeterConfig`], [`MeterState`]: what a meter is told, and what it takes through a restart;
//! * [`journal`]: what is kept of all that in flash;
//! * [`Firmware`]: which of two images runs, and when the old one is back;
//! * [`specs`]: the numbers of the standards.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod application;
mod clock;
mod config;
mod counters;
mod engine;
mod firmware;
pub mod journal;
mod measurement;
mod meter;
mod network;
pub mod objects;
mod profiles;
mod ring;
mod rtc;
pub mod specs;

pub use application::{
    ApplicationCounters, ApplicationInput, ApplicationOutput, Captured, MeterApplication, MeterEvent,
    MeterPersist, Totals,
};
pub use clock::{ClockShift, MeterClock};
pub use config::{Identity, ImageCheck, MeterConfig, MeterConfigError, MeterKeys, MeterState};
pub use engine::Block;
pub use firmware::{Activation, Bank, BootReport, Firmware, FirmwareError, SelfCheckError, self_check};
pub use measurement::{Finding, Measurement, MeasurementSetup};
pub use meter::{Meter, MeterInput, MeterOutput};
pub use profiles::{Begins, Mains, PhaseValues, ProfileSizes, Profiles, Row};
pub use ring::Ring;
pub use rtc::{Crystal, RealTimeClock, Reserve};
