//! The methods of security setup: each change is durable before its answer is sent.

use super::caller::Caller;
use super::restore::{with_certificate, with_private, without_certificate};
use super::services;
use super::{Access, ServerPersist};
use crate::apdu::{ActionRequest, ActionResponse, ActionResult, Pdu};
use crate::axdr::{Data, Encoder};
use crate::classes::security_setup::{checked_point, pairs, parse_pairs, signed_point, use_from_code};
use crate::security::{
    Certificate, CertificateFault, KeyId, KeyUse, PrivateKey, Secret, SecurityContext, SecurityPolicy,
    certificate_request, derive_key, unwrap_key,
};
use crate::specs::classes;
use crate::specs::security_setup::{self as specs, CERTIFICATES_MAX, entity, identification};
use alloc::sync::Arc;
use alloc::vec::Vec;
use plc_core::Utc;

/// Serves one action on the security setup of a ciphered association.
pub(super) struct Setup<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
    pub(super) keys: &'c SecurityContext,
    /// Civil time, where the meter knows it.
    pub(super) utc: Option<Utc>,
}

/// The request, if it is one to the security setup.
pub(super) fn request(apdu: &[u8]) -> Option<ActionRequest<'_>> {
    let ours = |request: &ActionRequest<'_>| {
        (request.method.class_id, request.method.logical_name)
            == (classes::SECURITY_SETUP, classes::SECURITY_SETUP_NAME)
    };
    ActionRequest::from_bytes(apdu).ok().filter(ours)
}

/// What a method returns: an encoded value or nothing.
type Returned = Result<Option<Vec<u8>>, ActionResult>;

/// Unicast, broadcast, authentication and master key.
const KEYS_MAX: usize = 4;
const REFUSED: ActionResult = ActionResult::OtherReason;
const MISTYPED: ActionResult = ActionResult::TypeUnmatched;

impl Setup<'_, '_> {
    /// The whole action-response.
    pub(super) fn on_action(&mut self, request: &ActionRequest<'_>) -> Vec<u8> {
        let invoke_id = request.invoke_id;
        match self.invoke(request) {
            Ok(value) => {
                let (result, returned) = (ActionResult::Success, value.as_deref().map(Ok));
                ActionResponse { invoke_id, result, returned }.to_vec()
            }
            Err(result) => services::action_failed(invoke_id, result),
        }
    }

    fn invoke(&mut self, request: &ActionRequest<'_>) -> Returned {
        if self.caller.association.access != Access::Management {
            return Err(ActionResult::ReadWriteDenied);
        }
        let parameter = request.parameter.ok_or(MISTYPED)?;
        let parameter = Data::from_bytes(parameter).map_err(|_| MISTYPED)?;
        match request.method.method {
            specs::ACTIVATE => self.on_activate(&parameter),
            specs::KEY_TRANSFER => self.on_key_transfer(&parameter),
            specs::KEY_AGREEMENT => self.on_key_agreement(&parameter),
            specs::GENERATE_KEY_PAIR => self.on_generate(&parameter),
            specs::GENERATE_REQUEST => self.on_certificate_request(&parameter),
            specs::IMPORT => self.on_import(&parameter),
            specs::EXPORT => self.certificate(&parameter).map(|held| Some(octets(held.der()))),
            specs::REMOVE => self.on_remove(&parameter),
            _ => Err(ActionResult::ReadWriteDenied),
        }
    }

    /// A policy may demand more than before, and nothing that cannot be kept.
    fn on_activate(&mut self, parameter: &Data<'_>) -> Returned {
        let Data::Enum(policy) = *parameter else { return Err(MISTYPED) };
        let policy = SecurityPolicy(policy);
        if !policy.is_known() || !policy.is_at_least(self.present().policy()) {
            return Err(REFUSED);
        }
        let present = self.present();
        let pairs = present.key_pairs();
        let signable = pairs.signing.is_some() && pairs.peer_signing.is_some();
        if policy.is_signed() != (false, false) && !signable {
            return Err(REFUSED);
        }
        self.caller.voice.persist(ServerPersist::Policy { client_sap: self.client_sap(), policy });
        let guard = &mut self.caller.guard;
        for keys in [&mut guard.keys, &mut guard.renewed].into_iter().flatten() {
            *keys = Arc::new((**keys).clone().with_policy(policy));
        }
        Ok(None)
    }

