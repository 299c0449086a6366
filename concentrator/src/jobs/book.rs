//! Jobs in a database of their own: what was wanted, of whom, by whom, and how far it is. Durable before anything is sent.

use super::JobError;
use super::guard::Tally;
use super::kind::JobKind;
use crate::side_file::SideFile;
use collector::{ImageProgress, ImageStage};
use plc_core::{Eui64, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::fmt;
use std::path::Path;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for a second person.
    AwaitingApproval,
    /// Its meters are asked.
    Running,
    /// A guard has stopped it; somebody may let it go on.
    Halted,
    /// All meters have ended.
    Finished,
    /// Somebody has ended it.
    Cancelled,
    /// Its time was up.
    Expired,
}

/// Where one meter of a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// It has not begun.
    Waiting,
    /// The collector has it in hand.
    Sent,
    /// Ended well.
    Done,
    /// Ended otherwise; or was never begun when the job ended.
    Failed,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number, from 1, never reused.
    pub id: i64,
    /// The key that makes asking twice the same as asking once.
    pub key: String,
    /// What is wanted.
    pub kind: JobKind,
    /// Who wants it.
    pub asked_by: String,
    /// Who has approved it; empty: nobody.
    pub approved_by: String,
    /// When it was asked for.
    pub created: Utc,
    /// When it expires.
    pub until: Utc,
    /// Where it stands.
    pub state: JobState,
    /// Meters in the network when it began.
    pub joined: usize,
    /// Why it stands where it stands, for people.
    pub note: String,
}

/// One meter of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number, which names the order.
    pub id: i64,
    /// The meter.
    pub meter: Eui64,
    /// Where it stands.
    pub state: ItemState,
    /// Since when.
    pub time: Utc,
    /// How it has ended, or how far it is, for people.
    pub text: String,
    /// Of firmware: how far it is.
    pub progress: ImageProgress,
    /// It is left alone until then.
    pub not_before: Utc,
}

/// The database of jobs.
#[derive(Debug)]
pub(super) struct Book {
    connection: Connection,
}

impl Book {
    /// Opens the file; makes it, readable by its owner only, when it is not there. What was in hand when the power went is sorted out.
    ///
    /// # Errors
    /// The file is none of jobs; the file system or the database failed.
    pub(super) fn open(path: &Path, now: Utc) -> Result<Self, JobError> {
        let connection = FILE.open(path, |connection| {
            connection.execute_batch(TABLES)?;
            add_columns(connection)
        })?;
        let book = Self { connection };
        book.sort_out(now)?;
        Ok(book)
    }

    /// What was in hand when whoever had it in hand has ended.
    pub(super) fn sort_out(&self, now: Utc) -> rusqlite::Result<()> {
        for job in self.jobs(i64::MAX, false)? {
            for item in self.items(job.id)?.iter().filter(|item| item.state == ItemState::Sent) {
                if job.kind.may_repeat() {
                    self.set_item(item.id, ItemState::Waiting, now, &item.text)?;
                } else {
                    self.set_item(item.id, ItemState::Failed, now, INTERRUPTED)?;
                }
            }
        }
        Ok(())
    }

