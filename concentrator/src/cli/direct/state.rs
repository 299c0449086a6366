//! What the file of `--state` holds: counters, and whose they are.
//!
//! ```toml
//! send = 71                           # the first counter that is certainly unused
//! meter_counter = 5                   # the highest that was heard of the meter
//! client = 1
//! key = "1f0c4fd23a55ab07"            # a fingerprint of the encryption key, never the key
//! meter = "53494d0000000003"          # the system title of the meter
//! ```
//!
//! A file of two words, the send counter and the meter's or a dash, is one of an earlier version: its counters belong to whoever goes
//! on with it.

use super::fault::{Blame, Fault};
use crate::hex::{array, hex};
use dlms::security::{Suite, SystemTitle};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use toml::Table;

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The first send counter that is certainly unused.
    pub(super) send: u32,
    /// The highest counter of the meter.
    pub(super) server: Option<u32>,
    /// Whose counters these are; `None` in a file of an earlier version.
    pub(super) owner: Option<Owner>,
}

/// Whose counters they are: one client, under one key, with one meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The client.
    pub(super) client: u16,
    /// Of its encryption key.
    pub(super) key: Fingerprint,
    /// The system title of the meter, once it was heard.
    pub(super) meter: Option<SystemTitle>,
}

/// Tells one key from another, and nothing else of them: the begin of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 8]);

impl Fingerprint {
    /// Of a global unicast encryption key.
    pub(super) fn of(suite: Suite, encryption_key: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(DOMAIN).chain_update([suite.code()]);
        let digest = digest.chain_update(encryption_key).finalize();
        Self(std::array::from_fn(|n| digest[n]))
    }
}

impl State {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(state) = of_two_words(text) {
            return Ok(state);
        }
        let table: Table = text.parse().map_err(|_| String::from(EXPECTED))?;
        let counter = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(value) => {
                let counter = value.as_integer().and_then(|number| u32::try_from(number).ok());
                counter.map(Some).ok_or_else(|| format!("{key}: expected a number from 0 to {}", u32::MAX))
            }
        };
        let send = counter("send")?.ok_or_else(|| String::from(EXPECTED))?;
        Ok(Self { send, server: counter("meter_counter")?, owner: Some(owner(&table)?) })
    }
}

fn owner(table: &Table) -> Result<Owner, String> {
    let octets = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(value) => {
            let octets = value.as_str().and_then(array);
            octets.map(Some).ok_or_else(|| format!("{key}: expected 16 hexadecimal digits"))
        }
    };
    let client = table.get("client").and_then(toml::Value::as_integer).and_then(|n| u16::try_from(n).ok());
    let client = client.ok_or_else(|| String::from("client: expected a number from 0 to 65535"))?;
    let key = octets("key")?.ok_or_else(|| String::from("key: expected 16 hexadecimal digits"))?;
    Ok(Owner { client, key: Fingerprint(key), meter: octets("meter")? })
}

fn of_two_words(text: &str) -> Option<State> {
    let mut words = text.split_whitespace();
    let (Some(send), Some(server), None) = (words.next(), words.next(), words.next()) else { return None };
    let server = if server == "-" { None } else { Some(server.parse().ok()?) };
    Some(State { send: send.parse().ok()?, server, owner: None })
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Owner { client, key, meter }) = self.owner else {
            return match self.server {
                None => writeln!(f, "{} -", self.send),
                Some(server) => writeln!(f, "{} {server}", self.send),
            };
        };
        writeln!(f, "# A counter that is used twice betrays the key: never copy or restore this file.")?;
        writeln!(f, "send = {}", self.send)?;
        if let Some(server) = self.server {
            writeln!(f, "meter_counter = {server}")?;
        }
        writeln!(f, "client = {client}\nkey = \"{}\"", hex(&key.0))?;
        meter.map_or(Ok(()), |title| writeln!(f, "meter = \"{}\"", hex(&title)))
    }
}

