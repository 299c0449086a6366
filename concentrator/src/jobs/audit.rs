//! The audit log: every command, who gave it and what became of it, each line chained to the one before by its hash and signed with the
//! key of the box. A line that is changed, left out or put between is found by [`verify`].
//!
//! A line is a JSON object: `sequence` from 1, `time_ms`, `who`, `role`, `what`, `detail`, `before` (SHA-256 of the line before, 64 zeros
//! for the first), `signature` (ECDSA P-256 with SHA-256 of everything before the signature, r | s). Hexadecimal digits.

use crate::entropy;
use crate::hex::{hex, unhex};
use dlms::security::{Curve, PrivateKey, PublicKey};
use plc_core::Utc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a command cannot be put on record, or the record cannot be believed.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A file cannot be read or written.
    #[error("audit file {}: {error}; expected a file of this user", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The key is none.
    #[error("audit key {}: expected 64 hexadecimal digits", .0.display())]
    Key(PathBuf),
    /// The key is gone, and lines that it has signed are there.
    #[error("audit key {}: missing beside a log that it has signed; expected it, or the log moved away", .0.display())]
    KeyMissing(PathBuf),
    /// A line is not what was written.
    #[error("audit log, line {line}: {fault}")]
    Broken {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The log has reached its limit.
    #[error("audit log {}: {FULL_MIB} MiB, expected less: keep it elsewhere and remove it here", .0.display())]
    Full(PathBuf),
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub sequence: u64,
    /// When, by the clock of the concentrator.
    pub time: Utc,
    /// Who.
    pub who: String,
    /// What they were.
    pub role: String,
    /// What was done, such as `submit`.
    pub what: String,
    /// To what.
    pub detail: String,
}

/// The log, open to append.
#[derive(Debug)]
pub(super) struct AuditLog {
    path: PathBuf,
    file: File,
    key: PrivateKey,
    sequence: u64,
    before: String,
    octets: u64,
}

impl AuditLog {
    /// Opens the log in a folder; makes it and its key when they are not there. A last line that a power cut has torn, which nobody was
    /// told of, is removed.
    pub(super) fn open(folder: &Path) -> Result<Self, AuditError> {
        let key = own_key(folder)?;
        let path = folder.join(LOG);
        let io = |error| AuditError::Io { path: path.clone(), error };
        let mut file = private(&path, true).map_err(io)?;
        let whole = remove_torn(&path, &file).map_err(io)?;
        let entries = verify(&path, &key.public_key())?;
        let before = last_line(&path).map_err(io)?.map_or_else(|| ZERO.to_owned(), |line| hash(&line));
        file.flush().map_err(io)?;
        let sequence = entries.last().map_or(0, |entry| entry.sequence);
        Ok(Self { sequence, before, octets: whole, path, file, key })
    }

    #[cfg(test)]
    pub(super) const fn fill(&mut self) {
        self.octets = FULL_MIB << 20;
    }

    /// Puts a line on record: durable when this returns.
    pub(super) fn append(
        &mut self,
        time: Utc,
        (who, role): (&str, &str),
        what: &str,
        detail: &str,
    ) -> Result<(), AuditError> {
        if self.octets >= FULL_MIB << 20 {
            return Err(AuditError::Full(self.path.clone()));
        }
        let entry = Entry {
            sequence: self.sequence + 1,
            time,
            who: who.to_owned(),
            role: role.to_owned(),
            what: what.to_owned(),
            detail: detail.to_owned(),
        };
        let line = signed(&entry, &self.before, &self.key);
        let written =
            self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| AuditError::Io { path: self.path.clone(), error })?;
        self.octets += line.len() as u64 + 1;
        (self.sequence, self.before) = (entry.sequence, hash(&line));
        Ok(())
    }
}

