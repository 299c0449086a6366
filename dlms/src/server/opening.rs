//! Opening an association: AARQ in, AARE out.

use super::ServerPersist;
use super::associate::{self, Authentic, Refusal};
use super::caller::Caller;
use super::session::{Handshake, Phase, Terms};
use crate::apdu::{Aarq, AssociationResult, Diagnostic, Pdu};
use crate::security::Suite0;
use crate::specs::security::CHALLENGE_LEN;
use plc_core::seed::Stream;
use rand_core::Rng;

/// Serves one AARQ.
pub(super) struct Opening<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) challenges: &'c mut Stream,
}

impl Opening<'_, '_> {
    pub(super) fn on_aarq(&mut self, apdu: &[u8]) {
        let Ok(aarq) = Aarq::from_bytes(apdu) else { return self.caller.voice.counters.malformed += 1 };
        if self.caller.guard.is_locked(self.caller.now) {
            let (result, why) = (AssociationResult::RejectedTransient, Diagnostic::AuthenticationFailure);
            return self.caller.reply(&associate::reject(self.caller.association, result, why, None));
        }
        let outcome = match self.caller.keys() {
            None => associate::judge_plain(self.caller.config, &aarq).map(|terms| self.on_plain(&terms)),
            Some(keys) => associate::judge_hls(self.caller.config, keys, &self.caller.guard.receive, &aarq)
                .map(|authentic| self.on_authentic(keys, authentic)),
        };
        if let Err(refusal) = outcome {
            self.on_refusal(refusal);
        }
    }

    /// Opens an association without security. Its AARQ may be a late twin, so what the session knows of
    /// requests under way stays.
    fn on_plain(&mut self, terms: &Terms) {
        let mut session = self.caller.new_session(Phase::Plain, terms);
        if let Some(earlier) = self.caller.session() {
            session.transfer = earlier.transfer.take();
            session.incoming = earlier.incoming.take();
            session.recent = core::mem::take(&mut earlier.recent);
        }
        if self.caller.admit(session) {
            let aare = associate::accept_plain(self.caller.config);
            self.caller.reply(&aare);
        }
    }

    /// Answers an authentic AARQ with a challenge; a repeated one with the same challenge, so that
    /// whichever answer arrives is the right one.
    fn on_authentic(&mut self, keys: &Suite0, authentic: Authentic) {
        let Authentic { terms, client_title, client_challenge, counter } = authentic;
        self.caller.guard.receive.accept(counter);
        let client_sap = self.caller.association.client_sap;
        self.caller.voice.persist(ServerPersist::ReceiveCounter { client_sap, last: counter });
        let mut handshake =
            Handshake { client_title, client_challenge, challenge: [0; CHALLENGE_LEN], counter };
        handshake.challenge = self.repeated_challenge(&handshake).unwrap_or_else(|| self.fresh_challenge());
        let session = self.caller.new_session(Phase::Challenged(handshake.clone()), &terms);
        if !self.caller.admit(session) {
            return;
        }
        if let Some(counter) = self.caller.voice.send_counter() {
            let aare = associate::accept_hls(self.caller.config, keys, &handshake, counter);
            self.caller.reply(&aare);
        }
    }

    /// The challenge that was sent already to an AARQ of which this one is a repetition.
    fn repeated_challenge(&mut self, new: &Handshake) -> Option<[u8; CHALLENGE_LEN]> {
        match &self.caller.session()?.phase {
            Phase::Challenged(earlier)
                if earlier.client_title == new.client_title
                    && earlier.client_challenge == new.client_challenge =>
            {
                Some(earlier.challenge)
            }
            _ => None,
        }
    }

    fn fresh_challenge(&mut self) -> [u8; CHALLENGE_LEN] {
        let mut challenge = [0; CHALLENGE_LEN];
        self.challenges.fill_bytes(&mut challenge);
        challenge
    }

    fn on_refusal(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Diagnostic(diagnostic) => self.reject(diagnostic, None),
            Refusal::Initiate(error) => self.reject(Diagnostic::NoReasonGiven, Some(&error)),
            Refusal::Replay => self.caller.on_replay(),
            Refusal::Unauthentic => self.caller.on_unauthentic(),
        }
    }

    fn reject(&mut self, diagnostic: Diagnostic, error: Option<&[u8]>) {
        let result = AssociationResult::RejectedPermanent;
        let aare = associate::reject(self.caller.association, result, diagnostic, error);
        self.caller.reply(&aare);
    }
}
