//! What waits for the driver.

use crate::NodeOutput;
use alloc::collections::VecDeque;
use plc_core::sap::{AdpmIndication, Persist, UdpConfirm, UdpIndication};

/// Outputs in order: a ring for each kind, since they differ in size a hundredfold, and the order of the kinds.
#[derive(Debug)]
pub(crate) struct Outputs {
    order: VecDeque<Kind>,
    datagrams: VecDeque<UdpIndication>,
    confirms: VecDeque<UdpConfirm>,
    indications: VecDeque<AdpmIndication>,
    records: VecDeque<Persist>,
    datagrams_max: usize,
    indications_max: usize,
    dropped: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Udp,
    UdpConfirm,
    Adpm,
    Persist,
}

/// Datagrams that may wait for the driver of a device, which drains after each exchange with the medium: one frame
/// completes one at most.
const DATAGRAMS: usize = 1;
/// The same of a coordinator, whose driver may exchange more than a frame at a time.
const DATAGRAMS_OF_MANY: usize = 4;
/// Confirms: a node that leaves its PAN confirms everything at once, as does its MAC.
const CONFIRMS: usize = 32;
/// Management, beside the end of every join of a coordinator, which all may end in one tick.
const INDICATIONS: usize = 6;
/// Records: a message or two for each route, and what the tables of the MAC have to say.
const RECORDS: usize = 32;

impl Outputs {
    /// Room for the outputs of a node on which so many may join at a time.
    pub(crate) fn new(parallel_joins: usize) -> Self {
        let datagrams_max = if parallel_joins > 0 { DATAGRAMS_OF_MANY } else { DATAGRAMS };
        let indications_max = INDICATIONS + parallel_joins;
        let bound = datagrams_max + CONFIRMS + indications_max + RECORDS;
        Self {
            order: VecDeque::with_capacity(bound),
            datagrams: VecDeque::with_capacity(datagrams_max),
            confirms: VecDeque::with_capacity(CONFIRMS),
            indications: VecDeque::with_capacity(indications_max),
            records: VecDeque::with_capacity(RECORDS),
            datagrams_max,
            indications_max,
            dropped: 0,
        }
    }

    /// A datagram has arrived.
    pub(crate) fn udp(&mut self, datagram: UdpIndication) {
        let room = push(&mut self.datagrams, self.datagrams_max, datagram);
        self.note(Kind::Udp, room);
    }

    /// A datagram has left, or has not.
    pub(crate) fn confirm(&mut self, confirm: UdpConfirm) {
        let room = push(&mut self.confirms, CONFIRMS, confirm);
        self.note(Kind::UdpConfirm, room);
    }

    /// Management.
    pub(crate) fn adpm(&mut self, indication: AdpmIndication) {
        let room = push(&mut self.indications, self.indications_max, indication);
        self.note(Kind::Adpm, room);
    }

    /// To be made durable.
    pub(crate) fn persist(&mut self, record: Persist) {
        let room = push(&mut self.records, RECORDS, record);
        self.note(Kind::Persist, room);
    }

    pub(crate) fn pop(&mut self) -> Option<NodeOutput> {
        match self.order.pop_front()? {
            Kind::Udp => self.datagrams.pop_front().map(NodeOutput::Udp),
            Kind::UdpConfirm => self.confirms.pop_front().map(NodeOutput::UdpConfirm),
            Kind::Adpm => self.indications.pop_front().map(NodeOutput::Adpm),
            Kind::Persist => self.records.pop_front().map(NodeOutput::Persist),
        }
    }

    /// Outputs waiting, and the most that may wait.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.order.len(), self.datagrams_max + CONFIRMS + self.indications_max + RECORDS)
    }

    /// Outputs refused since construction.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.order.capacity() * size_of::<Kind>()
            + self.datagrams.capacity() * size_of::<UdpIndication>()
            + self.confirms.capacity() * size_of::<UdpConfirm>()
            + self.indications.capacity() * size_of::<AdpmIndication>()
            + self.records.capacity() * size_of::<Persist>()
    }

    fn note(&mut self, kind: Kind, room: bool) {
        if room {
            self.order.push_back(kind);
        } else {
            self.dropped += 1;
        }
    }
}

/// Appends `item` unless there are `bound` already; returns whether there was room.
fn push<T>(ring: &mut VecDeque<T>, bound: usize, item: T) -> bool {
    let room = ring.len() < bound;
    if room {
        ring.push_back(item);
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::ShortAddress;
    use plc_core::sap::{AdpStatus, Lqi, UdpPayload};
    use std::vec::Vec;

    fn datagram(src: u16) -> UdpIndication {
        let payload = UdpPayload::from_slice(&[7; 300]).unwrap();
        UdpIndication { src: ShortAddress(src), src_port: 1, dst_port: 2, payload, hops: 1, lqi: Lqi(9) }
    }

    #[test]
    fn outputs_of_all_kinds_come_out_in_their_order() {
        let mut outputs = Outputs::new(1);
        let confirm = |handle| UdpConfirm { handle, status: AdpStatus::Success };
        let record = |reserved_to| Persist::MacFrameCounter { reserved_to };
        outputs.persist(record(1));
        outputs.udp(datagram(5));
        outputs.confirm(confirm(6));
        outputs.adpm(AdpmIndication::Left);
        outputs.udp(datagram(7));
        outputs.persist(record(2));
        let drained: Vec<_> = core::iter::from_fn(|| outputs.pop()).collect();
        let expected = [
            NodeOutput::Persist(record(1)),
            NodeOutput::Udp(datagram(5)),
            NodeOutput::UdpConfirm(confirm(6)),
            NodeOutput::Adpm(AdpmIndication::Left),
            NodeOutput::Udp(datagram(7)),
            NodeOutput::Persist(record(2)),
        ];
        assert_eq!(drained, expected);
        assert_eq!(outputs.dropped(), 0);
    }

    #[test]
    fn what_has_no_room_is_counted_and_takes_none_from_other_kinds() {
        let mut outputs = Outputs::new(0);
        let footprint = outputs.footprint();
        (0..100).for_each(|_| outputs.adpm(AdpmIndication::Left));
        (0..100).for_each(|n| outputs.udp(datagram(n)));
        assert_eq!(outputs.occupancy().0, INDICATIONS + DATAGRAMS);
        assert_eq!(outputs.dropped(), (200 - INDICATIONS - DATAGRAMS) as u64);
        assert_eq!(outputs.footprint(), footprint);
    }
}
