//! What is read again and again besides the load profile: tasks of the configuration and of the interface.
//!
//! * [`Plan`] is a task as it is wanted, [`TaskKind`] what it reads;
//! * `book` keeps them, and how far each is, in a file of their own, `tasks.sqlite` beside the store;
//! * the values go into the store ([`crate::store::TaskValue`]), with the marks that say how far profiles are read.
//!
//! Commands come from the interface, on its threads; the application takes what is different ([`Tasks::changes`]) and says how runs ended.

mod book;
mod plan;

pub use book::{Entry, LastRun};
pub use plan::{LOAD_PROFILE, Plan, TaskKind};

use crate::side_file::SideFileError;
use crate::words::Quoted;
use book::Book;
use collector::{RunReport, TASKS_MAX, Task, TaskStatus};
use plc_core::{Eui64, Utc};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// Why a command is refused.
#[derive(Debug, Error)]
pub enum TaskError {
    /// The database failed.
    #[error("tasks: {0}")]
    Book(#[from] rusqlite::Error),
    /// The file of the database is not what it should be.
    #[error(transparent)]
    File(#[from] SideFileError),
    /// What is asked is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The name is that of another task.
    #[error("task {}: there is one of that name already, expected a new name", Quoted(.0))]
    Taken(String),
    /// There is no such task.
    #[error("task {}: not known, expected a name of ListTasks", Quoted(.0))]
    Unknown(String),
    /// It stands in the configuration.
    #[error("task {}: stands in the configuration, expected to be removed there; it can be paused", Quoted(.0))]
    Configured(String),
    /// There are too many.
    #[error("{TASKS_MAX} tasks, expected fewer")]
    Many,
}

/// What the application shall tell the collector.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskChange {
    /// This task is new, or different.
    Put(Task),
    /// This one is gone.
    Remove(u32),
}

/// All tasks.
#[derive(Debug)]
pub struct Tasks {
    book: Mutex<Book>,
    /// What the collector knows.
    told: Mutex<BTreeSet<u32>>,
    status: Mutex<Vec<TaskStatus>>,
    news: AtomicBool,
}

impl Tasks {
    /// Opens the tasks in a folder; makes the file when it is not there.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, TaskError> {
        let book = Mutex::new(Book::open(&folder.join(BOOK))?);
        let news = AtomicBool::new(true);
        Ok(Self { book, told: Mutex::default(), status: Mutex::default(), news })
    }

