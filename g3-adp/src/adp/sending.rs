//! What goes to the MAC, and how it went.

use super::{Adp, AdpOutput, Station};
use crate::counters::Drop;
use crate::specs;
use crate::transmit::{Chance, Frame, Purpose, Sent, Way};
use plc_core::sap::{AdpStatus, AdpdDataConfirm, MacSecurity, MacStatus, McpsDataConfirm, McpsDataRequest};
use plc_core::seed::uniform;
use plc_core::time::Duration;
use plc_core::{Instant, MacAddress, ShortAddress};

impl Adp {
    /// Carries out what procedures want, and lets the next frame go.
    pub(super) fn pump(&mut self, now: Instant) {
        self.transmitter.wake(now);
        loop {
            self.settle(now);
            if !self.send_next(now) && self.actions.is_empty() && !self.loadng.has_request(now) {
                break;
            }
        }
    }

    /// Until no procedure wants anything any more.
    fn settle(&mut self, now: Instant) {
        loop {
            if self.member.is_some() {
                self.with_loadng(now, |loadng, cx| loadng.pump(cx));
                if let Station::Coordinator(lbs) = &mut self.station {
                    lbs.pump(now, &mut self.random, &mut self.actions);
                }
            }
            if self.actions.is_empty() {
                break;
            }
            self.carry_out_all(now);
        }
    }

    /// What the carrying out leads to comes next.
    fn carry_out_all(&mut self, now: Instant) {
        for _ in 0..self.actions.len() {
            let Some(action) = self.actions.pop() else { break };
            self.carry_out(now, action);
        }
        (0..self.actions.take_dropped()).for_each(|_| self.counters.count(Drop::OutboxFull));
    }

    /// Hands a frame to the MAC; returns whether there was one.
    fn send_next(&mut self, now: Instant) -> bool {
        if !self.outbox.has_room() {
            return false;
        }
        let mut record = None;
        let numbers = &mut self.broadcast_sequence;
        let mut broadcast = || {
            let (number, durable) = numbers.take();
            record = durable.or(record);
            number as u8
        };
        let own = self.member.as_ref().map_or(ShortAddress::BROADCAST, |member| member.short);
        let mut cx = crate::loadng::Context {
            now,
            own,
            ib: &self.ib,
            interop: &self.interop,
            random: &mut self.random,
            out: &mut self.actions,
        };
        let loadng = &mut self.loadng;
        let mut router = |destination, hops| loadng.next_hop_or_search(&mut cx, destination, hops);
        let Some(request) = self.transmitter.next(now, &mut router, &mut broadcast) else { return false };
        if let Some(record) = record {
            self.emit(AdpOutput::Persist(record));
        }
        let request = self.in_the_key_of_the_hop(now, request);
        self.counters.frames_out += 1;
        self.emit(AdpOutput::Mcps(request));
        true
    }

    /// While the group key changes, some neighbours still use the old one: each is spoken to in its own.
    fn in_the_key_of_the_hop(&self, now: Instant, request: McpsDataRequest) -> McpsDataRequest {
        let hop = request.dst.short().filter(|_| request.security != MacSecurity::None);
        match hop.and_then(|hop| self.loadng.other_key_of(now, hop)) {
            Some(key_index) => McpsDataRequest { security: MacSecurity::EncMic32 { key_index }, ..request },
            None => request,
        }
    }

    /// Queues a frame.
    pub(super) fn send(&mut self, frame: Frame) {
        if !self.transmitter.push_frame(frame) {
            self.counters.count(Drop::QueueFull);
        }
    }

    pub(super) fn on_mcps_confirm(&mut self, now: Instant, confirm: McpsDataConfirm) {
        if let Some(sent) = self.transmitter.on_confirm(confirm) {
            self.on_sent(now, sent);
        }
    }

    pub(super) fn on_sent(&mut self, now: Instant, sent: Sent) {
        let (Sent::Frame { status, .. } | Sent::Fragment { status, .. }) = &sent;
        if *status != MacStatus::Success {
            self.counters.count(Drop::MacFailure);
        }
        match sent {
            Sent::Frame { frame, hop, status } => match frame.way {
                Way::To(to) => self.on_control_sent(now, frame, to, status),
                Way::Routed(_) => self.on_routed_sent(now, frame, hop, status),
            },
            Sent::Fragment { tag, hop, status } => self.on_fragment_sent(now, tag, hop, status),
        }
    }

    /// A message of the bootstrapping or of the routing protocol.
    fn on_control_sent(&mut self, now: Instant, mut frame: Frame, to: MacAddress, status: MacStatus) {
        let failed = status != MacStatus::Success;
        if frame.purpose == Purpose::Request
            && let Some(chance) = self.second_chance(now, frame.chance, to, status)
        {
            frame.chance = chance;
            return self.transmitter.push_again(frame);
        }
        if let MacAddress::Short(hop) = to
            && !to.is_broadcast()
            && self.member.is_some()
        {
            self.on_neighbour_tried(now, hop, frame.purpose, status);
        }
        if frame.purpose == Purpose::Request && failed {
            (frame.way, frame.purpose) = (Way::To(MacAddress::BROADCAST), Purpose::Relay);
            return self.send(frame);
        }
        self.on_frame_sent(now, frame.purpose, status);
    }

