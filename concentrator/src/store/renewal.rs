//! New keys in the place of keys that are lost, or older than those that were used last.
//!
//! A new network is formed, with a new group key, under which the frame counter begins anew. The keys of meters cannot be changed from here, so
//! counters towards them go on far above what either file knows. The new keys have a name of their own, so that no copy of the former ones is
//! ever taken for them.
//!
//! They are made under another name, whole and durable; then the readings take them for theirs, in one transaction, which decides; then they
//! take the place of the former ones, which are moved away. What a power cut has left of the last step is done at the next opening.

use super::advance::{END, INVOCATION_MARGIN, above};
use super::key_file::{self, FILE, KeyFile, MeterCounters, StoreId, TABLES, counters, stored_id};
use super::keys::EXPORT;
use super::reading::{bits, eui64};
use super::{Event, EventKind, StoreError, insert_event, mark, migration, schema, trim_events};
use plc_core::{Eui64, Utc};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Keys that are about to be renewed. Nobody else writes to the store meanwhile.
#[derive(Debug)]
pub struct Renewal {
    path: PathBuf,
    store: Connection,
    former: Option<KeyFile>,
    plan: Plan,
    _locks: [File; 2],
}

/// What becomes of the counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plan {
    /// How often the keys will have changed.
    seals: u64,
    /// Where counters towards meters begin of which nothing is known.
    first_invocation: u64,
    meters: BTreeMap<Eui64, MeterCounters>,
    /// Meters that have taken other keys since the copy of the keys was made.
    other_keys: Vec<Eui64>,
    /// Why nothing can be taken from the former keys, although they are there.
    damage: Option<String>,
    /// Where the former keys will be.
    former: Option<PathBuf>,
    /// Where the file will be that has the keys that meters have taken, if it is there.
    exported: Option<PathBuf>,
}

impl Renewal {
    /// Looks at both files and says what renewing the keys would do; nothing is changed yet. The keys may be missing, damaged, or older.
    ///
    /// # Errors
    /// There is no store, or one of another version; it has a writer, for instance a running daemon; the keys are of another store; the
    /// database or the file system failed.
    pub fn prepare(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let lock = super::lock(path)?;
        schema::check(path)?;
        let locks = [lock, super::lock(&key_file::beside(path))?];
        let (store, id) = schema::open_existing(path)?;
        finish(path, id)?;
        let (former, damage) = match former(path, id) {
            Err(error) if error.is_damage_of_keys() => (None, Some(error.to_string())),
            former => (former?, None),
        };
        let plan = Plan { damage, ..Plan::of(path, &store, former.as_ref())? };
        Ok(Self { path: path.to_owned(), store, former, plan, _locks: locks })
    }

    /// What it does, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        self.plan.sentences()
    }

    /// Does it. On return it is durable, with an event that says it.
    ///
    /// # Errors
    /// The database or the file system failed. Whether it was done shows the next opening: the keys are refused as before, or are the new ones.
    pub fn carry_out(mut self, now: Utc) -> Result<(), StoreError> {
        let id = self.make()?;
        self.decide(id, now)?;
        place(&self.path)
    }

    /// Makes the new keys, beside the former ones.
    fn make(&mut self) -> Result<StoreId, StoreError> {
        let unfinished = unfinished(&self.path);
        for leftover in ["", "-wal", "-shm", "-journal"].map(|suffix| schema::beside(&unfinished, suffix)) {
            remove(&leftover)?;
        }
        let former = self.former.take();
        let plan = &self.plan;
        let made = FILE.open(&unfinished, |keys| {
            keys.execute_batch(TABLES)?;
            keys.execute("INSERT INTO meta VALUES ('id', randomblob(16))", ())?;
            former.as_ref().map_or(Ok(()), |former| migration::copy_meter_keys(&former.connection, keys))?;
            plan.write(keys)
        })?;
        let made = KeyFile::read(made, unfinished)?;
        let id = made.id();
        made.close()?;
        // Its log would be left behind, or be taken for that of the new ones.
        let path = former.map(|former| former.path().to_owned());
        path.map_or(Ok(()), |path| fold(&path))?;
        self.sync_folder()?;
        Ok(id)
    }

    /// From here on the new keys are those of the store, and no others.
    fn decide(&mut self, id: StoreId, now: Utc) -> Result<(), StoreError> {
        let text = self.plan.sentences().join("; ");
        let event = Event { time: now, kind: EventKind::Keys, meter: None, text };
        let plan = &self.plan;
        let decided = (|| {
            let transaction = self.store.transaction()?;
            transaction.execute("UPDATE meta SET value = ?1 WHERE name = 'id'", [id])?;
            mark::keep(&transaction, "seals", plan.seals)?;
            mark::keep(&transaction, "first_invocation", plan.first_invocation)?;
            for (meter, counters) in &plan.meters {
                mark::reserve(&transaction, *meter, counters.invocation)?;
            }
            transaction.execute_batch("UPDATE meters SET short_address = NULL; DELETE FROM routes;")?;
            insert_event(&transaction, &event)?;
            trim_events(&transaction)?;
            transaction.commit()
        })();
        decided.map_err(StoreError::sqlite(&self.path))
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        schema::sync_folder(&self.path).map_err(|error| StoreError::Io { path: self.path.clone(), error })
    }
}

