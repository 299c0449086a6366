//! Writing and replaying a capture.

use super::line::{Entry, Input};
use crate::scenario::{Scenario, ScenarioError};
use crate::world::Lone;
use plc_core::Instant;
use plc_core::time::Duration;

/// The line before the first entry.
const ENTRIES: &str = "--- entries";
/// The line behind the last one, with the counts of inputs and of frames among them, and with the time up to which all is told.
const END: &str = "--- end ";

/// A capture that cannot be replayed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CaptureError {
    /// A line that is none.
    #[error("line {line}: expected {expected}")]
    Line {
        /// Its number.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The scenario in it is not one.
    #[error("line 2 and following, the scenario: {0}")]
    Scenario(ScenarioError),
    /// The capture ends before its end.
    #[error("line {line}: the capture is cut off here, expected more entries or the line --- end")]
    CutOff {
        /// The first line that is not there.
        line: usize,
    },
    /// There are entries too few or too many.
    #[error("line {line}: {found:?} inputs and frames before it, expected {told:?} as it says")]
    Counts {
        /// The line of the end.
        line: usize,
        /// Inputs, and frames among them, that stand in the capture.
        found: (usize, usize),
        /// What the end says.
        told: (usize, usize),
    },
    /// Time goes back.
    #[error("line {line}: {at} ns comes after {before} ns, expected times that never go back")]
    Backwards {
        /// Its number.
        line: usize,
        /// Its time.
        at: u64,
        /// That of the line before.
        before: u64,
    },
    /// The node did something else than it did then.
    #[error("line {line}: the node has sent {found}, then it was {then}")]
    Differs {
        /// Its number.
        line: usize,
        /// Now.
        found: String,
        /// Then.
        then: String,
    },
    /// The node sends what the capture does not have.
    #[error(
        "line {line}: the node sends a frame at {at} ns, before this line, of which the capture knows nothing"
    )]
    Extra {
        /// The first line that comes too late.
        line: usize,
        /// When it sends.
        at: u64,
    },
}

/// What a replay has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The node.
    pub node: u32,
    /// Inputs given.
    pub inputs: usize,
    /// Frames that were the same, bit for bit.
    pub frames: usize,
}

/// The capture of a node of a scenario that was run with `seed`, of all that has happened to it before `until`.
pub fn write(scenario: &str, seed: u64, node: u32, entries: &[Entry], until: Instant) -> String {
    let mut text = format!("capture of node {node} seed {seed}\n{}\n{ENTRIES}\n", scenario.trim_end());
    entries.iter().for_each(|entry| text += &format!("{}\n", entry.text()));
    let frames = entries.iter().filter(|entry| matches!(entry.input, Input::Start(_))).count();
    text + &format!("{END}{} {} {}\n", entries.len(), frames, until.as_nanos())
}

/// Replays a capture.
///
/// # Errors
/// It is malformed or cut off, or the node does not do what it did, or does more.
pub fn replay(text: &str) -> Result<Replayed, CaptureError> {
    let fault = |line, expected| CaptureError::Line { line, expected };
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let numbers = head.strip_prefix("capture of node ").and_then(|rest| rest.split_once(" seed "));
    let numbers = numbers.and_then(|(node, seed)| Some((node.parse().ok()?, seed.parse().ok()?)));
    let (node, seed): (u32, u64) = numbers.ok_or(fault(1, "capture of node N seed S"))?;
    let marked = rest.split_once(&format!("\n{ENTRIES}\n"));
    let (scenario, entries) = marked.ok_or(fault(2, "a scenario, and the line --- entries"))?;
    let first = 3 + scenario.lines().count();
    let mut scenario = Scenario::parse(scenario).map_err(CaptureError::Scenario)?;
    scenario.town.seed = seed;
    let lone = Lone::new(&scenario.town, node).ok_or(fault(1, "a node that the scenario has"))?;
    let latest = Instant::EPOCH + scenario.town.duration + LONGEST_FRAME;
    let replayed = Replayed { node, inputs: 0, frames: 0 };
    Replay { lone, replayed, line: first, now: Instant::EPOCH, latest }.run(entries)
}

/// More than any frame lasts: one may be on the line at the end of the town.
const LONGEST_FRAME: Duration = Duration::from_secs(10);
/// As far as a scenario may set a clock ahead or behind, milliseconds.
const CLOCK_MAX_MS: u64 = 86_400_000;

/// A replay under way.
struct Replay {
    lone: Lone,
    replayed: Replayed,
    /// Number of the line that is looked at.
    line: usize,
    now: Instant,
    /// No time may be later.
    latest: Instant,
}

impl Replay {
    fn run(mut self, entries: &str) -> Result<Replayed, CaptureError> {
        let mut lines = entries.split_inclusive('\n');
        for text in lines.by_ref() {
            // A line without its end may be half a line.
            let Some(text) = text.strip_suffix('\n') else {
                return Err(CaptureError::CutOff { line: self.line });
            };
            if let Some(end) = text.strip_prefix(END) {
                self.end(end)?;
                self.line += 1;
                return match lines.next() {
                    None => Ok(self.replayed),
                    Some(_) => Err(self.fault("nothing behind the end")),
                };
            }
            self.entry(text)?;
            self.line += 1;
        }
        Err(CaptureError::CutOff { line: self.line })
    }

    fn entry(&mut self, text: &str) -> Result<(), CaptureError> {
        let entry = Entry::parse(text).ok_or(self.fault("an entry"))?;
        self.pass(entry.at)?;
        if entry.times().any(|at| at > self.latest) {
            return Err(self.fault("times within the scenario"));
        }
        if let Input::Clock(ahead_ms) = entry.input
            && ahead_ms.unsigned_abs() > CLOCK_MAX_MS
        {
            return Err(self.fault("a clock that is a day ahead or behind at most"));
        }
        self.replayed.inputs += 1;
        let found = self.lone.apply(&entry);
        let Input::Start(then) = &entry.input else { return Ok(()) };
        if found.as_deref() != Some(&**then) {
            let found = found.map_or("nothing".to_owned(), |frame| format!("{frame:?}"));
            return Err(CaptureError::Differs { line: self.line, found, then: format!("{then:?}") });
        }
        self.replayed.frames += 1;
        Ok(())
    }

    /// The line that says how much there should be. Up to its time the node has nothing more to send.
    fn end(&mut self, text: &str) -> Result<(), CaptureError> {
        let numbers: Option<Vec<u64>> = text.split(' ').map(|word| word.parse().ok()).collect();
        let Some(&[inputs, frames, until]) = numbers.as_deref() else {
            return Err(self.fault("--- end INPUTS FRAMES NANOSECONDS"));
        };
        let (found, told) =
            ((self.replayed.inputs, self.replayed.frames), (inputs as usize, frames as usize));
        if found != told {
            return Err(CaptureError::Counts { line: self.line, found, told });
        }
        self.pass(Instant::from_nanos(until))
    }

    /// Time goes on to `at`, and the node sends nothing meanwhile.
    fn pass(&mut self, at: Instant) -> Result<(), CaptureError> {
        let line = self.line;
        if at < self.now {
            let (at, before) = (at.as_nanos(), self.now.as_nanos());
            return Err(CaptureError::Backwards { line, at, before });
        }
        self.now = at;
        match self.lone.next_transmission().filter(|&start| start < at) {
            Some(start) => Err(CaptureError::Extra { line, at: start.as_nanos() }),
            None => Ok(()),
        }
    }

    const fn fault(&self, expected: &'static str) -> CaptureError {
        CaptureError::Line { line: self.line, expected }
    }
}
