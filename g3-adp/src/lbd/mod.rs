//! The LoWPAN bootstrapping device: how a node gets into a PAN \[G3 LBP 7.3\].
//!
//! `Discovering → Joining → Joined`; each phase is a value that is consumed into the next.

mod backoff;
mod discovering;
mod joined;
mod joining;
mod peer;

use crate::action::{Action, Entry, Grant};
use crate::actions::Actions;
use crate::config::{AdpConfig, InformationBase};
use crate::counters::Drop;
use crate::eap_psk::StaticKeys;
use crate::transmit::{Chance, Frame, Purpose, Way};
use crate::wire::{BootstrappingData, LbpCode, LbpFrame, Parameter};
use crate::{exchange, specs};
use backoff::Pauses;
use core::time::Duration;
use discovering::Discovering;
use joined::Joined;
use joining::{Joining, Outcome};
use plc_core::sap::{
    AdpmIndication, JoinFailure, Key, LinkQuality, MacSecurity, MacStatus, MlmeRequest, Msdu, PanDescriptor,
};
use plc_core::seed::Stream;
use plc_core::wire::Reader;
use plc_core::{Eui64, Instant, MacAddress, PanId, ShortAddress};

/// The device: in no PAN, on its way, or in.
#[derive(Debug)]
pub(crate) struct Lbd {
    identity: Identity,
    phase: Phase,
    pauses: Pauses,
}

/// What stays the same through all phases.
#[derive(Debug)]
struct Identity {
    eui64: Eui64,
    keys: StaticKeys,
    ib: Times,
    candidates: usize,
    result_before_attribute: bool,
    others_serve: bool,
}

/// The part of the information base that matters here.
#[derive(Debug)]
struct Times {
    adp_max_join_wait_time: Duration,
    scan_duration: Duration,
    join_watchdog: Duration,
}

impl Times {
    const fn of(ib: &InformationBase) -> Self {
        Self {
            adp_max_join_wait_time: ib.adp_max_join_wait_time,
            scan_duration: ib.scan_duration,
            join_watchdog: ib.join_watchdog,
        }
    }
}

#[derive(Debug)]
enum Phase {
    Idle,
    Discovering(Discovering),
    Joining(Joining),
    Joined(Joined),
}

impl Lbd {
    pub(crate) fn new(config: &AdpConfig, psk: &Key) -> Self {
        let identity = Identity {
            eui64: config.eui64,
            keys: StaticKeys::derive(psk),
            ib: Times::of(&config.ib),
            candidates: config.limits.candidates.min(discovering::CANDIDATES_MAX),
            result_before_attribute: config.interop.result_before_attribute,
            others_serve: config.interop.beacons_for_others_serve,
        };
        let pauses = Pauses { yields: config.interop.yields_when_crowded, ..Pauses::default() };
        Self { identity, phase: Phase::Idle, pauses }
    }

    /// The information base has changed.
    pub(crate) fn on_ib(&mut self, ib: &InformationBase) {
        self.identity.ib = Times::of(ib);
    }

    /// Management wants this node in a PAN.
    pub(crate) fn on_join(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) {
        if !matches!(self.phase, Phase::Idle) {
            return out.push(Action::Count(Drop::Misuse));
        }
        self.pauses.succeed();
        self.discover(now, random);
    }

    /// Management wants this node out.
    pub(crate) fn on_leave(&mut self, now: Instant, out: &mut Actions) {
        match &mut self.phase {
            Phase::Idle => out.push(Action::Count(Drop::Misuse)),
            Phase::Joined(joined) => {
                out.push(Action::Report(exchange::bare(LbpCode::Leave, self.identity.eui64)));
                joined.on_leave(now);
            }
            Phase::Discovering(_) | Phase::Joining(_) => {
                self.phase = Phase::Idle;
                leave(out);
            }
        }
    }

