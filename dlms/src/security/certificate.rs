//! X.509 certificates of DLMS ends, and requests for them \[GB 9.2.6.4; confidence B\].

use super::{Curve, PrivateKey, PublicKey, SystemTitle};
use crate::specs::certificate as specs;
use crate::specs::security_setup::CERTIFICATE_LEN_MAX;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader};
use plc_core::Utc;
use x509_cert::attr::Attributes;
use x509_cert::ext::pkix::KeyUsage as KeyUsageExtension;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// What a key pair is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Signatures.
    Signature,
    /// Agreement.
    Agreement,
}

/// Why a certificate was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No certificate of an end: too long, malformed, another curve, no use, or no title in its subject.
    Malformed,
    /// Not signed by the authority, or no authority is known.
    Signature,
    /// Not valid now, or nobody knows what time it is.
    Expired,
    /// Of another end, or another key than that of this end.
    Subject,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "no certificate of an end: expected DER with a curve, a use and a system title that are known"
            }
            Self::Signature => "not signed by an authority that is known",
            Self::Expired => "not valid now, or the time is not known",
            Self::Subject => "the certificate of another end, or of another key",
        })
    }
}

impl core::error::Error for CertificateFault {}

/// A certificate of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    title: SystemTitle,
    key: PublicKey,
    key_use: KeyUse,
    valid: (Utc, Utc),
    serial: Vec<u8>,
    issuer: String,
    subject: String,
}

impl Certificate {
    /// From its DER encoding. Whether it is to be believed, [`Certificate::verify`] says.
    ///
    /// # Errors
    /// See [`CertificateFault::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateFault> {
        parse(der).ok_or(CertificateFault::Malformed)
    }

    /// The DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The system title in its subject.
    pub const fn title(&self) -> &SystemTitle {
        &self.title
    }

    /// The key that it certifies.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the key is for.
    pub const fn key_use(&self) -> KeyUse {
        self.key_use
    }

    /// serialNumber.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether the authority has signed it and it is valid at `now`.
    ///
    /// # Errors
    /// See [`CertificateFault`].
    pub fn verify(&self, authority: &PublicKey, now: Utc) -> Result<(), CertificateFault> {
        let (signed, signature) = signed_part(&self.der).ok_or(CertificateFault::Malformed)?;
        let signature =
            signature_from_der(authority.curve(), &signature).ok_or(CertificateFault::Signature)?;
        if !authority.verify(signed, &signature) {
            return Err(CertificateFault::Signature);
        }
        let valid = self.valid.0 <= now && now <= self.valid.1;
        if valid { Ok(()) } else { Err(CertificateFault::Expired) }
    }
}

/// A PKCS#10 request for a certificate of the end with this title.
pub fn certificate_request(title: &SystemTitle, key: &PrivateKey) -> Option<Vec<u8>> {
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::from_str(&format!("CN={}", title_text(title))).ok()?,
        public_key: public_key_info(&key.public_key())?,
        attributes: Attributes::default(),
    };
    let signature = signature_to_der(key.curve(), &key.sign(&info.to_der().ok()?))?;
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifierOwned { oid: signature_algorithm(key.curve()), parameters: None },
        signature: BitString::from_bytes(&signature).ok()?,
    };
    request.to_der().ok()
}

fn parse(der: &[u8]) -> Option<Certificate> {
    if der.len() > CERTIFICATE_LEN_MAX {
        return None;
    }
    let parsed = x509_cert::Certificate::from_der(der).ok()?;
    let body = parsed.tbs_certificate();
    let (_, usage) = body.get_extension::<KeyUsageExtension>().ok()??;
    let key_use = match (usage.digital_signature(), usage.key_agreement()) {
        (true, false) => KeyUse::Signature,
        (false, true) => KeyUse::Agreement,
        _ => return None,
    };
    let seconds = |time: x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
        // The clock counts milliseconds.
        seconds.checked_mul(1000).map(|_| Utc::from_secs(seconds))
    };
    Some(Certificate {
        der: der.to_vec(),
        title: title_of(body.subject())?,
        key: public_key(body.subject_public_key_info())?,
        key_use,
        valid: (seconds(body.validity().not_before)?, seconds(body.validity().not_after)?),
        serial: body.serial_number().as_bytes().to_vec(),
        issuer: format!("{}", body.issuer()),
        subject: format!("{}", body.subject()),
    })
}

/// The system title is the common name, in hexadecimal digits.
fn title_of(subject: &Name) -> Option<SystemTitle> {
    let name = subject.common_name().ok()??;
    let digits: &str = &name.value();
    let mut title = SystemTitle::default();
    if digits.len() != 2 * title.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, pair) in title.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(title)
}

fn title_text(title: &SystemTitle) -> String {
    title.iter().map(|octet| format!("{octet:02X}")).collect()
}

fn public_key(info: &SubjectPublicKeyInfoOwned) -> Option<PublicKey> {
    let curve = info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
    let curve = [Curve::P256, Curve::P384].into_iter().find(|known| curve_name(*known) == curve)?;
    let (&form, point) = info.subject_public_key.as_bytes()?.split_first()?;
    let lawful = info.algorithm.oid == specs::EC_PUBLIC_KEY && form == specs::UNCOMPRESSED;
    PublicKey::from_octets(curve, point).ok().filter(|_| lawful)
}