    /// These tasks stand in the configuration from now on, and no others. Tasks of the interface with such a name are replaced, and
    /// named.
    ///
    /// # Errors
    /// There are too many, those that were added included, and nothing has changed; the database failed.
    pub fn adopt(&self, plans: &[Plan]) -> Result<Vec<String>, TaskError> {
        let book = self.book();
        let entries = book.entries()?;
        let stands = |entry: &Entry| plans.iter().any(|plan| plan.name == entry.plan.name);
        let (configured, added): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.configured);
        let (replaced, kept): (Vec<_>, Vec<_>) = added.into_iter().partition(|entry| stands(entry));
        if kept.len() + plans.len() > TASKS_MAX {
            return Err(TaskError::Many);
        }
        for gone in configured.iter().filter(|entry| !stands(entry)) {
            book.remove(&gone.plan.name)?;
        }
        plans.iter().try_for_each(|plan| book.keep(plan, true))?;
        self.ring();
        Ok(replaced.into_iter().map(|entry| entry.plan.name.clone()).collect())
    }

    /// All of them, in the order in which they became known.
    ///
    /// # Errors
    /// The database failed.
    pub fn list(&self) -> Result<Vec<Entry>, TaskError> {
        Ok(self.book().entries()?)
    }

    /// Adds a task.
    ///
    /// # Errors
    /// It is wrong; the name is taken; there are too many.
    pub fn add(&self, plan: &Plan) -> Result<Entry, TaskError> {
        if let Some(fault) = plan.fault() {
            return Err(TaskError::Invalid(fault));
        }
        let book = self.book();
        if book.by_name(&plan.name)?.is_some() {
            return Err(TaskError::Taken(plan.name.clone()));
        }
        if book.entries()?.len() >= TASKS_MAX {
            return Err(TaskError::Many);
        }
        book.keep(plan, false)?;
        self.ring();
        known(&book, &plan.name)
    }

    /// Removes a task that was added.
    ///
    /// # Errors
    /// There is none of that name; it stands in the configuration.
    pub fn remove(&self, name: &str) -> Result<(), TaskError> {
        let book = self.book();
        if known(&book, name)?.configured {
            return Err(TaskError::Configured(name.to_owned()));
        }
        book.remove(name)?;
        self.ring();
        Ok(())
    }

    /// Pauses a task, or lets it go on.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn pause(&self, name: &str, paused: bool) -> Result<Entry, TaskError> {
        let book = self.book();
        known(&book, name)?;
        book.pause(name, paused)?;
        self.ring();
        known(&book, name)
    }

    /// A run is over.
    ///
    /// # Errors
    /// The database failed.
    pub fn ended(&self, report: &RunReport, now: Utc) -> Result<(), TaskError> {
        let RunReport { task, at, done, failed, late, .. } = *report;
        Ok(self.book().ran(task, &LastRun { at, ended: now, done, failed, late })?)
    }

    /// The name of a task, if it is known.
    pub fn name(&self, number: u32) -> Option<String> {
        let entries = self.book().entries().unwrap_or_default();
        entries.into_iter().find(|entry| entry.number == number).map(|entry| entry.plan.name)
    }

    /// A collector that knows of nothing begins.
    pub fn begin(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.ring();
    }

    /// Whether something is different.
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::Relaxed)
    }

    /// What is different since this was last asked.
    ///
    /// # Errors
    /// The database failed.
    pub fn changes(&self, find: impl Fn(&str) -> Option<Eui64>) -> Result<Vec<TaskChange>, TaskError> {
        if !self.news.swap(false, Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let entries = self.book().entries()?;
        let now: BTreeSet<_> = entries.iter().map(|entry| entry.number).collect();
        let before =
            std::mem::replace(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner), now.clone());
        let gone = before.difference(&now).map(|number| TaskChange::Remove(*number));
        let put = entries.iter().map(|entry| {
            let ran = entry.last.map(|last| last.at);
            TaskChange::Put(entry.plan.task(entry.number, entry.paused, ran, &find))
        });
        Ok(gone.chain(put).collect())
    }

    /// Tells where the tasks stand.
    pub fn show(&self, status: Vec<TaskStatus>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// Where a task stands; `None` until the collector knows of it.
    pub fn status(&self, number: u32) -> Option<TaskStatus> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.iter().find(|status| status.number == number).cloned()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.news.store(true, Ordering::Relaxed);
    }
}

fn known(book: &Book, name: &str) -> Result<Entry, TaskError> {
    book.by_name(name)?.ok_or_else(|| TaskError::Unknown(name.to_owned()))
}

/// The file beside the store.
const BOOK: &str = "tasks.sqlite";

#[cfg(test)]
mod tests {
    use super::*;

    fn report(task: u32) -> RunReport {
        RunReport { task, at: Utc::from_secs(3600), done: 4, failed: 2, late: 1, named: Vec::new() }
    }

    fn numbers(changes: &[TaskChange]) -> Vec<(u32, bool)> {
        let number = |change: &TaskChange| match change {
            TaskChange::Put(task) => (task.number, true),
            TaskChange::Remove(number) => (*number, false),
        };
        changes.iter().map(number).collect()
    }

