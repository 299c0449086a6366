//! Opening an association: AARQ in, AARE out.

use super::associate::{self, Judged, Refusal};
use super::caller::Caller;
use super::session::{Channel, Handshake, Phase, Session};
use super::{ServerEvent, ServerPersist};
use crate::apdu::{Aarq, AssociationResult, Diagnostic, Pdu};
use crate::security::{Mark, SystemTitle};
use crate::specs::association::PROVIDER_NO_REASON;
use crate::specs::security::CHALLENGE_LEN_SIGNED;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rand_core::Rng;

/// Serves one AARQ.
pub(super) struct Opening<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
}

impl Opening<'_, '_> {
    pub(super) fn on_aarq(&mut self, apdu: &[u8]) {
        let Ok(aarq) = Aarq::from_bytes(apdu) else { return self.on_malformed() };
        if self.caller.is_locked() {
            let (result, why) = (AssociationResult::RejectedTransient, Diagnostic::AuthenticationFailure);
            return self.caller.reply(&associate::reject(self.caller.association, result, why, None));
        }
        let Caller { config, association, guard, .. } = &*self.caller;
        match associate::judge(config, association, guard, &aarq) {
            Ok(judged) => self.on_judged(judged),
            Err(refusal) => self.on_refusal(refusal),
        }
    }

    /// An AARQ that is none: the service provider refuses it, since no user of it has seen a proposal.
    fn on_malformed(&mut self) {
        self.caller.voice.counters.malformed += 1;
        let aare = associate::reject_as_provider(self.caller.association, PROVIDER_NO_REASON);
        self.caller.reply(&aare);
    }

    fn on_judged(&mut self, judged: Judged) {
        if let Some(counter) = judged.counter {
            self.caller.guard.on_opened(judged.dedicated_key.as_ref());
            self.caller.guard.heard.accept(Mark::Global(counter));
            let client_sap = self.caller.association.client_sap;
            self.caller.voice.persist(ServerPersist::ReceiveCounter { client_sap, last: counter });
        }
        let channel = self.channel(&judged);
        let Some(challenge_len) = self.caller.hls_challenge_len() else {
            return self.on_open(&judged, channel);
        };
        let Judged { terms, client_title, client_challenge, counter, user_id, .. } = judged;
        let challenge = self.challenge(&client_title, &client_challenge, challenge_len);
        let handshake = Handshake { client_title, client_challenge, challenge, counter };
        let session = self.caller.new_session(Phase::Challenged(handshake.clone()), &terms);
        self.admit(session.ciphered(channel).of_user(user_id), Some(&handshake));
    }

    /// Opens an association without high level security. Its AARQ may be a late twin, so what the session
    /// knows of requests under way stays.
    fn on_open(&mut self, judged: &Judged, channel: Option<Channel>) {
        let mut session = self.caller.new_session(Phase::Open, &judged.terms).ciphered(channel);
        session.user_id = judged.user_id;
        if let Some(earlier) = self.caller.session() {
            session.transfer = earlier.transfer.take();
            session.incoming = earlier.incoming.take();
            session.recent = core::mem::take(&mut earlier.recent);
        }
        if self.caller.association.authentication.mechanism().is_some() {
            self.caller.on_proved();
            let client_sap = self.caller.association.client_sap;
            self.caller.voice.tell(ServerEvent::Associated { client_sap });
        }
        self.admit(session, None);
    }

    fn admit(&mut self, session: Session, handshake: Option<&Handshake>) {
        let common = session.terms.conformance;
        if !self.caller.admit(session) {
            return;
        }
        let keys = self.caller.keys();
        let keys = match &keys {
            None => None,
            Some(keys) => match self.caller.voice.send_counter() {
                None => return,
                Some(counter) => Some((&**keys, counter)),
            },
        };
        let aare = associate::accept(self.caller.config, self.caller.association, common, keys, handshake);
        self.caller.reply(&aare);
    }

    fn channel(&self, judged: &Judged) -> Option<Channel> {
        let keys = self.caller.keys()?;
        let dedicated = judged.dedicated_key.as_ref();
        let dedicated = dedicated.and_then(|key| keys.as_ref().clone().with_unicast_key(key.octets()).ok());
        Some(Channel { client_title: judged.client_title, dedicated: dedicated.map(Arc::new) })
    }

    /// The challenge that was sent already to an AARQ of which this one is a repetition, so that whichever
    /// answer arrives is the right one; or a fresh one, never that of the client.
    fn challenge(&mut self, client_title: &SystemTitle, client_challenge: &[u8], len: usize) -> Vec<u8> {
        if let Some(Phase::Challenged(earlier)) = self.caller.session().map(|session| &session.phase)
            && earlier.client_title == *client_title
            && earlier.client_challenge == client_challenge
        {
            return earlier.challenge.clone();
        }
        loop {
            let mut challenge = [0; CHALLENGE_LEN_SIGNED];
            self.caller.voice.entropy.fill_bytes(&mut challenge);
            if challenge[..len] != *client_challenge {
                return challenge[..len].to_vec();
            }
        }
    }

    fn on_refusal(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Diagnostic(diagnostic) => self.reject(diagnostic, None),
            Refusal::Initiate(error) => self.reject(Diagnostic::NoReasonGiven, Some(&error)),
            Refusal::Provider(diagnostic) => {
                let aare = associate::reject_as_provider(self.caller.association, diagnostic);
                self.caller.reply(&aare);
            }
            Refusal::Password => self.on_wrong_password(),
            Refusal::Replay => self.caller.on_replay(),
            // Whoever has not the keys is told the same, whatever he sends.
            Refusal::Unauthentic | Refusal::Unopened(_) => self.caller.on_unauthentic(),
        }
    }

    fn on_wrong_password(&mut self) {
        self.caller.on_failed_proof();
        self.reject(Diagnostic::AuthenticationFailure, None);
    }

    fn reject(&mut self, diagnostic: Diagnostic, error: Option<&[u8]>) {
        let result = AssociationResult::RejectedPermanent;
        let aare = associate::reject(self.caller.association, result, diagnostic, error);
        self.caller.reply(&aare);
    }
}
