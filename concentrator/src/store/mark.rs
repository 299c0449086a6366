//! Which state of the keys the readings know, so that an older copy of the keys is found out.
//!
//! `keys.sqlite` counts its changes, in the transaction of each. The file of the readings keeps the count that it has seen, and keeps it
//! before the change is told as done: first the keys are durable, then the count beside them, then a counter is used. So the readings never
//! know of a change that the keys do not have, wherever the power is cut, unless the keys are older than those that were used with them.
//!
//! It keeps too up to where invocation counters were reserved, for the day on which the keys are lost or older. A batch of readings costs no write
//! for any of this.

use super::reading::{bits, eui64};
use super::{Store, StoreError};
use plc_core::Eui64;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// Tables beside those of the version: whoever does not know them leaves them alone.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS reserved (
    eui64 INTEGER PRIMARY KEY,
    invocation_counter INTEGER NOT NULL
) STRICT;
";

/// How often the keys have changed, as this file knows; 0 in a file from before the count. Its table `meta` must be there.
pub(super) fn seals(connection: &Connection) -> rusqlite::Result<u64> {
    number(connection, "seals")
}

/// Counters towards meters of which nothing else is known begin here.
pub(super) fn first_invocation(connection: &Connection) -> rusqlite::Result<u64> {
    number(connection, "first_invocation")
}

/// Keeps a number of the table `meta`.
pub(super) fn keep(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![name, value.cast_signed()]).map(drop)
}

/// One more change of the keys.
pub(super) fn count(keys: &Connection) -> rusqlite::Result<u64> {
    let seals = seals(keys)? + 1;
    keep(keys, "seals", seals).map(|()| seals)
}

/// Up to where invocation counters were reserved towards each meter, under whichever keys.
pub(super) fn reserved(store: &Connection) -> rusqlite::Result<BTreeMap<Eui64, u64>> {
    let mut statement = store.prepare("SELECT eui64, invocation_counter FROM reserved")?;
    let rows =
        statement.query_map((), |row| Ok((eui64(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?;
    rows.collect()
}

/// Keeps up to where they were.
pub(super) fn reserve(store: &Connection, meter: Eui64, to: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO reserved VALUES (?1, ?2)
        ON CONFLICT (eui64) DO UPDATE SET invocation_counter = max(invocation_counter, excluded.invocation_counter)";
    store.prepare_cached(sql)?.execute(params![bits(meter), to.cast_signed()]).map(drop)
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let row = connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(row.unwrap_or(0).cast_unsigned())
}

impl Store {
    /// Changes the file of the keys in one transaction. On return it is durable, and the readings know of it.
    pub(super) fn seal<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let result = self.change_keys(change)?;
        self.transact(|_| Ok(()))?;
        Ok(result)
    }

    /// The same for whoever changes the readings next, with [`Self::transact`], and tells nobody before.
    pub(super) fn change_keys<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let heard = &self.heard;
        let (result, seals) = self.key_file.transact(|transaction| {
            let before = transaction.total_changes();
            let mut raise = transaction.prepare_cached(SEAL_SERVER_COUNTER)?;
            for (meter, last) in heard {
                raise.execute(params![bits(*meter), last])?;
            }
            let result = change(transaction)?;
            let changed = transaction.total_changes() > before;
            Ok((result, if changed { count(transaction)? } else { seals(transaction)? }))
        })?;
        self.heard.clear();
        self.key_file.seals = seals;
        Ok(result)
    }

    /// Changes the readings in one transaction, durable on return. What they do not know yet of the keys comes along.
    pub(super) fn transact<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let seals = self.key_file.seals;
        let news = seals != self.known_seals;
        let connection = &mut self.reader.connection;
        let whole = || {
            let transaction = connection.transaction()?;
            if news {
                keep(&transaction, "seals", seals)?;
            }
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        let result = whole().map_err(StoreError::sqlite(&self.reader.path))?;
        self.known_seals = seals;
        Ok(result)
    }
}

const SEAL_SERVER_COUNTER: &str = "INSERT INTO meter_counters (eui64, server_counter) VALUES (?1, ?2)
    ON CONFLICT (eui64) DO UPDATE SET server_counter = excluded.server_counter
    WHERE server_counter < excluded.server_counter";

#[cfg(test)]
mod tests;
