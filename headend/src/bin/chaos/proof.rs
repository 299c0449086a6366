//! What must hold at the end: both sides against each other, and against what was made up.

use crate::feeder::{self, BATCH};
use crate::readout;
use crate::rounds::Told;
use anyhow::{Context, ensure};
use backhaul::{Digested, Digests, Lot, Span, Spans};
use concentrator::clock;
use concentrator::store::{Cursor, EventKind, Reading, ReadingFilter, StoreReader, StoredValue, TaskValue};
use concentrator::uplink::Memory;
use headend::{BoxLife, HeadStore, HeadStoreError};
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// What was found.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Batches of readings.
    pub(crate) batches: u64,
    steps: u64,
    values: usize,
    /// Values that the head-end does not have, each named by an event.
    given_up: usize,
    /// Values that were read when the oldest went first, and have come in that order.
    in_order: usize,
    /// Digests of values that are the same on both sides.
    digests: usize,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, values, given_up, in_order, digests, .. } = self;
        write!(
            f,
            "{values} values in {steps} steps ({in_order} in the order in which they were read, {given_up} given up by the full box and named, {digests} digests the same)"
        )
    }
}

/// Both sides against each other and against what was made up. Values from step `in_order_from` on must have come in their order.
/// While the box was `alone`, nothing was on its way: what it then gave up, and the head-end says that it holds, the head-end must have.
pub(crate) fn compare(
    folder: &Path,
    told: &Told,
    in_order_from: u64,
    alone: &[(Cursor, Cursor)],
) -> anyhow::Result<Proof> {
    let reader = StoreReader::open(&folder.join("box.sqlite"))?;
    let batches = compare_readings(&reader, folder, told.batches.load(Ordering::Relaxed))?;
    let steps = readout::steps(&reader)?;
    let told = told.steps.load(Ordering::Relaxed);
    ensure!(steps >= told, "{told} steps of values were told as durable, {steps} are there");
    let theirs = head_end_values(folder)?;
    let mut losses = losses(&reader)?;
    let held = held(folder)?;
    losses.retain(|loss| !(alone.iter().any(|range| loss.is_of(*range)) && held.covers(loss.span)));
    let given_up = compare_values(&reader, &theirs, steps, &losses)?;
    let in_order = compare_order(&theirs, steps, in_order_from)?;
    let digests = compare_value_digests(&reader, folder)?;
    Ok(Proof { batches, steps, values: theirs.len(), given_up, in_order, digests })
}

/// How many batches.
fn compare_readings(reader: &StoreReader, folder: &Path, told: u64) -> anyhow::Result<u64> {
    let (first, newest) = reader.bounds()?;
    let ours = reader.readings(&ReadingFilter::default(), Cursor::START, usize::MAX)?;
    let theirs = HeadStore::readings(&folder.join("head-end.sqlite"))?;
    // What was delivered may have made room when the disk was full; what is held is held without a hole.
    ensure!(ours.len() as u64 == newest.0 + 1 - first.0, "the box has lost what it holds");
    let batches = newest.0 / BATCH;
    ensure!(newest.0 % BATCH == 0, "a batch is half there");
    ensure!(batches >= told, "{told} batches were told as durable, {batches} are there");
    let mut held: BTreeMap<Key, Reading> = BTreeMap::new();
    for stored in &theirs {
        let twice = held.insert(key(&stored.reading), stored.reading);
        ensure!(twice.is_none(), "held twice: {twice:?}");
    }
    let made: Vec<Reading> = (0..batches).flat_map(|number| feeder::batch(number, 0)).collect();
    ensure!(held.len() == made.len(), "the head-end holds {} of {}", held.len(), made.len());
    let wrong = made.iter().find(|made| held.get(&key(made)).map(Reading::content) != Some(made.content()));
    ensure!(wrong.is_none(), "not what the meters have captured: {wrong:?}");
    let differing = ours.iter().find(|stored| held.get(&key(&stored.reading)) != Some(&stored.reading));
    ensure!(differing.is_none(), "the sides differ: {differing:?}");
    compare_digests(reader, folder, first)?;
    Ok(batches)
}

