//! The daemon of the data concentrator: drivers, store, gRPC, command line and configuration.
//!
//! Three threads of control:
//!
//! * [`plc::Driver`] exchanges blocks of samples with the front end and moves the node;
//! * [`plc::Application`] takes turns with it, owns the collector and writes the [`store`];
//! * [`grpc`] serves the interface on a runtime of its own, from [`live::Live`] and from the store, which it reads through
//!   connections of its own.
//!
//! Tour: [`cli`] is the command line, [`daemon`] what `concentrator run` does, [`power_line`] its way from the
//! configuration to a running node, [`plc`] the node, its driver and what stands above, [`config`] the file, [`settings`] what of it is in force, [`store`] what
//! survives a power cut, [`live`] what is known now, [`seats`] whose connections are open, [`bounded`] how files are read that somebody names, [`metrics`] and [`service_manager`] what those who watch the box are told, [`clock`] the only reader of the machine's clocks. The module `demo` (feature
//! `demo`) puts an emulated street in place of the front end.
#![forbid(unsafe_code)]

pub mod availability;
pub mod bounded;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod entropy;
pub mod grpc;
mod hex;
pub mod jobs;
pub mod line;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod pki;
pub mod plc;
pub mod power_line;
pub mod pulse;
pub mod seats;
pub mod service_manager;
pub mod settings;
pub mod shutdown;
pub mod side_file;
pub mod store;
pub mod tasks;
pub mod uplink;
pub mod validity;
pub mod words;