/// Reads a log whole, and believes nothing of it before it is proved.
///
/// # Errors
/// The file cannot be read; a line is not what was written.
pub fn verify(path: &Path, key: &PublicKey) -> Result<Vec<Entry>, AuditError> {
    let io = |error| AuditError::Io { path: path.to_owned(), error };
    let mut entries: Vec<Entry> = Vec::new();
    let mut before = ZERO.to_owned();
    for (at, line) in BufReader::new(File::open(path).map_err(io)?).lines().enumerate() {
        let line = line.map_err(io)?;
        let broken = |fault| AuditError::Broken { line: at + 1, fault };
        let (entry, chained) = read(&line, key).map_err(broken)?;
        if chained != before || entry.sequence != at as u64 + 1 {
            return Err(broken("does not follow the line before: something was removed or put between"));
        }
        before = hash(&line);
        entries.push(entry);
    }
    Ok(entries)
}

/// The public key of the box whose store lies in this folder.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn public_key(folder: &Path) -> Result<PublicKey, AuditError> {
    let path = folder.join(PUBLIC);
    let text = fs::read_to_string(&path).map_err(|error| AuditError::Io { path: path.clone(), error })?;
    let octets = unhex(text.trim()).ok_or_else(|| AuditError::Key(path.clone()))?;
    PublicKey::from_octets(Curve::P256, &octets).map_err(|_| AuditError::Key(path))
}

/// The name of the log in the folder of the store.
pub const LOG: &str = "audit.log";
const KEY: &str = "audit.key";
const PUBLIC: &str = "audit.pub";
const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const FULL_MIB: u64 = 64;
/// What stands between the signed part of a line and the signature.
const SEAM: &str = ",\"signature\":\"";

fn signed(entry: &Entry, before: &str, key: &PrivateKey) -> String {
    let Entry { sequence, time, who, role, what, detail } = entry;
    let [who, role, what, detail] = [who, role, what, detail].map(|text| json!(text).to_string());
    let time_ms = time.as_millis();
    let body = format!(
        "{{\"sequence\":{sequence},\"time_ms\":{time_ms},\"who\":{who},\"role\":{role},\"what\":{what},\"detail\":{detail},\"before\":\"{before}\""
    );
    let signature = hex(&key.sign(body.as_bytes()));
    format!("{body}{SEAM}{signature}\"}}")
}

/// An entry with the hash that it is chained to.
fn read(line: &str, key: &PublicKey) -> Result<(Entry, String), &'static str> {
    let (body, rest) = line.rsplit_once(SEAM).ok_or("has no signature")?;
    let signature = rest.strip_suffix("\"}").and_then(unhex).ok_or("has a malformed signature")?;
    if !key.verify(body.as_bytes(), &signature) {
        return Err("was not signed by this box: it was changed, or the key is another");
    }
    let value: Value = serde_json::from_str(line).map_err(|_| "is no JSON")?;
    let text = |name: &str| value[name].as_str().map(str::to_owned).ok_or("lacks a field");
    let entry = Entry {
        sequence: value["sequence"].as_u64().ok_or("lacks a sequence")?,
        time: Utc::from_millis(value["time_ms"].as_i64().ok_or("lacks a time")?),
        who: text("who")?,
        role: text("role")?,
        what: text("what")?,
        detail: text("detail")?,
    };
    Ok((entry, text("before")?))
}

fn own_key(folder: &Path) -> Result<PrivateKey, AuditError> {
    let path = folder.join(KEY);
    let io = |error| AuditError::Io { path: path.clone(), error };
    if let Ok(text) = fs::read_to_string(&path) {
        let octets = unhex(text.trim()).ok_or_else(|| AuditError::Key(path.clone()))?;
        let key = PrivateKey::from_octets(Curve::P256, &octets).map_err(|_| AuditError::Key(path.clone()))?;
        // A power cut may have come between the two files, or somebody has put the key back.
        let public = hex(&key.public_key().octets());
        if fs::read_to_string(folder.join(PUBLIC)).map_or(true, |known| known.trim() != public) {
            fs::write(folder.join(PUBLIC), public).map_err(io)?;
        }
        return Ok(key);
    }
    if fs::metadata(folder.join(LOG)).is_ok_and(|log| log.len() > 0) {
        return Err(AuditError::KeyMissing(path));
    }
    let mut stream = entropy::seed().map_err(io)?.derive("audit", 0).stream();
    let key = PrivateKey::random(Curve::P256, &mut stream);
    let unfinished = folder.join("audit.key.new");
    let mut file = private(&unfinished, false).map_err(io)?;
    file.write_all(hex(key.to_secret().octets()).as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&unfinished, &path).map_err(io)?;
    fs::write(folder.join(PUBLIC), hex(&key.public_key().octets())).map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(key)
}

