//! The rounds, and what must hold at the end.

use crate::RoundsArgs;
use crate::feeder::{self, BATCH};
use crate::proxy::Proxy;
use anyhow::{Context, bail, ensure};
use backhaul::{Digested, Digests};
use concentrator::pki;
use concentrator::store::{Cursor, Reading, ReadingFilter, StoreReader};
use headend::HeadStore;
use plc_core::seed::{Stream, uniform};
use plc_core::time::Duration;
use plc_core::{Eui64, Seed, Utc};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What is broken in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillBox,
    KillHeadEnd,
    KillBoth,
    Cut,
    Slow,
    BoxDiskFull,
    HeadEndDiskFull,
    ClockStep,
}

const FAULTS: [Fault; 8] = [
    Fault::KillBox,
    Fault::KillHeadEnd,
    Fault::KillBoth,
    Fault::Cut,
    Fault::Slow,
    Fault::BoxDiskFull,
    Fault::HeadEndDiskFull,
    Fault::ClockStep,
];

/// Everything under test.
struct World {
    folder: PathBuf,
    pki: PathBuf,
    proxy: Proxy,
    head_end: Child,
    feeder: Child,
    /// Batches that the box has told as durable.
    told: Arc<AtomicU64>,
    stream: Stream,
}

/// Runs the rounds and compares.
pub(crate) fn run(arguments: &RoundsArgs) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let folder = arguments.keep.clone().unwrap_or_else(|| place.path().to_owned());
    let started = Instant::now();
    let mut world = World::start(folder, arguments.seed)?;
    let mut count: BTreeMap<Fault, u32> = BTreeMap::new();
    for round in 0..arguments.rounds {
        let fault = FAULTS[uniform(&mut world.stream, FAULTS.len() as u32) as usize];
        world.round(fault).with_context(|| format!("round {round}: {fault:?}"))?;
        *count.entry(fault).or_default() += 1;
    }
    let held = world.drain()?;
    let batches = compare(&world.folder, world.told.load(Ordering::Relaxed))?;
    let events = HeadStore::count_events(&world.folder.join("head-end.sqlite"))?;
    writeln!(
        std::io::stdout(),
        "{} rounds in {:.0} s: {count:?}; {held} readings in {batches} batches and {events} events on both sides, none missing, none twice",
        arguments.rounds,
        started.elapsed().as_secs_f64(),
    )?;
    Ok(())
}

impl World {
    fn start(folder: PathBuf, seed: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let pki = folder.join("pki");
        let names = [String::from("localhost"), String::from("127.0.0.1")];
        pki::init(&pki, &names, &[String::from("box-1")], &[])?;
        let proxy = Proxy::start()?;
        let told = Arc::new(AtomicU64::new(0));
        let stream = Seed::from_u64(seed).derive("chaos", 0).stream();
        let head_end = head_end(&folder, &pki, &proxy, None)?;
        let feeder = spawn_box(&folder, &pki, &proxy, &Life::default(), &told)?;
        Ok(Self { folder, pki, proxy, head_end, feeder, told, stream })
    }

    fn round(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.pause(150);
        match fault {
            Fault::KillBox => self.new_box(Life::default())?,
            Fault::KillHeadEnd => self.new_head_end(None)?,
            Fault::KillBoth => {
                kill(&mut self.head_end)?;
                self.pause(30);
                self.new_box(Life { newest_first: true, ..Life::default() })?;
                self.pause(100);
                self.new_head_end(None)?;
            }
            Fault::Cut => self.proxy.cut(),
            Fault::Slow => {
                self.proxy.slow(true);
                self.pause(300);
                self.proxy.slow(false);
            }
            Fault::BoxDiskFull => {
                let file = std::fs::metadata(self.folder.join("box.sqlite"))?.len();
                self.new_box(Life { octets: file + (64 << 10), ..Life::default() })?;
                self.pause(300);
                self.new_box(Life::default())?;
            }
            Fault::HeadEndDiskFull => {
                let file = std::fs::metadata(self.folder.join("head-end.sqlite"))?.len();
                self.new_head_end(Some(u32::try_from(file >> 20)?.max(1)))?;
                self.pause(300);
                self.new_head_end(None)?;
            }
            Fault::ClockStep => {
                let clock = i64::from(uniform(&mut self.stream, 200_000)) - 100_000;
                self.new_box(Life { clock, ..Life::default() })?;
            }
        }
        Ok(())
    }

    fn new_box(&mut self, life: Life) -> anyhow::Result<()> {
        kill(&mut self.feeder)?;
        self.feeder = spawn_box(&self.folder, &self.pki, &self.proxy, &life, &self.told)?;
        Ok(())
    }

    fn new_head_end(&mut self, max_mb: Option<u32>) -> anyhow::Result<()> {
        kill(&mut self.head_end)?;
        self.proxy.cut();
        self.head_end = head_end(&self.folder, &self.pki, &self.proxy, max_mb)?;
        Ok(())
    }

    /// A random time up to so many milliseconds.
    fn pause(&mut self, most_ms: u32) {
        std::thread::sleep(Duration::from_millis(uniform(&mut self.stream, most_ms).into()));
    }

