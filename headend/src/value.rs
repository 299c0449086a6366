//! The values of tasks that the head-end keeps, each once: by meter, source, logical name, capture and ordinal.

use crate::contradiction::{self, Contradiction};
use crate::store::{BoxLife, HeadStoreError};
use archive::{ArchiveError, Filter};
use backhaul::Digests;
use concentrator::store::TaskValue;
use plc_core::{Eui64, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// What is added to a file of the first version: tables of their own, so that a program that does not know them leaves them alone.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS value_lives (
    box TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    held BLOB NOT NULL,
    PRIMARY KEY (box, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS task_values (
    place INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL,
    source BLOB NOT NULL,
    logical_name BLOB NOT NULL,
    capture INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    value INTEGER NOT NULL,
    scaler INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    status INTEGER NOT NULL,
    received INTEGER NOT NULL,
    UNIQUE (meter, source, logical_name, capture, ordinal)
) STRICT;
";

/// Keeps values; how many contradict what is held. What came first stays, the others are kept aside.
pub(crate) fn insert(transaction: &Transaction<'_>, values: &[TaskValue]) -> Result<usize, ArchiveError> {
    let mut conflicts = 0;
    for value in values {
        if insert_one(transaction, value)? {
            continue;
        }
        let Some(held) = contradicted(transaction, value)? else { continue };
        contradiction::keep(transaction, &Contradiction { refused: *value, held })?;
        conflicts += 1;
    }
    Ok(conflicts)
}

/// What is held of the values of a life of a box, as it was kept; empty when nothing is.
pub(crate) fn load_held(connection: &Connection, life: &BoxLife) -> rusqlite::Result<Vec<u8>> {
    let sql = "SELECT held FROM value_lives WHERE box = ?1 AND epoch = ?2";
    let row = params![life.box_id, life.epoch.cast_signed()];
    Ok(connection.query_row(sql, row, |row| row.get(0)).optional()?.unwrap_or_default())
}

/// Keeps it.
pub(crate) fn keep_held(transaction: &Transaction<'_>, life: &BoxLife, held: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO value_lives VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(sql)?.execute(params![life.box_id, life.epoch.cast_signed(), held]).map(drop)
}

/// Gives each value that is asked for to `take`, in the order in which they came.
pub(crate) fn each<E: From<HeadStoreError>>(
    connection: &Connection,
    filter: &Filter,
    mut take: impl FnMut(TaskValue) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |error: rusqlite::Error| E::from(HeadStoreError::from(ArchiveError::from(error)));
    let sql = "SELECT meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received
        FROM task_values
        WHERE (?1 IS NULL OR meter = ?1) AND (?2 IS NULL OR capture >= ?2) AND (?3 IS NULL OR capture < ?3)
        ORDER BY place";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let meter = filter.meter.map(|meter| meter.as_u64().cast_signed());
    let wanted = params![meter, filter.from.map(Utc::as_millis), filter.to.map(Utc::as_millis)];
    for value in statement.query_map(wanted, stored).map_err(failed)? {
        take(value.map_err(failed)?)?;
    }
    Ok(())
}

/// Adds the values that are held to digests.
pub(crate) fn digests(
    connection: &Connection,
    filter: &Filter,
    mut digests: Digests,
) -> Result<Digests, HeadStoreError> {
    each(connection, filter, |value| {
        digests.add(&value);
        Ok::<(), HeadStoreError>(())
    })?;
    Ok(digests)
}

/// Whether the name of the value was not held yet.
fn insert_one(transaction: &Transaction<'_>, value: &TaskValue) -> rusqlite::Result<bool> {
    let TaskValue { meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received } =
        value;
    let sql = "INSERT INTO task_values
        (meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    let row = params![
        meter.as_u64().cast_signed(),
        source,
        logical_name,
        capture.as_millis(),
        ordinal,
        value,
        scaler,
        unit,
        status,
        received.as_millis(),
    ];
    Ok(transaction.prepare_cached(sql)?.execute(row)? == 1)
}

/// The number that is held under the name of the value, where something else is; when it was received does not matter.
fn contradicted(transaction: &Transaction<'_>, value: &TaskValue) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT value, value = ?6 AND scaler = ?7 AND unit = ?8 AND status = ?9 FROM task_values
        WHERE meter = ?1 AND source = ?2 AND logical_name = ?3 AND capture = ?4 AND ordinal = ?5";
    let row = params![
        value.meter.as_u64().cast_signed(),
        value.source,
        value.logical_name,
        value.capture.as_millis(),
        value.ordinal,
        value.value,
        value.scaler,
        value.unit,
        value.status,
    ];
    let found = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, bool>(1)?));
    let (held, same) = transaction.prepare_cached(sql)?.query_row(row, found)?;
    Ok((!same).then_some(held))
}

/// The first ten columns of a row, which are named as in [`TABLES`].
pub(crate) fn stored(row: &Row<'_>) -> rusqlite::Result<TaskValue> {
    Ok(TaskValue {
        meter: Eui64::from_u64(row.get::<_, i64>(0)?.cast_unsigned()),
        source: row.get(1)?,
        logical_name: row.get(2)?,
        capture: Utc::from_millis(row.get(3)?),
        ordinal: row.get(4)?,
        value: row.get(5)?,
        scaler: row.get(6)?,
        unit: row.get(7)?,
        status: row.get(8)?,
        received: Utc::from_millis(row.get(9)?),
    })
}
