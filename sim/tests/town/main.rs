//! Towns at frame fidelity: every scenario that ships, and what they stand on.

mod capture;
mod clocks;
mod explain;
mod faults;
mod fidelities;
mod firmware;
mod memory;
mod scenarios;
mod supply;
mod table;
mod withholding;
