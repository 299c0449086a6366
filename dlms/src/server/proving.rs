//! Pass 3 and 4 of high level security: the client proves itself, then the server does.

use super::ServerEvent;
use super::caller::Caller;
use super::services;
use super::session::Handshake;
use crate::apdu::{ActionRequest, ActionResponse, ActionResult, InvokeId, Pdu};
use crate::client::{octet_string, octets_in};
use crate::security::{Hls, Mark, Passes, Proved, SystemTitle};
use alloc::vec::Vec;

/// Serves one reply_to_HLS_authentication.
pub(super) struct Proving<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
}

impl Proving<'_, '_> {
    /// The answer to pass 3, which came in an APDU with this mark.
    pub(super) fn on_pass_3(&mut self, request: &ActionRequest<'_>, outer: Mark) -> Option<Vec<u8>> {
        let handshake = self.caller.session()?.handshake()?.clone();
        let (keys, server) = (self.caller.keys(), self.caller.config.server_title);
        let hls = self.caller.association.authentication.hls(keys.as_deref())?;
        match proved(&hls, &server, &handshake, request.parameter.unwrap_or_default(), outer) {
            Some(proved) => self.on_right_proof(&hls, &handshake, request.invoke_id, proved),
            None => {
                self.caller.forget_session();
                self.caller.on_failed_proof();
                Some(services::action_failed(request.invoke_id, ActionResult::OtherReason))
            }
        }
    }

    fn on_right_proof(
        &mut self,
        hls: &Hls<'_>,
        handshake: &Handshake,
        invoke_id: InvokeId,
        proved: Proved,
    ) -> Option<Vec<u8>> {
        self.caller.guard.heard.accept(proved.0.map_or(Mark::None, Mark::Global));
        self.caller.on_proved();
        let counter = if hls.needs_counter() { self.caller.voice.send_counter()? } else { 0 };
        if self.caller.session()?.on_proved() {
            let client_sap = self.caller.association.client_sap;
            self.caller.voice.tell(ServerEvent::Associated { client_sap });
        }
        let passes = Passes {
            prover: &self.caller.config.server_title,
            verifier: &handshake.client_title,
            asked: &handshake.client_challenge,
            sent: &handshake.challenge,
        };
        let value = octet_string(&hls.prove(&passes, counter));
        let result = ActionResult::Success;
        Some(ActionResponse { invoke_id, result, returned: Some(Ok(&value)) }.to_vec())
    }
}

/// A right proof over our challenge; one with a counter was made after the AARQ and under a counter of its
/// own, since a nonce that is used twice gives the authentication away.
fn proved<'a>(
    hls: &Hls<'a>,
    server: &'a SystemTitle,
    handshake: &'a Handshake,
    value: &[u8],
    outer: Mark,
) -> Option<Proved> {
    let passes = Passes {
        prover: &handshake.client_title,
        verifier: server,
        asked: &handshake.challenge,
        sent: &handshake.client_challenge,
    };
    let proved = hls.verify(&passes, octets_in(value)?)?;
    let own = |inner: u32| handshake.counter.is_none_or(|aarq| inner > aarq) && Mark::Global(inner) != outer;
    proved.0.is_none_or(own).then_some(proved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{HashFunction, PrivateKey, Secret, SecurityContext};
    use alloc::vec;
    use plc_core::Seed;

    const CLIENT: [u8; 8] = *b"PLCDC001";
    const SERVER: [u8; 8] = *b"MTR00001";

    fn handshake() -> Handshake {
        Handshake {
            client_title: CLIENT,
            client_challenge: vec![7; 16],
            challenge: vec![9; 16],
            counter: Some(10),
        }
    }

    fn judge(hls: &Hls<'_>, value: &[u8]) -> Option<Proved> {
        proved(hls, &SERVER, &handshake(), value, Mark::Global(12))
    }

    /// Pass 3 as made by `prover` over `asked`.
    fn proof(hls: &Hls<'_>, prover: &[u8; 8], counter: u32, asked: &[u8], sent: &[u8]) -> Vec<u8> {
        octet_string(&hls.prove(&Passes { prover, verifier: &SERVER, asked, sent }, counter))
    }

    #[test]
    fn only_the_client_that_asked_proves_itself_and_only_over_our_challenge() {
        let (keys, other) =
            (SecurityContext::new(&[1; 16], &[2; 16]), SecurityContext::new(&[1; 16], &[3; 16]));
        let (secret, wrong) = (Secret::new(b"secret"), Secret::new(b"Secret"));
        let mut entropy = Seed::from_u64(5).stream();
        let pairs: [PrivateKey; 2] =
            core::array::from_fn(|_| PrivateKey::random(crate::security::Curve::P256, &mut entropy));
        let public = pairs.each_ref().map(PrivateKey::public_key);
        let hash = |hash, secret| Hls::Hash(hash, secret);
        for (right, stranger) in [
            (Hls::Gmac(&keys), Hls::Gmac(&other)),
            (hash(HashFunction::Md5, &secret), hash(HashFunction::Md5, &wrong)),
            (hash(HashFunction::Sha1, &secret), hash(HashFunction::Sha1, &wrong)),
            (hash(HashFunction::Sha256, &secret), hash(HashFunction::Sha256, &wrong)),
            (
                Hls::Ecdsa { own: &pairs[0], peer: &public[0] },
                Hls::Ecdsa { own: &pairs[1], peer: &public[0] },
            ),
        ] {
            let judge = |value: &[u8]| judge(&right, value).is_some();
            assert!(judge(&proof(&right, &CLIENT, 11, &[9; 16], &[7; 16])));
            assert!(!judge(&proof(&stranger, &CLIENT, 11, &[9; 16], &[7; 16])), "other keys");
            assert!(!judge(&proof(&right, &CLIENT, 11, &[7; 16], &[9; 16])), "our own proof come back");
            assert!(!judge(&[]) && !judge(&[9, 0]), "no proof at all");
            let title_matters = right.needs_titles();
            assert_eq!(judge(&proof(&right, &SERVER, 11, &[9; 16], &[7; 16])), !title_matters);
        }
    }

    #[test]
    fn a_proof_has_a_counter_of_its_own_above_that_of_the_aarq() {
        let keys = SecurityContext::new(&[1; 16], &[2; 16]);
        let hls = Hls::Gmac(&keys);
        let judge = |inner| judge(&hls, &proof(&hls, &CLIENT, inner, &[9; 16], &[7; 16]));
        assert_eq!([judge(9), judge(10), judge(12)], [None; 3]);
        assert_eq!([judge(11), judge(13)], [Some(Proved(Some(11))), Some(Proved(Some(13)))]);
    }
}
