//! The virtual world: a street of meters on an emulated line, at the samples of the modem, and a town of them, at its frames.
//!
//! Tour:
//!
//! * [`feeder`]: a low-voltage feeder, buses, cables, customers and their day;
//! * [`household`]: the voltage and the current of a customer, with the energy that is truly in them;
//! * [`frame`]: the line at frame fidelity, and the tables that [`calibrate`] derives from the real receiver;
//! * [`world`]: a town in virtual time; [`scenario`] files describe it, [`report`] tells what has become of it;
//! * [`capture`]: what a run leaves behind, to be replayed or dissected;
//! * [`compare`]: the same town at both fidelities;
//! * [`desk`]: one meter without a line, for clients on TCP, over the wrapper or HDLC;
//! * [`laboratory`]: a bench for the metrology: sensors with their errors, adjustment, and the type test;
//! * [`grid`]: the mains of a street or a town: who takes what, and the voltage that everybody has because of it;
//! * [`power_flow`]: voltages, currents and losses of a feeder at 50 Hz;
//! * [`street`]: meters on the line after the feeder, clocked block by block by whoever is the concentrator.
#![forbid(unsafe_code)]

pub mod calibrate;
pub mod capture;
pub mod compare;
pub mod desk;
pub mod feeder;
pub mod frame;
pub mod grid;
pub mod household;
pub mod laboratory;
pub mod power_flow;
pub mod report;
pub mod scenario;
pub mod street;
pub mod world;
