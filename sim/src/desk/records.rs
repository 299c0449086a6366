//! What clients have changed of the security of a meter, and its counters, as the lines of a file.
//!
//! ```text
//! meter 53494d0000000001               its system title
//! ahead 3600000                        milliseconds that its clock is ahead of that of the machine
//! send 4200                            the first send counter that is certainly unused
//! receive 1 118                        client, highest counter accepted
//! key 1 unicast 0011...                client, which key, the key
//! check 1a2b3c4d                       checksum of all before it
//! ```

use super::plan_file::{hex, unhex};
use dlms::security::{Certificate, Curve, KeyId, KeyUse, PrivateKey, Secret, SecurityPolicy, SystemTitle};
use dlms::server::{ServerPersist, ServerRecords};
use std::fmt::{self, Write as _};

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// Whose they are.
    pub(super) meter: SystemTitle,
    /// Milliseconds that its clock is ahead of that of the machine.
    pub(super) ahead_ms: i64,
    /// Those of the DLMS server that still count.
    pub(super) server: ServerRecords,
}

impl Records {
    /// Reads a file.
    ///
    /// # Errors
    /// The line that is none, or that it is no text at all.
    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(octets).map_err(|fault| {
            format!(
                "expected the records of a meter, lines of text, found other octets at {}",
                fault.valid_up_to()
            )
        })?;
        Self::parse(text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut records, mut is_known) = (Self::default(), false);
        let (body, sum) = text.rsplit_once("check ").map_or((text, None), |(body, sum)| (body, Some(sum)));
        for line in body.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let read = match words[..] {
                ["meter", title] => title_of(title).map(|title| (records.meter, is_known) = (title, true)),
                ["ahead", ms] => ms.parse().ok().map(|ms| records.ahead_ms = ms),
                _ => record(&words).map(|record| records.server.keep(&record)),
            };
            read.ok_or_else(|| format!("expected a record of a meter, found {line:?}"))?;
        }
        match (is_known, sum.map(str::trim_end)) {
            (false, _) => Err(String::from("expected the system title of a meter")),
            (_, None) => Err(String::from("is cut short, expected a check behind the records")),
            (_, Some(sum)) if sum != check(body) => {
                Err(format!("is not as it was written, expected the check {}, found {sum:?}", check(body)))
            }
            _ => Ok(records),
        }
    }
}

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        writeln!(text, "meter {}\nahead {}", hex(&self.meter), self.ahead_ms)?;
        self.server.iter().try_for_each(|record| write_record(&mut text, record))?;
        writeln!(f, "{text}check {}", check(&text))
    }
}

/// The checksum of a text.
fn check(text: &str) -> String {
    format!("{:08x}", plc_core::crc::record_crc(text.as_bytes()))
}

fn write_record(f: &mut impl fmt::Write, record: &ServerPersist) -> fmt::Result {
    match record {
        ServerPersist::SendCounter { reserved_to } => writeln!(f, "send {reserved_to}"),
        ServerPersist::ReceiveCounter { client_sap, last } => writeln!(f, "receive {client_sap} {last}"),
        ServerPersist::SingleUse { client_sap, last } => writeln!(f, "single-use {client_sap} {last}"),
        ServerPersist::Policy { client_sap, policy } => writeln!(f, "policy {client_sap} {}", policy.0),
        ServerPersist::Key { client_sap, id, key } => {
            writeln!(f, "key {client_sap} {} {}", id.code(), hex(key.octets()))
        }
        ServerPersist::KeyPair { client_sap, key_use, private } => {
            let private = private.to_secret();
            writeln!(f, "pair {client_sap} {} {}", use_name(*key_use), hex(private.octets()))
        }
        ServerPersist::Certificate { client_sap, certificate } => {
            writeln!(f, "certificate {client_sap} {}", hex(certificate.der()))
        }
        ServerPersist::CertificateRemoved { client_sap, certificate } => {
            writeln!(f, "removed {client_sap} {}", hex(certificate.der()))
        }
    }
}

