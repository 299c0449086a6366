//! `plcsim run`.

use crate::street::Failure;
use crate::{ReplayArgs, RunArgs};
use plc_core::time::Duration;
use sim::capture::{self, Replayed};
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::{Tap, World};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Runs the scenario and reports.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let text = read(&args.scenario, "a scenario")?;
    let mut scenario =
        Scenario::parse(&text).map_err(|error| Failure::Scenario { path: args.scenario.clone(), error })?;
    if let Some(seed) = args.seed {
        scenario.town.seed = seed;
    }
    let meters = scenario.town.meters;
    if let Some(node) = args.capture.filter(|&node| node as usize > meters) {
        return Err(Failure::Node { node, meters });
    }
    // A run may take long: whoever cannot keep its reports is told before.
    let results = args.out.as_deref().map(|folder| Results::new(args, folder, &scenario.name)).transpose()?;
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
    results.map_or(Ok(()), |results| results.write(&text, &world, &report))?;
    match report.violations() {
        0 => Ok(()),
        violations => Err(Failure::Violated(violations)),
    }
}

fn read(path: &Path, expected: &'static str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|source| Failure::File { path: path.to_owned(), expected, source })
}

/// The files that a run leaves behind.
struct Results {
    /// Without their endings.
    base: PathBuf,
    capture: Option<u32>,
    pcapng: bool,
}

impl Results {
    /// Makes the folder and sees whether every file can be written there.
    fn new(args: &RunArgs, folder: &Path, name: &str) -> Result<Self, Failure> {
        let file = |path: &Path, expected, source| Failure::File { path: path.to_owned(), expected, source };
        std::fs::create_dir_all(folder)
            .map_err(|source| file(folder, "a folder that can be made", source))?;
        let results = Self { base: folder.join(name), capture: args.capture, pcapng: args.pcapng };
        for path in results.paths() {
            let new = !path.exists();
            let opened = File::options().create(true).append(true).open(&path);
            opened.map_err(|source| file(&path, "a file that can be written", source))?;
            if new {
                let removed = std::fs::remove_file(&path);
                removed.map_err(|source| file(&path, "a file that can be written", source))?;
            }
        }
        Ok(results)
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let wanted = [("capture", self.capture.is_some()), ("pcapng", self.pcapng)];
        let reports = ["txt", "json", "html"].map(|ending| (ending, true));
        let all = reports.into_iter().chain(wanted);
        all.filter(|(_, wanted)| *wanted).map(|(ending, _)| self.base.with_extension(ending))
    }

    fn write(&self, scenario: &str, world: &World, report: &Report) -> Result<(), Failure> {
        if let Some(node) = self.capture {
            let (seed, entries) = (world.config().seed, world.tap().entries());
            let capture = capture::write(scenario, seed, node, entries, world.now());
            self.file("capture", capture.as_bytes())?;
        }
        if let Some(frames) = world.tap().frames() {
            self.file("pcapng", frames.bytes())?;
        }
        self.file("txt", report.text().as_bytes())?;
        self.file("json", report.json().as_bytes())?;
        self.file("html", report.html().as_bytes())
    }

    fn file(&self, ending: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.base.with_extension(ending);
        let written = std::fs::write(&path, bytes);
        written.map_err(|source| Failure::File { path, expected: "a file that can be written", source })
    }
}

/// Replays a capture.
pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let text = read(&args.capture, "a capture")?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A folder of its own in the folder of temporary files.
    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("plcsim-{name}-{}", std::process::id()));
        // There is none, mostly.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("temporary files may be made");
        path
    }

    fn args(scenario: &Path, out: &Path) -> RunArgs {
        let (scenario, out) = (scenario.to_owned(), Some(out.to_owned()));
        RunArgs { scenario, seed: None, out, capture: Some(1), pcapng: false }
    }

    fn refusal(args: &RunArgs) -> String {
        run(args).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_place_for_reports_that_is_none_is_refused_before_the_run_with_its_path() {
        let folder = folder("out");
        let scenario = folder.join("year.toml");
        // If it were run, this would take minutes.
        std::fs::write(&scenario, "name = \"year\"\nhours = 8784\n[town]\nmeters = 100\n").expect("a file");
        let file = folder.join("file");
        std::fs::write(&file, "").expect("a file");
        for out in [&file, &file.join("below")] {
            let error = refusal(&args(&scenario, out));
            let expected = (format!("{}: ", out.display()), "expected a folder that can be made");
            assert!(error.starts_with(&expected.0) && error.ends_with(expected.1), "{error}");
        }
        let taken = folder.join("taken");
        std::fs::create_dir_all(taken.join("year.json")).expect("a folder");
        let error = refusal(&args(&scenario, &taken));
        assert!(error.starts_with(&format!("{}: ", taken.join("year.json").display())), "{error}");
        assert!(!taken.join("year.txt").exists(), "nothing is left behind");
        let closed = folder.join("closed");
        std::fs::create_dir_all(&closed).expect("a folder");
        std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o500)).expect("the folder is ours");
        // Whoever may write everywhere is not stopped by that.
        if File::create(closed.join("probe")).is_err() {
            let error = refusal(&args(&scenario, &closed));
            assert!(error.starts_with(&format!("{}: ", closed.join("year.txt").display())), "{error}");
        }
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn files_that_are_none_are_named_with_what_was_expected() {
        let folder = folder("in");
        let (missing, text) = (folder.join("missing"), folder.join("text"));
        std::fs::write(&text, b"\xff\xfe\0garbage").expect("a file");
        for (path, reason) in [(&missing, "No such file"), (&folder, "Is a directory"), (&text, "UTF-8")] {
            let error = refusal(&args(path, &folder));
            assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains(reason), "{error}");
            assert!(error.ends_with("expected a scenario"), "{error}");
            let error = replay(&ReplayArgs { capture: path.clone() }).expect_err("it is none").to_string();
            assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains(reason), "{error}");
            assert!(error.ends_with("expected a capture"), "{error}");
        }
        std::fs::write(&text, "something else\n").expect("a file");
        let error = replay(&ReplayArgs { capture: text.clone() }).expect_err("it is none").to_string();
        assert_eq!(error, format!("{}: line 1: expected capture of node N seed S", text.display()));
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn a_run_leaves_its_reports_and_a_capture_that_can_be_replayed() {
        let folder = folder("whole");
        let scenario = folder.join("few.toml");
        std::fs::write(&scenario, "name = \"few\"\nhours = 0.3\n[town]\nmeters = 2\n").expect("a file");
        run(&args(&scenario, &folder)).expect("everything is in order");
        assert!(
            ["txt", "json", "html"].iter().all(|ending| folder.join("few").with_extension(ending).exists())
        );
        replay(&ReplayArgs { capture: folder.join("few.capture") }).expect("it is whole");
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
