//! The whole system: the programs that are delivered, in processes of their own, over real sockets and files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod crash;
mod demo;
mod desk;
mod firmware;
mod front_end;
mod grpc;
mod head_end;
mod jobs;
mod line;
mod one_way;
mod process;
mod rekey;
mod reload;
mod table;
mod tasks;
mod town;
mod watched;
mod wrong_input;
