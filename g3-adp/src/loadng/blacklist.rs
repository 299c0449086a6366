//! Neighbours that did not answer \[G3 ADP 6.5\].

use alloc::vec::Vec;
use core::time::Duration;
use plc_core::{Instant, ShortAddress};

/// adpBlacklistTable: neighbours over which no new route is made for a while. A full table forgets the oldest.
#[derive(Debug)]
pub(crate) struct Blacklist {
    /// Oldest first.
    entries: Vec<(ShortAddress, Instant)>,
    limit: usize,
}

impl Blacklist {
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: Vec::with_capacity(limit), limit }
    }

    /// The neighbour did not answer.
    pub(crate) fn add(&mut self, now: Instant, neighbour: ShortAddress, ttl: Duration) {
        self.remove(neighbour);
        if self.entries.len() >= self.limit && !self.entries.is_empty() {
            self.entries.remove(0);
        }
        if self.limit > 0 {
            self.entries.push((neighbour, now + ttl));
        }
    }

    /// The neighbour has answered.
    pub(crate) fn remove(&mut self, neighbour: ShortAddress) {
        self.entries.retain(|&(entry, _)| entry != neighbour);
    }

    pub(crate) fn contains(&self, now: Instant, neighbour: ShortAddress) -> bool {
        self.entries.iter().any(|&(entry, until)| entry == neighbour && until > now)
    }

    /// The neighbours and until when, oldest first.
    pub(crate) fn entries(&self) -> &[(ShortAddress, Instant)] {
        &self.entries
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.entries.capacity() * size_of::<(ShortAddress, Instant)>()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_by_time_by_success_and_when_the_table_is_full() {
        let (mut list, ttl) = (Blacklist::new(2), Duration::from_secs(600));
        let node = ShortAddress;
        list.add(Instant::EPOCH, node(1), ttl);
        assert!(list.contains(Instant::from_secs(599), node(1)));
        assert!(!list.contains(Instant::from_secs(600), node(1)));
        list.add(Instant::EPOCH, node(2), ttl);
        list.add(Instant::EPOCH, node(3), ttl);
        assert!(!list.contains(Instant::EPOCH, node(1)));
        list.remove(node(2));
        assert!(!list.contains(Instant::EPOCH, node(2)) && list.contains(Instant::EPOCH, node(3)));
    }
}
