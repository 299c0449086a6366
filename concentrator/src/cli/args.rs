//! The words of the command line.

use super::direct::DirectCommand;
use super::job_words::{AuditCommand, JobsArgs, ReadArgs};
use super::ledger::digested;
use super::store::StoreCommand;
use super::task_words::{TasksArgs, ValuesArgs};
use crate::grpc::Role;
use backhaul::Digested;
use clap::{Args, Parser, Subcommand};
use dlms::cosem::LogicalName;
use plc_core::Utc;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use tonic::transport::Uri;

/// The data concentrator: reads the meters of a low-voltage feeder over the power line.
#[derive(Debug, Parser)]
#[command(name = "concentrator", version, about)]
pub struct Cli {
    /// What is logged to standard error, such as "info" or "warn,concentrator=debug".
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the power line and the gRPC interface until SIGINT or SIGTERM.
    Run(RunArgs),
    /// Print the configuration file with its defaults, every key explained; or check, show or compare files.
    Config {
        /// What to do instead.
        #[command(subcommand)]
        command: Option<ConfigCommand>,
    },
    /// Print the completions of a shell.
    Completions {
        /// Which one.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of all commands.
    Man {
        /// Where they go; the folder is made.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// A street of meters on an emulated line, read by this concentrator, in virtual time.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// List the meters of a running concentrator.
    Meters(MetersArgs),
    /// Show one meter of a running concentrator: the newest value of each quantity that was read, what tasks have read last, and its events.
    Meter(OneMeterArgs),
    /// List or follow the readings of a running concentrator.
    Readings(ReadingsArgs),
    /// List the nodes of the network of a running concentrator, its links or its routes.
    Topology(TopologyArgs),
    /// Listen to the frames on the power line of a running concentrator, until SIGINT.
    Capture(CaptureArgs),
    /// Show the state of a running concentrator.
    Status(ClientArgs),
    /// Say why a meter is read, or is not; without one, of all meters.
    Explain(ExplainArgs),
    /// Show in which state every expected interval is, or digests of what is held.
    ///
    /// Exit codes: 0 done; 1 an error; 2 a wrong command line; 6 the other does not hold the same.
    Ledger(LedgerArgs),
    /// Read meters now, ahead of the plan, and wait for it.
    ///
    /// Exit codes: 0 read; 1 an error; 2 a wrong command line; 6 a meter was not read.
    Read(ReadArgs),
    /// List what is wanted of meters, or ask for it.
    ///
    /// Exit codes: 0 done, or taken; 1 an error; 2 a wrong command line; 6 the job is over and not all meters are done; 7 it waits for an
    /// approval, or is halted.
    Jobs(JobsArgs),
    /// List what is read again and again, or add, remove, pause or resume a task.
    Tasks(TasksArgs),
    /// List or follow what tasks have read: instant values, daily and monthly values, events of meters, deviations of clocks.
    Values(ValuesArgs),
    /// Prove or print the record of commands, beside the store.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show what the concentrator holds, and what of it the head-end does not have yet.
    Cache(ClientArgs),
    /// Show the way to the head-end.
    Backhaul(ClientArgs),
    /// Gather what somebody needs who helps from afar into one archive: state, meters and why they are read or not, network, events,
    /// ledger, jobs, configuration. It holds no keys.
    Bundle(BundleArgs),
    /// Do something to the files of a concentrator that does not run.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Make certificates for tests.
    #[command(subcommand)]
    Pki(PkiCommand),
    /// List or follow the events of a running concentrator.
    Events(EventsArgs),
    /// Read, write and hear a meter without a concentrator.
    ///
    /// Exit codes: 0 done; 1 an error of this machine or of a file; 2 a wrong command line; 3 the meter cannot be reached, does
    /// not answer, or answers what cannot be understood; 4 the meter refuses the association, accepts it on other terms, or one of both
    /// did not prove itself; 5 the meter refuses what it was asked for; 8 it is another meter than was expected, or --state is of another
    /// meter, client or key.
    #[command(subcommand)]
    Dlms(DirectCommand),
}

/// `concentrator config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the file with its defaults, every key explained.
    Template,
    /// Say everything that is wrong with a file.
    Check {
        /// The file.
        file: PathBuf,
        /// Print one JSON object instead of a sentence.
        #[arg(long)]
        json: bool,
    },
    /// Print what a file says, or what a running concentrator goes by, with all defaults and without keys.
    Show {
        /// The file; without it a running concentrator is asked.
        file: Option<PathBuf>,
        /// How to reach the concentrator.
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Say what is different between two files, and what it takes to go from one to the other.
    Diff {
        /// The file that is in force.
        old: PathBuf,
        /// The other one.
        new: PathBuf,
        /// Print one JSON object per line instead of sentences.
        #[arg(long)]
        json: bool,
    },
    /// Put a file in the place of that of a running concentrator.
    Apply {
        /// The file.
        file: PathBuf,
        /// Take it back after this time, such as 10m, unless it is confirmed before.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        confirm: Option<u32>,
        /// How to reach the concentrator.
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Keep what is on trial.
    Confirm(ClientArgs),
    /// Take back what is on trial.
    Revert(ClientArgs),
}

/// `concentrator run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The configuration; `concentrator config` prints one.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `concentrator demo`.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Meters on the line.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=55))]
    pub customers: u8,
    /// Capture periods to live through.
    #[arg(long, value_name = "P", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub periods: u32,
    /// The same seed gives the same street.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Noise such that the worst link has this ratio of signal to noise, in decibels; without it, as on the line
    /// of the street.
    #[arg(long, value_name = "DB", allow_negative_numbers = true, value_parser = decibels)]
    pub snr: Option<f64>,
    /// Keep the store and all files there.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Keep serving the interface at the end, until SIGINT or SIGTERM.
    #[arg(long)]
    pub hold: bool,
    /// Where the gRPC interface is served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// Compute every sample of the line, also while everybody is silent.
    #[arg(long)]
    pub every_sample: bool,
    /// What meters the customers have: single-phase, three-phase or mix.
    #[arg(long, value_name = "KIND", default_value_t)]
    pub meters: sim::street::MeterMix,
    /// Take the street from a folder with the data of a feeder.
    #[arg(long, value_name = "DIR")]
    pub feeder: Option<PathBuf>,
}

/// How to reach a running concentrator, and how to print.
#[derive(Clone, Debug, Args)]
pub struct ClientArgs {
    /// The interface of the concentrator; without it https://127.0.0.1:50051 with --pki, and http://127.0.0.1:50051 without.
    #[arg(long, global = true, value_name = "URL")]
    pub address: Option<Uri>,
    /// The folder with the certificates of the authority (ca.pem) and the own one, as `concentrator pki init` makes it.
    #[arg(long, global = true, value_name = "DIR")]
    pub pki: Option<PathBuf>,
    /// Whose certificate: NAME.pem and NAME.key in that folder.
    #[arg(
        long = "as",
        id = "as",
        global = true,
        value_name = "NAME",
        default_value = "viewer",
        requires = "pki"
    )]
    pub name: String,
    /// The name in the certificate of the concentrator, where it is not that of the address.
    #[arg(long, global = true, value_name = "NAME", requires = "pki")]
    pub server_name: Option<String>,
    /// Print one JSON object per line instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
}

