//! The tables, and how a file becomes a store.

use super::advance::Leap;
use super::key_file::{KeyFile, StoreId, stored_id};
use super::reading::{COLUMNS, Cursor, bits, row_id, stored};
use super::{Event, EventKind, StoreError, insert_event, mark, migration, renewal};
use archive::{Archive, ArchiveError};
use plc_core::{Eui64, ShortAddress, Utc};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `application_id` of the file: "PLCc".
pub(super) const APPLICATION_ID: u32 = 0x504C_4363;
/// `user_version` of the file.
pub(super) const VERSION: u32 = 5;
/// Of the first files, which lack the tables of the network.
const FIRST_VERSION: u32 = 1;
/// Of files with a row for each reading.
const ROWS_VERSION: u32 = 2;
/// Of files without the values of tasks.
const DELIVERY_VERSION: u32 = 3;
/// Of files that hold keys and counters too.
const KEYS_VERSION: u32 = 4;

/// What the files cannot tell.
const OF_BACKUP: &str =
    "if these keys come from a backup, stop the daemon and run `concentrator store renew`";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows that are read at once when an old file is brought up to date.
const PACKED_AT_ONCE: usize = backhaul::block::BLOCK_ROWS;

/// The tables of the first version, less the readings, which are in the tables of [`archive`], and what is in the file of the keys.
const TABLES: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meters (
    eui64 INTEGER PRIMARY KEY,
    short_address INTEGER UNIQUE,
    system_title BLOB,
    server_counter INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE events (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    meter INTEGER,
    text TEXT NOT NULL
) STRICT;
";

/// What version 2 has added, less what is in the file of the keys.
const NETWORK_TABLES: &str = "
CREATE TABLE routes (
    destination INTEGER PRIMARY KEY,
    next_hop INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    weak_links INTEGER NOT NULL,
    sequence INTEGER
) STRICT;
";

/// What version 3 has added, besides the tables of the archive.
const DELIVERY_TABLES: &str = "
ALTER TABLE meters ADD COLUMN since INTEGER;

CREATE TABLE lost (
    meter INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (meter, first)
) STRICT, WITHOUT ROWID;
";

/// What version 4 has added.
const TASK_TABLES: &str = "
CREATE TABLE task_values (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    meter INTEGER NOT NULL,
    source BLOB NOT NULL,
    logical_name BLOB NOT NULL,
    capture INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    value INTEGER NOT NULL,
    scaler INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    status INTEGER NOT NULL,
    received INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX task_values_once ON task_values (meter, source, logical_name, capture, ordinal);

CREATE TABLE marks (
    meter INTEGER NOT NULL,
    source BLOB NOT NULL,
    through INTEGER NOT NULL,
    PRIMARY KEY (meter, source)
) STRICT, WITHOUT ROWID;
";

/// What holds keys and counters in old files; those of the first versions lack some of it.
const OLD_KEY_TABLES: &str = "
CREATE TABLE IF NOT EXISTS group_keys (slot INTEGER PRIMARY KEY, key BLOB NOT NULL, purpose INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS device_counters (
    short INTEGER NOT NULL,
    key_index INTEGER NOT NULL,
    accept_from INTEGER NOT NULL,
    PRIMARY KEY (short, key_index)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meter_keys (
    eui64 INTEGER PRIMARY KEY,
    configured BLOB NOT NULL,
    encryption BLOB NOT NULL,
    authentication BLOB NOT NULL,
    renewed_encryption BLOB,
    renewed_authentication BLOB,
    renewed_counter INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    taken INTEGER NOT NULL
) STRICT;
";

/// What the engine keeps beside the file of a store [SQLite, Temporary Files 2].
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses what is no store and nothing of which one could be made.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    if path.exists() { check_header(path) } else { refuse_leftovers(path) }
}

/// Opens the file for writing, and the keys beside it; makes what is not there. The caller holds the locks and has checked.
pub(super) fn open(path: &Path, created: Utc) -> Result<(Connection, KeyFile), StoreError> {
    if !path.exists() {
        // The keys first: a store without keys is one that has lost them.
        create(path, created, KeyFile::adopt(path)?)?;
    }
    let failed = StoreError::sqlite(path);
    let (mut connection, found) = open_any(path)?;
    if found > VERSION {
        return Err(StoreError::Version { path: path.to_owned(), found });
    }
    let keys = if found == VERSION {
        let id = name(&connection, path)?;
        renewal::finish(path, id)?;
        KeyFile::of(path, id, mark::seals(&connection).map_err(&failed)?)?
    } else {
        upgrade(&mut connection, found).map_err(|error| StoreError::archive(path, error))?;
        let mut keys = migration::copy(&connection, path)?;
        migration::remove(&mut connection, keys.id()).map_err(&failed)?;
        keys.settle()?;
        keys
    };
    migration::fold(&connection).map_err(&failed)?;
    Ok((connection, keys))
}

/// Opens a file of this version for writing, without its keys, of which it has the name.
pub(super) fn open_existing(path: &Path) -> Result<(Connection, StoreId), StoreError> {
    let (connection, found) = open_any(path)?;
    if found != VERSION {
        return Err(StoreError::Version { path: path.to_owned(), found });
    }
    let id = name(&connection, path)?;
    Ok((connection, id))
}

/// Opens a file of whichever version for writing.
fn open_any(path: &Path) -> Result<(Connection, u32), StoreError> {
    let failed = StoreError::sqlite(path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    configure(&connection).map_err(&failed)?;
    // The header may be older than the log.
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&failed)?;
    Ok((connection, found))
}

fn name(connection: &Connection, path: &Path) -> Result<StoreId, StoreError> {
    let id = stored_id(connection).map_err(StoreError::sqlite(path))?;
    id.ok_or_else(|| StoreError::Foreign { path: path.to_owned() })
}

/// Opens the file for reading only. The engine itself looks at the header here: a second descriptor that is
/// closed would drop the locks of a writer in the same process [SQLite, How To Corrupt 2.2].
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    let failed = StoreError::sqlite(path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(&failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    match (pragma("application_id").map_err(&failed)?, pragma("user_version").map_err(&failed)?) {
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, found) => return Err(StoreError::Version { path: path.to_owned(), found }),
        _ => return Err(StoreError::Foreign { path: path.to_owned() }),
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Brings a file of an older version up to the last that held the keys, all or nothing.
pub(super) fn upgrade(connection: &mut Connection, found: u32) -> Result<(), ArchiveError> {
    let transaction = connection.transaction()?;
    if found == FIRST_VERSION {
        transaction.execute_batch(NETWORK_TABLES)?;
    }
    transaction.execute_batch(OLD_KEY_TABLES)?;
    if found < DELIVERY_VERSION {
        transaction.execute_batch(archive::TABLES)?;
        transaction.execute_batch(DELIVERY_TABLES)?;
        pack(&transaction)?;
        transaction.execute_batch("DROP TABLE readings")?;
    }
    if found < KEYS_VERSION {
        transaction.execute_batch(TASK_TABLES)?;
    }
    transaction.pragma_update(None, "user_version", KEYS_VERSION)?;
    Ok(transaction.commit()?)
}

/// Moves readings that had a row each into blocks, with the same cursors.
fn pack(transaction: &Transaction<'_>) -> Result<(), ArchiveError> {
    let mut archive = Archive::load(transaction)?;
    let sql =
        format!("SELECT {COLUMNS} FROM readings WHERE cursor > ?1 ORDER BY cursor LIMIT {PACKED_AT_ONCE}");
    let mut statement = transaction.prepare(&sql)?;
    loop {
        let after = row_id(archive.newest());
        let rows = statement.query_map([after], stored)?.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = rows.first() else { break };
        archive.skip_to(Cursor(first.cursor.0 - 1));
        // A hole in the cursors ends the block.
        let joined = rows.iter().zip(first.cursor.0..).take_while(|(row, cursor)| row.cursor.0 == *cursor);
        archive.insert(transaction, joined.map(|(row, _)| &row.reading))?;
    }
    archive.write_coverage(transaction)
}

/// The engine would play a log or a journal of another store into a new one. They may also hold the last
/// readings of a store whose file was moved away, so they stay.
pub(super) fn refuse_leftovers(path: &Path) -> Result<(), StoreError> {
    let mut companions = COMPANIONS.iter().map(|suffix| beside(path, suffix));
    match companions.find(|companion| companion.symlink_metadata().is_ok()) {
        Some(leftover) => Err(StoreError::Leftover { path: path.to_owned(), leftover }),
        None => Ok(()),
    }
}

/// Builds the tables in a file of another name, so that a file of the right name is always whole. Keys that were used may be an old copy,
/// so their counters leap before the file has its name, and the last that can fail for want of room comes before that.
fn create(path: &Path, created: Utc, mut keys: KeyFile) -> Result<(), StoreError> {
    let unfinished = beside(path, ".creating");
    for leftover in [unfinished.clone(), beside(&unfinished, "-journal")] {
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(StoreError::Io { path: leftover, error });
            }
            _ => {}
        }
    }
    let io = |error| StoreError::Io { path: path.to_owned(), error };
    private(&unfinished).map_err(io)?;
    let addresses = keys.addresses()?;
    let leap = keys.leap()?;
    let adopted = leap.map(|leap| {
        let text =
            format!("the readings were gone, the keys that were there are taken over: {leap}; {OF_BACKUP}");
        (leap, Event { time: created, kind: EventKind::Keys, meter: None, text })
    });
    build(&unfinished, created, keys.id(), &addresses, adopted.as_ref()).map_err(StoreError::sqlite(path))?;
    if let Some((leap, event)) = &adopted {
        keys.advance(leap)?;
        tracing::warn!("{event}");
    }
    fs::rename(&unfinished, path).map_err(io)?;
    sync_folder(path).map_err(io)
}

/// Makes names durable that were given or taken beside `path`.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// An empty file that only its owner can read. The engine gives the log and the
/// journal the permissions of the file they belong to.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn build(
    path: &Path,
    created: Utc,
    id: StoreId,
    addresses: &[(Eui64, ShortAddress)],
    adopted: Option<&(Leap, Event)>,
) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(NETWORK_TABLES)?;
    transaction.execute_batch(archive::TABLES)?;
    transaction.execute_batch(DELIVERY_TABLES)?;
    transaction.execute_batch(TASK_TABLES)?;
    transaction
        .execute("INSERT INTO meta VALUES ('created', ?1), ('id', ?2)", params![created.as_millis(), id])?;
    for (meter, short) in addresses {
        transaction.execute(
            "INSERT INTO meters (eui64, short_address) VALUES (?1, ?2)",
            params![bits(*meter), short.0],
        )?;
    }
    if let Some((leap, event)) = adopted {
        mark::keep(&transaction, "first_invocation", leap.first_invocation)?;
        insert_event(&transaction, event)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Looks at the first octets of the file [SQLite file format 1.3], without letting the engine near it: a
/// file that is not ours stays as it is.
fn check_header(path: &Path) -> Result<(), StoreError> {
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let foreign = || StoreError::Foreign { path: path.to_owned() };
    match read {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(foreign()),
        Err(error) => return Err(StoreError::Io { path: path.to_owned(), error }),
        Ok(()) => {}
    }
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    match (header.starts_with(b"SQLite format 3\0"), word(68), word(60)) {
        (true, APPLICATION_ID, FIRST_VERSION | ROWS_VERSION | DELIVERY_VERSION | KEYS_VERSION | VERSION) => {
            Ok(())
        }
        (true, APPLICATION_ID, found) => Err(StoreError::Version { path: path.to_owned(), found }),
        _ => Err(foreign()),
    }
}

/// The path with `suffix` at the end of its file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
