//! Another group key under traffic \[G3 LBP 7.3\]: it is handed out to every device, then every device is told to use it,
//! then the coordinator uses it. Devices that were silent are told when they are heard again.

use super::conversation::{Conversation, Kind};
use super::{Lbs, Via};
use crate::action::Action;
use crate::actions::Actions;
use crate::counters::Drop;
use crate::exchange;
use crate::specs;
use heapless::Vec;
use plc_core::sap::{AdpmIndication, Key, KeyUse, MlmeRequest, Persist};
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, ShortAddress};
use rand_core::Rng;

/// How far the change of the key has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Everybody uses the active key, as far as is known.
    Settled,
    /// The next key is handed out.
    Distributing,
    /// Devices are told to use it.
    Activating,
    /// Devices are told to forget the key before the active one.
    Retiring,
}

/// The keys of the network, and the change of them.
#[derive(Debug)]
pub(super) struct Rekeying {
    pub(super) stage: Stage,
    /// The key being handed out.
    next: Option<Key>,
    /// The next device in the order of the registry.
    cursor: usize,
    /// Devices to tell because they were heard.
    contacted: Vec<Eui64, { Rekeying::CONTACTED_MAX }>,
}

impl Rekeying {
    const CONTACTED_MAX: usize = 8;

    pub(super) const fn new(next: Option<Key>) -> Self {
        let stage = if next.is_some() { Stage::Distributing } else { Stage::Settled };
        Self { stage, next, cursor: 0, contacted: Vec::new() }
    }
}

impl Lbs {
    /// Management wants another group key.
    pub(crate) fn on_rekey(&mut self, gmk: Key, out: &mut Actions) {
        if self.rekeying.stage != Stage::Settled {
            return out.push(Action::Count(Drop::Misuse));
        }
        let index = self.other_index();
        self.rekeying = Rekeying::new(Some(gmk));
        self.registry.each(|device| device.held = false);
        out.push(Action::Persist(Persist::GroupKey { index, key: Some((gmk, KeyUse::Next)) }));
        out.push(Action::Mlme(MlmeRequest::SetKey { index, key: Some(gmk) }));
    }

    /// A member has come back with its address after a restart: the change of the key must not pass it over.
    pub(super) fn on_restored(&mut self) {
        if self.rekeying.next.is_some() {
            (self.rekeying.stage, self.rekeying.cursor) = (Stage::Distributing, 0);
        }
    }

    /// Management wants the key before the active one gone.
    pub(crate) fn on_retire(&mut self, out: &mut Actions) {
        if self.rekeying.stage != Stage::Settled {
            return out.push(Action::Count(Drop::Misuse));
        }
        (self.rekeying.stage, self.rekeying.cursor) = (Stage::Retiring, 0);
    }

    /// A member was heard: if it has missed a change of the key it is told now.
    pub(crate) fn on_contact(&mut self, from: ShortAddress) {
        let room = self.rekeying.contacted.len() < Rekeying::CONTACTED_MAX;
        if self.registry.missed() == 0 || !room || self.rekeying.stage != Stage::Settled {
            return;
        }
        if let Some(eui64) = self.registry.eui64_of(from)
            && self.registry.find(eui64).is_some_and(|device| device.missed)
            && !self.rekeying.contacted.contains(&eui64)
            && self.position(eui64).is_none()
        {
            self.rekeying.contacted.push(eui64).expect("there is room");
        }
    }

    /// Goes on with the change as far as conversations are free: half of them stay for devices that join.
    pub(crate) fn pump(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) {
        let free = (self.settings.parallel / 2).max(1);
        while self.conversations.iter().filter(|c| c.kind != Kind::Join).count() < free {
            if let Some(eui64) = self.rekeying.contacted.pop() {
                self.open(now, eui64, Kind::Renewal, random, out);
            } else if !self.next_device(now, random, out) {
                break;
            }
        }
    }

    /// The device has said how it took a key or an order.
    pub(super) fn on_done(&mut self, now: Instant, at: usize, random: &mut Stream, out: &mut Actions) {
        let conversation = self.conversations.swap_remove(at);
        let eui64 = conversation.eui64;
        match conversation.kind {
            Kind::Join | Kind::Retirement => {}
            Kind::Renewal => {
                let msdu = exchange::verdict(crate::wire::LbpCode::Accepted, eui64, 0);
                out.push(Action::Send(self.frame(conversation.via, &msdu, crate::transmit::Purpose::Relay)));
                self.registry.set_held(eui64);
                if self.rekeying.stage == Stage::Settled {
                    self.open(now, eui64, Kind::Activation, random, out);
                }
            }
            Kind::Activation => self.registry.set_missed(eui64, false),
        }
    }

