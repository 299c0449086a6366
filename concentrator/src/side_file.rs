//! Databases beside the store: what they hold, and that they are what they are taken for.

use rusqlite::Connection;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// A kind of database.
#[derive(Clone, Copy, Debug)]
pub struct SideFile {
    /// What it holds, for people.
    pub holds: &'static str,
    /// `application_id` of the file.
    pub application_id: u32,
    /// `user_version` of the file.
    pub version: u32,
    /// The table by which a file of the time before these numbers is known.
    pub table: &'static str,
}

/// Why a file is refused. It is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SideFileError {
    /// The file system refused.
    #[error("file {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is something else.
    #[error("file {}: expected {holds} of a concentrator, or no file at all", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        holds: &'static str,
    },
    /// It was written by another version of the software.
    #[error("file {}: version {found}, expected {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The one that is understood.
        expected: u32,
    },
    /// The database failed.
    #[error("file {}: {error}; expected {holds} of a concentrator", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        holds: &'static str,
        /// Why.
        error: rusqlite::Error,
    },
}

impl SideFile {
    /// Opens the file for writing, every commit durable; makes it, readable by its owner only, when it is not there. `prepare` makes its tables.
    ///
    /// # Errors
    /// It is something else, or of another version; the file system or the database failed.
    pub fn open(
        &self,
        path: &Path,
        prepare: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<Connection, SideFileError> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        file.map_err(|error| SideFileError::Io { path: path.to_owned(), error })?;
        let failed = |error| self.failed(path, error);
        let mut connection = Connection::open(path).map_err(failed)?;
        self.check(path, &connection)?;
        let made = (|| {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let transaction = connection.transaction()?;
            prepare(&transaction)?;
            transaction.pragma_update(None, "application_id", self.application_id)?;
            transaction.pragma_update(None, "user_version", self.version)?;
            transaction.commit()
        })();
        made.map_err(failed)?;
        Ok(connection)
    }

    /// Whether it is what it is taken for; also when it is empty.
    ///
    /// # Errors
    /// It is something else, or of another version; the database failed.
    pub fn check(&self, path: &Path, connection: &Connection) -> Result<(), SideFileError> {
        let failed = |error| self.failed(path, error);
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let (application, version) =
            (pragma("application_id").map_err(failed)?, pragma("user_version").map_err(failed)?);
        let known =
            "SELECT count(*), count(*) FILTER (WHERE type = 'table' AND name = ?1) FROM sqlite_schema";
        let row = connection
            .query_row(known, [self.table], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let (all, known) = row.map_err(failed)?;
        match (application, version) {
            (id, found) if id == self.application_id => {
                let expected = self.version;
                (found == expected).then_some(()).ok_or_else(|| SideFileError::Version {
                    path: path.to_owned(),
                    found,
                    expected,
                })
            }
            (0, 0) if all == 0 || known == 1 => Ok(()),
            _ => Err(SideFileError::Foreign { path: path.to_owned(), holds: self.holds }),
        }
    }

    fn failed(&self, path: &Path, error: rusqlite::Error) -> SideFileError {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            return SideFileError::Foreign { path: path.to_owned(), holds: self.holds };
        }
        SideFileError::Sqlite { path: path.to_owned(), holds: self.holds, error }
    }
}

const BUSY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOTES: SideFile =
        SideFile { holds: "notes", application_id: 0x504C_4374, version: 2, table: "notes" };

    fn make(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch("CREATE TABLE IF NOT EXISTS notes (text TEXT) STRICT")
    }

    fn refusal(path: &Path) -> String {
        NOTES.open(path, make).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.sqlite");
        NOTES.open(&path, make).unwrap().execute("INSERT INTO notes VALUES ('kept')", ()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = NOTES.open(&path, make).unwrap();
        let kept: String = again.query_row("SELECT text FROM notes", (), |row| row.get(0)).unwrap();
        assert_eq!(kept, "kept");
    }

    #[test]
    fn a_file_from_before_the_numbers_gets_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.sqlite");
        make(&Connection::open(&path).unwrap()).unwrap();
        let opened = NOTES.open(&path, make).unwrap();
        let id: u32 = opened.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
        assert_eq!(id, NOTES.application_id);
    }

    #[test]
    fn what_is_no_such_file_is_named_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.sqlite");
        let name = path.display();
        let foreign = format!("file {name}: expected notes of a concentrator, or no file at all");
        std::fs::write(&path, [b'x'; 5000]).unwrap();
        assert_eq!(refusal(&path), foreign);
        assert_eq!(std::fs::read(&path).unwrap(), [b'x'; 5000]);
        std::fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE others (text TEXT)").unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_eq!(refusal(&path), foreign);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(&path).unwrap();
        SideFile { version: 3, ..NOTES }.open(&path, make).unwrap();
        assert_eq!(refusal(&path), format!("file {name}: version 3, expected 2"));
        let nowhere = folder.path().join("nowhere/notes.sqlite");
        assert!(refusal(&nowhere).starts_with(&format!("file {}: No such file", nowhere.display())));
    }
}
