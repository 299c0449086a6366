//! Judging AARQs, writing AAREs.

use super::guard::Guard;
use super::session::{Handshake, Terms};
use super::{AssociationConfig, ServerAuthentication, ServerConfig};
use crate::apdu::{
    Aare, Aarq, AssociationResult, Ciphered, Conformance, Diagnostic, Envelope, InitiateRequest,
    InitiateResponse, Mechanism, Pdu,
};
use crate::security::{
    Control, Demand, Heard, Mark, OpenFault, SPECIFIC, Secret, SecurityContext, SystemTitle, open, seal,
};
use crate::specs::{apdu_tag, association as names, initiate as specs, security};
use alloc::vec::Vec;

/// Why an AARQ was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The AARE says why.
    Diagnostic(Diagnostic),
    /// The user-information of the AARE says why.
    Initiate([u8; 4]),
    /// The AARE says why, with a diagnostic of the service provider.
    Provider(u8),
    /// A wrong password.
    Password,
    /// The counter was used before.
    Replay,
    /// The cipher text is not authentic.
    Unauthentic,
    /// It would not open.
    Unopened(OpenFault),
}

/// An AARQ that is as it should be.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) terms: Terms,
    /// Zeros where the client has not said it and need not.
    pub(super) client_title: SystemTitle,
    /// Empty without high level security.
    pub(super) client_challenge: Vec<u8>,
    /// Its counter, in a ciphered context.
    pub(super) counter: Option<u32>,
    pub(super) dedicated_key: Option<Secret>,
    /// Which user of the client it is, if it says so.
    pub(super) user_id: Option<u8>,
}

/// Judges an AARQ. In a ciphered context whoever has not the keys, or repeats what was sent before, gets no
/// further than this.
pub(super) fn judge(
    config: &ServerConfig,
    association: &AssociationConfig,
    guard: &Guard,
    aarq: &Aarq<'_>,
) -> Result<Judged, Refusal> {
    let authentication = &association.authentication;
    if !aarq.has_version_1() {
        return Err(Refusal::Provider(names::NO_COMMON_VERSION));
    }
    if authentication.pre_established().is_some() {
        // It is there already.
        return Err(Refusal::Diagnostic(Diagnostic::NoReasonGiven));
    }
    if aarq.context != authentication.context() {
        return Err(Refusal::Diagnostic(Diagnostic::ApplicationContextNameNotSupported));
    }
    check_mechanism(authentication.mechanism(), aarq.mechanism)?;
    let client_title = client_title(config, authentication, aarq)?;
    let client_challenge = client_challenge(authentication, aarq)?.to_vec();
    let opening = guard.keys_for_opening();
    let (counter, initiate) = match (&opening, aarq.user_information) {
        (None, plain) => (None, plain.ok_or(Refusal::Diagnostic(Diagnostic::NoReasonGiven))?.to_vec()),
        (Some((keys, heard)), sealed) => {
            let tag = apdu_tag::GLO_INITIATE_REQUEST;
            let sealed = sealed.ok_or(Refusal::Unauthentic)?;
            let (counter, plain) = open_initiate(keys, &client_title, heard, sealed, tag)?;
            (Some(counter), plain)
        }
    };
    check_password(authentication, aarq)?;
    let keys = opening.as_ref().map(|(keys, _)| &**keys);
    let (terms, dedicated_key) = settle(config, keys, &initiate)?;
    Ok(Judged { terms, client_title, client_challenge, counter, dedicated_key, user_id: aarq.user_id })
}

fn check_mechanism(due: Option<Mechanism>, named: Option<Mechanism>) -> Result<(), Refusal> {
    let diagnostic = match (due, named) {
        (None, None | Some(Mechanism::LOWEST)) => return Ok(()),
        (Some(due), Some(named)) if due == named => return Ok(()),
        (Some(_), None) => Diagnostic::AuthenticationMechanismNameRequired,
        _ => Diagnostic::AuthenticationMechanismNameNotRecognised,
    };
    Err(Refusal::Diagnostic(diagnostic))
}

/// The title of the client: not ours, and there wherever something is made with it.
fn client_title(
    config: &ServerConfig,
    authentication: &ServerAuthentication,
    aarq: &Aarq<'_>,
) -> Result<SystemTitle, Refusal> {
    let hls = authentication.hls(authentication.keys());
    let needed = authentication.keys().is_some() || hls.is_some_and(|hls| hls.needs_titles());
    match aarq.client_title.map(SystemTitle::try_from) {
        Some(Ok(title)) if title != config.server_title => Ok(title),
        None if !needed => Ok([0; 8]),
        // Nothing is made with it, so a strange one does no harm.
        Some(Err(_)) if !needed => Ok([0; 8]),
        _ => Err(Refusal::Diagnostic(Diagnostic::CallingApTitleNotRecognized)),
    }
}

/// The challenge of the client, of a lawful length, where there is to be one.
fn client_challenge<'a>(authentication: &ServerAuthentication, aarq: &Aarq<'a>) -> Result<&'a [u8], Refusal> {
    if authentication.hls(authentication.keys()).is_none() {
        return Ok(&[]);
    }
    let lawful = security::CHALLENGE_LEN_MIN..=security::CHALLENGE_LEN_MAX;
    let challenge = aarq.authentication_value.filter(|challenge| lawful.contains(&challenge.len()));
    challenge.ok_or(Refusal::Diagnostic(Diagnostic::AuthenticationFailure))
}