    /// Lets everything arrive; how many readings both sides hold.
    fn drain(&mut self) -> anyhow::Result<usize> {
        self.new_head_end(None)?;
        self.new_box(Life { drain: true, ..Life::default() })?;
        let stored = StoreReader::open(&self.folder.join("box.sqlite"))?.newest()?.0;
        let started = Instant::now();
        let mut arrived = 0;
        while started.elapsed() < Duration::from_secs(120) {
            arrived = HeadStore::readings(&self.folder.join("head-end.sqlite"))?.len();
            if arrived as u64 >= stored {
                kill(&mut self.feeder)?;
                kill(&mut self.head_end)?;
                return Ok(arrived);
            }
            ensure!(self.feeder.try_wait()?.is_none(), "the box has ended by itself");
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("after two minutes without a fault the head-end holds {arrived} of {stored} readings")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.feeder.kill();
        let _ = self.head_end.kill();
    }
}

/// A life of the box.
struct Life {
    clock: i64,
    octets: u64,
    newest_first: bool,
    drain: bool,
}

impl Default for Life {
    fn default() -> Self {
        Self { clock: 0, octets: 1 << 30, newest_first: false, drain: false }
    }
}

fn spawn_box(
    folder: &Path,
    pki: &Path,
    proxy: &Proxy,
    life: &Life,
    told: &Arc<AtomicU64>,
) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("box").arg("--folder").arg(folder).arg("--pki").arg(pki);
    command.args(["--head-end", &proxy.address.to_string(), "--clock", &life.clock.to_string()]);
    command.args(["--octets", &life.octets.to_string(), "--pause-us", "3000"]);
    command.args(life.newest_first.then_some("--newest-first"));
    command.args(life.drain.then_some("--drain"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("standard output of the box")?).lines();
    let told = Arc::clone(told);
    std::thread::spawn(move || {
        let numbers = lines.map_while(Result::ok).filter_map(|line| line.parse::<u64>().ok());
        numbers.for_each(|number| {
            told.fetch_max(number + 1, Ordering::Relaxed);
        });
    });
    Ok(child)
}

fn head_end(folder: &Path, pki: &Path, proxy: &Proxy, max_mb: Option<u32>) -> anyhow::Result<Child> {
    let program = std::env::current_exe()?.with_file_name("concentrator-headend");
    let mut command = Command::new(&program);
    command
        .args(["--listen", "127.0.0.1:0", "--log", "off"])
        .arg("--store")
        .arg(folder.join("head-end.sqlite"));
    command.arg("--authority").arg(pki.join("ca.pem"));
    command.arg("--certificate").arg(pki.join("head-end.pem")).arg("--key").arg(pki.join("head-end.key"));
    if let Some(max_mb) = max_mb {
        command.args(["--max-mb", &max_mb.to_string()]);
    }
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("{}: build it first", program.display()))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("standard output of the head-end")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ").context("the head-end does not listen")?;
    proxy.lead_to(address.parse()?);
    Ok(child)
}

/// SIGKILL: no chance to put anything in order.
fn kill(child: &mut Child) -> anyhow::Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Both sides against each other and against what was made up; how many batches.
fn compare(folder: &Path, told: u64) -> anyhow::Result<u64> {
    let reader = StoreReader::open(&folder.join("box.sqlite"))?;
    let (first, newest) = reader.bounds()?;
    let ours = reader.readings(&ReadingFilter::default(), Cursor::START, usize::MAX)?;
    let theirs = HeadStore::readings(&folder.join("head-end.sqlite"))?;
    // What was delivered may have made room when the disk was full; what is held is held without a hole.
    ensure!(ours.len() as u64 == newest.0 + 1 - first.0, "the box has lost what it holds");
    let batches = newest.0 / BATCH;
    ensure!(newest.0 % BATCH == 0, "a batch is half there");
    ensure!(batches >= told, "{told} batches were told as durable, {batches} are there");
    let mut held: BTreeMap<Key, Reading> = BTreeMap::new();
    for stored in &theirs {
        let twice = held.insert(key(&stored.reading), stored.reading);
        ensure!(twice.is_none(), "held twice: {twice:?}");
    }
    let made: Vec<Reading> = (0..batches).flat_map(|number| feeder::batch(number, 0)).collect();
    ensure!(held.len() == made.len(), "the head-end holds {} of {}", held.len(), made.len());
    let wrong = made.iter().find(|made| held.get(&key(made)).map(Reading::content) != Some(made.content()));
    ensure!(wrong.is_none(), "not what the meters have captured: {wrong:?}");
    let differing = ours.iter().find(|stored| held.get(&key(&stored.reading)) != Some(&stored.reading));
    ensure!(differing.is_none(), "the sides differ: {differing:?}");
    compare_digests(&reader, folder, first)?;
    Ok(batches)
}

/// From the first whole day on that the box holds.
fn compare_digests(reader: &StoreReader, folder: &Path, first: Cursor) -> anyhow::Result<()> {
    let day = Duration::from_secs(86_400);
    let oldest = reader.readings(&ReadingFilter::default(), Cursor(first.0 - 1), 1)?;
    let from = oldest.first().map(|stored| {
        if first.0 == 1 { stored.reading.capture } else { stored.reading.capture.floor(day) + day }
    });
    let filter = ReadingFilter { from, ..ReadingFilter::default() };
    let ours = reader.digests(&filter, Digests::all(day))?;
    let theirs =
        HeadStore::digests(&folder.join("head-end.sqlite"), Digested::Readings, &filter, Digests::all(day))?;
    ensure!(ours == theirs, "the digests differ");
    Ok(())
}

type Key = (Eui64, [u8; 6], Utc);

fn key(reading: &Reading) -> Key {
    (reading.meter, reading.logical_name, reading.capture)
}
