//! What the collector has said and the driver has not yet taken.

use crate::order::ORDERS_MAX;
use crate::progress::{Finding, GAPS_MAX};
use crate::{CaptureRange, CollectorConfig, CollectorEvent, CollectorOutput, TASKS_MAX};
use alloc::collections::VecDeque;
use plc_core::sap::{DLMS_PORT, Handle, UdpPayload, UdpRequest};
use plc_core::{Eui64, ShortAddress};

/// The bounded queue of outputs, and the numbers that name them.
///
/// Sessions are only asked for outputs while there is room for everything that one of them may say at
/// once, so nothing but an event can find the queue full.
#[derive(Debug)]
pub(crate) struct Outgoing {
    queue: VecDeque<CollectorOutput>,
    room: usize,
    handle: Handle,
    batch: u64,
    dropped: u64,
    oversize: u64,
}

impl Outgoing {
    /// An empty queue.
    pub(crate) fn new(config: &CollectorConfig) -> Self {
        // One answer may find every second capture missing, lose as many gaps, and is followed by some words.
        let room = config.rows as usize + 2 * GAPS_MAX + ORDERS_MAX + 2 * TASKS_MAX + 8;
        Self { queue: VecDeque::with_capacity(2 * room), room, handle: 0, batch: 0, dropped: 0, oversize: 0 }
    }

    /// Appends an output, or counts it as dropped.
    pub(crate) fn push(&mut self, output: CollectorOutput) {
        if self.queue.len() < self.limit() {
            self.queue.push_back(output);
        } else {
            self.dropped += 1;
        }
    }

    /// Appends an event.
    pub(crate) fn event(&mut self, event: CollectorEvent) {
        self.push(CollectorOutput::Event(event));
    }

    /// Appends an event for what a question has left open; returns captures that are lost.
    pub(crate) fn finding(&mut self, meter: Eui64, finding: Finding, config: &CollectorConfig) -> u64 {
        let captures = |range: CaptureRange| range.captures(config.period);
        let (event, lost) = match finding {
            Finding::Found(range) => (CollectorEvent::Gap { meter, range }, 0),
            Finding::Lost(range) => (CollectorEvent::GapLost { meter, range }, captures(range)),
        };
        self.event(event);
        lost
    }

    /// Appends a datagram to a meter. One that no packet can carry is lost and counted.
    pub(crate) fn datagram(&mut self, dst: ShortAddress, bytes: &[u8]) {
        let Ok(payload) = UdpPayload::from_slice(bytes) else {
            self.oversize += 1;
            return;
        };
        self.handle = self.handle.wrapping_add(1);
        let (src_port, dst_port) = (DLMS_PORT, DLMS_PORT);
        self.push(CollectorOutput::Udp(UdpRequest { handle: self.handle, dst, src_port, dst_port, payload }));
    }

    /// The number of a new batch.
    pub(crate) fn next_batch(&mut self) -> u64 {
        self.batch += 1;
        self.batch
    }

    /// The oldest output.
    pub(crate) fn pop(&mut self) -> Option<CollectorOutput> {
        self.queue.pop_front()
    }

    /// Whether a session may be asked for its next output.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() + self.room <= self.limit()
    }

    /// Outputs waiting.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Outputs that may wait at most.
    pub(crate) fn limit(&self) -> usize {
        2 * self.room
    }

    /// Events that found the queue full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Datagrams that no packet can carry.
    pub(crate) fn oversize(&self) -> u64 {
        self.oversize
    }
}
