//! Pass 3 and 4 of high level security: the client proves itself, then the server does.

use super::ServerEvent;
use super::caller::Caller;
use super::services;
use super::session::Handshake;
use crate::apdu::{ActionRequest, ActionResponse, ActionResult, InvokeId, Pdu};
use crate::client::{proof, verify};
use crate::security::Suite0;
use alloc::vec::Vec;

/// Serves one reply_to_HLS_authentication.
pub(super) struct Proving<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) keys: &'c Suite0,
}

impl Proving<'_, '_> {
    /// The answer to pass 3, which came in an APDU with counter `outer`.
    pub(super) fn on_pass_3(&mut self, request: &ActionRequest<'_>, outer: u32) -> Option<Vec<u8>> {
        let handshake = self.caller.session()?.handshake()?.clone();
        match proved(self.keys, &handshake, request.parameter.unwrap_or_default(), outer) {
            Some(inner) => self.on_right_proof(&handshake, request.invoke_id, inner),
            None => {
                self.on_wrong_proof();
                Some(services::action_failed(request.invoke_id, ActionResult::OtherReason))
            }
        }
    }

    fn on_right_proof(&mut self, handshake: &Handshake, invoke_id: InvokeId, inner: u32) -> Option<Vec<u8>> {
        self.caller.guard.receive.accept(inner);
        self.caller.guard.on_proved();
        let counter = self.caller.voice.send_counter()?;
        if self.caller.session()?.on_proved() {
            let client_sap = self.caller.association.client_sap;
            self.caller.voice.tell(ServerEvent::Associated { client_sap });
        }
        let value = proof(self.keys, &self.caller.config.server_title, counter, &handshake.client_challenge);
        let result = ActionResult::Success;
        Some(ActionResponse { invoke_id, result, returned: Some(Ok(&value)) }.to_vec())
    }

    fn on_wrong_proof(&mut self) {
        self.caller.forget_session();
        let (now, config) = (self.caller.now, self.caller.config);
        let locked = self.caller.guard.on_failed_proof(now, config.max_failed_proofs, config.lockout);
        let client_sap = self.caller.association.client_sap;
        self.caller.voice.counters.unauthentic += 1;
        self.caller.voice.tell(ServerEvent::AuthenticationFailure { client_sap });
        if locked {
            self.caller.voice.tell(ServerEvent::Locked { client_sap });
        }
    }
}

/// The counter of a right proof: made after the AARQ, by its sender, and under a counter of its own, since
/// a nonce that is used twice gives the authentication away.
fn proved(keys: &Suite0, handshake: &Handshake, value: &[u8], outer: u32) -> Option<u32> {
    let inner = verify(keys, &handshake.client_title, value, &handshake.challenge)?;
    (inner > handshake.counter && inner != outer).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const CLIENT: [u8; 8] = *b"PLCDC001";
    const SERVER: [u8; 8] = *b"MTR00001";

    fn handshake() -> Handshake {
        Handshake { client_title: CLIENT, client_challenge: vec![7; 16], challenge: [9; 16], counter: 10 }
    }

    #[test]
    fn only_the_client_that_asked_proves_itself_and_only_over_our_challenge() {
        let (keys, other) = (Suite0::new(&[1; 16], &[2; 16]), Suite0::new(&[1; 16], &[3; 16]));
        let judge = |value: &[u8]| proved(&keys, &handshake(), value, 12);
        assert_eq!(judge(&proof(&keys, &CLIENT, 11, &[9; 16])), Some(11));
        assert_eq!(judge(&proof(&other, &CLIENT, 11, &[9; 16])), None, "other keys");
        assert_eq!(judge(&proof(&keys, &SERVER, 11, &[9; 16])), None, "our own proof come back");
        assert_eq!(judge(&proof(&keys, &CLIENT, 11, &[7; 16])), None, "another challenge");
        assert_eq!(judge(&[]), None, "no proof at all");
    }

    #[test]
    fn a_proof_has_a_counter_of_its_own_above_that_of_the_aarq() {
        let keys = Suite0::new(&[1; 16], &[2; 16]);
        let judge = |inner| proved(&keys, &handshake(), &proof(&keys, &CLIENT, inner, &[9; 16]), 12);
        assert_eq!([judge(9), judge(10), judge(12)], [None; 3]);
        assert_eq!([judge(11), judge(13)], [Some(11), Some(13)]);
    }
}
