//! The writer's side.

use crate::coverage::{self, Held};
use crate::directory::Directory;
use crate::shelf::{BlockRow, Series, read_blocks};
use crate::{ArchiveError, Coverage, Damage};
use backhaul::block::{self, BLOCK_ROWS, Row};
use backhaul::{Content, Cursor, Reading};
use rusqlite::{Connection, params};

/// The writer's side of the readings: what is held, and the next cursor.
///
/// It goes ahead of the transaction that its caller runs: when that is not committed, [`Self::reload`] it.
#[derive(Debug)]
pub struct Archive {
    coverage: Coverage,
    series: u32,
    newest: u64,
    directory: Directory,
    /// Octets of blocks since the coverage was written down, and its own.
    since_snapshot: usize,
    snapshot: usize,
    damages: Vec<Damage>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inserted {
    /// Readings that are new.
    pub inserted: usize,
    /// Readings that were held already, with the same content.
    pub duplicates: usize,
    /// Readings that contradict one that is held: refused.
    pub conflicts: Vec<Conflict>,
    /// Cursor of the newest reading.
    pub newest: Cursor,
}

/// A reading that contradicts one that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The reading that was refused.
    pub reading: Reading,
    /// What is held, and stays.
    pub held: Content,
}

impl Archive {
    /// What the file knows.
    ///
    /// # Errors
    /// The database failed.
    pub fn load(connection: &Connection) -> Result<Self, ArchiveError> {
        let (mut coverage, through, snapshot) = coverage::load(connection)?;
        let series = Series::load(connection)?;
        for (number, known) in series.iter() {
            let held = coverage.registers.entry(known.register).or_default();
            held.series.push((known.scaler, known.unit, number));
        }
        let mut archive = Self {
            coverage,
            series: series.next(),
            newest: through,
            directory: Directory::default(),
            since_snapshot: 0,
            snapshot,
            damages: Vec::new(),
        };
        read_blocks(connection, through, |block| archive.learn(&series, &block))?;
        Ok(archive)
    }

    /// Forgets what was not committed.
    ///
    /// # Errors
    /// The database failed.
    pub fn reload(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        *self = Self::load(connection)?;
        Ok(())
    }

    /// What is held.
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Cursor of the newest reading.
    pub const fn newest(&self) -> Cursor {
        Cursor(self.newest)
    }

