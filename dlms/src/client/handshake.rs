//! Opening and closing an association: what is sent, what is believed.

use super::{AareFault, ClientAuthentication, ClientConfig, ClientFailure};
use crate::apdu::{
    Aare, Aarq, ActionRequest, ActionResponse, ActionResult, AssociationResult, Ciphered, Conformance,
    Diagnostic, Envelope, InitiateRequest, InitiateResponse, InvokeId, Pdu, Rlrq,
};
use crate::axdr::{Data, Encoder};
use crate::cosem::MethodRequest;
use crate::security::{Demand, Passes, SPECIFIC, Secret, SecurityContext, SystemTitle, open, seal};
use crate::specs::security::{self as specs, CHALLENGE_LEN_SIGNED};
use crate::specs::{apdu_tag, classes, initiate as initiate_specs};
use alloc::vec::Vec;
use plc_core::seed::Stream;
use rand_core::Rng;

/// The secrets of one attempt to associate.
#[derive(Debug)]
pub(super) struct Handshake {
    challenge: Vec<u8>,
    server_challenge: Vec<u8>,
    server_title: SystemTitle,
    dedicated_key: Option<Secret>,
}

/// What an AARE has settled.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The title of the server; zeros where it has not said it and need not.
    pub(super) server_title: SystemTitle,
    /// The counter of its answer, in a ciphered context.
    pub(super) counter: Option<u32>,
    /// What the server says of itself.
    pub(super) initiate: InitiateResponse,
}

impl Handshake {
    pub(super) fn new(config: &ClientConfig, entropy: &mut Stream) -> Self {
        let mut octets = [0; CHALLENGE_LEN_SIGNED];
        entropy.fill_bytes(&mut octets);
        let len = config.authentication.hls().map_or(0, |hls| hls.challenge_len());
        let keys = config.authentication.keys().filter(|_| config.ciphering.is_dedicated());
        Self {
            challenge: octets[..len].to_vec(),
            server_challenge: Vec::new(),
            server_title: [0; 8],
            dedicated_key: keys.map(|keys| random_key(keys, entropy)),
        }
    }

    /// The context of the dedicated key, if the association is to have one.
    pub(super) fn dedicated(&self, config: &ClientConfig) -> Option<SecurityContext> {
        let (keys, key) = config.authentication.keys().zip(self.dedicated_key.as_ref())?;
        keys.clone().with_unicast_key(key.octets()).ok()
    }

    /// The AARQ. A repetition has the same challenge and a new counter.
    pub(super) fn aarq(&self, config: &ClientConfig, counter: u32) -> Vec<u8> {
        let authentication = &config.authentication;
        let dedicated_key = self.dedicated_key.as_ref().map(Secret::octets);
        let initiate = InitiateRequest::new(Conformance::OURS, config.max_receive_pdu);
        let initiate = InitiateRequest { dedicated_key, ..initiate }.to_vec();
        let initiate = match authentication.keys() {
            None => initiate,
            Some(keys) => seal(keys, &config.client_title, counter, &initiate, SPECIFIC),
        };
        let value = match authentication {
            ClientAuthentication::None | ClientAuthentication::PreEstablished { .. } => None,
            ClientAuthentication::Lls { password, .. } => Some(password.octets()),
            _ => Some(&self.challenge[..]),
        };
        let titled = authentication.keys().is_some() || authentication.hls().is_some();
        Aarq {
            user_id: None,
            protocol_version: None,
            context: authentication.context(),
            client_title: titled.then_some(&config.client_title),
            mechanism: authentication.mechanism(),
            authentication_value: value,
            user_information: Some(&initiate),
        }
        .to_vec()
    }

    /// Checks an AARE; `Err` says why it is not the answer that was hoped for.
    pub(super) fn on_aare(
        &mut self,
        config: &ClientConfig,
        aare: &Aare<'_>,
    ) -> Result<Accepted, ClientFailure> {
        if aare.result != AssociationResult::Accepted {
            return Err(if aare.from_provider {
                ClientFailure::RejectedByProvider(aare.result, aare.diagnostic.code())
            } else {
                ClientFailure::Rejected(aare.result, aare.diagnostic)
            });
        }
        let authentication = &config.authentication;
        check_terms(authentication, aare).map_err(ClientFailure::Aare)?;
        let server_title = self.server_title(config, aare)?;
        if authentication.hls().is_some() {
            self.check_challenge(config, aare)?;
        }
        let information = aare.user_information.ok_or(ClientFailure::Aare(AareFault::NoUserInformation))?;
        let (counter, initiate) = match authentication.keys() {
            None => (None, information.to_vec()),
            Some(keys) => open_initiate(keys, &server_title, information)?,
        };
        let initiate = settled(&initiate).map_err(ClientFailure::Aare)?;
        self.server_challenge = aare.authentication_value.unwrap_or_default().to_vec();
        self.server_title = server_title;
        Ok(Accepted { server_title, counter, initiate })
    }

    /// The title of the server, which is not ours, and must be there wherever something is made with it.
    fn server_title(&self, config: &ClientConfig, aare: &Aare<'_>) -> Result<SystemTitle, ClientFailure> {
        let authentication = &config.authentication;
        let needed =
            authentication.keys().is_some() || authentication.hls().is_some_and(|hls| hls.needs_titles());
        match aare.server_title.map(SystemTitle::try_from) {
            Some(Ok(title)) if title != config.client_title => Ok(title),
            None if !needed => Ok([0; 8]),
            _ => Err(ClientFailure::Authentication),
        }
    }

