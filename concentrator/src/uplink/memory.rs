//! What the box remembers of the head-end, in a small file beside the store. It only saves work: without the file all is sent again
//! under a new epoch, and the head-end knows it.

use crate::hex::{array, hex};
use crate::store::{StoreError, StoreLife, StoreReader};
use backhaul::{Lot, Span, Spans};
use plc_core::Utc;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the box remembers of the head-end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
    /// Which life of the store the cursors count in.
    pub epoch: u64,
    /// Events that the head-end holds.
    pub events: Spans,
    /// Readings that the head-end holds.
    pub readings: Spans,
    /// Values of tasks that the head-end holds.
    pub values: Spans,
    /// The store in which the cursors count; none in a file from before that was kept.
    store: Option<StoreLife>,
    /// The newest of each kind that the store had, in the order of [`Lot::ALL`].
    newest: [u64; 3],
    /// The newest of each kind when nothing had been sent yet since the head-end was last heard: it cannot hold more, unless the store has
    /// gone back to a backup since, this file with it. None while it is heard.
    pub(super) ceiling: Option<[u64; 3]>,
}

/// A store as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub life: StoreLife,
    /// The newest of each kind that it ever had, in the order of [`Lot::ALL`].
    pub newest: [u64; 3],
}

impl Present {
    /// What a store says.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(store: &StoreReader) -> Result<Self, StoreError> {
        let newest = Lot::ALL.map(|lot| match lot {
            Lot::Events => store.newest_event(),
            Lot::Readings => store.newest(),
            Lot::Values => store.newest_value(),
        });
        let [first, second, third] = newest;
        Ok(Self { life: store.life()?, newest: [first?.0, second?.0, third?.0] })
    }
}

