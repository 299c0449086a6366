//! Outputs that wait to be drained, in order, without room for a whole packet in each place.

use super::AdpOutput;
use crate::config::Limits;
use crate::transmit::Transmitter;
use alloc::collections::VecDeque;
use plc_core::sap::{
    AdpdDataConfirm, AdpdDataIndication, AdpmIndication, McpsDataRequest, MlmeRequest, Persist,
};

/// The outputs. What is large stands beside the order, in fewer places.
#[derive(Debug)]
pub(super) struct Outbox {
    order: VecDeque<Slot>,
    requests: VecDeque<MlmeRequest>,
    indications: VecDeque<AdpmIndication>,
    frame: Option<McpsDataRequest>,
    packet: Option<AdpdDataIndication>,
    places: usize,
    /// Outputs that one input may lead to.
    reserve: usize,
    indications_max: usize,
}

#[derive(Debug)]
enum Slot {
    Mcps,
    DataIndication,
    Adpm,
    Mlme,
    DataConfirm(AdpdDataConfirm),
    Persist(Persist),
}

impl Outbox {
    /// Outputs that one input may lead to, besides the confirm of every packet: a node that leaves its PAN says so.
    const RESERVE: usize = 16;
    /// Indications that one input may lead to, besides the end of every join.
    const INDICATIONS: usize = 6;

    /// Management requests: what procedures may want at a time, twice.
    const REQUESTS: usize = 16;

    /// Room for the outputs of a node with these limits.
    pub(super) fn new(limits: &Limits) -> Self {
        let reserve = Transmitter::packet_limit(limits.datagrams) + Self::RESERVE;
        let places = reserve + Self::RESERVE;
        let indications_max = Self::INDICATIONS + limits.parallel_joins;
        Self {
            order: VecDeque::with_capacity(places),
            requests: VecDeque::with_capacity(Self::REQUESTS),
            indications: VecDeque::with_capacity(indications_max),
            frame: None,
            packet: None,
            places,
            reserve,
            indications_max,
        }
    }

    /// Whether one more input may be taken.
    pub(super) fn has_reserve(&self) -> bool {
        self.places - self.order.len() >= self.reserve
    }

    /// Whether a frame may go out.
    pub(super) fn has_room(&self) -> bool {
        self.order.len() < self.places && self.frame.is_none()
    }

    /// Appends an output; returns whether there was room.
    #[must_use]
    pub(super) fn push(&mut self, output: AdpOutput) -> bool {
        let slot = if self.order.len() < self.places { self.place(output) } else { None };
        slot.map(|slot| self.order.push_back(slot)).is_some()
    }

    fn place(&mut self, output: AdpOutput) -> Option<Slot> {
        match output {
            AdpOutput::Mcps(request) => {
                let room = self.frame.is_none();
                room.then(|| self.frame = Some(request)).map(|()| Slot::Mcps)
            }
            AdpOutput::DataIndication(packet) => {
                let room = self.packet.is_none();
                room.then(|| self.packet = Some(packet)).map(|()| Slot::DataIndication)
            }
            AdpOutput::Adpm(indication) => {
                let room = self.indications.len() < self.indications_max;
                room.then(|| self.indications.push_back(indication)).map(|()| Slot::Adpm)
            }
            AdpOutput::Mlme(request) => {
                let room = self.requests.len() < Self::REQUESTS;
                room.then(|| self.requests.push_back(request)).map(|()| Slot::Mlme)
            }
            AdpOutput::DataConfirm(confirm) => Some(Slot::DataConfirm(confirm)),
            AdpOutput::Persist(record) => Some(Slot::Persist(record)),
        }
    }

    /// Octets on the heap.
    pub(super) fn footprint(&self) -> usize {
        self.order.capacity() * size_of::<Slot>()
            + self.requests.capacity() * size_of::<MlmeRequest>()
            + self.indications.capacity() * size_of::<AdpmIndication>()
    }

    /// Takes the oldest output.
    pub(super) fn pop(&mut self) -> Option<AdpOutput> {
        Some(match self.order.pop_front()? {
            Slot::Mcps => AdpOutput::Mcps(self.frame.take()?),
            Slot::DataIndication => AdpOutput::DataIndication(self.packet.take()?),
            Slot::Adpm => AdpOutput::Adpm(self.indications.pop_front()?),
            Slot::Mlme => AdpOutput::Mlme(self.requests.pop_front()?),
            Slot::DataConfirm(confirm) => AdpOutput::DataConfirm(confirm),
            Slot::Persist(record) => AdpOutput::Persist(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::PanId;
    use plc_core::sap::AdpStatus;

    #[test]
    fn outputs_of_all_kinds_come_out_in_their_order() {
        let (mut outbox, pan_id) = (Outbox::new(&Limits::DEVICE), PanId(1));
        for n in 0..6 {
            assert!(outbox.push(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n))));
            assert!(outbox.push(AdpOutput::Adpm(AdpmIndication::Started { pan_id })));
        }
        for n in 0..6 {
            assert_eq!(outbox.pop(), Some(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n))));
            assert_eq!(outbox.pop(), Some(AdpOutput::Adpm(AdpmIndication::Started { pan_id })));
        }
        assert_eq!(outbox.pop(), None);
    }

    #[test]
    fn what_finds_no_room_is_refused_and_the_rest_stays() {
        let mut outbox = Outbox::new(&Limits::DEVICE);
        let confirm = |handle| AdpdDataConfirm { handle, status: AdpStatus::Success };
        let taken = (0..60).filter(|&n| outbox.push(AdpOutput::DataConfirm(confirm(n)))).count();
        assert_eq!(taken, outbox.places);
        assert!(!outbox.has_room() && !outbox.has_reserve());
        assert_eq!(core::iter::from_fn(|| outbox.pop()).count(), taken);
        let taken = (0..60).filter(|&n| outbox.push(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n)))).count();
        assert_eq!((taken, outbox.has_room()), (Outbox::REQUESTS, true));
    }
}
