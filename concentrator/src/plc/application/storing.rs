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
    pub(super) numbers: Vec<u64>,
    pub(super) readings: Vec<Reading>,
    /// Values of tasks, with the marks that they move.
    values: Vec<TaskValue>,
    marks: Vec<ProfileMark>,
    /// Counters of the answers that they came in, and of others.
    pub(super) counters: BTreeMap<Eui64, u32>,
    /// Routes that have changed.
    pub(super) routes: BTreeMap<ShortAddress, StoredRoute>,
    /// When they are written at the latest.
    pub(super) until: Option<Instant>,
}

impl<O: Observer> Application<'_, O> {
    /// Takes a batch in hand.
    pub(super) fn store_batch(&mut self, now: Instant, batch: &Batch) -> Result<(), StoreError> {
        let received = self.anchor.utc(now);
        self.waiting.numbers.push(batch.number);
        self.waiting.readings.extend(batch.readings.iter().map(|reading| stored_form(reading, received)));
        self.wait_until(now + COMMIT_DELAY);
        self.observer.in_hand(&self.waiting.readings);
        self.commit_when_due(now)
    }

    /// Takes values of a task in hand.
    pub(super) fn store_values(&mut self, now: Instant, batch: &ValueBatch) -> Result<(), StoreError> {
        let received = self.anchor.utc(now);
        self.waiting.numbers.push(batch.number);
        self.waiting.values.extend(batch.values.iter().map(|value| stored_value(value, received)));
        let mark = batch.mark.map(|Mark { meter, source, through }| ProfileMark {
            meter,
            source: source.0,
            through,
        });
        self.waiting.marks.extend(mark);
        self.wait_until(now + COMMIT_DELAY);
        self.commit_when_due(now)
    }

    /// Whether there are readings in hand, and no others will come before `until`.
    pub(super) fn is_last(&self, until: Instant) -> bool {
        let idle = self.collector.sessions_on_line() == 0;
        let Waiting { readings, values, .. } = &self.waiting;
        let some = !readings.is_empty() || !values.is_empty();
        idle && some && self.collector.deadline().is_none_or(|at| at > until)
    }

    pub(super) fn wait_until(&mut self, until: Instant) {
        self.waiting.until.get_or_insert(until);
    }

    /// Makes what is in hand durable when it is enough or has waited long.
    pub(super) fn commit_when_due(&mut self, now: Instant) -> Result<(), StoreError> {
        let Some(until) = self.waiting.until else { return Ok(()) };
        let enough = self.waiting.readings.len() + self.waiting.values.len() >= COMMIT_READINGS;
        if until <= now || enough || self.is_last(until) { self.commit(now) } else { Ok(()) }
    }

    /// Makes what is in hand durable.
    pub(super) fn commit(&mut self, now: Instant) -> Result<(), StoreError> {
        let Waiting { numbers, readings, values, marks, counters, routes, until } =
            std::mem::take(&mut self.waiting);
        if until.is_none() {
            return Ok(());
        }
        self.observer.in_hand(&[]);
        let written = self.store.commit(&readings, &counters, routes.values());
        match written.and_then(|report| self.commit_values(&values, &marks).map(|()| report)) {
            Ok(report) => {
                // There may be room for a counter where there is none for readings.
                if !readings.is_empty() && std::mem::take(&mut self.full) {
                    self.observer.refused(self.anchor.utc(now), None);
                }
                for batch in numbers {
                    self.collector.handle(now, CollectorInput::Stored { batch });
                }
                self.observer.stored(&readings, report.newest);
                Ok(())
            }
            // The collector asks the meters again later; meanwhile everything else goes on.
            Err(error) if error.is_full() => {
                // These are no more than there are meters, and wait for better times.
                self.waiting =
                    Waiting { counters, routes, until: Some(now + COMMIT_DELAY), ..Waiting::default() };
                self.tell_full(now, &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes values durable with the marks that they move.
    fn commit_values(&mut self, values: &[TaskValue], marks: &[ProfileMark]) -> Result<(), StoreError> {
        if values.is_empty() && marks.is_empty() {
            return Ok(());
        }
        self.store.insert_values(values, marks)?;
        let newest = self.store.reader().newest_value()?;
        self.observer.values_stored(newest);
        Ok(())
    }

    /// Once for each time that room runs out; where even the event finds none, the log has it.
    pub(super) fn tell_full(&mut self, now: Instant, error: &StoreError) {
        if !std::mem::replace(&mut self.full, true) {
            tracing::error!("{error}");
            self.observer.refused(self.anchor.utc(now), Some(&error.to_string()));
            if let Err(error) = self.record(now, EventKind::StoreFull, None, error.to_string()) {
                tracing::error!("{error}");
            }
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

    #[test]
    fn a_store_that_takes_nothing_is_why_a_meter_is_not_read_until_it_takes_readings_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        store.set_limits(Limits { octets: 1 << 20, head_end: true, ..Limits::default() }).unwrap();
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(0), [(METER, "flat".to_owned())]));
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: Utc::from_secs(0) };
        let access = MeterAccess {
            eui64: METER,
            psk: Key([0; 16]),
            encryption_key: Key([0; 16]),
            authentication_key: Key([0; 16]),
            master_key: None,
            one_way: false,
        };
        let observer = LiveObserver::new(Arc::clone(&live), Eui64::from_u64(1));
        let collector = Collector::new(CollectorConfig::new(Seed::from_u64(1)));
        let mut application =
            Application::new(collector, &mut store, anchor, PanId(1), &[access], observer).unwrap();
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
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(0), [(METER, "flat".to_owned())]));
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: Utc::from_secs(0) };
        let observer = LiveObserver::new(Arc::clone(&live), Eui64::from_u64(1));
        let collector = Collector::new(CollectorConfig::new(Seed::from_u64(1)));
        let mut application =
            Application::new(collector, &mut store, anchor, PanId(1), &[], observer).unwrap();
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
