//! What is in hand until it is durable: batches, values of tasks, and the counters and routes beside them.

use super::{Application, Observer};
use crate::store::{EventKind, ProfileMark, Reading, StoreError, TaskValue};
use collector::{Batch, CollectorInput, Mark, ValueBatch};
use plc_core::sap::StoredRoute;
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Machine, ShortAddress, Utc};
use std::collections::BTreeMap;

/// What becomes durable together: a transaction costs the flash some pages, whatever is in it. Nothing has come of it before: readings
/// are not acknowledged, a counter guards nothing but the readings beside it, and a route that is forgotten is looked for again.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Batches of readings, by their numbers.
    batches: Vec<u64>,
    pub(super) readings: Vec<Reading>,
    values: WaitingValues,
    /// Counters of the answers that they came in, and of others.
    pub(super) counters: BTreeMap<Eui64, u32>,
    /// Routes that have changed.
    pub(super) routes: BTreeMap<ShortAddress, StoredRoute>,
    /// When they are written at the latest.
    pub(super) until: Option<Instant>,
}

/// Values of tasks that become durable together, with the marks that they move. Apart from readings: where there is room for one of
/// both, that one is not asked for again.
#[derive(Debug, Default)]
struct WaitingValues {
    /// Batches of values, by their numbers.
    batches: Vec<u64>,
    values: Vec<TaskValue>,
    marks: Vec<ProfileMark>,
}

/// What the store has no room for, and that has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shortage {
    readings: bool,
    values: bool,
}

