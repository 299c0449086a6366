//! The keys of a meter, and the counters that go with them.

use anyhow::{Context, anyhow, bail};
use dlms::security::{Suite0, SystemTitle};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Who the client is to a meter that demands proof.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) suite: Suite0,
    pub(super) client_title: SystemTitle,
}

impl Keys {
    /// From a file in TOML: `encryption_key`, `authentication_key`, and `client_title` where the client is not to have
    /// the one of this program. Other keys are not looked at, so that what a meter says of itself can be given.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| anyhow!("{}: {}", path.display(), error.message()))?;
        let encryption = octets(path, &table, "encryption_key")?;
        let authentication = octets(path, &table, "authentication_key")?;
        let (Some(encryption), Some(authentication)) = (encryption, authentication) else {
            bail!("{}: expected encryption_key and authentication_key", path.display());
        };
        let client_title = octets(path, &table, "client_title")?.unwrap_or(CLIENT_TITLE);
        Ok(Self { suite: Suite0::new(&encryption, &authentication), client_title })
    }
}

fn octets<const N: usize>(path: &Path, table: &toml::Table, key: &str) -> anyhow::Result<Option<[u8; N]>> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let found = value.as_str().and_then(crate::config::hex);
    found.map(Some).ok_or_else(|| anyhow!("{}: {key}: expected {} hexadecimal digits", path.display(), 2 * N))
}

/// The counters of this client with one meter, in a file.
#[derive(Debug)]
pub(super) struct Counters {
    path: PathBuf,
    /// The first send counter that is certainly unused; `None` before the first use.
    pub(super) send: Option<u32>,
    /// The highest counter of the meter.
    pub(super) server: Option<u32>,
}

impl Counters {
    /// What the file says; nothing when there is none yet.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), send: None, server: None });
            }
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let expected = || anyhow!("{}: expected the send counter, and the meter's or a dash", path.display());
        let mut words = text.split_whitespace();
        let (Some(send), Some(server), None) = (words.next(), words.next(), words.next()) else {
            return Err(expected());
        };
        let send = Some(send.parse().map_err(|_| expected())?);
        let server = if server == "-" { None } else { Some(server.parse().map_err(|_| expected())?) };
        Ok(Self { path: path.to_owned(), send, server })
    }

    /// Makes them durable, such that a crash leaves the old ones or the new.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let Some(send) = self.send else { return Ok(()) };
        let server = self.server.map_or(String::from("-"), |last| last.to_string());
        let beside = self.path.with_extension("new");
        let written = File::create(&beside)
            .and_then(|mut file| {
                writeln!(file, "{send} {server}")?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.with_context(|| self.path.display().to_string())
    }
}

/// The system title of this program. The daemon has another one: both may have a meter's keys, and a title must not use a
/// counter twice.
const CLIENT_TITLE: SystemTitle = *b"PLCDCCLI";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_back_and_a_file_that_holds_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.state");
        let fresh = Counters::read(&path).unwrap();
        assert_eq!((fresh.send, fresh.server), (None, None));
        fresh.write().unwrap();
        assert!(!path.exists(), "nothing to keep");
        for (send, server) in [(7, None), (u32::MAX, Some(9))] {
            Counters { path: path.clone(), send: Some(send), server }.write().unwrap();
            let read = Counters::read(&path).unwrap();
            assert_eq!((read.send, read.server), (Some(send), server));
        }
        for bad in ["", "7", "x -", "7 8 9"] {
            std::fs::write(&path, bad).unwrap();
            let error = Counters::read(&path).unwrap_err().to_string();
            assert!(error.contains("meter.state: expected the send counter"), "{error}");
        }
    }

    #[test]
    fn keys_are_read_and_what_is_wrong_with_them_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Keys::read(&path).map(|keys| keys.client_title).map_err(|error| error.to_string())
        };
        let good = "encryption_key = \"00112233445566778899aabbccddeeff\"\nauthentication_key = \"00112233445566778899aabbccddeeff\"\n";
        assert_eq!(read(good), Ok(*b"PLCDCCLI"));
        assert_eq!(
            read(&format!("{good}hdlc = \"1\"\nclient_title = \"4142434445464748\"")),
            Ok(*b"ABCDEFGH")
        );
        assert!(
            read("encryption_key = \"00\"")
                .unwrap_err()
                .ends_with("encryption_key: expected 32 hexadecimal digits")
        );
        assert!(read("").unwrap_err().ends_with("expected encryption_key and authentication_key"));
    }
}
