//! Events: what operators may have to know, typed.

use super::reading::{Cursor, cursor, eui64};
use crate::words;
use plc_core::{Eui64, Utc};
use rusqlite::Row;
use std::borrow::Cow;
use std::fmt;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// The concentrator started.
    Started,
    /// The concentrator stopped in an orderly way.
    Stopped,
    /// A meter joined the network.
    MeterJoined,
    /// A meter does not answer any more.
    MeterLost,
    /// A meter was refused by the network.
    MeterRefused,
    /// A read of a meter failed for good.
    ReadFailed,
    /// A meter reported another value for a reading that is held; the first one stays.
    ReadingConflict,
    /// The clock of a meter deviates from UTC, was set, or could not be set.
    Clock,
    /// A received apdu failed decryption, authentication or replay protection.
    SecurityFailure,
    /// The power line cannot be served.
    PowerLineFault,
    /// The store runs out of room: what was removed, or that no readings or no values of tasks are taken any more.
    StoreFull,
    /// Part of the store cannot be read any more.
    StoreDamaged,
    /// Another configuration has come into force, was refused or was taken back.
    Configuration,
    /// A meter said that it had lost its supply.
    PowerLost,
    /// A meter said that its supply is back.
    PowerBack,
    /// A meter told of alarms.
    Alarm,
    /// A run of a task has ended without all of its meters, or a task was added, removed, paused or resumed.
    Task,
    /// A meter has taken new keys, or has not.
    Keys,
    /// A kind that this version does not know.
    Unknown,
}

/// An event with the time at which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: Utc,
    /// What kind.
    pub kind: EventKind,
    /// The meter concerned.
    pub meter: Option<Eui64>,
    /// Details, for people.
    pub text: String,
}

/// An event with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place.
    pub cursor: Cursor,
    /// The event.
    pub event: Event,
}

impl EventKind {
    /// The word for it, in the database and on the interface.
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The kind of that word.
    pub fn from_name(name: &str) -> Self {
        NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Unknown, |(kind, _)| *kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meter {
            Some(meter) => write!(f, "{}: meter {meter}: {}", self.kind, self.text),
            None => write!(f, "{}: {}", self.kind, self.text),
        }
    }
}

/// What there is room for of the text of an event: a batch of a hundred must fit into a message to the head-end.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    words::cut(text, TEXT_MAX)
}

/// Characters of the text of an event at most.
const TEXT_MAX: usize = 500;

pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let event = Event {
        time: Utc::from_millis(row.get(1)?),
        kind: EventKind::from_name(row.get_ref(2)?.as_str()?),
        meter: row.get::<_, Option<i64>>(3)?.map(eui64),
        // Older versions have cut nothing.
        text: cut(row.get_ref(4)?.as_str()?).into_owned(),
    };
    Ok(StoredEvent { cursor: cursor(row.get(0)?), event })
}

/// In the order of the enum.
const NAMES: [(EventKind, &str); 19] = [
    (EventKind::Started, "started"),
    (EventKind::Stopped, "stopped"),
    (EventKind::MeterJoined, "meter-joined"),
    (EventKind::MeterLost, "meter-lost"),
    (EventKind::MeterRefused, "meter-refused"),
    (EventKind::ReadFailed, "read-failed"),
    (EventKind::ReadingConflict, "reading-conflict"),
    (EventKind::Clock, "clock"),
    (EventKind::SecurityFailure, "security-failure"),
    (EventKind::PowerLineFault, "power-line-fault"),
    (EventKind::StoreFull, "store-full"),
    (EventKind::StoreDamaged, "store-damaged"),
    (EventKind::Configuration, "configuration"),
    (EventKind::PowerLost, "power-lost"),
    (EventKind::PowerBack, "power-back"),
    (EventKind::Alarm, "alarm"),
    (EventKind::Task, "task"),
    (EventKind::Keys, "keys"),
    (EventKind::Unknown, "unknown"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name() {
        for (kind, name) in NAMES {
            assert_eq!((kind.as_str(), EventKind::from_name(name)), (name, kind));
        }
        assert_eq!(EventKind::from_name("from-the-future"), EventKind::Unknown);
    }
}