impl Memory {
    /// What the file beside this store says; a new epoch when there is none, or it cannot be read, or it speaks of another store than the one
    /// that is `present`: one that was made anew, or that has gone back to a backup.
    pub fn open(store: &Path, present: Option<&Present>, now: Utc) -> Self {
        let mut name = store.as_os_str().to_owned();
        name.push(".delivery");
        let path = PathBuf::from(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let parsed = serde_json::from_str(&text).ok().and_then(|value| Self::parse(&path, &value));
        let mut memory = parsed.unwrap_or_else(|| Self {
            path,
            epoch: now.as_millis().max(1).cast_unsigned(),
            events: Spans::new(),
            readings: Spans::new(),
            values: Spans::new(),
            store: None,
            newest: [0; 3],
            ceiling: None,
        });
        if let Some(present) = present {
            if !memory.is_of(present) {
                tracing::warn!("the store is not the one that was delivered from: all is sent again");
                memory.renew(now);
            }
            memory.note(present);
            memory.ceiling.get_or_insert(present.newest);
        }
        memory
    }

    /// Whether the cursors count in this store.
    fn is_of(&self, present: &Present) -> bool {
        let known = Lot::ALL.map(|lot| self.held(lot).last()).into_iter().zip(self.newest);
        let has_all = known.zip(present.newest).all(|((held, newest), now)| held.max(newest) <= now);
        self.store.is_none_or(|store| store == present.life) && has_all
    }

    /// The store has so much now.
    pub fn note(&mut self, present: &Present) {
        (self.store, self.newest) = (Some(present.life), present.newest);
    }

    const fn held(&self, lot: Lot) -> &Spans {
        match lot {
            Lot::Events => &self.events,
            Lot::Readings => &self.readings,
            Lot::Values => &self.values,
        }
    }

    /// A new life: the head-end holds nothing of it.
    pub fn renew(&mut self, now: Utc) {
        self.epoch = now.as_millis().cast_unsigned().max(self.epoch + 1);
        (self.events, self.readings, self.values) = (Spans::new(), Spans::new(), Spans::new());
        (self.newest, self.ceiling) = ([0; 3], None);
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// The file system refused; the file is as it was.
    pub fn save(&self) -> Result<(), String> {
        self.written().map_err(|error| format!("file {}: {error}", self.path.display()))
    }

    fn written(&self) -> io::Result<()> {
        let new = self.path.with_extension("delivery.new");
        let spans = |spans: &Spans| {
            spans.spans().iter().map(|span| json!([span.first, span.last])).collect::<Vec<_>>()
        };
        let text = json!({
            "epoch": self.epoch, "events": spans(&self.events), "readings": spans(&self.readings),
            "values": spans(&self.values), "store": self.store.map(|life| hex(&life)), "newest": self.newest, "ceiling": self.ceiling,
        });
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn parse(path: &Path, value: &Value) -> Option<Self> {
        let span =
            |value: &Value| Some(Span { first: value.get(0)?.as_u64()?, last: value.get(1)?.as_u64()? });
        let set = |ranges: &Value| ranges.as_array()?.iter().map(span).collect::<Option<Spans>>();
        let (events, readings) = (set(value.get("events")?)?, set(value.get("readings")?)?);
        // Files of older versions have none.
        let values = value.get("values").map_or_else(|| Some(Spans::new()), set)?;
        let store = value.get("store").and_then(|life| array(life.as_str()?));
        let of_each = |name| {
            let all = value.get(name)?;
            Some([0, 1, 2].map(|at| all.get(at).and_then(Value::as_u64).unwrap_or(0)))
        };
        let newest = of_each("newest").unwrap_or_default();
        let ceiling =
            value.get("ceiling").filter(|ceiling| ceiling.is_array()).and_then(|_| of_each("ceiling"));
        let epoch = value.get("epoch")?.as_u64()?;
        Some(Self { path: path.to_owned(), epoch, events, readings, values, store, newest, ceiling })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_was_made_anew_or_has_gone_back_is_not_the_one_that_was_delivered_from() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.sqlite");
        let present = Present { life: [1; 8], newest: [5, 400, 0] };
        let mut memory = Memory::open(&store, Some(&present), Utc::from_secs(5));
        memory.readings = Spans::through(390);
        memory.save().unwrap();
        let reopened = |present| Memory::open(&store, Some(&present), Utc::from_secs(9));
        let grown = Present { newest: [6, 500, 3], ..present };
        assert_eq!((reopened(grown).epoch, reopened(grown).readings), (5000, Spans::through(390)));
        let anew = Present { life: [2; 8], ..grown };
        let back = [[5, 399, 0], [4, 400, 0]].map(|newest| Present { newest, ..present });
        for other in [anew, back[0], back[1]] {
            let memory = reopened(other);
            assert_eq!((memory.epoch, memory.readings.is_empty()), (9000, true), "{other:?}");
            assert!(memory.is_of(&other));
        }
        // A file from before the store had a name.
        let old = r#"{"epoch":3,"events":[],"readings":[[1,7]],"values":[]}"#;
        fs::write(folder.path().join("store.sqlite.delivery"), old).unwrap();
        assert_eq!((reopened(present).epoch, reopened(present).readings), (3, Spans::through(7)));
        let less = Present { newest: [0, 6, 0], ..present };
        assert_eq!(reopened(less).epoch, 9000);
    }

    #[test]
    fn what_the_head_end_may_hold_stays_what_was_there_when_it_was_last_heard() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.sqlite");
        let reopened =
            |newest| Memory::open(&store, Some(&Present { life: [1; 8], newest }), Utc::from_secs(5));
        let memory = reopened([5, 728, 0]);
        assert_eq!(memory.ceiling, Some([5, 728, 0]));
        memory.save().unwrap();
        let mut memory = reopened([9, 1692, 4]);
        assert_eq!(memory.ceiling, Some([5, 728, 0]), "it was not heard in between");
        memory.ceiling = None;
        memory.save().unwrap();
        assert_eq!(reopened([9, 1700, 4]).ceiling, Some([9, 1700, 4]));
    }

    #[test]
    fn it_comes_back_and_what_is_damaged_is_a_new_life() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.sqlite");
        let mut memory = Memory::open(&store, None, Utc::from_secs(5));
        assert_eq!(memory.epoch, 5000);
        (memory.readings, memory.values) = (Spans::through(7), Spans::through(2));
        memory.save().unwrap();
        assert_eq!(Memory::open(&store, None, Utc::from_secs(9)), memory);
        memory.renew(Utc::from_secs(1));
        assert_eq!((memory.epoch, memory.readings.is_empty()), (5001, true), "an epoch never comes again");
        assert!(memory.values.is_empty());
        let older = r#"{"epoch":3,"events":[],"readings":[[1,7]]}"#;
        fs::write(folder.path().join("store.sqlite.delivery"), older).unwrap();
        let old = Memory::open(&store, None, Utc::from_secs(9));
        assert_eq!((old.epoch, old.readings, old.values), (3, Spans::through(7), Spans::new()));
        fs::write(folder.path().join("store.sqlite.delivery"), "{\"epoch\":3}").unwrap();
        assert_eq!(Memory::open(&store, None, Utc::from_secs(9)).epoch, 9000);
    }
}
