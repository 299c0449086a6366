//! The LoWPAN bootstrapping server: the coordinator's side of joining \[G3 LBP 7\].

mod conversation;
mod registry;
mod rekeying;

use crate::action::{Action, Grant};
use crate::actions::Actions;
use crate::config::AdpConfig;
use crate::counters::Drop;
use crate::exchange;
use crate::specs;
use crate::transmit::{Chance, Frame, Purpose, Way};
use crate::wire::{BootstrappingData, LbpCode, LbpFrame, MeshHeader, ParameterResult, PskMessage};
use alloc::vec::Vec;
use conversation::{Conversation, Kind, Step};
use plc_core::sap::{
    AdpmIndication, JoinFailure, Key, KeyUse, LinkQuality, MacSecurity, MacStatus, Msdu, Persist,
};
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, MacAddress, PanId, ShortAddress};
use rand_core::Rng;
use registry::Registry;
use rekeying::Rekeying;

/// How a device is reached while it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// It hears the coordinator, over this link.
    Direct(LinkQuality),
    /// Through this LBA.
    Relay(ShortAddress),
}

/// The server: who may join, who has, and who is at it.
#[derive(Debug)]
pub(crate) struct Lbs {
    id_s: Eui64,
    gmk: Key,
    key_index: u8,
    registry: Registry,
    conversations: Vec<Conversation>,
    rekeying: Rekeying,
    settings: Settings,
    pan_id: PanId,
}

#[derive(Debug)]
struct Settings {
    parallel: usize,
    timeout: core::time::Duration,
    /// Who has not answered for so long has given up and begins anew.
    patience: core::time::Duration,
    retries: u8,
    result_before_attribute: bool,
    lba_extended_source: bool,
    accept_relayed_leave: bool,
    max_hops: u8,
}

impl Lbs {
    /// Conversations at a time, whatever the configuration says: each may end in the same tick.
    const PARALLEL_MAX: usize = 10;

    pub(crate) fn new(config: &AdpConfig, gmk: Key, key_index: u8) -> Self {
        let parallel = config.limits.parallel_joins.min(Self::PARALLEL_MAX);
        let settings = Settings {
            parallel,
            timeout: config.ib.lbp_message_timeout,
            patience: config.ib.adp_max_join_wait_time.saturating_add(specs::LBP_PATIENCE_MARGIN),
            retries: config.ib.lbp_retries,
            result_before_attribute: config.interop.result_before_attribute,
            lba_extended_source: config.interop.lba_extended_source,
            accept_relayed_leave: config.interop.accept_relayed_leave,
            max_hops: config.ib.adp_max_hops.min(specs::MAX_HOPS_LIMIT),
        };
        let (key_index, gmk) =
            config.memory.active_key().unwrap_or((key_index.min(specs::GMK_SLOTS - 1), gmk));
        let next = config.memory.key_for(KeyUse::Next).filter(|&(index, _)| index != key_index);
        let next = next.map(|(_, key)| key);
        Self {
            id_s: config.eui64,
            gmk,
            key_index,
            registry: Registry::new(config.limits.devices),
            conversations: Vec::with_capacity(parallel),
            rekeying: Rekeying::new(next),
            settings,
            pan_id: PanId::BROADCAST,
        }
    }

    /// The active group key and its slot.
    pub(crate) const fn key(&self) -> (u8, Key) {
        (self.key_index, self.gmk)
    }

    pub(crate) const fn start(&mut self, pan_id: PanId) {
        self.pan_id = pan_id;
    }

    /// This device may join, or has joined before a restart.
    pub(crate) fn on_allow(
        &mut self,
        eui64: Eui64,
        psk: Key,
        short: Option<ShortAddress>,
        out: &mut Actions,
    ) {
        match self.registry.allow(eui64, psk, short) {
            Ok(()) if short.is_some() => self.on_restored(),
            Ok(()) => {}
            Err(reason) => out.push(Action::Count(reason)),
        }
    }

