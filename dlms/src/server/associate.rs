//! Judging AARQs, writing AAREs.

use super::session::{Handshake, Terms};
use super::{AssociationConfig, ServerAuthentication, ServerConfig};
use crate::apdu::{
    Aare, Aarq, ApplicationContext, AssociationResult, Ciphered, Conformance, Diagnostic, Envelope,
    InitiateRequest, InitiateResponse, Mechanism, Pdu,
};
use crate::invocation::ReceiveCounter;
use crate::security::{OpenFault, SPECIFIC, Suite0, SystemTitle, open, seal};
use crate::specs::{apdu_tag, initiate as specs, security};
use alloc::vec::Vec;

/// Why an AARQ was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The AARE says why.
    Diagnostic(Diagnostic),
    /// The user-information of the AARE says why.
    Initiate([u8; 4]),
    /// The counter was used before.
    Replay,
    /// The cipher text is not authentic.
    Unauthentic,
}

/// An authentic AARQ.
#[derive(Debug)]
pub(super) struct Authentic {
    pub(super) terms: Terms,
    pub(super) client_title: SystemTitle,
    pub(super) client_challenge: Vec<u8>,
    pub(super) counter: u32,
}

/// Judges an AARQ without security.
pub(super) fn judge_plain(config: &ServerConfig, aarq: &Aarq<'_>) -> Result<Terms, Refusal> {
    if aarq.context != ApplicationContext::LOGICAL_NAMES {
        return Err(Refusal::Diagnostic(Diagnostic::ApplicationContextNameNotSupported));
    }
    if aarq.mechanism.is_some_and(|mechanism| mechanism != Mechanism::LOWEST) {
        return Err(Refusal::Diagnostic(Diagnostic::MechanismNameNotRecognised));
    }
    let plain = aarq.user_information.ok_or(Refusal::Diagnostic(Diagnostic::NoReasonGiven))?;
    settle(config, plain)
}

/// Judges an AARQ of an association with high level security; whoever has not the keys, or repeats what
/// was sent before, gets no further than this.
pub(super) fn judge_hls(
    config: &ServerConfig,
    keys: &Suite0,
    receive: &ReceiveCounter,
    aarq: &Aarq<'_>,
) -> Result<Authentic, Refusal> {
    let refuse = |diagnostic| Err(Refusal::Diagnostic(diagnostic));
    if aarq.context != ApplicationContext::LOGICAL_NAMES_CIPHERED {
        return refuse(Diagnostic::ApplicationContextNameNotSupported);
    }
    if aarq.mechanism != Some(Mechanism::HIGH_GMAC) {
        return refuse(Diagnostic::MechanismNameNotRecognised);
    }
    let title = aarq.client_title.and_then(|title| SystemTitle::try_from(title).ok());
    let Some(client_title) = title.filter(|title| *title != config.server_title) else {
        return refuse(Diagnostic::CallingApTitleNotRecognized);
    };
    let lawful = security::CHALLENGE_LEN_MIN..=security::CHALLENGE_LEN_MAX;
    let Some(challenge) = aarq.authentication_value.filter(|challenge| lawful.contains(&challenge.len()))
    else {
        return refuse(Diagnostic::AuthenticationFailure);
    };
    let sealed = aarq.user_information.ok_or(Refusal::Unauthentic)?;
    let (counter, plain) =
        open_initiate(keys, &client_title, receive, sealed, apdu_tag::GLO_INITIATE_REQUEST)?;
    let terms = settle(config, &plain)?;
    Ok(Authentic { terms, client_title, client_challenge: challenge.to_vec(), counter })
}

/// Takes an initiate PDU out of the user-information of an AARQ or RLRQ.
pub(super) fn open_initiate(
    keys: &Suite0,
    title: &SystemTitle,
    receive: &ReceiveCounter,
    sealed: &[u8],
    tag: u8,
) -> Result<(u32, Vec<u8>), Refusal> {
    let ciphered = Ciphered::from_bytes(sealed).map_err(|_| Refusal::Unauthentic)?;
    if ciphered.envelope != Envelope::Specific(tag) {
        return Err(Refusal::Unauthentic);
    }
    if !receive.is_fresh(ciphered.counter) {
        return Err(Refusal::Replay);
    }
    let plain = open(keys, title, &ciphered).map_err(|_: OpenFault| Refusal::Unauthentic)?;
    Ok((ciphered.counter, plain))
}

fn settle(config: &ServerConfig, initiate: &[u8]) -> Result<Terms, Refusal> {
    let refused = Refusal::Diagnostic(Diagnostic::NoReasonGiven);
    let request = InitiateRequest::from_bytes(initiate).map_err(|_| refused)?;
    if request.dedicated_key.is_some() {
        return Err(refused);
    }
    if request.version != specs::VERSION {
        return Err(Refusal::Initiate(specs::ERROR_VERSION));
    }
    if (1..specs::CLIENT_MAX_PDU_MIN).contains(&request.max_pdu) {
        return Err(Refusal::Initiate(specs::ERROR_PDU_SIZE));
    }
    let client_max = if request.max_pdu == 0 { u16::MAX } else { request.max_pdu };
    let max_pdu = usize::from(client_max.min(server_max_pdu(config)));
    Ok(Terms::new(config, max_pdu, request.conformance))
}

/// The largest APDU of the server; never too small for a block.
pub(super) fn server_max_pdu(config: &ServerConfig) -> u16 {
    config.max_pdu.max(specs::CLIENT_MAX_PDU_MIN)
}

fn initiate_response(config: &ServerConfig) -> Vec<u8> {
    InitiateResponse::new(Conformance::OURS, server_max_pdu(config)).to_vec()
}

/// The initiate-response in its envelope.
pub(super) fn sealed_response(config: &ServerConfig, keys: &Suite0, counter: u32) -> Vec<u8> {
    seal(keys, &config.server_title, counter, &initiate_response(config), SPECIFIC)
}

/// The AARE that opens an association without security.
pub(super) fn accept_plain(config: &ServerConfig) -> Vec<u8> {
    Aare {
        context: ApplicationContext::LOGICAL_NAMES,
        result: AssociationResult::Accepted,
        diagnostic: Diagnostic::Null,
        from_provider: false,
        server_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate_response(config)),
    }
    .to_vec()
}

/// The AARE that asks the client to prove itself.
pub(super) fn accept_hls(
    config: &ServerConfig,
    keys: &Suite0,
    handshake: &Handshake,
    counter: u32,
) -> Vec<u8> {
    Aare {
        context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
        result: AssociationResult::Accepted,
        diagnostic: Diagnostic::AuthenticationRequired,
        from_provider: false,
        server_title: Some(&config.server_title),
        mechanism: Some(Mechanism::HIGH_GMAC),
        authentication_value: Some(&handshake.challenge),
        user_information: Some(&sealed_response(config, keys, counter)),
    }
    .to_vec()
}

/// The AARE that refuses.
pub(super) fn reject(
    association: &AssociationConfig,
    result: AssociationResult,
    diagnostic: Diagnostic,
    error: Option<&[u8]>,
) -> Vec<u8> {
    let context = match association.authentication {
        ServerAuthentication::None => ApplicationContext::LOGICAL_NAMES,
        ServerAuthentication::HlsGmac { .. } => ApplicationContext::LOGICAL_NAMES_CIPHERED,
    };
    Aare {
        context,
        result,
        diagnostic,
        from_provider: false,
        server_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: error,
    }
    .to_vec()
}
