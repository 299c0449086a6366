//! A run of captures.

use core::fmt;
use core::time::Duration;
use plc_core::Utc;

/// Captures from `from` to `to`, both included, one each period. Both lie on boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureRange {
    /// The first capture.
    pub from: Utc,
    /// The last capture, not before the first.
    pub to: Utc,
}

impl fmt::Display for CaptureRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

impl CaptureRange {
    /// From `from` to `to`; none when `to` lies before `from`.
    pub fn new(from: Utc, to: Utc) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// How many captures there are.
    pub fn captures(&self, period: Duration) -> u64 {
        let span = self.to.as_millis().abs_diff(self.from.as_millis());
        span / (period.as_millis() as u64).max(1) + 1
    }

    /// The first `count` captures (1 or more), or fewer if there are not so many.
    pub fn first(&self, count: u32, period: Duration) -> Self {
        let to = self.from + period * count.saturating_sub(1);
        Self { from: self.from, to: to.min(self.to) }
    }

    /// Whether `capture` lies inside.
    pub fn contains(&self, capture: Utc) -> bool {
        self.from <= capture && capture <= self.to
    }

    /// The runs of this range that are not among `present`, which ascends.
    pub fn missing<'a>(
        &self,
        present: impl Iterator<Item = Utc> + 'a,
        period: Duration,
    ) -> impl Iterator<Item = Self> + 'a {
        let (end, mut next) = (self.to, self.from);
        let stops = present.chain(core::iter::once(end + period));
        stops.filter_map(move |stop| {
            let run = Self::new(next, stop - period);
            next = stop + period;
            run
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const PERIOD: Duration = Duration::from_secs(900);

    fn at(n: u32) -> Utc {
        Utc::from_secs(1_800_000_000).floor(PERIOD) + PERIOD * n
    }

    proptest! {
        #[test]
        fn what_is_missing_and_what_is_present_make_the_range(
            from in 0u32..20, len in 0u32..20, picks in prop::collection::btree_set(0u32..20, 0..20),
        ) {
            let range = CaptureRange::new(at(from), at(from + len)).unwrap();
            let present: BTreeSet<Utc> = picks.into_iter().filter(|&n| n <= len).map(|n| at(from + n)).collect();
            let missing: Vec<_> = range.missing(present.iter().copied(), PERIOD).collect();
            let singles: BTreeSet<Utc> = (from..=from + len).map(at).filter(|c| !present.contains(c)).collect();
            let from_runs: BTreeSet<Utc> =
                (from..=from + len).map(at).filter(|&c| missing.iter().any(|run| run.contains(c))).collect();
            prop_assert_eq!(from_runs, singles);
            prop_assert_eq!(
                missing.iter().map(|run| run.captures(PERIOD)).sum::<u64>() + present.len() as u64,
                range.captures(PERIOD)
            );
        }
    }

    #[test]
    fn a_range_is_cut_to_what_one_question_may_ask() {
        let range = CaptureRange::new(at(0), at(99)).unwrap();
        assert_eq!(range.first(96, PERIOD), CaptureRange::new(at(0), at(95)).unwrap());
        assert_eq!(range.first(100, PERIOD), range);
        assert_eq!(range.first(1000, PERIOD), range);
        assert_eq!(CaptureRange::new(at(1), at(0)), None);
    }
}
