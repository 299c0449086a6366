//! `concentrator-headend`: the reference receiver of the backhaul.
#![forbid(unsafe_code)]

use anyhow::{Context, bail};
use archive::Filter;
use backhaul::{Digested, Digests};
use clap::{Args, Parser, Subcommand};
use concentrator::cli::digested;
use concentrator::grpc::obis;
use concentrator::store::TaskValue;
use concentrator::uplink::TlsFiles;
use headend::service::{QUESTIONS, serve};
use headend::{Committer, Contradiction, HeadStore};
use plc_core::Eui64;
use plc_core::time::Duration;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Receives readings, events and values of tasks of boxes, keeps each once, and acknowledges what is committed.
#[derive(Debug, Parser)]
#[command(
    name = "concentrator-headend",
    version,
    about,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Option<ServeArgs>,
}

/// What to do instead of serving boxes.
#[derive(Debug, Subcommand)]
enum Command {
    /// Print digests of what is held, a JSON object per line, for `concentrator ledger --digests --against`.
    Digests(DigestArgs),
    /// Print the values of tasks that are held, a JSON object per line, with the names that `concentrator values --json` has.
    Values(ValueArgs),
    /// Print what came and contradicts what was held, a JSON object per line: the names of `values`, and `held` for the number that stayed.
    Contradictions(ContradictionArgs),
}

/// `concentrator-headend contradictions`.
#[derive(Debug, Args)]
struct ContradictionArgs {
    /// The database.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
}

/// `concentrator-headend values`.
#[derive(Debug, Args)]
struct ValueArgs {
    /// The database.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Only of this meter, by its EUI-64.
    #[arg(long, value_name = "EUI64", value_parser = meter)]
    meter: Option<Eui64>,
}

/// `concentrator-headend digests`.
#[derive(Debug, Args)]
struct DigestArgs {
    /// The database.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Seconds of capture time that one digest covers.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    bucket: u64,
    /// Of what: the readings of load profiles, or the values of tasks.
    #[arg(long, value_name = "WHAT", default_value = "readings", value_parser = digested())]
    of: Digested,
    /// Only of this meter, by its EUI-64.
    #[arg(long, value_name = "EUI64", value_parser = meter)]
    meter: Option<Eui64>,
}

/// Serving boxes.
#[derive(Debug, Args)]
struct ServeArgs {
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
        // Whoever read has had enough.
        Err(error) if concentrator::words::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", concentrator::words::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match (&arguments.command, &arguments.serve) {
        (Some(Command::Digests(digests)), _) => print_digests(digests),
        (Some(Command::Values(values)), _) => print_values(values),
        (Some(Command::Contradictions(of)), _) => print_contradictions(&of.store),
        (None, Some(serve)) => serve_boxes(serve),
        (None, None) => bail!("expected --store, or a command"),
    }
}

fn print_digests(arguments: &DigestArgs) -> anyhow::Result<()> {
    let filter = Filter { meter: arguments.meter, ..Filter::default() };
    let DigestArgs { store, of, bucket, .. } = arguments;
    let all = Digests::all(Duration::from_secs(*bucket));
    let digests =
        HeadStore::digests(store, *of, &filter, all).with_context(|| format!("store {}", store.display()))?;
    let bucket_ms = bucket * 1000;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for ((meter, from), digest) in digests.iter() {
        let sum: String = digest.sum.to_be_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
        let (from_ms, count) = (from.as_millis(), digest.count);
        writeln!(
            out,
            r#"{{"of":"{of}","eui64":"{meter}","from_ms":{from_ms},"bucket_ms":{bucket_ms},"count":{count},"sum":"{sum}"}}"#
        )?;
    }
    Ok(out.flush()?)
}

fn print_values(arguments: &ValueArgs) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let printed =
        HeadStore::values(&arguments.store, arguments.meter, |value| print_value(&mut out, &value, ""));
    printed.with_context(|| format!("store {}", arguments.store.display()))?;
    Ok(out.flush()?)
}

fn print_contradictions(store: &Path) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let all = HeadStore::contradictions(store).with_context(|| format!("store {}", store.display()))?;
    for Contradiction { refused, held } in all {
        print_value(&mut out, &refused, &format!(r#","held":{held}"#))?;
    }
    Ok(out.flush()?)
}

fn print_value(out: &mut impl Write, value: &TaskValue, more: &str) -> anyhow::Result<()> {
    let TaskValue { meter, ordinal, value: number, scaler, unit, status, .. } = value;
    let [source, obis] = [value.source, value.logical_name].map(obis);
    let (capture_time_ms, received_ms) = (value.capture.as_millis(), value.received.as_millis());
    writeln!(
        out,
        r#"{{"eui64":"{meter}","source":"{source}","obis":"{obis}","capture_time_ms":{capture_time_ms},"ordinal":{ordinal},"value":{number},"scaler":{scaler},"unit":{unit},"status":{status},"received_ms":{received_ms}{more}}}"#
    )?;
    Ok(())
}

fn meter(text: &str) -> Result<Eui64, String> {
    Eui64::parse_hex(text).ok_or_else(|| String::from("expected 16 hexadecimal digits"))
}

fn serve_boxes(arguments: &ServeArgs) -> anyhow::Result<()> {
    concentrator::logging::start(&arguments.log, concentrator::logging::LogFormat::Text).context("--log")?;
    concentrator::seats::raise();
    if arguments.plain_text && !arguments.listen.ip().is_loopback() {
        bail!("--listen {}: expected an address of this machine alone with --plain-text", arguments.listen);
    }
    let tls = tls(arguments)?;
    let mut store = HeadStore::open(&arguments.store)?;
    if let Some(megabytes) = arguments.max_mb {
        store.limit(megabytes * 256)?;
    }
    let (committer, writer) = Committer::start(store)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(QUESTIONS).enable_all().build()?;
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
    runtime.shutdown_timeout(Duration::from_secs(3));
    // It ends when the last connection has gone.
    drop(writer);
    Ok(())
}

fn tls(arguments: &ServeArgs) -> anyhow::Result<Option<TlsFiles>> {
    let read =
        |path: &Path| concentrator::bounded::text(path).with_context(|| format!("file {}", path.display()));
    let (Some(authority), Some(certificate), Some(key)) =
        (&arguments.authority, &arguments.certificate, &arguments.key)
    else {
        return Ok(None);
    };
    Ok(Some(TlsFiles { authority: read(authority)?, certificate: read(certificate)?, key: read(key)? }))
}
