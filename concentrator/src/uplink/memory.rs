//! What the box remembers of the head-end, in a small file beside the store. It only saves work: without the file all is sent again
//! under a new epoch, and the head-end knows it.

use backhaul::{Span, Spans};
use plc_core::Utc;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
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
}

impl Memory {
    /// What the file beside this store says; a new epoch when there is none, or it cannot be read.
    pub fn open(store: &Path, now: Utc) -> Self {
        let mut name = store.as_os_str().to_owned();
        name.push(".delivery");
        let path = PathBuf::from(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let parsed = serde_json::from_str(&text).ok().and_then(|value| Self::parse(&path, &value));
        parsed.unwrap_or_else(|| Self {
            path,
            epoch: now.as_millis().max(1).cast_unsigned(),
            events: Spans::new(),
            readings: Spans::new(),
            values: Spans::new(),
        })
    }

    /// A new life: the head-end holds nothing of it.
    pub fn renew(&mut self, now: Utc) {
        self.epoch = now.as_millis().cast_unsigned().max(self.epoch + 1);
        (self.events, self.readings, self.values) = (Spans::new(), Spans::new(), Spans::new());
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
            "values": spans(&self.values),
        });
        let mut file = File::create(&new)?;
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
        Some(Self { path: path.to_owned(), epoch: value.get("epoch")?.as_u64()?, events, readings, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_what_is_damaged_is_a_new_life() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.sqlite");
        let mut memory = Memory::open(&store, Utc::from_secs(5));
        assert_eq!(memory.epoch, 5000);
        (memory.readings, memory.values) = (Spans::through(7), Spans::through(2));
        memory.save().unwrap();
        assert_eq!(Memory::open(&store, Utc::from_secs(9)), memory);
        memory.renew(Utc::from_secs(1));
        assert_eq!((memory.epoch, memory.readings.is_empty()), (5001, true), "an epoch never comes again");
        assert!(memory.values.is_empty());
        let older = r#"{"epoch":3,"events":[],"readings":[[1,7]]}"#;
        fs::write(folder.path().join("store.sqlite.delivery"), older).unwrap();
        let old = Memory::open(&store, Utc::from_secs(9));
        assert_eq!((old.epoch, old.readings, old.values), (3, Spans::through(7), Spans::new()));
        fs::write(folder.path().join("store.sqlite.delivery"), "{\"epoch\":3}").unwrap();
        assert_eq!(Memory::open(&store, Utc::from_secs(9)).epoch, 9000);
    }
}
