//! Why the store refuses or fails.

use super::key_file::is_key_file;
use super::schema::VERSION;
use crate::side_file::SideFileError;
use archive::ArchiveError;
use plc_core::{Eui64, ShortAddress};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the store refuses or fails. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file belongs to something else.
    #[error("store {}: not a database of the concentrator; expected one, or no file at all", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of the software.
    #[error("store {}: schema version {found}, expected {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// There is no such store, but a log of one, which may hold the last that it stored.
    #[error(
        "store {}: left behind by another store, expected none; remove it or restore {}",
        leftover.display(),
        path.display()
    )]
    Leftover {
        /// The file.
        path: PathBuf,
        /// What stands beside it.
        leftover: PathBuf,
    },
    /// The store was used with keys that are not there.
    #[error(
        "keys {}: missing, and the store {} has been used with them; expected the file: without it counters would go back; if it is lost, {RENEW}",
        path.display(),
        store.display()
    )]
    KeysMissing {
        /// Where the keys should be.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// There are no readings whose keys could be renewed.
    #[error("store {}: missing; expected the store whose keys are to be renewed", path.display())]
    Missing {
        /// Where the store should be.
        path: PathBuf,
    },
    /// The keys beside the store belong to another.
    #[error(
        "keys {}: of another store, expected those of {}; restore the two that belong together",
        path.display(),
        store.display()
    )]
    KeysOfAnother {
        /// Where the keys are.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// The keys beside the store are an older copy of those that it has been used with.
    #[error(
        "keys {}: an older copy, of change {found}; the store {} has been used with change {known}, and counters would go back under the same keys; expected the newest copy; if it is lost, {RENEW}",
        path.display(),
        store.display()
    )]
    KeysOlder {
        /// Where the keys are.
        path: PathBuf,
        /// The store.
        store: PathBuf,
        /// How often these had changed.
        found: u64,
        /// Of how many changes the store knows.
        known: u64,
    },
    /// The file of the keys cannot be used.
    #[error("{why}{way}", why = .0, way = way_on_with_keys(.0))]
    KeyFile(#[from] SideFileError),
    /// Another process, or another value in this one, writes to it.
    #[error("store {}: already open for writing; expected to be its only writer", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("store {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The database failed: disk full, damaged file.
    #[error("store {}: {error}{}", path.display(), way_on(path, error))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The store has reached its limit.
    #[error("store {}: {used} of {limit} pages used; expected room, which there is when the head-end has acknowledged more", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Pages in use.
        used: u64,
        /// Pages that may be.
        limit: u64,
    },
    /// The readings cannot be packed.
    #[error("store {}: {error}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ArchiveError,
    },
    /// A counter that must never go back was asked to.
    #[error("counter {name}: {value} is less than the stored {stored}; a counter never goes back")]
    CounterBack {
        /// Which one.
        name: String,
        /// What is stored, and stays.
        stored: u64,
        /// What was asked.
        value: u64,
    },
    /// The meter was never registered.
    #[error("meter {0}: not registered in the store")]
    UnknownMeter(Eui64),
    /// The address belongs to another meter.
    #[error("short address {address}: held by meter {holder}, expected a free one")]
    AddressTaken {
        /// The address.
        address: ShortAddress,
        /// Who has it.
        holder: Eui64,
    },
}

/// The way on without the newest keys.
pub(super) const RENEW: &str =
    "`concentrator store renew` goes on with a new network and with counters that were certainly not used";

/// What to do about a file that is no sound database.
fn way_on(path: &Path, error: &rusqlite::Error) -> String {
    match is_damage(error) {
        false => String::new(),
        true if is_key_file(path) => {
            format!("; expected the newest copy of the keys; if it is lost, {RENEW}")
        }
        true => String::from(
            "; expected a sound database: restore it from a backup, or move it away, and it is made anew with the keys that are there",
        ),
    }
}

/// The same of the keys, which are never made anew beside a store that has been used with them.
fn way_on_with_keys(error: &SideFileError) -> String {
    match error {
        SideFileError::Sqlite { path, error, .. } => way_on(path, error),
        SideFileError::Foreign { .. } => {
            format!("; if there were keys and their newest copy is lost, {RENEW}")
        }
        _ => String::new(),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

impl StoreError {
    /// Of the tables of readings.
    pub(super) fn archive(path: &Path, error: ArchiveError) -> Self {
        match error {
            ArchiveError::Sqlite(error) => Self::sqlite(path)(error),
            error => Self::Archive { path: path.to_owned(), error },
        }
    }

    /// Whether the keys beside the store are no sound database.
    pub(super) fn is_damage_of_keys(&self) -> bool {
        match self {
            Self::KeyFile(SideFileError::Foreign { .. }) => true,
            Self::Foreign { path } => is_key_file(path),
            Self::KeyFile(SideFileError::Sqlite { error, .. }) => is_damage(error),
            Self::Sqlite { path, error } => is_key_file(path) && is_damage(error),
            _ => false,
        }
    }

    /// Whether there is no room on the disk or in the store.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Sqlite { error, .. } => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            _ => false,
        }
    }

    pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        move |error| Self::Sqlite { path: path.to_owned(), error }
    }
}
