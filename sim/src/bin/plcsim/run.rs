//! `plcsim run`.

use crate::street::Failure;
use crate::{ReplayArgs, RunArgs};
use plc_core::time::Duration;
use sim::capture::{self, Replayed};
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::{Tap, World};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Runs the scenario and reports.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let mut scenario = Scenario::from_file(&args.scenario)
        .map_err(|error| Failure::Scenario { path: args.scenario.clone(), error })?;
    if let Some(seed) = args.seed {
        scenario.town.seed = seed;
    }
    let meters = scenario.town.meters;
    if let Some(node) = args.capture.filter(|&node| node as usize > meters) {
        return Err(Failure::Node { node, meters });
    }
    let mut world = World::tapped(scenario.town.clone(), Tap::new(args.capture, args.pcapng));
    let mut progress = Progress::new();
    while world.now() < world.end() {
        world.run_to(world.now() + STEP);
        progress.show(&world);
    }
    progress.end();
    world.audit();
    let report = Report::new(&scenario, &world);
    io::stdout().write_all(report.text().as_bytes())?;
    if let Some(directory) = &args.out {
        std::fs::create_dir_all(directory)?;
        write_taps(args, &scenario, &world, directory)?;
        let base = directory.join(&scenario.name);
        std::fs::write(base.with_extension("txt"), report.text())?;
        std::fs::write(base.with_extension("json"), report.json())?;
        std::fs::write(base.with_extension("html"), report.html())?;
    }
    Ok(())
}

fn write_taps(args: &RunArgs, scenario: &Scenario, world: &World, directory: &Path) -> Result<(), Failure> {
    let base = directory.join(&scenario.name);
    if let Some(node) = args.capture {
        let text = std::fs::read_to_string(&args.scenario)?;
        let capture = capture::write(&text, scenario.town.seed, node, world.tap().entries(), world.now());
        std::fs::write(base.with_extension("capture"), capture)?;
    }
    if let Some(frames) = world.tap().frames() {
        std::fs::write(base.with_extension("pcapng"), frames.bytes())?;
    }
    Ok(())
}

/// Replays a capture.
pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&args.capture)?;
    let replayed =
        capture::replay(&text).map_err(|error| Failure::Capture { path: args.capture.clone(), error })?;
    let Replayed { node, inputs, frames } = replayed;
    writeln!(io::stdout(), "node {node}: {inputs} inputs, {frames} frames, all as they were, bit for bit")?;
    Ok(())
}

/// Simulated time between two looks at the progress.
const STEP: Duration = Duration::from_secs(10);

/// A line on a terminal that is written over; what follows from the clock of the machine goes nowhere else.
struct Progress {
    terminal: bool,
    started: std::time::Instant,
    shown: std::time::Instant,
}

impl Progress {
    fn new() -> Self {
        let now = now();
        Self { terminal: io::stderr().is_terminal(), started: now, shown: now }
    }

    fn show(&mut self, world: &World) {
        if !self.terminal || now().duration_since(self.shown).as_millis() < 200 {
            return;
        }
        self.shown = now();
        let done = world.now().as_nanos() as f64 / world.end().as_nanos() as f64;
        let speed = world.now().as_nanos() as f64 / self.started.elapsed().as_nanos() as f64;
        let bar: String = (0..40).map(|n| if f64::from(n) < done * 40.0 { '#' } else { '.' }).collect();
        let (joined, frames) = (world.record().joins.len(), world.air().frames);
        let _ = write!(
            io::stderr(),
            "\r[{bar}] {:3.0} %  {}  joined {joined}  frames {frames}  {speed:.0}x ",
            done * 100.0,
            world.utc()
        );
    }

    fn end(&self) {
        if self.terminal {
            let _ = writeln!(io::stderr());
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "progress is for people: nothing of the simulation sees it")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