    /// What was found damaged at the start.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Writes a batch in the transaction of `connection`. A reading that is held already with the same content is no change; with
    /// another content it is refused.
    ///
    /// # Errors
    /// The database failed: roll the transaction back and [`Self::reload`].
    pub fn insert<'r>(
        &mut self,
        connection: &Connection,
        batch: impl IntoIterator<Item = &'r Reading>,
    ) -> Result<Inserted, ArchiveError> {
        let mut report = Inserted::default();
        let mut rows = Vec::with_capacity(BLOCK_ROWS);
        for reading in batch {
            match self.sort(connection, reading, &rows)? {
                Sorted::New(row) => {
                    report.inserted += 1;
                    rows.push(row);
                }
                Sorted::Known => report.duplicates += 1,
                Sorted::Contradicts(held) => report.conflicts.push(Conflict { reading: *reading, held }),
            }
            if rows.len() == BLOCK_ROWS {
                self.write(connection, &rows)?;
                rows.clear();
            }
        }
        if !rows.is_empty() {
            self.write(connection, &rows)?;
        }
        if self.since_snapshot > SNAPSHOT_EVERY * self.snapshot.max(SNAPSHOT_LEAST) {
            self.write_coverage(connection)?;
        }
        report.newest = self.newest();
        Ok(report)
    }

    /// The next reading comes after this cursor, if that is further on.
    pub fn skip_to(&mut self, cursor: Cursor) {
        self.newest = self.newest.max(cursor.0);
    }

    /// Writes down what is held, in the transaction of `connection`.
    ///
    /// # Errors
    /// The database failed.
    pub fn write_coverage(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        let data = self.coverage.emit();
        connection
            .prepare_cached("INSERT OR REPLACE INTO coverage VALUES (1, ?1, ?2)")?
            .execute(params![self.newest.cast_signed(), data])?;
        (self.since_snapshot, self.snapshot) = (0, data.len());
        Ok(())
    }

    /// Removes up to `limit` blocks, the oldest first, all of whose readings have cursors up to `delivered` and captures before
    /// `before` (milliseconds). That they were held stays known. How many were removed.
    ///
    /// # Errors
    /// The database failed.
    pub fn prune(
        &mut self,
        connection: &Connection,
        delivered: Cursor,
        before: i64,
        limit: usize,
    ) -> Result<usize, ArchiveError> {
        let sql = "DELETE FROM blocks WHERE last IN
            (SELECT last FROM blocks WHERE last <= ?1 AND newest < ?2 ORDER BY last LIMIT ?3)";
        let delivered = delivered.0.min(i64::MAX as u64).cast_signed();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let removed = connection.prepare_cached(sql)?.execute(params![delivered, before, limit])?;
        if removed > 0 {
            self.write_coverage(connection)?;
            self.directory = Directory::default();
        }
        Ok(removed)
    }

    fn sort(
        &mut self,
        connection: &Connection,
        reading: &Reading,
        rows: &[Row],
    ) -> Result<Sorted, ArchiveError> {
        let held = self.coverage.registers.entry(reading.register()).or_default();
        if held.runs.insert(reading.capture) {
            let series = number(&mut self.series, held, connection, reading)?;
            let Reading { capture, value, status, received, .. } = *reading;
            return Ok(Sorted::New(Row { series, capture, value, status, received }));
        }
        let is_of = |series: u32| held.series.iter().any(|(.., number)| *number == series);
        let fresh = rows.iter().find(|row| row.capture == reading.capture && is_of(row.series)).copied();
        let row = match fresh {
            Some(row) => Some(row),
            None => self.directory.find(connection, reading.capture, is_of)?,
        };
        let content = row.and_then(|row| {
            let (scaler, unit, _) = held.series.iter().find(|(.., number)| *number == row.series)?;
            Some((row.value, *scaler, *unit, row.status))
        });
        // What has left the box is no contradiction: the head-end compares.
        Ok(match content.filter(|content| *content != reading.content()) {
            Some(content) => Sorted::Contradicts(content),
            None => Sorted::Known,
        })
    }

    fn write(&mut self, connection: &Connection, rows: &[Row]) -> Result<(), ArchiveError> {
        let data = block::emit(rows)?;
        let last = (self.newest + rows.len() as u64).cast_signed();
        let captures = || rows.iter().map(|row| row.capture.as_millis());
        let (oldest, newest) = (captures().min().unwrap_or(0), captures().max().unwrap_or(0));
        connection.prepare_cached("INSERT INTO blocks VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            last,
            i64::try_from(rows.len()).unwrap_or(i64::MAX),
            oldest,
            newest,
            data
        ])?;
        self.newest = last.cast_unsigned();
        self.since_snapshot += data.len();
        self.directory.note(last, oldest, newest);
        Ok(())
    }

    /// Takes over a block that was written after the coverage.
    fn learn(&mut self, series: &Series, block: &BlockRow<'_>) {
        self.newest = self.newest.max(block.last);
        self.since_snapshot += block.data.len();
        let Ok(rows) = block.rows() else { return self.damages.push(block.damage()) };
        for row in rows {
            if let Some(known) = series.find(row.series) {
                self.coverage.registers.entry(known.register).or_default().runs.insert(row.capture);
            }
        }
    }
}

enum Sorted {
    New(Row),
    Known,
    Contradicts(Content),
}

/// The number of the series of a reading; a new one is written down.
fn number(
    next: &mut u32,
    held: &mut Held,
    connection: &Connection,
    reading: &Reading,
) -> Result<u32, ArchiveError> {
    let known =
        held.series.iter().find(|(scaler, unit, _)| (*scaler, *unit) == (reading.scaler, reading.unit));
    if let Some((.., number)) = known {
        return Ok(*number);
    }
    let number = *next;
    *next = next.checked_add(1).ok_or(ArchiveError::Series)?;
    let meter = reading.meter.as_u64().cast_signed();
    connection.prepare_cached("INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        number,
        meter,
        reading.logical_name,
        reading.scaler,
        reading.unit
    ])?;
    held.series.push((reading.scaler, reading.unit, number));
    Ok(number)
}

/// The coverage is written down when blocks of so many times its size have come.
const SNAPSHOT_EVERY: usize = 8;
/// A small coverage counts as so many octets.
const SNAPSHOT_LEAST: usize = 16 * 1024;
