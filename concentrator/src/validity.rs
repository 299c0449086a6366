//! Whether a certificate is valid by the clock of the machine: TLS says only that the other end has hung up.

use plc_core::Utc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

/// What is wrong with the time of the first certificate of `pem` at `now`, in words that go on behind its name; none when nothing is, or when it
/// is no certificate.
pub fn fault(pem: &str, now: Utc) -> Option<String> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let (from, to) = (utc(&validity.not_before), utc(&validity.not_after));
    if now < from {
        Some(format!(
            "is valid from {from} on, it is {now} here: expected one that is valid, or the clock to be set"
        ))
    } else if now > to {
        Some(format!("has run out at {to}, it is {now} here: expected one that is valid"))
    } else {
        None
    }
}

fn utc(time: &Time) -> Utc {
    Utc::from_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn a_certificate_is_at_fault_before_and_behind_its_time() {
        let mut params = CertificateParams::new(vec![String::from("box-1")]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(2027, 1, 2));
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let (from, to) = (Utc::from_secs(1_767_312_000), Utc::from_secs(1_798_848_000));
        let second = std::time::Duration::from_secs(1);
        assert_eq!((fault(&pem, from), fault(&pem, to)), (None, None));
        let early = fault(&pem, from - second).unwrap();
        assert!(
            early.starts_with("is valid from 2026-01-02T00:00:00Z on, it is 2026-01-01T23:59:59Z"),
            "{early}"
        );
        let late = fault(&pem, to + second).unwrap();
        assert!(late.starts_with("has run out at 2027-01-02T00:00:00Z"), "{late}");
        assert_eq!(fault("no certificate", to), None);
    }
}
