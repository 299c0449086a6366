//! The last frame counter of each source, against replays.

use crate::config::{AfterRestart, DeviceCounter};
use crate::table::Table;
use plc_core::ShortAddress;
use plc_core::sap::{DeviceEntry, Persist};

/// macDeviceTable 0x73 \[G3 MAC 4\].
///
/// A counter may jump forward as far as it likes, since a node that restarts goes on from what it had
/// reserved. Entries belong to a key: what was secured with one slot says nothing about the other, and
/// goes when the key of the slot changes. Only frames whose MIC was right make entries, so that a full
/// table means that many members of the PAN are in reach, or that somebody has stolen a key. A source that was heard once is
/// forgotten before one that was heard again: a flood of single frames in the names of nobody leaves the others their counters.
/// Among equals the one not heard for longest goes.
///
/// What was accepted is made durable once in a block, not for each frame: see [`AfterRestart`].
#[derive(Debug)]
pub(crate) struct DeviceTable {
    table: Table<(ShortAddress, u8), Device>,
    /// Counters of a source for one record; 0: nothing is made durable.
    block: u32,
    after_restart: AfterRestart,
    /// Counts acceptances, to know who was silent for longest.
    clock: u64,
}

#[derive(Clone, Copy, Debug)]
struct Device {
    /// The smallest counter that is fresh.
    fresh_from: u32,
    /// What the last record said.
    durable: u32,
    /// When it was heard last, with [`AGAIN`] if not for the first time.
    heard: u64,
}

/// Makes what was heard more than once worth more than anything that was heard once.
const AGAIN: u64 = 1 << 63;

impl DeviceTable {
    pub(crate) fn new(bound: usize, block: u32, after_restart: AfterRestart) -> Self {
        Self { table: Table::new(bound), block, after_restart, clock: 0 }
    }

    /// Takes back a record of before a restart.
    pub(crate) fn restore(&mut self, counter: &DeviceCounter) {
        let key = (counter.short, counter.key_index);
        let accept_from = counter.accept_from;
        if self.table.find(key).is_none_or(|device| device.fresh_from < accept_from) {
            let heard = self.clock | AGAIN;
            let device = Device { fresh_from: accept_from, durable: accept_from, heard };
            self.table.insert(key, device, |device| device.heard);
        }
    }

    /// Accepts a counter that is fresh, and remembers it; returns whether it was. `persist` queues a record and says
    /// whether that worked; if not, the counter is not accepted.
    pub(crate) fn accept(
        &mut self,
        short: ShortAddress,
        key_index: u8,
        frame_counter: u32,
        persist: impl FnOnce(Persist) -> bool,
    ) -> bool {
        let known = self.table.find((short, key_index)).copied();
        let stale = known.is_some_and(|device| frame_counter < device.fresh_from);
        if stale || frame_counter == u32::MAX {
            return false;
        }
        let durable = known.map_or(0, |device| device.durable);
        let accept_from = self.record(durable, frame_counter);
        if let Some(accept_from) = accept_from
            && !persist(Persist::MacDeviceCounter { short, key_index, accept_from })
        {
            return false;
        }
        self.clock += 1;
        let device = Device {
            fresh_from: frame_counter + 1,
            durable: accept_from.unwrap_or(durable),
            heard: self.clock | if known.is_some() { AGAIN } else { 0 },
        };
        self.table.insert((short, key_index), device, |device| device.heard);
        true
    }

    /// The key of a slot has changed.
    pub(crate) fn forget_key(&mut self, key_index: u8, persist: impl FnOnce(Persist) -> bool) {
        self.table.retain(|&(_, index), _| index != key_index);
        if self.block > 0 {
            persist(Persist::MacDeviceCountersVoid { key_index });
        }
    }

    /// Every source exactly as it stands, for an orderly stop.
    pub(crate) fn export(&self) -> impl Iterator<Item = DeviceCounter> {
        self.table.iter().map(|(&(short, key_index), Device { fresh_from, .. })| DeviceCounter {
            short,
            key_index,
            accept_from: *fresh_from,
        })
    }