    /// The coordinator speaks to this member, whose address and slot of the group key are these.
    pub(crate) fn on_member_message(
        &mut self,
        now: Instant,
        frame: &LbpFrame<'_>,
        (own, active): (ShortAddress, u8),
        random: &mut Stream,
        out: &mut Actions,
    ) -> Result<(), Drop> {
        let Phase::Joined(joined) = &mut self.phase else { return Err(Drop::UnexpectedMessage) };
        match (frame.code, frame.bootstrapping().map_err(|_| Drop::Malformed)?) {
            (LbpCode::Kick, _) => {
                joined.on_kicked(now);
                Ok(())
            }
            (LbpCode::Challenge, BootstrappingData::Eap(eap)) => {
                joined.on_challenge(&eap, &self.identity, (own, active), random, out)
            }
            (LbpCode::Accepted, BootstrappingData::Eap(_)) => Ok(()),
            (LbpCode::Accepted, BootstrappingData::Parameters(all)) => {
                let order = Parameter::parse(&mut Reader::new(all)).map_err(|_| Drop::Malformed)?;
                joined.on_order(&order, &self.identity, active, out)
            }
            _ => Err(Drop::UnexpectedMessage),
        }
    }

    /// A protected frame of the PAN has come: it is still there.
    pub(crate) const fn on_heard(&mut self, now: Instant) {
        if let Phase::Joined(joined) = &mut self.phase {
            joined.on_heard(now);
        }
    }

    /// A beacon was heard.
    pub(crate) fn on_beacon(&mut self, descriptor: PanDescriptor) {
        if let Phase::Discovering(discovering) = &mut self.phase {
            let others_serve = self.identity.others_serve && self.pauses.has_failed();
            discovering.on_beacon(descriptor, self.identity.candidates, others_serve);
        }
    }

    /// The scan has ended.
    pub(crate) fn on_scanned(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) {
        if matches!(&self.phase, Phase::Discovering(discovering) if discovering.is_scanning()) {
            self.choose(now, random, out);
        }
    }

