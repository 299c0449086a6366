//! Keys and counters leave the file of the readings, where they were before version 5.
//!
//! Three steps: they are copied into their own file, in one durable transaction; they are removed from the file of the readings; its log is
//! folded, so that nothing of them is left there either. Until the second step is durable the first is done again at the next start, with
//! what the file of the readings says then; after it, the third.

use super::key_file::{self, FILE, KeyFile, REFUSED, StoreId, TABLES, stored_id};
use super::{StoreError, mark, schema};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::path::Path;

/// Copies keys and counters into their own file, in the place of what an earlier copy has left there.
pub(super) fn copy(store: &Connection, path: &Path) -> Result<KeyFile, StoreError> {
    let keys = key_file::beside(path);
    if !keys.exists() {
        schema::refuse_leftovers(&keys)?;
    }
    let mut others = false;
    let copied = FILE.open(&keys, |connection| {
        connection.execute_batch(TABLES)?;
        let created = meta(store, "created")?;
        let unfinished = stored_id(connection)?.is_none() || meta(connection, "copied_from")? == created;
        if !unfinished {
            others = true;
            return Err(REFUSED);
        }
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('id', randomblob(16))", ())?;
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('copied_from', ?1)", [created])?;
        mark::keep(connection, "seals", 1)?;
        copy_network(store, connection)?;
        COPIES.iter().try_for_each(|copy| copy.run(store, connection))
    });
    if others {
        return Err(StoreError::KeysOfAnother { path: keys, store: path.to_owned() });
    }
    KeyFile::read(copied?, keys)
}

/// Removes them from the file of the readings, over whose octets zeros are written.
pub(super) fn remove(store: &mut Connection, id: StoreId) -> rusqlite::Result<()> {
    store.pragma_update(None, "secure_delete", "ON")?;
    let transaction = store.transaction()?;
    transaction.execute_batch(REMOVE)?;
    transaction.execute("INSERT INTO meta VALUES ('id', ?1), ('unfolded', 1)", params![id])?;
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    transaction.commit()?;
    store.pragma_update(None, "secure_delete", "OFF")
}

/// Moves the log into the file and empties it, when that is still to be done.
pub(super) fn fold(store: &Connection) -> rusqlite::Result<()> {
    if meta(store, "unfolded")?.is_none() {
        return Ok(());
    }
    let busy: i64 = store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    if busy == 0 {
        store.execute("DELETE FROM meta WHERE name = 'unfolded'", ())?;
    }
    Ok(())
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<Value>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

fn copy_network(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    for name in ["pan_id", "group_key", "key_index"] {
        to.execute("DELETE FROM meta WHERE name = ?1", [name])?;
        if let Some(value) = meta(from, name)? {
            to.execute("INSERT INTO meta VALUES (?1, ?2)", params![name, value])?;
        }
    }
    Ok(())
}

/// The keys of meters, which live on when the others are renewed.
pub(super) fn copy_meter_keys(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    METER_KEYS.run(from, to)
}

/// A table that is copied.
struct Copy {
    from: &'static str,
    to: &'static str,
    columns: &'static str,
}

impl Copy {
    fn run(&self, from: &Connection, to: &Connection) -> rusqlite::Result<()> {
        let mut select = from.prepare(&format!("SELECT {} FROM {}", self.columns, self.from))?;
        let count = select.column_count();
        let places = vec!["?"; count].join(", ");
        to.execute(&format!("DELETE FROM {}", self.to), ())?;
        let mut insert =
            to.prepare(&format!("INSERT INTO {} ({}) VALUES ({places})", self.to, self.columns))?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            let values = (0..count).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
            insert.execute(params_from_iter(values))?;
        }
        Ok(())
    }
}

const METER_KEYS: Copy = Copy {
    from: "meter_keys",
    to: "meter_keys",
    columns: "eui64, configured, encryption, authentication, renewed_encryption, renewed_authentication,
        renewed_counter, mark, taken",
};
const COPIES: [Copy; 6] = [
    Copy { from: "counters", to: "counters", columns: "name, value" },
    Copy { from: "meters", to: "meter_counters", columns: "eui64, invocation_counter, server_counter" },
    Copy { from: "meters WHERE short_address IS NOT NULL", to: "addresses", columns: "eui64, short_address" },
    Copy { from: "group_keys", to: "group_keys", columns: "slot, key, purpose" },
    Copy { from: "device_counters", to: "device_counters", columns: "short, key_index, accept_from" },
    METER_KEYS,
];

/// `meta` is made anew, because its pages may hold group keys of former times.
const REMOVE: &str = "
DROP TABLE counters;
DROP TABLE group_keys;
DROP TABLE device_counters;
DROP TABLE meter_keys;
CREATE TABLE kept (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO kept SELECT name, value FROM meta WHERE name NOT IN ('pan_id', 'group_key', 'key_index');
DROP TABLE meta;
ALTER TABLE kept RENAME TO meta;
ALTER TABLE meters DROP COLUMN invocation_counter;
ALTER TABLE meters ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
";

#[cfg(test)]
pub(super) mod tests;
