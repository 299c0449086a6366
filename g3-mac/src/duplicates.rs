//! MSDUs that were accepted not long ago.

use alloc::vec::Vec;
use core::time::Duration;
use plc_core::{Instant, MacAddress, PanId};

/// What makes two MSDUs the same \[G3 MAC 1.7; confidence A\]: source, frame type, DSN. Which segment it is does not matter:
/// a sender that falls back to ROBO may have cut it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MsduId {
    pub(crate) src: (PanId, MacAddress),
    pub(crate) frame_type: crate::wire::FrameType,
    pub(crate) dsn: u8,
    /// What is in clear says nothing of what is secured: anybody could have sent it.
    pub(crate) secured: bool,
}

/// A ring of MSDUs, forgotten after macDuplicateDetectionTTL or when the ring is full.
#[derive(Debug)]
pub(crate) struct Duplicates {
    ring: Vec<(MsduId, Instant)>,
    next: usize,
    bound: usize,
    ttl: Duration,
}

impl Duplicates {
    pub(crate) fn new(bound: usize, ttl: Duration) -> Self {
        let bound = bound.max(1);
        Self { ring: Vec::with_capacity(bound), next: 0, bound, ttl }
    }

    pub(crate) fn retime(&mut self, ttl: Duration) {
        self.ttl = ttl;
    }

    /// Whether `id` was accepted within the TTL.
    pub(crate) fn contains(&self, now: Instant, id: MsduId) -> bool {
        self.ring.iter().any(|&(known, at)| known == id && now.since(at) < self.ttl)
    }

    /// Remembers `id`.
    pub(crate) fn insert(&mut self, now: Instant, id: MsduId) {
        if self.ring.len() < self.bound {
            self.ring.push((id, now));
        } else {
            self.ring[self.next] = (id, now);
            self.next = (self.next + 1) % self.bound;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
        self.next = 0;
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.ring.capacity() * size_of::<(MsduId, Instant)>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.ring.len(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FrameType;

    fn id(dsn: u8) -> MsduId {
        let src = (PanId(1), MacAddress::BROADCAST);
        MsduId { src, frame_type: FrameType::Data, dsn, secured: true }
    }

    #[test]
    fn an_msdu_is_remembered_for_its_ttl_and_no_longer() {
        let mut known = Duplicates::new(4, Duration::from_secs(3));
        known.insert(Instant::from_secs(1), id(1));
        assert!(known.contains(Instant::from_secs(3), id(1)));
        assert!(!known.contains(Instant::from_secs(3), MsduId { secured: false, ..id(1) }));
        assert!(!known.contains(Instant::from_secs(4), id(1)));
    }

    #[test]
    fn a_full_ring_forgets_the_oldest() {
        let mut known = Duplicates::new(2, Duration::from_secs(3));
        let now = Instant::from_secs(1);
        (1..=3).for_each(|dsn| known.insert(now, id(dsn)));
        assert_eq!([1, 2, 3].map(|dsn| known.contains(now, id(dsn))), [false, true, true]);
    }
}
