//! The frame counter of secured frames, which never repeats.

use plc_core::sap::{MacStatus, Persist};

/// macFrameCounter 0x77, reserved in blocks: a block is durable before its first counter is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameCounter {
    next: u32,
    reserved_to: u32,
    block: u32,
}

impl FrameCounter {
    /// `first` was certainly never used.
    pub(crate) fn new(first: u32, block: u32) -> Self {
        Self { next: first, reserved_to: first, block: block.max(1) }
    }

    /// The next counter, without taking it.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Leaves out all counters before `next`; returns whether that is forward.
    pub(crate) fn skip_to(&mut self, next: u32) -> bool {
        let forward = next >= self.next;
        if forward {
            self.next = next;
        }
        forward
    }

    /// The next counter. `persist` queues a record to be made durable and says whether that worked;
    /// without it no counter is given out, nor is the last one, so that it never wraps.
    pub(crate) fn take(&mut self, persist: impl FnOnce(Persist) -> bool) -> Result<u32, MacStatus> {
        if self.next == u32::MAX {
            return Err(MacStatus::CounterError);
        }
        if self.next >= self.reserved_to {
            let reserved_to = self.next.saturating_add(self.block);
            if !persist(Persist::MacFrameCounter { reserved_to }) {
                return Err(MacStatus::CounterError);
            }
            self.reserved_to = reserved_to;
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn reservations(first: u32, block: u32, takes: usize) -> (Vec<Result<u32, MacStatus>>, Vec<Persist>) {
        let (mut counter, mut log) = (FrameCounter::new(first, block), Vec::new());
        let mut persist = |record| {
            log.push(record);
            true
        };
        let taken = (0..takes).map(|_| counter.take(&mut persist)).collect();
        (taken, log)
    }

    #[test]
    fn a_block_is_reserved_before_its_first_counter_and_only_once() {
        let (taken, log) = reservations(10, 2, 3);
        assert_eq!(taken, [Ok(10), Ok(11), Ok(12)]);
        assert_eq!(log, [12, 14].map(|reserved_to| Persist::MacFrameCounter { reserved_to }));
    }

    #[test]
    fn the_counter_ends_instead_of_wrapping() {
        let (taken, log) = reservations(u32::MAX - 2, 1024, 3);
        assert_eq!(taken, [Ok(u32::MAX - 2), Ok(u32::MAX - 1), Err(MacStatus::CounterError)]);
        assert_eq!(log, [Persist::MacFrameCounter { reserved_to: u32::MAX }]);
    }

    #[test]
    fn a_counter_can_be_set_forward_only_and_is_reserved_there_too() {
        let mut counter = FrameCounter::new(5, 4);
        assert!(counter.skip_to(100) && !counter.skip_to(99));
        let mut log = Vec::new();
        let taken = counter.take(|record| {
            log.push(record);
            true
        });
        assert_eq!((taken, log), (Ok(100), std::vec![Persist::MacFrameCounter { reserved_to: 104 }]));
    }

    #[test]
    fn what_could_not_be_made_durable_is_not_used() {
        let mut counter = FrameCounter::new(5, 4);
        assert_eq!(counter.take(|_| false), Err(MacStatus::CounterError));
        assert_eq!(counter.take(|_| true), Ok(5));
    }
}
