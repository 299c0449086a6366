//! `plcsim street`.

use crate::{StreetArgs, World};
use sim::feeder::Feeder;
use sim::street::{Street, StreetConfig, stream};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a street could not be served.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The street cannot be built.
    #[error(transparent)]
    Street(#[from] sim::street::StreetError),
    /// The fidelities are not of one kind.
    #[error("{0} comparisons do not agree")]
    Apart(usize),
    /// Something has happened that must not.
    #[error("{0} invariants violated")]
    Violated(u64),
    /// The tables are no feeder.
    #[error(transparent)]
    Feeder(#[from] sim::feeder::FeederError),
    /// The feeder cannot carry its customers.
    #[error("{:02}:{:02}: {error}", minute / 60, minute % 60)]
    Collapse {
        /// Minute of the day.
        minute: usize,
        /// Where.
        error: sim::power_flow::Collapse,
    },
    /// The socket cannot be made.
    #[error("socket {}: {source}{}", path.display(), advice(source))]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path cannot stand in a configuration.
    #[error("path {}: not in UTF-8, expected a path that a configuration can hold", .0.display())]
    Unprintable(PathBuf),
    /// The scenario cannot be run.
    #[error("{}:\n{error}", path.display())]
    Scenario {
        /// Where it stands.
        path: PathBuf,
        /// What is wrong with it.
        error: sim::scenario::ScenarioError,
    },
    /// The capture cannot be replayed.
    #[error("{}: {error}", path.display())]
    Capture {
        /// Where it stands.
        path: PathBuf,
        /// Why not.
        error: sim::capture::CaptureError,
    },
    /// A file or a folder.
    #[error("{}: {source}, expected {expected}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What it should have been.
        expected: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The scenario has no such node.
    #[error("node {node}: expected 0 to {meters}")]
    Node {
        /// What was asked for.
        node: u32,
        /// Meters of the scenario.
        meters: usize,
    },
    /// A street has no such meter.
    #[error("--one-way {place}: expected 1 to {customers}, the meters of the street")]
    Place {
        /// What was asked for.
        place: u8,
        /// Meters of the street.
        customers: u8,
    },
    /// Keys cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Keys {
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nobody can be served there.
    #[error("address {address}: {source}{}", advice(source))]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No address of a link has room for the device.
    #[error("--address-length {}, --physical {}: expected 1 without, 2 with at most 127, or 4 with a device", shown(*length), shown(*physical))]
    Physical {
        /// Octets of the address, if they were said.
        length: Option<u8>,
        /// The device, if there is one.
        physical: Option<u16>,
    },
    /// The meter on a desk.
    #[error(transparent)]
    Desk(#[from] sim::desk::ServeError),
    /// Standard output, or the stream of a daemon.
    #[error("standard output, or the stream of a daemon: {0}")]
    Io(#[from] io::Error),
}

/// What was expected, where the reason does not say it.
/// A number, or that there is none.
fn shown<N: std::fmt::Display>(number: Option<N>) -> String {
    number.map_or_else(|| String::from("none"), |number| number.to_string())
}

fn advice(source: &io::Error) -> &'static str {
    if source.kind() == ErrorKind::AddrInUse { ", expected a path that is free" } else { "" }
}

/// Builds the street and serves one daemon after the other, for ever.
pub(crate) fn serve(args: &StreetArgs) -> Result<(), Failure> {
    let mut street = build(&args.world, args.every_sample)?;
    let listener = listen(&args.socket)?;
    let mut err = io::stderr();
    writeln!(err, "{} meters behind unix:{}", street.sites().len(), args.socket.display())?;
    loop {
        let (mut daemon, _) = listener.accept()?;
        writeln!(err, "{} a daemon has come", street.utc())?;
        match stream::serve(&mut street, &mut daemon) {
            Ok(()) => writeln!(err, "{} the daemon has gone", street.utc())?,
            // One daemon that misbehaves is no reason to end the street.
            Err(error) => writeln!(err, "{} the daemon is dropped: {error}", street.utc())?,
        }
    }
}

fn build(world: &World, every_sample: bool) -> Result<Street, Failure> {
    let mut config = StreetConfig::new(world.seed);
    config.customers = usize::from(world.customers);
    config.snr_db = world.snr;
    config.every_sample = every_sample;
    config.one_way = one_way(world)?;
    Ok(Street::new(&config, &Feeder::european_lv())?)
}

/// The places of meters that only push.
///
/// # Errors
/// There is no such meter.
pub(crate) fn one_way(world: &World) -> Result<Vec<usize>, Failure> {
    match world.one_way.iter().find(|place| **place > world.customers) {
        Some(&place) => Err(Failure::Place { place, customers: world.customers }),
        None => Ok(world.one_way.iter().copied().map(usize::from).collect()),
    }
}

fn listen(path: &Path) -> Result<UnixListener, Failure> {
    // The socket of a street that was killed stays behind; nobody listens to it, so it may go.
    let left_behind =
        UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    if left_behind && is_socket(path) {
        std::fs::remove_file(path).map_err(|source| Failure::Socket { path: path.to_owned(), source })?;
    }
    UnixListener::bind(path).map_err(|source| Failure::Socket { path: path.to_owned(), source })
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|entry| entry.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named_with_its_reason_alone() {
        let path = format!("/{}", "x".repeat(200));
        let error = listen(Path::new(&path)).expect_err("no socket has such a path").to_string();
        assert_eq!(error, format!("socket {path}: path must be shorter than SUN_LEN"));
    }
}