    fn on_neighbour_tried(&mut self, now: Instant, hop: ShortAddress, purpose: Purpose, status: MacStatus) {
        self.with_loadng(now, |loadng, cx| match (purpose, status) {
            (Purpose::Reply(requester), _) => {
                loadng.on_reply_sent(cx, hop, requester, status == MacStatus::Success);
            }
            (_, MacStatus::Success) => loadng.on_answered(hop),
            (_, MacStatus::NoAck) => loadng.on_unanswered(cx, hop),
            _ => {}
        });
    }

    /// A frame over a route: when the next hop does not answer, the route is repaired once \[G3 ADP 6.5\].
    fn on_routed_sent(&mut self, now: Instant, mut frame: Frame, hop: MacAddress, status: MacStatus) {
        let Way::Routed(routed) = &mut frame.way else { return };
        let (destination, hops, repaired) = (routed.mesh.destination, routed.mesh.hops_left, routed.repaired);
        if let Some(chance) = self.second_chance(now, frame.chance, hop, status) {
            frame.chance = chance;
            return self.transmitter.push_again(frame);
        }
        self.on_hop_tried(now, hop, destination, status);
        if status == MacStatus::NoAck && !repaired {
            (routed.repaired, routed.waiting) = (true, true);
            self.transmitter.push_again(frame);
            return self.repair(now, destination, hops);
        }
        self.on_frame_sent(now, frame.purpose, status);
    }

    /// A fragment of an own packet, likewise.
    fn on_fragment_sent(&mut self, now: Instant, tag: u16, hop: MacAddress, status: MacStatus) {
        let Some(chance) = self.transmitter.packet(tag).map(|packet| packet.chance) else { return };
        let chance = self.second_chance(now, chance, hop, status);
        let Some(packet) = self.transmitter.packet(tag) else { return };
        if let Some(chance) = chance {
            packet.fragmenter.rewind();
            packet.chance = chance;
            return;
        }
        let (destination, hops, handle) = (packet.destination, packet.hops_left, packet.handle);
        let (repaired, done) = (packet.repaired, packet.fragmenter.is_done());
        if status == MacStatus::NoAck && !repaired && !hop.is_broadcast() {
            packet.fragmenter.rewind();
            (packet.repaired, packet.waiting) = (true, true);
            self.on_hop_tried(now, hop, destination, status);
            return self.repair(now, destination, hops);
        }
        self.on_hop_tried(now, hop, destination, status);
        if status != MacStatus::Success || done {
            self.transmitter.remove_packet(tag);
            let sent = status == MacStatus::Success;
            self.counters.packets_out += u64::from(sent);
            let status = if sent { AdpStatus::Success } else { AdpStatus::DataError };
            self.emit(AdpOutput::DataConfirm(AdpdDataConfirm { handle, status }));
        }
    }

    /// Whether to ask a neighbour once more, later. One that was well heard has hardly gone for good: rather many speak at once, and a
    /// search for another way would be one more voice. See [`crate::Interop::second_chance`].
    fn second_chance(
        &mut self,
        now: Instant,
        chance: Chance,
        hop: MacAddress,
        status: MacStatus,
    ) -> Option<Chance> {
        let hop = hop.short().filter(|&hop| status == MacStatus::NoAck && hop != ShortAddress::BROADCAST)?;
        let (least, span) = self.interop.second_chance?;
        let well_heard = self.loadng.is_well_heard(hop, self.ib.adp_weak_lqi_value);
        if chance != Chance::First || !well_heard || self.member.is_none() {
            return None;
        }
        let span = u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        let more = Duration::from_millis(u64::from(uniform(&mut self.random, span.max(1))));
        Some(Chance::Pausing(now + least + more))
    }

    fn on_hop_tried(&mut self, now: Instant, hop: MacAddress, destination: ShortAddress, status: MacStatus) {
        let Some(hop) = hop.short().filter(|&hop| hop != ShortAddress::BROADCAST) else { return };
        self.with_loadng(now, |loadng, cx| match status {
            MacStatus::Success => loadng.on_delivered(cx, hop, destination),
            MacStatus::NoAck => loadng.on_link_failed(cx, hop, destination),
            _ => {}
        });
    }

    /// Another way may be known already; else one is looked for, as far as the frame may still go.
    fn repair(&mut self, now: Instant, destination: ShortAddress, hops: u8) {
        let hops = hops.clamp(1, specs::MAX_HOPS_LIMIT);
        let known = self.with_loadng(now, |loadng, cx| {
            let known = loadng.next_hop(cx, destination).is_some() && !cx.ib.adp_disable_default_routing;
            if !known {
                loadng.search(cx, destination, true, hops);
            }
            known
        });
        if known {
            self.transmitter.release(destination);
        }
    }
}
