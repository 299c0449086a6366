//! Management, and the messages of the bootstrapping protocol on their way to the right procedure.

use super::forming::Forming;
use super::{Adp, Station};
use crate::action::{Action, Entry};
use crate::counters::Drop;
use crate::lba;
use crate::lbs::Via;
use crate::transmit::Purpose;
use crate::wire::{EscCommand, LbpCode, LbpFrame};
use crate::{exchange, specs};
use plc_core::sap::{
    AdpmIndication, AdpmRequest, KeyUse, MacSecurity, MacStatus, McpsDataIndication, MlmeConfirm,
    MlmeRequest, PanDescriptor, Persist,
};
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, PanId, ShortAddress};

impl Adp {
    pub(super) fn on_management(&mut self, now: Instant, request: AdpmRequest) {
        let (random, out) = (&mut self.random, &mut self.actions);
        match (&mut self.station, request) {
            (Station::Coordinator(_), AdpmRequest::NetworkStart { pan_id }) => self.on_start(now, pan_id),
            (Station::Coordinator(lbs), AdpmRequest::Allow { eui64, psk, short }) => {
                lbs.on_allow(eui64, psk, short, out);
            }
            (Station::Coordinator(lbs), AdpmRequest::Kick { eui64 }) => lbs.on_kick(eui64, out),
            (Station::Device(lbd), AdpmRequest::NetworkJoin) => lbd.on_join(now, random, out),
            (Station::Device(lbd), AdpmRequest::NetworkLeave) => lbd.on_leave(now, out),
            (Station::Coordinator(_), AdpmRequest::NetworkForm { pan_id }) => self.on_form(now, pan_id),
            (Station::Coordinator(lbs), AdpmRequest::Rekey { gmk }) if self.member.is_some() => {
                lbs.on_rekey(gmk, out);
            }
            (Station::Coordinator(lbs), AdpmRequest::RetireKey) if self.member.is_some() => {
                lbs.on_retire(out);
            }
            (_, AdpmRequest::Get { attribute, index }) => {
                let result = self.get(now, attribute, index);
                self.actions.push(Action::Tell(AdpmIndication::Get { attribute, index, result }));
            }
            (_, AdpmRequest::Set { attribute, index, value }) => {
                let status = self.set(now, attribute, index, value);
                self.actions.push(Action::Tell(AdpmIndication::Set { attribute, index, status }));
            }
            (_, AdpmRequest::RouteDiscovery { destination, max_hops }) => {
                self.on_route_discovery(now, destination, max_hops);
            }
            (_, AdpmRequest::PathDiscovery { destination, metric }) => {
                self.on_path_discovery(now, destination, metric);
            }
            _ => self.counters.count(Drop::Misuse),
        }
    }

    /// Scans before it chooses a PAN \[G3 ADP 8; confidence A\].
    fn on_form(&mut self, now: Instant, pan_id: PanId) {
        if self.member.is_some() || self.forming.is_some() || pan_id == PanId::BROADCAST {
            return self.counters.count(Drop::Misuse);
        }
        let duration = self.ib.scan_duration;
        self.forming = Some(Forming::new(pan_id, now + duration * 2 + specs::SCAN_DURATION));
        self.actions.push(Action::Mlme(MlmeRequest::Scan { duration }));
    }

    /// The scan has ended, or the MAC has forgotten it: the first PAN that was not heard.
    pub(super) fn on_formed(&mut self, now: Instant) {
        if let Some(forming) = self.forming.take() {
            self.on_start(now, forming.choice(self.interop.mask_pan_id));
        }
    }

    /// The PAN, its keys, its cost and its first address; then the routes from before a restart.
    fn on_start(&mut self, now: Instant, pan_id: PanId) {
        let Station::Coordinator(lbs) = &mut self.station else { return };
        if self.member.is_some() || pan_id == PanId::BROADCAST {
            return self.counters.count(Drop::Misuse);
        }
        lbs.start(pan_id);
        let (key_index, gmk) = lbs.key();
        let other = specs::GMK_SLOTS - 1 - key_index;
        let spare = self.keys[usize::from(other)];
        let requests = [
            Some(MlmeRequest::Start { pan_id }),
            Some(MlmeRequest::SetKey { index: key_index, key: Some(gmk) }),
            spare.map(|(key, _)| MlmeRequest::SetKey { index: other, key: Some(key) }),
            Some(MlmeRequest::SetRcCoord(specs::RC_COORD_COORDINATOR)),
            Some(MlmeRequest::SetShortAddress(ShortAddress::COORDINATOR)),
        ];
        self.actions.extend(requests.into_iter().flatten().map(Action::Mlme));
        if self.keys[usize::from(key_index)].is_none() {
            let key = Some((gmk, KeyUse::Active));
            self.actions.push(Action::Persist(Persist::GroupKey { index: key_index, key }));
        }
        let short = ShortAddress::COORDINATOR;
        self.actions.push(Action::Enter(Entry { pan_id, short, key_index, lba: None }));
        let routes = core::mem::take(&mut self.restored);
        self.with_loadng(now, |loadng, cx| loadng.restore(cx, routes.into_iter()));
    }

    pub(super) fn on_mlme_confirm(&mut self, now: Instant, confirm: MlmeConfirm) {
        match (&mut self.station, confirm) {
            (Station::Device(lbd), MlmeConfirm::Scan(_)) => {
                lbd.on_scanned(now, &mut self.random, &mut self.actions);
            }
            (Station::Coordinator(_), MlmeConfirm::Scan(_)) if self.forming.is_some() => self.on_formed(now),
            (Station::Coordinator(_), MlmeConfirm::Start(status)) => self.on_started(status),
            _ => self.counters.count(Drop::UnexpectedMessage),
        }
    }

