//! Reading from the store, beside its writer.

use super::event::{self, StoredEvent};
use super::reading::{Cursor, ReadingFilter, StoredReading, bits, eui64, row_id};
use super::{MeterRow, StoreError, StoreLife, schema};
use archive::{ArchiveError, Coverage, Shelf};
use plc_core::{Eui64, ShortAddress, Utc};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A connection that only reads. Any number of them may stand beside the one writer.
#[derive(Debug)]
pub struct StoreReader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    shelf: RefCell<Shelf>,
}

impl StoreReader {
    /// Opens the readings of an existing store, or a copy of them; the keys are not needed.
    ///
    /// # Errors
    /// The file is not there, or not a store of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(schema::open_read_only(path)?, path))
    }

    pub(super) fn new(connection: Connection, path: &Path) -> Self {
        Self { connection, path: path.to_owned(), shelf: RefCell::default() }
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
        self.readings_within(filter, after, Cursor(u64::MAX), limit)
    }

    /// The same, up to another cursor. What is damaged is left out and said in the log.
    ///
    /// # Errors
    /// The database failed.
    pub fn readings_within(
        &self,
        filter: &ReadingFilter,
        after: Cursor,
        until: Cursor,
        limit: usize,
    ) -> Result<Vec<StoredReading>, StoreError> {
        let page = self.shelved(|shelf, store| shelf.readings(store, filter, (after, until), limit))?;
        for damage in &page.damages {
            tracing::error!(first = damage.first.0, last = damage.last.0, "readings are damaged");
        }
        Ok(page.readings)
    }

    /// Cursor of the newest reading, [`Cursor::START`] when there is none.
    ///
    /// # Errors
    /// The database failed.
    pub fn newest(&self) -> Result<Cursor, StoreError> {
        Ok(self.bounds()?.1)
    }

    /// The name of this file.
    ///
    /// # Errors
    /// The database failed.
    pub fn life(&self) -> Result<StoreLife, StoreError> {
        let life = self.row("SELECT value FROM meta WHERE name = 'life'", (), |row| row.get(0))?;
        Ok(life.unwrap_or_default())
    }

    /// Cursors of the oldest reading that is held and of the newest.
    ///
    /// # Errors
    /// The database failed.
    pub fn bounds(&self) -> Result<(Cursor, Cursor), StoreError> {
        self.shelved(|_, store| Shelf::bounds(store))
    }

    /// Capture time of the newest reading of a meter, by capture time.
    ///
    /// # Errors
    /// The database failed.
    pub fn last_capture(&self, meter: Eui64) -> Result<Option<Utc>, StoreError> {
        Ok(self.last_captures()?.get(&meter).copied())
    }

    /// The same for every meter of which there are readings.
    ///
    /// # Errors
    /// The database failed.
    pub fn last_captures(&self) -> Result<BTreeMap<Eui64, Utc>, StoreError> {
        Ok(self.coverage()?.newest())
    }

    /// Which captures of which register are held, or were until they had been delivered.
    ///
    /// # Errors
    /// The database failed.
    pub fn coverage(&self) -> Result<Coverage, StoreError> {
        self.shelved(|_, store| Shelf::coverage(store))
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

    /// At most `limit` events after a cursor, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn events(&self, after: Cursor, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let sql =
            "SELECT cursor, time, kind, meter, text FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, (row_id(after), limit), event::stored)
    }

    /// When the store was made.
    ///
    /// # Errors
    /// The database failed.
    pub fn created(&self) -> Result<Utc, StoreError> {
        let created = self.row("SELECT value FROM meta WHERE name = 'created'", (), |row| row.get(0))?;
        Ok(Utc::from_millis(created.unwrap_or_default()))
    }

    /// Cursor of the newest event, [`Cursor::START`] when there is none.
    ///
    /// # Errors
    /// The database failed.
    pub fn newest_event(&self) -> Result<Cursor, StoreError> {
        let newest = self
            .row("SELECT seq FROM sqlite_sequence WHERE name = 'events'", (), |row| row.get::<_, i64>(0))?;
        Ok(newest.map_or(Cursor::START, |row_id| Cursor(row_id.cast_unsigned())))
    }

    pub(super) fn shelved<T>(
        &self,
        question: impl FnOnce(&mut Shelf, &Connection) -> Result<T, ArchiveError>,
    ) -> Result<T, StoreError> {
        question(&mut self.shelf.borrow_mut(), &self.connection)
            .map_err(|error| StoreError::archive(&self.path, error))
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

    /// Visits rows one after the other, however many they are.
    pub(super) fn each_row(
        &self,
        sql: &str,
        params: impl Params,
        mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                visit(row)?;
            }
            Ok(())
        };
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
const METER: &str = "eui64, short_address, system_title, server_counter, generation";

fn meter_row(row: &Row<'_>) -> rusqlite::Result<MeterRow> {
    Ok(MeterRow {
        eui64: eui64(row.get(0)?),
        short_address: row.get::<_, Option<u16>>(1)?.map(ShortAddress),
        system_title: row.get(2)?,
        server_counter: row.get::<_, i64>(3)?.cast_unsigned(),
        generation: row.get(4)?,
    })
}
