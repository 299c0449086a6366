//! RREP: of this node, and of others \[G3 ADP 6.4.7\].

use super::{Context, Loadng};
use crate::action::Action;
use crate::counters::Drop;
use crate::transmit::Purpose;
use crate::wire::{LoadngMessage, RouteMessage};
use plc_core::ShortAddress;
use plc_core::sap::LinkQuality;

impl Loadng {
    /// A node was found: that shows the way to it.
    pub(super) fn on_reply(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        message: RouteMessage,
    ) {
        if cx.is_own(message.originator) {
            return cx.count(Drop::StaleRoute);
        }
        let Some(message) = self.step(cx, from, link, message) else { return cx.count(Drop::HopLimit) };
        if !self.offer(cx, from, &message, true) {
            return cx.count(Drop::StaleRoute);
        }
        self.on_route(cx, message.originator);
        if cx.is_own(message.destination) {
            return;
        }
        match message.hop_limit {
            0 => cx.count(Drop::HopLimit),
            _ => self.pass_reply(cx, message, Some(from)),
        }
    }

    /// A reply of this node goes out.
    pub(super) fn send_reply(&mut self, cx: &mut Context<'_>, mut reply: RouteMessage) {
        reply.sequence = self.take_number(cx);
        self.pass_reply(cx, reply, None);
    }

    /// The next hop has acknowledged a reply to `requester`, or not \[G3 ADP 6.4.3\].
    pub(crate) fn on_reply_sent(
        &mut self,
        cx: &mut Context<'_>,
        hop: ShortAddress,
        requester: ShortAddress,
        acknowledged: bool,
    ) {
        if !acknowledged {
            return self.on_link_failed(cx, hop, requester);
        }
        self.on_answered(hop);
        if self.table.confirm(requester, hop) {
            cx.out.push(Action::RouteFound(requester));
            self.searches.found(requester);
        }
    }

    /// Along the way on which the request has come, never back to where the reply has come from.
    fn pass_reply(&self, cx: &mut Context<'_>, reply: RouteMessage, from: Option<ShortAddress>) {
        let requester = reply.destination;
        match self.table.known(cx.now, requester).filter(|route| Some(route.next_hop) != from) {
            Some(route) => cx.send(route.next_hop, LoadngMessage::Rrep(reply), Purpose::Reply(requester)),
            None => cx.count(Drop::NoRoute),
        }
    }
}
