//! Readings and values that contradict what is held. What came first stays; these are kept aside, so that nothing that a box was told to be
//! taken is gone, whoever was right.

use crate::store::HeadStoreError;
use crate::value;
use archive::ArchiveError;
use concentrator::store::{Reading, TaskValue};
use rusqlite::{Connection, Row, Transaction, params};

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What came second. A reading of the load profile has no source: all zeros.
    pub refused: TaskValue,
    /// The number that is held in its place.
    pub held: i64,
}

/// A table of its own, so that a program that does not know it leaves it alone.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS contradictions (
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
    held INTEGER NOT NULL,
    UNIQUE (meter, source, logical_name, capture, ordinal, value, scaler, unit, status)
) STRICT;
";

impl Contradiction {
    pub(crate) fn of_reading(refused: &Reading, held: i64) -> Self {
        let Reading { meter, logical_name, capture, value, scaler, unit, status, received } = *refused;
        let refused = TaskValue {
            meter,
            source: [0; 6],
            logical_name,
            capture,
            ordinal: 0,
            value,
            scaler,
            unit,
            status,
            received,
        };
        Self { refused, held }
    }
}

/// Keeps one aside; of too many the oldest goes. One that comes again is the same.
pub(crate) fn keep(transaction: &Transaction<'_>, contradiction: &Contradiction) -> rusqlite::Result<()> {
    let Contradiction { refused, held } = contradiction;
    let TaskValue { meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received } =
        refused;
    tracing::warn!(%meter, %capture, value, held, "contradicts what is held, which stays; kept aside");
    let sql = "INSERT INTO contradictions
        (meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received, held)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
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
        held,
    ];
    transaction.prepare_cached(sql)?.execute(row)?;
    let trim = "DELETE FROM contradictions WHERE place <= (SELECT max(place) FROM contradictions) - ?1";
    transaction.prepare_cached(trim)?.execute([KEPT]).map(drop)
}

/// Those that are kept, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Contradiction>, HeadStoreError> {
    let sql =
        "SELECT meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received, held
        FROM contradictions ORDER BY place";
    let stored = |row: &Row<'_>| Ok(Contradiction { refused: value::stored(row)?, held: row.get(10)? });
    let read = || connection.prepare(sql)?.query_map((), stored)?.collect::<Result<Vec<_>, _>>();
    Ok(read().map_err(ArchiveError::from)?)
}

/// Rows that are kept.
const KEPT: i64 = 100_000;
