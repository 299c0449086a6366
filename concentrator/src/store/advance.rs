//! How counters go on when nobody knows how far they have gone: above all that may have been used.
//!
//! Whoever hears them asks only that they grow, so a leap costs nothing but numbers: a receiver of the MAC takes any frame counter that is not
//! below the next one of its source, a meter any invocation counter above the last one of its client.

use super::key_file::KeyFile;
use super::{MAC_FRAME_COUNTER, StoreError, mark};
use rusqlite::{Connection, params};
use std::fmt;

/// What a busy box uses of invocation counters towards one meter in more than ten years: every quarter of an hour a session of forty
/// requests, 1.4 million a year. A counter has 2^32 numbers, so there is room for 255 leaps.
pub(super) const INVOCATION_MARGIN: u64 = 1 << 24;

/// What a busy box uses of frame counters in a year: four frames a second, day and night, 126 million. A group key has 2^32 numbers, so
/// there is room for 31 leaps; a network that has none left takes a new group key.
const FRAME_MARGIN: u64 = 1 << 27;

/// The last number of a counter, which is never used: whoever has arrived there needs another key.
pub(super) const END: u64 = u32::MAX as u64;

/// By how much the counters of keys go on that were found without their readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leap {
    /// The first unused frame counter of the MAC, before and after, where one was ever used.
    frame: Option<(u64, u64)>,
    /// Meters towards which was counted.
    meters: u64,
    /// Where counters towards other meters begin.
    pub(super) first_invocation: u64,
}

impl fmt::Display for Leap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((from, to)) = self.frame {
            write!(f, "the frame counter goes on at {to}, was {from}; ")?;
        }
        write!(
            f,
            "the invocation counters towards {} meters go on {INVOCATION_MARGIN} higher, and begin at {} towards others",
            self.meters, self.first_invocation
        )
    }
}

impl KeyFile {
    /// How the counters go on when the readings that they were used with are gone; `None` when these keys were never used.
    pub(super) fn leap(&self) -> Result<Option<Leap>, StoreError> {
        let used = self.rows(USED, (), |row| row.get::<_, bool>(0))?.contains(&true);
        if !used {
            return Ok(None);
        }
        let frame = self.counter(MAC_FRAME_COUNTER)?;
        let meters = self.rows("SELECT count(*) FROM meter_counters", (), |row| row.get::<_, i64>(0))?;
        let first = mark::first_invocation(&self.connection).map_err(StoreError::sqlite(self.path()))?;
        Ok(Some(Leap {
            frame: frame.map(|from| (from, above(from, FRAME_MARGIN))),
            meters: meters.into_iter().next().unwrap_or(0).cast_unsigned(),
            first_invocation: above(first, INVOCATION_MARGIN),
        }))
    }

    /// Has them go on like that, durable on return.
    pub(super) fn advance(&mut self, leap: &Leap) -> Result<(), StoreError> {
        self.transact(|transaction| {
            if let Some((_, to)) = leap.frame {
                let sql = "UPDATE counters SET value = ?2 WHERE name = ?1";
                transaction.execute(sql, params![MAC_FRAME_COUNTER, to.cast_signed()])?;
            }
            transaction.execute(RAISE_COUNTERS, params![MARGIN, END.cast_signed()])?;
            raise_renewed(transaction)?;
            mark::keep(transaction, "first_invocation", leap.first_invocation)?;
            mark::count(transaction).map(drop)
        })
    }
}

/// Raises the counters under keys that are about to be sent to meters.
pub(super) fn raise_renewed(keys: &Connection) -> rusqlite::Result<()> {
    keys.execute(RAISE_RENEWED, params![MARGIN, END.cast_signed()]).map(drop)
}

/// The counter above another by a margin, as far as there are numbers.
pub(super) const fn above(counter: u64, margin: u64) -> u64 {
    let to = counter.saturating_add(margin);
    if to < END { to } else { END }
}

const MARGIN: i64 = INVOCATION_MARGIN.cast_signed();

const USED: &str = "SELECT EXISTS (SELECT 1 FROM counters) OR EXISTS (SELECT 1 FROM meter_counters)
    OR EXISTS (SELECT 1 FROM meter_keys) OR EXISTS (SELECT 1 FROM group_keys) OR EXISTS (SELECT 1 FROM addresses)
    OR EXISTS (SELECT 1 FROM meta WHERE name = 'group_key')";
const RAISE_COUNTERS: &str =
    "UPDATE meter_counters SET invocation_counter = min(invocation_counter + ?1, ?2)";
const RAISE_RENEWED: &str = "UPDATE meter_keys SET renewed_counter = min(renewed_counter + ?1, ?2)
    WHERE renewed_encryption IS NOT NULL";
