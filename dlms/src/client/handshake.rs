//! Opening and closing an association: what is sent, what is believed.

use super::{ClientAuthentication, ClientConfig, ClientFailure};
use crate::apdu::{
    Aare, Aarq, ActionRequest, ActionResponse, ActionResult, ApplicationContext, AssociationResult, Ciphered,
    Conformance, Envelope, InitiateRequest, InitiateResponse, InvokeId, Mechanism, Pdu, Rlrq,
};
use crate::axdr::{Data, Encoder};
use crate::cosem::MethodRequest;
use crate::security::{Control, SPECIFIC, Suite0, SystemTitle, open, seal};
use crate::specs::security::{self as specs, CHALLENGE_LEN, PROOF_LEN};
use crate::specs::{apdu_tag, classes};
use alloc::vec::Vec;

/// The secrets of one attempt to associate.
#[derive(Debug)]
pub(super) struct Handshake {
    challenge: [u8; CHALLENGE_LEN],
    server_challenge: Vec<u8>,
}

/// What an AARE has settled.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The title of the server and the counter of its answer, in a ciphered context.
    pub(super) proof: Option<(SystemTitle, u32)>,
    /// What the server says of itself.
    pub(super) initiate: InitiateResponse,
}

impl Handshake {
    pub(super) const fn new(challenge: [u8; CHALLENGE_LEN]) -> Self {
        Self { challenge, server_challenge: Vec::new() }
    }

    /// The AARQ. A repetition has the same challenge and a new counter.
    pub(super) fn aarq(&self, config: &ClientConfig, counter: u32) -> Vec<u8> {
        let initiate = InitiateRequest::new(Conformance::OURS, config.max_receive_pdu).to_vec();
        match &config.authentication {
            ClientAuthentication::None => Aarq {
                context: ApplicationContext::LOGICAL_NAMES,
                client_title: None,
                mechanism: None,
                authentication_value: None,
                user_information: Some(&initiate),
            }
            .to_vec(),
            ClientAuthentication::HlsGmac { keys } => Aarq {
                context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
                client_title: Some(&config.client_title),
                mechanism: Some(Mechanism::HIGH_GMAC),
                authentication_value: Some(&self.challenge),
                user_information: Some(&seal(keys, &config.client_title, counter, &initiate, SPECIFIC)),
            }
            .to_vec(),
        }
    }

    /// Checks an AARE; `Err` says why it is not the answer that was hoped for.
    pub(super) fn on_aare(
        &mut self,
        config: &ClientConfig,
        aare: &Aare<'_>,
    ) -> Result<Accepted, ClientFailure> {
        if aare.result != AssociationResult::Accepted {
            return Err(ClientFailure::Rejected(aare.result, aare.diagnostic));
        }
        match &config.authentication {
            ClientAuthentication::None => {
                let plain = aare.user_information.ok_or(ClientFailure::Protocol)?;
                let initiate = InitiateResponse::from_bytes(plain).map_err(|_| ClientFailure::Protocol)?;
                Ok(Accepted { proof: None, initiate })
            }
            ClientAuthentication::HlsGmac { keys } => self.on_ciphered_aare(keys, config, aare),
        }
    }

