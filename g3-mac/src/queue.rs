//! What waits to be sent.

use crate::specs::TONE_MAP_ANSWERS;
use alloc::collections::VecDeque;
use plc_core::ShortAddress;
use plc_core::sap::{McpsDataRequest, Priority};

/// Requests of both priorities, within one bound, and the frames of management, of which there is at
/// most one of each kind, or one for each neighbour.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Those of high priority before the others.
    requests: VecDeque<McpsDataRequest>,
    high: usize,
    bound: usize,
    answers: heapless::Deque<Answer, TONE_MAP_ANSWERS>,
    beacon_request: bool,
    beacon: bool,
}

/// A tone map response that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) dst: ShortAddress,
    /// The slot of the key with which it was asked for.
    pub(crate) key_index: u8,
}

/// What to send next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// An MSDU.
    Data(McpsDataRequest),
    /// A beacon request.
    BeaconRequest,
    /// A beacon.
    Beacon,
    /// A tone map response.
    ToneMapResponse(Answer),
}

impl Queue {
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        let (requests, answers) = (VecDeque::with_capacity(bound), heapless::Deque::new());
        Self { requests, high: 0, bound, answers, beacon_request: false, beacon: false }
    }

    /// Appends a request; a full queue gives it back.
    pub(crate) fn push(&mut self, request: McpsDataRequest) -> Result<(), McpsDataRequest> {
        if self.requests.len() >= self.bound {
            return Err(request);
        }
        match request.priority {
            Priority::High => {
                self.requests.insert(self.high, request);
                self.high += 1;
            }
            Priority::Normal => self.requests.push_back(request),
        }
        Ok(())
    }

    pub(crate) fn push_beacon_request(&mut self) {
        self.beacon_request = true;
    }

    pub(crate) fn push_beacon(&mut self) {
        self.beacon = true;
    }

    /// Nobody needs the beacon any more; returns whether one waited.
    pub(crate) fn drop_beacon(&mut self) -> bool {
        core::mem::take(&mut self.beacon)
    }

    /// A neighbour wants a tone map response; returns whether one will be sent.
    pub(crate) fn push_answer(&mut self, answer: Answer) -> bool {
        self.answers.iter().any(|waiting| waiting.dst == answer.dst) || self.answers.push_back(answer).is_ok()
    }

    /// High priority first, then management, then normal priority.
    pub(crate) fn pop(&mut self) -> Option<Next> {
        if self.high > 0 {
            self.high -= 1;
            return self.requests.pop_front().map(Next::Data);
        }
        if let Some(answer) = self.answers.pop_front() {
            return Some(Next::ToneMapResponse(answer));
        }
        if core::mem::take(&mut self.beacon_request) {
            return Some(Next::BeaconRequest);
        }
        if core::mem::take(&mut self.beacon) {
            return Some(Next::Beacon);
        }
        self.requests.pop_front().map(Next::Data)
    }

    /// Whether a beacon request waits.
    pub(crate) fn holds_beacon_request(&self) -> bool {
        self.beacon_request
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.answers.is_empty() && !self.beacon_request && !self.beacon
    }

    /// Requests and answers held and their bound.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.requests.len() + self.answers.len(), self.bound + TONE_MAP_ANSWERS)
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.requests.capacity() * size_of::<McpsDataRequest>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::{MacSecurity, Msdu};
    use plc_core::{MacAddress, PanId};

    fn request(handle: u16, priority: Priority) -> McpsDataRequest {
        McpsDataRequest {
            handle,
            extended_source: true,
            dst_pan: PanId(1),
            dst: MacAddress::BROADCAST,
            msdu: Msdu::new(),
            security: MacSecurity::None,
            priority,
        }
    }

    #[test]
    fn high_priority_leaves_first_and_both_share_one_bound() {
        let mut queue = Queue::new(3);
        queue.push(request(1, Priority::Normal)).unwrap();
        queue.push(request(2, Priority::Normal)).unwrap();
        queue.push(request(3, Priority::High)).unwrap();
        assert!(queue.push(request(4, Priority::High)).is_err());
        queue.push_beacon();
        queue.push_beacon_request();
        let answer = |dst| Answer { dst: ShortAddress(dst), key_index: 0 };
        assert!(queue.push_answer(answer(7)) && queue.push_answer(answer(7)));
        let mut order = std::vec::Vec::new();
        while let Some(next) = queue.pop() {
            order.push(match next {
                Next::Data(request) => request.handle,
                Next::BeaconRequest => 100,
                Next::Beacon => 101,
                Next::ToneMapResponse(answer) => answer.dst.0,
            });
        }
        assert_eq!(order, [3, 7, 100, 101, 1, 2]);
    }

    #[test]
    fn answers_that_wait_are_bounded() {
        let mut queue = Queue::new(1);
        let taken =
            (0..100).filter(|&n| queue.push_answer(Answer { dst: ShortAddress(n), key_index: 0 })).count();
        assert_eq!(taken, TONE_MAP_ANSWERS);
    }
}