fn record(words: &[&str]) -> Option<ServerPersist> {
    let client = |word: &str| word.parse::<u16>().ok();
    let certificate = |der: &str| Certificate::from_der(&unhex(der)?).ok();
    Some(match *words {
        ["send", counter] => ServerPersist::SendCounter { reserved_to: counter.parse().ok()? },
        ["receive", of, last] => {
            ServerPersist::ReceiveCounter { client_sap: client(of)?, last: last.parse().ok()? }
        }
        ["single-use", of, last] => {
            ServerPersist::SingleUse { client_sap: client(of)?, last: last.parse().ok()? }
        }
        ["policy", of, bits] => {
            ServerPersist::Policy { client_sap: client(of)?, policy: SecurityPolicy(bits.parse().ok()?) }
        }
        ["key", of, id, octets] => ServerPersist::Key {
            client_sap: client(of)?,
            id: KeyId::from_code(id.parse().ok()?)?,
            key: Secret::new(&unhex(octets)?),
        },
        ["pair", of, key_use, octets] => {
            let octets = unhex(octets)?;
            let mut curves = [Curve::P256, Curve::P384].into_iter();
            let curve = curves.find(|curve| curve.coordinate_len() == octets.len())?;
            let private = PrivateKey::from_octets(curve, &octets).ok()?;
            ServerPersist::KeyPair { client_sap: client(of)?, key_use: use_of(key_use)?, private }
        }
        ["certificate", of, der] => {
            ServerPersist::Certificate { client_sap: client(of)?, certificate: certificate(der)? }
        }
        ["removed", of, der] => {
            ServerPersist::CertificateRemoved { client_sap: client(of)?, certificate: certificate(der)? }
        }
        _ => return None,
    })
}

fn title_of(digits: &str) -> Option<SystemTitle> {
    unhex(digits)?.try_into().ok()
}

const fn use_name(key_use: KeyUse) -> &'static str {
    match key_use {
        KeyUse::Signature => "signature",
        KeyUse::Agreement => "agreement",
    }
}

fn use_of(name: &str) -> Option<KeyUse> {
    [KeyUse::Signature, KeyUse::Agreement].into_iter().find(|key_use| use_name(*key_use) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Records {
        let mut records = Records { meter: *b"SIM\0\0\0\0\x03", ahead_ms: -7, ..Records::default() };
        let private = PrivateKey::from_octets(Curve::P384, &[5; 48]).expect("small enough");
        for record in [
            ServerPersist::SendCounter { reserved_to: 100 },
            ServerPersist::ReceiveCounter { client_sap: 1, last: 9 },
            ServerPersist::SingleUse { client_sap: 3, last: u128::MAX },
            ServerPersist::Policy { client_sap: 1, policy: SecurityPolicy::SIGNED },
            ServerPersist::Key { client_sap: 1, id: KeyId::Unicast, key: Secret::new(&[9; 16]) },
            ServerPersist::Key { client_sap: 4, id: KeyId::Master, key: Secret::new(&[9; 32]) },
            ServerPersist::KeyPair { client_sap: 4, key_use: KeyUse::Agreement, private },
            ServerPersist::SendCounter { reserved_to: 200 },
        ] {
            records.server.keep(&record);
        }
        records
    }

    #[test]
    fn records_are_read_back_and_only_those_that_count_are_written() {
        let text = records().to_string();
        assert_eq!(Records::parse(&text), Ok(records()));
        assert!(text.contains("send 200\n") && !text.contains("send 100"), "{text}");
        assert!(!text.contains("receive 1 "), "the counters of a new key begin anew: {text}");
    }

    #[test]
    fn a_line_that_is_no_record_is_shown() {
        for (text, said) in [
            ("", "expected the system title of a meter"),
            ("send 7\n", "expected the system title of a meter"),
            ("meter 00\n", "found \"meter 00\""),
            ("meter 0011223344556677\nkey 1 9 00\n", "found \"key 1 9 00\""),
            ("meter 0011223344556677\npair 1 signature 00\n", "found \"pair 1 signature 00\""),
            ("meter 0011223344556677\nsend 7 8\n", "found \"send 7 8\""),
        ] {
            let error = Records::parse(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