    fn on_started(&mut self, status: MacStatus) {
        match (&self.member, status) {
            (Some(member), MacStatus::Success) => {
                self.actions.push(Action::Tell(AdpmIndication::Started { pan_id: member.pan_id }));
            }
            (Some(_), _) => {
                self.counters.count(Drop::MacFailure);
                self.actions.push(Action::Leave);
                self.actions.push(Action::Tell(AdpmIndication::StartFailed));
            }
            (None, _) => self.counters.count(Drop::UnexpectedMessage),
        }
    }

    pub(super) fn on_beacon(&mut self, descriptor: PanDescriptor) {
        match &mut self.station {
            Station::Device(lbd) => lbd.on_beacon(descriptor),
            Station::Coordinator(_) => {
                if let Some(forming) = &mut self.forming {
                    forming.on_beacon(descriptor.pan_id);
                }
            }
        }
    }

    /// Another PAN was heard: management is told, and in older editions the coordinator by its devices.
    pub(super) fn on_pan_conflict(&mut self, pan_id: PanId) {
        self.actions.push(Action::Tell(AdpmIndication::PanConflict { pan_id }));
        if matches!(self.station, Station::Device(_)) && self.interop.report_pan_conflict {
            self.actions.push(Action::Report(exchange::bare(LbpCode::Conflict, self.eui64)));
        }
    }

    pub(super) fn on_frame_sent(&mut self, now: Instant, purpose: Purpose, status: MacStatus) {
        match (&mut self.station, purpose) {
            (Station::Coordinator(lbs), Purpose::Accepted(eui64)) => {
                lbs.on_accepted(eui64, status, &mut self.actions);
            }
            (Station::Device(lbd), Purpose::Joining) => lbd.on_sent(now, status),
            _ => {}
        }
    }

    /// A command without a mesh header: of a neighbour, or of a device that joins.
    pub(super) fn on_esc(&mut self, now: Instant, frame: &McpsDataIndication) -> Result<(), Drop> {
        let command = EscCommand::from_code(*frame.msdu.get(1).ok_or(Drop::Malformed)?);
        match (command, frame.security) {
            (EscCommand::Lbp, MacSecurity::None) => self.on_clear_lbp(now, frame, &parse(&frame.msdu)?),
            (_, MacSecurity::None) => Err(Drop::Security),
            (EscCommand::Loadng, _) => self.on_loadng(now, frame),
            (EscCommand::Lbp, MacSecurity::EncMic32 { .. }) => {
                let (source, own) = self.trusted(now, frame)?;
                if frame.dst != MacAddress::Short(own) {
                    return Err(Drop::NotForUs);
                }
                self.on_protected_lbp(now, source, &frame.msdu)
            }
            (EscCommand::ContentionFreeAccess, _) => self.on_contention_free_access(now, frame),
            (EscCommand::Other(_), _) => Err(Drop::UnknownDispatch),
        }
    }

    /// Bootstrapping in clear: to the device itself, or from a neighbour that wants in.
    fn on_clear_lbp(
        &mut self,
        now: Instant,
        frame: &McpsDataIndication,
        lbp: &LbpFrame<'_>,
    ) -> Result<(), Drop> {
        if frame.dst.is_broadcast() {
            return Err(Drop::NotForUs);
        }
        let (random, out) = (&mut self.random, &mut self.actions);
        match (&mut self.station, &self.member) {
            (Station::Device(lbd), None) if lbp.eui64 == self.eui64 && lbp.code.is_to_device() => {
                lbd.on_message(now, lbp, random, out);
            }
            (Station::Coordinator(lbs), Some(_)) => {
                lba::check_device(lbp, frame.src)?;
                lbs.on_message(now, lbp, Via::Direct(frame.link), random, out);
            }
            (Station::Device(_), Some(_)) if lbp.eui64 != self.eui64 => {
                out.push(lba::upward(lbp, frame.src, &frame.msdu)?);
                self.counters.forwarded += 1;
            }
            _ => return Err(Drop::UnexpectedMessage),
        }
        Ok(())
    }

    /// Bootstrapping between members; `from` is the node that sent it first.
    pub(super) fn on_protected_lbp(
        &mut self,
        now: Instant,
        from: ShortAddress,
        message: &[u8],
    ) -> Result<(), Drop> {
        let lbp = parse(message)?;
        let (random, out) = (&mut self.random, &mut self.actions);
        match (&mut self.station, &self.member) {
            (Station::Coordinator(lbs), Some(_)) if lbp.code == LbpCode::Leave => {
                lbs.on_member_or_relayed(&lbp, from, out);
            }
            (Station::Coordinator(lbs), Some(_)) => {
                lbs.on_contact(from);
                lbs.on_message(now, &lbp, Via::Relay(from), random, out);
            }
            (Station::Device(_), _) if from != self.ib.adp_coord_short_address => {
                return Err(Drop::Security);
            }
            (Station::Device(lbd), Some(member)) if lbp.eui64 == self.eui64 => {
                lbd.on_member_message(now, &lbp, (member.short, member.key_index), random, out)?;
            }
            (Station::Device(_), Some(member)) => {
                let extended = self.interop.lba_extended_source;
                let frame = lba::downward(&lbp, message, member.pan_id, extended)?;
                self.counters.forwarded += 1;
                out.push(Action::Send(frame));
            }
            (_, None) => return Err(Drop::NotForUs),
        }
        Ok(())
    }
}

fn parse(message: &[u8]) -> Result<LbpFrame<'_>, Drop> {
    LbpFrame::parse(&mut Reader::new(message)).map_err(|_| Drop::Malformed)
}
