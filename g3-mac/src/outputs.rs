//! What waits for the driver.

use crate::mac::MacOutput;
use alloc::collections::VecDeque;
use plc_core::sap::{McpsDataConfirm, McpsDataIndication, MlmeConfirm, MlmeIndication, Persist, PhyRequest};

/// Outputs in order. There is at most one transmission at a time, and one MSDU per frame received: these, which are
/// large, have places of their own beside the queue.
#[derive(Debug)]
pub(crate) struct Outputs {
    queue: VecDeque<Entry>,
    bound: usize,
    phy: Option<PhyRequest>,
    indication: Option<McpsDataIndication>,
    dropped: u64,
}

/// Outputs of one call besides a confirm for each request.
const BESIDES: usize = 16;

#[derive(Debug)]
enum Entry {
    Phy,
    DataIndication,
    DataConfirm(McpsDataConfirm),
    MlmeConfirm(MlmeConfirm),
    Mlme(MlmeIndication),
    Persist(Persist),
}

impl Outputs {
    /// `requests` is how many MCPS-DATA requests may wait: a reset confirms them all at once.
    pub(crate) fn new(requests: usize) -> Self {
        let bound = requests + BESIDES;
        let queue = VecDeque::with_capacity(bound);
        Self { queue, bound, phy: None, indication: None, dropped: 0 }
    }

    /// Appends an output; returns whether there was room.
    pub(crate) fn push(&mut self, output: MacOutput) -> bool {
        let entry = if self.queue.len() < self.bound { self.place(output) } else { None };
        self.dropped += u64::from(entry.is_none());
        entry.map(|entry| self.queue.push_back(entry)).is_some()
    }

    pub(crate) fn pop(&mut self) -> Option<MacOutput> {
        match self.queue.pop_front()? {
            Entry::Phy => self.phy.take().map(MacOutput::Phy),
            Entry::DataIndication => self.indication.take().map(MacOutput::DataIndication),
            Entry::DataConfirm(confirm) => Some(MacOutput::DataConfirm(confirm)),
            Entry::MlmeConfirm(confirm) => Some(MacOutput::MlmeConfirm(confirm)),
            Entry::Mlme(indication) => Some(MacOutput::Mlme(indication)),
            Entry::Persist(record) => Some(MacOutput::Persist(record)),
        }
    }

    /// Outputs waiting, and the most that may wait.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.queue.len(), self.bound)
    }

    /// Outputs refused since construction.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.queue.capacity() * size_of::<Entry>()
    }

    fn place(&mut self, output: MacOutput) -> Option<Entry> {
        Some(match output {
            MacOutput::Phy(request) => {
                if self.phy.is_some() {
                    return None;
                }
                self.phy = Some(request);
                Entry::Phy
            }
            MacOutput::DataIndication(indication) => {
                if self.indication.is_some() {
                    return None;
                }
                self.indication = Some(indication);
                Entry::DataIndication
            }
            MacOutput::DataConfirm(confirm) => Entry::DataConfirm(confirm),
            MacOutput::MlmeConfirm(confirm) => Entry::MlmeConfirm(confirm),
            MacOutput::Mlme(indication) => Entry::Mlme(indication),
            MacOutput::Persist(record) => Entry::Persist(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Instant;
    use plc_core::sap::{MacStatus, PdAckRequest};

    #[test]
    fn outputs_come_in_order_and_what_has_no_room_is_counted() {
        let mut outputs = Outputs::new(1);
        let at = Instant::EPOCH;
        let ack = MacOutput::Phy(PhyRequest::Ack(PdAckRequest {
            fcs: 1,
            more_segments: false,
            negative: false,
            at,
        }));
        let confirm = |handle| {
            MacOutput::DataConfirm(McpsDataConfirm { handle, status: MacStatus::Success, retries: 0 })
        };
        assert!(outputs.push(confirm(1)) && outputs.push(ack.clone()) && outputs.push(confirm(2)));
        assert!(!outputs.push(ack.clone()), "one transmission at a time");
        let drained: std::vec::Vec<_> = core::iter::from_fn(|| outputs.pop()).collect();
        assert_eq!(drained, [confirm(1), ack, confirm(2)]);
        (0..17).for_each(|handle| assert!(outputs.push(confirm(handle))));
        assert!(!outputs.push(confirm(99)));
        assert_eq!((outputs.dropped(), outputs.occupancy()), (2, (17, 17)));
    }
}
