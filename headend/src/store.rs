//! What the head-end keeps.

use crate::value;
use archive::{Archive, ArchiveError, Filter, Shelf};
use backhaul::{Cursor, Digested, Digests, Intake, Lot, Reading, Spans, StoredReading};
use concentrator::store::{StoredEvent, TaskValue};
use plc_core::Eui64;
use plc_core::wire::Reader;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One life of the store of one box: cursors count in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoxLife {
    /// Name of the box.
    pub box_id: String,
    /// Its epoch.
    pub epoch: u64,
}

/// Why the head-end's store fails.
#[derive(Debug, Error)]
pub enum HeadStoreError {
    /// The file belongs to something else.
    #[error("store {}: not a store of the head-end; expected one, or no file at all", .0.display())]
    Foreign(PathBuf),
    /// The file has a writer already.
    #[error("store {}: already open for writing; expected to be its only writer", .0.display())]
    Busy(PathBuf),
    /// The file system refused.
    #[error("store {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The database failed.
    #[error("store: {0}")]
    Archive(#[from] ArchiveError),
}

/// The only writer of the head-end's store.
#[derive(Debug)]
pub struct HeadStore {
    connection: Connection,
    archive: Archive,
    lives: BTreeMap<BoxLife, Intake>,
    _lock: File,
}

impl HeadStore {
    /// Opens the file; makes it when it is not there.
    ///
    /// # Errors
    /// It belongs to something else, has a writer already, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, HeadStoreError> {
        let lock = lock(path)?;
        // Readings of households are nobody's on this machine but its owner's. The engine gives its log the same mode.
        private(path).map_err(|error| HeadStoreError::Io { path: path.to_owned(), error })?;
        let mut connection = Connection::open(path).map_err(ArchiveError::from)?;
        prepare(&mut connection, path)?;
        let archive = Archive::load(&connection)?;
        Ok(Self { connection, archive, lives: BTreeMap::new(), _lock: lock })
    }

    /// Pages of 4096 octets that the file may have.
    ///
    /// # Errors
    /// The database failed.
    pub fn limit(&mut self, pages: u32) -> Result<(), HeadStoreError> {
        self.connection.pragma_update(None, "max_page_count", pages).map_err(ArchiveError::from)?;
        Ok(())
    }

    /// What is held of one life of a box.
    ///
    /// # Errors
    /// The database failed.
    pub fn intake(&mut self, life: &BoxLife) -> Result<Intake, HeadStoreError> {
        if let Some(intake) = self.lives.get(life) {
            return Ok(intake.clone());
        }
        let intake = load_intake(&self.connection, life)?;
        self.lives.insert(life.clone(), intake.clone());
        Ok(intake)
    }

    /// Commits what has come from boxes, all or nothing. A reading or value that is held already is not kept twice; one that contradicts it
    /// is refused and counted.
    ///
    /// # Errors
    /// The database failed; nothing was kept.
    pub fn commit(&mut self, parcels: &[Parcel]) -> Result<usize, HeadStoreError> {
        let mut lives = BTreeMap::new();
        for parcel in parcels {
            let intake = self.intake(&parcel.life)?;
            let intake = lives.entry(parcel.life.clone()).or_insert(intake);
            intake.committed(parcel.rows.lot(), parcel.span);
        }
        match self.write(parcels, &lives) {
            Ok(conflicts) => {
                self.lives.append(&mut lives);
                Ok(conflicts)
            }
            Err(error) => {
                self.archive.reload(&self.connection)?;
                Err(error.into())
            }
        }
    }

    fn write(
        &mut self,
        parcels: &[Parcel],
        lives: &BTreeMap<BoxLife, Intake>,
    ) -> Result<usize, ArchiveError> {
        let transaction = self.connection.transaction()?;
        let readings = parcels.iter().flat_map(|parcel| parcel.rows.readings());
        let mut conflicts = self.archive.insert(&transaction, readings)?.conflicts.len();
        for Parcel { life, rows, .. } in parcels {
            match rows {
                Rows::Readings(_) => {}
                Rows::Events(events) => {
                    events.iter().try_for_each(|event| insert_event(&transaction, life, event))?;
                }
                Rows::Values(values) => conflicts += value::insert(&transaction, values)?,
            }
        }
        lives.iter().try_for_each(|(life, intake)| keep_intake(&transaction, life, intake))?;
        transaction.commit()?;
        Ok(conflicts)
    }

    /// Everything that is held, in the order in which it came.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn readings(path: &Path) -> Result<Vec<StoredReading>, HeadStoreError> {
        let connection = read_only(path)?;
        let all = (Cursor::START, Cursor(u64::MAX));
        Ok(Shelf::default().readings(&connection, &Filter::default(), all, usize::MAX)?.readings)
    }

    /// Values of tasks that are held, of one meter or of all, in the order in which they came, each given to `take`.
    ///
    /// # Errors
    /// The file cannot be read, or is of a head-end that took none; `take` fails.
    pub fn values<E: From<HeadStoreError>>(
        path: &Path,
        meter: Option<Eui64>,
        take: impl FnMut(TaskValue) -> Result<(), E>,
    ) -> Result<(), E> {
        value::each(&read_only(path)?, &Filter { meter, ..Filter::default() }, take)
    }

    /// Adds the readings or the values that are held to digests.
    ///
    /// # Errors
    /// The file cannot be read; where values are asked for, it is of a head-end that took none.
    pub fn digests(
        path: &Path,
        of: Digested,
        filter: &Filter,
        digests: Digests,
    ) -> Result<Digests, HeadStoreError> {
        let connection = read_only(path)?;
        match of {
            Digested::Readings => Ok(Shelf::default().digests(&connection, filter, digests)?),
            Digested::Values => value::digests(&connection, filter, digests),
        }
    }

    /// Events that are held.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn count_events(path: &Path) -> Result<u64, HeadStoreError> {
        let count = read_only(path)?.query_row("SELECT count(*) FROM events", (), |row| row.get::<_, i64>(0));
        Ok(count.map_err(ArchiveError::from)?.cast_unsigned())
    }
}

