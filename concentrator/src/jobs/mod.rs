//! What is wanted of meters: jobs, with guards, an approval by a second person for many meters, and an audit log of every command.
//!
//! * [`JobKind`] is what can be wanted; [`Guard`] keeps a mistake from reaching every meter;
//! * [`images`] keeps the firmware that jobs bring to meters;
//! * `book` keeps jobs in a file of their own, `jobs.sqlite` beside the store: durable before anything is sent;
//! * [`audit`] is the signed record.
//!
//! Commands come from the interface, on its threads; the application takes what may be done next ([`Jobs::next`]) and says how it ended.

pub mod audit;
mod book;
mod guard;
pub mod images;
mod kind;
mod specs;
#[cfg(test)]
mod tests;
mod wanted;

pub use book::{Item, ItemState, Job, JobState};
pub use guard::{Guard, Tally};
pub use kind::{Firmware, JobKind};
pub use wanted::{NewKeys, Wanted};

use crate::grpc::{Caller, Role};
use crate::side_file::SideFileError;
use crate::words::Quoted;
use audit::{AuditError, AuditLog};
use book::Book;
use collector::{ImageProgress, OrderEnd};
use guard::Verdict;
use images::{ImageError, ImageHash, Images};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Utc};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use wanted::how_far;

/// Why a command is refused.
#[derive(Debug, Error)]
pub enum JobError {
    /// The database failed.
    #[error("jobs: {0}")]
    Book(#[from] rusqlite::Error),
    /// The file of the database is not what it should be.
    #[error(transparent)]
    File(#[from] SideFileError),
    /// It cannot be put on record, so it is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The machine gives no entropy for keys.
    #[error("entropy of the machine: {0}")]
    Entropy(#[from] std::io::Error),
    /// What is asked is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The key is that of another job.
    #[error("key {key}: used by job {job}, which is another; expected a new key", key = Quoted(.0), job = .1)]
    KeyTaken(String, i64),
    /// There is no such job.
    #[error("job {0}: not known")]
    Unknown(i64),
    /// Whoever asks may not.
    #[error("{0}")]
    Denied(String),
    /// It does not fit where the job stands.
    #[error("job {0} is {1}, expected {2}")]
    State(i64, JobState, &'static str),
    /// Too many jobs are under way.
    #[error("{OPEN_MAX} jobs are under way, expected fewer")]
    Many,
}

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Makes asking twice the same as asking once: 1 to 64 characters, new for each job.
    pub key: String,
    /// What.
    pub kind: JobKind,
    /// Of whom, each once.
    pub meters: Vec<Eui64>,
    /// How long it may take, a second to 31 days.
    pub within: Duration,
}

/// What would become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Meters that it would reach.
    pub meters: usize,
    /// Of those, meters that go first.
    pub canary: usize,
    /// Whether a second person must approve it.
    pub needs_approval: bool,
}

/// All jobs.
#[derive(Debug)]
pub struct Jobs {
    book: Mutex<Book>,
    log: Mutex<AuditLog>,
    images: Mutex<Images>,
    guard: Mutex<Guard>,
    /// Something may be done next.
    news: AtomicBool,
    /// When the first of the open jobs expires, or the first meter is to be asked again, milliseconds of UTC.
    expires: AtomicI64,
}

impl Jobs {
    /// Opens the jobs and the audit log in a folder; makes them when they are not there.
    ///
    /// # Errors
    /// A file cannot be opened; the audit log cannot be believed.
    pub fn open(folder: &Path, guard: Guard, now: Utc) -> Result<Self, JobError> {
        let book = Mutex::new(Book::open(&folder.join(BOOK), now)?);
        let log = Mutex::new(AuditLog::open(folder)?);
        let (images, expires) = (Mutex::new(Images::new(folder)), AtomicI64::new(i64::MAX));
        Ok(Self { book, log, images, guard: Mutex::new(guard), news: AtomicBool::new(true), expires })
    }

    /// Goes by these limits from now on.
    pub fn set_guard(&self, guard: Guard) {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = guard;
        self.ring();
    }

    fn guard(&self) -> Guard {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The collector has forgotten all orders: what may be done again is done again, the rest is uncertain.
    ///
    /// # Errors
    /// The database failed.
    pub fn interrupted(&self, now: Utc) -> Result<(), JobError> {
        let book = self.book();
        book.sort_out(now)?;
        self.ring();
        Ok(())
    }

    /// Keeps an image for jobs to come, and names it, if that is the `expected` name.
    ///
    /// # Errors
    /// Whoever brings it may not; it is not what is expected, empty or too long; jobs want too many others; it cannot be put on record.
    pub fn keep_image(
        &self,
        octets: &[u8],
        expected: ImageHash,
        who: &Caller,
        now: Utc,
    ) -> Result<ImageHash, JobError> {
        if who.role < Role::Administrator {
            let Caller { name, role } = who;
            return Err(JobError::Denied(format!("image: {name} is {role}, expected administrator")));
        }
        let found = images::hash(octets);
        if expected != found {
            return Err(ImageError::Other(found, expected).into());
        }
        let detail = format!("image {} of {} octets", images::hex(&found), octets.len());
        self.record(now, who, "upload", &detail)?;
        let open = self.book().jobs(i64::MAX, true)?;
        let wanted: Vec<_> = open.iter().filter_map(|job| image_of(&job.kind)).collect();
        Ok(self.images().keep(octets, &wanted)?)
    }

    /// What would become of a request.
    ///
    /// # Errors
    /// It is wrong, or whoever asks may not.
    pub fn preview(&self, request: &Request, who: &Caller) -> Result<Preview, JobError> {
        self.check(request, who)?;
        let meters = request.meters.len();
        let harmless = request.kind.is_harmless();
        Ok(Preview {
            meters,
            canary: if harmless || meters == 1 { 0 } else { self.guard().canary.min(meters) },
            needs_approval: !harmless && meters > self.guard().approval_above,
        })
    }

    /// Takes a job, or finds the one that was taken with this key. `joined` meters are in the network.
    ///
    /// # Errors
    /// As [`Self::preview`]; the key is taken; there are too many; it cannot be put on record.
    pub fn submit(&self, request: &Request, who: &Caller, joined: usize, now: Utc) -> Result<Job, JobError> {
        let preview = self.preview(request, who)?;
        let mut book = self.book();
        if let Some(known) = book.by_key(&request.key)? {
            let meters: Vec<_> = book.items(known.id)?.iter().map(|item| item.meter).collect();
            let same = known.kind == request.kind && meters == request.meters && known.asked_by == who.name;
            return if same { Ok(known) } else { Err(JobError::KeyTaken(request.key.clone(), known.id)) };
        }
        if book.jobs(i64::MAX, true)?.len() >= OPEN_MAX {
            return Err(JobError::Many);
        }
        if let Some(image) = image_of(&request.kind).filter(|image| !self.images().has(image)) {
            return Err(ImageError::Unknown(image).into());
        }
        let state = if preview.needs_approval { JobState::AwaitingApproval } else { JobState::Running };
        let mut job = Job {
            id: 0,
            key: request.key.clone(),
            kind: request.kind.clone(),
            asked_by: who.name.clone(),
            approved_by: String::new(),
            created: now,
            until: now + request.within,
            state,
            joined,
            note: String::new(),
        };
        let detail = format!(
            "{} of {} meters, key {:?}: {}",
            job.kind,
            preview.meters,
            job.key,
            listed(&request.meters)
        );
        self.record(now, who, "submit", &detail)?;
        job.id = book.add(&job, &request.meters)?;
        self.ring();
        Ok(job)
    }

    /// Approves a job of somebody else.
    ///
    /// # Errors
    /// Whoever approves has asked for it; it does not wait for that; it cannot be put on record.
    pub fn approve(&self, id: i64, who: &Caller, joined: usize, now: Utc) -> Result<Job, JobError> {
        let book = self.book();
        let job = known(&book, id)?;
        if job.state != JobState::AwaitingApproval {
            return Err(JobError::State(id, job.state, "one that waits for approval"));
        }
        if job.asked_by == who.name {
            let text =
                format!("job {id}: asked for by {}, expected the approval of a second person", who.name);
            return Err(JobError::Denied(text));
        }
        if who.role < job.kind.least_role() {
            return Err(denied(&job.kind, who));
        }
        self.record(now, who, "approve", &described(&job))?;
        book.approve(id, &who.name, joined)?;
        self.ring();
        known(&book, id)
    }

    /// Ends a job. What is under way goes on.
    ///
    /// # Errors
    /// It is over; whoever asks may not; it cannot be put on record.
    pub fn cancel(&self, id: i64, who: &Caller, now: Utc) -> Result<Job, JobError> {
        let book = self.book();
        let job = known(&book, id)?;
        if job.state.is_over() {
            return Err(JobError::State(id, job.state, "one that is not over"));
        }
        self.record(now, who, "cancel", &described(&job))?;
        let note = format!("cancelled by {}", who.name);
        book.set_state(id, JobState::Cancelled, &note)?;
        book.end_waiting(id, now, &note)?;
        known(&book, id)
    }

    /// Lets a job go on that a guard has halted. What the guard has seen does not halt it again before more of it is seen.
    ///
    /// # Errors
    /// It is not halted; whoever asks may not; it cannot be put on record.
    pub fn resume(&self, id: i64, who: &Caller, joined: usize, now: Utc) -> Result<Job, JobError> {
        let book = self.book();
        let job = known(&book, id)?;
        if job.state != JobState::Halted {
            return Err(JobError::State(id, job.state, "one that is halted"));
        }
        if who.role < job.kind.least_role() {
            return Err(denied(&job.kind, who));
        }
        self.record(now, who, "resume", &described(&job))?;
        book.resume(id, joined, now)?;
        self.ring();
        known(&book, id)
    }

    /// The newest jobs, at most so many, oldest first, each with its tally.
    ///
    /// # Errors
    /// The database failed.
    pub fn list(&self, limit: usize) -> Result<Vec<(Job, Tally)>, JobError> {
        let book = self.book();
        let jobs = book.jobs(i64::try_from(limit).unwrap_or(i64::MAX), false)?;
        let row = |job: Job| Ok((job.clone(), book.tally(job.id)?));
        jobs.into_iter().map(row).collect()
    }

    /// One job with its meters.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub fn job(&self, id: i64) -> Result<(Job, Vec<Item>), JobError> {
        let book = self.book();
        Ok((known(&book, id)?, book.items(id)?))
    }

    /// Whether something may be done next that was not there before.
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::Relaxed)
    }

