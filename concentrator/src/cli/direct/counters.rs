//! The invocation counters of this client with one meter, in a file.

use anyhow::{Context, anyhow, bail};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The counters of this client with one meter, in a file.
#[derive(Debug)]
pub(super) struct Counters {
    path: PathBuf,
    /// The first send counter that is certainly unused; `None` before the first use.
    pub(super) send: Option<u32>,
    /// The highest counter of the meter.
    pub(super) server: Option<u32>,
}

impl Counters {
    /// What the file says; nothing when there is none yet.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), send: None, server: None });
            }
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let expected = || anyhow!("{}: expected the send counter, and the meter's or a dash", path.display());
        let mut words = text.split_whitespace();
        let (Some(send), Some(server), None) = (words.next(), words.next(), words.next()) else {
            return Err(expected());
        };
        let send = Some(send.parse().map_err(|_| expected())?);
        let server = if server == "-" { None } else { Some(server.parse().map_err(|_| expected())?) };
        Ok(Self { path: path.to_owned(), send, server })
    }

    /// The counter to begin with, where one is wanted: never one that was used.
    pub(super) fn begin_with(&mut self, wanted: u32) -> anyhow::Result<()> {
        if let Some(next) = self.send.filter(|&next| wanted < next) {
            bail!("--counter {wanted}: {} goes on with {next}, expected no less", self.path.display());
        }
        self.send = Some(wanted);
        Ok(())
    }

    /// Counters below `reserved_to` may be used from now on, unless another command has taken some since these were read.
    pub(super) fn reserve(&mut self, reserved_to: u32) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let held = Self::read(&self.path)?;
        if held.send.is_some_and(|held| self.send.is_none_or(|own| held > own)) {
            bail!("{}: another command has used it meanwhile, expected one at a time", self.path.display());
        }
        self.send = Some(reserved_to);
        self.write()
    }

    /// The meter has used this counter. What another command has taken meanwhile stays taken.
    pub(super) fn hear(&mut self, last: u32) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let held = Self::read(&self.path)?;
        self.server = self.server.max(held.server).max(Some(last));
        Self { path: self.path.clone(), send: self.send.max(held.send), server: self.server }.write()
    }

    /// Takes one counter, which nobody will take again.
    pub(super) fn take(path: &Path) -> anyhow::Result<Option<u32>> {
        let mut counters = Self { path: path.to_owned(), send: None, server: None };
        let _lock = counters.lock()?;
        counters = Self::read(path)?;
        let Some(taken) = counters.send else { return Ok(None) };
        counters.send = Some(taken.checked_add(1).context("the send counter has ended: expected new keys")?);
        counters.write()?;
        Ok(Some(taken))
    }

    /// Keeps other commands from the file until it is dropped.
    fn lock(&self) -> anyhow::Result<File> {
        let beside = self.path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&beside);
        let locked = lock.and_then(|file| file.lock().map(|()| file));
        locked.with_context(|| beside.display().to_string())
    }

    /// Makes them durable, such that a crash leaves the old ones or the new.
    fn write(&self) -> anyhow::Result<()> {
        let Some(send) = self.send else { return Ok(()) };
        let server = self.server.map_or(String::from("-"), |last| last.to_string());
        let beside = self.path.with_extension("new");
        let written = File::create(&beside)
            .and_then(|mut file| {
                writeln!(file, "{send} {server}")?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.with_context(|| self.path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_back_and_a_file_that_holds_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.state");
        let fresh = Counters::read(&path).unwrap();
        assert_eq!((fresh.send, fresh.server), (None, None));
        fresh.write().unwrap();
        assert!(!path.exists(), "nothing to keep");
        for (send, server) in [(7, None), (u32::MAX, Some(9))] {
            Counters { path: path.clone(), send: Some(send), server }.write().unwrap();
            let read = Counters::read(&path).unwrap();
            assert_eq!((read.send, read.server), (Some(send), server));
        }
        for bad in ["", "7", "x -", "7 8 9"] {
            std::fs::write(&path, bad).unwrap();
            let error = Counters::read(&path).unwrap_err().to_string();
            assert!(error.contains("meter.state: expected the send counter"), "{error}");
        }
    }

    #[test]
    fn two_commands_at_once_take_no_counter_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.state");
        std::fs::write(&path, "7 -").unwrap();
        let mut session = Counters::read(&path).unwrap();
        session.reserve(71).unwrap();
        assert_eq!(Counters::take(&path).unwrap(), Some(71));
        session.hear(5).unwrap();
        let held = Counters::read(&path).unwrap();
        assert_eq!((held.send, held.server), (Some(72), Some(5)), "what was taken stays taken");
        let said = session.reserve(135).unwrap_err().to_string();
        assert!(said.contains("another command has used it meanwhile"), "{said}");
        let threads = (0..8).map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                (0..20).map(|_| Counters::take(&path).unwrap().unwrap()).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut taken: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        taken.sort_unstable();
        assert_eq!(taken, (72..72 + 160).collect::<Vec<_>>());
    }

    #[test]
    fn counters_only_go_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.state");
        std::fs::write(&path, "7 -").unwrap();
        let mut counters = Counters::read(&path).unwrap();
        let error = counters.begin_with(6).unwrap_err().to_string();
        assert!(error.starts_with("--counter 6: "), "{error}");
        assert!(error.ends_with("goes on with 7, expected no less"), "{error}");
        counters.begin_with(100).unwrap();
        counters.write().unwrap();
        assert_eq!(Counters::read(&path).unwrap().send, Some(100));
    }
}
