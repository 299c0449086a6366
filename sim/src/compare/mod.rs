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
/// The factor by which the shares of repetitions may differ, either way.
pub const RETRY_FACTOR: f64 = 3.0;
/// So few repetitions say nothing.
const FEW_RETRIES: u64 = 12;

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

    /// Whether the shares of captures held and of repetitions are the same within [`SUCCESS_MARGIN`] and [`RETRY_FACTOR`].
    pub fn agrees(&self) -> bool {
        let (samples, frames) = (&self.waveform, &self.frame);
        let held = (samples.success() - frames.success()).abs() <= SUCCESS_MARGIN;
        let few = samples.retries.max(frames.retries) <= FEW_RETRIES;
        let (more, less) = (
            samples.retry_share().max(frames.retry_share()),
            samples.retry_share().min(frames.retry_share()),
        );
        samples.joined == frames.joined && held && (few || more <= RETRY_FACTOR * less)
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
        "{agree} of {} agree: as many joined, captures held within {SUCCESS_MARGIN} points, retries within a factor of {RETRY_FACTOR}\n",
        comparisons.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOME: Outcome = Outcome { joined: 12, captures: (100, 100), frames: 2000, retries: 60 };

    #[test]
    fn fidelities_disagree_when_either_joins_holds_or_repeats_otherwise() {
        let agrees = |frame| Comparison { seed: 1, waveform: OUTCOME, frame }.agrees();
        assert!(agrees(OUTCOME));
        assert!(agrees(Outcome { retries: 21, ..OUTCOME }) && agrees(Outcome { retries: 170, ..OUTCOME }));
        assert!(!agrees(Outcome { retries: 19, ..OUTCOME }) && !agrees(Outcome { retries: 190, ..OUTCOME }));
        assert!(!agrees(Outcome { retries: 0, ..OUTCOME }), "a line without losses is another one");
        assert!(!agrees(Outcome { joined: 11, ..OUTCOME }));
        assert!(!agrees(Outcome { captures: (100, 97), ..OUTCOME }));
        let few = Outcome { retries: 9, ..OUTCOME };
        assert!(Comparison { seed: 1, waveform: few, frame: Outcome { retries: 0, ..OUTCOME } }.agrees());
    }
}
