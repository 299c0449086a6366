//! Closing an association: RLRQ in, RLRE out.

use super::associate::{self, Refusal};
use super::caller::Caller;
use crate::apdu::{Pdu, Rlre, Rlrq};
use crate::security::{Control, Mark, SecurityContext, SystemTitle};
use crate::specs::apdu_tag;

/// Serves one RLRQ.
pub(super) struct Closing<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
}

impl Closing<'_, '_> {
    pub(super) fn on_rlrq(&mut self, apdu: &[u8]) {
        let Ok(rlrq) = Rlrq::from_bytes(apdu) else { return self.caller.on_malformed() };
        if self.caller.association.authentication.pre_established().is_some() {
            return self.caller.on_unprotected();
        }
        let title = self.caller.channel().map(|channel| channel.client_title);
        match (self.caller.keys(), title) {
            (Some(keys), Some(title)) => self.on_ciphered(&keys, &title, &rlrq),
            _ => self.on_plain(),
        }
    }

    /// Without security, or without a session: whoever asks is released.
    fn on_plain(&mut self) {
        self.caller.forget_session();
        self.caller.reply(&Rlre { reason: Some(0), user_information: None }.to_vec());
    }

    /// With security only an authentic request ends the session.
    fn on_ciphered(&mut self, keys: &SecurityContext, title: &SystemTitle, rlrq: &Rlrq<'_>) {
        let Some(sealed) = rlrq.user_information else {
            if keys.policy().request_control() == Control(0) {
                return self.on_plain();
            }
            return self.caller.on_under_protected();
        };
        let tag = apdu_tag::GLO_INITIATE_REQUEST;
        match associate::open_initiate(keys, title, &self.caller.guard.heard, sealed, tag) {
            Ok((counter, _)) => self.on_authentic(keys, counter),
            Err(Refusal::Replay) => self.caller.on_replay(),
            Err(Refusal::Unopened(fault)) => self.caller.on_fault(fault),
            Err(_) => self.caller.on_unauthentic(),
        }
    }

    fn on_authentic(&mut self, keys: &SecurityContext, counter: u32) {
        self.caller.guard.heard.accept(Mark::Global(counter));
        let common = self.caller.session().map(|session| session.terms.conformance).unwrap_or_default();
        self.caller.forget_session();
        if let Some(counter) = self.caller.voice.send_counter() {
            let sealed = associate::sealed_response(self.caller.config, common, keys, counter);
            self.caller.reply(&Rlre { reason: Some(0), user_information: Some(&sealed) }.to_vec());
        }
    }
}
