//! A reader's side.

use crate::{ArchiveError, Coverage, coverage};
use backhaul::block::{self, Row};
use backhaul::ledger::Open;
use backhaul::{Cursor, Digests, Reading, Register, Spans, StoredReading};
use plc_core::wire::WireError;
use plc_core::{Eui64, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// A reader's side of the readings. It learns the series when it meets them; everything else it reads anew.
#[derive(Debug, Default)]
pub struct Shelf {
    series: Series,
}

/// Which readings; all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this meter.
    pub meter: Option<Eui64>,
    /// Captured at this time or later.
    pub from: Option<Utc>,
    /// Captured before this time.
    pub to: Option<Utc>,
}

/// Readings in the order of their cursors, and what could not be read in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The readings.
    pub readings: Vec<StoredReading>,
    /// Blocks that are damaged.
    pub damages: Vec<Damage>,
}

/// A block that cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Cursor of its first reading.
    pub first: Cursor,
    /// Cursor of its last reading.
    pub last: Cursor,
    /// Capture time of its oldest reading.
    pub oldest: Utc,
    /// Capture time of its newest reading.
    pub newest: Utc,
}

impl Shelf {
    /// At most `limit` readings with cursors after `after` and up to `until`, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn readings(
        &mut self,
        connection: &Connection,
        filter: &Filter,
        (after, until): (Cursor, Cursor),
        limit: usize,
    ) -> Result<Page, ArchiveError> {
        let mut page = Page::default();
        self.walk(connection, filter, (after, until), |found| match found {
            Ok(stored) => {
                page.readings.push(stored);
                page.readings.len() < limit
            }
            Err(damage) => {
                page.damages.push(damage);
                true
            }
        })?;
        page.readings.truncate(limit);
        Ok(page)
    }

    /// Adds what is held to digests.
    ///
    /// # Errors
    /// The database failed.
    pub fn digests(
        &mut self,
        connection: &Connection,
        filter: &Filter,
        mut digests: Digests,
    ) -> Result<Digests, ArchiveError> {
        self.walk(connection, filter, (Cursor::START, Cursor(u64::MAX)), |found| {
            if let Ok(StoredReading { reading, .. }) = found {
                digests.add(&reading);
            }
            true
        })?;
        Ok(digests)
    }

    /// The captures that were not delivered, by meter, and which of them were `sent`.
    ///
    /// # Errors
    /// The database failed.
    pub fn undelivered(
        &mut self,
        connection: &Connection,
        filter: &Filter,
        delivered: &Spans,
        sent: &Spans,
    ) -> Result<BTreeMap<Eui64, Open>, ArchiveError> {
        let mut open: BTreeMap<Eui64, Open> = BTreeMap::new();
        let through = Cursor(delivered.cumulative(1));
        self.walk(connection, filter, (through, Cursor(u64::MAX)), |found| {
            if let Ok(StoredReading { cursor, reading }) = found
                && !delivered.contains(cursor.0)
            {
                let open = open.entry(reading.meter).or_default();
                let which = if sent.contains(cursor.0) { &mut open.sent } else { &mut open.unsent };
                which.insert(reading.capture);
            }
            true
        })?;
        Ok(open)
    }

    /// Cursors of the first reading that is held and of the newest one that ever was; both 0 when there was none.
    ///
    /// # Errors
    /// The database failed.
    pub fn bounds(connection: &Connection) -> Result<(Cursor, Cursor), ArchiveError> {
        let sql = "SELECT (SELECT last - rows + 1 FROM blocks ORDER BY last LIMIT 1),
            max(ifnull((SELECT max(last) FROM blocks), 0), ifnull((SELECT through FROM coverage), 0))";
        let (first, last): (Option<i64>, i64) =
            connection.prepare_cached(sql)?.query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let last = last.cast_unsigned();
        Ok((Cursor(first.map_or(last + u64::from(last > 0), i64::cast_unsigned)), Cursor(last)))
    }

    /// What is held of every register.
    ///
    /// # Errors
    /// The database failed.
    pub fn coverage(connection: &Connection) -> Result<Coverage, ArchiveError> {
        let (mut coverage, through, _) = coverage::load(connection)?;
        let series = Series::load(connection)?;
        read_blocks(connection, through, |block| {
            for row in block.rows().unwrap_or_default() {
                if let Some(known) = series.find(row.series) {
                    coverage.registers.entry(known.register).or_default().runs.insert(row.capture);
                }
            }
        })?;
        Ok(coverage)
    }

    /// Calls `visit` for every reading and every damage, until it says that it has enough.
    fn walk(
        &mut self,
        connection: &Connection,
        filter: &Filter,
        (after, until): (Cursor, Cursor),
        mut visit: impl FnMut(Result<StoredReading, Damage>) -> bool,
    ) -> Result<(), ArchiveError> {
        let sql = "SELECT last, rows, oldest, newest, data FROM blocks
            WHERE last > ?1 AND newest >= ?2 AND oldest < ?3 ORDER BY last";
        let from = filter.from.map_or(i64::MIN, Utc::as_millis);
        let to = filter.to.map_or(i64::MAX, Utc::as_millis);
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(params![row_id(after), from, to])?;
        while let Some(row) = found.next()? {
            let block = BlockRow::of(row)?;
            if block.first() > until.0 {
                break;
            }
            let Ok(rows) = block.rows() else {
                if !visit(Err(block.damage())) {
                    break;
                }
                continue;
            };
            for (cursor, row) in (block.first()..).zip(rows) {
                let wanted = cursor > after.0 && cursor <= until.0 && filter.has(row.capture);
                let Some(reading) = wanted.then(|| self.reading(connection, &row)).transpose()?.flatten()
                else {
                    continue;
                };
                let stored = StoredReading { cursor: Cursor(cursor), reading };
                if filter.meter.is_none_or(|meter| meter == reading.meter) && !visit(Ok(stored)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn reading(&mut self, connection: &Connection, row: &Row) -> Result<Option<Reading>, ArchiveError> {
        if self.series.find(row.series).is_none() {
            self.series = Series::load(connection)?;
        }
        let Row { capture, value, status, received, .. } = *row;
        Ok(self.series.find(row.series).map(|known| {
            let SeriesRow { register: Register { meter, logical_name }, scaler, unit } = *known;
            Reading { meter, logical_name, capture, value, scaler, unit, status, received }
        }))
    }
}

impl Filter {
    fn has(&self, capture: Utc) -> bool {
        self.from.is_none_or(|from| capture >= from) && self.to.is_none_or(|to| capture < to)
    }
}

/// A row of the table of blocks.
pub(crate) struct BlockRow<'r> {
    pub(crate) last: u64,
    rows: u64,
    oldest: i64,
    newest: i64,
    pub(crate) data: &'r [u8],
}

impl<'r> BlockRow<'r> {
    fn of(row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            last: row.get::<_, i64>(0)?.cast_unsigned(),
            rows: row.get::<_, i64>(1)?.cast_unsigned(),
            oldest: row.get(2)?,
            newest: row.get(3)?,
            data: row.get_ref(4)?.as_blob()?,
        })
    }

    const fn first(&self) -> u64 {
        self.last.saturating_sub(self.rows).saturating_add(1)
    }

    /// What is in it: as many rows as it says that it has.
    pub(crate) fn rows(&self) -> Result<Vec<Row>, WireError> {
        let rows = block::parse(self.data)?;
        if rows.len() as u64 == self.rows { Ok(rows) } else { Err(WireError::Invalid("count of a block")) }
    }

    pub(crate) const fn damage(&self) -> Damage {
        Damage {
            first: Cursor(self.first()),
            last: Cursor(self.last),
            oldest: Utc::from_millis(self.oldest),
            newest: Utc::from_millis(self.newest),
        }
    }
}

