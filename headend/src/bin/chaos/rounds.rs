//! The rounds, and what must hold at the end.

use crate::RoundsArgs;
use crate::feeder::VALUES;
use crate::proof;
use crate::proxy::Proxy;
use crate::readout;
use anyhow::{Context, bail, ensure};
use concentrator::pki;
use concentrator::store::{Cursor, StoreReader};
use headend::HeadStore;
use plc_core::Seed;
use plc_core::seed::{Stream, uniform};
use plc_core::time::Duration;
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
    /// The same while there is no head-end: what it does not have has to make room.
    BoxDiskFullAlone,
    HeadEndDiskFull,
    ClockStep,
}

const FAULTS: [Fault; 9] = [
    Fault::KillBox,
    Fault::KillHeadEnd,
    Fault::KillBoth,
    Fault::Cut,
    Fault::Slow,
    Fault::BoxDiskFull,
    Fault::BoxDiskFullAlone,
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
    told: Arc<Told>,
    /// Whether lives may deliver the newest first.
    newest_first: bool,
    /// Events of the box from while there was no head-end: after the first, up to the second.
    alone: Vec<(Cursor, Cursor)>,
    stream: Stream,
}

/// What the box has told as durable.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Batches of readings.
    pub(crate) batches: AtomicU64,
    /// Steps of values.
    pub(crate) steps: AtomicU64,
}

/// Runs the rounds and compares.
pub(crate) fn run(arguments: &RoundsArgs) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let folder = arguments.keep.clone().unwrap_or_else(|| place.path().to_owned());
    let started = Instant::now();
    let mut world = World::start(folder, arguments.seed)?;
    let mut count: BTreeMap<Fault, u32> = BTreeMap::new();
    let mut in_order_from = 0;
    for round in 0..arguments.rounds {
        if round == arguments.rounds / 2 {
            in_order_from = world.oldest_first()?;
        }
        let fault = FAULTS[uniform(&mut world.stream, FAULTS.len() as u32) as usize];
        world.round(fault).with_context(|| format!("round {round}: {fault:?}"))?;
        *count.entry(fault).or_default() += 1;
    }
    let held = world.drain()?;
    let proof = proof::compare(&world.folder, &world.told, in_order_from, &world.alone)?;
    let events = HeadStore::count_events(&world.folder.join("head-end.sqlite"))?;
    writeln!(
        std::io::stdout(),
        "{} rounds in {:.0} s: {count:?}; {held} readings in {} batches, {proof} and {events} events on both sides, none missing, none twice",
        arguments.rounds,
        started.elapsed().as_secs_f64(),
        proof.batches,
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
        let told = Arc::new(Told::default());
        let stream = Seed::from_u64(seed).derive("chaos", 0).stream();
        let head_end = head_end(&folder, &pki, &proxy, None)?;
        let feeder = spawn_box(&folder, &pki, &proxy, &Life::default(), &told)?;
        let mut world = Self {
            folder,
            pki,
            proxy,
            head_end,
            feeder,
            told,
            newest_first: true,
            alone: Vec::new(),
            stream,
        };
        world.wait_for_first_words()?;
        Ok(world)
    }

    /// A fault is one of a box that has begun.
    fn wait_for_first_words(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            let told = [&self.told.batches, &self.told.steps].map(|count| count.load(Ordering::Relaxed));
            if told.iter().all(|count| *count > 0) {
                return Ok(());
            }
            ensure!(self.feeder.try_wait()?.is_none(), "the box has ended by itself");
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("after a minute the box has not told readings and values as durable")
    }

    fn round(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.pause(150);
        match fault {
            Fault::KillBox => self.new_box(Life::default())?,
            Fault::KillHeadEnd => self.new_head_end(None)?,
            Fault::KillBoth => {
                kill(&mut self.head_end)?;
                self.pause(30);
                self.new_box(Life { newest_first: self.newest_first, ..Life::default() })?;
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
            Fault::BoxDiskFullAlone => {
                kill(&mut self.head_end)?;
                self.proxy.cut();
                let before = self.newest_event()?;
                let file = std::fs::metadata(self.folder.join("box.sqlite"))?.len();
                self.new_box(Life { octets: file + (64 << 10), ..Life::default() })?;
                self.pause(1000);
                self.alone.push((before, self.newest_event()?));
                self.new_head_end(None)?;
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

    /// From now on the oldest goes first; the first step of values that nobody can have sent yet.
    fn oldest_first(&mut self) -> anyhow::Result<u64> {
        self.newest_first = false;
        self.new_box(Life { drain: true, ..Life::default() })?;
        let steps = readout::steps(&StoreReader::open(&self.folder.join("box.sqlite"))?)?;
        self.new_box(Life::default())?;
        Ok(steps)
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

    /// Of the box.
    fn newest_event(&self) -> anyhow::Result<Cursor> {
        Ok(StoreReader::open(&self.folder.join("box.sqlite"))?.newest_event()?)
    }

    /// A random time up to so many milliseconds.
    fn pause(&mut self, most_ms: u32) {
        std::thread::sleep(Duration::from_millis(uniform(&mut self.stream, most_ms).into()));
    }

    /// Lets everything arrive; how many readings the head-end holds.
    fn drain(&mut self) -> anyhow::Result<usize> {
        self.new_head_end(None)?;
        self.new_box(Life { drain: true, ..Life::default() })?;
        let reader = StoreReader::open(&self.folder.join("box.sqlite"))?;
        let stored = reader.newest()?.0;
        let values = proof::names(&proof::box_values(&reader)?);
        let started = Instant::now();
        let mut lacks = (0, 0);
        while started.elapsed() < Duration::from_secs(120) {
            let arrived = HeadStore::readings(&self.folder.join("head-end.sqlite"))?.len();
            let missing = values.difference(&proof::names(&proof::head_end_values(&self.folder)?)).count();
            if arrived as u64 >= stored && missing == 0 {
                kill(&mut self.feeder)?;
                kill(&mut self.head_end)?;
                return Ok(arrived);
            }
            lacks = (stored.saturating_sub(arrived as u64), missing);
            ensure!(self.feeder.try_wait()?.is_none(), "the box has ended by itself");
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!(
            "after two minutes without a fault the head-end lacks {} readings and {} values",
            lacks.0,
            lacks.1
        )
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
    told: &Arc<Told>,
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
        for line in lines.map_while(Result::ok) {
            let (count, number) = match line.strip_prefix(VALUES) {
                Some(step) => (&told.steps, step),
                None => (&told.batches, line.as_str()),
            };
            if let Ok(number) = number.parse::<u64>() {
                count.fetch_max(number + 1, Ordering::Relaxed);
            }
        }
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
