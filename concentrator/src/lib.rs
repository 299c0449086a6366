//! The daemon of the data concentrator: drivers, store, gRPC, command line and configuration.
//!
//! Two threads of control meet in [`live::Live`] and in the store:
//!
//! * [`power_line`]: the thread of the power line, which alone writes the [`store`];
//! * [`grpc`]: the interface on a runtime of its own, which reads through its own connections.
//!
//! Tour: [`cli`] is the command line, [`daemon`] what `concentrator run` does, [`config`] its file, [`store`] what
//! survives a power cut, [`live`] what is known now, [`clock`] the only reader of the machine's clocks.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod entropy;
pub mod grpc;
pub mod live;
pub mod logging;
pub mod plc;
pub mod power_line;
pub mod shutdown;
pub mod store;
