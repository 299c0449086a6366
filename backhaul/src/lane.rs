//! One kind of things to deliver: what there is, what the head-end holds, what is on its way.

use crate::{Order, Span, Spans};
use alloc::collections::VecDeque;

/// One kind of things to deliver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    /// The oldest that is still here.
    floor: u64,
    newest: u64,
    held: Spans,
    /// Held or on its way.
    taken: Spans,
    on_the_way: VecDeque<Span>,
    /// Whether the head-end does not take this kind.
    closed: bool,
}

impl Lane {
    /// There is something up to `newest`.
    pub(crate) fn grow(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    /// What is before `floor` is not here any more.
    pub(crate) fn raise_floor(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// Whether the head-end takes this kind.
    pub(crate) fn open(&mut self, open: bool) {
        self.closed = !open;
    }

    /// The cursor of the newest.
    pub(crate) const fn newest(&self) -> u64 {
        self.newest
    }

    /// What the head-end holds.
    pub(crate) const fn held(&self) -> &Spans {
        &self.held
    }

    /// Ranges on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.on_the_way.len()
    }

    /// The connection is gone, and with it what was on its way.
    pub(crate) fn reset(&mut self) {
        self.on_the_way.clear();
        self.taken = self.held.clone();
    }

    /// What the head-end says that it holds; whether that is news.
    pub(crate) fn hold(&mut self, held: &Spans) -> bool {
        let news = self.held != *held;
        self.held.clone_from(held);
        self.taken.extend(held);
        self.on_the_way.retain(|span| !held.covers(*span));
        news
    }

    /// Takes the next range to send.
    pub(crate) fn take(&mut self, order: Order, limit: u64) -> Option<Span> {
        let within = Span { first: self.floor.max(1), last: self.newest };
        if self.closed || within.first > within.last {
            return None;
        }
        let span = match order {
            Order::OldestFirst => self.taken.lowest_missing(within, limit),
            Order::NewestFirst => self.taken.highest_missing(within, limit),
        }?;
        self.taken.insert(span);
        self.on_the_way.push_back(span);
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(newest: u64, held: &[(u64, u64)]) -> Lane {
        let mut lane = Lane::default();
        lane.grow(newest);
        lane.hold(&held.iter().map(|&(first, last)| Span { first, last }).collect());
        lane
    }

    fn taken(lane: &mut Lane, order: Order) -> alloc::vec::Vec<(u64, u64)> {
        core::iter::from_fn(|| lane.take(order, 4)).map(|span| (span.first, span.last)).collect()
    }

    #[test]
    fn the_oldest_or_the_newest_goes_first_and_holes_are_filled() {
        let mut oldest = lane(12, &[(1, 2), (8, 9)]);
        assert_eq!(taken(&mut oldest, Order::OldestFirst), [(3, 6), (7, 7), (10, 12)]);
        let mut newest = lane(12, &[(1, 2), (8, 9)]);
        assert_eq!(taken(&mut newest, Order::NewestFirst), [(10, 12), (4, 7), (3, 3)]);
    }

    #[test]
    fn what_comes_during_the_catch_up_overtakes_it_when_the_newest_is_first() {
        let mut lane = lane(100, &[]);
        assert_eq!(lane.take(Order::NewestFirst, 4), Some(Span { first: 97, last: 100 }));
        lane.grow(101);
        assert_eq!(lane.take(Order::NewestFirst, 4), Some(Span { first: 101, last: 101 }));
        assert_eq!(lane.take(Order::NewestFirst, 4), Some(Span { first: 93, last: 96 }));
    }

    #[test]
    fn what_was_on_its_way_is_sent_again_after_a_break_unless_it_has_arrived() {
        let mut lane = lane(8, &[]);
        assert_eq!(taken(&mut lane, Order::OldestFirst), [(1, 4), (5, 8)]);
        assert_eq!(lane.in_flight(), 2);
        lane.reset();
        lane.hold(&Spans::through(4));
        assert_eq!(taken(&mut lane, Order::OldestFirst), [(5, 8)]);
    }

    #[test]
    fn a_kind_that_is_not_taken_waits_until_it_is() {
        let mut lane = lane(8, &[(1, 2)]);
        lane.open(false);
        assert_eq!(taken(&mut lane, Order::OldestFirst), []);
        lane.open(true);
        assert_eq!(taken(&mut lane, Order::OldestFirst), [(3, 6), (7, 8)]);
    }

    #[test]
    fn what_is_not_here_any_more_is_not_sent() {
        let mut lane = lane(8, &[]);
        lane.raise_floor(6);
        assert_eq!(taken(&mut lane, Order::OldestFirst), [(6, 8)]);
        lane.reset();
        lane.raise_floor(20);
        assert_eq!(taken(&mut lane, Order::NewestFirst), []);
    }
}