    /// Whether something may be done now, or the time of a job is up.
    pub fn is_due(&self, now: Utc) -> bool {
        self.has_news() || now.as_millis() >= self.expires.load(Ordering::Relaxed)
    }

    /// What may be done now, durable as sent. `joined` meters are in the network; `at` is `now` on the clock of the collector.
    ///
    /// # Errors
    /// The database failed.
    pub fn next(&self, now: Utc, at: Instant, joined: usize) -> Result<Vec<Wanted>, JobError> {
        let book = self.book();
        // Whoever brings news from now on waits for the book.
        self.news.store(false, Ordering::Relaxed);
        let open = book.jobs(i64::MAX, true)?;
        let mut expires = i64::MAX;
        let mut wanted = Vec::new();
        let mut room = self.guard().in_hand;
        for job in &open {
            room = room.saturating_sub(book.tally(job.id)?.sent);
        }
        for job in open {
            let over = self.is_over(&book, &job, now)?;
            // What is in hand when its time is up rings when it ends.
            if !over && now < job.until {
                expires = expires.min(job.until.as_millis());
            }
            if over || job.state != JobState::Running || now >= job.until {
                continue;
            }
            let (more, later) = self.advance(&book, &job, (joined, now), room)?;
            expires = later.into_iter().map(|item| item.not_before.as_millis()).fold(expires, i64::min);
            for item in more {
                match self.wanted_of(&job, &item, now, at) {
                    Ok(one) => {
                        room -= 1;
                        book.set_item(item.id, ItemState::Sent, now, &item.text)?;
                        wanted.push(one);
                    }
                    Err(error) => {
                        book.set_item(item.id, ItemState::Failed, now, &error.to_string())?;
                        self.ring();
                    }
                }
            }
        }
        self.expires.store(expires, Ordering::Relaxed);
        Ok(wanted)
    }

