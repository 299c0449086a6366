//! The words for what is wanted of meters.

use super::ClientArgs;
use clap::{Args, Subcommand, ValueEnum};
use concentrator_proto::v1;
use std::path::PathBuf;

/// `concentrator read`.
#[derive(Clone, Debug, Args)]
pub struct ReadArgs {
    /// How to reach the concentrator.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Ahead of the plan; the plan itself needs nobody to ask.
    #[arg(long, required = true)]
    pub now: bool,
    /// Seconds after which it is given up, 1 to 2678400.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=2_678_400))]
    pub within: u64,
    /// The meters, by id or EUI-64.
    #[arg(value_name = "METER", required = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meters: Vec<String>,
}

/// `concentrator jobs`.
#[derive(Clone, Debug, Args)]
pub struct JobsArgs {
    /// How to reach the concentrator.
    #[command(flatten)]
    pub client: ClientArgs,
    /// What to do; without it, the jobs are listed.
    #[command(subcommand)]
    pub command: Option<JobsCommand>,
}

/// What to do with jobs.
#[derive(Clone, Debug, Subcommand)]
pub enum JobsCommand {
    /// Show one job with each of its meters.
    Show {
        /// Its number.
        id: u64,
    },
    /// Say what would become of a job.
    Preview(JobWords),
    /// Ask for a job.
    Submit {
        /// What is wanted of whom.
        #[command(flatten)]
        words: JobWords,
        /// Wait until it is over, waits for approval or is halted.
        #[arg(long)]
        wait: bool,
    },
    /// Approve the job of somebody else.
    Approve {
        /// Its number.
        id: u64,
    },
    /// End a job; what is under way with a meter goes on.
    Cancel {
        /// Its number.
        id: u64,
    },
    /// Let a job go on that its guard has halted.
    Resume {
        /// Its number.
        id: u64,
    },
}

/// What is wanted of whom.
#[derive(Clone, Debug, Args)]
pub struct JobWords {
    /// What.
    pub kind: KindWord,
    /// The meters, by id or EUI-64.
    #[arg(value_name = "METER", required_unless_present = "all", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub meters: Vec<String>,
    /// All meters that are configured.
    #[arg(long, conflicts_with = "meters")]
    pub all: bool,
    /// Of limit: the power.
    #[arg(long, value_name = "WATT", required_if_eq("kind", "limit"))]
    pub watt: Option<u32>,
    /// Of firmware: the file, whole and signed. It is uploaded before.
    #[arg(long, value_name = "FILE", required_if_eq("kind", "firmware"))]
    pub image: Option<PathBuf>,
    /// Of firmware: its name for the meters, 1 to 64 characters; without it the first 32 digits of its SHA-256.
    #[arg(long, value_name = "NAME", requires = "image")]
    pub identifier: Option<String>,
    /// Of firmware: seconds from now before which it is not activated.
    #[arg(long, value_name = "SECONDS", requires = "image", value_parser = clap::value_parser!(u32).range(1..=2_678_400))]
    pub activate_after: Option<u32>,
    /// Seconds after which it is given up, 1 to 2678400.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=2_678_400))]
    pub within: u64,
    /// Makes asking twice the same as asking once; without it a new one.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// What is wanted of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindWord {
    /// Read all captures up to now.
    Read,
    /// Set the clock.
    SetClock,
    /// Put the passive calendar in force.
    ActivateTariff,
    /// Limit the power.
    Limit,
    /// Open the switch.
    Disconnect,
    /// Close the switch.
    Reconnect,
    /// Leave the network.
    Remove,
    /// Run other firmware.
    Firmware,
    /// Go on under new keys.
    #[value(name = "re-key")]
    Rekey,
}

impl KindWord {
    pub(super) const fn message(self) -> v1::JobKind {
        match self {
            Self::Read => v1::JobKind::Read,
            Self::SetClock => v1::JobKind::SetClock,
            Self::ActivateTariff => v1::JobKind::ActivateTariff,
            Self::Limit => v1::JobKind::Limit,
            Self::Disconnect => v1::JobKind::Disconnect,
            Self::Reconnect => v1::JobKind::Reconnect,
            Self::Remove => v1::JobKind::Remove,
            Self::Firmware => v1::JobKind::Firmware,
            Self::Rekey => v1::JobKind::Rekey,
        }
    }
}

/// `concentrator audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove that the log is whole and signed by this box.
    Verify {
        /// The folder of the store, with audit.log and audit.pub.
        #[arg(long, value_name = "DIR", default_value = "/var/lib/concentrator")]
        dir: PathBuf,
    },
    /// Prove it, and print it.
    List {
        /// The folder of the store, with audit.log and audit.pub.
        #[arg(long, value_name = "DIR", default_value = "/var/lib/concentrator")]
        dir: PathBuf,
        /// Print one JSON object per line instead of a table.
        #[arg(long)]
        json: bool,
    },
}