/// `concentrator meters`.
#[derive(Clone, Debug, Args)]
pub struct MetersArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// In which order.
    #[arg(long, value_enum, default_value_t = MeterOrder::Id)]
    pub sort: MeterOrder,
}

/// The order of meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MeterOrder {
    /// By EUI-64.
    Id,
    /// Those first that need somebody: not in the network, rarely available, long not read.
    Worst,
}

/// `concentrator topology`.
#[derive(Clone, Debug, Args)]
pub struct TopologyArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Instead, how the concentrator speaks to each of its neighbours: modulation, tone map, level.
    #[arg(long)]
    pub links: bool,
    /// Instead, the routes that it knows.
    #[arg(long, conflicts_with = "links")]
    pub routes: bool,
}

/// `concentrator capture`.
#[derive(Clone, Debug, Args)]
pub struct CaptureArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Write a pcapng file instead of a line for each frame.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub out: Option<PathBuf>,
    /// Stop after so many frames.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub frames: u64,
    /// Stop after this time, such as 90s or 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    pub time: Option<u32>,
}

/// `concentrator bundle`.
#[derive(Clone, Debug, Args)]
pub struct BundleArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The archive, such as box-17.tar.gz.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Days of the ledger.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub days: u16,
    /// Frames of the line for so long, such as 30s, which takes the role of an operator.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub capture: Option<u32>,
}

/// `concentrator explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The meter, by its id or EUI-64; also a device that is not configured, by its EUI-64.
    #[arg(value_name = "METER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meter: Option<String>,
}