    /// Ends jobs whose time is up, where nobody asks what may be done next.
    ///
    /// # Errors
    /// The database failed.
    pub fn end_expired(&self, now: Utc) -> Result<(), JobError> {
        let book = self.book();
        for job in book.jobs(i64::MAX, true)?.into_iter().filter(|job| now >= job.until) {
            self.is_over(&book, &job, now)?;
        }
        Ok(())
    }

    /// When something may be done next, or the time of a job is up, if nothing else happens before: milliseconds of UTC.
    pub fn due(&self) -> Option<Utc> {
        let expires = self.expires.load(Ordering::Relaxed);
        (expires < i64::MAX).then(|| Utc::from_millis(expires))
    }

    /// The image of an order is so far.
    ///
    /// # Errors
    /// The database failed.
    pub fn progress(&self, number: u64, progress: &ImageProgress) -> Result<(), JobError> {
        let Ok(id) = i64::try_from(number) else { return Ok(()) };
        Ok(self.book().set_progress(id, progress, &how_far(progress))?)
    }

    /// An order or a removal has ended.
    ///
    /// # Errors
    /// The database failed.
    pub fn ended(&self, number: u64, end: &OrderEnd, now: Utc) -> Result<(), JobError> {
        let book = self.book();
        let Some((job, item)) = i64::try_from(number).ok().map(|id| book.item(id)).transpose()?.flatten()
        else {
            return Ok(());
        };
        let job = known(&book, job)?;
        if item.state == ItemState::Sent {
            match end {
                OrderEnd::Done(answers) => {
                    book.set_item(item.id, ItemState::Done, now, &job.kind.told(answers))?;
                }
                OrderEnd::Partly { .. } if job.state.is_over() => {
                    let text = format!("{}; {}", job.note, item.text);
                    book.set_item(item.id, ItemState::Failed, now, &text)?;
                }
                OrderEnd::Partly { pause } => book.put_off(item.id, now, now + *pause)?,
                // Other keys are made for the next try.
                OrderEnd::NotTaken if !job.state.is_over() && now < job.until => {
                    book.set_item(item.id, ItemState::Waiting, now, &end.to_string())?;
                    book.put_off(item.id, now, now + AGAIN)?;
                }
                OrderEnd::Uncertain(_) if job.kind.may_repeat() && now < job.until => {
                    book.set_item(item.id, ItemState::Waiting, now, "")?;
                }
                other => book.set_item(item.id, ItemState::Failed, now, &other.to_string())?,
            }
        }
        self.ring();
        Ok(())
    }

