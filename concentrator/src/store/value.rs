//! What tasks have read: values, each once, and the marks that say how far profiles of meters are read.

pub use backhaul::TaskValue;

use super::reading::{Cursor, ReadingFilter, bits, cursor, eui64, row_id};
use super::{Event, EventKind, Store, StoreError, StoreReader, insert_event, trim_events};
use backhaul::Digests;
use plc_core::{Eui64, Utc};
use rusqlite::{Row, Transaction, params};

/// A value with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// Its place.
    pub cursor: Cursor,
    /// The value.
    pub value: TaskValue,
}

/// How far a profile of a meter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileMark {
    /// The meter.
    pub meter: Eui64,
    /// The profile.
    pub source: [u8; 6],
    /// The newest row.
    pub through: Utc,
}

/// Values that are kept; the oldest make room.
pub const MAX_VALUES: i64 = 1_000_000;
/// How many of them go at once that the head-end does not have.
const GIVEN_UP_AT_ONCE: i64 = MAX_VALUES / 100;

impl Store {
    /// Keeps values, each once, and the marks that they move, all or nothing; returns how many values are new. When room is short, those that
    /// the head-end has make room, the oldest first. Beyond [`MAX_VALUES`] the oldest go, whoever has them: those that the head-end does
    /// not have an event names.
    ///
    /// # Errors
    /// There is no room ([`StoreError::is_full`]), or the database failed; nothing was kept.
    pub fn insert_values(
        &mut self,
        values: &[TaskValue],
        marks: &[ProfileMark],
    ) -> Result<usize, StoreError> {
        if !values.is_empty() && self.is_short()? {
            self.relieve_of_values()?;
        }
        let delivered = self.values_delivered();
        let now = values.iter().map(|value| value.received).max();
        self.transact(|transaction| {
            let mut new = 0;
            for value in values {
                new += insert(transaction, value)?;
            }
            for mark in marks {
                set_mark(transaction, mark)?;
            }
            if let Some(now) = now.filter(|_| new > 0) {
                trim(transaction, delivered, now)?;
            }
            Ok(new)
        })
    }

    /// Removes values that the head-end has; where there are none and there is no room, none is taken.
    fn relieve_of_values(&mut self) -> Result<(), StoreError> {
        let delivered = self.values_delivered();
        if self.remove_values(delivered)? == 0 { self.refuse_when_full() } else { Ok(()) }
    }

    /// Removes the oldest quarter of the values, those up to `through` alone.
    pub(super) fn remove_values(&mut self, through: Cursor) -> Result<usize, StoreError> {
        self.transact(|transaction| {
            let sql = "DELETE FROM task_values WHERE cursor <= min(?1,
                (SELECT min(cursor) + (max(cursor) - min(cursor)) / 4 FROM task_values))";
            transaction.prepare_cached(sql)?.execute([row_id(through)])
        })
    }

    /// Removes the oldest quarter of the values, whoever has them; an event names those that the head-end does not have.
    pub(super) fn sacrifice_quarter(&mut self, now: Utc) -> Result<usize, StoreError> {
        let delivered = self.values_delivered();
        self.transact(|transaction| {
            let sql = "SELECT min(cursor) + (max(cursor) - min(cursor)) / 4 FROM task_values";
            let through: Option<i64> = transaction.query_row(sql, (), |row| row.get(0))?;
            let Some(through) = through else { return Ok(0) };
            give_up(transaction, through, delivered, (now, "there was no room for readings"))
        })
    }
}

impl StoreReader {
    /// At most `limit` values after a cursor, oldest first, of one meter or of all.
    ///
    /// # Errors
    /// The database failed.
    pub fn values(
        &self,
        meter: Option<Eui64>,
        after: Cursor,
        limit: usize,
    ) -> Result<Vec<StoredValue>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM task_values WHERE cursor > ?1 AND (?2 IS NULL OR meter = ?2) ORDER BY cursor LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(&sql, params![row_id(after), meter.map(bits), limit], stored)
    }

    /// The newest value of each object of a meter, or of all meters.
    ///
    /// # Errors
    /// The database failed.
    pub fn newest_values(&self, meter: Option<Eui64>) -> Result<Vec<StoredValue>, StoreError> {
        // With max() alone, the other columns are those of the row that has it [SQLite, Quirks 7].
        let sql = format!(
            "SELECT {COLUMNS}, max(capture * 65536 + ordinal) FROM task_values WHERE ?1 IS NULL OR meter = ?1
             GROUP BY meter, source, logical_name ORDER BY meter, source, logical_name"
        );
        self.rows(&sql, [meter.map(bits)], stored)
    }

    /// Cursor of the newest value that there ever was, [`Cursor::START`] before the first.
    ///
    /// # Errors
    /// The database failed.
    pub fn newest_value(&self) -> Result<Cursor, StoreError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'task_values'";
        let newest = self.rows(sql, (), |row| row.get::<_, i64>(0))?;
        Ok(newest.first().map_or(Cursor::START, |row_id| cursor(*row_id)))
    }

    /// Cursors of the oldest value that is held and of the newest that there ever was; where none is held, the first is the one that the next
    /// value will have.
    ///
    /// # Errors
    /// The database failed.
    pub fn value_bounds(&self) -> Result<(Cursor, Cursor), StoreError> {
        let newest = self.newest_value()?;
        let sql = "SELECT cursor FROM task_values ORDER BY cursor LIMIT 1";
        let oldest = self.rows(sql, (), |row| row.get::<_, i64>(0))?;
        Ok((oldest.first().map_or(Cursor(newest.0 + 1), |row_id| cursor(*row_id)), newest))
    }

    /// Adds the values that are held to digests.
    ///
    /// # Errors
    /// The database failed.
    pub fn value_digests(&self, filter: &ReadingFilter, mut digests: Digests) -> Result<Digests, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM task_values
             WHERE (?1 IS NULL OR meter = ?1) AND (?2 IS NULL OR capture >= ?2) AND (?3 IS NULL OR capture < ?3)"
        );
        let ReadingFilter { meter, from, to } = *filter;
        let params = params![meter.map(bits), from.map(Utc::as_millis), to.map(Utc::as_millis)];
        self.each_row(&sql, params, |row| {
            digests.add(&stored(row)?.value);
            Ok(())
        })?;
        Ok(digests)
    }

    /// How far the profiles of a meter are read.
    ///
    /// # Errors
    /// The database failed.
    pub fn marks(&self, meter: Eui64) -> Result<Vec<ProfileMark>, StoreError> {
        let sql = "SELECT source, through FROM marks WHERE meter = ?1 ORDER BY source";
        self.rows(sql, [bits(meter)], |row| {
            Ok(ProfileMark { meter, source: row.get(0)?, through: Utc::from_millis(row.get(1)?) })
        })
    }
}

