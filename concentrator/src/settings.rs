//! The configuration that is in force, and how another one takes its place while the daemon runs.
//!
//! Another one comes from the file (SIGHUP) or over the interface, for good or on trial ([`Trial`]). What can be changed at once is; for the
//! rest the daemon closes the power line or the way to the head-end, and opens it anew. What needs a restart is said, and stays as it was.

use crate::clock::{self, Monotonic};
use crate::config::{Change, Config, ConfigErrors, Effect, Pending, Trial, TrialError};
use crate::live::Live;
use crate::logging;
use crate::service_manager;
use crate::store::EventKind;
use crate::{validity, words};
use plc_core::time::Duration;
use plc_core::{Instant, Utc};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

/// The configuration in force.
#[derive(Debug)]
pub struct Settings {
    trial: Trial,
    /// A filter of the command line, which outweighs the file.
    log: Option<String>,
    current: Mutex<Arc<Config>>,
    asked: AtomicBool,
    live: Mutex<Weak<Live>>,
}

impl Settings {
    /// Reads the file. A trial whose time has passed while nobody was here is taken back before.
    ///
    /// # Errors
    /// The configuration is wrong, or the one before the trial cannot be put back.
    pub fn load(path: &Path, log: Option<&str>) -> Result<Self, TrialError> {
        let trial = Trial::new(path);
        if trial.pending()?.is_some_and(|pending| pending.remaining(clock::utc()).is_zero()) {
            trial.revert()?;
        }
        let config = Config::load(path)?;
        Ok(Self {
            trial,
            log: log.map(str::to_owned),
            current: Mutex::new(Arc::new(config)),
            asked: AtomicBool::new(false),
            live: Mutex::default(),
        })
    }

    /// What is in force.
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is logged.
    pub fn filter<'a>(&'a self, config: &'a Config) -> &'a str {
        self.log.as_deref().unwrap_or(&config.log)
    }

    /// The file shall be read again soon.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// What `text` in the place of the file would change.
    ///
    /// # Errors
    /// It is wrong.
    pub fn preview(&self, text: &str) -> Result<Vec<Change>, TrialError> {
        Ok(self.trial.preview(&self.current(), text)?.1)
    }

    /// Puts `text` in the place of the file and in force, on trial if it is to be confirmed.
    ///
    /// # Errors
    /// It is wrong, needs a restart, another one is on trial, or the file cannot be written. Nothing has changed then.
    pub fn apply(&self, text: &str, confirm: Option<Duration>, who: &str) -> Result<Vec<Change>, TrialError> {
        let (config, changes) = self.trial.preview(&self.current(), text)?;
        if let Some(change) = changes.iter().find(|change| change.effect == Effect::Restart) {
            return Err(TrialError::Restart(change.key.clone()));
        }
        self.trial.begin(text, confirm, clock::utc())?;
        let how = confirm.map_or_else(String::new, |length| format!(", on trial for {} s", length.as_secs()));
        self.tell(format!("from {who}{how}: {}", listed(&changes)));
        self.adopt(config, &changes);
        Ok(changes)
    }

    /// The trial that is under way.
    ///
    /// # Errors
    /// The file system refused.
    pub fn pending(&self) -> Result<Option<Pending>, TrialError> {
        self.trial.pending()
    }

    /// Keeps what is on trial.
    ///
    /// # Errors
    /// Nothing is; the file system refused.
    pub fn confirm(&self, who: &str) -> Result<(), TrialError> {
        self.trial.confirm()?;
        self.tell(format!("confirmed by {who}"));
        Ok(())
    }

