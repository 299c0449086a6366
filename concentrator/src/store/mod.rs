//! The store: readings, events and everything that must survive a power cut, in an SQLite file; keys and counters in one of their own
//! beside it ([`KeyFile`]).
//!
//! One writer, an owned value ([`Store`]), and any number of readers beside it ([`StoreReader`]). Every method
//! that changes something is one transaction and returns once it is durable (write-ahead log,
//! `synchronous=FULL`). So: batch readings, and reserve counters in blocks.
//!
//! Readings are packed in blocks ([`archive`]). What is kept for how long, and what happens when there is no room: [`Limits`].

mod advance;
mod error;
mod event;
mod key_file;
mod keys;
mod ledger;
mod mark;
mod migration;
mod network;
mod reader;
mod reading;
mod renewal;
mod retention;
mod schema;
#[cfg(test)]
mod tests;
mod value;

pub use error::StoreError;
pub use event::{Event, EventKind, StoredEvent};
pub use key_file::{KeyFile, MeterCounters};
pub use keys::KeptKeys;
pub use ledger::LostRange;
pub use reader::StoreReader;
pub use reading::{Cursor, InsertReport, Reading, ReadingFilter, StoredReading};
pub use renewal::Renewal;
pub use retention::{DeliveredMark, Limits};
pub use value::{MAX_VALUES, ProfileMark, StoredValue, TaskValue};

use archive::{Archive, ArchiveError, Conflict};
use plc_core::sap::StoredRoute;
use plc_core::{Eui64, PanId, ShortAddress, Utc};
use reading::bits;
use retention::Retention;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The counter that holds the first unused frame counter of the MAC.
pub const MAC_FRAME_COUNTER: &str = "mac_frame_counter";
/// Names a file of readings: one that is made anew in its place has another name.
pub type StoreLife = [u8; 8];

/// Events that are kept; older ones make room.
pub const MAX_EVENTS: i64 = 100_000;

/// The only writer of the store.
#[derive(Debug)]
pub struct Store {
    reader: StoreReader,
    archive: Archive,
    retention: Retention,
    key_file: KeyFile,
    /// How many changes of it the file of the readings knows.
    known_seals: u64,
    /// What meters have counted that the file of the keys does not have yet.
    heard: BTreeMap<Eui64, u32>,
    /// Held as long as the store is open: of the readings, and of the keys.
    _locks: [File; 2],
}

/// A registered meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterRow {
    /// Its extended address.
    pub eui64: Eui64,
    /// Its address in the network, when it has one.
    pub short_address: Option<ShortAddress>,
    /// Its DLMS system title, when known.
    pub system_title: Option<[u8; 8]>,
    /// The last invocation counter that it used, as far as it came with what is stored here; [`Store::counters`] knows all.
    pub server_counter: u64,
    /// Under which of its keys, see [`MeterCounters::generation`].
    pub generation: i64,
}

/// The network that the concentrator formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Its PAN identifier.
    pub pan_id: PanId,
    /// The group key in use.
    pub group_key: [u8; 16],
    /// Its index.
    pub key_index: u8,
}

