//! `concentrator bundle`: one archive for those who help from afar.
//!
//! It holds what the other commands print, each asked in a process of its own, so that one that fails or hangs takes nothing with it;
//! what went wrong is in the archive too.

use super::{BundleArgs, ClientArgs};
use crate::clock;
use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use plc_core::Utc;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A part of the archive: its name, and the words of the command that prints it.
struct Part {
    name: &'static str,
    words: Vec<String>,
    /// Whether its words come with how to print.
    json: bool,
}

/// What a command has left.
struct Told {
    out: Vec<u8>,
    err: Vec<u8>,
    good: bool,
}

/// Gathers the archive. Exit code 1 when not one part could be had.
pub(super) fn bundle(args: &BundleArgs) -> anyhow::Result<ExitCode> {
    let frames = tempfile_name(&args.out);
    let parts = parts(args, &frames, box_time(&args.client).unwrap_or_else(clock::utc));
    let mut archive = Archive::create(&args.out)?;
    let mut good = 0;
    for part in &parts {
        let told = ask(part, &args.client).with_context(|| format!("part {}", part.name))?;
        good += usize::from(told.good);
        archive.add(&format!("{}.json", part.name), &told.out)?;
        if !told.err.is_empty() {
            archive.add(&format!("{}.err.txt", part.name), &told.err)?;
        }
        let state = if told.good { "ok" } else { "failed" };
        writeln!(io::stderr(), "{:<10} {state}, {} octets", part.name, told.out.len())?;
    }
    if let Ok(octets) = std::fs::read(&frames) {
        archive.add("capture.pcapng", &octets)?;
        std::fs::remove_file(&frames).with_context(|| format!("file {}", frames.display()))?;
    }
    archive.finish()?;
    ensure!(good > 0, "not one part could be had; {} says why", args.out.display());
    writeln!(io::stdout(), "{}: {good} of {} parts", args.out.display(), parts.len())?;
    Ok(ExitCode::SUCCESS)
}

/// The time of the concentrator, which is not that of this machine, if it answers.
fn box_time(client: &ClientArgs) -> Option<Utc> {
    let status = Part { name: "status", words: vec![String::from("status")], json: true };
    let told: serde_json::Value = serde_json::from_slice(&ask(&status, client).ok()?.out).ok()?;
    told.get("now_ms")?.as_i64().map(Utc::from_millis)
}

fn parts(args: &BundleArgs, frames: &Path, now: Utc) -> Vec<Part> {
    let from = now - Duration::from_secs(u64::from(args.days) * 86_400);
    let part = |name, words: &[&str], json| Part {
        name,
        words: words.iter().map(|&w| w.to_owned()).collect(),
        json,
    };
    let from = from.to_string();
    let mut parts = vec![
        part("status", &["status"], true),
        part("config", &["config", "show"], true),
        part("meters", &["meters", "--sort", "worst"], true),
        part("explain", &["explain"], true),
        part("topology", &["topology"], true),
        part("links", &["topology", "--links"], true),
        part("routes", &["topology", "--routes"], true),
        part("events", &["events"], true),
        part("ledger", &["ledger", "--from", &from], true),
        part("cache", &["cache"], true),
        part("backhaul", &["backhaul"], true),
        part("jobs", &["jobs"], true),
        part("tasks", &["tasks"], true),
        part("values", &["values", "--newest"], true),
    ];
    if let Some(seconds) = args.capture {
        let (time, out) = (format!("{seconds}s"), frames.display().to_string());
        parts.push(part("capture", &["capture", "--for", &time, "--out", &out], false));
    }
    parts
}

/// A file beside the archive, for the time being.
fn tempfile_name(out: &Path) -> std::path::PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".capture");
    name.into()
}

fn ask(part: &Part, client: &ClientArgs) -> anyhow::Result<Told> {
    let mut command = Command::new(std::env::current_exe().context("this program")?);
    command.args(&part.words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if part.json {
        command.arg("--json");
    }
    if let Some(address) = &client.address {
        command.arg("--address").arg(address.to_string());
    }
    if let Some(folder) = &client.pki {
        command.arg("--pki").arg(folder).arg("--as").arg(&client.name);
    }
    if let Some(name) = &client.server_name {
        command.arg("--server-name").arg(name);
    }
    Ok(wait(command.spawn()?)?)
}

/// Waits for a command, which is ended when it takes too long.
fn wait(mut child: Child) -> io::Result<Told> {
    let (out, err) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let timely = out.recv_timeout(LIMIT);
    if timely.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let out = timely.unwrap_or_default();
    let mut err = err.recv_timeout(LIMIT).unwrap_or_default();
    if out.len() as u64 >= PART_MAX {
        err.extend_from_slice(format!("cut off after {PART_MAX} octets\n").as_bytes());
    }
    Ok(Told { out, err, good: status.success() })
}

/// Reads what somebody says, up to [`PART_MAX`], on a thread of its own.
fn gather(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut octets = Vec::new();
        if let Some(from) = from {
            // What was read before a fault is worth keeping.
            let _ = from.take(PART_MAX).read_to_end(&mut octets);
        }
        let _ = sender.send(octets);
    });
    receiver
}

/// A compressed archive that grows.
struct Archive {
    tar: tar::Builder<GzEncoder<File>>,
    now: Utc,
}

impl Archive {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("file {}", path.display()))?;
        Ok(Self { tar: tar::Builder::new(GzEncoder::new(file, Compression::default())), now: clock::utc() })
    }

    fn add(&mut self, name: &str, octets: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(octets.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.now.as_secs()).unwrap_or(0));
        self.tar.append_data(&mut header, Path::new("bundle").join(name), octets)
    }

    fn finish(self) -> anyhow::Result<()> {
        let file = self.tar.into_inner()?.finish()?;
        Ok(file.sync_all()?)
    }
}

/// How long a part may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Octets of a part at most.
const PART_MAX: u64 = 64 << 20;
