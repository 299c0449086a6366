//! Tasks in a database of their own: those that were added on the interface, and how far each is.

use super::plan::Plan;
use crate::side_file::{SideFile, SideFileError};
use plc_core::Utc;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;

/// A task that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names it to the collector; from 1, never reused.
    pub number: u32,
    /// What is wanted.
    pub plan: Plan,
    /// Whether it stands in the configuration.
    pub configured: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// The last run that is over.
    pub last: Option<LastRun>,
}

/// A run that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// When it was to begin.
    pub at: Utc,
    /// When it was over.
    pub ended: Utc,
    /// Meters that are done.
    pub done: u32,
    /// Meters that have failed.
    pub failed: u32,
    /// Meters that were missing at the deadline.
    pub late: u32,
}

/// The database of tasks.
#[derive(Debug)]
pub(super) struct Book {
    connection: Connection,
}

impl Book {
    /// Opens the file; makes it, readable by its owner only, when it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, SideFileError> {
        Ok(Self { connection: FILE.open(path, |connection| connection.execute_batch(TABLE))? })
    }

    /// All tasks, in order of number. What this version does not understand is left out.
    pub(super) fn entries(&self) -> rusqlite::Result<Vec<Entry>> {
        let sql = format!("SELECT {COLUMNS} FROM tasks ORDER BY number");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let entries = statement.query_map((), entry)?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// The task of this name.
    pub(super) fn by_name(&self, name: &str) -> rusqlite::Result<Option<Entry>> {
        let sql = format!("SELECT {COLUMNS} FROM tasks WHERE name = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([name], entry).optional()?.flatten())
    }

    /// Keeps a task, in the place of one of this name. How far it was is forgotten when it is another.
    pub(super) fn keep(&self, plan: &Plan, configured: bool) -> rusqlite::Result<()> {
        let sql = "INSERT INTO tasks (name, plan, configured) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET
            ran = CASE WHEN plan = excluded.plan THEN ran END, plan = excluded.plan, configured = excluded.configured";
        self.connection.prepare_cached(sql)?.execute(params![plan.name, plan.to_json(), configured]).map(drop)
    }

    /// Removes the task of this name.
    pub(super) fn remove(&self, name: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached("DELETE FROM tasks WHERE name = ?1")?.execute([name]).map(drop)
    }

    /// Pauses a task, or lets it go on.
    pub(super) fn pause(&self, name: &str, paused: bool) -> rusqlite::Result<()> {
        let sql = "UPDATE tasks SET paused = ?2 WHERE name = ?1";
        self.connection.prepare_cached(sql)?.execute(params![name, paused]).map(drop)
    }

    /// Keeps how a run has ended.
    pub(super) fn ran(&self, number: u32, run: &LastRun) -> rusqlite::Result<()> {
        let sql =
            "UPDATE tasks SET ran = ?2, ended = ?3, done = ?4, failed = ?5, late = ?6 WHERE number = ?1";
        let LastRun { at, ended, done, failed, late } = *run;
        let row = params![number, at.as_millis(), ended.as_millis(), done, failed, late];
        self.connection.prepare_cached(sql)?.execute(row).map(drop)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let Some(plan) = Plan::from_json(row.get_ref(1)?.as_str()?) else { return Ok(None) };
    let time = |at| row.get::<_, Option<i64>>(at).map(|time| time.map(Utc::from_millis));
    let last = match (time(4)?, time(5)?) {
        (Some(at), Some(ended)) => {
            Some(LastRun { at, ended, done: row.get(6)?, failed: row.get(7)?, late: row.get(8)? })
        }
        _ => None,
    };
    Ok(Some(Entry { number: row.get(0)?, plan, configured: row.get(2)?, paused: row.get(3)?, last }))
}

const COLUMNS: &str = "number, plan, configured, paused, ran, ended, done, failed, late";
/// The file: "PLCt".
const FILE: SideFile =
    SideFile { holds: "the tasks", application_id: 0x504C_4374, version: 1, table: "tasks" };
const TABLE: &str = "
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    configured INTEGER NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    ran INTEGER,
    ended INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    late INTEGER NOT NULL DEFAULT 0
) STRICT;
";