/// `concentrator meter`.
#[derive(Clone, Debug, Args)]
pub struct OneMeterArgs {
    /// The meter, by its id or EUI-64.
    #[arg(value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meter: String,
    /// How to reach the concentrator.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `concentrator ledger`.
#[derive(Clone, Debug, Args)]
pub struct LedgerArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Only of this meter, by its id or EUI-64.
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meter: Option<String>,
    /// Captured at this time (UTC) or later; without it since the meter is expected.
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub from: Option<Utc>,
    /// Captured before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub to: Option<Utc>,
    /// Instead, digests of what is held in buckets of so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub digests: Option<u64>,
    /// Of what: the readings of load profiles, or the values of tasks.
    #[arg(long, value_name = "WHAT", default_value = "readings", value_parser = digested(), requires = "digests")]
    pub of: Digested,
    /// Compare them with those of another, such as `concentrator-headend digests` writes, and print what differs. --from and --to are then
    /// where buckets begin.
    #[arg(long, value_name = "FILE", requires = "digests")]
    pub against: Option<PathBuf>,
}

/// `concentrator pki`.
#[derive(Clone, Debug, Subcommand)]
pub enum PkiCommand {
    /// Make an authority, and certificates for a head-end, for boxes and for people.
    Init {
        /// Where the files go.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Names and addresses of the head-end.
        #[arg(long, value_name = "NAME", default_values_t = [String::from("localhost"), String::from("127.0.0.1")])]
        head_end: Vec<String>,
        /// Names of the boxes.
        #[arg(long = "box", value_name = "ID")]
        boxes: Vec<String>,
        /// Names of people and what they may do: viewer, operator or administrator.
        #[arg(long, value_name = "NAME:ROLE", value_parser = person,
            default_values = ["viewer:viewer", "operator:operator", "administrator:administrator"])]
        client: Vec<(String, Role)>,
    },
}

/// `concentrator events`.
#[derive(Clone, Debug, Args)]
pub struct EventsArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Print those that are kept, then stay and print new ones.
    #[arg(long)]
    pub follow: bool,
    /// Only events after this cursor.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    pub after: u64,
}

/// `concentrator readings`.
#[derive(Clone, Debug, Args)]
pub struct ReadingsArgs {
    /// How to reach it.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Only of this meter, by its id or EUI-64.
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meter: Option<String>,
    /// Print those that are held, then stay and print new ones.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub follow: bool,
    /// Captured at this time (UTC) or later: 2026-11-22 or 2026-11-22T10:15:00Z.
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub from: Option<Utc>,
    /// Captured before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub to: Option<Utc>,
    /// Only readings after this cursor.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    pub after: u64,
}

fn person(text: &str) -> Result<(String, Role), String> {
    let parts = text.split_once(':').and_then(|(name, role)| Some((name.to_owned(), Role::from_word(role)?)));
    parts.ok_or_else(|| String::from("expected NAME:ROLE with a role of viewer, operator or administrator"))
}

#[cfg(feature = "demo")]
fn decibels(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (-40.0..=100.0).contains(number));
    number.ok_or_else(|| String::from("expected decibels, -40 to 100"))
}

/// A number of seconds up to a day: 90, 90s, 10m or 2h.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let seconds = any_seconds(text).filter(|n| !text.ends_with('d') && (1..=86_400).contains(n));
    seconds.ok_or_else(|| String::from("expected a time up to a day, such as 90s, 10m or 2h"))
}

/// A number of seconds up to a month: 90, 90s, 10m, 2h or 7d.
pub(super) fn long_seconds(text: &str) -> Result<u32, String> {
    let seconds = any_seconds(text).filter(|n| (1..=31 * 86_400).contains(n));
    seconds.ok_or_else(|| String::from("expected a time up to 31 days, such as 90s, 10m, 2h or 7d"))
}

fn any_seconds(text: &str) -> Option<u32> {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(digits) if text.ends_with('d') => (digits, 86_400),
        Some(digits) if text.ends_with('m') => (digits, 60),
        Some(digits) if text.ends_with('h') => (digits, 3600),
        Some(digits) => (digits, 1),
        None => (text, 1),
    };
    let number: Option<u32> =
        digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()));
    number.and_then(|number| number.checked_mul(unit))
}

pub(super) fn logical_name(text: &str) -> Result<LogicalName, String> {
    text.parse().map_err(|_| String::from("expected six numbers, such as 1.0.1.8.0.255"))
}

