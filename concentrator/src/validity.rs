//! Whether a certificate is valid by the clock of the machine: TLS says only that the other end has hung up.

use crate::config::Config;
use crate::live::Live;
use crate::store::EventKind;
use plc_core::Utc;
use plc_core::time::Duration;
use std::collections::BTreeMap;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

/// What is wrong with the time of the first certificate of `pem` at `now`, in words that go on behind its name; none when nothing is, or when it
/// is no certificate.
pub fn fault(pem: &str, now: Utc) -> Option<String> {
    let (from, to) = lifetime(pem)?;
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

/// From when to when it is valid.
fn lifetime(pem: &str) -> Option<(Utc, Utc)> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    Some((utc(&validity.not_before), utc(&validity.not_after)))
}

/// What is known of a certificate of this box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Until when it is valid.
    pub until: Utc,
    /// What is wrong with it, a sentence.
    pub fault: Option<String>,
}

/// The certificates of this box at `now`, by the table of the configuration that names them.
pub fn of(config: &Config, now: Utc) -> BTreeMap<&'static str, Validity> {
    let validity = |(table, pem): (&'static str, &str)| {
        let (_, until) = lifetime(pem)?;
        let fault = fault(pem, now).map(|fault| format!("the certificate of [{table}] {fault}"));
        Some((table, Validity { until, fault }))
    };
    config.certificates().filter_map(validity).collect()
}

/// Looks after the certificates of this box: shows them, and tells once of each that becomes wrong or soon will.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<&'static str, Stage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fine,
    Soon,
    Wrong,
}

impl Watch {
    /// Looks at them.
    pub fn look(&mut self, config: &Config, live: &Live, now: Utc) {
        let all = of(config, now);
        for (table, Validity { until, fault }) in &all {
            let (stage, said) = match fault {
                Some(fault) => (Stage::Wrong, fault.clone()),
                None if *until - SOON < now => {
                    (Stage::Soon, format!("the certificate of [{table}] runs out at {until}"))
                }
                None => (Stage::Fine, format!("the certificate of [{table}] is valid until {until}")),
            };
            if self.0.insert(table, stage).unwrap_or(Stage::Fine) != stage {
                tracing::warn!("{said}");
                live.tell(EventKind::Configuration, said);
            }
        }
        live.update_status(|status| status.certificates = all);
    }
}

/// So long before a certificate runs out it is told.
const SOON: Duration = Duration::from_secs(30 * 86_400);

fn utc(time: &Time) -> Utc {
    Utc::from_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::Access;
    use crate::live::ClockKind;
    use crate::uplink::TlsFiles;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn a_certificate_that_runs_out_is_told_once_before_and_once_when_it_has() {
        let mut params = CertificateParams::new(vec![String::from("box-1")]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(2027, 1, 2));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let tls = TlsFiles { authority: certificate.clone(), certificate, key: key.serialize_pem() };
        let config = Config { access: Some(Access::Mutual(tls)), ..Config::default() };
        let live = Live::new(ClockKind::Real, Utc::default(), []);
        let mut watch = Watch::default();
        let end = Utc::from_secs(1_798_848_000);
        let mut told = |days_before: i64| {
            watch.look(&config, &live, Utc::from_secs(end.as_secs() - days_before * 86_400));
            let said = std::iter::from_fn(|| live.take_told()).map(|event| event.text).collect::<Vec<_>>();
            (said.join("|"), live.status().borrow().certificates["grpc"].clone())
        };
        assert_eq!(told(100), (String::new(), Validity { until: end, fault: None }));
        assert_eq!(told(29).0, "the certificate of [grpc] runs out at 2027-01-02T00:00:00Z");
        assert_eq!(told(1).0, "");
        let (said, after) = told(-1);
        assert!(said.starts_with("the certificate of [grpc] has run out at 2027-01-02T00:00:00Z"), "{said}");
        assert_eq!(after.fault, Some(said));
        assert_eq!(told(-2).0, "");
    }

    #[test]
    fn a_certificate_is_at_fault_before_and_behind_its_time() {
        let mut params = CertificateParams::new(vec![String::from("box-1")]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(2027, 1, 2));
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let (from, to) = (Utc::from_secs(1_767_312_000), Utc::from_secs(1_798_848_000));
        let second = Duration::from_secs(1);
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