fn private(path: &Path, append: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    if append {
        options.append(true).read(true)
    } else {
        options.write(true).truncate(true)
    };
    options.open(path)
}

/// Cuts what is behind the last end of a line; how many octets are left.
fn remove_torn(path: &Path, file: &File) -> io::Result<u64> {
    let octets = fs::read(path)?;
    let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1) as u64;
    if whole < octets.len() as u64 {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(whole)
}

fn last_line(path: &Path) -> io::Result<Option<String>> {
    BufReader::new(File::open(path)?).lines().last().transpose()
}

fn hash(line: &str) -> String {
    hex(&Sha256::digest(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn filled(folder: &Path) -> PathBuf {
        let mut log = AuditLog::open(folder).unwrap();
        for n in 0..3 {
            let detail = format!("job {n}: \"disconnect\"\n");
            log.append(Utc::from_secs(n), ("ann", "administrator"), "submit", &detail).unwrap();
        }
        folder.join(LOG)
    }

    #[test]
    fn what_was_done_is_told_and_the_chain_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = filled(folder.path());
        AuditLog::open(folder.path())
            .unwrap()
            .append(Utc::from_secs(9), ("bob", "operator"), "cancel", "job 2")
            .unwrap();
        let entries = verify(&path, &public_key(folder.path()).unwrap()).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(entries[1].detail, "job 1: \"disconnect\"\n");
        assert_eq!((entries[3].who.as_str(), entries[3].what.as_str()), ("bob", "cancel"));
        for name in [LOG, KEY] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_line_that_was_changed_removed_moved_or_invented_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = filled(folder.path());
        let key = public_key(folder.path()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let forged = |lines: &[&str]| {
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            verify(&path, &key).unwrap_err().to_string()
        };
        let changed = lines[1].replace("job 1", "job 7");
        assert!(forged(&[lines[0], &changed, lines[2]]).contains("line 2: was not signed by this box"));
        assert!(forged(&[lines[0], lines[2]]).contains("line 2: does not follow"));
        assert!(forged(&[lines[1], lines[2]]).contains("line 1: does not follow"));
        assert!(forged(&[lines[0], lines[0], lines[1]]).contains("line 2: does not follow"));
        assert!(forged(&["{}"]).contains("line 1: has no signature"));
        let elsewhere = tempfile::tempdir().unwrap();
        let foreign = fs::read_to_string(filled(elsewhere.path())).unwrap();
        assert!(forged(&foreign.lines().collect::<Vec<_>>()).contains("line 1: was not signed by this box"));
        assert!(
            AuditLog::open(folder.path()).is_err(),
            "nothing is appended to a log that cannot be believed"
        );
    }

    #[test]
    fn a_log_without_its_key_is_refused_and_the_key_is_believed_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let [key, public] = [KEY, PUBLIC].map(|name| folder.path().join(name));
        let kept = [fs::read(&key).unwrap(), fs::read(&public).unwrap()];
        fs::remove_file(&key).unwrap();
        assert!(matches!(AuditLog::open(folder.path()), Err(AuditError::KeyMissing(path)) if path == key));
        assert!(!key.exists() && fs::read(&public).unwrap() == kept[1], "nothing is made in its place");
        fs::write(&key, &kept[0]).unwrap();
        fs::write(&public, "00").unwrap();
        AuditLog::open(folder.path()).unwrap();
        assert_eq!(fs::read(&public).unwrap(), kept[1]);
    }

    #[test]
    fn a_line_that_a_power_cut_has_torn_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = filled(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut log = AuditLog::open(folder.path()).unwrap();
        log.append(Utc::from_secs(5), ("ann", "operator"), "approve", "job 1").unwrap();
        let entries = verify(&path, &public_key(folder.path()).unwrap()).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[2].what, "approve");
    }
}