/// An address or the name of a host, and a port. Meters that have addresses of both kinds are reached by the older one.
pub(super) fn host(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an address or a host, and a port, such as 192.0.2.7:4059 or meter.example:4059";
    let found = text.to_socket_addrs().map_err(|error| format!("{error}; {expected}"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.into_iter().next().ok_or_else(|| String::from(expected))
}

/// `YYYY-MM-DD`, with `THH:MM` or `THH:MM:SS` behind it, and `Z` behind that.
pub(super) fn utc(text: &str) -> Result<Utc, String> {
    let error = || String::from("expected a time in UTC, such as 2026-11-22 or 2026-11-22T10:15:00Z");
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let date = numbers(date, '-').ok_or_else(error)?;
    let time = numbers(time.strip_suffix('Z').unwrap_or(time), ':').ok_or_else(error)?;
    let (&[year, month, day], (hour, minute, second)) = (
        date.as_slice(),
        match time[..] {
            [hour, minute] => (hour, minute, 0),
            [hour, minute, second] => (hour, minute, second),
            _ => return Err(error()),
        },
    ) else {
        return Err(error());
    };
    let small = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
    Utc::from_civil(year.into(), small(month), small(day), small(hour), small(minute), small(second))
        .ok_or_else(error)
}

fn numbers(text: &str, separator: char) -> Option<Vec<u16>> {
    let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    text.split(separator).map(|part| part.parse().ok().filter(|_| digits(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use proptest::prelude::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Two arguments of one id are one: whatever is given for the one is taken for the other.
    fn has_unique_ids(command: &clap::Command, above: &[String]) {
        let own = |global| command.get_arguments().filter(move |arg| arg.is_global_set() == global);
        let id = |arg: &clap::Arg| arg.get_id().to_string();
        for arg in own(false) {
            assert!(!above.contains(&id(arg)), "{}: {} is said twice", command.get_name(), id(arg));
        }
        let all: Vec<String> = above.iter().cloned().chain(own(true).map(id)).collect();
        command.get_subcommands().for_each(|command| has_unique_ids(command, &all));
    }

    #[test]
    fn no_argument_is_taken_for_one_of_all_commands() {
        has_unique_ids(&Cli::command(), &[]);
        let words = ["concentrator", "tasks", "--pki", "p", "--as", "ann", "pause", "volts"];
        let Command::Tasks(tasks) = Cli::parse_from(words).command else { panic!("tasks") };
        assert_eq!(tasks.client.name, "ann");
        let words = ["concentrator", "tasks", "pause", "volts", "--pki", "p", "--as", "ann"];
        let Command::Tasks(tasks) = Cli::parse_from(words).command else { panic!("tasks") };
        assert_eq!(tasks.client.name, "ann");
    }

    #[test]
    fn a_host_is_an_address_or_a_name_with_a_port() {
        assert_eq!(host("127.0.0.1:4059"), Ok(SocketAddr::from(([127, 0, 0, 1], 4059))));
        assert_eq!(host("localhost:4059").map(|address| address.port()), Ok(4059));
        assert!(host("[::1]:4059").is_ok_and(|address| address.is_ipv6()));
        for bad in ["127.0.0.1", "127.0.0.1:70000", ":", ""] {
            assert!(host(bad).is_err_and(|said| said.contains("expected an address or a host")), "{bad}");
        }
    }

    #[test]
    fn a_trial_lasts_seconds_minutes_or_hours_up_to_a_day() {
        for (text, expected) in [("90", 90), ("90s", 90), ("10m", 600), ("24h", 86_400)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in ["", "m", "0", "-1m", "+5s", "25h", "1d", "9999999999h", "10 m"] {
            assert!(seconds(bad).is_err_and(|said| said.contains("expected a time")), "{bad}");
        }
        assert_eq!(
            [long_seconds("31d"), long_seconds("744h"), long_seconds("90")],
            [Ok(2_678_400), Ok(2_678_400), Ok(90)]
        );
        for bad in ["32d", "0d", "d", "745h", "1w"] {
            assert!(long_seconds(bad).is_err_and(|said| said.contains("31 days")), "{bad}");
        }
    }

    #[test]
    fn a_time_is_a_date_with_or_without_the_hour() {
        let expected = Utc::from_secs(1_795_342_500);
        for good in ["2026-11-22T10:15", "2026-11-22T10:15Z", "2026-11-22T10:15:00Z"] {
            assert_eq!(utc(good), Ok(expected), "{good}");
        }
        assert_eq!(utc("2026-11-22"), Ok(Utc::from_secs(1_795_305_600)));
        for bad in [
            "",
            "now",
            "2026-02-30",
            "2026-11-22T25:00",
            "2026-11-22T10",
            "2026-11",
            "+2026-1-1",
            "2026-999-1",
        ] {
            assert!(utc(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_time_is_read_back(seconds in 0i64..4_000_000_000) {
            prop_assert_eq!(utc(&Utc::from_secs(seconds).to_string()), Ok(Utc::from_secs(seconds)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9T:Z+-]{0,20}|.{0,9}") {
            let _ = utc(&text);
        }
    }
}
