//! The peer of EAP-PSK: what the device has proved and what it was given.

use super::Identity;
use crate::action::Grant;
use crate::counters::Drop;
use crate::eap_psk::{Session, same_mac};
use crate::exchange;
use crate::wire::{EapMessage, ParameterResult, PskMessage};
use heapless::Vec;
use plc_core::sap::Msdu;
use plc_core::seed::Stream;
use rand_core::Rng;

/// The longest name of a server, that of the ARIB profile \[G3 LBP 7.2; confidence A\].
const ID_S_MAX: usize = 34;

/// How far the authentication has come.
#[derive(Debug, Default)]
pub(super) enum Peer {
    /// Nobody has asked.
    #[default]
    Silent,
    /// The second message was sent.
    Proved(Proved),
    /// The fourth message was sent.
    Confirmed {
        /// Of the server.
        rand_s: [u8; 16],
        /// What it gave.
        grant: Grant,
        /// The fourth message.
        reply: Msdu,
    },
}

#[derive(Debug)]
pub(super) struct Proved {
    rand_s: [u8; 16],
    rand_p: [u8; 16],
    id_s: Vec<u8, ID_S_MAX>,
    session: Session,
}

impl Peer {
    /// The first or third message; returns the answer.
    pub(super) fn on_challenge(
        &mut self,
        eap: &EapMessage<'_>,
        identity: &Identity,
        random: &mut Stream,
        accept: impl FnOnce(&[u8]) -> Result<Grant, ParameterResult>,
    ) -> Result<Msdu, Drop> {
        match eap.psk {
            Some(PskMessage::First { rand_s, id_s }) => {
                let rand_p = self.rand_p(&rand_s, random);
                self.on_first(eap.identifier, (rand_s, rand_p), id_s, identity)
            }
            Some(PskMessage::Third { rand_s, mac_s, .. }) => {
                self.on_third(eap, &rand_s, &mac_s, identity, accept)
            }
            _ => Err(Drop::UnexpectedMessage),
        }
    }

    /// What the server gave, once it was confirmed.
    pub(super) const fn granted(&self) -> Option<Grant> {
        match self {
            Self::Confirmed { grant, .. } => Some(*grant),
            Self::Silent | Self::Proved(_) => None,
        }
    }

    /// The first message, with the random number to answer with.
    fn on_first(
        &mut self,
        identifier: u8,
        (rand_s, rand_p): ([u8; 16], [u8; 16]),
        id_s: &[u8],
        identity: &Identity,
    ) -> Result<Msdu, Drop> {
        let answer = exchange::second(identity.eui64, identifier, &identity.keys, (rand_s, rand_p), id_s);
        let session = identity.keys.session(&rand_p);
        let id_s = Vec::from_slice(id_s).map_err(|_| Drop::Malformed)?;
        *self = Self::Proved(Proved { rand_s, rand_p, id_s, session });
        Ok(answer)
    }

    fn on_third(
        &mut self,
        eap: &EapMessage<'_>,
        rand_s: &[u8; 16],
        mac_s: &[u8; 16],
        identity: &Identity,
        accept: impl FnOnce(&[u8]) -> Result<Grant, ParameterResult>,
    ) -> Result<Msdu, Drop> {
        let proved = match self {
            Self::Proved(proved) if proved.rand_s == *rand_s => proved,
            Self::Confirmed { rand_s: known, reply, .. } if known == rand_s => return Ok(reply.clone()),
            _ => return Err(Drop::UnexpectedMessage),
        };
        if !same_mac(mac_s, &identity.keys.mac_s(&proved.id_s, &proved.rand_p)) {
            return Err(Drop::Authentication);
        }
        let granted = accept(&exchange::open(eap, &proved.session)?);
        let code = granted.as_ref().err().map_or(ParameterResult::Success, |&result| result).code();
        let result = if identity.result_before_attribute { [code, 0] } else { [0, code] };
        let reply = exchange::fourth(identity.eui64, eap.identifier, &proved.session, *rand_s, result);
        if let Ok(grant) = granted {
            *self = Self::Confirmed { rand_s: *rand_s, grant, reply: reply.clone() };
        }
        Ok(reply)
    }

    /// The same random number for a repeated first message, else a new one.
    fn rand_p(&self, rand_s: &[u8; 16], random: &mut Stream) -> [u8; 16] {
        match self {
            Self::Proved(proved) if proved.rand_s == *rand_s => proved.rand_p,
            _ => {
                let mut rand_p = [0; 16];
                random.fill_bytes(&mut rand_p);
                rand_p
            }
        }
    }
}
