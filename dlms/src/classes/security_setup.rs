//! Security setup, class 64 version 1: what a client sends and what comes back \[BB 4.4.7\].

use crate::axdr::{Data, Encoder};
use crate::cosem::MethodRequest;
use crate::security::{
    KdfParties, KeyId, KeyUse, PrivateKey, PublicKey, Secret, SecurityPolicy, Suite, SystemTitle, WrapFault,
    derive_key, wrap_key,
};
use crate::specs::classes;
use crate::specs::security_setup::{self as specs, key_use};
use alloc::vec::Vec;
use rand_core::Rng;

/// A method of the security setup of the current association.
pub const fn method(method: i8) -> MethodRequest {
    MethodRequest { class_id: classes::SECURITY_SETUP, logical_name: classes::SECURITY_SETUP_NAME, method }
}

/// The parameter of security_activate.
pub fn activate(policy: SecurityPolicy) -> Vec<u8> {
    encode(|out| out.enumeration(policy.0))
}

/// The parameter of key_transfer: these keys under the master key.
///
/// # Errors
/// A length that keys do not have.
pub fn key_transfer(master: &Secret, keys: &[(KeyId, &[u8])]) -> Result<Vec<u8>, WrapFault> {
    let wrapped = keys.iter().map(|(id, key)| Ok((id.code(), wrap_key(master, key)?)));
    wrapped.collect::<Result<Vec<_>, _>>().map(|list| pairs(&list))
}

/// The parameter of generate_key_pair and of generate_certificate_request.
pub fn for_use(use_of_key: KeyUse) -> Vec<u8> {
    encode(|out| out.enumeration(use_code(use_of_key)))
}

/// The parameter of import_certificate.
pub fn certificate(der: &[u8]) -> Vec<u8> {
    encode(|out| out.octet_string(der))
}

/// The parameter of export_certificate and of remove_certificate: the one of this end.
pub fn by_entity(is_server: bool, use_of_key: KeyUse, title: &SystemTitle) -> Vec<u8> {
    encode(|out| {
        out.structure(2);
        out.enumeration(specs::identification::BY_ENTITY);
        out.structure(3);
        out.enumeration(if is_server { specs::entity::SERVER } else { specs::entity::CLIENT });
        out.enumeration(use_code(use_of_key));
        out.octet_string(title);
    })
}

/// The same by serial number and issuer.
pub fn by_serial(serial: &[u8], issuer: &str) -> Vec<u8> {
    encode(|out| {
        out.structure(2);
        out.enumeration(specs::identification::BY_SERIAL);
        out.structure(2);
        out.octet_string(serial);
        out.octet_string(issuer.as_bytes());
    })
}

/// Agreement of a key, C(2e, 0s): an ephemeral key of each end, signed.
#[derive(Debug)]
pub struct KeyAgreement {
    id: KeyId,
    ephemeral: PrivateKey,
}

impl KeyAgreement {
    /// For the key `id` of a suite that agrees keys; `None` for suite 0.
    pub fn new(suite: Suite, id: KeyId, entropy: &mut impl Rng) -> Option<Self> {
        Some(Self { id, ephemeral: PrivateKey::random(suite.curve()?, entropy) })
    }

    /// The parameter of key_agreement, signed by the client.
    pub fn parameter(&self, signing: &PrivateKey) -> Vec<u8> {
        pairs(&[(self.id.code(), signed_point(self.id, &self.ephemeral.public_key(), signing))])
    }

    /// The key, from what the server has returned; `None` if the server has not signed it. Published
    /// vectors have the client as party U.
    pub fn key(
        &self,
        returned: &[u8],
        server: &PublicKey,
        client_title: &SystemTitle,
        server_title: &SystemTitle,
        parties: KdfParties,
    ) -> Option<Secret> {
        let [(id, data)] = <[_; 1]>::try_from(parse_pairs(&Data::from_bytes(returned).ok()?)?).ok()?;
        let point = checked_point(self.id, data, server).filter(|_| id == self.id.code())?;
        let z = self.ephemeral.agree(&point).ok()?;
        Some(derive_key(self.ephemeral.curve().suite(), &z, client_title, server_title, parties))
    }
}

/// An ephemeral public key and the signature over the number of the key and itself.
pub(crate) fn signed_point(id: KeyId, point: &PublicKey, signing: &PrivateKey) -> Vec<u8> {
    let mut data = alloc::vec![id.code()];
    data.extend_from_slice(&point.octets());
    let signature = signing.sign(&data);
    data.extend_from_slice(&signature);
    data.split_off(1)
}

/// The ephemeral public key in `data`, if `signer` has signed it for the key `id`.
pub(crate) fn checked_point(id: KeyId, data: &[u8], signer: &PublicKey) -> Option<PublicKey> {
    let curve = signer.curve();
    let (point, signature) = data.split_at_checked(curve.pair_len())?;
    let mut signed = alloc::vec![id.code()];
    signed.extend_from_slice(point);
    signer.verify(&signed, signature).then(|| PublicKey::from_octets(curve, point).ok())?
}

/// An array of structures of an enum and an octet-string.
pub(crate) fn pairs(pairs: &[(u8, Vec<u8>)]) -> Vec<u8> {
    encode(|out| {
        out.array(pairs.len());
        for (code, octets) in pairs {
            out.structure(2);
            out.enumeration(*code);
            out.octet_string(octets);
        }
    })
}

pub(crate) fn parse_pairs<'a>(data: &Data<'a>) -> Option<Vec<(u8, &'a [u8])>> {
    let list = data.as_array()?;
    list.iter()
        .map(|element| match element.as_structure()?.exactly()? {
            [Data::Enum(code), Data::OctetString(octets)] => Some((code, octets)),
            _ => None,
        })
        .collect()
}

pub(crate) const fn use_code(use_of_key: KeyUse) -> u8 {
    match use_of_key {
        KeyUse::Signature => key_use::SIGNATURE,
        KeyUse::Agreement => key_use::AGREEMENT,
    }
}

pub(crate) const fn use_from_code(code: u8) -> Option<KeyUse> {
    match code {
        key_use::SIGNATURE => Some(KeyUse::Signature),
        key_use::AGREEMENT => Some(KeyUse::Agreement),
        _ => None,
    }
}

fn encode(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut value = Vec::new();
    write(&mut Encoder::new(&mut value, usize::MAX));
    value
}