    /// The mechanism that was asked for, and a challenge that is lawful and not our own come back.
    fn check_challenge(&self, config: &ClientConfig, aare: &Aare<'_>) -> Result<(), ClientFailure> {
        let challenge = aare.authentication_value.ok_or(ClientFailure::Authentication)?;
        let lawful = (specs::CHALLENGE_LEN_MIN..=specs::CHALLENGE_LEN_MAX).contains(&challenge.len());
        let asked = aare.mechanism == config.authentication.mechanism();
        if lawful && asked && challenge != self.challenge {
            Ok(())
        } else {
            Err(ClientFailure::Authentication)
        }
    }

    /// Pass 3: reply_to_HLS_authentication with the proof over the challenge of the server.
    pub(super) fn pass_3(&self, config: &ClientConfig, counter: u32, number: u8) -> Option<Vec<u8>> {
        let passes = Passes {
            prover: &config.client_title,
            verifier: &self.server_title,
            asked: &self.server_challenge,
            sent: &self.challenge,
        };
        let parameter = octet_string(&config.authentication.hls()?.prove(&passes, counter));
        let invoke_id = InvokeId::confirmed(number);
        Some(ActionRequest { invoke_id, method: REPLY_TO_HLS, parameter: Some(&parameter) }.to_vec())
    }

    /// Pass 4: whether the server has proved that it knows the keys.
    pub(super) fn is_proved(&self, config: &ClientConfig, response: &ActionResponse<'_>) -> bool {
        let passes = Passes {
            prover: &self.server_title,
            verifier: &config.client_title,
            asked: &self.challenge,
            sent: &self.server_challenge,
        };
        let returned = response.returned.and_then(Result::ok);
        let proof = returned.and_then(octets_in);
        let hls = config.authentication.hls();
        response.result == ActionResult::Success
            && hls.zip(proof).is_some_and(|(hls, proof)| hls.verify(&passes, proof).is_some())
    }
}

/// The application context that was proposed, and no proof asked of a client that has none.
fn check_terms(authentication: &ClientAuthentication, aare: &Aare<'_>) -> Result<(), AareFault> {
    let (came, expected) = (aare.context, authentication.context());
    if came != expected {
        return Err(AareFault::Context { came, expected });
    }
    if authentication.hls().is_none() && aare.diagnostic == Diagnostic::AuthenticationRequired {
        return Err(AareFault::AuthenticationRequired);
    }
    Ok(())
}

/// What the server can do of what was proposed \[GB 9.4.6.1\].
fn settled(initiate: &[u8]) -> Result<InitiateResponse, AareFault> {
    let initiate = InitiateResponse::from_bytes(initiate).map_err(AareFault::Initiate)?;
    let more = Conformance(initiate.conformance.0 & !Conformance::OURS.0);
    if initiate.version != initiate_specs::VERSION {
        Err(AareFault::Version(initiate.version))
    } else if initiate.vaa_name != initiate_specs::VAA_NAME_LN {
        Err(AareFault::VaaName(initiate.vaa_name))
    } else if more != Conformance::default() {
        Err(AareFault::Conformance(more))
    } else {
        Ok(initiate)
    }
}

/// reply_to_HLS_authentication of the current association.
pub(crate) const REPLY_TO_HLS: MethodRequest = MethodRequest {
    class_id: classes::ASSOCIATION_LN,
    logical_name: classes::CURRENT_ASSOCIATION,
    method: 1,
};

/// An encoded octet-string: how proofs travel.
pub(crate) fn octet_string(octets: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    Encoder::new(&mut value, octets.len() + 4).octet_string(octets);
    value
}

/// The octets of an encoded octet-string.
pub(crate) fn octets_in(value: &[u8]) -> Option<&[u8]> {
    match Data::from_bytes(value) {
        Ok(Data::OctetString(octets)) => Some(octets),
        _ => None,
    }
}

/// The initiate-response in its envelope, and the counter of that.
fn open_initiate(
    keys: &SecurityContext,
    title: &SystemTitle,
    information: &[u8],
) -> Result<(Option<u32>, Vec<u8>), ClientFailure> {
    const REFUSED: ClientFailure = ClientFailure::Authentication;
    let ciphered = Ciphered::from_bytes(information).map_err(|_| REFUSED)?;
    if ciphered.envelope != Envelope::Specific(apdu_tag::GLO_INITIATE_RESPONSE) {
        return Err(REFUSED);
    }
    let demanded = Demand::of_responses(keys).control;
    let plain = open(keys, demanded, title, &ciphered).map_err(|_| REFUSED)?;
    Ok((Some(ciphered.counter), plain))
}

fn random_key(keys: &SecurityContext, entropy: &mut Stream) -> Secret {
    let mut octets = zeroize::Zeroizing::new([0; specs::KEY_LEN_LONG]);
    let octets = &mut octets[..keys.suite().key_len()];
    entropy.fill_bytes(octets);
    Secret::new(octets)
}

/// The RLRQ, ciphered in a ciphered context.
pub(super) fn rlrq(config: &ClientConfig, counter: u32) -> Vec<u8> {
    let initiate = InitiateRequest::new(Conformance::OURS, config.max_receive_pdu).to_vec();
    let keys = config.authentication.keys();
    let sealed = keys.map(|keys| seal(keys, &config.client_title, counter, &initiate, SPECIFIC));
    Rlrq { reason: Some(0), user_information: sealed.as_deref() }.to_vec()
}