/// From the first whole day on that the box holds.
fn compare_digests(reader: &StoreReader, folder: &Path, first: Cursor) -> anyhow::Result<()> {
    let day = Duration::from_secs(86_400);
    let oldest = reader.readings(&ReadingFilter::default(), Cursor(first.0 - 1), 1)?;
    let from = oldest.first().map(|stored| {
        if first.0 == 1 { stored.reading.capture } else { stored.reading.capture.floor(day) + day }
    });
    let filter = ReadingFilter { from, ..ReadingFilter::default() };
    let ours = reader.digests(&filter, Digests::all(day))?;
    let theirs =
        HeadStore::digests(&folder.join("head-end.sqlite"), Digested::Readings, &filter, Digests::all(day))?;
    ensure!(ours == theirs, "the digests differ");
    Ok(())
}

type Key = (Eui64, [u8; 6], Utc);

fn key(reading: &Reading) -> Key {
    (reading.meter, reading.logical_name, reading.capture)
}

/// What the box holds, in the order in which it was read.
pub(crate) fn box_values(reader: &StoreReader) -> anyhow::Result<Vec<TaskValue>> {
    let stored = reader.values(None, Cursor::START, usize::MAX)?;
    Ok(stored.into_iter().map(|StoredValue { value, .. }| value).collect())
}

/// What the head-end holds, in the order in which it came.
pub(crate) fn head_end_values(folder: &Path) -> anyhow::Result<Vec<TaskValue>> {
    let mut values = Vec::new();
    HeadStore::values(&folder.join("head-end.sqlite"), None, |value| {
        values.push(value);
        Ok::<(), HeadStoreError>(())
    })?;
    Ok(values)
}

/// Their names.
pub(crate) fn names(values: &[TaskValue]) -> BTreeSet<Name> {
    values.iter().map(name).collect()
}

type Name = (Eui64, [u8; 6], [u8; 6], Utc, u16);

const fn name(value: &TaskValue) -> Name {
    (value.meter, value.source, value.logical_name, value.capture, value.ordinal)
}

/// Every value is at the head-end as it was made up, once, or is named by an event; how many are named.
fn compare_values(
    reader: &StoreReader,
    theirs: &[TaskValue],
    steps: u64,
    losses: &[Loss],
) -> anyhow::Result<usize> {
    let mut held: BTreeMap<Name, &TaskValue> = BTreeMap::new();
    for value in theirs {
        let twice = held.insert(name(value), value);
        ensure!(twice.is_none(), "held twice: {twice:?}");
    }
    let (mut found, mut given_up) = (0, 0);
    for made in (0..steps).flat_map(|number| readout::new_values(number, 0)) {
        match held.get(&name(&made)) {
            Some(value) => {
                let same = TaskValue { received: made.received, ..**value } == made;
                ensure!(same, "not what the meters have given: {value:?}, expected {made:?}");
                found += 1;
            }
            None => {
                ensure!(
                    losses.iter().any(|loss| loss.names(made.capture)),
                    "missing, and no event says so: {made:?}"
                );
                given_up += 1;
            }
        }
    }
    ensure!(found == theirs.len(), "the head-end holds {} values that nobody has read", theirs.len() - found);
    let stored = reader.values(None, Cursor::START, usize::MAX)?;
    let (first, newest) = reader.value_bounds()?;
    ensure!(stored.len() as u64 == newest.0 + 1 - first.0, "the box has lost values that it holds");
    for StoredValue { value, .. } in &stored {
        let theirs = held.get(&name(value)).with_context(|| format!("here alone: {value:?}"))?;
        // What was let go and read again has another time of reception here.
        let received = if readout::is_read_again(value) { value.received } else { theirs.received };
        ensure!(TaskValue { received, ..**theirs } == *value, "the sides differ: {theirs:?}, {value:?}");
    }
    Ok(given_up)
}