    /// The device does not answer: it has missed the change.
    pub(super) fn on_missed(&mut self, conversation: &Conversation, out: &mut Actions) {
        out.push(Action::Count(Drop::RekeyTimeout));
        if conversation.kind != Kind::Retirement {
            self.registry.set_missed(conversation.eui64, true);
        }
    }

    /// The key to hand out and its slot: the next one, or the active one for a device that has missed it.
    pub(super) fn key_to_give(&self) -> (u8, Key) {
        match self.rekeying.next {
            Some(next) => (self.other_index(), next),
            None => self.key(),
        }
    }

    fn next_device(&mut self, now: Instant, random: &mut Stream, out: &mut Actions) -> bool {
        let stage = self.rekeying.stage;
        if stage == Stage::Settled {
            return false;
        }
        if self.registry.occupancy().0 == 0 {
            return false;
        }
        let Some(device) = self.registry.at(self.rekeying.cursor) else { return self.next_stage(out) };
        self.rekeying.cursor += 1;
        let (eui64, held, joined) = (device.eui64, device.held, device.short.is_some());
        let busy = self.position(eui64).is_some();
        match stage {
            Stage::Distributing if joined && !held && !busy => {
                self.open(now, eui64, Kind::Renewal, random, out);
            }
            Stage::Activating if joined && held && !busy => {
                self.open(now, eui64, Kind::Activation, random, out);
            }
            Stage::Distributing | Stage::Activating if joined && !held => {
                self.registry.set_missed(eui64, true);
            }
            Stage::Retiring if joined && !busy => self.open(now, eui64, Kind::Retirement, random, out),
            _ => {}
        }
        true
    }

    /// All devices were asked; when all have answered, or will not, the next stage begins. Returns whether it does.
    fn next_stage(&mut self, out: &mut Actions) -> bool {
        if self.conversations.iter().any(|conversation| conversation.kind != Kind::Join) {
            return false;
        }
        self.rekeying.cursor = 0;
        self.rekeying.stage = match self.rekeying.stage {
            Stage::Distributing => Stage::Activating,
            Stage::Activating => {
                self.switch(out);
                Stage::Settled
            }
            Stage::Retiring => {
                let index = self.other_index();
                out.push(Action::Persist(Persist::GroupKey { index, key: None }));
                out.push(Action::DropKey(index));
                Stage::Settled
            }
            Stage::Settled => Stage::Settled,
        };
        true
    }

    /// The coordinator comes last.
    fn switch(&mut self, out: &mut Actions) {
        let Some(next) = self.rekeying.next.take() else { return };
        let (old_index, old) = self.key();
        let key_index = self.other_index();
        (self.key_index, self.gmk) = (key_index, next);
        out.push(Action::Persist(Persist::GroupKey { index: key_index, key: Some((next, KeyUse::Active)) }));
        out.push(Action::Persist(Persist::GroupKey { index: old_index, key: Some((old, KeyUse::Previous)) }));
        out.push(Action::UseKey(key_index));
        let missed = self.registry.missed() as u16;
        out.push(Action::Tell(AdpmIndication::Rekeyed { key_index, missed }));
    }

    fn open(&mut self, now: Instant, eui64: Eui64, kind: Kind, random: &mut Stream, out: &mut Actions) {
        let Some((psk, Some(short))) = self.registry.find(eui64).map(|device| (device.psk, device.short))
        else {
            return;
        };
        let mut rand_s = [0; 16];
        random.fill_bytes(&mut rand_s);
        let mut conversation = Conversation::new(eui64, &psk, rand_s, Via::Relay(short));
        conversation.kind = kind;
        let (given, retired) = (self.key_to_give().0, self.other_index());
        let step = match kind {
            Kind::Join | Kind::Renewal => conversation.challenge(self.id_s),
            Kind::Activation => conversation.tell(exchange::activation(eui64, given)),
            Kind::Retirement => conversation.tell(exchange::retirement(eui64, retired)),
        };
        self.conversations.push(conversation);
        self.say(now, self.conversations.len() - 1, step, out);
    }

    const fn other_index(&self) -> u8 {
        specs::GMK_SLOTS - 1 - self.key_index
    }
}
