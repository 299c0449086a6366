//! Certificates, keys and requests for certificates out of whatever octets.
#![no_main]

use dlms::security::{Certificate, Curve, PrivateKey, PublicKey, SystemTitle, certificate_request, unwrap_key};
use dlms::security::Secret;
use libfuzzer_sys::fuzz_target;
use plc_core::Utc;

fn certificate(bytes: &[u8]) {
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    assert_eq!(certificate.der(), bytes, "it is kept as it came");
    assert_eq!(Certificate::from_der(certificate.der()), Ok(certificate.clone()));
    let _ = (certificate.serial(), certificate.issuer(), certificate.subject(), certificate.title(), certificate.key_use());
    let stranger = PrivateKey::from_octets(Curve::P256, &[7; 32]).expect("a number").public_key();
    assert!(certificate.verify(&stranger, Utc::from_secs(1_800_000_000)).is_err(), "nobody has signed it with this key");
}

fn request(curve: Curve, title: &SystemTitle, key: &[u8]) {
    let Ok(key) = PrivateKey::from_octets(curve, key) else { return };
    if let Some(request) = certificate_request(title, &key) {
        // The structure of DER: one sequence, as long as it says.
        assert_eq!(request[0], 0x30);
        assert!(Certificate::from_der(&request).is_err(), "a request is no certificate");
    }
}

fuzz_target!(|bytes: &[u8]| {
    certificate(bytes);
    for curve in [Curve::P256, Curve::P384] {
        let _ = PublicKey::from_octets(curve, bytes);
        if let Some((title, key)) = bytes.split_first_chunk::<8>() {
            request(curve, title, key);
        }
    }
    let _ = unwrap_key(&Secret::new(&[3; 16]), bytes);
});
