//! The command line. Exit codes: 0 done, 1 an error in one line on standard error, 2 a wrong command line; of `read` and `jobs` also 6
//! and 7, of `dlms` also 3 the meter
//! cannot be reached, does not answer or not so that it can be understood, 4 it refuses the association or a proof is wrong, 5 it
//! refuses what it was asked for, 8 it is another meter than was expected, or the counters are those of another.

mod args;
mod bundle;
mod client;
mod configuration;
mod dial;
mod direct;
mod job_words;
mod jobs;
mod ledger;
mod manual;
mod network;
mod print;
mod quantity;
mod store;
mod task_words;
mod tasks;

#[cfg(feature = "demo")]
pub use args::DemoArgs;
pub use args::{
    BundleArgs, CaptureArgs, Cli, ClientArgs, Command, ConfigCommand, EventsArgs, ExplainArgs, LedgerArgs,
    OneMeterArgs, PkiCommand, ReadingsArgs, RunArgs, TopologyArgs,
};
pub use args::{MeterOrder, MetersArgs};
pub use direct::parsers;
pub use direct::{
    ActionArgs, DirectCommand, GetArgs, ListenArgs, MeterArgs, ObjectArgs, ProfileArgs, PushCommand,
    SecurityArgs, SetArgs,
};
pub use job_words::{AuditCommand, JobWords, JobsArgs, JobsCommand, KindWord, ReadArgs};
pub use ledger::digested;
pub use store::{RenewArgs, StoreCommand};
pub use task_words::{TaskWords, TasksArgs, TasksCommand, ValuesArgs};

use crate::logging::LogFormat;
use crate::words;
use crate::{daemon, logging, pki};
use anyhow::Context;
use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

/// Does what the command line says.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        // The reader of a pipe has had enough.
        Err(error) if words::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", words::chain(&error));
            error.downcast_ref::<direct::Fault>().map_or(ExitCode::FAILURE, direct::Fault::exit_code)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => return daemon::run(&args, cli.log.as_deref()),
        #[cfg(feature = "demo")]
        Command::Demo(args) => {
            start_log(cli.log.as_deref(), "warn")?;
            return crate::demo::run(&args);
        }
        Command::Config { command } => configuration::run(command.as_ref())?,
        Command::Completions { shell } => manual::completions(shell)?,
        Command::Man { dir } => manual::pages(&dir)?,
        Command::Store(command) => {
            start_log(cli.log.as_deref(), "warn")?;
            store::run(&command)?;
        }
        Command::Audit(command) => return jobs::audit(&command),
        Command::Bundle(args) => {
            start_log(cli.log.as_deref(), "warn")?;
            return bundle::bundle(&args);
        }
        Command::Pki(PkiCommand::Init { dir, head_end, boxes, client }) => {
            pki::init(&dir, &head_end, &boxes, &client)?;
        }
        Command::Dlms(command) => {
            start_log(cli.log.as_deref(), "warn")?;
            direct::run(&command)?;
        }
        client => {
            start_log(cli.log.as_deref(), "warn")?;
            return client::run(client);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts the log by the command line, or else by `default`, for people.
pub(crate) fn start_log(wanted: Option<&str>, default: &str) -> anyhow::Result<()> {
    logging::start(wanted.unwrap_or(default), LogFormat::Text).context("--log")
}