fn public_key_info(key: &PublicKey) -> Option<SubjectPublicKeyInfoOwned> {
    let mut point = alloc::vec![specs::UNCOMPRESSED];
    point.extend_from_slice(&key.octets());
    Some(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: specs::EC_PUBLIC_KEY,
            parameters: Some(Any::encode_from(&curve_name(key.curve())).ok()?),
        },
        subject_public_key: BitString::from_bytes(&point).ok()?,
    })
}

/// The octets of a certificate that are signed, as they stand, and the signature.
fn signed_part(der: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let mut reader = SliceReader::new(der).ok()?;
    let (signed, signature) = reader
        .sequence(|inner| {
            let signed = inner.tlv_bytes()?;
            AlgorithmIdentifierOwned::decode(inner)?;
            Ok::<_, der::Error>((signed, BitString::decode(inner)?))
        })
        .ok()?;
    Some((signed, signature.as_bytes()?.to_vec()))
}

/// r and s as X.509 writes them.
#[derive(Sequence)]
struct DerSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

fn signature_from_der(curve: Curve, der: &[u8]) -> Option<Vec<u8>> {
    let signature = DerSignature::from_der(der).ok()?;
    let mut octets = alloc::vec![0; curve.pair_len()];
    for (number, place) in [signature.r, signature.s].iter().zip(octets.chunks_mut(curve.coordinate_len())) {
        let number = number.as_bytes();
        let zeros = place.len().checked_sub(number.len())?;
        place[zeros..].copy_from_slice(number);
    }
    Some(octets)
}

fn signature_to_der(curve: Curve, octets: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = octets.split_at_checked(curve.coordinate_len())?;
    DerSignature { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

const fn curve_name(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => specs::P256,
        Curve::P384 => specs::P384,
    }
}

const fn signature_algorithm(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => specs::ECDSA_SHA256,
        Curve::P384 => specs::ECDSA_SHA384,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[allow(dead_code)]
    mod made {
        include!("../../tests/world/certificates.rs");
    }
    use made::*;

    const NOW: Utc = Utc::from_secs(1_800_000_000);

    fn authority() -> PublicKey {
        PublicKey::from_octets(Curve::P256, &hex(AUTHORITY)).unwrap()
    }

    fn verify(der: &str) -> Result<(), CertificateFault> {
        Certificate::from_der(&hex(der))?.verify(&authority(), NOW)
    }

    #[test]
    fn a_certificate_says_whose_key_it_is_and_for_what() {
        let signing = Certificate::from_der(&hex(CLIENT)).unwrap();
        assert_eq!((signing.title(), signing.key_use()), (b"PLCDC001", KeyUse::Signature));
        assert_eq!((signing.serial(), signing.issuer()), (&[0x11][..], "CN=Test Root"));
        assert_eq!(signing.subject(), "CN=504C434443303031");
        let agreement = Certificate::from_der(&hex(CLIENT_AGREEMENT)).unwrap();
        assert_eq!(agreement.key_use(), KeyUse::Agreement);
        assert_ne!(agreement.key(), signing.key());
        assert_eq!(signing.der(), hex(CLIENT));
    }

    #[test]
    fn only_what_the_authority_has_signed_and_is_valid_now_is_believed() {
        assert_eq!([CLIENT, CLIENT_AGREEMENT, SERVER, STRANGER].map(verify), [Ok(()); 4]);
        assert_eq!([EXPIRED, NOT_YET].map(verify), [Err(CertificateFault::Expired); 2]);
        assert_eq!(verify(FORGED), Err(CertificateFault::Signature));
        assert_eq!(verify(NO_TITLE), Err(CertificateFault::Malformed));
        let long = PrivateKey::from_octets(Curve::P384, &[3; 48]).unwrap().public_key();
        let good = Certificate::from_der(&hex(CLIENT)).unwrap();
        assert_eq!(good.verify(&long, NOW), Err(CertificateFault::Signature));
    }

    #[test]
    fn no_octet_of_a_certificate_can_be_changed() {
        let good = hex(CLIENT);
        for at in 0..good.len() {
            let mut wrong = good.clone();
            wrong[at] ^= 1;
            let verdict = Certificate::from_der(&wrong).and_then(|c| c.verify(&authority(), NOW));
            // The name of the algorithm behind the signed part is not signed; the key says what it is.
            let unsigned = wrong.len() - at > 60 && wrong.len() - at < 90;
            assert!(verdict.is_err() || unsigned, "octet {at}");
        }
    }

    #[test]
    fn a_request_is_signed_with_the_key_that_it_is_for() {
        for curve in [Curve::P256, Curve::P384] {
            let key = PrivateKey::from_octets(curve, &alloc::vec![5; curve.coordinate_len()]).unwrap();
            let der = certificate_request(b"MTR00001", &key).unwrap();
            let (signed, signature) = signed_part(&der).unwrap();
            let signature = signature_from_der(curve, &signature).unwrap();
            assert!(key.public_key().verify(signed, &signature));
            let request = CertReq::from_der(&der).unwrap();
            assert_eq!(title_of(&request.info.subject), Some(*b"MTR00001"));
            assert_eq!(public_key(&request.info.public_key), Some(key.public_key()));
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_no_certificate_makes_trouble(
            bytes in crate::apdu::law::near(&hex(CLIENT)),
        ) {
            if let Ok(certificate) = Certificate::from_der(&bytes) {
                let _ = certificate.verify(&authority(), NOW);
                prop_assert_eq!(certificate.der(), &bytes[..]);
            }
        }
    }
}
