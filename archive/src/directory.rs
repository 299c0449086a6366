//! Where the block of a capture may be: asked only when a reading comes again.

use crate::ArchiveError;
use crate::shelf::unpacked;
use backhaul::block::Row;
use plc_core::Utc;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::Arc;

/// First and last capture of every block, made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    entries: Option<Vec<Entry>>,
    /// Blocks that were unpacked last.
    unpacked: VecDeque<(i64, Arc<Vec<Row>>)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    last: i64,
    oldest: i64,
    newest: i64,
}

impl Directory {
    /// A block was written.
    pub(crate) fn note(&mut self, last: i64, oldest: i64, newest: i64) {
        if let Some(entries) = &mut self.entries {
            entries.push(Entry { last, oldest, newest });
        }
    }

    /// The row of one of these series at a capture; `None` when its block has left or is damaged.
    pub(crate) fn find(
        &mut self,
        connection: &Connection,
        capture: Utc,
        is_of: impl Fn(u32) -> bool,
    ) -> Result<Option<Row>, ArchiveError> {
        let at = capture.as_millis();
        let entries = match self.entries.take() {
            Some(entries) => entries,
            None => load(connection)?,
        };
        let candidates = entries.iter().rev().filter(|entry| (entry.oldest..=entry.newest).contains(&at));
        let mut found = None;
        for entry in candidates {
            let rows = self.unpack(connection, entry.last)?;
            found = rows.iter().find(|row| row.capture == capture && is_of(row.series)).copied();
            if found.is_some() {
                break;
            }
        }
        self.entries = Some(entries);
        Ok(found)
    }

    fn unpack(&mut self, connection: &Connection, last: i64) -> Result<Arc<Vec<Row>>, ArchiveError> {
        if let Some((_, rows)) = self.unpacked.iter().find(|(known, _)| *known == last) {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(unpacked(connection, last)?);
        self.unpacked.truncate(UNPACKED - 1);
        self.unpacked.push_front((last, Arc::clone(&rows)));
        Ok(rows)
    }
}

fn load(connection: &Connection) -> Result<Vec<Entry>, ArchiveError> {
    let mut statement = connection.prepare_cached("SELECT last, oldest, newest FROM blocks ORDER BY last")?;
    let entries = statement
        .query_map((), |row| Ok(Entry { last: row.get(0)?, oldest: row.get(1)?, newest: row.get(2)? }))?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Unpacked blocks that are kept.
const UNPACKED: usize = 32;
