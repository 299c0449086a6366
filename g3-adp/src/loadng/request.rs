//! RREQ: of this node, and of others \[G3 ADP 6.4\].

use super::passing::Pass;
use super::{Context, Loadng};
use crate::action::Action;
use crate::counters::Drop;
use crate::specs;
use crate::transmit::Purpose;
use crate::wire::{LoadngMessage, RouteMessage};
use plc_core::ShortAddress;
use plc_core::sap::LinkQuality;

impl Loadng {
    /// Somebody looks for a node: that shows the way to him.
    pub(super) fn on_request(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        message: RouteMessage,
    ) {
        if cx.is_own(message.originator) || message.originator == message.destination {
            return cx.count(Drop::StaleRoute);
        }
        if self.blacklist.contains(cx.now, from) {
            return cx.count(Drop::Blacklisted);
        }
        let copy = message;
        let Some(message) = self.step(cx, from, link, message) else { return cx.count(Drop::HopLimit) };
        if from != message.originator {
            self.offer_neighbour(cx, from, link);
        }
        let bidirectional = self.is_proven(cx, &message, from);
        if !self.offer(cx, from, &message, bidirectional) {
            self.passing.on_copy(cx, &copy, link.lqi());
            return cx.count(Drop::StaleRoute);
        }
        self.on_route(cx, message.originator);
        if cx.is_own(message.destination) {
            self.answers.on_request(cx, message);
        } else if message.hop_count < specs::HOP_COUNT_LIMIT && message.hop_limit > 0 {
            let cluster = self.neighbours.heard_at_least(cx.ib.adp_cluster_min_lqi);
            self.passing.add(cx, message, (from, link.lqi()), cluster);
        } else {
            cx.count(Drop::HopLimit);
        }
    }

    /// A request of this node goes out.
    pub(super) fn send_request(&mut self, cx: &mut Context<'_>, mut request: RouteMessage) {
        request.sequence = self.take_number(cx);
        let home = request.destination == cx.ib.adp_coord_short_address;
        let known = self.default_route.filter(|_| home && request.is_unicast());
        let hop = known.or(self.deaf(cx, request.destination));
        if hop.is_none() {
            flood(cx, &mut request);
        }
        emit(cx, request, hop);
    }

    /// A request of another node goes onward: along the way that is known, or to everybody.
    pub(super) fn pass_on(&self, cx: &mut Context<'_>, pass: &Pass) {
        let request = pass.message;
        let known = match request.is_unicast() && !request.is_repair() {
            true => self.next_hop(cx, request.destination),
            false => None,
        };
        let backwards = [pass.from, request.originator];
        let good = |hop: &ShortAddress| !backwards.contains(hop) && !self.blacklist.contains(cx.now, *hop);
        let known = known.filter(good).or(self.deaf(cx, request.destination));
        emit(cx, request, known);
    }

    /// A neighbour that cannot read broadcasts, because it has missed a change of the group key.
    fn deaf(&self, cx: &Context<'_>, destination: ShortAddress) -> Option<ShortAddress> {
        self.other_key_of(cx.now, destination).map(|_| destination)
    }

    /// A route has come into being: what waits for it may go.
    pub(super) fn on_route(&mut self, cx: &mut Context<'_>, destination: ShortAddress) {
        if self.usable(cx, destination).is_some() {
            self.searches.found(destination);
            cx.out.push(Action::RouteFound(destination));
        }
    }

    /// Whether frames may take the route that a request shows: it was in use before, number and all.
    fn is_proven(&self, cx: &Context<'_>, message: &RouteMessage, from: ShortAddress) -> bool {
        self.table
            .usable(cx.now, message.originator)
            .is_some_and(|route| route.next_hop == from && route.bidirectional)
    }
}

/// A request to all is passed on by all that hear it, and not by each along its own way ([`crate::Interop::everybody_passes_unicast`]).
pub(super) const fn flood(cx: &Context<'_>, request: &mut RouteMessage) {
    if !cx.interop.everybody_passes_unicast {
        request.flags &= !RouteMessage::UNICAST;
    }
}

/// To the neighbour that knows the way, which may fail, or to everybody.
fn emit(cx: &mut Context<'_>, request: RouteMessage, known: Option<ShortAddress>) {
    match known {
        Some(hop) => cx.send(hop, LoadngMessage::Rreq(request), Purpose::Request),
        None => cx.broadcast(LoadngMessage::Rreq(request)),
    }
}
