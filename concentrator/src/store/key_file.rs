//! The file of the keys, and of the counters that must never go back.
//!
//! A key and its counter stand in one file, apart from the readings: whatever happens to the readings, no counter begins anew under a key
//! that lives on, and a copy of the readings holds no key. Each of the two files holds the same random name, so that neither is taken for
//! the companion of another.
//!
//! What a meter has counted is durable with the readings that it came with ([`super::Store::commit`]) and is copied here with the next
//! change of this file; the greater one counts. So a batch of readings costs no write here. The generation says under which keys of the
//! meter it was counted: what was counted under others says nothing.

use super::reading::{bits, eui64};
use super::{Network, StoreError, mark, schema};
use crate::side_file::SideFile;
use plc_core::sap::{Key, KeyUse};
use plc_core::{Eui64, PanId, ShortAddress};
use plc_node::DeviceCounter;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, Transaction};
use std::path::{Path, PathBuf};

/// Keys and counters of a store.
#[derive(Debug)]
pub struct KeyFile {
    pub(super) connection: Connection,
    path: PathBuf,
    id: StoreId,
    /// How often it has changed.
    pub(super) seals: u64,
}

/// The name that a store and its keys share.
pub(super) type StoreId = [u8; 16];

/// Counters between the concentrator and a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterCounters {
    /// Invocation counters below this one may have been used towards it.
    pub invocation: u64,
    /// The last invocation counter that it used, as far as this file knows.
    pub server: u64,
    /// How often its keys have been renewed.
    pub generation: i64,
}

impl KeyFile {
    /// Opens the keys beside a store for reading only.
    ///
    /// # Errors
    /// The file is not there, or does not hold keys.
    pub fn open_read_only(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(&path, flags).map_err(StoreError::sqlite(&path))?;
        FILE.check(&path, &connection)?;
        Self::read(connection, path)
    }

    /// The keys for a store that is about to be made: new ones, or those that another file of readings has left.
    pub(super) fn adopt(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store);
        if !path.exists() {
            schema::refuse_leftovers(&path)?;
        }
        let prepare = |connection: &Connection| {
            connection.execute_batch(TABLES)?;
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('id', randomblob(16))", ())?;
            begin_count(connection)?;
            connection.execute(SETTLE, ()).map(drop)
        };
        Self::read(FILE.open(&path, prepare)?, path)
    }

    /// The keys of a store that has been used with them, and knows of so many changes.
    pub(super) fn of(store: &Path, id: StoreId, known: u64) -> Result<Self, StoreError> {
        let path = beside(store);
        let missing = || StoreError::KeysMissing { path: path.clone(), store: store.to_owned() };
        if path.metadata().map_or(true, |file| file.len() == 0) {
            return Err(missing());
        }
        let (mut found, mut seals) = (None, 0);
        let prepare = |connection: &Connection| {
            // Rolled back where it is refused. A file that was only half made has no name.
            connection.execute_batch(TABLES)?;
            let stored = found.insert(stored_id(connection)?);
            seals = mark::seals(connection)?;
            if *stored != Some(id) || seals < known {
                return Err(REFUSED);
            }
            begin_count(connection)?;
            connection.execute(SETTLE, ()).map(drop)
        };
        let opened = FILE.open(&path, prepare);
        match found {
            Some(None) => Err(missing()),
            Some(Some(other)) if other != id => {
                Err(StoreError::KeysOfAnother { path, store: store.to_owned() })
            }
            Some(Some(_)) if seals < known => {
                Err(StoreError::KeysOlder { path, store: store.to_owned(), found: seals, known })
            }
            _ => Self::read(opened?, path),
        }
    }

    pub(super) fn read(connection: Connection, path: PathBuf) -> Result<Self, StoreError> {
        let id = stored_id(&connection).map_err(StoreError::sqlite(&path))?;
        let id = id.ok_or_else(|| StoreError::Foreign { path: path.clone() })?;
        let seals = mark::seals(&connection).map_err(StoreError::sqlite(&path))?;
        Ok(Self { connection, path, id, seals })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let said: Vec<String> = self.rows("PRAGMA quick_check(1)", (), |row| row.get(0))?;
        if said.iter().any(|line| line == "ok") {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let error = rusqlite::Error::SqliteFailure(code, said.into_iter().next());
        Err(StoreError::Sqlite { path: self.path.clone(), error })
    }

    /// The store that they were copied from has let go of them.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        self.transact(|transaction| transaction.execute(SETTLE, ()).map(drop))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn id(&self) -> StoreId {
        self.id
    }

    /// A named counter; `None` when it was never set.
    ///
    /// # Errors
    /// The database failed.
    pub fn counter(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let read = |row: &Row<'_>| Ok(row.get::<_, i64>(0)?.cast_unsigned());
        Ok(self.rows("SELECT value FROM counters WHERE name = ?1", [name], read)?.pop())
    }

    /// The counters of a meter; zero when nothing was ever counted, unless counters had to go on from where nobody knew.
    ///
    /// # Errors
    /// The database failed.
    pub fn meter_counters(&self, meter: Eui64) -> Result<MeterCounters, StoreError> {
        let sql =
            "SELECT invocation_counter, server_counter, generation FROM meter_counters WHERE eui64 = ?1";
        let counters = self.rows(sql, [bits(meter)], |row| counters(row, 0))?.pop().unwrap_or_default();
        if counters.generation > 0 {
            return Ok(counters);
        }
        let first = mark::first_invocation(&self.connection).map_err(StoreError::sqlite(&self.path))?;
        Ok(MeterCounters { invocation: counters.invocation.max(first), ..counters })
    }

    /// The network that was formed, if one was.
    ///
    /// # Errors
    /// The database failed.
    pub fn network(&self) -> Result<Option<Network>, StoreError> {
        let sql = "SELECT (SELECT value FROM meta WHERE name = 'pan_id'),
                   (SELECT value FROM meta WHERE name = 'group_key'),
                   (SELECT value FROM meta WHERE name = 'key_index')";
        let mut networks = self.rows(sql, (), |row| {
            let (Some(pan_id), Some(group_key), Some(key_index)) = (row.get(0)?, row.get(1)?, row.get(2)?)
            else {
                return Ok(None);
            };
            Ok(Some(Network { pan_id: PanId(pan_id), group_key, key_index }))
        })?;
        Ok(networks.pop().flatten())
    }

    /// The group keys by slot.
    ///
    /// # Errors
    /// The database failed.
    pub fn group_keys(&self) -> Result<Vec<(u8, Key, KeyUse)>, StoreError> {
        let sql = "SELECT slot, key, purpose FROM group_keys ORDER BY slot";
        let keys = self.rows(sql, (), |row| Ok((row.get(0)?, Key(row.get(1)?), row.get::<_, u8>(2)?)))?;
        Ok(keys.into_iter().filter_map(|(slot, key, code)| Some((slot, key, purpose(code)?))).collect())
    }

    /// The frame counters that were received, ordered by source.
    ///
    /// # Errors
    /// The database failed.
    pub fn device_counters(&self) -> Result<Vec<DeviceCounter>, StoreError> {
        let sql = "SELECT short, key_index, accept_from FROM device_counters ORDER BY short, key_index";
        self.rows(sql, (), |row| {
            let (short, key_index, accept_from) = (ShortAddress(row.get(0)?), row.get(1)?, row.get(2)?);
            Ok(DeviceCounter { short, key_index, accept_from })
        })
    }

    /// The addresses in the network, ordered by meter: for a store that is made anew, because the network lives on with its keys.
    ///
    /// # Errors
    /// The database failed.
    pub fn addresses(&self) -> Result<Vec<(Eui64, ShortAddress)>, StoreError> {
        let sql = "SELECT eui64, short_address FROM addresses ORDER BY eui64";
        self.rows(sql, (), |row| Ok((eui64(row.get(0)?), ShortAddress(row.get(1)?))))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let all =
            || self.connection.prepare_cached(sql)?.query_map(params, read)?.collect::<Result<Vec<_>, _>>();
        all().map_err(StoreError::sqlite(&self.path))
    }

    /// Runs `change` in one transaction, durable on return.
    pub(super) fn transact<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let whole = || {
            let transaction = self.connection.transaction()?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        whole().map_err(StoreError::sqlite(&self.path))
    }

    /// Moves everything into the main file and closes it.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let Self { connection, path, .. } = self;
        let flushed = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
        flushed
            .and_then(|()| connection.close().map_err(|(_, error)| error))
            .map_err(StoreError::sqlite(&path))
    }
}

