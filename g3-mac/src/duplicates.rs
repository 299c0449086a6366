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

/// A table of MSDUs, forgotten after macDuplicateDetectionTTL or when there is no room: secured ones first, for their frame counters are
/// not accepted again either, and nothing but this table tells the repetition of what is in clear.
#[derive(Debug)]
pub(crate) struct Duplicates {
    known: Vec<(MsduId, Instant)>,
    bound: usize,
    ttl: Duration,
}

impl Duplicates {
    pub(crate) fn new(bound: usize, ttl: Duration) -> Self {
        let bound = bound.max(1);
        Self { known: Vec::with_capacity(bound), bound, ttl }
    }

    pub(crate) fn retime(&mut self, ttl: Duration) {
        self.ttl = ttl;
    }

    /// Whether `id` was accepted within the TTL.
    pub(crate) fn contains(&self, now: Instant, id: MsduId) -> bool {
        self.known.iter().any(|&(known, at)| known == id && now.since(at) < self.ttl)
    }

    /// Remembers `id`.
    pub(crate) fn insert(&mut self, now: Instant, id: MsduId) {
        if self.known.len() >= self.bound {
            let worth =
                |(_, (id, at)): &(usize, &(MsduId, Instant))| (now.since(*at) < self.ttl && !id.secured, *at);
            let least = self.known.iter().enumerate().min_by_key(worth).map(|(place, _)| place);
            least.into_iter().for_each(|place| _ = self.known.swap_remove(place));
        }
        self.known.push((id, now));
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.known.capacity() * size_of::<(MsduId, Instant)>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.known.len(), self.bound)
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
    fn what_is_in_clear_outlasts_what_has_a_frame_counter() {
        let mut known = Duplicates::new(2, Duration::from_secs(3));
        let clear = |dsn| MsduId { secured: false, ..id(dsn) };
        known.insert(Instant::EPOCH + Duration::from_millis(0), clear(1));
        (1..=9).for_each(|n| known.insert(Instant::EPOCH + Duration::from_millis(100 * n), id(n as u8)));
        assert!(
            known.contains(Instant::EPOCH + Duration::from_millis(1000), clear(1))
                && known.contains(Instant::EPOCH + Duration::from_millis(1000), id(9))
        );
        known.insert(Instant::EPOCH + Duration::from_millis(3100), clear(2));
        assert!(!known.contains(Instant::EPOCH + Duration::from_millis(3100), clear(1)), "its time is over");
    }

    #[test]
    fn a_full_table_forgets_the_oldest() {
        let mut known = Duplicates::new(2, Duration::from_secs(3));
        let now = Instant::from_secs(1);
        (1..=3).for_each(|dsn| known.insert(now, id(dsn)));
        assert_eq!([1, 2, 3].map(|dsn| known.contains(now, id(dsn))), [false, true, true]);
    }
}
