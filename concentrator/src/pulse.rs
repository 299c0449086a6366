//! Whether every pipeline of the daemon still makes progress: what the watchdog goes by, and nothing else does.

use plc_core::Instant;
use plc_core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that must make progress as long as the daemon lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// The front end is served, or is tried again and again.
    PowerLine,
    /// A turn of the collector and the store comes to its end.
    Collection,
    /// The runtime of the interface runs, and reads the store.
    Interface,
    /// The way to the head-end is tended.
    Backhaul,
}

impl Pipeline {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::PowerLine, Self::Collection, Self::Interface, Self::Backhaul];

    /// Whether it needs the store.
    pub const fn needs_store(self) -> bool {
        !matches!(self, Self::PowerLine)
    }

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerLine => "power-line",
            Self::Collection => "collection",
            Self::Interface => "interface",
            Self::Backhaul => "backhaul",
        }
    }

    /// What hangs then, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PowerLine => "front end of the power line",
            Self::Collection => "collection of readings, or the store that it writes,",
            Self::Interface => "interface, or the store that it reads,",
            Self::Backhaul => "backhaul, or the store that it reads,",
        }
    }

    /// Silence that is longer means that it hangs. A front end may take ten seconds for each address and each block before it counts
    /// as dead; a full flash takes a transaction that long at times; the backhaul sleeps for up to a minute.
    pub const fn patience(self) -> Duration {
        match self {
            Self::PowerLine | Self::Interface => Duration::from_secs(60),
            Self::Collection => Duration::from_secs(90),
            Self::Backhaul => Duration::from_secs(180),
        }
    }
}

/// When each pipeline was last heard.
#[derive(Debug, Default)]
pub struct Pulse([AtomicU64; Pipeline::ALL.len()]);

impl Pulse {
    /// The pipeline has made progress, and will again within its patience.
    pub fn beat(&self, pipeline: Pipeline, now: Instant) {
        // Never nought, which means that nothing is expected of it.
        self.0[pipeline as usize].store(milliseconds(now) + 1, Ordering::Relaxed);
    }

    /// The pipeline has nothing to do until its next beat.
    pub fn rest(&self, pipeline: Pipeline) {
        self.0[pipeline as usize].store(0, Ordering::Relaxed);
    }

    /// For how long it was not heard; `None` while nothing is expected of it.
    pub fn silence(&self, pipeline: Pipeline, now: Instant) -> Option<Duration> {
        let last = self.0[pipeline as usize].load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(milliseconds(now).saturating_sub(last)))
    }

    /// The pipelines that hang, and for how long each was not heard. The front end is served in turns with the collector, so that a store
    /// that does not answer stops both: then it is the collection that hangs.
    pub fn hung(&self, now: Instant) -> Vec<(Pipeline, Duration)> {
        let silent = |one: Pipeline| Some((one, self.silence(one, now)?));
        let awaited = |(hung, silence)| {
            let collection = (hung == Pipeline::PowerLine).then(|| silent(Pipeline::Collection)).flatten();
            collection.filter(|(_, longer)| *longer + TURN >= silence).unwrap_or((hung, silence))
        };
        let all = Pipeline::ALL.into_iter().filter_map(silent);
        let mut hung: Vec<_> = all.filter(|(one, silence)| *silence > one.patience()).map(awaited).collect();
        hung.dedup();
        hung
    }
}

/// A turn of the collector begins within a step of the front end: by so much later it may have been heard.
const TURN: Duration = Duration::from_secs(10);

fn milliseconds(now: Instant) -> u64 {
    u64::try_from(now.since(Instant::EPOCH).as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    #[test]
    fn a_pipeline_that_was_never_heard_or_rests_is_not_missed() {
        let pulse = Pulse::default();
        assert_eq!(pulse.hung(at(1_000_000)), []);
        pulse.beat(Pipeline::Collection, at(0));
        assert_eq!(pulse.silence(Pipeline::Collection, at(7)), Some(Duration::from_secs(7)));
        pulse.rest(Pipeline::Collection);
        assert_eq!((pulse.hung(at(1_000_000)), pulse.silence(Pipeline::Collection, at(9))), (vec![], None));
    }

    #[test]
    fn a_collector_that_does_not_give_the_line_back_is_what_hangs_and_not_the_line() {
        let pulse = Pulse::default();
        pulse.beat(Pipeline::Collection, at(10));
        pulse.beat(Pipeline::PowerLine, at(11));
        assert_eq!(pulse.hung(at(70)), []);
        assert_eq!(pulse.hung(at(72)), [(Pipeline::Collection, Duration::from_secs(62))]);
        pulse.beat(Pipeline::Collection, at(60));
        assert_eq!(pulse.hung(at(72)), [(Pipeline::PowerLine, Duration::from_secs(61))]);
        pulse.rest(Pipeline::Collection);
        assert_eq!(pulse.hung(at(72)), [(Pipeline::PowerLine, Duration::from_secs(61))]);
        pulse.beat(Pipeline::Collection, at(10));
        pulse.beat(Pipeline::Interface, at(8));
        let expected =
            [(Pipeline::Collection, Duration::from_secs(95)), (Pipeline::Interface, Duration::from_secs(97))];
        assert_eq!(pulse.hung(at(105)), expected, "each once");
    }

    #[test]
    fn one_that_is_silent_for_longer_than_its_patience_is_named_while_the_others_beat() {
        let pulse = Pulse::default();
        for second in 0..=61 {
            for pipeline in Pipeline::ALL.into_iter().filter(|one| *one != Pipeline::Interface || second == 0)
            {
                pulse.beat(pipeline, at(second));
            }
            let expected = (second == 61).then_some((Pipeline::Interface, Duration::from_secs(61)));
            assert_eq!(pulse.hung(at(second)), Vec::from_iter(expected), "{second}");
        }
        pulse.beat(Pipeline::Interface, at(62));
        assert_eq!(pulse.hung(at(62)), []);
    }
}
