//! Rapid voltage changes \[61000-4-30 5.11\]: from one steady value to another.

use super::event::{EventKind, QualityEvent, Thresholds};

/// Half cycles over which a voltage must be steady: a second.
const STEADY: usize = 100;

/// Finds rapid changes of one channel.
#[derive(Clone, Debug)]
pub(crate) struct RapidChange {
    threshold_uv: u64,
    channel: usize,
    values: [u64; STEADY],
    at: usize,
    filled: usize,
    sum: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not steady since the beginning or since a dip or swell.
    Unknown,
    Steady,
    /// Not steady since `start`; the steady value before and the largest distance from it.
    Changing {
        start: u64,
        before_uv: u64,
        largest_uv: u64,
    },
}

impl RapidChange {
    pub(crate) const fn new(thresholds: &Thresholds, channel: usize) -> Self {
        Self {
            threshold_uv: thresholds.rapid_change_uv,
            channel,
            values: [0; STEADY],
            at: 0,
            filled: 0,
            sum: 0,
            state: State::Unknown,
        }
    }

    /// A dip or swell is under way: what changes now is part of it.
    pub(crate) const fn discard(&mut self) {
        (self.state, self.filled, self.sum, self.at) = (State::Unknown, 0, 0, 0);
    }

    /// A half cycle has ended at sample `now` with this value; `half` samples are half a cycle. A change that is over by it.
    pub(crate) fn on_half_cycle(&mut self, now: u64, uv: u64, half: u64) -> Option<QualityEvent> {
        let mean = self.sum / self.filled.max(1) as u64;
        let left = self.filled == STEADY && uv.abs_diff(mean) > self.threshold_uv;
        self.push(uv);
        match self.state {
            State::Unknown if self.is_steady(self.threshold_uv) => self.state = State::Steady,
            State::Steady if left => {
                let largest_uv = uv.abs_diff(mean);
                self.state = State::Changing { start: now, before_uv: mean, largest_uv };
            }
            State::Changing { start, before_uv, largest_uv } => {
                let largest_uv = largest_uv.max(uv.abs_diff(before_uv));
                self.state = State::Changing { start, before_uv, largest_uv };
                if self.is_steady(self.threshold_uv / 2) {
                    return self.finish(now, (start, before_uv, largest_uv), half);
                }
            }
            State::Unknown | State::Steady => {}
        }
        None
    }

    fn finish(
        &mut self,
        now: u64,
        (start, before_uv, largest_uv): (u64, u64, u64),
        half: u64,
    ) -> Option<QualityEvent> {
        self.state = State::Steady;
        let after = self.sum / STEADY as u64;
        Some(QualityEvent {
            kind: EventKind::RapidChange,
            start,
            end: now.saturating_sub(half * STEADY as u64).max(start),
            extreme_uv: largest_uv,
            steady_uv: after.abs_diff(before_uv),
            channels: 1 << self.channel,
        })
    }

    fn push(&mut self, uv: u64) {
        if self.filled == STEADY {
            self.sum -= self.values[self.at];
        } else {
            self.filled += 1;
        }
        self.values[self.at] = uv;
        self.sum += uv;
        self.at = (self.at + 1) % STEADY;
    }

    fn is_steady(&self, band: u64) -> bool {
        let mean = self.sum / STEADY as u64;
        self.filled == STEADY && self.values.iter().all(|value| value.abs_diff(mean) <= band)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn changes(course: impl Fn(u64) -> u64, halves: u64) -> Vec<QualityEvent> {
        let mut detector = RapidChange::new(&Thresholds::of_declared(230_000_000), 1);
        (0..halves).filter_map(|n| detector.on_half_cycle(n * 80, course(n), 80)).collect()
    }

    #[test]
    fn a_step_is_one_change_with_its_sizes() {
        let course = |n| match n {
            0..300 => 230_000_000,
            300..310 => 209_000_000,
            _ => 217_000_000,
        };
        let found = changes(course, 600);
        assert_eq!(found.len(), 1);
        let change = found[0];
        assert_eq!((change.start, change.extreme_uv, change.steady_uv), (300 * 80, 21_000_000, 13_000_000));
        assert_eq!((change.end - change.start) / 80, 9);
        assert_eq!(change.channels, 0b010);
    }

    #[test]
    fn a_slow_drift_and_what_stays_within_the_band_are_no_changes() {
        assert!(changes(|n| 230_000_000 - n * 20_000, 1000).is_empty());
        assert!(changes(|n| if n < 300 { 230_000_000 } else { 220_000_000 }, 900).is_empty());
    }
}