    /// Keeps a new job.
    pub(super) fn add(&mut self, job: &Job, meters: &[Eui64]) -> rusqlite::Result<i64> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO jobs (key, kind, parameter, asked_by, approved_by, created, until, state, joined, note, argument)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                job.key,
                job.kind.as_str(),
                job.kind.parameter(),
                job.asked_by,
                job.approved_by,
                job.created.as_millis(),
                job.until.as_millis(),
                job.state.as_str(),
                job.joined as i64,
                job.note,
                job.kind.argument()
            ],
        )?;
        let id = transaction.last_insert_rowid();
        for meter in meters {
            transaction.execute(
                "INSERT INTO items (job, meter, state, time, text) VALUES (?1, ?2, 'waiting', ?3, '')",
                params![id, meter.as_u64().cast_signed(), job.created.as_millis()],
            )?;
        }
        transaction.execute(TRIM_JOBS, [KEPT])?;
        transaction.execute("DELETE FROM items WHERE job NOT IN (SELECT id FROM jobs)", [])?;
        transaction.commit()?;
        Ok(id)
    }

    /// The newest jobs, or those that have not ended, oldest first.
    pub(super) fn jobs(&self, limit: i64, open: bool) -> rusqlite::Result<Vec<Job>> {
        let sql = format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM jobs WHERE NOT ?1 OR state IN ('awaiting-approval', 'running', 'halted')
             ORDER BY id DESC LIMIT ?2) ORDER BY id"
        );
        self.connection.prepare_cached(&sql)?.query_map(params![open, limit], job)?.collect()
    }

    /// The job of this number.
    pub(super) fn job(&self, id: i64) -> rusqlite::Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
        self.connection.query_row(&sql, [id], job).optional()
    }

    /// The job of this key.
    pub(super) fn by_key(&self, key: &str) -> rusqlite::Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE key = ?1");
        self.connection.query_row(&sql, [key], job).optional()
    }

    /// The meters of a job, in the order in which they are asked.
    pub(super) fn items(&self, id: i64) -> rusqlite::Result<Vec<Item>> {
        let sql = format!("SELECT {ITEM_COLUMNS} FROM items WHERE job = ?1 ORDER BY id");
        self.connection.prepare_cached(&sql)?.query_map([id], item)?.collect()
    }

    /// The job of an item, and the item.
    pub(super) fn item(&self, id: i64) -> rusqlite::Result<Option<(i64, Item)>> {
        let sql = format!("SELECT {ITEM_COLUMNS}, job FROM items WHERE id = ?1");
        self.connection.query_row(&sql, [id], |row| Ok((row.get("job")?, item(row)?))).optional()
    }

    /// Where the meters of a job stand.
    pub(super) fn tally(&self, id: i64) -> rusqlite::Result<Tally> {
        let sql = "SELECT count(*), sum(state = 'waiting'), sum(state = 'sent'), sum(state = 'done'), sum(state = 'failed')
                   FROM items WHERE job = ?1";
        self.connection.prepare_cached(sql)?.query_row([id], |row| {
            let count = |at| count(row, at);
            let (total, waiting, sent, done, failed) =
                (count(0)?, count(1)?, count(2)?, count(3)?, count(4)?);
            Ok(Tally { total, waiting, sent, done, failed })
        })
    }

    pub(super) fn set_item(&self, id: i64, state: ItemState, now: Utc, text: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE items SET state = ?2, time = ?3, text = ?4 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![id, state.as_str(), now.as_millis(), text])?;
        Ok(())
    }

    /// Keeps how far the image of an item is.
    pub(super) fn set_progress(&self, id: i64, progress: &ImageProgress, text: &str) -> rusqlite::Result<()> {
        let ImageProgress { stage, done, all, version } = progress;
        let sql = "UPDATE items SET stage = ?2, blocks_done = ?3, blocks = ?4, version = ?5, text = ?6 WHERE id = ?1";
        let stage = stage.to_string();
        self.connection.prepare_cached(sql)?.execute(params![id, stage, done, all, version, text])?;
        Ok(())
    }

    /// An item waits again, until then.
    pub(super) fn put_off(&self, id: i64, now: Utc, not_before: Utc) -> rusqlite::Result<()> {
        let sql = "UPDATE items SET state = 'waiting', time = ?2, not_before = ?3 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![id, now.as_millis(), not_before.as_millis()])?;
        Ok(())
    }

    /// Ends the meters of a job that have not begun.
    pub(super) fn end_waiting(&self, id: i64, now: Utc, text: &str) -> rusqlite::Result<()> {
        let sql =
            "UPDATE items SET state = 'failed', time = ?2, text = ?3 WHERE job = ?1 AND state = 'waiting'";
        self.connection.execute(sql, params![id, now.as_millis(), text])?;
        Ok(())
    }

    pub(super) fn set_state(&self, id: i64, state: JobState, note: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE jobs SET state = ?2, note = ?3 WHERE id = ?1";
        self.connection.execute(sql, params![id, state.as_str(), note])?;
        Ok(())
    }

    /// The tally since somebody has let the job go on.
    pub(super) fn since_resumed(&self, id: i64, tally: &Tally) -> rusqlite::Result<Tally> {
        let sql = "SELECT sum(items.state = 'done'), sum(items.state = 'failed') FROM items JOIN jobs ON jobs.id = items.job
                   WHERE jobs.id = ?1 AND items.time <= jobs.resumed AND items.state IN ('done', 'failed')";
        let (done, failed) = self.connection.query_row(sql, [id], |row| {
            let count = |at| count(row, at);
            Ok((count(0)?, count(1)?))
        })?;
        Ok(Tally { total: tally.total, done: tally.done - done, failed: tally.failed - failed, ..*tally })
    }

    pub(super) fn resume(&self, id: i64, joined: usize, now: Utc) -> rusqlite::Result<()> {
        let sql = "UPDATE jobs SET state = 'running', joined = ?2, resumed = ?3, note = '' WHERE id = ?1";
        self.connection.execute(sql, params![id, joined as i64, now.as_millis()])?;
        Ok(())
    }

    pub(super) fn approve(&self, id: i64, who: &str, joined: usize) -> rusqlite::Result<()> {
        let sql = "UPDATE jobs SET state = 'running', approved_by = ?2, joined = ?3, note = '' WHERE id = ?1";
        self.connection.execute(sql, params![id, who, joined as i64])?;
        Ok(())
    }
}

