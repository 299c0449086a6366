//! What the daemon takes while it reads a town for days: `cargo bench -p concentrator --bench soak [-- METERS DAYS [EVERY_S]]`.
//!
//! The town, at frame fidelity, lives in this process; the daemon (application, collector, store, interface, metrics; everything but
//! modem and node) in another one, of which memory and processor time are told for each simulated day. `EVERY_S` is how often meters are
//! read. Standard error has the line hour by hour: a network that storms shows there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a measurement")]

mod above;
mod daemon;
mod wire;

use above::Above;
use plc_core::time::Duration;
use sim::frame::AirCounters;
use sim::scenario::Scenario;
use sim::world::World;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Instant;

const SCENARIO: &str = include_str!("../../../sim/scenarios/town-1000.toml");
const DAY: u64 = 86_400;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--bench")).collect();
    match arguments.first().map(String::as_str) {
        Some("daemon") => daemon::run(&arguments[1], &arguments[2]),
        _ => town(&arguments),
    }
}

fn town(arguments: &[String]) {
    let number =
        |place: usize, default: u64| arguments.get(place).map_or(default, |word| word.parse().unwrap());
    let (meters, days, every) = (number(0, 1000), number(1, 1), number(2, 14_400));
    let mut config = Scenario::parse(SCENARIO).unwrap().town;
    config.meters = usize::try_from(meters).unwrap();
    config.feeders = config.meters.div_ceil(100);
    config.reading.every = Duration::from_secs(every);
    config.duration = Duration::from_secs(days * DAY);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["daemon", socket.to_str().unwrap(), folder.path().join("store.sqlite").to_str().unwrap()])
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let process = daemon.id();
    let probe = World::new(config.clone());
    let above = Above::new(stream, &config, &probe.meters(), &probe.collector());
    drop(probe);
    let mut world = World::below(config, Box::new(above));
    println!(
        "{meters} meters, read every {every} s; day by day: memory of the daemon, its processor time, octets that it has written"
    );
    let (mut before, started) = (Taken::of(process), Instant::now());
    let mut line = Line::of(&world);
    for hour in 1..=days * 24 {
        world.run_to(plc_core::Instant::from_secs(hour * 3600));
        let now = Line::of(&world);
        eprintln!("hour {hour}  {}", now.since(&line));
        line = now;
        if hour % 24 == 0 || hour <= 4 {
            let now = Taken::of(process);
            let share =
                100.0 * (now.processor - before.processor) / (if hour <= 4 { 3600.0 } else { 86_400.0 });
            println!(
                "day {:.2}  {:.1} MiB resident, {:.1} at most  {share:.3} % of a core  {:.1} MB written  ({:.0} s)",
                hour as f64 / 24.0,
                now.resident,
                now.peak,
                now.written,
                started.elapsed().as_secs_f64()
            );
            before = now;
        }
    }
    drop(world);
    assert!(daemon.wait().unwrap().success());
}

/// What has happened on the line.
struct Line {
    air: AirCounters,
    /// Frames of each node.
    frames: Vec<u64>,
}

impl Line {
    fn of(world: &World) -> Self {
        let frames = (0..=world.meters().len()).map(|node| world.figures(node).frames).collect();
        Self { air: world.air(), frames }
    }

    /// The hour behind `earlier`: how busy the line was, the frames of each kind, and who has sent most.
    fn since(&self, earlier: &Self) -> String {
        let busy = (self.air.busy - earlier.air.busy).as_secs_f64() / 36.0;
        let kinds = self.air.kinds.iter().zip(earlier.air.kinds.iter());
        let kinds = kinds.map(|((kind, now, _), (_, before, _))| (kind.name(), now - before));
        let kinds = kinds.filter(|(_, frames)| *frames > 0).map(|(name, frames)| format!("{name} {frames}"));
        let mut nodes: Vec<_> =
            self.frames.iter().zip(&earlier.frames).map(|(now, before)| now - before).enumerate().collect();
        nodes.sort_by_key(|(_, frames)| std::cmp::Reverse(*frames));
        let most = nodes.iter().take(6).map(|(node, frames)| format!("{node}: {frames}"));
        let (kinds, most) = (kinds.collect::<Vec<_>>().join(", "), most.collect::<Vec<_>>().join(", "));
        format!("busy {busy:.1} %; {kinds}; most by {most}")
    }
}

/// What a process has taken: MiB, seconds, megabytes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    resident: f64,
    peak: f64,
    processor: f64,
    written: f64,
}

impl Taken {
    fn of(process: u32) -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
        let field = |text: &str, name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (status, io, stat) = (read("status"), read("io"), read("stat"));
        let ticks = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        Self {
            resident: field(&status, "VmRSS:") / 1024.0,
            peak: field(&status, "VmHWM:") / 1024.0,
            processor: ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / per_second,
            written: field(&io, "write_bytes:") / 1e6,
        }
    }
}
