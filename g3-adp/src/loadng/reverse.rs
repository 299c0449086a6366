//! Asking neighbours what the other direction of a link costs \[G3 ADP 6.2; confidence B\].

use super::Context;
use crate::specs;
use crate::wire::{LoadngMessage, RlcReq};
use alloc::vec::Vec;
use plc_core::sap::LinkQuality;
use plc_core::{Instant, ShortAddress};

/// A message that waits for the cost of the link over which it came.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) from: ShortAddress,
    pub(crate) link: LinkQuality,
    pub(crate) message: LoadngMessage,
    until: Instant,
}

/// The messages that wait. One question goes out per adpRREQWait.
#[derive(Debug)]
pub(crate) struct Reverse {
    held: Vec<Held>,
    next_turn: Instant,
}

impl Reverse {
    const LIMIT: usize = 4;

    pub(crate) fn new() -> Self {
        Self { held: Vec::with_capacity(Self::LIMIT), next_turn: Instant::EPOCH }
    }

    /// Asks the neighbour and keeps the message until it has answered; gives it back when nobody may be asked now.
    pub(crate) fn hold(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        message: LoadngMessage,
    ) -> Option<LoadngMessage> {
        let asked = self.held.iter().any(|held| held.from == from);
        if self.held.len() >= Self::LIMIT || !asked && self.next_turn > cx.now {
            return Some(message);
        }
        if !asked {
            self.next_turn = cx.now + cx.ib.adp_rreq_wait;
            let metric = cx.ib.adp_metric_type & 0x0F;
            let request = RlcReq { destination: from, originator: cx.own, metric, reserved: 0 };
            cx.send(from, LoadngMessage::RlcReq(request), crate::transmit::Purpose::Relay);
        }
        self.held.push(Held { from, link: *link, message, until: cx.now + specs::RLC_WAIT });
        None
    }

    /// A message that has waited for this neighbour, oldest first.
    pub(crate) fn release(&mut self, from: ShortAddress) -> Option<Held> {
        let at = self.held.iter().position(|held| held.from == from)?;
        Some(self.held.remove(at))
    }

    /// A message that has waited too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Held> {
        let at = self.held.iter().position(|held| held.until <= now)?;
        Some(self.held.remove(at))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.until).min()
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.held.capacity() * size_of::<Held>()
    }

    pub(crate) const fn occupancy(&self) -> (usize, usize) {
        (self.held.len(), Self::LIMIT)
    }
}