impl JobState {
    const ALL: [Self; 6] =
        [Self::AwaitingApproval, Self::Running, Self::Halted, Self::Finished, Self::Cancelled, Self::Expired];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting-approval",
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether it will not change any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Expired)
    }
}

impl ItemState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Done, Self::Failed];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A sum, of nothing 0.
fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<usize> {
    Ok(usize::try_from(row.get::<_, Option<i64>>(at)?.unwrap_or(0)).unwrap_or(0))
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let (word, state, argument): (String, String, String) = (row.get(2)?, row.get(8)?, row.get(11)?);
    let unknown = |at| rusqlite::Error::IntegralValueOutOfRange(at, 0);
    Ok(Job {
        id: row.get(0)?,
        key: row.get(1)?,
        kind: JobKind::from_word(&word, row.get(3)?, &argument).ok_or_else(|| unknown(2))?,
        asked_by: row.get(4)?,
        approved_by: row.get(5)?,
        created: Utc::from_millis(row.get(6)?),
        until: Utc::from_millis(row.get(7)?),
        state: JobState::ALL.into_iter().find(|known| known.as_str() == state).ok_or_else(|| unknown(8))?,
        joined: usize::try_from(row.get::<_, i64>(9)?).unwrap_or(0),
        note: row.get(10)?,
    })
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let state: String = row.get(2)?;
    let state = ItemState::ALL.into_iter().find(|known| known.as_str() == state);
    let stage: String = row.get(5)?;
    let stages = [ImageStage::New, ImageStage::Begun, ImageStage::Verified, ImageStage::Activating];
    let progress = ImageProgress {
        stage: stages.into_iter().find(|known| known.to_string() == stage).unwrap_or_default(),
        done: row.get(6)?,
        all: row.get(7)?,
        version: row.get(8)?,
    };
    Ok(Item {
        id: row.get(0)?,
        meter: Eui64::from_u64(row.get::<_, i64>(1)?.cast_unsigned()),
        state: state.ok_or(rusqlite::Error::IntegralValueOutOfRange(2, 0))?,
        time: Utc::from_millis(row.get(3)?),
        text: row.get(4)?,
        progress,
        not_before: Utc::from_millis(row.get(9)?),
    })
}

/// Columns that earlier versions did not have.
fn add_columns(connection: &Connection) -> rusqlite::Result<()> {
    for (table, column, kind) in ADDED {
        let known = format!("SELECT count(*) FROM pragma_table_info('{table}') WHERE name = ?1");
        if connection.query_row(&known, [column], |row| row.get::<_, i64>(0))? == 0 {
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"))?;
        }
    }
    Ok(())
}

const COLUMNS: &str =
    "id, key, kind, parameter, asked_by, approved_by, created, until, state, joined, note, argument";
const ITEM_COLUMNS: &str = "id, meter, state, time, text, stage, blocks_done, blocks, version, not_before";
const ADDED: [(&str, &str, &str); 6] = [
    ("jobs", "argument", "TEXT NOT NULL DEFAULT ''"),
    ("items", "stage", "TEXT NOT NULL DEFAULT ''"),
    ("items", "blocks_done", "INTEGER NOT NULL DEFAULT 0"),
    ("items", "blocks", "INTEGER NOT NULL DEFAULT 0"),
    ("items", "version", "BLOB NOT NULL DEFAULT x''"),
    ("items", "not_before", "INTEGER NOT NULL DEFAULT 0"),
];
/// Jobs that are kept; the oldest that are over make room.
const KEPT: i64 = 1000;
const TRIM_JOBS: &str = "DELETE FROM jobs WHERE state IN ('finished', 'cancelled', 'expired')
    AND id <= (SELECT max(id) FROM jobs) - ?1";
/// The file: "PLCj".
const FILE: SideFile = SideFile { holds: "the jobs", application_id: 0x504C_436A, version: 1, table: "jobs" };
const INTERRUPTED: &str = "the concentrator stopped in the middle: it may have been carried out";
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    parameter INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    created INTEGER NOT NULL,
    until INTEGER NOT NULL,
    state TEXT NOT NULL,
    joined INTEGER NOT NULL,
    note TEXT NOT NULL,
    resumed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    meter INTEGER NOT NULL,
    state TEXT NOT NULL,
    time INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS items_of_job ON items (job, state);
";
