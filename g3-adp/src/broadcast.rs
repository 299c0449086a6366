//! The log of broadcasts already seen \[G3 ADP 5.2; confidence A\].

use alloc::collections::VecDeque;
use core::time::Duration;
use plc_core::{Instant, ShortAddress};

/// adpBroadcastLogTable: a broadcast is delivered and repeated once.
#[derive(Debug)]
pub(crate) struct BroadcastLog {
    /// Oldest first.
    entries: VecDeque<Entry>,
    limit: usize,
    ttl: Duration,
}

#[derive(Debug)]
struct Entry {
    originator: ShortAddress,
    sequence: u8,
    expires: Instant,
}

impl BroadcastLog {
    /// Remembers `limit` broadcasts for `ttl`; when full, the oldest goes first.
    pub(crate) fn new(limit: usize, ttl: Duration) -> Self {
        Self { entries: VecDeque::with_capacity(limit), limit, ttl }
    }

    /// Notes a broadcast; returns whether it is new.
    pub(crate) fn is_new(&mut self, now: Instant, originator: ShortAddress, sequence: u8) -> bool {
        while self.entries.front().is_some_and(|entry| entry.expires <= now) {
            self.entries.pop_front();
        }
        let same = |entry: &Entry| entry.originator == originator && entry.sequence == sequence;
        if self.entries.iter().any(same) {
            return false;
        }
        if self.entries.len() >= self.limit {
            self.entries.pop_front();
        }
        if self.limit > 0 {
            self.entries.push_back(Entry { originator, sequence, expires: now + self.ttl });
        }
        true
    }

    /// How long broadcasts are remembered from now on.
    pub(crate) const fn set_ttl(&mut self, ttl: Duration) {
        self.ttl = ttl;
    }

    /// Originator, sequence number and end of an entry.
    pub(crate) fn entry(&self, at: usize) -> Option<(ShortAddress, u8, Instant)> {
        self.entries.get(at).map(|entry| (entry.originator, entry.sequence, entry.expires))
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: ShortAddress = ShortAddress(1);

    #[test]
    fn a_broadcast_is_new_once_until_it_is_forgotten() {
        let mut log = BroadcastLog::new(4, Duration::from_secs(120));
        assert!(log.is_new(Instant::from_secs(0), NODE, 1));
        assert!(!log.is_new(Instant::from_secs(119), NODE, 1));
        assert!(log.is_new(Instant::from_secs(119), NODE, 2));
        assert!(log.is_new(Instant::from_secs(119), ShortAddress(2), 1));
        assert!(log.is_new(Instant::from_secs(120), NODE, 1));
    }

    #[test]
    fn a_full_log_forgets_the_oldest() {
        let mut log = BroadcastLog::new(2, Duration::from_secs(120));
        for sequence in [1, 2, 3] {
            assert!(log.is_new(Instant::EPOCH, NODE, sequence));
        }
        assert_eq!(log.len(), 2);
        assert!(log.is_new(Instant::EPOCH, NODE, 1));
    }
}
