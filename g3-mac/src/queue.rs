//! What waits to be sent.

use alloc::collections::VecDeque;
use plc_core::sap::{McpsDataRequest, Priority};

/// Requests of both priorities, within one bound, and the frames of management, of which there is at
/// most one of each kind.
#[derive(Debug)]
pub(crate) struct Queue {
    high: VecDeque<McpsDataRequest>,
    normal: VecDeque<McpsDataRequest>,
    bound: usize,
    beacon_request: bool,
    beacon: bool,
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
}

impl Queue {
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        let (high, normal) = (VecDeque::with_capacity(bound), VecDeque::with_capacity(bound));
        Self { high, normal, bound, beacon_request: false, beacon: false }
    }

    /// Appends a request; a full queue gives it back.
    pub(crate) fn push(&mut self, request: McpsDataRequest) -> Result<(), McpsDataRequest> {
        if self.occupancy().0 >= self.bound {
            return Err(request);
        }
        match request.priority {
            Priority::High => self.high.push_back(request),
            Priority::Normal => self.normal.push_back(request),
        }
        Ok(())
    }

    pub(crate) fn push_beacon_request(&mut self) {
        self.beacon_request = true;
    }

    pub(crate) fn push_beacon(&mut self) {
        self.beacon = true;
    }

    /// High priority first, then management, then normal priority.
    pub(crate) fn pop(&mut self) -> Option<Next> {
        if let Some(request) = self.high.pop_front() {
            return Some(Next::Data(request));
        }
        if core::mem::take(&mut self.beacon_request) {
            return Some(Next::BeaconRequest);
        }
        if core::mem::take(&mut self.beacon) {
            return Some(Next::Beacon);
        }
        self.normal.pop_front().map(Next::Data)
    }

    /// Whether a beacon request waits.
    pub(crate) fn holds_beacon_request(&self) -> bool {
        self.beacon_request
    }

    /// Requests held and their bound.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.high.len() + self.normal.len(), self.bound)
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
        let mut order = std::vec::Vec::new();
        while let Some(next) = queue.pop() {
            order.push(match next {
                Next::Data(request) => request.handle,
                Next::BeaconRequest => 100,
                Next::Beacon => 101,
            });
        }
        assert_eq!(order, [3, 100, 101, 1, 2]);
    }
}