    fn check(&self, request: &Request, who: &Caller) -> Result<(), JobError> {
        let Request { key, kind, meters, within } = request;
        if who.role < kind.least_role() {
            return Err(denied(kind, who));
        }
        let named = |firmware: &Firmware| {
            let name = &firmware.identifier;
            (1..=KEY_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
        };
        let fault = if key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control) {
            format!(
                "key {}: expected 1 to {KEY_MAX} characters, none of them a control character",
                Quoted(key)
            )
        } else if meters.is_empty() || meters.len() > self.guard().meters_max {
            format!("{} meters: expected 1 to {}", meters.len(), self.guard().meters_max)
        } else if !(SHORTEST..=LONGEST).contains(within) {
            format!("expiry of {} s: expected a second to 31 days", within.as_secs())
        } else if let Some(firmware) = firmware_of(kind).filter(|firmware| !named(firmware)) {
            format!(
                "image identifier {}: expected 1 to {KEY_MAX} characters, none of them a control character",
                Quoted(&firmware.identifier)
            )
        } else {
            return Ok(());
        };
        Err(JobError::Invalid(fault))
    }

    /// Ends a job that has nothing left to do or no time.
    fn is_over(&self, book: &Book, job: &Job, now: Utc) -> Result<bool, JobError> {
        let tally = book.tally(job.id)?;
        let (state, note) = if tally.waiting + tally.sent == 0 {
            (JobState::Finished, format!("{} done, {} failed", tally.done, tally.failed))
        } else if now >= job.until && tally.sent == 0 {
            (JobState::Expired, String::from("its time was up"))
        } else {
            return Ok(false);
        };
        book.end_waiting(job.id, now, &note)?;
        book.set_state(job.id, state, &note)?;
        self.record_own(now, state.as_str(), &described(job));
        Ok(true)
    }

