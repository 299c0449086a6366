//! Outputs that wait to be drained, in order, without room for a whole packet in each place.

use super::AdpOutput;
use heapless::Deque;
use plc_core::sap::{
    AdpdDataConfirm, AdpdDataIndication, AdpmIndication, McpsDataRequest, MlmeRequest, Persist,
};

/// The outputs. What is large stands beside the order, in fewer places.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    order: Deque<Slot, { Outbox::PLACES }>,
    requests: Deque<McpsDataRequest, 2>,
    packets: Deque<AdpdDataIndication, 1>,
    indications: Deque<AdpmIndication, 11>,
}

#[derive(Debug)]
enum Slot {
    Mcps,
    DataIndication,
    Adpm,
    Mlme(MlmeRequest),
    DataConfirm(AdpdDataConfirm),
    Persist(Persist),
}

impl Outbox {
    /// Outputs that may wait.
    const PLACES: usize = 48;
    /// Outputs that one input may lead to: a node that leaves confirms sixteen packets and says so.
    const RESERVE: usize = 32;

    /// Whether one more input may be taken.
    pub(super) fn has_reserve(&self) -> bool {
        Self::PLACES - self.order.len() >= Self::RESERVE
    }

    /// Whether a frame may go out.
    pub(super) fn has_room(&self) -> bool {
        !self.order.is_full() && !self.requests.is_full()
    }

    /// Appends an output; returns whether there was room.
    #[must_use]
    pub(super) fn push(&mut self, output: AdpOutput) -> bool {
        if self.order.is_full() {
            return false;
        }
        let slot = match output {
            AdpOutput::Mcps(request) => self.requests.push_back(request).map(|()| Slot::Mcps).ok(),
            AdpOutput::DataIndication(packet) => {
                self.packets.push_back(packet).map(|()| Slot::DataIndication).ok()
            }
            AdpOutput::Adpm(indication) => self.indications.push_back(indication).map(|()| Slot::Adpm).ok(),
            AdpOutput::Mlme(request) => Some(Slot::Mlme(request)),
            AdpOutput::DataConfirm(confirm) => Some(Slot::DataConfirm(confirm)),
            AdpOutput::Persist(record) => Some(Slot::Persist(record)),
        };
        slot.is_some_and(|slot| self.order.push_back(slot).is_ok())
    }

    /// Takes the oldest output.
    pub(super) fn pop(&mut self) -> Option<AdpOutput> {
        Some(match self.order.pop_front()? {
            Slot::Mcps => AdpOutput::Mcps(self.requests.pop_front()?),
            Slot::DataIndication => AdpOutput::DataIndication(self.packets.pop_front()?),
            Slot::Adpm => AdpOutput::Adpm(self.indications.pop_front()?),
            Slot::Mlme(request) => AdpOutput::Mlme(request),
            Slot::DataConfirm(confirm) => AdpOutput::DataConfirm(confirm),
            Slot::Persist(record) => AdpOutput::Persist(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::PanId;

    #[test]
    fn outputs_of_all_kinds_come_out_in_their_order() {
        let (mut outbox, pan_id) = (Outbox::default(), PanId(1));
        for n in 0..10 {
            assert!(outbox.push(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n))));
            assert!(outbox.push(AdpOutput::Adpm(AdpmIndication::Started { pan_id })));
        }
        for n in 0..10 {
            assert_eq!(outbox.pop(), Some(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n))));
            assert_eq!(outbox.pop(), Some(AdpOutput::Adpm(AdpmIndication::Started { pan_id })));
        }
        assert_eq!(outbox.pop(), None);
    }

    #[test]
    fn what_finds_no_room_is_refused_and_the_rest_stays() {
        let mut outbox = Outbox::default();
        let taken = (0..60).filter(|&n| outbox.push(AdpOutput::Mlme(MlmeRequest::SetRcCoord(n)))).count();
        assert_eq!(taken, Outbox::PLACES);
        assert!(!outbox.has_room() && !outbox.has_reserve());
        assert_eq!(core::iter::from_fn(|| outbox.pop()).count(), taken);
    }
}
