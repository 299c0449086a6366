//! `plcsim`: the virtual world from the command line.
//!
//! `plcsim street` is a street of meters behind the stream of an analogue front end, for a daemon in another
//! process: `plcsim config` writes the configuration with which `concentrator run` reads it.
#![forbid(unsafe_code)]

mod calibrate;
mod compare;
mod config;
mod image;
mod meter;
mod pem;
mod power_flow;
mod run;
mod street;

use clap::{Args, Parser, Subcommand};
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Emulated streets for the data concentrator.
#[derive(Debug, Parser)]
#[command(name = "plcsim", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a street on a socket; it stands still while no daemon is there.
    Street(StreetArgs),
    /// Serve one meter over TCP, without a line.
    Meter(MeterArgs),
    /// Print the configuration of a daemon for this street.
    Config(ConfigArgs),
    /// Write an image of firmware, signed for the meters of this street.
    Image(ImageArgs),
    /// Run the real receiver in noise and print the error tables of frame fidelity.
    Calibrate(CalibrateArgs),
    /// Run a scenario at frame fidelity and report; fails when an invariant is violated.
    Run(RunArgs),
    /// Give a node of a capture everything that happened to it, and compare what it sends, bit for bit.
    Replay(ReplayArgs),
    /// Run the same town of one feeder at waveform fidelity and at frame fidelity, and print both side by side.
    Compare(CompareArgs),
    /// Solve the 50 Hz power flow of the feeder: voltages, currents, losses, of a minute or of the whole day.
    PowerFlow(PowerFlowArgs),
}

/// Which street.
#[derive(Clone, Debug, Args)]
struct World {
    /// Meters on the line.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=55))]
    customers: u8,
    /// The same seed gives the same street.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Noise such that the worst link has this ratio of signal to noise, in decibels.
    #[arg(long, value_name = "DB", allow_negative_numbers = true, value_parser = decibels)]
    snr: Option<f64>,
    /// The meter at this place only pushes, and hears nobody; may be said again.
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u8).range(1..=55))]
    one_way: Vec<u8>,
}

/// `plcsim street`.
#[derive(Clone, Debug, Args)]
struct StreetArgs {
    #[command(flatten)]
    world: World,
    /// The socket to make; one that is in use is not touched.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Never skip silence.
    #[arg(long)]
    every_sample: bool,
}

/// `plcsim meter`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("port").required(true).multiple(true))]
struct MeterArgs {
    /// Serve wrapper PDUs there; 4059 is the port of DLMS.
    #[arg(long, value_name = "ADDRESS", group = "port")]
    wrapper: Option<std::net::SocketAddr>,
    /// Serve wrapper PDUs in datagrams there.
    #[arg(long, value_name = "ADDRESS", group = "port")]
    udp: Option<std::net::SocketAddr>,
    /// Serve HDLC there.
    #[arg(long, value_name = "ADDRESS", group = "port")]
    hdlc: Option<std::net::SocketAddr>,
    /// The physical device in its HDLC address, which has two octets then, or four from 128 on, and one without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16383))]
    physical: Option<u16>,
    /// Octets of its HDLC address: 1, 2 or 4. [default: as few as --physical needs]
    #[arg(long, value_name = "N")]
    address_length: Option<u8>,
    /// Whose meter it is.
    #[arg(long, value_name = "N", default_value_t = 1)]
    customer: u32,
    /// The same seed gives the same measurements.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The clients and their keys, as this program prints them in TOML; without it, clients 16, 17, 1, 2, 3, 4 and 102 with keys that
    /// everybody knows.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Notify this client of alarms with EventNotification, over each association that it has open.
    #[arg(long, value_name = "CLIENT")]
    notify: Option<u16>,
    /// Write the keys for signatures and agreement there as PEM, for other programs.
    #[arg(long, value_name = "DIR")]
    pem: Option<PathBuf>,
    /// Days for which it has measured.
    #[arg(long, value_name = "D", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=400))]
    days: u32,
    /// Keep there what a meter takes through a restart: counters, changed keys, rows, registers, objects, logs, the time that was set.
    /// The next life goes on with it, whatever --days and --keys say of what has changed.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// `plcsim config`.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    #[command(flatten)]
    world: World,
    /// The socket of the street.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The store of the daemon.
    #[arg(long, value_name = "PATH")]
    store: PathBuf,
    /// Where the daemon serves its interface.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    listen: std::net::SocketAddr,
}