    /// Entry `index` as management sees it.
    pub(crate) fn entry(&self, index: u16) -> Option<DeviceEntry> {
        let (&(short, key_index), device) = self.table.iter().nth(index.into())?;
        Some(DeviceEntry { short, key_index, frame_counter: device.fresh_from.saturating_sub(1) })
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    /// Sources forgotten because the table was full.
    pub(crate) fn evicted(&self) -> u32 {
        self.table.evicted()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        self.table.occupancy()
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.table.footprint()
    }

    /// What is to be made durable before `frame_counter` is accepted, if anything.
    fn record(&self, durable: u32, frame_counter: u32) -> Option<u32> {
        let due = match self.after_restart {
            AfterRestart::RefuseUncertain => frame_counter >= durable,
            AfterRestart::AcceptUncertain => {
                durable == 0 || frame_counter - durable.min(frame_counter) >= self.block
            }
        };
        let ahead = match self.after_restart {
            AfterRestart::RefuseUncertain => self.block,
            AfterRestart::AcceptUncertain => 1,
        };
        (self.block > 0 && due).then(|| frame_counter.saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const A: ShortAddress = ShortAddress(1);

    fn table(bound: usize) -> DeviceTable {
        DeviceTable::new(bound, 0, AfterRestart::RefuseUncertain)
    }

    fn accept(table: &mut DeviceTable, short: ShortAddress, key_index: u8, counter: u32) -> bool {
        table.accept(short, key_index, counter, |_| panic!("nothing is to be durable"))
    }

    #[test]
    fn a_counter_is_accepted_once_and_may_jump_forward_only() {
        let mut table = table(4);
        let verdicts = [5, 5, 4, 6, 1_000_000, 7].map(|counter| accept(&mut table, A, 0, counter));
        assert_eq!(verdicts, [true, false, false, true, true, false]);
        assert!(accept(&mut table, ShortAddress(2), 0, 3));
        assert!(!accept(&mut table, ShortAddress(3), 0, u32::MAX));
    }

    #[test]
    fn a_new_key_forgets_the_counters_of_its_slot_only() {
        let mut table = table(4);
        assert!(accept(&mut table, A, 0, 9) && accept(&mut table, A, 1, 9));
        table.forget_key(1, |_| panic!("nothing is durable"));
        assert!(!accept(&mut table, A, 0, 9));
        assert!(accept(&mut table, A, 1, 1));
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let mut table = table(2);
        let b = ShortAddress(2);
        assert!(accept(&mut table, A, 0, 1) && accept(&mut table, b, 0, 1) && accept(&mut table, A, 0, 2));
        assert!(accept(&mut table, ShortAddress(3), 0, 1));
        assert_eq!((table.evicted(), table.occupancy()), (1, (2, 2)));
        assert!(!accept(&mut table, A, 0, 2));
        assert!(accept(&mut table, b, 0, 1));
    }

    /// Accepts `counters`, then restarts from the records; returns the records and the first counter that is accepted
    /// again.
    fn restart(after_restart: AfterRestart, counters: &[u32]) -> (Vec<u32>, u32) {
        let mut table = DeviceTable::new(4, 8, after_restart);
        let mut records = Vec::new();
        for &counter in counters {
            assert!(table.accept(A, 0, counter, |record| {
                let Persist::MacDeviceCounter { short: A, key_index: 0, accept_from } = record else {
                    panic!()
                };
                records.push(accept_from);
                true
            }));
        }
        let mut again = DeviceTable::new(4, 8, after_restart);
        again.restore(&DeviceCounter { short: A, key_index: 0, accept_from: *records.last().unwrap() });
        let first = (0..1000).find(|&counter| again.accept(A, 0, counter, |_| true)).unwrap();
        (records, first)
    }

    #[test]
    fn with_head_room_nothing_is_accepted_twice_over_a_restart_and_few_records_are_written() {
        let counters: Vec<u32> = (100..120).collect();
        assert_eq!(restart(AfterRestart::RefuseUncertain, &counters), (std::vec![108, 116, 124], 124));
    }

    #[test]
    fn without_head_room_nothing_fresh_is_refused_after_a_restart() {
        let counters: Vec<u32> = (100..120).collect();
        let (records, first) = restart(AfterRestart::AcceptUncertain, &counters);
        assert_eq!((records, first), (std::vec![101, 110, 119], 119));
    }

    #[test]
    fn what_could_not_be_made_durable_is_not_accepted() {
        let mut table = DeviceTable::new(4, 8, AfterRestart::RefuseUncertain);
        assert!(!table.accept(A, 0, 5, |_| false));
        assert!(table.accept(A, 0, 5, |_| true));
        assert_eq!(table.export().map(|c| c.accept_from).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn a_flood_of_single_frames_leaves_those_that_were_heard_again_their_counters() {
        let mut table = table(4);
        for counter in [1, 2] {
            assert!(accept(&mut table, A, 0, counter));
        }
        for n in 0..100 {
            assert!(accept(&mut table, ShortAddress(0x4000 + n), 0, 1));
        }
        assert!(!accept(&mut table, A, 0, 2), "a replay");
        assert_eq!(table.occupancy(), (4, 4));
        // Who is heard again stays as well, and of those the one that was silent for longest goes.
        for n in 0..4 {
            assert!(
                accept(&mut table, ShortAddress(n + 10), 0, 1)
                    && accept(&mut table, ShortAddress(n + 10), 0, 2)
            );
        }
        assert!(accept(&mut table, A, 0, 2), "forgotten after all");
    }
}