/// Every block after a cursor.
pub(crate) fn read_blocks(
    connection: &Connection,
    after: u64,
    mut visit: impl FnMut(BlockRow<'_>),
) -> Result<(), ArchiveError> {
    let sql = "SELECT last, rows, oldest, newest, data FROM blocks WHERE last > ?1 ORDER BY last";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([row_id(Cursor(after))])?;
    while let Some(row) = found.next()? {
        visit(BlockRow::of(row)?);
    }
    Ok(())
}

/// The rows of one block; none when it has left or is damaged.
pub(crate) fn unpacked(connection: &Connection, last: i64) -> Result<Vec<Row>, ArchiveError> {
    let mut statement =
        connection.prepare_cached("SELECT last, rows, oldest, newest, data FROM blocks WHERE last = ?1")?;
    let rows = statement.query_row([last], |row| Ok(BlockRow::of(row)?.rows().unwrap_or_default()));
    Ok(rows.optional()?.unwrap_or_default())
}

/// The database knows signed numbers only.
fn row_id(cursor: Cursor) -> i64 {
    i64::try_from(cursor.0).unwrap_or(i64::MAX)
}

/// The series by number.
#[derive(Debug, Default)]
pub(crate) struct Series {
    known: BTreeMap<u32, SeriesRow>,
}

/// What the readings of a series have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesRow {
    pub(crate) register: Register,
    pub(crate) scaler: i8,
    pub(crate) unit: u8,
}

impl Series {
    pub(crate) fn load(connection: &Connection) -> Result<Self, ArchiveError> {
        let mut statement =
            connection.prepare_cached("SELECT number, meter, logical_name, scaler, unit FROM series")?;
        let rows = statement.query_map((), |row| {
            let meter = Eui64::from_u64(row.get::<_, i64>(1)?.cast_unsigned());
            let register = Register { meter, logical_name: row.get(2)? };
            Ok((row.get(0)?, SeriesRow { register, scaler: row.get(3)?, unit: row.get(4)? }))
        })?;
        Ok(Self { known: rows.collect::<Result<_, _>>()? })
    }

    pub(crate) fn find(&self, number: u32) -> Option<&SeriesRow> {
        self.known.get(&number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &SeriesRow)> {
        self.known.iter().map(|(number, row)| (*number, row))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u32 {
        self.known.last_key_value().map_or(1, |(number, _)| number.saturating_add(1))
    }
}