/// What a box has sent in one batch.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Of which box.
    pub life: BoxLife,
    /// Its cursors.
    pub span: backhaul::Span,
    /// What stands at them.
    pub rows: Rows,
}

/// The rows of a batch, of one kind.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Readings.
    Readings(Vec<Reading>),
    /// Events.
    Events(Vec<StoredEvent>),
    /// Values of tasks.
    Values(Vec<TaskValue>),
}

impl Rows {
    /// Of which kind.
    pub const fn lot(&self) -> Lot {
        match self {
            Self::Readings(_) => Lot::Readings,
            Self::Events(_) => Lot::Events,
            Self::Values(_) => Lot::Values,
        }
    }

    /// How many.
    pub const fn len(&self) -> usize {
        match self {
            Self::Readings(rows) => rows.len(),
            Self::Events(rows) => rows.len(),
            Self::Values(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn readings(&self) -> &[Reading] {
        match self {
            Self::Readings(readings) => readings,
            Self::Events(_) | Self::Values(_) => &[],
        }
    }
}

impl HeadStoreError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        let Self::Archive(ArchiveError::Sqlite(error)) = self else { return false };
        error.sqlite_error_code() == Some(ErrorCode::DiskFull)
    }
}

fn read_only(path: &Path) -> Result<Connection, HeadStoreError> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    Ok(Connection::open_with_flags(path, flags).map_err(ArchiveError::from)?)
}

fn lock(path: &Path) -> Result<File, HeadStoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let io = |error| HeadStoreError::Io { path: path.to_owned(), error };
    let file = File::create(name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HeadStoreError::Busy(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Makes the file, for its owner's eyes only, when it is not there.
fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), HeadStoreError> {
    let foreign = |_| HeadStoreError::Foreign(path.to_owned());
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (application, tables) =
        (pragma("application_id").map_err(foreign)?, pragma("schema_version").map_err(foreign)?);
    if application != APPLICATION_ID && (application, tables) != (0, 0) {
        return Err(HeadStoreError::Foreign(path.to_owned()));
    }
    configure(connection, application == 0).map_err(ArchiveError::from)?;
    Ok(())
}

fn configure(connection: &mut Connection, new: bool) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    if new {
        transaction.execute_batch(archive::TABLES)?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    // Files of older versions lack them.
    transaction.execute_batch(value::TABLES)?;
    transaction.commit()
}

fn load_intake(connection: &Connection, life: &BoxLife) -> Result<Intake, HeadStoreError> {
    let sql = "SELECT events, readings FROM lives WHERE box = ?1 AND epoch = ?2";
    let row = params![life.box_id, life.epoch.cast_signed()];
    let found = connection
        .query_row(sql, row, |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()
        .map_err(ArchiveError::from)?;
    // What cannot be read is asked for again.
    let spans = |octets: &[u8]| Spans::parse(&mut Reader::new(octets)).unwrap_or_default();
    let (events, readings) = found.unwrap_or_default();
    let values = value::load_held(connection, life).map_err(ArchiveError::from)?;
    Ok(Intake::new(spans(&events), spans(&readings), spans(&values)))
}

fn keep_intake(transaction: &Transaction<'_>, life: &BoxLife, intake: &Intake) -> Result<(), ArchiveError> {
    let octets = |lot| {
        let mut out = Vec::new();
        intake.held(lot).emit(&mut out);
        out
    };
    let sql = "INSERT OR REPLACE INTO lives VALUES (?1, ?2, ?3, ?4)";
    let row = params![life.box_id, life.epoch.cast_signed(), octets(Lot::Events), octets(Lot::Readings)];
    transaction.prepare_cached(sql)?.execute(row)?;
    Ok(value::keep_held(transaction, life, &octets(Lot::Values))?)
}

fn insert_event(
    transaction: &Transaction<'_>,
    life: &BoxLife,
    stored: &StoredEvent,
) -> Result<(), ArchiveError> {
    let StoredEvent { cursor, event } = stored;
    let sql = "INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        life.box_id,
        life.epoch.cast_signed(),
        cursor.0.cast_signed(),
        event.time.as_millis(),
        event.kind.as_str(),
        event.meter.map(|meter| meter.as_u64().cast_signed()),
        event.text
    ])?;
    Ok(())
}

/// `application_id` of the file: "PLCh".
const APPLICATION_ID: u32 = 0x504C_4368;
const TABLES: &str = "
CREATE TABLE lives (
    box TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    events BLOB NOT NULL,
    readings BLOB NOT NULL,
    PRIMARY KEY (box, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    box TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    meter INTEGER,
    text TEXT NOT NULL,
    PRIMARY KEY (box, epoch, cursor)
) STRICT, WITHOUT ROWID;
";
