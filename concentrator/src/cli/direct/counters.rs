//! The invocation counters of this client with one meter, in a file.

use super::state::{Owner, State};
use anyhow::{Context, anyhow, bail};
use dlms::security::SystemTitle;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The counters of this client with one meter, in a file.
#[derive(Debug)]
pub(super) struct Counters {
    path: PathBuf,
    owner: Owner,
    /// The first send counter that is certainly unused; `None` before the first use.
    send: Option<u32>,
    /// The highest counter of the meter.
    server: Option<u32>,
}

impl Counters {
    /// What the file says; nothing when there is none yet.
    ///
    /// # Errors
    /// It cannot be read, holds no counters, or those of another client, key or meter.
    pub(super) fn open(path: &Path, mut owner: Owner) -> anyhow::Result<Self> {
        let held = read(path)?;
        if let Some(held) = held.and_then(|held| held.owner) {
            owner.check(&held, path)?;
            owner.meter = owner.meter.or(held.meter);
        }
        let (send, server) = (held.map(|held| held.send), held.and_then(|held| held.server));
        Ok(Self { path: path.to_owned(), owner, send, server })
    }

    /// The first send counter that is certainly unused; `None` before the first use.
    pub(super) const fn next(&self) -> Option<u32> {
        self.send
    }

    /// The highest counter of the meter.
    pub(super) const fn server(&self) -> Option<u32> {
        self.server
    }