impl Plan {
    fn of(path: &Path, store: &Connection, former: Option<&KeyFile>) -> Result<Self, StoreError> {
        let failed = StoreError::sqlite(path);
        let known = Known::of(store).map_err(&failed)?;
        let first = former.map_or(Ok(0), |keys| mark::first_invocation(&keys.connection)).map_err(&failed)?;
        let counted = former.map_or(Ok(BTreeMap::new()), meter_counters)?;
        let first = first.max(known.first_invocation);
        let all: BTreeSet<_> =
            counted.keys().chain(known.reserved.keys()).chain(known.heard.keys()).copied().collect();
        let mut plan = Self {
            seals: known.seals.max(former.map_or(0, |keys| keys.seals)) + 1,
            first_invocation: above(first, INVOCATION_MARGIN),
            former: is_there(path).then(|| free(&key_file::beside(path))).transpose()?,
            exported: former_export(path)?,
            ..Self::default()
        };
        for meter in all {
            let counted = counted.get(&meter).copied().unwrap_or_default();
            let reserved = known.reserved.get(&meter).copied().unwrap_or(0);
            let invocation = above(counted.invocation.max(reserved).max(first), INVOCATION_MARGIN);
            let heard = known.heard.get(&meter).copied().unwrap_or_default();
            if heard.generation > counted.generation {
                plan.other_keys.push(meter);
            }
            plan.meters.insert(meter, MeterCounters { invocation, ..newer(counted, heard) });
        }
        Ok(plan)
    }

    fn write(&self, keys: &Connection) -> rusqlite::Result<()> {
        mark::keep(keys, "seals", self.seals)?;
        mark::keep(keys, "first_invocation", self.first_invocation)?;
        super::advance::raise_renewed(keys)?;
        let mut insert = keys.prepare("INSERT INTO meter_counters VALUES (?1, ?2, ?3, ?4)")?;
        for (meter, MeterCounters { invocation, server, generation }) in &self.meters {
            let row = params![bits(*meter), invocation.cast_signed(), server.cast_signed(), generation];
            insert.execute(row)?;
        }
        Ok(())
    }

    fn sentences(&self) -> Vec<String> {
        let damage =
            self.damage.iter().map(|why| format!("nothing is taken from the keys that are there: {why}"));
        let highest = self.meters.values().map(|counters| counters.invocation).max();
        let mut sentences = vec![
            String::from(
                "the keys of this box are renewed: a new network is formed with a new group key, and all meters join it anew",
            ),
            String::from(
                "the frame counter begins anew under the new group key; frame counters that were received, addresses and routes are forgotten",
            ),
            format!(
                "invocation counters towards {} meters go on {INVOCATION_MARGIN} above what either file knows, up to {}; towards others they begin at {}",
                self.meters.len(),
                highest.unwrap_or(self.first_invocation),
                self.first_invocation
            ),
            String::from("what meters have counted is the greater of what both files know"),
        ];
        let ended = self.meters.iter().filter(|(_, counters)| counters.invocation >= END);
        let ended: Vec<_> = ended.map(|(meter, _)| *meter).collect();
        if !ended.is_empty() {
            sentences.push(format!("no numbers are left, and other keys are needed: {}", names(&ended)));
        }
        if !self.other_keys.is_empty() {
            let whose = names(&self.other_keys);
            sentences.push(format!(
                "have taken keys that are not here, write them into the configuration: {whose}"
            ));
        }
        let kept = self.former.iter().chain(&self.exported);
        sentences.extend(kept.map(|path| format!("what was there is kept as {}", path.display())));
        sentences.extend(damage);
        sentences
    }
}

/// What the readings know.
struct Known {
    seals: u64,
    first_invocation: u64,
    reserved: BTreeMap<Eui64, u64>,
    /// What meters have counted, and under which of their keys.
    heard: BTreeMap<Eui64, MeterCounters>,
}

