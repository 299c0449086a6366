//! The words for what is read again and again.

use super::ClientArgs;
use super::args::long_seconds;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use concentrator_proto::v1;

/// `concentrator tasks`.
#[derive(Clone, Debug, Args)]
pub struct TasksArgs {
    /// How to reach the concentrator.
    #[command(flatten)]
    pub client: ClientArgs,
    /// What to do; without it, the tasks are listed.
    #[command(subcommand)]
    pub command: Option<TasksCommand>,
}

/// What to do with tasks.
#[derive(Clone, Debug, Subcommand)]
pub enum TasksCommand {
    /// Add a task.
    Add(TaskWords),
    /// Remove a task that was added; what it has read stays.
    Remove {
        /// Its name.
        name: String,
    },
    /// Let no run of a task begin until it is resumed.
    Pause {
        /// Its name.
        name: String,
    },
    /// Let runs of a task begin again.
    Resume {
        /// Its name.
        name: String,
    },
}

/// A task.
#[derive(Clone, Debug, Args)]
pub struct TaskWords {
    /// Its name: 1 to 64 letters, digits, hyphens and underscores.
    pub name: String,
    /// What is read.
    pub read: ReadWord,
    /// Time between two runs, such as 15m; at least a minute.
    #[arg(long, value_name = "TIME", value_parser = long_seconds)]
    pub every: u32,
    /// How long after each multiple of that time in UTC a run begins.
    #[arg(long, value_name = "TIME", value_parser = long_seconds)]
    pub offset: Option<u32>,
    /// Within which time its meters begin.
    #[arg(long, value_name = "TIME", value_parser = long_seconds)]
    pub spread: Option<u32>,
    /// When a run is over, whatever is missing; without it, when the next one begins.
    #[arg(long, value_name = "TIME", value_parser = long_seconds)]
    pub deadline: Option<u32>,
    /// The smallest goes first; the load profile has 100.
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub priority: u8,
    /// How often a meter is tried in a run.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub attempts: u32,
    /// Pause after the first failure, doubling with each further one.
    #[arg(long, value_name = "TIME", value_parser = long_seconds, default_value = "30s")]
    pub back_off: u32,
    /// Logical name of a register, profile or log, such as 1-0:32.7.0.255, once for each; without it those that are usual.
    #[arg(long = "object", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub objects: Vec<String>,
    /// The meters, by id or EUI-64; without it all.
    #[arg(value_name = "METER", value_parser = NonEmptyStringValueParser::new())]
    pub meters: Vec<String>,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReadWord {
    /// Registers as they are now.
    Instant,
    /// The daily values that are new.
    Daily,
    /// The monthly values that are new.
    Monthly,
    /// The events that are new.
    Events,
    /// The clock.
    Clock,
}

impl ReadWord {
    pub(super) const fn message(self) -> v1::TaskKind {
        match self {
            Self::Instant => v1::TaskKind::Instant,
            Self::Daily => v1::TaskKind::Daily,
            Self::Monthly => v1::TaskKind::Monthly,
            Self::Events => v1::TaskKind::Events,
            Self::Clock => v1::TaskKind::Clock,
        }
    }
}

impl TaskWords {
    pub(super) fn plan(&self) -> v1::TaskPlan {
        let ms = |seconds: u32| u64::from(seconds) * 1000;
        let deadline = self.deadline.unwrap_or(self.every);
        v1::TaskPlan {
            name: self.name.clone(),
            kind: self.read.message().into(),
            objects: self.objects.clone(),
            meter_ids: self.meters.clone(),
            period_ms: ms(self.every),
            offset_ms: self.offset.map_or(0, ms),
            spread_ms: ms(self.spread.unwrap_or_else(|| deadline.min(60))),
            deadline_ms: ms(deadline),
            priority: self.priority.into(),
            attempts: self.attempts,
            back_off_ms: ms(self.back_off),
        }
    }
}

/// `concentrator values`.
#[derive(Clone, Debug, Args)]
pub struct ValuesArgs {
    /// How to reach the concentrator.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Only of this meter, by its id or EUI-64.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub meter: Option<String>,
    /// Only what such tasks have read.
    #[arg(long, value_name = "KIND")]
    pub read: Option<ReadWord>,
    /// Only the newest of each object of each meter.
    #[arg(long, conflicts_with = "follow")]
    pub newest: bool,
    /// Print those that are held, then stay and print new ones.
    #[arg(long)]
    pub follow: bool,
    /// Only values after this cursor.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    pub after: u64,
}
