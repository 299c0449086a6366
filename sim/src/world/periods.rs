//! The line between one boundary after which meters are read and the next.

use super::{Event, World};
use crate::frame::AirCounters;
use plc_core::Utc;
use plc_core::time::Duration;
use std::collections::BTreeMap;

/// What has happened on the line, in all or in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFigures {
    /// Data and command frames that nodes have sent, repetitions included.
    pub frames: u64,
    /// Repetitions among them.
    pub retries: u64,
    /// Time on air of all frames, those of rogues included.
    pub airtime: Duration,
    /// Time during which at least one frame was on the line.
    pub busy: Duration,
    /// Headers and payloads lost at receivers that heard another frame at the same time.
    pub collisions: u64,
    /// Frames that at least one receiver has lost so.
    pub collided: u64,
}

/// The figures of the line at each boundary.
#[derive(Clone, Debug, Default)]
pub(super) struct Periods(BTreeMap<Utc, LineFigures>);

impl Periods {
    /// What has happened from a boundary to another; `None` unless both have passed.
    fn between(&self, from: Utc, to: Utc) -> Option<LineFigures> {
        Some(self.0.get(&to)?.since(self.0.get(&from)?))
    }
}

impl LineFigures {
    /// What has come since `earlier`.
    fn since(&self, earlier: &Self) -> Self {
        Self {
            frames: self.frames - earlier.frames,
            retries: self.retries - earlier.retries,
            airtime: self.airtime.saturating_sub(earlier.airtime),
            busy: self.busy.saturating_sub(earlier.busy),
            collisions: self.collisions - earlier.collisions,
            collided: self.collided - earlier.collided,
        }
    }
}

impl World {
    /// The line in the period that begins with the boundary `from`; `None` unless it is over.
    pub fn line_of_period(&self, from: Utc) -> Option<LineFigures> {
        self.periods.between(from, from + self.config.reading.every)
    }

    /// The next boundary is put on the agenda.
    pub(super) fn await_period(&mut self) {
        let every = self.config.reading.every;
        let next = self.utc().floor(every) + every;
        self.agenda.push(self.anchor.instant(next), Event::Period);
    }

    pub(super) fn on_period(&mut self) {
        let line = self.line();
        self.periods.0.insert(self.utc(), line);
        self.await_period();
    }

    /// The line so far.
    fn line(&self) -> LineFigures {
        let AirCounters { airtime, busy, collisions, collided, .. } = self.air();
        let (mut frames, mut retries) = (0, 0);
        for node in 0..=self.sites.len() {
            let figures = self.figures(node);
            (frames, retries) = (frames + figures.frames, retries + figures.retries);
        }
        LineFigures { frames, retries, airtime, busy, collisions, collided }
    }
}

#[cfg(test)]
mod tests {
    use crate::world::{TownConfig, World};
    use plc_core::time::Duration;

    #[test]
    fn the_line_of_all_periods_is_what_nodes_and_air_have_counted_between_the_first_boundary_and_the_last() {
        let mut config = TownConfig::new(1);
        config.duration = Duration::from_secs(2200);
        let mut world = World::new(config);
        let first = world.config().start.floor(Duration::from_secs(900)) + Duration::from_secs(900);
        let mut totals = Vec::new();
        for n in 0..3 {
            world.run_to(world.anchor.instant(first + Duration::from_secs(900) * n));
            totals.push(world.line());
        }
        let of = |n: u32| world.line_of_period(first + Duration::from_secs(900) * n);
        let (one, two) = (of(0).expect("it is over"), of(1).expect("it is over"));
        assert_eq!(one.frames + two.frames, totals[2].frames - totals[0].frames);
        assert_eq!(one.airtime + two.airtime, totals[2].airtime.saturating_sub(totals[0].airtime));
        assert!(one.frames > 50 && one.airtime >= one.busy && one.busy > Duration::from_secs(1), "{one:?}");
        assert_eq!(of(2), None, "it is not over");
    }

    #[test]
    fn a_concentrator_that_restarts_takes_no_frames_out_of_the_account() {
        use crate::world::{Action, Choice};
        let mut config = TownConfig::new(1);
        config.duration = Duration::from_secs(1250);
        let at = |second| Duration::from_secs(second);
        let node = || Choice::Node(0);
        config.actions = vec![(at(600), Action::PowerOff(node())), (at(605), Action::PowerOn(node()))];
        let first = config.start.floor(at(900)) + at(900);
        let mut world = World::new(config);
        world.run_to(world.end());
        let line = world.line_of_period(first).expect("it is over");
        assert!(line.frames > 50 && line.frames >= line.retries, "{line:?}");
    }
}