impl Store {
    /// Opens a store for writing, and the keys beside it; makes it, dated `now` and readable by its owner only, when no file is there. Keys
    /// whose readings are gone are taken over.
    ///
    /// # Errors
    /// The file belongs to something else or to another version, or is missing beside its write-ahead log, or its keys are missing or of
    /// another store, in which cases all is left as it is; it has a writer already; the file system or the database failed.
    pub fn open(path: &Path, now: Utc) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        schema::check(path)?;
        let locks = [lock, self::lock(&key_file::beside(path))?];
        let (connection, key_file) = schema::open(path, now)?;
        let archive = Archive::load(&connection).map_err(|error| StoreError::archive(path, error))?;
        let reader = StoreReader::new(connection, path);
        let (retention, heard) = (Retention::default(), BTreeMap::new());
        let known_seals = mark::seals(&reader.connection).map_err(StoreError::sqlite(path))?;
        let mut store = Self { reader, archive, retention, key_file, known_seals, heard, _locks: locks };
        store.transact(|transaction| {
            transaction.execute(NAME_LIFE, ())?;
            transaction.execute_batch(mark::TABLES)
        })?;
        store.heard = store.not_sealed()?;
        store.tell_damages(now)?;
        Ok(store)
    }

    /// Where it is, for [`StoreReader::open`].
    pub fn path(&self) -> &Path {
        &self.reader.path
    }

    /// Everything that can be asked of it.
    pub const fn reader(&self) -> &StoreReader {
        &self.reader
    }

    /// What can be asked of the file of its keys.
    pub const fn key_file(&self) -> &KeyFile {
        &self.key_file
    }

    /// Keeps a batch of readings, all or nothing. A reading that is held already with the same content is no
    /// change; with another content it is refused and leaves an event.
    ///
    /// # Errors
    /// There is no room ([`StoreError::is_full`]), or the database failed; nothing of the batch was kept.
    pub fn insert_readings(&mut self, batch: &[Reading]) -> Result<InsertReport, StoreError> {
        self.commit(batch, &BTreeMap::new(), [])
    }

    /// The same, with the last counters that meters have used and with routes, all in one transaction. A counter that would go back
    /// stays as it is.
    ///
    /// # Errors
    /// As [`Self::insert_readings`].
    pub fn commit<'a>(
        &mut self,
        batch: &[Reading],
        counters: &BTreeMap<Eui64, u32>,
        routes: impl IntoIterator<Item = &'a StoredRoute>,
    ) -> Result<InsertReport, StoreError> {
        if !batch.is_empty() {
            self.make_room(batch)?;
        }
        let generations = counters.keys().map(|meter| Ok(self.key_file.meter_counters(*meter)?.generation));
        let generations = generations.collect::<Result<Vec<_>, StoreError>>()?;
        let mut raised = Vec::new();
        let report = self.archived(|archive, transaction| {
            let mut raise = transaction.prepare_cached(RAISE_SERVER_COUNTER)?;
            for ((meter, last), generation) in counters.iter().zip(&generations) {
                if raise.execute(params![bits(*meter), last, generation])? > 0 {
                    raised.push((*meter, *last));
                }
            }
            for route in routes {
                network::keep_route(transaction, route)?;
            }
            let report = archive.insert(transaction, batch)?;
            for conflict in &report.conflicts {
                record_conflict(transaction, conflict)?;
            }
            if !report.conflicts.is_empty() {
                trim_events(transaction)?;
            }
            Ok(report)
        })?;
        self.heard.extend(raised);
        Ok(InsertReport {
            inserted: report.inserted,
            duplicates: report.duplicates,
            conflicts: report.conflicts.len(),
            newest: report.newest,
        })
    }

    /// Raises a named counter. Call it before the values below `value` are used.
    ///
    /// # Errors
    /// The counter would go back; the database failed.
    pub fn set_counter(&mut self, name: &str, value: u64) -> Result<(), StoreError> {
        let stored = self.key_file.counter(name)?.unwrap_or(0);
        forward(name, stored, value)?;
        let sql =
            "INSERT INTO counters VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.seal(|transaction| transaction.execute(sql, params![name, value.cast_signed()]).map(drop))
    }

    /// Makes a meter known, and its system title where one is given; address and counters stay.
    ///
    /// # Errors
    /// The database failed.
    pub fn register_meter(&mut self, meter: Eui64, system_title: Option<[u8; 8]>) -> Result<(), StoreError> {
        let sql = "INSERT INTO meters (eui64, system_title) VALUES (?1, ?2)
                   ON CONFLICT (eui64) DO UPDATE SET system_title = coalesce(excluded.system_title, system_title)";
        self.transact(|transaction| transaction.execute(sql, params![bits(meter), system_title]).map(drop))
    }

    /// Gives a registered meter its address in the network, or takes it away. The keys know it too, and first: two nodes with one address under
    /// one group key must not be, also when the readings are lost.
    ///
    /// # Errors
    /// The meter is not registered; another meter has the address; the database failed.
    pub fn set_meter_address(&mut self, meter: Eui64, short: Option<ShortAddress>) -> Result<(), StoreError> {
        self.registered(meter)?;
        if let (Some(address), Some(holder)) = (short, self.holder(short)?.filter(|holder| *holder != meter))
        {
            return Err(StoreError::AddressTaken { address, holder });
        }
        self.change_keys(|transaction| match short {
            Some(address) => transaction.execute(KEEP_ADDRESS, params![bits(meter), address.0]).map(drop),
            None => transaction.execute("DELETE FROM addresses WHERE eui64 = ?1", [bits(meter)]).map(drop),
        })?;
        let sql = "UPDATE meters SET short_address = ?2 WHERE eui64 = ?1";
        self.transact(|transaction| {
            transaction.execute(sql, params![bits(meter), short.map(|s| s.0)]).map(drop)
        })
    }

    /// Raises the counter below which invocation counters may have been used towards a registered meter.
    ///
    /// # Errors
    /// The meter is not registered; the counter would go back; the database failed.
    pub fn set_invocation_counter(&mut self, meter: Eui64, value: u64) -> Result<(), StoreError> {
        self.registered(meter)?;
        let stored = self.key_file.meter_counters(meter)?.invocation;
        forward(&format!("invocation of meter {meter}"), stored, value)?;
        self.change_keys(|transaction| {
            transaction.execute(SET_INVOCATION_COUNTER, params![bits(meter), value.cast_signed()]).map(drop)
        })?;
        self.transact(|transaction| mark::reserve(transaction, meter, value))
    }

    /// The counters of a meter: the greater of what its keys and its readings know, as far as it was counted under the same keys.
    ///
    /// # Errors
    /// The database failed.
    pub fn counters(&self, meter: Eui64) -> Result<MeterCounters, StoreError> {
        let counters = self.key_file.meter_counters(meter)?;
        let row = self.reader.meter(meter)?.filter(|row| row.generation == counters.generation);
        let server = row.map_or(0, |row| row.server_counter).max(counters.server);
        Ok(MeterCounters { server, ..counters })
    }

    /// Keeps an event. Beyond [`MAX_EVENTS`] the oldest make room.
    ///
    /// # Errors
    /// The database failed.
    pub fn append_event(&mut self, event: &Event) -> Result<(), StoreError> {
        self.transact(|transaction| {
            insert_event(transaction, event)?;
            trim_events(transaction)
        })
    }

    /// Keeps the network that was formed.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_network(&mut self, network: &Network) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO meta VALUES ('pan_id', ?1), ('group_key', ?2), ('key_index', ?3)";
        self.seal(|transaction| {
            transaction
                .execute(sql, params![network.pan_id.0, network.group_key, network.key_index])
                .map(drop)
        })
    }

    /// Moves everything into the main file and closes it. Dropping the store loses nothing either.
    ///
    /// # Errors
    /// The database failed.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.archived(|archive, transaction| archive.write_coverage(transaction))?;
        self.seal(|_| Ok(()))?;
        self.key_file.close()?;
        let StoreReader { connection, path, .. } = self.reader;
        let flushed = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
        flushed
            .and_then(|()| connection.close().map_err(|(_, error)| error))
            .map_err(StoreError::sqlite(&path))
    }

    fn registered(&self, meter: Eui64) -> Result<MeterRow, StoreError> {
        self.reader.meter(meter)?.ok_or(StoreError::UnknownMeter(meter))
    }

    fn holder(&self, short: Option<ShortAddress>) -> Result<Option<Eui64>, StoreError> {
        let meters = self.reader.meters()?;
        Ok(meters.iter().find(|meter| meter.short_address == short).map(|meter| meter.eui64))
    }

    /// What the readings know of counters that the keys do not.
    fn not_sealed(&self) -> Result<BTreeMap<Eui64, u32>, StoreError> {
        let mut heard = BTreeMap::new();
        for MeterRow { eui64, server_counter, generation, .. } in self.reader.meters()? {
            let sealed = self.key_file.meter_counters(eui64)?;
            if sealed.generation == generation && server_counter > sealed.server {
                heard.insert(eui64, u32::try_from(server_counter).unwrap_or(u32::MAX));
            }
        }
        Ok(heard)
    }

    /// [`Self::transact`] for the readings themselves: what fails is forgotten in memory too.
    fn archived<T>(
        &mut self,
        change: impl FnOnce(&mut Archive, &Transaction<'_>) -> Result<T, ArchiveError>,
    ) -> Result<T, StoreError> {
        let StoreReader { connection, path, .. } = &mut self.reader;
        let archive = &mut self.archive;
        let whole = || {
            let transaction = connection.transaction()?;
            let result = change(archive, &transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        let failed = match whole() {
            Ok(result) => return Ok(result),
            Err(error) => StoreError::archive(path, error),
        };
        self.archive.reload(connection).map_err(|error| StoreError::archive(path, error))?;
        Err(failed)
    }

    /// Leaves an event for each block that could not be read at the start.
    fn tell_damages(&mut self, now: Utc) -> Result<(), StoreError> {
        for damage in self.archive.damages().to_vec() {
            let text = format!(
                "readings {} to {}, captured {} to {}: damaged",
                damage.first.0, damage.last.0, damage.oldest, damage.newest
            );
            self.append_event(&Event { time: now, kind: EventKind::StoreDamaged, meter: None, text })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Network {{ pan_id: {}, key_index: {}, .. }}", self.pan_id, self.key_index)
    }
}

/// A lock beside the store, released with the process, however it ends. Not on the store itself, whose
/// locks are the engine's.
fn lock(path: &Path) -> Result<File, StoreError> {
    let beside = schema::beside(path, ".lock");
    let io = |error| StoreError::Io { path: path.to_owned(), error };
    let file = schema::private(&beside).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

fn forward(name: &str, stored: u64, value: u64) -> Result<(), StoreError> {
    if value < stored {
        return Err(StoreError::CounterBack { name: name.to_owned(), stored, value });
    }
    Ok(())
}

/// Leaves an event, once for each different contradiction.
fn record_conflict(transaction: &Transaction<'_>, conflict: &Conflict) -> rusqlite::Result<()> {
    let Conflict { reading, held } = conflict;
    let [a, b, c, d, e, f] = reading.logical_name;
    let text = format!(
        "{a}-{b}:{c}.{d}.{e}*{f} at {:?}: held {held:?}, received {:?} (value, scaler, unit, status)",
        reading.capture,
        reading.content(),
    );
    let kind = EventKind::ReadingConflict;
    let known = transaction
        .prepare_cached("SELECT 1 FROM events WHERE kind = ?1 AND meter = ?2 AND text = ?3")?
        .query_row(params![kind.as_str(), bits(reading.meter), text], |_| Ok(()))
        .optional()?;
    match known {
        Some(()) => Ok(()),
        None => insert_event(
            transaction,
            &Event { time: reading.received, kind, meter: Some(reading.meter), text },
        ),
    }
}

fn insert_event(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let row =
        params![event.time.as_millis(), event.kind.as_str(), event.meter.map(bits), event::cut(&event.text)];
    transaction
        .prepare_cached("INSERT INTO events (time, kind, meter, text) VALUES (?1, ?2, ?3, ?4)")?
        .execute(row)
        .map(drop)
}

fn trim_events(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM events WHERE cursor <= (SELECT max(cursor) FROM events) - ?1")?
        .execute([MAX_EVENTS])
        .map(drop)
}

/// Whoever had the address before has lost it.
const KEEP_ADDRESS: &str = "INSERT OR REPLACE INTO addresses VALUES (?1, ?2)";
const NAME_LIFE: &str = "INSERT OR IGNORE INTO meta VALUES ('life', randomblob(8))";
const SET_INVOCATION_COUNTER: &str = "INSERT INTO meter_counters (eui64, invocation_counter) VALUES (?1, ?2)
    ON CONFLICT (eui64) DO UPDATE SET invocation_counter = excluded.invocation_counter";
const RAISE_SERVER_COUNTER: &str = "UPDATE meters SET server_counter = ?2, generation = ?3
    WHERE eui64 = ?1 AND (server_counter < ?2 OR generation <> ?3)";
