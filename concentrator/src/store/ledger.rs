//! What the store knows for the delivery ledger.

use super::reading::{bits, eui64};
use super::{Store, StoreError, StoreReader};
use archive::Filter;
use backhaul::ledger::Open;
use backhaul::ledger::Reason;
use backhaul::{Digests, Spans};
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use rusqlite::params;
use std::collections::BTreeMap;

/// Captures of a meter that will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRange {
    /// The meter.
    pub meter: Eui64,
    /// The first capture.
    pub from: Utc,
    /// The last capture.
    pub to: Utc,
    /// Why.
    pub reason: Reason,
}

impl Store {
    /// From when on captures of a registered meter are expected; the first word counts.
    ///
    /// # Errors
    /// The database failed.
    pub fn expect_meter(&mut self, meter: Eui64, since: Utc) -> Result<(), StoreError> {
        let sql = "UPDATE meters SET since = ?2 WHERE eui64 = ?1 AND since IS NULL";
        self.transact(|transaction| {
            transaction.execute(sql, params![bits(meter), since.as_millis()]).map(drop)
        })
    }

    /// Keeps that captures will not come.
    ///
    /// # Errors
    /// The database failed.
    pub fn record_lost(&mut self, lost: &LostRange) -> Result<(), StoreError> {
        let LostRange { meter, from, to, reason } = *lost;
        let sql = "INSERT INTO lost VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (meter, first) DO UPDATE SET last = max(last, excluded.last), reason = excluded.reason";
        let row = params![bits(meter), from.as_millis(), to.as_millis(), reason.as_str()];
        self.transact(|transaction| {
            transaction.execute(sql, row)?;
            transaction.execute(TRIM_LOST, [MAX_LOST]).map(drop)
        })
    }

    /// From where on a meter should be asked: the capture before the oldest hole, not more than `history` captures back; the newest
    /// capture when there is none. `None` when nothing of the meter is held.
    pub fn resume_from(
        &self,
        meter: Eui64,
        period: Duration,
        history: u32,
    ) -> Result<Option<Utc>, StoreError> {
        let held = self.archive.coverage().of_meter(meter);
        let Some(newest) = held.newest() else { return Ok(None) };
        let lost = self.reader.lost(Some(meter))?;
        let known = |capture: Utc| {
            held.contains(capture) || lost.iter().any(|range| (range.from..=range.to).contains(&capture))
        };
        let horizon = newest - period * history;
        let first = held.oldest().unwrap_or(newest).max(horizon).floor(period);
        let boundaries = std::iter::successors(Some(first), |capture| Some(*capture + period));
        let mut whole = boundaries.take_while(|capture| *capture <= newest && known(*capture));
        Ok(whole.by_ref().last().or(Some(newest)))
    }
}

impl StoreReader {
    /// From when on captures of each registered meter are expected.
    ///
    /// # Errors
    /// The database failed.
    pub fn expected_since(&self) -> Result<BTreeMap<Eui64, Utc>, StoreError> {
        let sql = "SELECT eui64, since FROM meters WHERE since IS NOT NULL";
        let rows = self.rows(sql, (), |row| Ok((eui64(row.get(0)?), Utc::from_millis(row.get(1)?))))?;
        Ok(rows.into_iter().collect())
    }

    /// What will not come, of one meter or of all.
    ///
    /// # Errors
    /// The database failed.
    pub fn lost(&self, meter: Option<Eui64>) -> Result<Vec<LostRange>, StoreError> {
        let sql = "SELECT meter, first, last, reason FROM lost WHERE ?1 IS NULL OR meter = ?1 ORDER BY meter, first";
        self.rows(sql, [meter.map(bits)], |row| {
            Ok(LostRange {
                meter: eui64(row.get(0)?),
                from: Utc::from_millis(row.get(1)?),
                to: Utc::from_millis(row.get(2)?),
                reason: Reason::from_word(row.get_ref(3)?.as_str()?),
            })
        })
    }

    /// Adds the readings that are held to digests.
    ///
    /// # Errors
    /// The database failed.
    pub fn digests(&self, filter: &Filter, digests: Digests) -> Result<Digests, StoreError> {
        self.shelved(|shelf, store| shelf.digests(store, filter, digests))
    }

    /// The captures that were not delivered, by meter, and which of them were `sent`.
    ///
    /// # Errors
    /// The database failed.
    pub fn undelivered(
        &self,
        filter: &Filter,
        delivered: &Spans,
        sent: &Spans,
    ) -> Result<BTreeMap<Eui64, Open>, StoreError> {
        self.shelved(|shelf, store| shelf.undelivered(store, filter, delivered, sent))
    }
}

/// Ranges that are kept; the oldest make room.
const MAX_LOST: i64 = 100_000;
const TRIM_LOST: &str = "DELETE FROM lost WHERE (SELECT count(*) FROM lost) > ?1
    AND last <= (SELECT min(last) FROM lost)";