    /// Takes back what is on trial.
    ///
    /// # Errors
    /// Nothing is; the file system refused.
    pub fn revert(&self, why: &str) -> Result<Vec<Change>, TrialError> {
        self.trial.revert()?;
        self.tell(format!("the one before is back: {why}"));
        Ok(self.reload()?)
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// It is wrong; what was in force stays.
    pub fn reload(&self) -> Result<Vec<Change>, ConfigErrors> {
        let current = self.current();
        let mut config = Config::load(self.trial.path())?;
        let changes = current.changes(&config);
        config.keep_what_needs_a_restart(&current);
        self.adopt(config, &changes);
        Ok(changes)
    }

    /// Puts a configuration in force: at once, or at the next opening of what it concerns.
    fn adopt(&self, config: Config, changes: &[Change]) {
        if let Err(error) = logging::change(self.filter(&config)) {
            tracing::error!("{error}");
        }
        if let Some(jobs) = self.live().as_ref().and_then(|live| live.jobs()) {
            jobs.set_guard(config.guard);
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        let reopening = |change: &Change| matches!(change.effect, Effect::PowerLine | Effect::Backhaul);
        if let Some(live) = self.live().filter(|_| changes.iter().any(reopening)) {
            live.ask_to_reopen();
        }
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    fn tell(&self, text: String) {
        tracing::info!("configuration {text}");
        self.note(text);
    }

    fn note(&self, text: String) {
        if let Some(live) = self.live() {
            live.tell(EventKind::Configuration, text);
        }
    }
}

/// Carries out wishes to read the file again, and ends trials whose time is over, until [`Live::shutdown`].
///
/// # Errors
/// The system gives no thread.
pub fn tend(settings: Arc<Settings>, live: Arc<Live>) -> std::io::Result<JoinHandle<()>> {
    *settings.live.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&live);
    std::thread::Builder::new().name(String::from("settings")).spawn(move || {
        let (mut timer, mut watch, mut look) = (Timer::default(), validity::Watch::default(), Instant::EPOCH);
        let monotonic = Monotonic::start();
        while !live.shutdown.wait(LOOK) {
            if settings.asked.swap(false, Ordering::Relaxed) {
                settings.reread();
            }
            if monotonic.now() >= look {
                watch.look(&settings.current(), &live, clock::utc());
                look = monotonic.now() + CERTIFICATES;
            }
            let pending = settings.pending().unwrap_or_default();
            if timer.is_over(pending, clock::utc(), monotonic.now()) {
                settings.end_trial();
            }
        }
    })
}

impl Settings {
    fn end_trial(&self) {
        if let Err(error) = self.revert("nobody has confirmed the other one in time") {
            tracing::error!("{error}");
        }
    }

    fn reread(&self) {
        service_manager::reloading();
        match self.reload() {
            Ok(changes) => self.tell(format!("from the file: {}", listed(&changes))),
            Err(errors) => {
                let text =
                    words::short(&format!("refused, the old one stays: {errors}").replace("\n  ", "; "));
                tracing::error!("configuration {text}");
                self.note(text);
            }
        }
        service_manager::ready();
    }
}

/// When a trial is over, by a clock that nobody sets.
#[derive(Debug, Default)]
struct Timer(Option<(Utc, Instant)>);

impl Timer {
    fn is_over(&mut self, pending: Option<Pending>, now: Utc, monotonic: Instant) -> bool {
        let Some(pending) = pending else {
            self.0 = None;
            return false;
        };
        let remaining = pending.remaining(now);
        let (_, deadline) = match self.0 {
            Some(known) if known.0 == pending.until => known,
            _ => *self.0.insert((pending.until, monotonic + remaining)),
        };
        remaining.is_zero() || monotonic >= deadline
    }
}

fn listed(changes: &[Change]) -> String {
    let mut lines: Vec<_> = changes.iter().take(LISTED).map(ToString::to_string).collect();
    match changes.len() {
        0 => return String::from("nothing is different"),
        all if all > LISTED => lines.push(format!("and {} more", all - LISTED)),
        _ => {}
    }
    lines.join("; ")
}

/// Changes that an event names.
const LISTED: usize = 10;
/// Between two looks at the certificates of the box.
const CERTIFICATES: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_ends_by_the_clock_that_nobody_sets_or_earlier_by_the_other_one() {
        let at = Instant::from_secs;
        let utc = |seconds: i64| Utc::from_secs(1_795_305_600 + seconds);
        let pending = Some(Pending { until: utc(600), length: Duration::from_secs(600) });
        let mut timer = Timer::default();
        assert!(!timer.is_over(pending, utc(0), at(100)));
        assert!(!timer.is_over(pending, utc(-86_400), at(699)), "the clock was set back");
        assert!(timer.is_over(pending, utc(-86_400), at(700)));
        assert!(!timer.is_over(None, utc(0), at(701)));
        assert!(!timer.is_over(pending, utc(0), at(800)), "another trial begins anew");
        assert!(timer.is_over(pending, utc(600), at(801)), "the clock was set forth");
    }

    #[test]
    fn a_trial_whose_time_passed_while_nobody_was_here_is_taken_back_before_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "[collector]\nretries = 1\n").unwrap();
        let long_ago = Utc::from_secs(1_700_000_000);
        Trial::new(&path)
            .begin("[collector]\nretries = 2\n", Some(Duration::from_secs(60)), long_ago)
            .unwrap();
        let settings = Settings::load(&path, None).unwrap();
        assert_eq!(settings.current().collector.retries, 1);
        assert_eq!(settings.pending().unwrap(), None);
    }

    #[test]
    fn what_is_applied_is_in_force_and_what_needs_a_restart_or_is_wrong_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "[collector]\nretries = 1\n").unwrap();
        let settings = Settings::load(&path, None).unwrap();
        let said = |text: &str| settings.apply(text, None, "a test").unwrap_err().to_string();
        assert!(said("[grpc]\nlisten = \"127.0.0.1:1\"\n").contains("grpc.listen: change the file"));
        assert!(said("[collector]\nretries = 99\n").contains("expected a number, 0 to 20"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[collector]\nretries = 1\n");
        let changes = settings.apply("[collector]\nretries = 7\n", None, "a test").unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(settings.current().collector.retries, 7);
        std::fs::write(&path, "[collector]\nretries = 8\n[grpc]\nlisten = \"127.0.0.1:1\"\n").unwrap();
        assert_eq!(settings.reload().unwrap().len(), 2);
        let current = settings.current();
        assert_eq!((current.collector.retries, current.listen.port()), (8, 50051));
    }
}