fn insert(transaction: &Transaction<'_>, value: &TaskValue) -> rusqlite::Result<usize> {
    let TaskValue { meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received } =
        value;
    // A value is known by its name; what comes again changes nothing and takes no cursor.
    let sql = "INSERT INTO task_values
        (meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE NOT EXISTS (SELECT 1 FROM task_values
            WHERE meter = ?1 AND source = ?2 AND logical_name = ?3 AND capture = ?4 AND ordinal = ?5)";
    transaction.prepare_cached(sql)?.execute(params![
        bits(*meter),
        source,
        logical_name,
        capture.as_millis(),
        ordinal,
        value,
        scaler,
        unit,
        status,
        received.as_millis(),
    ])
}

/// Removes values beyond [`MAX_VALUES`], the oldest first; more at once where the head-end does not have them, so that events are few.
fn trim(transaction: &Transaction<'_>, delivered: Cursor, now: Utc) -> rusqlite::Result<()> {
    let sql = "SELECT max(cursor) FROM task_values";
    let newest: Option<i64> = transaction.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    let through = newest.unwrap_or(0) - MAX_VALUES;
    let through = if through > row_id(delivered) { through + GIVEN_UP_AT_ONCE - 1 } else { through };
    give_up(transaction, through, delivered, (now, "more than a million are held")).map(drop)
}

/// Removes values up to `through`. In the same transaction an event names those that the head-end does not have, and why they go.
fn give_up(
    transaction: &Transaction<'_>,
    through: i64,
    delivered: Cursor,
    (now, why): (Utc, &str),
) -> rusqlite::Result<usize> {
    let sql = "SELECT min(cursor), max(cursor), min(capture), max(capture) FROM task_values
        WHERE cursor > ?1 AND cursor <= ?2";
    let lost = transaction.prepare_cached(sql)?.query_row([row_id(delivered), through], |row| {
        Ok([row.get::<_, Option<i64>>(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    })?;
    if let [Some(first), Some(last), Some(oldest), Some(newest)] = lost {
        let [oldest, newest] = [oldest, newest].map(Utc::from_millis);
        let text = format!(
            "values of tasks {first} to {last}, captured {oldest} to {newest}, removed before the head-end had them: {why}"
        );
        insert_event(transaction, &Event { time: now, kind: EventKind::StoreFull, meter: None, text })?;
        trim_events(transaction)?;
    }
    transaction.prepare_cached("DELETE FROM task_values WHERE cursor <= ?1")?.execute([through])
}

fn set_mark(transaction: &Transaction<'_>, mark: &ProfileMark) -> rusqlite::Result<()> {
    let sql = "INSERT INTO marks VALUES (?1, ?2, ?3)
        ON CONFLICT (meter, source) DO UPDATE SET through = excluded.through";
    let row = params![bits(mark.meter), mark.source, mark.through.as_millis()];
    transaction.prepare_cached(sql)?.execute(row).map(drop)
}

const COLUMNS: &str =
    "cursor, meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received";

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredValue> {
    let value = TaskValue {
        meter: eui64(row.get(1)?),
        source: row.get(2)?,
        logical_name: row.get(3)?,
        capture: Utc::from_millis(row.get(4)?),
        ordinal: row.get(5)?,
        value: row.get(6)?,
        scaler: row.get(7)?,
        unit: row.get(8)?,
        status: row.get(9)?,
        received: Utc::from_millis(row.get(10)?),
    };
    Ok(StoredValue { cursor: cursor(row.get(0)?), value })
}
