//! What passes between the machine and its routing protocol.

use super::{Adp, AdpOutput};
use crate::counters::Drop;
use crate::loadng::{Context, Loadng};
use crate::transmit::{Chance, Frame, Purpose, Way};
use crate::wire::{ContentionFreeAccess, LoadngMessage, Rerr, msdu};
use plc_core::sap::{AdpStatus, AdpdDataConfirm, AdpmIndication, MacStatus, McpsDataIndication};
use plc_core::wire::{Reader, WireError, Writer};
use plc_core::{Instant, MacAddress, ShortAddress};

impl Adp {
    /// Lends LOADng what it needs of the node.
    pub(super) fn with_loadng<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut Loadng, &mut Context<'_>) -> R,
    ) -> R {
        let own = self.member.as_ref().map_or(ShortAddress::BROADCAST, |member| member.short);
        let (ib, interop, random, out) = (&self.ib, &self.interop, &mut self.random, &mut self.actions);
        call(&mut self.loadng, &mut Context { now, own, ib, interop, random, out })
    }

    /// A routing message of a neighbour, for this node or for everybody.
    pub(super) fn on_loadng(&mut self, now: Instant, frame: &McpsDataIndication) -> Result<(), Drop> {
        let (source, own) = self.trusted(now, frame)?;
        if frame.dst != MacAddress::Short(own) && !frame.dst.is_broadcast() {
            return Err(Drop::NotForUs);
        }
        let message = LoadngMessage::parse(&mut Reader::new(&frame.msdu)).map_err(|_| Drop::Malformed)?;
        let to_all = frame.dst.is_broadcast();
        self.with_loadng(now, |loadng, cx| loadng.on_message(cx, source, &frame.link, message, to_all));
        Ok(())
    }

    pub(super) fn send_loadng(&mut self, to: MacAddress, message: &LoadngMessage, purpose: Purpose) {
        self.send_control(to, purpose, |writer| message.emit(writer));
    }

    fn send_control(
        &mut self,
        to: MacAddress,
        purpose: Purpose,
        emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
    ) {
        let Some(member) = &self.member else { return };
        let Ok(msdu) = msdu(emit) else { return };
        let (dst_pan, security) = (member.pan_id, member.security());
        let (way, chance) = (Way::To(to), Chance::First);
        self.send(Frame { extended_source: false, dst_pan, way, msdu, security, purpose, chance });
    }

    /// A neighbour wants the channel for itself. This layer reserves none, unless it is told to say that it does.
    pub(super) fn on_contention_free_access(
        &mut self,
        now: Instant,
        frame: &McpsDataIndication,
    ) -> Result<(), Drop> {
        let (source, own) = self.trusted(now, frame)?;
        let message =
            ContentionFreeAccess::parse(&mut Reader::new(&frame.msdu)).map_err(|_| Drop::Malformed)?;
        if frame.dst != MacAddress::Short(own) {
            return Err(Drop::NotForUs);
        }
        if message == ContentionFreeAccess::Request {
            let granted = self.interop.grant_contention_free_access;
            let answer = if granted { ContentionFreeAccess::Success } else { ContentionFreeAccess::Fail };
            self.send_control(MacAddress::Short(source), Purpose::Relay, |writer| answer.emit(writer));
        }
        Ok(())
    }

    pub(super) fn on_route_found(&mut self, destination: ShortAddress) {
        self.transmitter.release(destination);
        self.tell_route(destination, AdpStatus::Success);
    }

    /// What waits for the route is given up; who sent it is told.
    pub(super) fn on_route_failed(&mut self, now: Instant, destination: ShortAddress) {
        while let Some(handle) = self.transmitter.next_failed_packet(destination) {
            self.counters.count(Drop::NoRoute);
            let status = AdpStatus::RouteError;
            self.emit(AdpOutput::DataConfirm(AdpdDataConfirm { handle, status }));
        }
        while let Some(frame) = self.transmitter.next_failed_frame(destination) {
            self.counters.count(Drop::NoRoute);
            self.on_frame_lost(now, &frame);
        }
        self.tell_route(destination, AdpStatus::RouteError);
    }

    /// A frame that needed a route will never arrive.
    pub(super) fn on_frame_lost(&mut self, now: Instant, frame: &Frame) {
        if let Some(routed) = frame.way.routed().filter(|routed| !routed.own) {
            let mesh = routed.mesh;
            self.report(now, mesh.originator, mesh.destination, Rerr::NO_ROUTE);
        }
        self.on_frame_sent(now, frame.purpose, MacStatus::NoAck);
    }

    /// The originator of a frame that cannot go on is told.
    pub(super) fn report(
        &mut self,
        now: Instant,
        originator: ShortAddress,
        unreachable: ShortAddress,
        error: u8,
    ) {
        self.with_loadng(now, |loadng, cx| loadng.report(cx, originator, unreachable, error));
    }

    /// Management wants a route.
    pub(super) fn on_route_discovery(&mut self, now: Instant, destination: ShortAddress, max_hops: u8) {
        let valid = self.member.as_ref().is_some_and(|member| member.short != destination);
        let known = self.routes_asked.contains(&destination);
        if !valid || !known && self.routes_asked.push(destination).is_err() {
            return self.counters.count(Drop::Misuse);
        }
        let hops = max_hops.clamp(1, crate::specs::MAX_HOPS_LIMIT);
        self.with_loadng(now, |loadng, cx| loadng.search(cx, destination, false, hops));
    }

    /// Management wants to know a path.
    pub(super) fn on_path_discovery(&mut self, now: Instant, destination: ShortAddress, metric: u8) {
        if self.member.as_ref().is_none_or(|member| member.short == destination) {
            return self.counters.count(Drop::Misuse);
        }
        self.with_loadng(now, |loadng, cx| loadng.discover_path(cx, destination, metric));
    }

    fn tell_route(&mut self, destination: ShortAddress, status: AdpStatus) {
        if let Some(at) = self.routes_asked.iter().position(|&asked| asked == destination) {
            self.routes_asked.swap_remove(at);
            self.emit(AdpOutput::Adpm(AdpmIndication::RouteDiscovered { destination, status }));
        }
    }
}