impl Known {
    fn of(store: &Connection) -> rusqlite::Result<Self> {
        store.execute_batch(mark::TABLES)?;
        let mut heard = store.prepare("SELECT eui64, 0, server_counter, generation FROM meters")?;
        let heard = heard.query_map((), |row| Ok((eui64(row.get(0)?), counters(row, 1)?)))?;
        Ok(Self {
            seals: mark::seals(store)?,
            first_invocation: mark::first_invocation(store)?,
            reserved: mark::reserved(store)?,
            heard: heard.collect::<Result<_, _>>()?,
        })
    }
}

/// What was counted by a meter: the greater under the same keys, or what was counted under the newer ones.
fn newer(counted: MeterCounters, heard: MeterCounters) -> MeterCounters {
    let key = |counters: &MeterCounters| (counters.generation, counters.server);
    if key(&heard) > key(&counted) { heard } else { counted }
}

fn meter_counters(keys: &KeyFile) -> Result<BTreeMap<Eui64, MeterCounters>, StoreError> {
    let sql = "SELECT eui64, invocation_counter, server_counter, generation FROM meter_counters";
    Ok(keys.rows(sql, (), |row| Ok((eui64(row.get(0)?), counters(row, 1)?)))?.into_iter().collect())
}

fn is_there(path: &Path) -> bool {
    key_file::beside(path).metadata().is_ok_and(|file| file.len() > 0)
}

/// The keys that are there, if they are, as they are.
fn former(path: &Path, id: StoreId) -> Result<Option<KeyFile>, StoreError> {
    if !is_there(path) {
        return Ok(None);
    }
    let keys = KeyFile::open_read_only(path)?;
    keys.check()?;
    if keys.id() != id {
        return Err(StoreError::KeysOfAnother { path: keys.path().to_owned(), store: path.to_owned() });
    }
    Ok(Some(keys))
}

/// Puts renewed keys in their place, when a power cut has come between. `id` is the name that the readings hold.
pub(super) fn finish(path: &Path, id: StoreId) -> Result<(), StoreError> {
    let unfinished = unfinished(path);
    if !unfinished.exists() {
        return Ok(());
    }
    let made = Connection::open(&unfinished).map_err(StoreError::sqlite(&unfinished))?;
    let found = stored_id(&made);
    drop(made);
    // One that is half made, or was never decided on, is made anew by the next renewal.
    if found.is_ok_and(|found| found == Some(id)) { place(path) } else { Ok(()) }
}

/// Moves the former keys away, and the new ones there.
fn place(path: &Path) -> Result<(), StoreError> {
    let keys = key_file::beside(path);
    let io = |error| StoreError::Io { path: keys.clone(), error };
    if keys.exists() {
        let former = free(&keys)?;
        // Never a new file beside the log of another.
        for suffix in ["-wal", "-shm", "-journal", ""] {
            moved(&schema::beside(&keys, suffix), &schema::beside(&former, suffix)).map_err(io)?;
        }
    }
    if let Some(kept) = former_export(path)? {
        moved(&path.with_file_name(EXPORT), &kept).map_err(io)?;
    }
    schema::sync_folder(path).map_err(io)?;
    fs::rename(unfinished(path), &keys).map_err(io)?;
    schema::sync_folder(path).map_err(io)
}

/// Moves a log into its file.
fn fold(keys: &Path) -> Result<(), StoreError> {
    let folded = Connection::open(keys).and_then(|keys| {
        keys.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        keys.close().map_err(|(_, error)| error)
    });
    folded.map_err(StoreError::sqlite(keys))
}

/// Where the keys will be that meters have taken, as text: it may be newer than the keys.
fn former_export(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let export = path.with_file_name(EXPORT);
    export.exists().then(|| free(&export)).transpose()
}

/// The first name for a former file that is free.
fn free(path: &Path) -> Result<PathBuf, StoreError> {
    let mut names = (1..=FORMER_FILES).map(|number| schema::beside(path, &format!(".former-{number}")));
    names.find(|name| name.symlink_metadata().is_err()).ok_or_else(|| StoreError::Io {
        path: path.to_owned(),
        error: io::Error::new(ErrorKind::AlreadyExists, format!("{FORMER_FILES} former files are beside it")),
    })
}

fn moved(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::Io { path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// Some of them by name.
fn names(meters: &[Eui64]) -> String {
    let mut text: Vec<_> = meters.iter().take(NAMED).map(ToString::to_string).collect();
    if meters.len() > NAMED {
        text.push(format!("and {} more", meters.len() - NAMED));
    }
    text.join(" ")
}

fn unfinished(store: &Path) -> PathBuf {
    schema::beside(&key_file::beside(store), ".renewed")
}

const FORMER_FILES: u32 = 99;
const NAMED: usize = 16;

#[cfg(test)]
mod tests;
