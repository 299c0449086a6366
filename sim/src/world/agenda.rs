//! What is due when.

use plc_core::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things that are due, ordered by time and then by the order in which they were put in.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    sequence: u64,
    what: T,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, at: Instant, what: T) {
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, what }));
        self.sequence += 1;
    }

    /// The next thing, if it is due by `end`.
    pub(super) fn pop(&mut self, end: Instant) -> Option<(Instant, T)> {
        if self.heap.peek()?.0.at > end {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }

    /// Things that were ever due.
    pub(super) const fn count(&self) -> u64 {
        self.sequence
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_at_the_same_time_comes_in_the_order_of_its_entry() {
        let mut agenda = Agenda::new();
        for (second, what) in [(3, 'd'), (1, 'a'), (2, 'b'), (2, 'c')] {
            agenda.push(Instant::from_secs(second), what);
        }
        let mut order = String::new();
        while let Some((_, what)) = agenda.pop(Instant::from_secs(2)) {
            order.push(what);
        }
        assert_eq!((order.as_str(), agenda.count()), ("abc", 4));
    }
}