    fn on_ciphered_aare(
        &mut self,
        keys: &Suite0,
        config: &ClientConfig,
        aare: &Aare<'_>,
    ) -> Result<Accepted, ClientFailure> {
        const REFUSED: ClientFailure = ClientFailure::Authentication;
        let title: SystemTitle = aare.server_title.and_then(|title| title.try_into().ok()).ok_or(REFUSED)?;
        let challenge = aare.authentication_value.ok_or(REFUSED)?;
        let lawful = (specs::CHALLENGE_LEN_MIN..=specs::CHALLENGE_LEN_MAX).contains(&challenge.len());
        let ours = title == config.client_title || challenge == self.challenge;
        let hls = aare.mechanism == Some(Mechanism::HIGH_GMAC)
            && aare.context == ApplicationContext::LOGICAL_NAMES_CIPHERED;
        if !lawful || ours || !hls {
            return Err(REFUSED);
        }
        let ciphered = Ciphered::from_bytes(aare.user_information.ok_or(REFUSED)?).map_err(|_| REFUSED)?;
        if ciphered.envelope != Envelope::Specific(apdu_tag::GLO_INITIATE_RESPONSE) {
            return Err(REFUSED);
        }
        let plain = open(keys, &title, &ciphered).map_err(|_| REFUSED)?;
        let initiate = InitiateResponse::from_bytes(&plain).map_err(|_| REFUSED)?;
        self.server_challenge = challenge.to_vec();
        Ok(Accepted { proof: Some((title, ciphered.counter)), initiate })
    }

    /// Pass 3: reply_to_HLS_authentication with the proof over the challenge of the server.
    pub(super) fn pass_3(&self, keys: &Suite0, title: &SystemTitle, counter: u32, number: u8) -> Vec<u8> {
        let parameter = proof(keys, title, counter, &self.server_challenge);
        let invoke_id = InvokeId::confirmed(number);
        ActionRequest { invoke_id, method: REPLY_TO_HLS, parameter: Some(&parameter) }.to_vec()
    }

    /// Pass 4: whether the server has proved that it knows the keys.
    pub(super) fn is_proved(
        &self,
        keys: &Suite0,
        server: &SystemTitle,
        response: &ActionResponse<'_>,
    ) -> bool {
        let returned = response.returned.and_then(Result::ok);
        response.result == ActionResult::Success
            && returned.is_some_and(|value| verify(keys, server, value, &self.challenge).is_some())
    }
}

/// reply_to_HLS_authentication of the current association.
pub(crate) const REPLY_TO_HLS: MethodRequest = MethodRequest {
    class_id: classes::ASSOCIATION_LN,
    logical_name: classes::CURRENT_ASSOCIATION,
    method: 1,
};

/// f(challenge): an octet-string of SC, counter and tag \[GB 9.2.7.4\].
pub(crate) fn proof(keys: &Suite0, title: &SystemTitle, counter: u32, challenge: &[u8]) -> Vec<u8> {
    let mut octets = [Control::AUTHENTICATED.0; PROOF_LEN];
    octets[1..5].copy_from_slice(&counter.to_be_bytes());
    octets[5..].copy_from_slice(&keys.gmac(title, counter, challenge));
    let mut value = Vec::new();
    Encoder::new(&mut value, PROOF_LEN + 2).octet_string(&octets);
    value
}

/// Checks f(challenge) as made by `title`; returns its counter.
pub(crate) fn verify(keys: &Suite0, title: &SystemTitle, value: &[u8], challenge: &[u8]) -> Option<u32> {
    let Ok(Data::OctetString(octets)) = Data::from_bytes(value) else { return None };
    let octets: &[u8; PROOF_LEN] = octets.try_into().ok()?;
    let [control, c0, c1, c2, c3, tag @ ..] = octets;
    let counter = u32::from_be_bytes([*c0, *c1, *c2, *c3]);
    let right =
        *control == Control::AUTHENTICATED.0 && keys.verify_gmac(title, counter, challenge, tag).is_ok();
    right.then_some(counter)
}

/// The RLRQ, ciphered in a ciphered context.
pub(super) fn rlrq(config: &ClientConfig, counter: u32) -> Vec<u8> {
    let initiate = InitiateRequest::new(Conformance::OURS, config.max_receive_pdu).to_vec();
    let sealed = match &config.authentication {
        ClientAuthentication::None => None,
        ClientAuthentication::HlsGmac { keys } => {
            Some(seal(keys, &config.client_title, counter, &initiate, SPECIFIC))
        }
    };
    Rlrq { reason: Some(0), user_information: sealed.as_deref() }.to_vec()
}