fn check_password(authentication: &ServerAuthentication, aarq: &Aarq<'_>) -> Result<(), Refusal> {
    match authentication {
        ServerAuthentication::Lls { password, .. } => {
            let given = aarq.authentication_value.unwrap_or_default();
            if password.is(given) { Ok(()) } else { Err(Refusal::Password) }
        }
        _ => Ok(()),
    }
}

/// Takes an initiate PDU out of the user-information of an AARQ or RLRQ.
pub(super) fn open_initiate(
    keys: &SecurityContext,
    title: &SystemTitle,
    heard: &Heard,
    sealed: &[u8],
    tag: u8,
) -> Result<(u32, Vec<u8>), Refusal> {
    let ciphered = Ciphered::from_bytes(sealed).map_err(|_| Refusal::Unauthentic)?;
    // Whatever the policy says, nobody is let in who has not shown a tag.
    let demanded = Demand::of_requests(keys).control.with(Control::AUTHENTICATED);
    if ciphered.envelope != Envelope::Specific(tag) {
        return Err(Refusal::Unauthentic);
    }
    // The tag first: see `End::open`.
    let plain = open(keys, demanded, title, &ciphered).map_err(Refusal::Unopened)?;
    if !heard.is_fresh(Mark::Global(ciphered.counter)) {
        return Err(Refusal::Replay);
    }
    Ok((ciphered.counter, plain))
}

fn settle(
    config: &ServerConfig,
    keys: Option<&SecurityContext>,
    initiate: &[u8],
) -> Result<(Terms, Option<Secret>), Refusal> {
    let refused = Refusal::Diagnostic(Diagnostic::NoReasonGiven);
    let request = InitiateRequest::from_bytes(initiate).map_err(|_| refused)?;
    // A dedicated key belongs to the suite of the other keys; without any it would be open to all.
    let key_len = keys.map_or(0, |keys| keys.suite().key_len());
    if request.dedicated_key.is_some_and(|key| key.is_empty() || key.len() != key_len) {
        return Err(refused);
    }
    if request.version < specs::VERSION {
        return Err(Refusal::Initiate(specs::ERROR_VERSION));
    }
    if (1..specs::CLIENT_MAX_PDU_MIN).contains(&request.max_pdu) {
        return Err(Refusal::Initiate(specs::ERROR_PDU_SIZE));
    }
    let client_max = if request.max_pdu == 0 { u16::MAX } else { request.max_pdu };
    let max_pdu = usize::from(client_max.min(server_max_pdu(config)));
    let terms = Terms::new(config, max_pdu, request.conformance);
    if terms.conformance == Conformance::default() {
        return Err(Refusal::Initiate(specs::ERROR_CONFORMANCE));
    }
    Ok((terms, request.dedicated_key.map(Secret::new)))
}

/// The largest APDU of the server; never too small for a block.
pub(super) fn server_max_pdu(config: &ServerConfig) -> u16 {
    config.max_pdu.max(specs::CLIENT_MAX_PDU_MIN)
}

/// What both can do, and the largest APDU of the server.
fn initiate_response(config: &ServerConfig, common: Conformance) -> Vec<u8> {
    InitiateResponse::new(common, server_max_pdu(config)).to_vec()
}

/// The initiate-response in its envelope.
pub(super) fn sealed_response(
    config: &ServerConfig,
    common: Conformance,
    keys: &SecurityContext,
    counter: u32,
) -> Vec<u8> {
    seal(keys, &config.server_title, counter, &initiate_response(config, common), SPECIFIC)
}

/// The AARE that opens an association, or asks the client to prove itself first. In a ciphered context
/// `counter` is that of the answer.
pub(super) fn accept(
    config: &ServerConfig,
    association: &AssociationConfig,
    common: Conformance,
    keys: Option<(&SecurityContext, u32)>,
    handshake: Option<&Handshake>,
) -> Vec<u8> {
    let initiate = match keys {
        None => initiate_response(config, common),
        Some((keys, counter)) => sealed_response(config, common, keys, counter),
    };
    let diagnostic = handshake.map_or(Diagnostic::Null, |_| Diagnostic::AuthenticationRequired);
    let titled = keys.is_some() || handshake.is_some();
    Aare {
        context: association.authentication.context(),
        result: AssociationResult::Accepted,
        diagnostic,
        from_provider: false,
        server_title: titled.then_some(&config.server_title),
        mechanism: association.authentication.mechanism(),
        authentication_value: handshake.map(|handshake| &handshake.challenge[..]),
        user_information: Some(&initiate),
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
    Aare {
        context: association.authentication.context(),
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

/// The AARE with which the service provider refuses.
pub(super) fn reject_as_provider(association: &AssociationConfig, diagnostic: u8) -> Vec<u8> {
    Aare {
        context: association.authentication.context(),
        result: AssociationResult::RejectedPermanent,
        diagnostic: Diagnostic::from_code(diagnostic),
        from_provider: true,
        server_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: None,
    }
    .to_vec()
}
