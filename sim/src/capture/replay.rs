//! Writing and replaying a capture.

use super::line::{Entry, Input};
use crate::scenario::{Scenario, ScenarioError};
use crate::world::Lone;

/// The line before the first entry.
const ENTRIES: &str = "--- entries";

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
    #[error("scenario: {0}")]
    Scenario(ScenarioError),
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

/// The capture of a node of a scenario that was run with `seed`.
pub fn write(scenario: &str, seed: u64, node: u32, entries: &[Entry]) -> String {
    let mut text = format!("capture of node {node} seed {seed}\n{}\n{ENTRIES}\n", scenario.trim_end());
    entries.iter().for_each(|entry| text += &format!("{}\n", entry.text()));
    text
}

/// Replays a capture.
///
/// # Errors
/// It is malformed, or the node does not do what it did.
pub fn replay(text: &str) -> Result<Replayed, CaptureError> {
    let fault = |line, expected| CaptureError::Line { line, expected };
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let numbers = head.strip_prefix("capture of node ").and_then(|rest| rest.split_once(" seed "));
    let numbers = numbers.and_then(|(node, seed)| Some((node.parse().ok()?, seed.parse().ok()?)));
    let (node, seed): (u32, u64) = numbers.ok_or(fault(1, "capture of node N seed S"))?;
    let (scenario, entries) =
        rest.split_once(ENTRIES).ok_or(fault(2, "a scenario, and the line --- entries"))?;
    let first = 2 + scenario.lines().count();
    let mut scenario = Scenario::parse(scenario).map_err(CaptureError::Scenario)?;
    scenario.town.seed = seed;
    let mut lone = Lone::new(&scenario.town, node).ok_or(fault(1, "a node that the scenario has"))?;
    let mut replayed = Replayed { node, inputs: 0, frames: 0 };
    for (n, line) in entries.trim_start_matches('\n').lines().enumerate() {
        let line_number = first + 1 + n;
        let entry = Entry::parse(line).ok_or(fault(line_number, "an entry"))?;
        replayed.inputs += 1;
        let found = lone.apply(&entry);
        if let Input::Start(then) = &entry.input {
            if found.as_deref() != Some(&**then) {
                let found = found.map_or("nothing".to_owned(), |frame| format!("{frame:?}"));
                return Err(CaptureError::Differs { line: line_number, found, then: format!("{then:?}") });
            }
            replayed.frames += 1;
        }
    }
    Ok(replayed)
}