    /// A device must go, and may not come back.
    pub(crate) fn on_kick(&mut self, eui64: Eui64, out: &mut Actions) {
        self.conversations.retain(|conversation| conversation.eui64 != eui64);
        let Some(device) = self.registry.remove(eui64) else {
            return out.push(Action::Count(Drop::Misuse));
        };
        if let Some(short) = device.short {
            out.push(Action::Send(self.frame_to_member(short, exchange::bare(LbpCode::Kick, eui64))));
            out.push(Action::Persist(Persist::DeviceRemoved { eui64 }));
            out.push(Action::Tell(AdpmIndication::DeviceLeft { eui64 }));
        }
    }

    /// A message of a device that joins, in clear.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        frame: &LbpFrame<'_>,
        via: Via,
        random: &mut Stream,
        out: &mut Actions,
    ) {
        match frame.code {
            LbpCode::Joining => self.on_joining(now, frame, via, random, out),
            LbpCode::Leave if self.settings.accept_relayed_leave => self.on_left(frame.eui64, out),
            LbpCode::Leave => out.push(Action::Count(Drop::Security)),
            LbpCode::Conflict => {
                out.push(Action::Tell(AdpmIndication::PanConflict { pan_id: self.pan_id }));
            }
            _ => out.push(Action::Count(Drop::UnexpectedMessage)),
        }
    }

    /// A protected KICK: of the member itself, or relayed for somebody else.
    pub(crate) fn on_member_or_relayed(
        &mut self,
        frame: &LbpFrame<'_>,
        from: ShortAddress,
        out: &mut Actions,
    ) {
        let own = self.registry.find(frame.eui64).is_some_and(|device| device.short == Some(from));
        if own || self.settings.accept_relayed_leave {
            self.on_left(frame.eui64, out);
        } else {
            out.push(Action::Count(Drop::Security));
        }
    }

    /// The MAC has sent ACCEPTED, or not.
    pub(crate) fn on_accepted(&mut self, eui64: Eui64, status: MacStatus, out: &mut Actions) {
        let Some(at) = self.position(eui64).filter(|&at| self.conversations[at].is_accepted()) else {
            return;
        };
        if status == MacStatus::Success {
            let conversation = self.conversations.swap_remove(at);
            self.admit(&conversation, out);
        } else {
            self.repeat_or_give_up(at, out);
        }
    }

    /// Devices that do not answer are asked again, then given up.
    pub(crate) fn on_tick(&mut self, now: Instant, out: &mut Actions) {
        for at in (0..self.conversations.len()).rev() {
            if self.conversations[at].expires <= now {
                self.conversations[at].expires = now + self.settings.timeout;
                self.repeat_or_give_up(at, out);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.conversations.iter().map(|conversation| conversation.expires).min()
    }

    /// Conversations and devices, and the most of both.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        let (devices, limit) = self.registry.occupancy();
        (devices + self.conversations.len(), limit + self.settings.parallel)
    }

    /// Conversations that may be under way at a time.
    pub(crate) const fn parallel_joins(&self) -> usize {
        self.settings.parallel
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.registry.footprint() + self.conversations.capacity() * size_of::<Conversation>()
    }

    fn on_joining(
        &mut self,
        now: Instant,
        frame: &LbpFrame<'_>,
        via: Via,
        random: &mut Stream,
        out: &mut Actions,
    ) {
        match frame.bootstrapping() {
            Ok(BootstrappingData::Empty) => self.on_request(now, frame.eui64, via, random, out),
            Ok(BootstrappingData::Eap(eap)) => match self.position(frame.eui64) {
                Some(at) => {
                    self.conversations[at].via = via;
                    match eap.psk {
                        Some(PskMessage::Second { .. }) => self.on_proof(now, at, &eap, out),
                        Some(PskMessage::Fourth { .. }) => self.on_result(now, at, &eap, random, out),
                        _ => out.push(Action::Count(Drop::UnexpectedMessage)),
                    }
                }
                None => out.push(Action::Count(Drop::UnexpectedMessage)),
            },
            Ok(BootstrappingData::Parameters(_)) => self.on_order_taken(now, frame.eui64, via, random, out),
            Err(_) => out.push(Action::Count(Drop::Malformed)),
        }
    }

    /// A member says how it took an order about a key.
    fn on_order_taken(
        &mut self,
        now: Instant,
        eui64: Eui64,
        via: Via,
        random: &mut Stream,
        out: &mut Actions,
    ) {
        let own = |short| matches!(via, Via::Relay(from) if Some(from) == short);
        let from_member = self.registry.find(eui64).is_some_and(|device| own(device.short));
        match self.position(eui64).filter(|&at| from_member && self.conversations[at].is_told()) {
            Some(at) => self.on_done(now, at, random, out),
            None => out.push(Action::Count(Drop::UnexpectedMessage)),
        }
    }

    /// A device asks to join. Asking again gets the same challenge again.
    fn on_request(&mut self, now: Instant, eui64: Eui64, via: Via, random: &mut Stream, out: &mut Actions) {
        let Some(device) = self.registry.find(eui64) else {
            out.push(Action::Count(Drop::UnknownDevice));
            out.push(Action::Tell(AdpmIndication::DeviceRefused { eui64, reason: JoinFailure::Declined }));
            let msdu = exchange::verdict(LbpCode::Decline, eui64, 0);
            return out.push(Action::Send(self.frame(via, &msdu, Purpose::Relay)));
        };
        let psk = device.psk;
        let Some(at) = self.position(eui64).or_else(|| self.seat(now, eui64, &psk, via, random)) else {
            return out.push(Action::Count(Drop::TooManyJoins));
        };
        self.conversations[at].via = via;
        self.conversations[at].kind = Kind::Join;
        let step = self.conversations[at].challenge(self.id_s);
        self.say(now, at, step, out);
    }

    /// A new conversation, if there is room or somebody who has given up.
    fn seat(
        &mut self,
        now: Instant,
        eui64: Eui64,
        psk: &Key,
        via: Via,
        random: &mut Stream,
    ) -> Option<usize> {
        if self.conversations.len() >= self.settings.parallel {
            let Settings { timeout, patience, .. } = self.settings;
            let given_up = |c: &Conversation| c.kind == Kind::Join && now + timeout >= c.expires + patience;
            let at = self.conversations.iter().position(given_up)?;
            self.conversations.remove(at);
        }
        let mut rand_s = [0; 16];
        random.fill_bytes(&mut rand_s);
        self.conversations.push(Conversation::new(eui64, psk, rand_s, via));
        Some(self.conversations.len() - 1)
    }

    /// The device proves that it knows the key: it gets an address, which is made durable first.
    fn on_proof(&mut self, now: Instant, at: usize, eap: &crate::wire::EapMessage<'_>, out: &mut Actions) {
        let eui64 = self.conversations[at].eui64;
        match self.conversations[at].on_proof(eap, self.id_s) {
            Ok(proved) => {
                let Some((short, new)) = self.registry.assign(eui64) else {
                    out.push(Action::Count(Drop::DeviceTableFull));
                    return self.refuse(at, eap.identifier, out);
                };
                if new {
                    out.push(Action::Persist(Persist::DeviceAddress { eui64, short }));
                }
                let renewal = self.conversations[at].kind == Kind::Renewal;
                let (gmk_index, gmk) = if renewal { self.key_to_give() } else { self.key() };
                let grant = Grant { short, gmk, gmk_index, active_index: gmk_index };
                let step = self.conversations[at].grant(proved, &grant);
                self.say(now, at, step, out);
            }
            Err(Drop::Authentication) => {
                out.push(Action::Count(Drop::Authentication));
                self.refuse(at, eap.identifier, out);
            }
            Err(reason) => out.push(Action::Count(reason)),
        }
    }

    /// The device says how it took its parameters.
    fn on_result(
        &mut self,
        now: Instant,
        at: usize,
        eap: &crate::wire::EapMessage<'_>,
        random: &mut Stream,
        out: &mut Actions,
    ) {
        match self.conversations[at].on_result(eap, self.settings.result_before_attribute) {
            Ok(ParameterResult::Success) if self.conversations[at].kind == Kind::Renewal => {
                self.on_done(now, at, random, out);
            }
            Ok(ParameterResult::Success) => {
                let step = self.conversations[at].accept(eap.identifier);
                self.say(now, at, step, out);
            }
            Ok(_) => self.refuse(at, eap.identifier, out),
            Err(reason) => out.push(Action::Count(reason)),
        }
    }

    fn on_left(&mut self, eui64: Eui64, out: &mut Actions) {
        if self.registry.release(eui64) {
            out.push(Action::Persist(Persist::DeviceRemoved { eui64 }));
            out.push(Action::Tell(AdpmIndication::DeviceLeft { eui64 }));
        }
    }

    fn refuse(&mut self, at: usize, identifier: u8, out: &mut Actions) {
        let conversation = self.conversations.swap_remove(at);
        let eui64 = conversation.eui64;
        if conversation.kind != Kind::Join {
            return self.on_missed(&conversation, out);
        }
        let msdu = exchange::verdict(LbpCode::Decline, eui64, identifier.wrapping_add(1));
        out.push(Action::Send(self.frame(conversation.via, &msdu, Purpose::Relay)));
        out.push(Action::Tell(AdpmIndication::DeviceRefused { eui64, reason: JoinFailure::Declined }));
    }

    /// Sends what comes next and waits for the answer.
    fn say(&mut self, now: Instant, at: usize, step: Step, out: &mut Actions) {
        let conversation = &mut self.conversations[at];
        conversation.expires = now + self.settings.timeout;
        conversation.retries_left = self.settings.retries;
        conversation.last = step;
        self.repeat(at, out);
    }

    fn repeat(&self, at: usize, out: &mut Actions) {
        let conversation = &self.conversations[at];
        out.push(Action::Send(self.frame(
            conversation.via,
            &conversation.last.msdu,
            conversation.last.purpose,
        )));
    }

    fn repeat_or_give_up(&mut self, at: usize, out: &mut Actions) {
        if let Some(left) = self.conversations[at].retries_left.checked_sub(1) {
            self.conversations[at].retries_left = left;
            return self.repeat(at, out);
        }
        let conversation = self.conversations.swap_remove(at);
        let eui64 = conversation.eui64;
        if conversation.kind != Kind::Join {
            return self.on_missed(&conversation, out);
        }
        if conversation.is_accepted() {
            return self.admit(&conversation, out);
        }
        out.push(Action::Count(Drop::JoinTimeout));
        out.push(Action::Tell(AdpmIndication::DeviceRefused { eui64, reason: JoinFailure::Timeout }));
    }

    /// A device is in, as far as can be known here: it has proved its key and taken its parameters. When
    /// only the acknowledgement of ACCEPTED was lost it has joined; when ACCEPTED itself was, it asks again.
    fn admit(&mut self, conversation: &Conversation, out: &mut Actions) {
        let eui64 = conversation.eui64;
        if let Some(short) = self.registry.joined(eui64) {
            if let Via::Direct(link) = conversation.via {
                out.push(Action::Partner(short, link));
            }
            self.registry.set_missed(eui64, false);
            out.push(Action::Tell(AdpmIndication::DeviceJoined { eui64, short }));
        }
    }

    fn position(&self, eui64: Eui64) -> Option<usize> {
        self.conversations.iter().position(|conversation| conversation.eui64 == eui64)
    }

    /// In clear to a device that hears us, protected to the LBA of one that does not.
    fn frame(&self, via: Via, message: &Msdu, purpose: Purpose) -> Frame {
        match via {
            Via::Relay(lba) => Frame { purpose, ..self.frame_to_member(lba, message.clone()) },
            Via::Direct(_) => Frame {
                extended_source: self.settings.lba_extended_source,
                dst_pan: self.pan_id,
                way: Way::To(MacAddress::Extended(eui64_of(message))),
                msdu: message.clone(),
                security: MacSecurity::None,
                purpose,
                chance: Chance::First,
            },
        }
    }

    fn frame_to_member(&self, short: ShortAddress, msdu: Msdu) -> Frame {
        let mesh = MeshHeader {
            hops_left: self.settings.max_hops,
            originator: ShortAddress::COORDINATOR,
            destination: short,
        };
        Frame {
            extended_source: false,
            dst_pan: self.pan_id,
            way: Way::routed_to(mesh, true),
            msdu,
            security: MacSecurity::EncMic32 { key_index: self.key_index },
            purpose: Purpose::Relay,
            chance: Chance::First,
        }
    }
}

/// The device that a message built here is about.
fn eui64_of(message: &Msdu) -> Eui64 {
    let mut reader = plc_core::wire::Reader::new(message);
    LbpFrame::parse(&mut reader).map_or(Eui64::default(), |frame| frame.eui64)
}
