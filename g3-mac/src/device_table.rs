//! The last frame counter of each source, against replays.

use alloc::vec::Vec;
use plc_core::ShortAddress;

/// macDeviceTable 0x73 \[G3 MAC 4\].
///
/// A counter may jump forward as far as it likes, since a node that restarts goes on from what it had
/// reserved. Entries belong to a key: what was secured with one slot says nothing about the other, and
/// goes when the key of the slot changes. Only frames whose MIC was right make entries, so that a full
/// table means that many members of the PAN are in reach; the one not heard for longest is forgotten.
#[derive(Debug)]
pub(crate) struct DeviceTable {
    /// In the order in which they were heard, latest last.
    devices: Vec<Device>,
    bound: usize,
    evicted: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Device {
    short: ShortAddress,
    key_index: u8,
    frame_counter: u32,
}

impl DeviceTable {
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        Self { devices: Vec::with_capacity(bound), bound, evicted: 0 }
    }

    /// Accepts a counter that is fresh, and remembers it; returns whether it was.
    pub(crate) fn accept(&mut self, short: ShortAddress, key_index: u8, frame_counter: u32) -> bool {
        let found = self.devices.iter().position(|d| d.short == short && d.key_index == key_index);
        let stale = found.is_some_and(|n| frame_counter <= self.devices[n].frame_counter);
        if stale || frame_counter == u32::MAX {
            return false;
        }
        if found.is_none() && self.devices.len() == self.bound {
            self.evicted = self.evicted.wrapping_add(1);
        }
        let leaving = found.or_else(|| (self.devices.len() == self.bound).then_some(0));
        leaving.map(|n| self.devices.remove(n));
        self.devices.push(Device { short, key_index, frame_counter });
        true
    }

    /// The key of a slot has changed.
    pub(crate) fn forget_key(&mut self, key_index: u8) {
        self.devices.retain(|d| d.key_index != key_index);
    }

    pub(crate) fn clear(&mut self) {
        self.devices.clear();
    }

    /// Sources forgotten because the table was full.
    pub(crate) fn evicted(&self) -> u32 {
        self.evicted
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.devices.len(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ShortAddress = ShortAddress(1);

    #[test]
    fn a_counter_is_accepted_once_and_may_jump_forward_only() {
        let mut table = DeviceTable::new(4);
        let verdicts = [5, 5, 4, 6, 1_000_000, 7].map(|counter| table.accept(A, 0, counter));
        assert_eq!(verdicts, [true, false, false, true, true, false]);
        assert!(table.accept(ShortAddress(2), 0, 3));
        assert!(!table.accept(ShortAddress(3), 0, u32::MAX));
    }

    #[test]
    fn a_new_key_forgets_the_counters_of_its_slot_only() {
        let mut table = DeviceTable::new(4);
        assert!(table.accept(A, 0, 9) && table.accept(A, 1, 9));
        table.forget_key(1);
        assert!(!table.accept(A, 0, 9));
        assert!(table.accept(A, 1, 1));
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let mut table = DeviceTable::new(2);
        assert!(table.accept(A, 0, 1) && table.accept(ShortAddress(2), 0, 1) && table.accept(A, 0, 2));
        assert!(table.accept(ShortAddress(3), 0, 1));
        assert_eq!((table.evicted(), table.occupancy()), (1, (2, 2)));
        assert!(!table.accept(A, 0, 2));
        assert!(table.accept(ShortAddress(2), 0, 1));
    }
}
