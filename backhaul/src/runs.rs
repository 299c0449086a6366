//! Which captures of a register are held, exactly, in few words: captures come on a raster, so a run of them is a beginning,
//! a step and a count.

use crate::varint;
use alloc::vec::Vec;
use plc_core::Utc;
use plc_core::wire::{Reader, WireError};

/// An exact set of capture times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Ordered; none begins before another has ended.
    runs: Vec<Run>,
}

/// `count` captures, `step` milliseconds apart. `step` is 0 when there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    start: i64,
    step: i64,
    count: u32,
}

impl Runs {
    /// The empty set.
    pub const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    /// Whether a capture is in the set.
    pub fn contains(&self, capture: Utc) -> bool {
        let at = capture.as_millis();
        self.runs[..self.after(at)].last().is_some_and(|run| run.contains(at))
    }

    /// Adds a capture; whether it was new.
    pub fn insert(&mut self, capture: Utc) -> bool {
        let at = capture.as_millis();
        let next = self.after(at);
        let Some(before) = next.checked_sub(1).map(|index| self.runs[index]) else {
            self.runs.insert(0, Run::single(at));
            self.merge_around(0);
            return true;
        };
        if before.contains(at) {
            return false;
        }
        if at > before.end() {
            if next == self.runs.len() && before.takes(at) {
                self.runs[next - 1] = before.with(at);
                return true;
            }
            self.runs.insert(next, Run::single(at));
            self.merge_around(next);
        } else {
            let (left, right) = before.split(at);
            self.runs.splice(next - 1..next, [left, Run::single(at), right]);
            self.merge_around(next);
        }
        true
    }

    /// The newest capture.
    pub fn newest(&self) -> Option<Utc> {
        self.runs.last().map(|run| Utc::from_millis(run.end()))
    }

    /// The oldest capture.
    pub fn oldest(&self) -> Option<Utc> {
        self.runs.first().map(|run| Utc::from_millis(run.start))
    }

    /// How many captures.
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.count)).sum()
    }

    /// Runs that stand for them: what the set costs.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// All captures in order.
    pub fn iter(&self) -> impl Iterator<Item = Utc> + '_ {
        self.runs.iter().flat_map(|run| (0..run.count).map(|n| Utc::from_millis(run.nth(n))))
    }

    /// Appends the set.
    pub fn emit(&self, out: &mut Vec<u8>) {
        varint::push(out, self.runs.len() as u64);
        let mut before = 0;
        for run in &self.runs {
            varint::push_signed(out, run.start.wrapping_sub(before));
            varint::push(out, run.count.into());
            if run.count > 1 {
                varint::push(out, run.step.cast_unsigned());
            }
            before = run.end();
        }
    }

    /// Takes a set.
    ///
    /// # Errors
    /// The octets are no set.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = varint::take(reader)?;
        let mut runs: Vec<Run> = Vec::new();
        for _ in 0..count {
            let before = runs.last().map_or(0, Run::end);
            let run = Run::parse(reader, before)?;
            if runs.last().is_some_and(|last| run.start <= last.end()) {
                return Err(WireError::Invalid("order of captures"));
            }
            runs.push(run);
        }
        Ok(Self { runs })
    }

    /// The index of the first run that begins after `at`.
    fn after(&self, at: i64) -> usize {
        self.runs.partition_point(|run| run.start <= at)
    }

    /// Joins what belongs together near `index`.
    fn merge_around(&mut self, index: usize) {
        let mut at = index.saturating_sub(2);
        let mut end = (index + 2).min(self.runs.len().saturating_sub(1));
        while at < end {
            match self.runs[at].joined(&self.runs[at + 1]) {
                Some(joined) => {
                    self.runs[at] = joined;
                    self.runs.remove(at + 1);
                    end -= 1;
                }
                None => at += 1,
            }
        }
    }
}

impl Run {
    const fn single(at: i64) -> Self {
        Self { start: at, step: 0, count: 1 }
    }

    fn parse(reader: &mut Reader<'_>, before: i64) -> Result<Self, WireError> {
        let start = before.wrapping_add(varint::take_signed(reader)?);
        let count = u32::try_from(varint::take(reader)?).ok().filter(|count| *count > 0);
        let count = count.ok_or(WireError::Invalid("count of captures"))?;
        let step = if count > 1 { varint::take(reader)?.cast_signed() } else { 0 };
        let span = step.checked_mul(i64::from(count - 1));
        let valid = (count == 1 || step > 0) && span.and_then(|span| start.checked_add(span)).is_some();
        valid.then_some(Self { start, step, count }).ok_or(WireError::Invalid("step of captures"))
    }