/// `plcsim image`.
#[derive(Clone, Debug, Args)]
struct ImageArgs {
    /// The seed of the street.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The version that it is of.
    #[arg(long, value_name = "TEXT", default_value = "2.0.0")]
    release: String,
    /// Octets of it, with the signature; as many as it needs are always there.
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(..=262_144))]
    octets: u32,
    /// Its self-check fails: the meters go back to what they ran before.
    #[arg(long)]
    fails: bool,
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// `plcsim run`.
#[derive(Clone, Debug, Args)]
struct RunArgs {
    /// The scenario file.
    #[arg(value_name = "FILE")]
    scenario: PathBuf,
    /// Instead of the seed of the scenario.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Write the report here too: as text, JSON and a page.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write everything that happens to this node, to be replayed: 0 is the concentrator, n the n-th meter.
    #[arg(long, value_name = "NODE", requires = "out")]
    capture: Option<u32>,
    /// Write the frames on the line as pcapng.
    #[arg(long, requires = "out")]
    pcapng: bool,
}

/// `plcsim replay`.
#[derive(Clone, Debug, Args)]
struct ReplayArgs {
    /// The capture.
    #[arg(value_name = "FILE")]
    capture: PathBuf,
}

/// `plcsim compare`.
#[derive(Clone, Debug, Args)]
struct CompareArgs {
    /// Meters on the line.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u8).range(1..=55))]
    customers: u8,
    /// Simulated minutes.
    #[arg(long, value_name = "M", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=1 << 62))]
    seed: u64,
    /// How many seeds.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    runs: u64,
}

/// `plcsim power-flow`.
#[derive(Clone, Debug, Args)]
struct PowerFlowArgs {
    /// One minute of the day, as HH:MM, with all customers; without it the whole day, hour by hour.
    #[arg(long, value_name = "HH:MM", value_parser = minute)]
    time: Option<usize>,
    /// The feeder whose five tables stand in this directory, instead of the built-in one.
    #[arg(long, value_name = "DIR")]
    feeder: Option<PathBuf>,
    /// Voltage of the transformer without load, in parts of its nominal 416 V.
    #[arg(long, value_name = "PU", default_value_t = 1.05, value_parser = per_unit)]
    source: f64,
    /// A row for each customer and minute, for other programs.
    #[arg(long)]
    csv: bool,
    /// The same for each bus.
    #[arg(long, conflicts_with = "csv")]
    buses: bool,
}

/// A minute of the day.
fn minute(text: &str) -> Result<usize, String> {
    let parts = text.split_once(':').filter(|(hours, minutes)| hours.len() <= 2 && minutes.len() == 2);
    let number = |text: &str, end: usize| -> Option<usize> {
        let digits = text.bytes().all(|octet| octet.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number < end)
    };
    let minute = parts.and_then(|(hours, minutes)| Some(number(hours, 24)? * 60 + number(minutes, 60)?));
    minute.ok_or_else(|| String::from("expected a time of the day from 00:00 to 23:59"))
}

fn per_unit(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.5..=1.5).contains(number));
    number.ok_or_else(|| String::from("expected a number from 0.5 to 1.5"))
}

/// `plcsim calibrate`.
#[derive(Clone, Debug, Args)]
struct CalibrateArgs {
    /// The band: cenelec-a, fcc or arib.
    #[arg(long, value_name = "BAND", default_value = "cenelec-a", value_parser = band)]
    band: &'static BandPlan,
    /// Frames at each ratio of signal to noise where some are lost and some are not.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    frames: u32,
    /// The same seed gives the same table.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// What the head of the table says of the program that made it.
    #[arg(long, value_name = "TEXT", default_value = concat!("sim ", env!("CARGO_PKG_VERSION")))]
    made_by: String,
}

/// A band that can be calibrated: one of whose carriers none is silent.
fn band(text: &str) -> Result<&'static BandPlan, String> {
    let whole = [&CENELEC_A, &FCC, &ARIB].into_iter().find(|plan| plan.name.eq_ignore_ascii_case(text));
    whole.ok_or_else(|| String::from("expected cenelec-a, fcc or arib"))
}

fn decibels(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (-40.0..=100.0).contains(number));
    number.ok_or_else(|| String::from("expected decibels, -40 to 100"))
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Street(args) => street::serve(&args),
        Command::Meter(args) => meter::serve(&args),
        Command::Config(args) => config::print(&args),
        Command::Image(args) => image::write(&args),
        Command::Calibrate(args) => calibrate::print(&args),
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => run::replay(&args),
        Command::Compare(args) => compare::print(&args),
        Command::PowerFlow(args) => power_flow::print(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