    #[test]
    fn what_was_added_and_how_far_it_is_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::open(folder.path()).unwrap();
        let plan = Plan::new("volts", TaskKind::Instant);
        assert_eq!(tasks.add(&plan).unwrap().number, 1);
        tasks.pause("volts", true).unwrap();
        tasks.ended(&report(1), Utc::from_secs(3700)).unwrap();
        assert_eq!((tasks.name(1).as_deref(), tasks.name(2)), (Some("volts"), None));
        drop(tasks);
        let tasks = Tasks::open(folder.path()).unwrap();
        let entry = tasks.list().unwrap().remove(0);
        assert_eq!((entry.plan, entry.paused, entry.configured), (plan, true, false));
        let last = entry.last.unwrap();
        assert_eq!((last.at, last.ended), (Utc::from_secs(3600), Utc::from_secs(3700)));
        assert_eq!((last.done, last.failed, last.late), (4, 2, 1));
        let changes = tasks.changes(|_| None).unwrap();
        let TaskChange::Put(task) = &changes[0] else { panic!("{changes:?}") };
        assert_eq!((task.ran, task.paused), (Some(Utc::from_secs(3600)), true));
    }

    #[test]
    fn the_collector_is_told_what_is_new_and_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::open(folder.path()).unwrap();
        tasks.add(&Plan::new("a", TaskKind::Clock)).unwrap();
        tasks.add(&Plan::new("b", TaskKind::Clock)).unwrap();
        assert_eq!(numbers(&tasks.changes(|_| None).unwrap()), [(1, true), (2, true)]);
        assert_eq!(tasks.changes(|_| None).unwrap(), []);
        tasks.remove("a").unwrap();
        assert_eq!(numbers(&tasks.changes(|_| None).unwrap()), [(1, false), (2, true)]);
        tasks.begin();
        assert_eq!(numbers(&tasks.changes(|_| None).unwrap()), [(2, true)]);
        tasks.add(&Plan::new("a", TaskKind::Clock)).unwrap();
        assert_eq!(tasks.list().unwrap()[1].number, 3, "a number is not used again");
    }

    #[test]
    fn those_of_the_configuration_come_and_go_with_it_and_keep_how_far_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::open(folder.path()).unwrap();
        let (a, b) = (Plan::new("a", TaskKind::Daily), Plan::new("b", TaskKind::Events));
        tasks.adopt(&[a.clone(), b.clone()]).unwrap();
        tasks.ended(&report(1), Utc::from_secs(3700)).unwrap();
        tasks.ended(&report(2), Utc::from_secs(3700)).unwrap();
        tasks.adopt(&[a, Plan { priority: 7, ..b }]).unwrap();
        let entries = tasks.list().unwrap();
        assert!(entries[0].last.is_some());
        assert!(entries[1].last.is_none(), "another plan begins anew");
        assert!(matches!(tasks.remove("a"), Err(TaskError::Configured(_))));
        tasks.adopt(&[]).unwrap();
        assert_eq!(tasks.list().unwrap(), []);
    }

    #[test]
    fn a_task_that_was_added_makes_way_for_one_of_the_configuration_by_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::open(folder.path()).unwrap();
        let plan = |n: usize| Plan::new(&format!("t{n}"), TaskKind::Clock);
        (0..TASKS_MAX).for_each(|n| drop(tasks.add(&plan(n)).unwrap()));
        assert!(matches!(tasks.adopt(&[plan(TASKS_MAX)]), Err(TaskError::Many)));
        assert!(tasks.list().unwrap().iter().all(|entry| !entry.configured), "nothing has changed");
        assert_eq!(tasks.adopt(&[plan(3)]).unwrap(), ["t3"]);
        assert_eq!(tasks.list().unwrap().len(), TASKS_MAX);
        assert_eq!(tasks.adopt(&[plan(3)]).unwrap(), [""; 0], "it is told once");
    }

    #[test]
    fn what_is_wrong_twice_unknown_or_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::open(folder.path()).unwrap();
        let plan = Plan::new("a", TaskKind::Clock);
        tasks.add(&plan).unwrap();
        assert!(matches!(tasks.add(&plan), Err(TaskError::Taken(_))));
        assert!(matches!(tasks.add(&Plan { attempts: 0, ..plan.clone() }), Err(TaskError::Invalid(_))));
        assert!(matches!(tasks.remove("b"), Err(TaskError::Unknown(_))));
        assert!(matches!(tasks.pause("b", true), Err(TaskError::Unknown(_))));
        for n in 1..TASKS_MAX {
            tasks.add(&Plan { name: format!("t{n}"), ..plan.clone() }).unwrap();
        }
        assert!(matches!(tasks.add(&Plan { name: "z".into(), ..plan }), Err(TaskError::Many)));
    }
}
