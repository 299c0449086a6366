//! How long things are kept, and what happens when there is no room.
//!
//! Diagnostics go first, then values of tasks and readings that the head-end has, the oldest first. A reading that the head-end does not
//! have is never removed: when there is nothing else to remove, new readings are refused, and come again from the meters later. A value
//! that it does not have goes only where a reading would be refused otherwise, and an event names it.

use super::{Event, EventKind, Reading, Store, StoreError};
use backhaul::Cursor;
use plc_core::Utc;
use plc_core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the file at most; beyond, readings are refused. A small reserve above is for counters and events.
    pub octets: u64,
    /// Readings that the head-end has are kept so long after their capture.
    pub keep: Duration,
    /// Whether there is a head-end: without one, readings make room by their age alone.
    pub head_end: bool,
}

/// Up to which cursor the head-end has every reading, and up to which every value of tasks. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct DeliveredMark(Arc<Delivered>);

#[derive(Debug, Default)]
struct Delivered {
    readings: AtomicU64,
    values: AtomicU64,
}

/// What the store keeps in mind about room.
#[derive(Debug, Default)]
pub(super) struct Retention {
    limits: Option<Limits>,
    delivered: DeliveredMark,
    /// Batches until the age of readings is looked at again.
    countdown: u32,
    /// Whether the present shortage has been told.
    told: bool,
}

impl DeliveredMark {
    /// The head-end has every reading up to here.
    pub fn set(&self, cursor: Cursor) {
        self.0.readings.store(cursor.0, Ordering::Relaxed);
    }

    /// Up to where it has every reading.
    pub fn get(&self) -> Cursor {
        Cursor(self.0.readings.load(Ordering::Relaxed))
    }

    /// The head-end has every value up to here, or does not want it.
    pub fn set_values(&self, cursor: Cursor) {
        self.0.values.store(cursor.0, Ordering::Relaxed);
    }

    /// Up to where it has every value.
    pub fn values(&self) -> Cursor {
        Cursor(self.0.values.load(Ordering::Relaxed))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 2 << 30, keep: Duration::from_secs(45 * 86_400), head_end: true }
    }
}

impl Store {
    /// From now on these limits hold.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), StoreError> {
        let pages = limits.octets / PAGE;
        let hard = pages + (pages / 20).max(RESERVE_PAGES);
        let set = self.reader.connection.pragma_update(
            None,
            "max_page_count",
            hard.min(u32::MAX.into()).cast_signed(),
        );
        set.map_err(StoreError::sqlite(self.path()))?;
        self.retention.limits = Some(limits);
        Ok(())
    }

    /// Where the one who talks to the head-end says up to where it has everything.
    pub fn delivered(&self) -> DeliveredMark {
        self.retention.delivered.clone()
    }

    /// Removes what has had its time, and more when room is short.
    pub(super) fn make_room(&mut self, batch: &[Reading]) -> Result<(), StoreError> {
        let Some(limits) = self.retention.limits else { return Ok(()) };
        let Some(now) = batch.iter().map(|reading| reading.received).max() else { return Ok(()) };
        self.retention.countdown = self.retention.countdown.saturating_sub(1);
        if self.retention.countdown == 0 {
            self.retention.countdown = LOOK_EVERY;
            self.prune(limits, (now - limits.keep).as_millis())?;
        }
        let pages = limits.octets / PAGE;
        if self.used()? < pages / 10 * 9 {
            self.retention.told = false;
            return Ok(());
        }
        self.relieve(limits, now)?;
        if self.used()? >= pages {
            // Else readings would be refused.
            while self.used()? >= pages / 10 * 9 && self.sacrifice_quarter(now)? > 0 {}
        }
        let used = self.used()?;
        if used >= pages {
            return Err(StoreError::Full { path: self.path().to_owned(), used, limit: pages });
        }
        Ok(())
    }

    /// Down to four fifths, as far as that goes.
    fn relieve(&mut self, limits: Limits, now: Utc) -> Result<(), StoreError> {
        let wanted = limits.octets / PAGE / 10 * 8;
        let events = self.remove_events()?;
        let (mut values, mut blocks) = (0, 0);
        while self.used()? > wanted {
            match self.remove_values(self.values_delivered())? {
                0 => break,
                removed => values += removed,
            }
        }
        while self.used()? > wanted {
            match self.prune(limits, i64::MAX)? {
                0 => break,
                removed => blocks += removed,
            }
        }
        if !std::mem::replace(&mut self.retention.told, true) {
            let (used, pages) = (self.used()?, limits.octets / PAGE);
            let text = format!(
                "nine tenths used: {events} events, {values} delivered values of tasks and {blocks} blocks of delivered readings removed; {used} of {pages} pages are used"
            );
            self.append_event(&Event { time: now, kind: EventKind::StoreFull, meter: None, text })?;
        }
        Ok(())
    }

    /// Up to which cursor values may make room.
    pub(super) fn values_delivered(&self) -> Cursor {
        match self.retention.limits {
            Some(Limits { head_end: true, .. }) => self.retention.delivered.values(),
            _ => Cursor(u64::MAX),
        }
    }

    /// All but the newest events.
    fn remove_events(&mut self) -> Result<usize, StoreError> {
        self.transact(|transaction| {
            let sql = "DELETE FROM events WHERE cursor <= (SELECT max(cursor) FROM events) - ?1";
            transaction.prepare_cached(sql)?.execute([EVENTS_KEPT])
        })
    }

    fn prune(&mut self, limits: Limits, before: i64) -> Result<usize, StoreError> {
        let delivered = if limits.head_end { self.retention.delivered.get() } else { Cursor(u64::MAX) };
        if delivered == Cursor::START {
            return Ok(0);
        }
        self.archived(|archive, transaction| archive.prune(transaction, delivered, before, PRUNED_AT_ONCE))
    }

    /// Whether nine tenths are used.
    pub(super) fn is_short(&self) -> Result<bool, StoreError> {
        let Some(limits) = self.retention.limits else { return Ok(false) };
        Ok(self.used()? >= limits.octets / PAGE / 10 * 9)
    }

    /// Refuses when everything is used.
    pub(super) fn refuse_when_full(&self) -> Result<(), StoreError> {
        let Some(limits) = self.retention.limits else { return Ok(()) };
        let (used, limit) = (self.used()?, limits.octets / PAGE);
        if used >= limit {
            return Err(StoreError::Full { path: self.path().to_owned(), used, limit });
        }
        Ok(())
    }

    /// Pages of the file that are in use.
    fn used(&self) -> Result<u64, StoreError> {
        let sql = "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)";
        let mut pages = self.reader.rows(sql, (), |row| row.get::<_, i64>(0))?;
        Ok(pages.pop().unwrap_or(0).cast_unsigned())
    }
}

/// Octets of a page of the file.
const PAGE: u64 = 4096;
/// Pages above the limit that counters and events may still use.
const RESERVE_PAGES: u64 = 64;
/// Batches between two looks at the age of readings.
const LOOK_EVERY: u32 = 64;
const PRUNED_AT_ONCE: usize = 256;
/// Events that stay when room is short.
const EVENTS_KEPT: i64 = 1000;
