//! Sets of cursors as ranges: what was sent, what was acknowledged.

use crate::varint;
use alloc::vec::Vec;
use core::fmt;
use plc_core::wire::{Reader, WireError};

/// Cursors from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// A set of cursors. It never has more than [`MAX_SPANS`] ranges: beyond, the shortest but the lowest is forgotten, which costs
/// that something is delivered twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Ordered, with cursors in between that are not in the set.
    spans: Vec<Span>,
}

/// Ranges of a set at most.
pub const MAX_SPANS: usize = 64;

impl Span {
    /// Cursors in it.
    pub const fn len(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Never: a span has at least one cursor.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Spans {
    /// The empty set.
    pub const fn new() -> Self {
        Self { spans: Vec::new() }
    }

    /// All cursors up to `last`.
    pub fn through(last: u64) -> Self {
        let mut spans = Self::new();
        if last > 0 {
            spans.insert(Span { first: 1, last });
        }
        spans
    }

    /// The ranges, ordered.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The greatest cursor, 0 when there is none.
    pub fn last(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.last)
    }

    /// The end of the range that holds `from`; `from - 1` when none does: everything from `from` up to there is in the set.
    pub fn cumulative(&self, from: u64) -> u64 {
        self.find(from).map_or(from.saturating_sub(1), |span| span.last)
    }

    /// Whether a cursor is in the set.
    pub fn contains(&self, cursor: u64) -> bool {
        self.find(cursor).is_some()
    }

    /// Whether a whole range is in the set.
    pub fn covers(&self, span: Span) -> bool {
        self.find(span.first).is_some_and(|held| held.last >= span.last)
    }

    /// Adds a range.
    pub fn insert(&mut self, span: Span) {
        if span.first > span.last {
            return;
        }
        let from = self.spans.partition_point(|held| held.last < span.first.saturating_sub(1));
        let to = self.spans.partition_point(|held| held.first <= span.last.saturating_add(1));
        let touched = &self.spans[from..to];
        let first = touched.first().map_or(span.first, |held| held.first.min(span.first));
        let last = touched.last().map_or(span.last, |held| held.last.max(span.last));
        self.spans.splice(from..to, [Span { first, last }]);
        if self.spans.len() > MAX_SPANS {
            self.forget_shortest();
        }
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        other.spans.iter().for_each(|span| self.insert(*span));
    }

    /// The lowest cursors of `within` that are not in the set, at most `limit`, without a hole.
    pub fn lowest_missing(&self, within: Span, limit: u64) -> Option<Span> {
        let first = self.cumulative(within.first).saturating_add(1).max(within.first);
        let next = self.spans.iter().find(|held| held.first > first);
        let end = next.map_or(within.last, |held| within.last.min(held.first - 1));
        let last = end.min(first.saturating_add(limit.saturating_sub(1)));
        (first <= last && limit > 0).then_some(Span { first, last })
    }

    /// The highest cursors of `within` that are not in the set, at most `limit`, without a hole.
    pub fn highest_missing(&self, within: Span, limit: u64) -> Option<Span> {
        let last = match self.find(within.last) {
            Some(held) => held.first.checked_sub(1)?,
            None => within.last,
        };
        let before = self.spans.iter().rev().find(|held| held.last < last);
        let start = before.map_or(within.first, |held| within.first.max(held.last + 1));
        let first = start.max(last.saturating_sub(limit.saturating_sub(1)));
        (first <= last && last >= within.first && limit > 0).then_some(Span { first, last })
    }

    /// Appends the set.
    pub fn emit(&self, out: &mut Vec<u8>) {
        varint::push(out, self.spans.len() as u64);
        for span in &self.spans {
            varint::push(out, span.first);
            varint::push(out, span.last - span.first);
        }
    }

    /// Takes a set.
    ///
    /// # Errors
    /// The octets are no set.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = varint::take(reader)?;
        if count > MAX_SPANS as u64 {
            return Err(WireError::Invalid("number of spans"));
        }
        let mut spans: Vec<Span> = Vec::new();
        for _ in 0..count {
            let (first, length) = (varint::take(reader)?, varint::take(reader)?);
            let last = first.checked_add(length).ok_or(WireError::Invalid("span"))?;
            if spans.last().is_some_and(|held| first <= held.last.saturating_add(1)) {
                return Err(WireError::Invalid("order of spans"));
            }
            spans.push(Span { first, last });
        }
        Ok(Self { spans })
    }

    fn find(&self, cursor: u64) -> Option<&Span> {
        let at = self.spans.partition_point(|held| held.last < cursor);
        self.spans.get(at).filter(|held| held.first <= cursor)
    }

    fn forget_shortest(&mut self) {
        let shortest = (1..self.spans.len()).min_by_key(|at| self.spans[*at].len());
        if let Some(at) = shortest {
            self.spans.remove(at);
        }
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut set = Self::new();
        spans.into_iter().for_each(|span| set.insert(span));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[test]
    fn beyond_the_limit_the_shortest_is_forgotten_and_never_the_lowest() {
        let mut set: Spans =
            (0..MAX_SPANS as u64).map(|n| Span { first: n * 10 + 1, last: n * 10 + 2 + n % 3 }).collect();
        set.insert(Span { first: 5000, last: 5009 });
        assert_eq!(set.spans().len(), MAX_SPANS);
        assert!(set.contains(1) && set.contains(5000) && !set.contains(31));
    }

    proptest! {
        #[test]
        fn the_spans_agree_with_a_set(
            inserts in prop::collection::vec((1u64..80, 0u64..12), 0..20), from in 1u64..60, length in 0u64..40, limit in 0u64..9,
        ) {
            let (mut spans, mut truth) = (Spans::new(), BTreeSet::new());
            for (first, length) in inserts {
                spans.insert(Span { first, last: first + length });
                truth.extend(first..=first + length);
            }
            for cursor in 0..100 {
                prop_assert_eq!(spans.contains(cursor), truth.contains(&cursor));
            }
            let within = Span { first: from, last: from + length };
            let missing: Vec<u64> = (from..=from + length).filter(|cursor| !truth.contains(cursor)).collect();
            let run = |ordered: Vec<u64>| -> Vec<u64> {
                let limit = usize::try_from(limit).unwrap();
                let whole = ordered.iter().zip(&ordered[..]).map(|(a, _)| *a).collect::<Vec<_>>();
                let joined = whole.iter().enumerate().take_while(|(n, c)| c.abs_diff(whole[0]) == *n as u64);
                joined.map(|(_, c)| *c).take(limit).collect()
            };
            let lowest = run(missing.clone());
            let highest = run(missing.into_iter().rev().collect());
            let span = |found: Option<Span>| found.map(|s| (s.first..=s.last).collect::<Vec<_>>()).unwrap_or_default();
            prop_assert_eq!(span(spans.lowest_missing(within, limit)), lowest);
            prop_assert_eq!(span(spans.highest_missing(within, limit)).into_iter().rev().collect::<Vec<_>>(), highest);
            let mut octets = Vec::new();
            spans.emit(&mut octets);
            prop_assert_eq!(Spans::parse(&mut Reader::new(&octets)), Ok(spans));
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Spans::parse(&mut Reader::new(&octets));
        }
    }
}