    /// All keys or none.
    fn on_key_transfer(&mut self, parameter: &Data<'_>) -> Returned {
        let list = key_list(parameter)?;
        let present = self.present();
        let master = present.master_key().ok_or(REFUSED)?;
        let mut keys = Vec::new();
        for (code, wrapped) in list {
            let id = KeyId::from_code(code).ok_or(REFUSED)?;
            keys.push((id, unwrap_key(master, wrapped).map_err(|_| REFUSED)?));
        }
        self.renew(&keys)?;
        Ok(None)
    }

    /// C(2e, 0s): an ephemeral key of each end, signed; party U is the client.
    fn on_key_agreement(&mut self, parameter: &Data<'_>) -> Returned {
        let list = key_list(parameter)?;
        let present = self.present();
        let known = present.key_pairs();
        let (signing, peer) = known.signing.as_ref().zip(known.peer_signing.as_ref()).ok_or(REFUSED)?;
        let client = self.caller.channel().ok_or(REFUSED)?.client_title;
        let (server, suite) = (self.caller.config.server_title, present.suite());
        let curve = suite.curve().ok_or(REFUSED)?;
        let (mut keys, mut answers) = (Vec::new(), Vec::new());
        for (code, data) in list {
            let id = KeyId::from_code(code).ok_or(REFUSED)?;
            let point = checked_point(id, data, peer).ok_or(REFUSED)?;
            let ephemeral = PrivateKey::random(curve, &mut self.caller.voice.entropy);
            let z = ephemeral.agree(&point).map_err(|_| REFUSED)?;
            keys.push((id, derive_key(suite, &z, &client, &server, present.interop().kdf_parties)));
            answers.push((code, signed_point(id, &ephemeral.public_key(), signing)));
        }
        self.renew(&keys)?;
        Ok(Some(pairs(&answers)))
    }

    /// Keys for the next association. A key that is there already is no new key: counters that begin
    /// anew under it would give it away.
    fn renew(&mut self, keys: &[(KeyId, Secret)]) -> Result<(), ActionResult> {
        let mut renewed = (*self.present()).clone();
        for (id, key) in keys {
            let used = self.keys.has_key(*id, key) || renewed.has_key(*id, key);
            if used {
                return Err(REFUSED);
            }
            renewed = renewed.with_key(*id, key.octets()).map_err(|_| REFUSED)?;
        }
        let client_sap = self.client_sap();
        for (id, key) in keys {
            let record = ServerPersist::Key { client_sap, id: *id, key: key.clone() };
            self.caller.voice.persist(record);
        }
        self.caller.guard.renew(renewed, keys.iter().any(|(id, _)| *id == KeyId::Unicast));
        Ok(())
    }

    fn on_generate(&mut self, parameter: &Data<'_>) -> Returned {
        let key_use = key_use(parameter)?;
        let curve = self.present().suite().curve().ok_or(REFUSED)?;
        let private = PrivateKey::random(curve, &mut self.caller.voice.entropy);
        let renewed = with_private(&self.present(), key_use, &private);
        self.caller.voice.persist(ServerPersist::KeyPair { client_sap: self.client_sap(), key_use, private });
        self.caller.guard.renew(renewed, false);
        Ok(None)
    }

    fn on_certificate_request(&mut self, parameter: &Data<'_>) -> Returned {
        let present = self.present();
        let private = match key_use(parameter)? {
            KeyUse::Signature => present.key_pairs().signing.as_ref(),
            KeyUse::Agreement => present.key_pairs().agreement.as_ref(),
        };
        let request = certificate_request(&self.caller.config.server_title, private.ok_or(REFUSED)?);
        request.map(|der| Some(octets(&der))).ok_or(REFUSED)
    }

