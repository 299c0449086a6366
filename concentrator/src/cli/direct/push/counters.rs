//! The highest counters of the meters that push.

use crate::hex::{hex, unhex};
use anyhow::{Context, anyhow};
use dlms::security::{Control, SystemTitle};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The highest counters heard, in memory, and in a file if there is one.
#[derive(Debug)]
pub(super) struct PushCounters {
    path: Option<PathBuf>,
    last: BTreeMap<SystemTitle, Last>,
}

/// The highest counters of one meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Last {
    /// Of pushes that nobody can have made up or changed.
    authentic: Option<u32>,
    /// Of pushes that were only encrypted. They say nothing about authentic ones, which a forged one would keep out.
    encrypted: Option<u32>,
}

/// Why a push is not believed.
#[derive(Debug)]
pub(super) enum Stale {
    /// Its counter was used.
    Replayed {
        /// The highest before.
        last: u32,
    },
    /// More meters push than are kept.
    TooManyMeters,
    /// The counter cannot be kept, so nothing can be believed.
    NotKept(anyhow::Error),
}

impl PushCounters {
    /// What the file says; nothing where there is none.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let mut counters = Self { path: path.map(Path::to_owned), last: BTreeMap::new() };
        let Some(path) = path else { return Ok(counters) };
        let text = match crate::bounded::text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(counters),
            Err(error) => {
                return Err(anyhow!(
                    "{}: {error}, expected a file of counters of pushes, as this program writes it; without it replayed pushes are \
                     heard again",
                    path.display()
                ));
            }
        };
        for line in text.lines() {
            let (title, last) = parse(line).ok_or_else(|| {
                anyhow!(
                    "{}: expected a title and two counters or dashes in each line, found {line:?}",
                    path.display()
                )
            })?;
            counters.last.insert(title, last);
        }
        Ok(counters)
    }

    /// Takes a counter that was not used before, and makes that durable.
    pub(super) fn take(&mut self, title: SystemTitle, control: Control, counter: u32) -> Result<(), Stale> {
        let known = self.last.get(&title).copied();
        if known.is_none() && self.last.len() >= METERS_MAX {
            return Err(Stale::TooManyMeters);
        }
        let mut last = known.unwrap_or_default();
        let of_kind =
            if control.is_authenticated() { last.authentic } else { last.authentic.max(last.encrypted) };
        if let Some(last) = of_kind.filter(|&last| counter <= last) {
            return Err(Stale::Replayed { last });
        }
        *(if control.is_authenticated() { &mut last.authentic } else { &mut last.encrypted }) = Some(counter);
        self.last.insert(title, last);
        self.write().map_err(Stale::NotKept)
    }

    /// Such that a crash leaves the old counters or the new.
    fn write(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let beside = path.with_extension("new");
        let written = File::create(&beside)
            .and_then(|mut file| {
                self.last.iter().try_for_each(|(title, last)| {
                    let counter = |last: Option<u32>| last.map_or(String::from("-"), |n| n.to_string());
                    writeln!(file, "{} {} {}", hex(title), counter(last.authentic), counter(last.encrypted))
                })?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, path));
        written.with_context(|| path.display().to_string())
    }
}

fn parse(line: &str) -> Option<(SystemTitle, Last)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[title, authentic, encrypted] = words.as_slice() else { return None };
    let counter = |word: &str| if word == "-" { Some(None) } else { word.parse().ok().map(Some) };
    let title = unhex(title)?.try_into().ok()?;
    Some((title, Last { authentic: counter(authentic)?, encrypted: counter(encrypted)? }))
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replayed { last } => write!(f, "its counter was used before: expected more than {last}"),
            Self::TooManyMeters => write!(f, "expected at most {METERS_MAX} meters"),
            Self::NotKept(error) => write!(f, "its counter cannot be kept: {error:#}"),
        }
    }
}

/// Meters whose counters are kept.
const METERS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const METER: SystemTitle = *b"MTR00001";
    const FULL: Control = Control::AUTHENTICATED_ENCRYPTED;

    #[test]
    fn a_counter_is_taken_once_also_by_the_next_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("push.state");
        let mut counters = PushCounters::read(Some(&path)).unwrap();
        assert!(counters.take(METER, FULL, 7).is_ok());
        assert!(counters.take(*b"MTR00002", FULL, 3).is_ok(), "each meter has its own");
        let mut next = PushCounters::read(Some(&path)).unwrap();
        for counters in [&mut counters, &mut next] {
            for used in [0, 6, 7] {
                assert!(matches!(counters.take(METER, FULL, used), Err(Stale::Replayed { last: 7 })));
            }
            assert!(matches!(counters.take(*b"MTR00002", FULL, 3), Err(Stale::Replayed { last: 3 })));
        }
        assert!(next.take(METER, FULL, 8).is_ok());
    }

    #[test]
    fn a_push_that_anybody_may_have_made_keeps_no_authentic_one_out_and_repeats_none() {
        let mut counters = PushCounters::read(None).unwrap();
        assert!(counters.take(METER, FULL, 7).is_ok());
        let stripped = counters.take(METER, Control::ENCRYPTED, 7);
        assert!(matches!(stripped, Err(Stale::Replayed { last: 7 })), "the same without its tag");
        assert!(counters.take(METER, Control::ENCRYPTED, u32::MAX).is_ok());
        assert!(counters.take(METER, FULL, 8).is_ok());
        assert!(counters.take(METER, Control::ENCRYPTED, 9).is_err());
    }

    #[test]
    fn a_file_that_holds_no_counters_is_named_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("push.state");
        for bad in ["4d54523030303031 7", "4d545230303030 7 -", "4d54523030303031 x -", "7 -\n"] {
            std::fs::write(&path, bad).unwrap();
            let error = PushCounters::read(Some(&path)).unwrap_err().to_string();
            assert!(error.contains("push.state: expected a title and two counters"), "{error}");
        }
    }

    #[test]
    fn there_is_a_bound_to_the_meters_that_are_kept() {
        let mut counters = PushCounters::read(None).unwrap();
        for number in 0..METERS_MAX as u64 {
            assert!(counters.take(number.to_be_bytes(), FULL, 1).is_ok());
        }
        assert!(matches!(counters.take(METER, FULL, 1), Err(Stale::TooManyMeters)));
        assert!(counters.take([0; 8], FULL, 2).is_ok());
    }
}
