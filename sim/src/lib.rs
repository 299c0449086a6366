//! To come.

pub mod feeder;
pub mod household;