    fn on_import(&mut self, parameter: &Data<'_>) -> Returned {
        let Data::OctetString(der) = parameter else { return Err(MISTYPED) };
        let certificate = Certificate::from_der(der).map_err(|_| REFUSED)?;
        self.check_certificate(&certificate).map_err(|_| REFUSED)?;
        let present = self.present();
        let renewed = with_certificate(&present, &certificate, &self.caller.config.server_title);
        if renewed.certificates().len() > CERTIFICATES_MAX {
            return Err(REFUSED);
        }
        let client_sap = self.client_sap();
        self.caller.voice.persist(ServerPersist::Certificate { client_sap, certificate });
        self.caller.guard.renew(renewed, false);
        Ok(None)
    }

    /// Signed by the authority, valid now, and of the key of this server or of the client of this
    /// association.
    fn check_certificate(&mut self, certificate: &Certificate) -> Result<(), CertificateFault> {
        let present = self.present();
        let pairs = present.key_pairs();
        let authority = pairs.authority.as_ref().ok_or(CertificateFault::Signature)?;
        certificate.verify(authority, self.utc.ok_or(CertificateFault::Expired)?)?;
        let own = match certificate.key_use() {
            KeyUse::Signature => pairs.signing.as_ref(),
            KeyUse::Agreement => pairs.agreement.as_ref(),
        };
        let client = self.caller.channel().map(|channel| channel.client_title);
        let right = if *certificate.title() == self.caller.config.server_title {
            own.is_some_and(|own| own.public_key() == *certificate.key())
        } else {
            client == Some(*certificate.title())
        };
        let suited = present.suite().curve() == Some(certificate.key().curve());
        if right && suited { Ok(()) } else { Err(CertificateFault::Subject) }
    }

    fn on_remove(&mut self, parameter: &Data<'_>) -> Returned {
        let certificate = self.certificate(parameter)?;
        let renewed = without_certificate(&self.present(), &certificate, &self.caller.config.server_title);
        let client_sap = self.client_sap();
        self.caller.voice.persist(ServerPersist::CertificateRemoved { client_sap, certificate });
        self.caller.guard.renew(renewed, false);
        Ok(None)
    }

    /// The certificate that is meant.
    fn certificate(&self, parameter: &Data<'_>) -> Result<Certificate, ActionResult> {
        let [Data::Enum(kind), Data::Structure(identification)] =
            parameter.as_structure().and_then(|fields| fields.exactly()).ok_or(MISTYPED)?
        else {
            return Err(MISTYPED);
        };
        let server = self.caller.config.server_title;
        let is_meant = |held: &Certificate| match kind {
            identification::BY_ENTITY => match identification.exactly() {
                Some([Data::Enum(entity), Data::Enum(code), Data::OctetString(title)]) => {
                    let of_server = *held.title() == server;
                    entity == if of_server { entity::SERVER } else { entity::CLIENT }
                        && use_from_code(code) == Some(held.key_use())
                        && title == held.title()
                }
                _ => false,
            },
            identification::BY_SERIAL => match identification.exactly() {
                Some([Data::OctetString(serial), Data::OctetString(issuer)]) => {
                    serial == held.serial() && issuer == held.issuer().as_bytes()
                }
                _ => false,
            },
            _ => false,
        };
        let present = self.present();
        present
            .certificates()
            .iter()
            .find(|held| is_meant(held))
            .cloned()
            .ok_or(ActionResult::ObjectUndefined)
    }

    /// The context that changes build on: the one of the next association.
    fn present(&self) -> Arc<SecurityContext> {
        let guard = &self.caller.guard;
        let present = guard.renewed.as_ref().or(guard.keys.as_ref());
        present.cloned().unwrap_or_else(|| Arc::new(self.keys.clone()))
    }

    const fn client_sap(&self) -> u16 {
        self.caller.association.client_sap
    }
}

/// One element for each key at most.
fn key_list<'a>(parameter: &Data<'a>) -> Result<Vec<(u8, &'a [u8])>, ActionResult> {
    let list = parse_pairs(parameter).ok_or(MISTYPED)?;
    if (1..=KEYS_MAX).contains(&list.len()) { Ok(list) } else { Err(REFUSED) }
}

fn key_use(parameter: &Data<'_>) -> Result<KeyUse, ActionResult> {
    match *parameter {
        Data::Enum(code) => use_from_code(code).ok_or(REFUSED),
        _ => Err(MISTYPED),
    }
}

fn octets(octets: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    Encoder::new(&mut value, usize::MAX).octet_string(octets);
    value
}