    /// Asks the best of those that were heard, or looks again later.
    fn choose(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) {
        self.phase = match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Discovering(discovering) => match discovering.into_candidates() {
                Some(candidates) => {
                    let joining = Joining::new(candidates, now, &self.pauses, random);
                    out.push(Action::Mlme(MlmeRequest::SetPanId(joining.candidate().pan_id)));
                    Phase::Joining(joining)
                }
                None => {
                    out.push(Action::Tell(AdpmIndication::JoinFailed(JoinFailure::NoPan)));
                    self.next_scan(now, random)
                }
            },
            other => other,
        };
    }

    /// Looks again later, a scan having led nowhere.
    fn next_scan(&mut self, now: Instant, random: &mut Stream) -> Phase {
        self.pauses.failed_scans = self.pauses.failed_scans.saturating_add(1);
        Phase::Discovering(Discovering::after_pause(now, self.pauses.before_scan(random)))
    }

    /// A bootstrapping message in clear for this device.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        frame: &LbpFrame<'_>,
        random: &mut Stream,
        out: &mut Actions,
    ) {
        let Phase::Joining(joining) = &mut self.phase else {
            return out.push(Action::Count(Drop::UnexpectedMessage));
        };
        match joining.on_message(now, frame, &self.identity, random) {
            Ok(Outcome::Answer(msdu)) => out.push(to_lba(joining.candidate(), msdu)),
            Ok(Outcome::Accepted(grant)) => {
                let candidate = *joining.candidate();
                self.enter(now, &grant, &candidate, out);
            }
            Ok(Outcome::Failed(reason)) => self.on_failed(now, reason, random, out),
            Err(reason) => out.push(Action::Count(reason)),
        }
    }

    /// The MAC has sent a message of this device, or not.
    pub(crate) fn on_sent(&mut self, now: Instant, status: MacStatus) {
        if let Phase::Joining(joining) = &mut self.phase
            && status != MacStatus::Success
        {
            joining.on_unsent(now);
        }
    }

    pub(crate) fn on_tick(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        match &mut self.phase {
            Phase::Idle => {}
            Phase::Discovering(discovering) if discovering.is_scanning() || discovering.heard() > 0 => {
                self.choose(now, random, out);
            }
            Phase::Discovering(discovering) => {
                out.push(discovering.scan(now, self.identity.ib.scan_duration));
            }
            Phase::Joining(joining) if joining.is_pausing() => {
                joining.ask(now + self.identity.ib.adp_max_join_wait_time);
                let request = exchange::bare(LbpCode::Joining, self.identity.eui64);
                out.push(to_lba(joining.candidate(), request));
            }
            Phase::Joining(_) => self.on_failed(now, JoinFailure::Timeout, random, out),
            Phase::Joined(joined) => {
                let rejoin = joined.rejoins();
                self.on_left(now, rejoin, random, out);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Idle => None,
            Phase::Discovering(discovering) => Some(discovering.deadline()),
            Phase::Joining(joining) => Some(joining.deadline()),
            Phase::Joined(joined) => joined.deadline(),
        }
    }

    /// Beacons remembered, and the most that may be.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        let held = match &self.phase {
            Phase::Discovering(discovering) => discovering.heard(),
            Phase::Joining(joining) => joining.candidates(),
            Phase::Idle | Phase::Joined(_) => 0,
        };
        (held, self.identity.candidates)
    }

    fn discover(&mut self, now: Instant, random: &mut Stream) {
        self.phase = Phase::Discovering(Discovering::after_pause(now, self.pauses.before_scan(random)));
    }

    /// An attempt has failed: the next candidate, or another scan.
    fn on_failed(&mut self, now: Instant, reason: JoinFailure, random: &mut Stream, out: &mut Actions) {
        out.push(Action::Tell(AdpmIndication::JoinFailed(reason)));
        self.pauses.unanswered +=
            u8::from(reason == JoinFailure::Timeout && self.pauses.unanswered < u8::MAX);
        self.phase = match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Joining(joining) => match joining.after_failure(now, reason, &self.pauses, random) {
                Some(next) => {
                    out.push(Action::Mlme(MlmeRequest::SetPanId(next.candidate().pan_id)));
                    Phase::Joining(next)
                }
                None => {
                    out.push(Action::Mlme(MlmeRequest::SetPanId(PanId::BROADCAST)));
                    self.next_scan(now, random)
                }
            },
            other => other,
        };
    }

    fn enter(&mut self, now: Instant, grant: &Grant, candidate: &PanDescriptor, out: &mut Actions) {
        let (pan_id, short) = (candidate.pan_id, grant.short);
        let key = MlmeRequest::SetKey { index: grant.gmk_index, key: Some(grant.gmk) };
        let rc_coord = MlmeRequest::SetRcCoord(specs::RC_COORD_NO_ROUTE);
        let requests = [key, MlmeRequest::SetPanId(pan_id), MlmeRequest::SetShortAddress(short), rc_coord];
        out.extend(requests.map(Action::Mlme));
        let key_index = grant.active_index;
        let lba = Some((candidate.lba, LinkQuality::robust(candidate.lqi)));
        out.push(Action::Enter(Entry { pan_id, short, key_index, lba }));
        out.push(Action::Tell(AdpmIndication::Joined { pan_id, short }));
        self.pauses.succeed();
        self.phase = Phase::Joined(Joined::new(now, self.identity.ib.join_watchdog, grant.gmk_index));
    }

    fn on_left(&mut self, now: Instant, rejoin: bool, random: &mut Stream, out: &mut Actions) {
        self.phase = Phase::Idle;
        leave(out);
        if rejoin {
            self.discover(now, random);
        }
    }
}

/// Out of the PAN: the MAC forgets it too.
fn leave(out: &mut Actions) {
    out.push(Action::Leave);
    out.push(Action::Mlme(MlmeRequest::Reset));
    out.push(Action::Mlme(MlmeRequest::SetRcCoord(specs::RC_COORD_NOT_JOINED)));
    out.push(Action::Tell(AdpmIndication::Left));
}

/// In clear, from the extended address, to the chosen LBA.
fn to_lba(candidate: &PanDescriptor, msdu: Msdu) -> Action {
    Action::Send(Frame {
        extended_source: true,
        dst_pan: candidate.pan_id,
        way: Way::To(MacAddress::Short(candidate.lba)),
        msdu,
        security: MacSecurity::None,
        purpose: Purpose::Joining,
        chance: Chance::First,
    })
}

/// Whether the beacon may come from a node that can relay to a coordinator.
const fn has_route(descriptor: &PanDescriptor) -> bool {
    descriptor.rc_coord < specs::RC_COORD_NO_ROUTE
}

/// The broadcast address relays nothing.
fn is_candidate(descriptor: &PanDescriptor) -> bool {
    descriptor.lba != ShortAddress::BROADCAST && descriptor.pan_id != PanId::BROADCAST
}
