//! Chaos with real processes: boxes and head-end are killed at random moments, connections are cut and slowed down, disks are full and
//! clocks step; at the end the head-end holds byte for byte what the box has stored, readings and values of tasks, nothing missing and
//! nothing twice.
//!
//! `chaos --rounds 200` runs a head-end (`concentrator-headend`, beside this program), a box (this program again, with the store and the
//! uplink of the daemon and a made-up feeder in place of the power line), and a proxy between them.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a driver: it waits in real time and times its rounds")]

mod feeder;
mod proof;
mod proxy;
mod readout;
mod rounds;

use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Kills, cuts and fills until something is lost, or until the rounds are over.
#[derive(Debug, Parser)]
#[command(name = "chaos", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    rounds: RoundsArgs,
    #[command(subcommand)]
    role: Option<Role>,
}

/// A run.
#[derive(Clone, Debug, Args)]
struct RoundsArgs {
    /// How often something is broken.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// The same seed breaks the same things.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep all files there.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// A box: stores made-up readings and values and delivers them, until it is killed or its input ends.
    #[command(hide = true)]
    Box(BoxArgs),
}

/// A life of the box.
#[derive(Clone, Debug, Args)]
struct BoxArgs {
    /// Its folder.
    #[arg(long)]
    folder: PathBuf,
    /// The certificates.
    #[arg(long)]
    pki: PathBuf,
    /// Where the head-end seems to be.
    #[arg(long)]
    head_end: SocketAddr,
    /// By how many seconds its clock is wrong.
    #[arg(long, allow_negative_numbers = true)]
    clock: i64,
    /// Octets of its store.
    #[arg(long)]
    octets: u64,
    /// Whether the newest is delivered first.
    #[arg(long)]
    newest_first: bool,
    /// Whether it makes up no more readings and values.
    #[arg(long)]
    drain: bool,
    /// Microseconds between two batches.
    #[arg(long)]
    pause_us: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.role {
        Some(Role::Box(life)) => feeder::live(life),
        None => rounds::run(&arguments.rounds),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