    const fn nth(&self, n: u32) -> i64 {
        self.start + self.step * n as i64
    }

    const fn end(&self) -> i64 {
        self.nth(self.count - 1)
    }

    fn contains(&self, at: i64) -> bool {
        at == self.start
            || at > self.start && at <= self.end() && self.offset(at) % i128::from(self.step) == 0
    }

    fn offset(&self, at: i64) -> i128 {
        i128::from(at) - i128::from(self.start)
    }

    /// Whether `at` is the next one of this run.
    fn takes(&self, at: i64) -> bool {
        self.count < u32::MAX
            && at
                .checked_sub(self.end())
                .is_some_and(|step| step > 0 && (self.count == 1 || step == self.step))
    }

    /// With `at`, which it [takes](Self::takes).
    const fn with(self, at: i64) -> Self {
        Self { step: at - self.end(), count: self.count + 1, ..self }
    }

    /// The part before `at`, which lies inside and is not in it, and the part behind.
    fn split(self, at: i64) -> (Self, Self) {
        let left = u32::try_from(self.offset(at) / i128::from(self.step) + 1).unwrap_or(self.count);
        let part = |start, count| Self { start, count, step: if count > 1 { self.step } else { 0 } };
        (part(self.start, left), part(self.nth(left), self.count - left))
    }

    /// Both as one run, if they are one.
    fn joined(&self, next: &Self) -> Option<Self> {
        let step = next.start.checked_sub(self.end())?;
        let fits = |run: &Self| run.count == 1 || run.step == step;
        let count = self.count.checked_add(next.count)?;
        (fits(self) && fits(next)).then_some(Self { start: self.start, step, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    fn set(millis: impl IntoIterator<Item = i64>) -> Runs {
        let mut runs = Runs::new();
        millis.into_iter().for_each(|at| {
            runs.insert(Utc::from_millis(at));
        });
        runs
    }

    #[test]
    fn forty_five_days_are_one_run_and_a_gap_makes_two() {
        let mut runs = set((0..4320).filter(|n| *n != 2000).map(|n| n * 900_000));
        assert_eq!((runs.runs(), runs.count()), (2, 4319));
        assert!(!runs.contains(Utc::from_millis(2000 * 900_000)));
        assert!(runs.insert(Utc::from_millis(2000 * 900_000)));
        assert_eq!((runs.runs(), runs.count()), (1, 4320));
        assert!(!runs.insert(Utc::from_millis(0)));
    }

    #[test]
    fn the_newest_first_is_one_run_too() {
        assert_eq!(set((0..1000).rev().map(|n| n * 900_000)).runs(), 1);
    }

    #[test]
    fn the_ends_of_time_are_held() {
        let runs = set([i64::MAX, i64::MIN, 0, i64::MIN + 1]);
        assert_eq!(
            runs.iter().map(Utc::as_millis).collect::<Vec<_>>(),
            [i64::MIN, i64::MIN + 1, 0, i64::MAX]
        );
    }

    #[test]
    fn overlapping_runs_are_refused() {
        let mut octets = Vec::new();
        for value in [2, 0, 3, 10, 1, 1] {
            varint::push(&mut octets, value);
        }
        assert_eq!(Runs::parse(&mut Reader::new(&octets)), Err(WireError::Invalid("order of captures")));
    }

    proptest! {
        /// Against a plain set, on a raster, off it, and at the ends of the numbers.
        #[test]
        fn the_runs_agree_with_a_set(
            inserts in prop::collection::vec(prop_oneof![(-6i64..14).prop_map(|n| n * 10), -60i64..140, any::<i64>()], 0..60),
            asked in prop::collection::vec(-60i64..140, 20),
        ) {
            let (mut runs, mut truth) = (Runs::new(), BTreeSet::new());
            for at in inserts {
                prop_assert_eq!(runs.insert(Utc::from_millis(at)), truth.insert(at), "{}", at);
            }
            prop_assert_eq!(runs.iter().map(Utc::as_millis).collect::<Vec<_>>(), truth.iter().copied().collect::<Vec<_>>());
            for at in asked {
                prop_assert_eq!(runs.contains(Utc::from_millis(at)), truth.contains(&at));
            }
            prop_assert_eq!(runs.count(), truth.len() as u64);
            let mut octets = Vec::new();
            runs.emit(&mut octets);
            let mut reader = Reader::new(&octets);
            prop_assert_eq!(Runs::parse(&mut reader), Ok(runs));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(runs) = Runs::parse(&mut Reader::new(&octets)) {
                let _ = (runs.count(), runs.newest(), runs.contains(Utc::from_millis(7)));
            }
        }
    }
}