impl Owner {
    /// Whether counters of `held` are those of this one; where either does not know the meter, any may be meant.
    ///
    /// # Errors
    /// Whose they are instead, and the way out.
    pub(super) fn check(&self, held: &Self, path: &Path) -> anyhow::Result<()> {
        let wrong = if self.client != held.client {
            format!("counters of client {}, expected client {}", held.client, self.client)
        } else if self.key != held.key {
            format!(
                "counters under another encryption key, {}, expected {}: a new key begins with counters of its own",
                hex(&held.key.0),
                hex(&self.key.0)
            )
        } else if let Some((held, own)) = held.meter.zip(self.meter).filter(|(held, own)| held != own) {
            format!("counters with the meter {}, expected {}", hex(&held), hex(&own))
        } else {
            return Ok(());
        };
        let text =
            format!("{}: {wrong}; each client of each meter needs a --state of its own", path.display());
        Err(Fault::error(Blame::Stranger, text))
    }
}

const EXPECTED: &str = "expected the counters that an earlier command has kept: send = N and so on";
/// Sets these fingerprints apart from other digests of keys.
const DOMAIN: &[u8] = b"concentrator dlms --state";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_state() -> impl Strategy<Value = State> {
        let owner = (any::<u16>(), any::<[u8; 8]>(), any::<Option<[u8; 8]>>());
        let owner = owner.prop_map(|(client, key, meter)| Owner { client, key: Fingerprint(key), meter });
        (any::<u32>(), any::<Option<u32>>(), proptest::option::of(owner))
            .prop_map(|(send, server, owner)| State { send, server, owner })
    }

    proptest! {
        #[test]
        fn what_is_kept_is_read_back(state in any_state()) {
            prop_assert_eq!(State::parse(&state.to_string()), Ok(state));
        }

        #[test]
        fn no_file_is_too_strange(text: String) {
            let _ = State::parse(&text);
        }

        #[test]
        fn a_file_of_which_a_part_is_lost_says_no_other_counter(state in any_state(), cut in 0_usize..200) {
            let text = state.to_string();
            let cut: String = text.chars().take(cut).collect();
            if let (Some(_), Ok(read)) = (state.owner, State::parse(&cut)) {
                prop_assert_eq!(read.send, state.send);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        for (text, said) in [
            ("", "expected the counters"),
            ("send = ", "expected the counters"),
            ("7", "expected the counters"),
            ("7 8 9", "expected the counters"),
            ("send = -1", "send: expected a number from 0"),
            ("send = 7\nclient = 70000", "client: expected a number from 0 to 65535"),
            ("send = 7\nclient = 1", "key: expected 16 hexadecimal digits"),
            ("send = 7\nclient = 1\nkey = \"0011\"", "key: expected 16 hexadecimal digits"),
            ("send = 7\nclient = 1\nkey = \"0011223344556677\"\nmeter = 1", "meter: expected 16"),
        ] {
            let error = State::parse(text).unwrap_err();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_fingerprint_changes_with_the_key_and_the_suite_and_does_not_show_the_key() {
        let key = [7; 16];
        let print = Fingerprint::of(Suite::Zero, &key);
        assert_eq!(print, Fingerprint::of(Suite::Zero, &[7; 16]));
        assert_ne!(print, Fingerprint::of(Suite::One, &key));
        assert_ne!(print, Fingerprint::of(Suite::Zero, &[8; 16]));
        let state =
            State { send: 1, server: None, owner: Some(Owner { client: 1, key: print, meter: None }) };
        assert!(!state.to_string().contains("0707"), "{state}");
    }

    #[test]
    fn counters_of_another_meter_client_or_key_are_refused_with_what_was_expected() {
        let own = Owner { client: 1, key: Fingerprint([1; 8]), meter: Some(*b"MTR00001") };
        let said = |held: Owner| {
            let error = own.check(&held, Path::new("m.state")).unwrap_err();
            assert!(error.downcast_ref::<Fault>().is_some(), "with an exit code");
            error.to_string()
        };
        assert!(own.check(&own, Path::new("")).is_ok());
        assert!(own.check(&Owner { meter: None, ..own }, Path::new("")).is_ok(), "of a meter not heard yet");
        assert!(
            said(Owner { client: 3, ..own }).starts_with("m.state: counters of client 3, expected client 1;")
        );
        let key = said(Owner { key: Fingerprint([2; 8]), ..own });
        assert!(
            key.contains("another encryption key, 0202020202020202, expected 0101010101010101: "),
            "{key}"
        );
        let meter = said(Owner { meter: Some(*b"MTR00002"), ..own });
        assert!(meter.contains("with the meter 4d54523030303032, expected 4d54523030303031;"), "{meter}");
    }
}
