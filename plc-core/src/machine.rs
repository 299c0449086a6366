//! The machine: a layer without I/O, clock or entropy of its own.

use crate::Instant;
use heapless::Deque;

/// A layer without I/O, clock or entropy of its own.
///
/// A driver hands it inputs with the time at which they happened, ticks it when its deadline has
/// passed, and drains its outputs after each call. See the module `laws` for what every machine promises.
pub trait Machine {
    /// What happens to the machine. Inputs borrow.
    type Input<'a>;
    /// What the machine wants done or known. Outputs own, and are bounded.
    type Output;

    /// Something has happened at `now`. `now` never goes back.
    fn handle(&mut self, now: Instant, input: Self::Input<'_>);
    /// The deadline has passed. Before the deadline this changes nothing.
    fn tick(&mut self, now: Instant);
    /// When to tick next, or `None` when only an input can make the machine move.
    fn deadline(&self) -> Option<Instant>;
    /// The next output, in order.
    fn poll(&mut self) -> Option<Self::Output>;
}

/// The bounded queue of a machine's outputs.
///
/// A full outbox refuses the newest entry and counts it, so that a driver that does not drain can
/// never make a machine grow.
#[derive(Debug)]
pub struct Outbox<T, const N: usize> {
    queue: Deque<T, N>,
    dropped: u64,
}

impl<T, const N: usize> Outbox<T, N> {
    /// An empty outbox.
    pub const fn new() -> Self {
        Self { queue: Deque::new(), dropped: 0 }
    }

    /// Appends an output; returns whether there was room.
    pub fn push(&mut self, output: T) -> bool {
        let room = self.queue.push_back(output).is_ok();
        self.dropped += u64::from(!room);
        room
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Outputs waiting.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Room left before the next output is dropped.
    pub fn room(&self) -> usize {
        N - self.queue.len()
    }

    /// Outputs refused since construction.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<T, const N: usize> Default for Outbox<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_keeps_the_oldest_and_counts_the_refused() {
        let mut outbox: Outbox<u8, 2> = Outbox::new();
        assert!(outbox.push(1) && outbox.push(2));
        assert!(!outbox.push(3));
        assert_eq!((outbox.pop(), outbox.pop(), outbox.pop()), (Some(1), Some(2), None));
        assert_eq!(outbox.dropped(), 1);
    }
}
