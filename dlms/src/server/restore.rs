//! Records of an earlier life, put back into the configuration of the next one.

use super::{ServerConfig, ServerPersist};
use crate::security::{Certificate, KeyId, KeyUse, PrivateKey, SecurityContext};
use alloc::vec::Vec;

impl ServerConfig {
    /// Puts a record back, in the order in which the records were persisted. Records of clients that have
    /// no association any more change nothing; returns whether something was changed.
    pub fn restore(&mut self, record: &ServerPersist) -> bool {
        match record {
            ServerPersist::SendCounter { reserved_to } => {
                self.first_invocation_counter = *reserved_to;
                true
            }
            ServerPersist::ReceiveCounter { client_sap, last } => {
                self.change(*client_sap, |_, counter| *counter = Some(*last))
            }
            ServerPersist::SingleUse { client_sap, last } => {
                self.change(*client_sap, |keys, _| *keys = keys.clone().with_last_single_use(*last))
            }
            ServerPersist::Policy { client_sap, policy } => {
                self.change(*client_sap, |keys, _| *keys = keys.clone().with_policy(*policy))
            }
            ServerPersist::Key { client_sap, id, key } => self.change(*client_sap, |keys, counter| {
                if let Ok(renewed) = keys.clone().with_key(*id, key.octets()) {
                    *keys = renewed;
                    *counter = counter.filter(|_| *id != KeyId::Unicast);
                }
            }),
            ServerPersist::KeyPair { client_sap, key_use, private } => {
                self.change(*client_sap, |keys, _| *keys = with_private(keys, *key_use, private))
            }
            ServerPersist::Certificate { client_sap, certificate } => {
                let server = self.server_title;
                self.change(*client_sap, |keys, _| *keys = with_certificate(keys, certificate, &server))
            }
            ServerPersist::CertificateRemoved { client_sap, certificate } => {
                let server = self.server_title;
                self.change(*client_sap, |keys, _| *keys = without_certificate(keys, certificate, &server))
            }
        }
    }

    fn change(
        &mut self,
        client_sap: u16,
        change: impl FnOnce(&mut SecurityContext, &mut Option<u32>),
    ) -> bool {
        let association =
            self.associations.iter_mut().find(|association| association.client_sap == client_sap);
        let ciphering = association.and_then(|association| association.authentication.ciphering_mut());
        ciphering.map(|(keys, counter)| change(keys, counter)).is_some()
    }
}

/// The same context with another key pair of its own. Its old certificates say nothing any more.
pub(super) fn with_private(
    context: &SecurityContext,
    key_use: KeyUse,
    private: &PrivateKey,
) -> SecurityContext {
    let mut pairs = context.key_pairs().clone();
    match key_use {
        KeyUse::Signature => pairs.signing = Some(private.clone()),
        KeyUse::Agreement => pairs.agreement = Some(private.clone()),
    }
    context.clone().with_key_pairs(pairs)
}

/// The same context with a certificate, in the place of one for the same, and the key that it certifies.
pub(super) fn with_certificate(
    context: &SecurityContext,
    certificate: &Certificate,
    server: &[u8; 8],
) -> SecurityContext {
    let mut pairs = context.key_pairs().clone();
    if certificate.title() != server {
        let key = Some(certificate.key().clone());
        match certificate.key_use() {
            KeyUse::Signature => pairs.peer_signing = key,
            KeyUse::Agreement => pairs.peer_agreement = key,
        }
    }
    let same =
        |held: &&Certificate| held.title() != certificate.title() || held.key_use() != certificate.key_use();
    let others = context.certificates().iter().filter(same);
    let certificates = others.chain([certificate]).cloned().collect();
    context.clone().with_key_pairs(pairs).with_certificates(certificates)
}

/// The same context without a certificate, and without the key of the client that it certifies.
pub(super) fn without_certificate(
    context: &SecurityContext,
    certificate: &Certificate,
    server: &[u8; 8],
) -> SecurityContext {
    let mut pairs = context.key_pairs().clone();
    if certificate.title() != server {
        match certificate.key_use() {
            KeyUse::Signature => pairs.peer_signing = None,
            KeyUse::Agreement => pairs.peer_agreement = None,
        }
    }
    let certificates = context.certificates().iter().filter(|held| *held != certificate).cloned().collect();
    context.clone().with_key_pairs(pairs).with_certificates(certificates)
}

/// The records that still count: each replaces those that it makes void, so that there are never many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerRecords(Vec<ServerPersist>);

impl ServerRecords {
    /// Takes note of a record.
    pub fn keep(&mut self, record: &ServerPersist) {
        self.0.retain(|earlier| !makes_void(record, earlier));
        self.0.push(record.clone());
    }

    /// All of them, in the order in which they are to be put back.
    pub fn iter(&self) -> impl Iterator<Item = &ServerPersist> {
        self.0.iter()
    }

    /// Puts all of them back.
    pub fn restore(&self, config: &mut ServerConfig) {
        self.0.iter().for_each(|record| {
            config.restore(record);
        });
    }
}

/// Whether `record` leaves nothing of what `earlier` has said.
fn makes_void(record: &ServerPersist, earlier: &ServerPersist) -> bool {
    use ServerPersist::{
        Certificate, CertificateRemoved, Key, KeyPair, Policy, ReceiveCounter, SendCounter, SingleUse,
    };
    match (record, earlier) {
        (SendCounter { .. }, SendCounter { .. }) => true,
        (ReceiveCounter { client_sap: a, .. }, ReceiveCounter { client_sap: b, .. })
        | (SingleUse { client_sap: a, .. }, SingleUse { client_sap: b, .. })
        | (Policy { client_sap: a, .. }, Policy { client_sap: b, .. })
        | (Key { client_sap: a, id: KeyId::Unicast, .. }, ReceiveCounter { client_sap: b, .. }) => a == b,
        (Key { client_sap: a, id, .. }, Key { client_sap: b, id: other, .. }) => (a, id) == (b, other),
        (KeyPair { client_sap: a, key_use, .. }, KeyPair { client_sap: b, key_use: other, .. }) => {
            (a, key_use) == (b, other)
        }
        (
            Certificate { client_sap: a, certificate } | CertificateRemoved { client_sap: a, certificate },
            Certificate { client_sap: b, certificate: c }
            | CertificateRemoved { client_sap: b, certificate: c },
        ) => (a, certificate.title(), certificate.key_use()) == (b, c.title(), c.key_use()),
        _ => false,
    }
}
