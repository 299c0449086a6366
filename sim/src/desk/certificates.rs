//! Certificates for the keys of a plan, by an authority that everybody can be: its private key is a name.
//!
//! X.509 version 3 in DER \[RFC 5280\], as security setup wants them: the common name is a system title, the key usage one of two.

use dlms::security::{Certificate, Curve, KeyUse, PrivateKey, PublicKey, SystemTitle};

/// The authority on this curve.
pub(super) fn authority(curve: Curve) -> PrivateKey {
    let mut octets = vec![0; curve.coordinate_len()];
    octets[..NAME.len()].copy_from_slice(NAME.as_bytes());
    PrivateKey::from_octets(curve, &octets).expect("a number below the order of the curve")
}

/// A certificate of the key that an end has for this use.
pub(super) fn certificate(
    serial: u8,
    title: &SystemTitle,
    key_use: KeyUse,
    key: &PublicKey,
) -> Option<Certificate> {
    let curve = key.curve();
    let algorithm = sequence(&[oid(signature_algorithm(curve))]);
    let body = sequence(&[
        der(0xA0, &integer(&[2])),
        integer(&[serial]),
        algorithm.clone(),
        name(NAME),
        sequence(&[der(UTC_TIME, b"200101000000Z"), der(UTC_TIME, b"491231235959Z")]),
        name(&super::plan_file::hex(title).to_uppercase()),
        sequence(&[
            sequence(&[oid(EC_PUBLIC_KEY), oid(curve_name(curve))]),
            bit_string(0, &[&[UNCOMPRESSED][..], &key.octets()].concat()),
        ]),
        der(0xA3, &sequence(&[key_usage(key_use)])),
    ]);
    let signature = authority(curve).sign(&body);
    let (r, s) = signature.split_at(curve.coordinate_len());
    let signature = bit_string(0, &sequence(&[integer(r), integer(s)]));
    Certificate::from_der(&sequence(&[body, algorithm, signature])).ok()
}

/// digitalSignature is bit 0, keyAgreement bit 4.
fn key_usage(key_use: KeyUse) -> Vec<u8> {
    let bits = match key_use {
        KeyUse::Signature => bit_string(7, &[0x80]),
        KeyUse::Agreement => bit_string(3, &[0x08]),
    };
    sequence(&[oid(KEY_USAGE), vec![0x01, 0x01, 0xFF], der(0x04, &bits)])
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = sequence(&[oid(COMMON_NAME), der(0x0C, common_name.as_bytes())]);
    sequence(&[der(0x31, &attribute)])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// A positive number, as short as it goes.
fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count().min(octets.len().saturating_sub(1));
    let octets = &octets[zeros..];
    let is_negative = octets.first().is_some_and(|octet| octet & 0x80 != 0);
    der(0x02, &[if is_negative { &[0][..] } else { &[] }, octets].concat())
}

fn bit_string(unused: u8, octets: &[u8]) -> Vec<u8> {
    der(0x03, &[&[unused], octets].concat())
}

fn oid(octets: &[u8]) -> Vec<u8> {
    der(0x06, octets)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [&head[..], content].concat()
}

const fn signature_algorithm(curve: Curve) -> &'static [u8] {
    match curve {
        // ecdsa-with-SHA256 and ecdsa-with-SHA384 [RFC 5758 3.2].
        Curve::P256 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02],
        Curve::P384 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03],
    }
}

const fn curve_name(curve: Curve) -> &'static [u8] {
    match curve {
        // secp256r1 and secp384r1 [RFC 5480 2.1.1.1].
        Curve::P256 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        Curve::P384 => &[0x2B, 0x81, 0x04, 0x00, 0x22],
    }
}

const NAME: &str = "plcsim test authority";
const UTC_TIME: u8 = 0x17;
const UNCOMPRESSED: u8 = 4;
/// id-ecPublicKey \[RFC 5480 2.1.1\].
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// id-at-commonName and id-ce-keyUsage \[RFC 5280\].
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Utc;

    #[test]
    fn a_certificate_is_one_for_whoever_verifies_it() {
        for curve in [Curve::P256, Curve::P384] {
            for (serial, key_use) in [(1, KeyUse::Signature), (0xFF, KeyUse::Agreement)] {
                let key = PrivateKey::from_octets(curve, &vec![7; curve.coordinate_len()]).expect("small");
                let made = certificate(serial, b"SIM\0\0\0\0\x03", key_use, &key.public_key()).expect("made");
                assert_eq!((made.title(), made.key_use()), (b"SIM\0\0\0\0\x03", key_use));
                assert!(made.key() == &key.public_key() && made.issuer().contains(NAME), "{made:?}");
                let now = Utc::from_civil(2026, 11, 29, 0, 0, 0).expect("a day");
                assert!(made.verify(&authority(curve).public_key(), now).is_ok());
                assert!(made.verify(&key.public_key(), now).is_err(), "nobody else has signed it");
                let late = Utc::from_civil(2050, 1, 1, 0, 0, 0).expect("a day");
                assert!(made.verify(&authority(curve).public_key(), late).is_err());
            }
        }
    }
}
