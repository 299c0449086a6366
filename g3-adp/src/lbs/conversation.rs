//! One device on its way in.

use super::Via;
use crate::action::Grant;
use crate::counters::Drop;
use crate::eap_psk::{Session, StaticKeys};
use crate::exchange;
use crate::transmit::Purpose;
use crate::wire::{EapMessage, LbpCode, ParameterResult, PskMessage};
use plc_core::sap::{Key, Msdu};
use plc_core::{Eui64, Instant};

/// How far the device has come.
#[derive(Debug)]
enum Phase {
    /// It was asked to prove itself.
    Challenged,
    /// It has an address and was asked how it took it.
    Granted(Session),
    /// It was told that it is in.
    Accepted,
    /// It was told what to do with a key.
    Told,
}

/// What a conversation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The device wants in.
    Join,
    /// A member gets another group key.
    Renewal,
    /// A member shall use it.
    Activation,
    /// A member shall forget the one before.
    Retirement,
}

/// A message to the device and who wants to know how it went.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) msdu: Msdu,
    pub(super) purpose: Purpose,
}

/// A second message that was right: what the third is made from.
#[derive(Debug)]
pub(super) struct Proved {
    session: Session,
    mac_s: [u8; 16],
    identifier: u8,
}

/// One device on its way in.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) eui64: Eui64,
    pub(super) kind: Kind,
    pub(super) via: Via,
    pub(super) expires: Instant,
    pub(super) retries_left: u8,
    /// What is repeated when no answer comes.
    pub(super) last: Step,
    keys: StaticKeys,
    rand_s: [u8; 16],
    phase: Phase,
}

impl Conversation {
    pub(super) fn new(eui64: Eui64, psk: &Key, rand_s: [u8; 16], via: Via) -> Self {
        Self {
            eui64,
            kind: Kind::Join,
            via,
            expires: Instant::EPOCH,
            retries_left: 0,
            last: Step { msdu: Msdu::new(), purpose: Purpose::Relay },
            keys: StaticKeys::derive(psk),
            rand_s,
            phase: Phase::Challenged,
        }
    }

    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self.phase, Phase::Accepted)
    }

    /// The first message, whatever came before.
    pub(super) fn challenge(&mut self, id_s: Eui64) -> Step {
        self.phase = Phase::Challenged;
        Step { msdu: exchange::first(self.eui64, 0, self.rand_s, &id_s.0), purpose: Purpose::Relay }
    }

    /// An order about a key.
    pub(super) fn tell(&mut self, msdu: Msdu) -> Step {
        self.phase = Phase::Told;
        Step { msdu, purpose: Purpose::Relay }
    }

    pub(super) const fn is_told(&self) -> bool {
        matches!(self.phase, Phase::Told)
    }

    /// The second message. A repeated one is answered again, alike.
    pub(super) fn on_proof(&self, eap: &EapMessage<'_>, id_s: Eui64) -> Result<Proved, Drop> {
        let Some(message @ PskMessage::Second { rand_s, rand_p, .. }) = eap.psk else {
            return Err(Drop::UnexpectedMessage);
        };
        if rand_s != self.rand_s || matches!(self.phase, Phase::Accepted) {
            return Err(Drop::UnexpectedMessage);
        }
        if !exchange::second_is_proof(&message, self.eui64, &self.keys, &id_s.0) {
            return Err(Drop::Authentication);
        }
        let (session, mac_s) = (self.keys.session(&rand_p), self.keys.mac_s(&id_s.0, &rand_p));
        Ok(Proved { session, mac_s, identifier: eap.identifier.wrapping_add(1) })
    }

    /// The third message.
    pub(super) fn grant(&mut self, proved: Proved, grant: &Grant) -> Step {
        let Proved { session, mac_s, identifier } = proved;
        let whole = self.kind == Kind::Join;
        let msdu = exchange::third(self.eui64, identifier, &session, (self.rand_s, mac_s), grant, whole);
        self.phase = Phase::Granted(session);
        Step { msdu, purpose: Purpose::Relay }
    }

    /// The fourth message.
    pub(super) fn on_result(
        &self,
        eap: &EapMessage<'_>,
        result_before_attribute: bool,
    ) -> Result<ParameterResult, Drop> {
        let Phase::Granted(session) = &self.phase else { return Err(Drop::UnexpectedMessage) };
        let content = exchange::open(eap, session)?;
        Ok(exchange::result_of(&content, result_before_attribute))
    }

    /// The last message.
    pub(super) fn accept(&mut self, identifier: u8) -> Step {
        self.phase = Phase::Accepted;
        let msdu = exchange::verdict(LbpCode::Accepted, self.eui64, identifier.wrapping_add(1));
        Step { msdu, purpose: Purpose::Accepted(self.eui64) }
    }
}
