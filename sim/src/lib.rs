//! The virtual world: a street of meters on an emulated line, at the samples of the modem.
//!
//! Tour:
//!
//! * [`feeder`]: a low-voltage feeder, buses, cables, customers and their day;
//! * [`household`]: the voltage and the current of a customer, with the energy that is truly in them;
//! * [`street`]: meters on the line after the feeder, clocked block by block by whoever is the concentrator.
#![forbid(unsafe_code)]

pub mod feeder;
pub mod household;
pub mod street;