impl<O: Observer> Application<'_, O> {
    /// Takes a batch in hand.
    pub(super) fn store_batch(&mut self, now: Instant, batch: &Batch) -> Result<(), StoreError> {
        let received = self.anchor.utc(now);
        self.waiting.batches.push(batch.number);
        self.waiting.readings.extend(batch.readings.iter().map(|reading| stored_form(reading, received)));
        self.wait_until(now + COMMIT_DELAY);
        self.observer.in_hand(&self.waiting.readings);
        self.commit_when_due(now)
    }

    /// Takes values of a task in hand.
    pub(super) fn store_values(&mut self, now: Instant, batch: &ValueBatch) -> Result<(), StoreError> {
        self.hold_values(now, batch);
        self.commit_when_due(now)
    }

    fn hold_values(&mut self, now: Instant, batch: &ValueBatch) {
        let received = self.anchor.utc(now);
        let waiting = &mut self.waiting.values;
        waiting.batches.push(batch.number);
        waiting.values.extend(batch.values.iter().map(|value| stored_value(value, received)));
        let mark = batch.mark.map(|Mark { meter, source, through }| ProfileMark {
            meter,
            source: source.0,
            through,
        });
        waiting.marks.extend(mark);
        self.wait_until(now + COMMIT_DELAY);
    }

    /// Whether there are readings in hand, and no others will come before `until`.
    pub(super) fn is_last(&self, until: Instant) -> bool {
        let idle = self.collector.sessions_on_line() == 0;
        let Waiting { readings, values, .. } = &self.waiting;
        let some = !readings.is_empty() || !values.values.is_empty();
        idle && some && self.collector.deadline().is_none_or(|at| at > until)
    }

    pub(super) fn wait_until(&mut self, until: Instant) {
        self.waiting.until.get_or_insert(until);
    }

    /// Makes what is in hand durable when it is enough or has waited long.
    pub(super) fn commit_when_due(&mut self, now: Instant) -> Result<(), StoreError> {
        let Some(until) = self.waiting.until else { return Ok(()) };
        let enough = self.waiting.readings.len() + self.waiting.values.values.len() >= COMMIT_READINGS;
        if until <= now || enough || self.is_last(until) { self.commit(now) } else { Ok(()) }
    }

    /// Makes what is in hand durable: readings, and whatever becomes of them, values. What is durable is acknowledged at once; what there
    /// is no room for the collector asks the meters for again later, and meanwhile everything else goes on.
    pub(super) fn commit(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.waiting.until.is_none() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.observer.in_hand(&[]);
        let Waiting { batches, readings, values, counters, routes, .. } = waiting;
        match self.store.commit(&readings, &counters, routes.values()) {
            Ok(report) => {
                // There may be room for a counter where there is none for readings.
                if !readings.is_empty() && std::mem::take(&mut self.shortage.readings) {
                    self.observer.refused(self.anchor.utc(now), None);
                }
                self.acknowledge(now, &batches);
                self.observer.stored(&readings, report.newest);
            }
            Err(error) if error.is_full() => {
                // These are no more than there are meters, and wait for better times.
                let until = Some(now + COMMIT_DELAY);
                self.waiting = Waiting { counters, routes, until, ..Waiting::default() };
                self.tell_no_readings(now, &error);
            }
            Err(error) => return Err(error),
        }
        self.commit_values(now, &values)
    }

    /// Makes values durable with the marks that they move.
    fn commit_values(&mut self, now: Instant, waiting: &WaitingValues) -> Result<(), StoreError> {
        let WaitingValues { batches, values, marks } = waiting;
        if batches.is_empty() {
            return Ok(());
        }
        match self.store.insert_values(values, marks) {
            Ok(_) => {
                // There may be room for a mark where there is none for values.
                self.shortage.values &= values.is_empty();
                self.acknowledge(now, batches);
                self.observer.values_stored(self.store.reader().newest_value()?);
                Ok(())
            }
            Err(error) if error.is_full() => {
                self.tell_no_values(now, &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn acknowledge(&mut self, now: Instant, batches: &[u64]) {
        for &batch in batches {
            self.collector.handle(now, CollectorInput::Stored { batch });
        }
    }

    /// Once for each time that room for readings runs out: it is why meters are not read.
    fn tell_no_readings(&mut self, now: Instant, error: &StoreError) {
        if !std::mem::replace(&mut self.shortage.readings, true) {
            self.observer.refused(self.anchor.utc(now), Some(&error.to_string()));
            self.tell_full(now, &format!("no readings are taken: {error}"));
        }
    }

    /// Once for each time that room for values runs out. Meters are read all the same.
    fn tell_no_values(&mut self, now: Instant, error: &StoreError) {
        if !std::mem::replace(&mut self.shortage.values, true) {
            self.tell_full(now, &format!("no values of tasks are taken: {error}"));
        }
    }

    /// Where even the event finds no room, the log has it.
    fn tell_full(&mut self, now: Instant, text: &str) {
        tracing::error!("{text}");
        if let Err(error) = self.record(now, EventKind::StoreFull, None, text.to_owned()) {
            tracing::error!("{error}");
        }
    }
}

fn stored_form(reading: &collector::Reading, received: Utc) -> Reading {
    Reading {
        meter: reading.meter,
        logical_name: reading.logical_name.0,
        capture: reading.capture,
        value: reading.value,
        scaler: reading.scaler,
        unit: reading.unit,
        status: reading.status,
        received,
    }
}

fn stored_value(value: &collector::Value, received: Utc) -> TaskValue {
    let collector::Value { meter, source, logical_name, capture, ordinal, value, scaler, unit, status } =
        *value;
    let (source, logical_name) = (source.0, logical_name.0);
    TaskValue { meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received }
}

/// Readings that are written together.
const COMMIT_READINGS: usize = 100;
/// How long the first of them waits. The collector counts nothing as read before, so a power cut costs that it is read again.
pub(super) const COMMIT_DELAY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{ClockKind, Live};
    use crate::plc::{LiveObserver, MeterAccess};
    use crate::store::{Limits, Store};
    use collector::{Collector, CollectorConfig, Verdict};
    use dlms::cosem::LogicalName;
    use plc_core::sap::Key;
    use plc_core::{PanId, Seed, UtcAnchor};
    use std::sync::Arc;

    const METER: Eui64 = Eui64::from_u64(7);

    /// A batch of a hundred registers of one capture, of values that nothing packs.
    fn batch(number: u64) -> Batch {
        let readings = (0..100).map(|n| collector::Reading {
            meter: METER,
            logical_name: LogicalName([1, 0, n as u8, 8, 0, 255]),
            capture: Utc::from_secs(number as i64 * 900),
            value: (number * 100 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed(),
            scaler: 0,
            unit: 30,
            status: 0,
        });
        Batch { number, readings: readings.collect() }
    }

    /// A store of a street of one meter, and who watches it.
    fn street() -> (tempfile::TempDir, Store, Arc<Live>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(0), [(METER, "flat".to_owned())]));
        (folder, store, live)
    }

    fn application<'s>(store: &'s mut Store, live: &Arc<Live>) -> Application<'s, LiveObserver> {
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: Utc::from_secs(0) };
        let access = MeterAccess {
            eui64: METER,
            psk: Key([0; 16]),
            encryption_key: Key([0; 16]),
            authentication_key: Key([0; 16]),
            master_key: None,
            one_way: false,
        };
        let observer = LiveObserver::new(Arc::clone(live), Eui64::from_u64(1));
        let collector = Collector::new(CollectorConfig::new(Seed::from_u64(1)));
        Application::new(collector, store, anchor, PanId(1), &[access], observer).unwrap()
    }

    /// So many of them as one.
    fn batches(count: u64) -> Batch {
        Batch { number: 1000, readings: (0..count).flat_map(|number| batch(number).readings).collect() }
    }

    const LOG: LogicalName = LogicalName([0, 0, 99, 98, 0, 255]);

    /// One value, and the mark that it moves.
    fn value_batch(number: u64) -> ValueBatch {
        let (meter, source, logical_name) = (METER, LOG, LogicalName([0, 0, 96, 11, 0, 255]));
        let capture = Utc::from_secs(number.cast_signed());
        let (ordinal, value, scaler, unit, status) = (0, 7, 0, 255, 0);
        let value =
            collector::Value { meter, source, logical_name, capture, ordinal, value, scaler, unit, status };
        let mark = Some(Mark { meter, source, through: capture });
        ValueBatch { number, task: 1, values: vec![value], mark }
    }

    /// Leaves the store so many free pages below its limit, with a head-end that has nothing yet.
    fn leave_pages(store: &mut Store, free: u64) {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).unwrap();
        let used = u64::from(pragma("page_count") - pragma("freelist_count"));
        store.set_limits(Limits { octets: (used + free) * 4096, ..Limits::default() }).unwrap();
    }

    fn told_full(store: &Store) -> Vec<String> {
        let events = store.reader().events(crate::store::Cursor::START, usize::MAX).unwrap();
        let full = events.into_iter().filter(|stored| stored.event.kind == EventKind::StoreFull);
        full.map(|stored| stored.event.text).filter(|text| text.contains("are taken")).collect()
    }

    /// Batches that nobody waits for any more are counted: here each that is acknowledged.
    fn acknowledged<O: Observer>(application: &Application<'_, O>) -> u64 {
        application.collector.counters().batches_late
    }

    #[test]
    fn readings_that_are_durable_are_acknowledged_although_there_is_no_room_for_the_values_beside_them() {
        let (_folder, mut store, live) = street();
        let mut application = application(&mut store, &live);
        leave_pages(application.store, 1);
        application.hold_values(Instant::EPOCH, &value_batch(1));
        application.store_batch(Instant::EPOCH, &batches(5)).unwrap();
        assert_eq!(acknowledged(&application), 1, "the readings, not the values");
        let reader = application.store.reader();
        assert_eq!((reader.newest().unwrap().0, reader.newest_value().unwrap().0), (500, 0));
        assert_eq!(reader.marks(METER).unwrap(), [], "what was not stored is asked for again");
        let told = told_full(application.store);
        assert!(
            matches!(told.as_slice(), [text] if text.starts_with("no values of tasks are taken: store ")),
            "{told:?}"
        );
        assert_ne!(live.explain(METER).verdict, Verdict::StoreFails, "meters are read");
        // Again, which is not said again; then there is room.
        application.store_values(Instant::EPOCH, &value_batch(3)).unwrap();
        assert_eq!((acknowledged(&application), told_full(application.store).len()), (1, 1));
        application.store.set_limits(Limits::default()).unwrap();
        application.store_values(Instant::from_secs(60), &value_batch(3)).unwrap();
        assert_eq!((acknowledged(&application), application.shortage), (2, Shortage::default()));
        assert_eq!(application.store.reader().newest_value().unwrap().0, 1);
        assert_eq!(application.store.reader().marks(METER).unwrap().len(), 1);
    }

    #[test]
    fn values_that_are_durable_are_acknowledged_although_there_is_no_room_for_the_readings_beside_them() {
        let (_folder, mut store, live) = street();
        let mut application = application(&mut store, &live);
        leave_pages(application.store, 40);
        application.hold_values(Instant::EPOCH, &value_batch(1));
        application.waiting.counters.insert(METER, 7);
        // More than the file may have of pages, reserve and all.
        application.store_batch(Instant::EPOCH, &batches(600)).unwrap();
        assert_eq!(acknowledged(&application), 1, "the values, not the readings");
        let reader = application.store.reader();
        assert_eq!((reader.newest().unwrap().0, reader.newest_value().unwrap().0), (0, 1));
        let told = told_full(application.store);
        assert!(
            matches!(told.as_slice(), [text] if text.starts_with("no readings are taken: store ")),
            "{told:?}"
        );
        assert_eq!(live.explain(METER).verdict, Verdict::StoreFails);
        assert_eq!(application.waiting.counters.get(&METER), Some(&7), "counters wait");
        application.store_batch(Instant::EPOCH, &batch(3)).unwrap();
        assert_eq!((acknowledged(&application), application.shortage), (2, Shortage::default()));
        assert_ne!(live.explain(METER).verdict, Verdict::StoreFails);
    }

    #[test]
    fn a_store_that_takes_nothing_is_why_a_meter_is_not_read_until_it_takes_readings_again() {
        let (_folder, mut store, live) = street();
        store.set_limits(Limits { octets: 1 << 20, head_end: true, ..Limits::default() }).unwrap();
        let mut application = application(&mut store, &live);
        let verdict = |live: &Live| live.explain(METER).verdict;
        let mut number = 0;
        while verdict(&live) != Verdict::StoreFails {
            assert!(number < 2000, "a megabyte is soon full");
            application.store_batch(Instant::EPOCH, &batch(number)).unwrap();
            number += 1;
        }
        let told = live.explain(METER).chain;
        assert!(told.iter().any(|finding| finding.text.starts_with("store: ")), "{told:?}");
        application.waiting.counters.insert(METER, 7);
        application.commit(Instant::from_secs(60)).unwrap();
        assert_eq!(verdict(&live), Verdict::StoreFails, "room for a counter is no room for readings");
        application.store.set_limits(Limits { octets: 1 << 24, ..Limits::default() }).unwrap();
        application.store_batch(Instant::EPOCH, &batch(number)).unwrap();
        assert_ne!(verdict(&live), Verdict::StoreFails);
    }

    #[test]
    fn what_is_in_hand_when_the_node_goes_becomes_durable() {
        let (_folder, mut store, live) = street();
        let mut application = application(&mut store, &live);
        let anchor = application.anchor;
        let mut few = batch(1);
        few.readings.truncate(3);
        application.collector.handle(Instant::EPOCH, CollectorInput::Clock(anchor));
        application
            .waiting
            .readings
            .extend(few.readings.iter().map(|reading| stored_form(reading, anchor.utc)));
        application.wait_until(Instant::from_secs(30));
        let (node, application_port) = crate::plc::port();
        drop(node);
        application.run(&application_port).unwrap();
        assert_eq!(store.reader().newest().unwrap().0, 3);
    }
}
