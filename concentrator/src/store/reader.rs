//! Reading from the store, beside its writer.

use super::event::{self, StoredEvent};
use super::reading::{self, COLUMNS, Cursor, ReadingFilter, StoredReading, bits, cursor, eui64};
use super::{MeterRow, Network, StoreError, schema};
use plc_core::{Eui64, PanId, ShortAddress, Utc};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A connection that only reads. Any number of them may stand beside the one writer.
#[derive(Debug)]
pub struct StoreReader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

impl StoreReader {
    /// Opens an existing store.
    ///
    /// # Errors
    /// The file is not there, or not a store of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: schema::open_read_only(path)?, path: path.to_owned() })
    }

    /// At most `limit` readings after a cursor, oldest first. All pages together walk the table once.
    ///
    /// # Errors
    /// The database failed.
    pub fn readings(
        &self,
        filter: &ReadingFilter,
        after: Cursor,
        limit: usize,
    ) -> Result<Vec<StoredReading>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM readings WHERE cursor > ?1 AND (?2 IS NULL OR meter = ?2)
             AND +capture >= ?3 AND +capture < ?4 ORDER BY cursor LIMIT ?5"
        );
        // The plus keeps the index of the guard away, which would have to sort what it finds for every page.
        let from = filter.from.map_or(i64::MIN, Utc::as_millis);
        let to = filter.to.map_or(i64::MAX, Utc::as_millis);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(&sql, (after.row_id(), filter.meter.map(bits), from, to, limit), reading::stored)
    }

    /// Cursor of the newest reading, [`Cursor::START`] when there is none.
    ///
    /// # Errors
    /// The database failed.
    pub fn newest(&self) -> Result<Cursor, StoreError> {
        let newest = self.row("SELECT max(cursor) FROM readings", (), |row| row.get::<_, Option<i64>>(0))?;
        Ok(newest.flatten().map_or(Cursor::START, cursor))
    }

    /// Capture time of the newest reading of a meter, by capture time.
    ///
    /// # Errors
    /// The database failed.
    pub fn last_capture(&self, meter: Eui64) -> Result<Option<Utc>, StoreError> {
        let sql = "SELECT capture FROM readings WHERE meter = ?1 ORDER BY capture DESC LIMIT 1";
        self.row(sql, [bits(meter)], |row| Ok(Utc::from_millis(row.get(0)?)))
    }

    /// The same for every meter of which there are readings, in one walk over the index.
    ///
    /// # Errors
    /// The database failed.
    pub fn last_captures(&self) -> Result<BTreeMap<Eui64, Utc>, StoreError> {
        let sql = "SELECT meter, max(capture) FROM readings GROUP BY meter";
        let last = self.rows(sql, (), |row| Ok((eui64(row.get(0)?), Utc::from_millis(row.get(1)?))))?;
        Ok(last.into_iter().collect())
    }

    /// All registered meters, ordered by EUI-64.
    ///
    /// # Errors
    /// The database failed.
    pub fn meters(&self) -> Result<Vec<MeterRow>, StoreError> {
        let mut meters = self.rows(&format!("SELECT {METER} FROM meters"), (), meter_row)?;
        meters.sort_unstable_by_key(|meter| meter.eui64);
        Ok(meters)
    }

    /// One registered meter.
    ///
    /// # Errors
    /// The database failed.
    pub fn meter(&self, meter: Eui64) -> Result<Option<MeterRow>, StoreError> {
        self.row(&format!("SELECT {METER} FROM meters WHERE eui64 = ?1"), [bits(meter)], meter_row)
    }

    /// A named counter; `None` when it was never set.
    ///
    /// # Errors
    /// The database failed.
    pub fn counter(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.row("SELECT value FROM counters WHERE name = ?1", [name], |row| {
            Ok(row.get::<_, i64>(0)?.cast_unsigned())
        })
    }

    /// At most `limit` events after a cursor, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn events(&self, after: Cursor, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let sql =
            "SELECT cursor, time, kind, meter, text FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, (after.row_id(), limit), event::stored)
    }

    /// The network that was formed, if one was.
    ///
    /// # Errors
    /// The database failed.
    pub fn network(&self) -> Result<Option<Network>, StoreError> {
        let sql = "SELECT (SELECT value FROM meta WHERE name = 'pan_id'),
                   (SELECT value FROM meta WHERE name = 'group_key'),
                   (SELECT value FROM meta WHERE name = 'key_index')";
        let network = self.row(sql, (), |row| {
            let (Some(pan_id), Some(group_key), Some(key_index)) = (row.get(0)?, row.get(1)?, row.get(2)?)
            else {
                return Ok(None);
            };
            Ok(Some(Network { pan_id: PanId(pan_id), group_key, key_index }))
        })?;
        Ok(network.flatten())
    }

    /// When the store was made.
    ///
    /// # Errors
    /// The database failed.
    pub fn created(&self) -> Result<Utc, StoreError> {
        let created = self.row("SELECT value FROM meta WHERE name = 'created'", (), |row| row.get(0))?;
        Ok(Utc::from_millis(created.unwrap_or_default()))
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

    fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let one = || self.connection.prepare_cached(sql)?.query_row(params, read).optional();
        one().map_err(StoreError::sqlite(&self.path))
    }
}

/// The columns that [`meter_row`] reads, in its order.
const METER: &str = "eui64, short_address, system_title, invocation_counter, server_counter";

fn meter_row(row: &Row<'_>) -> rusqlite::Result<MeterRow> {
    Ok(MeterRow {
        eui64: eui64(row.get(0)?),
        short_address: row.get::<_, Option<u16>>(1)?.map(ShortAddress),
        system_title: row.get(2)?,
        invocation_counter: row.get::<_, i64>(3)?.cast_unsigned(),
        server_counter: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}
