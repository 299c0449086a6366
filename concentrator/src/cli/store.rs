//! `concentrator store`: what is done to the files of a daemon that does not run.

use crate::clock;
use crate::config::Config;
use crate::store::Renewal;
use anyhow::bail;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// `concentrator store`.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// Renew the keys of the box, where `keys.sqlite` is lost or older than what was used last: a new network with a new group key, and counters
    /// towards meters that go on where they were certainly not used. What is there is moved away, not removed.
    ///
    /// The daemon must not run. Without --yes it says what it would do.
    Renew(RenewArgs),
}

/// `concentrator store renew`.
#[derive(Clone, Debug, Args)]
pub struct RenewArgs {
    /// The configuration of the daemon, which says where the store is.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn run(command: &StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Renew(args) => renew(args),
    }
}

fn renew(args: &RenewArgs) -> anyhow::Result<()> {
    let path = Config::load(&args.config)?.store_path;
    owned(&path)?;
    let renewal = Renewal::prepare(&path)?;
    let mut out = io::stdout().lock();
    for sentence in renewal.sentences() {
        writeln!(out, "{sentence}")?;
    }
    if args.yes {
        renewal.carry_out(clock::utc())?;
        writeln!(out, "done; the next start of the daemon forms the new network")?;
    } else {
        writeln!(out, "nothing was changed; --yes does it")?;
    }
    Ok(())
}

/// Files that somebody else makes the daemon cannot open.
fn owned(path: &Path) -> anyhow::Result<()> {
    let Ok(file) = path.metadata() else { return Ok(()) };
    let own = rustix::process::geteuid().as_raw();
    if file.uid() != own {
        bail!(
            "store {}: owned by user {}, expected the user who renews it, {own}; run it as that user, such as with `sudo -u`",
            path.display(),
            file.uid()
        );
    }
    Ok(())
}
