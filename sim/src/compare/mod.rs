//! The same town at both fidelities: [`crate::street`], sample by sample, and [`crate::world`], frame by frame.
//!
//! Cables, households, noise sources, keys and loads are the same; what is drawn at random (the noise itself, back-offs, challenges) is
//! not, so the two agree as two runs of one kind with different seeds do, and better than that only by chance.

mod waveform;

use crate::report::Report;
use crate::scenario::Scenario;
use crate::street::StreetError;
use crate::world::{TownConfig, World};
use std::fmt::Write;

/// What both have in common to be compared by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Meters that have joined.
    pub joined: usize,
    /// Captures that should be held, and those that are.
    pub captures: (u64, u64),
    /// Frames of all nodes, repetitions included.
    pub frames: u64,
    /// Repetitions among them.
    pub retries: u64,
}

/// Both, of one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The seed.
    pub seed: u64,
    /// At the samples.
    pub waveform: Outcome,
    /// At the frames.
    pub frame: Outcome,
}

/// Points per hundred by which the share of captures held may differ.
pub const SUCCESS_MARGIN: f64 = 2.0;
/// Points per hundred by which the share of repetitions may differ: both count some tens of them in an hour, so that chance alone moves
/// either by two.
pub const RETRY_MARGIN: f64 = 4.0;

impl Comparison {
    /// Runs a town of one feeder at both fidelities; `told` hears of the time that the slow one has reached.
    ///
    /// # Errors
    /// The street cannot be built.
    pub fn new(town: &TownConfig, told: impl FnMut(u64)) -> Result<Self, StreetError> {
        let mut world = World::new(town.clone());
        world.run_to(world.end());
        let scenario = Scenario { name: "comparison".into(), about: String::new(), town: town.clone() };
        let report = Report::new(&scenario, &world);
        let frame = Outcome {
            joined: report.joined(),
            captures: report.captures,
            frames: report.nodes.frames,
            retries: report.nodes.retries,
        };
        Ok(Self { seed: town.seed, waveform: waveform::run(town, report.captures.0, told)?, frame })
    }

    /// Whether both margins are kept.
    pub fn agrees(&self) -> bool {
        let apart = |of: fn(&Outcome) -> f64| (of(&self.waveform) - of(&self.frame)).abs();
        apart(Outcome::success) <= SUCCESS_MARGIN && apart(Outcome::retry_share) <= RETRY_MARGIN
    }
}

impl Outcome {
    /// Captures held, in per cent.
    pub fn success(&self) -> f64 {
        100.0 * self.captures.1 as f64 / self.captures.0.max(1) as f64
    }

    /// Repetitions, in per cent of the frames.
    pub fn retry_share(&self) -> f64 {
        100.0 * self.retries as f64 / self.frames.max(1) as f64
    }
}

/// The comparisons side by side.
pub fn table(comparisons: &[Comparison]) -> String {
    let mut text = String::from("seed  fidelity  joined  captures held      frames  retries  retries %\n");
    for comparison in comparisons {
        for (name, outcome) in [("waveform", &comparison.waveform), ("frame", &comparison.frame)] {
            let (due, held) = outcome.captures;
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>4}  {name:<8}  {:>6}  {:>5}/{due:<5} {:6.2} %  {:>6}  {:>7}  {:9.2}",
                comparison.seed,
                outcome.joined,
                held,
                outcome.success(),
                outcome.frames,
                outcome.retries,
                outcome.retry_share()
            );
        }
    }
    let agree = comparisons.iter().filter(|comparison| comparison.agrees()).count();
    text + &format!(
        "{agree} of {} agree within {SUCCESS_MARGIN} points of captures held and {RETRY_MARGIN} points of retries\n",
        comparisons.len()
    )
}
