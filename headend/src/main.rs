//! `concentrator-headend`: the reference receiver of the backhaul.
#![forbid(unsafe_code)]

use anyhow::{Context, bail};
use clap::Parser;
use headend::service::{TlsFiles, serve};
use headend::{Committer, HeadStore};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Receives readings and events of boxes, keeps each reading once, and acknowledges what is committed.
#[derive(Debug, Parser)]
#[command(name = "concentrator-headend", version, about)]
struct Arguments {
    /// Where boxes dial in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50052")]
    listen: SocketAddr,
    /// The database; made when it is not there.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Certificates of the authority of the boxes (PEM).
    #[arg(long, value_name = "FILE", required_unless_present = "plain_text")]
    authority: Option<PathBuf>,
    /// Own certificate (PEM).
    #[arg(long, value_name = "FILE", required_unless_present = "plain_text")]
    certificate: Option<PathBuf>,
    /// Own private key (PEM).
    #[arg(long, value_name = "FILE", required_unless_present = "plain_text")]
    key: Option<PathBuf>,
    /// Serve this machine in plain text, for tests.
    #[arg(long, conflicts_with_all = ["authority", "certificate", "key"])]
    plain_text: bool,
    /// Megabytes of the database at most.
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_mb: Option<u32>,
    /// What is logged to standard error.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    concentrator::logging::start(&arguments.log, concentrator::logging::LogFormat::Text).context("--log")?;
    if arguments.plain_text && !arguments.listen.ip().is_loopback() {
        bail!("--listen {}: expected an address of this machine alone with --plain-text", arguments.listen);
    }
    let tls = tls(arguments)?;
    let mut store = HeadStore::open(&arguments.store)?;
    if let Some(megabytes) = arguments.max_mb {
        store.limit(megabytes * 256)?;
    }
    let (committer, writer) = Committer::start(store)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await;
        let listener = listener.with_context(|| format!("address {}", arguments.listen))?;
        writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        serve(listener, committer, arguments.store.clone(), tls, stop).await.context("boxes cannot be served")
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    // It ends when the last connection has gone.
    drop(writer);
    Ok(())
}

fn tls(arguments: &Arguments) -> anyhow::Result<Option<TlsFiles>> {
    let read =
        |path: &Path| std::fs::read_to_string(path).with_context(|| format!("file {}", path.display()));
    let (Some(authority), Some(certificate), Some(key)) =
        (&arguments.authority, &arguments.certificate, &arguments.key)
    else {
        return Ok(None);
    };
    Ok(Some(TlsFiles { authority: read(authority)?, certificate: read(certificate)?, key: read(key)? }))
}
