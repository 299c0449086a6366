//! A laboratory for meters: a source of waves, sensors and converters with their errors, specimens, a bench that knows the truth, and
//! the type test.
//!
//! The metrology itself knows no floating-point number; here is where they are.

pub mod adjust;
mod band;
pub mod bench;
pub mod converter;
pub mod sensor;
pub mod specimen;
pub mod typetest;
pub mod wave;