    /// The system title of the meter, if it was ever heard.
    pub(super) const fn meter(&self) -> Option<SystemTitle> {
        self.owner.meter
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The counter to begin with, where one is wanted: never one that was used. Says what that gives up.
    pub(super) fn begin_with(&mut self, wanted: u32) -> anyhow::Result<Option<String>> {
        let held = self.send.replace(wanted);
        match held {
            Some(next) if wanted < next => bail!(
                "--counter {wanted}: {} goes on with {next}, expected no less; without --counter it goes on by itself",
                self.path.display()
            ),
            Some(next) if wanted > next => Ok(Some(format!(
                "{}: goes on with {wanted} and not with {next}; the counters between are given up",
                self.path.display()
            ))),
            _ => Ok(None),
        }
    }

    /// The counter that the meter has told, where there was no file.
    pub(super) fn begin_as_told(&mut self, told: u32) -> String {
        self.send = Some(told);
        format!(
            "{}: new, begins with {told}, which the meter says is next; if there was such a file and it is lost, counters above may have \
             been used unheard, and --counter with a number far above is safer",
            self.path.display()
        )
    }

    /// The meter has proved who it is: from now on these are its counters.
    pub(super) fn meet(&mut self, meter: SystemTitle) -> anyhow::Result<()> {
        if self.owner.meter == Some(meter) {
            return Ok(());
        }
        let known = Owner { meter: Some(meter), ..self.owner };
        known.check(&self.owner, &self.path)?;
        self.owner = known;
        let _lock = lock(&self.path)?;
        self.write(self.held()?.map_or(self.send, |held| self.send.max(Some(held.send))))
    }

    /// Counters below `reserved_to` may be used from now on, unless another command has taken some since these were read.
    pub(super) fn reserve(&mut self, reserved_to: u32) -> anyhow::Result<()> {
        let _lock = lock(&self.path)?;
        if self.held()?.is_some_and(|held| self.send.is_none_or(|own| held.send > own)) {
            bail!("{}: another command has used it meanwhile, expected one at a time", self.path.display());
        }
        self.send = Some(reserved_to);
        self.write(self.send)
    }

    /// The meter has used this counter. What another command has taken meanwhile stays taken.
    pub(super) fn hear(&mut self, last: u32) -> anyhow::Result<()> {
        let _lock = lock(&self.path)?;
        let held = self.held()?;
        self.server = self.server.max(held.and_then(|held| held.server)).max(Some(last));
        self.write(self.send.max(held.map(|held| held.send)))
    }

    /// Takes one counter, which nobody will take again.
    pub(super) fn take(path: &Path, owner: Owner) -> anyhow::Result<Option<u32>> {
        let _lock = lock(path)?;
        let counters = Self::open(path, owner)?;
        let Some(taken) = counters.send else { return Ok(None) };
        let next = taken.checked_add(1).context("the send counter has ended: expected new keys")?;
        counters.write(Some(next))?;
        Ok(Some(taken))
    }

    /// What the file says now, if it is still of the same owner.
    fn held(&self) -> anyhow::Result<Option<State>> {
        let held = read(&self.path)?;
        if let Some(owner) = held.and_then(|held| held.owner) {
            self.owner.check(&owner, &self.path)?;
        }
        Ok(held)
    }

    /// Makes them durable, such that a crash leaves the old ones or the new.
    fn write(&self, send: Option<u32>) -> anyhow::Result<()> {
        let Some(send) = send else { return Ok(()) };
        let state = State { send, server: self.server, owner: Some(self.owner) };
        let beside = self.path.with_extension("new");
        let written = File::create(&beside)
            .and_then(|mut file| {
                write!(file, "{state}")?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.with_context(|| self.path.display().to_string())
    }
}

fn read(path: &Path) -> anyhow::Result<Option<State>> {
    let text = match crate::bounded::text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(anyhow!(
                "{}: {error}, expected a file of counters, as this program writes it; {WAY_OUT}",
                path.display()
            ));
        }
    };
    let state =
        State::parse(&text).map_err(|expected| anyhow!("{}: {expected}; {WAY_OUT}", path.display()))?;
    Ok(Some(state))
}

const WAY_OUT: &str =
    "move it away, and begin a new one with --counter and a number above all that were used";

/// Keeps other commands from the file until it is dropped.
fn lock(path: &Path) -> anyhow::Result<File> {
    let beside = path.with_extension("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&beside);
    let locked = lock.and_then(|file| file.lock().map(|()| file));
    locked.with_context(|| beside.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::state::Fingerprint;
    use super::*;

    const OWNER: Owner = Owner { client: 1, key: Fingerprint([1; 8]), meter: None };

    fn path(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("meter.state")
    }

    #[test]
    fn counters_are_read_back_and_a_file_that_holds_none_is_named_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder);
        let mut fresh = Counters::open(&path, OWNER).unwrap();
        assert_eq!((fresh.next(), fresh.server()), (None, None));
        fresh.hear(9).unwrap();
        assert!(!path.exists(), "no counter to keep");
        fresh.reserve(7).unwrap();
        let read = Counters::open(&path, OWNER).unwrap();
        assert_eq!((read.next(), read.server()), (Some(7), Some(9)));
        for bad in ["", "7", "x -", "7 8 9", "send = 1"] {
            std::fs::write(&path, bad).unwrap();
            let error = Counters::open(&path, OWNER).unwrap_err().to_string();
            assert!(
                error.contains("meter.state: ") && error.contains("begin a new one with --counter"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_first_meter_that_proves_itself_is_the_one_whose_counters_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder);
        std::fs::write(&path, "7 5").unwrap();
        let mut counters = Counters::open(&path, OWNER).unwrap();
        assert_eq!((counters.next(), counters.server(), counters.meter()), (Some(7), Some(5), None));
        counters.meet(*b"MTR00001").unwrap();
        counters.meet(*b"MTR00001").unwrap();
        assert!(counters.meet(*b"MTR00002").is_err());
        let read = Counters::open(&path, OWNER).unwrap();
        assert_eq!((read.next(), read.server(), read.meter()), (Some(7), Some(5), Some(*b"MTR00001")));
        assert!(Counters::open(&path, Owner { client: 2, ..OWNER }).is_err());
        assert!(Counters::take(&path, Owner { meter: Some(*b"MTR00002"), ..OWNER }).is_err());
        assert_eq!(Counters::take(&path, Owner { meter: Some(*b"MTR00001"), ..OWNER }).unwrap(), Some(7));
    }

    #[test]
    fn a_file_that_has_become_that_of_another_while_a_command_runs_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder);
        let mut late = Counters::open(&path, OWNER).unwrap();
        late.begin_with(100).unwrap();
        let mut other = Counters::open(&path, Owner { client: 3, ..OWNER }).unwrap();
        other.begin_with(7).unwrap();
        other.reserve(9).unwrap();
        assert!(late.reserve(132).is_err() && late.hear(3).is_err());
        assert_eq!(Counters::open(&path, Owner { client: 3, ..OWNER }).unwrap().next(), Some(9));
    }

    #[test]
    fn two_commands_at_once_take_no_counter_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder);
        std::fs::write(&path, "7 -").unwrap();
        let mut session = Counters::open(&path, OWNER).unwrap();
        session.reserve(71).unwrap();
        assert_eq!(Counters::take(&path, OWNER).unwrap(), Some(71));
        session.hear(5).unwrap();
        session.meet(*b"MTR00001").unwrap();
        let held = Counters::open(&path, OWNER).unwrap();
        assert_eq!((held.next(), held.server()), (Some(72), Some(5)), "what was taken stays taken");
        let said = session.reserve(135).unwrap_err().to_string();
        assert!(said.contains("another command has used it meanwhile"), "{said}");
        let threads = (0..8).map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                (0..20).map(|_| Counters::take(&path, OWNER).unwrap().unwrap()).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut taken: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        taken.sort_unstable();
        assert_eq!(taken, (72..72 + 160).collect::<Vec<_>>());
    }

    #[test]
    fn counters_only_go_up_and_what_is_given_up_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder);
        std::fs::write(&path, "7 -").unwrap();
        let error = Counters::open(&path, OWNER).unwrap().begin_with(6).unwrap_err().to_string();
        assert!(
            error.starts_with("--counter 6: ") && error.contains("goes on with 7, expected no less"),
            "{error}"
        );
        let mut counters = Counters::open(&path, OWNER).unwrap();
        assert_eq!(counters.begin_with(7).unwrap(), None);
        let said = counters.begin_with(100).unwrap().unwrap();
        assert!(said.contains("goes on with 100 and not with 7"), "{said}");
        counters.reserve(132).unwrap();
        assert_eq!(Counters::open(&path, OWNER).unwrap().next(), Some(132));
    }
}