/// Values that the box has given up before it knew that the head-end had them, as an event says.
struct Loss {
    /// Of the event.
    event: Cursor,
    /// Of the values.
    span: Span,
    /// Times of capture.
    from: String,
    to: String,
}

impl Loss {
    fn is_of(&self, (after, until): (Cursor, Cursor)) -> bool {
        after < self.event && self.event <= until
    }

    fn names(&self, capture: Utc) -> bool {
        // Times in this form have the order of their texts.
        (&self.from..=&self.to).contains(&&capture.to_string())
    }

    fn parse(event: Cursor, text: &str) -> Option<Self> {
        let (what, _) =
            text.strip_prefix("values of tasks ")?.split_once(", removed before the head-end had them")?;
        let (cursors, captures) = what.split_once(", captured ")?;
        let ((first, last), (from, to)) = (cursors.split_once(" to ")?, captures.split_once(" to ")?);
        let span = Span { first: first.parse().ok()?, last: last.parse().ok()? };
        Some(Self { event, span, from: from.to_owned(), to: to.to_owned() })
    }
}

fn losses(reader: &StoreReader) -> anyhow::Result<Vec<Loss>> {
    let events = reader.events(Cursor::START, usize::MAX)?;
    let full = events.iter().filter(|stored| stored.event.kind == EventKind::StoreFull);
    Ok(full.filter_map(|stored| Loss::parse(stored.cursor, &stored.event.text)).collect())
}

/// The cursors of values that the head-end says that it holds of the box.
fn held(folder: &Path) -> anyhow::Result<Spans> {
    let epoch = Memory::open(&folder.join("box.sqlite"), clock::utc()).epoch;
    let life = BoxLife { box_id: String::from("box-1"), epoch };
    let intake = HeadStore::open(&folder.join("head-end.sqlite"))?.intake(&life)?;
    ensure!(
        !intake.held(Lot::Values).is_empty(),
        "the head-end knows nothing of the values of epoch {epoch}"
    );
    Ok(intake.held(Lot::Values).clone())
}

/// What was read when the oldest went first has come in the order in which it was read; how many those are. What is read again is left out:
/// the box may have let it go in between.
fn compare_order(theirs: &[TaskValue], steps: u64, from: u64) -> anyhow::Result<usize> {
    let read: BTreeMap<Name, usize> = (from..steps)
        .flat_map(|number| readout::new_values(number, 0))
        .filter(|value| !readout::is_read_again(value))
        .enumerate()
        .map(|(place, value)| (name(&value), place))
        .collect();
    let places: Vec<usize> = theirs.iter().filter_map(|value| read.get(&name(value)).copied()).collect();
    let disorder = places.windows(2).find(|pair| pair[0] >= pair[1]);
    ensure!(disorder.is_none(), "values have come in another order than they were read: {disorder:?}");
    Ok(places.len())
}

/// From the first whole hour on that the box holds; how many digests are the same.
fn compare_value_digests(reader: &StoreReader, folder: &Path) -> anyhow::Result<usize> {
    let hour = Duration::from_secs(3600);
    let (first, _) = reader.value_bounds()?;
    let oldest = reader.values(None, Cursor::START, 1)?;
    let whole = |stored: &StoredValue| stored.value.capture.floor(hour) + hour;
    let from = oldest.first().filter(|_| first.0 > 1).map(whole);
    let filter = ReadingFilter { from, ..ReadingFilter::default() };
    let ours = reader.value_digests(&filter, Digests::all(hour))?;
    let theirs =
        HeadStore::digests(&folder.join("head-end.sqlite"), Digested::Values, &filter, Digests::all(hour))?;
    ensure!(ours == theirs, "the digests of values differ");
    Ok(ours.iter().count())
}