    /// The next meters of a job that its guard lets pass; and those that would be next and are left alone for a while.
    fn advance(
        &self,
        book: &Book,
        job: &Job,
        (joined, now): (usize, Utc),
        room: usize,
    ) -> Result<(Vec<Item>, Vec<Item>), JobError> {
        let seen = book.tally(job.id)?;
        let give = if job.kind.is_harmless() {
            room
        } else {
            match self.guard().judge(&book.since_resumed(job.id, &seen)?, job.joined, joined) {
                Verdict::Give(count) => count.min(room),
                Verdict::Halt(why) => {
                    book.set_state(job.id, JobState::Halted, &why)?;
                    self.record_own(now, "halt", &format!("{}: {why}", described(job)));
                    0
                }
            }
        };
        let waiting = book.items(job.id)?.into_iter().filter(|item| item.state == ItemState::Waiting);
        Ok(waiting.take(give).partition(|item| item.not_before <= now))
    }

    /// Puts a command on record that is not about a job.
    ///
    /// # Errors
    /// It cannot be put on record: it must not be done.
    pub fn record(&self, now: Utc, who: &Caller, what: &str, detail: &str) -> Result<(), JobError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.append(now, (&who.name, who.role.as_str()), what, detail)?)
    }

    /// What happens by itself happens also where it cannot be put on record: a log that is full must not keep jobs from ending.
    fn record_own(&self, now: Utc, what: &str, detail: &str) {
        if let Err(error) = self.record(now, &Caller::local(), what, detail) {
            tracing::error!("{error}");
        }
    }

    fn ring(&self) {
        self.news.store(true, Ordering::Relaxed);
    }

    fn images(&self) -> MutexGuard<'_, Images> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn firmware_of(kind: &JobKind) -> Option<&Firmware> {
    if let JobKind::Firmware(firmware) = kind { Some(firmware) } else { None }
}

fn image_of(kind: &JobKind) -> Option<ImageHash> {
    firmware_of(kind).map(|firmware| firmware.image)
}

fn known(book: &Book, id: i64) -> Result<Job, JobError> {
    book.job(id)?.ok_or(JobError::Unknown(id))
}

fn denied(kind: &JobKind, who: &Caller) -> JobError {
    let (least, Caller { name, role }): (Role, _) = (kind.least_role(), who);
    JobError::Denied(format!("{kind}: {name} is {role}, expected {least} or more"))
}

fn described(job: &Job) -> String {
    format!("job {}: {}, asked for by {}", job.id, job.kind, job.asked_by)
}

fn listed(meters: &[Eui64]) -> String {
    meters.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The name of the database in the folder of the store.
pub const BOOK: &str = "jobs.sqlite";
/// Jobs that have not ended.
const OPEN_MAX: usize = 100;
const KEY_MAX: usize = 64;
/// Pause before a meter that has not taken keys gets others.
const AGAIN: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