/// Three columns from `at` on.
pub(super) fn counters(row: &Row<'_>, at: usize) -> rusqlite::Result<MeterCounters> {
    let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    Ok(MeterCounters { invocation: number(at)?, server: number(at + 1)?, generation: row.get(at + 2)? })
}

/// A file from before its changes were counted is told from those that came after by its first count.
fn begin_count(keys: &Connection) -> rusqlite::Result<()> {
    match mark::seals(keys)? {
        0 => mark::count(keys).map(drop),
        _ => Ok(()),
    }
}

/// Where the keys of a store are.
pub(super) fn beside(store: &Path) -> PathBuf {
    store.with_file_name(NAME)
}

/// Whether keys are at that path.
pub(super) fn is_key_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

const NAME: &str = "keys.sqlite";

/// The name that a file holds. Its table `meta` must be there.
pub(super) fn stored_id(connection: &Connection) -> rusqlite::Result<Option<StoreId>> {
    connection.query_row("SELECT value FROM meta WHERE name = 'id'", (), |row| row.get(0)).optional()
}

/// The number of a purpose in the database.
pub(super) const fn code(purpose: KeyUse) -> u8 {
    match purpose {
        KeyUse::Active => 0,
        KeyUse::Next => 1,
        KeyUse::Previous => 2,
    }
}

const fn purpose(code: u8) -> Option<KeyUse> {
    match code {
        0 => Some(KeyUse::Active),
        1 => Some(KeyUse::Next),
        2 => Some(KeyUse::Previous),
        _ => None,
    }
}

/// The file: "PLCk".
pub(super) const FILE: SideFile = SideFile {
    holds: "the keys and counters",
    application_id: 0x504C_436B,
    version: 1,
    table: "meter_counters",
};

/// Rolls back.
pub(super) const REFUSED: rusqlite::Error = rusqlite::Error::QueryReturnedNoRows;

const SETTLE: &str = "DELETE FROM meta WHERE name = 'copied_from'";

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS meter_counters (
    eui64 INTEGER PRIMARY KEY,
    invocation_counter INTEGER NOT NULL DEFAULT 0,
    server_counter INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS addresses (
    eui64 INTEGER PRIMARY KEY,
    short_address INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE IF NOT EXISTS group_keys (
    slot INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    purpose INTEGER NOT NULL
) STRICT;

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

#[cfg(test)]
mod tests;
