//! A configuration on trial: it takes the place of the file, and gives it back when nobody confirms it in time.
//!
//! Beside the file stand `FILE.previous`, what it was before, and, while a trial is under way, `FILE.unconfirmed` with its end. The order of
//! writes is such that a power cut at any moment leaves the old or the new file whole, and the way back as long as there is a trial.

use super::{Change, Config, ConfigErrors};
use crate::bounded;
use plc_core::Utc;
use plc_core::time::Duration;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a configuration was not put in the place of the file, or not confirmed, or not taken back.
#[derive(Debug, Error)]
pub enum TrialError {
    /// It is wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigErrors),
    /// Another one waits for its confirmation.
    #[error(
        "a configuration waits for its confirmation until {0}; expected config confirm or config revert first"
    )]
    UnderWay(Utc),
    /// None waits.
    #[error("no configuration waits for its confirmation")]
    None,
    /// Some of it needs a restart.
    #[error("{0}: change the file and restart the daemon instead")]
    Restart(String),
    /// The file system refused.
    #[error("{path}: {error}; expected a folder that the daemon may write to")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A configuration file that can be put on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    path: PathBuf,
}

/// A trial that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it ends.
    pub until: Utc,
    /// How long it was to be.
    pub length: Duration,
}

impl Pending {
    /// How much longer it takes. A clock that was set back does not make it longer than it was to be.
    pub fn remaining(&self, now: Utc) -> Duration {
        let left = u64::try_from(self.until.as_millis() - now.as_millis()).unwrap_or(0);
        Duration::from_millis(left).min(self.length)
    }
}

impl Trial {
    /// Of the file at `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `text` would change, and nothing else.
    ///
    /// # Errors
    /// It is wrong.
    pub fn preview(&self, running: &Config, text: &str) -> Result<(Config, Vec<Change>), TrialError> {
        let config = Config::parse(text, &self.path)?;
        let changes = running.changes(&config);
        Ok((config, changes))
    }

    /// Puts `text` in the place of the file, for good or until `now + confirm` unless it is confirmed before.
    ///
    /// # Errors
    /// Another one waits; the file system refused. The file is what it was.
    pub fn begin(&self, text: &str, confirm: Option<Duration>, now: Utc) -> Result<(), TrialError> {
        if let Some(pending) = self.pending()? {
            return Err(TrialError::UnderWay(pending.until));
        }
        let old = bounded::octets(&self.path, bounded::TEXT).map_err(|error| fault(&self.path, error))?;
        write(&self.beside("previous"), &old)?;
        if let Some(length) = confirm {
            let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            let until = now.as_millis().saturating_add(i64::try_from(length_ms).unwrap_or(i64::MAX));
            write(&self.beside("unconfirmed"), format!("{until} {length_ms}\n").as_bytes())?;
        }
        write(&self.path, text.as_bytes())
    }

    /// The trial that is under way.
    ///
    /// # Errors
    /// The file system refused.
    pub fn pending(&self) -> Result<Option<Pending>, TrialError> {
        let marker = self.beside("unconfirmed");
        match bounded::text(&marker) {
            // A marker that cannot be understood is one whose time is over.
            Ok(text) => Ok(Some(parse(&text).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&marker, error)),
        }
    }

    /// Keeps what is on trial.
    ///
    /// # Errors
    /// Nothing is; the file system refused.
    pub fn confirm(&self) -> Result<(), TrialError> {
        self.pending()?.ok_or(TrialError::None)?;
        self.remove_marker()
    }

    /// Takes back what is on trial.
    ///
    /// # Errors
    /// Nothing is; the file system refused.
    pub fn revert(&self) -> Result<(), TrialError> {
        self.pending()?.ok_or(TrialError::None)?;
        let previous = self.beside("previous");
        let old = bounded::octets(&previous, bounded::TEXT).map_err(|error| fault(&previous, error))?;
        write(&self.path, &old)?;
        self.remove_marker()
    }

    fn remove_marker(&self) -> Result<(), TrialError> {
        let marker = self.beside("unconfirmed");
        fs::remove_file(&marker).and_then(|()| sync_folder(&marker)).map_err(|error| fault(&marker, error))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

impl Default for Pending {
    /// One whose time is over.
    fn default() -> Self {
        Self { until: Utc::from_millis(0), length: Duration::ZERO }
    }
}

fn parse(text: &str) -> Option<Pending> {
    let (until, length) = text.trim().split_once(' ')?;
    let length = Duration::from_millis(length.parse().ok()?);
    Some(Pending { until: Utc::from_millis(until.parse().ok()?), length })
}

/// Whole or not at all, readable by its owner only.
fn write(path: &Path, octets: &[u8]) -> Result<(), TrialError> {
    let mut name = OsString::from(path);
    name.push(".new");
    let new = PathBuf::from(name);
    let written = (|| {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_folder(path)
    })();
    written.map_err(|error| fault(path, error))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn fault(path: &Path, error: io::Error) -> TrialError {
    TrialError::File { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Utc = Utc::from_millis(1_795_305_600_000);
    const TEN_MINUTES: Duration = Duration::from_secs(600);

    fn trial() -> (tempfile::TempDir, Trial) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        fs::write(&path, "old").unwrap();
        (folder, Trial::new(&path))
    }

    fn content(trial: &Trial) -> String {
        fs::read_to_string(trial.path()).unwrap()
    }

    #[test]
    fn what_is_confirmed_stays() {
        let (_folder, trial) = trial();
        trial.begin("new", Some(TEN_MINUTES), NOW).unwrap();
        let pending = trial.pending().unwrap().unwrap();
        assert_eq!(pending.remaining(NOW), TEN_MINUTES);
        assert!(
            matches!(trial.begin("third", None, NOW), Err(TrialError::UnderWay(until)) if until == pending.until)
        );
        trial.confirm().unwrap();
        assert_eq!((content(&trial).as_str(), trial.pending().unwrap()), ("new", None));
        assert!(matches!(trial.confirm(), Err(TrialError::None)));
        assert!(matches!(trial.revert(), Err(TrialError::None)), "it is no trial any more");
    }

    #[test]
    fn what_is_taken_back_is_what_it_was() {
        let (_folder, trial) = trial();
        trial.begin("new", Some(TEN_MINUTES), NOW).unwrap();
        assert_eq!(content(&trial), "new");
        trial.revert().unwrap();
        assert_eq!((content(&trial).as_str(), trial.pending().unwrap()), ("old", None));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_trial_longer_and_one_that_is_set_forth_ends_it() {
        let pending = Pending { until: Utc::from_millis(NOW.as_millis() + 600_000), length: TEN_MINUTES };
        assert_eq!(pending.remaining(Utc::from_millis(0)), TEN_MINUTES);
        assert_eq!(pending.remaining(Utc::from_millis(NOW.as_millis() + 599_000)), Duration::from_secs(1));
        assert_eq!(pending.remaining(Utc::from_millis(NOW.as_millis() + 9_999_000)), Duration::ZERO);
    }

    #[test]
    fn a_marker_that_nobody_understands_is_one_whose_time_is_over() {
        let (_folder, trial) = trial();
        trial.begin("new", Some(TEN_MINUTES), NOW).unwrap();
        for torn in ["", "17", "x y", "1 -2"] {
            fs::write(trial.beside("unconfirmed"), torn).unwrap();
            assert_eq!(
                trial.pending().unwrap().map(|pending| pending.remaining(NOW)),
                Some(Duration::ZERO),
                "{torn:?}"
            );
        }
    }

    #[test]
    fn files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, trial) = trial();
        trial.begin("new", Some(TEN_MINUTES), NOW).unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    }
}
