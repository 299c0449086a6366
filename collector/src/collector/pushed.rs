//! What meters say unasked, and what those that only push owe.

use super::Collector;
use crate::listening::hear;
use crate::{Batch, CollectorEvent, CollectorOutput, one_way};
use alloc::collections::BTreeSet;
use plc_core::sap::UdpIndication;
use plc_core::{Eui64, Instant};

/// Batches of pushes that are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Pushes(BTreeSet<u64>);

impl Pushes {
    /// A batch has become durable; whether it was one of pushes.
    pub(super) fn on_stored(&mut self, batch: u64) -> bool {
        self.0.remove(&batch)
    }

    /// Where the store is behind by so many, the oldest is forgotten: nothing but a counter depends on it.
    fn note(&mut self, batch: u64) {
        self.0.insert(batch);
        if self.0.len() > STORING_MAX {
            self.0.pop_first();
        }
    }
}

impl Collector {
    /// A meter speaks unasked: what it says is an event at once, or readings.
    pub(super) fn on_push(&mut self, now: Instant, indication: &UdpIndication) {
        let Self { config, meters, out, counters, .. } = self;
        let Some(meter) = meters.values_mut().find(|meter| meter.entry.short == Some(indication.src)) else {
            return counters.datagrams_stray += 1;
        };
        let heard = hear(now, config, meter, &indication.payload);
        let Some(last) = heard.counter else { return counters.pushes_refused += 1 };
        meter.entry.last_server_counter = Some(last);
        let eui64 = meter.entry.eui64;
        out.push(CollectorOutput::PersistServerCounter { meter: eui64, last });
        heard.event.into_iter().for_each(|event| out.event(event));
        heard.values.into_iter().for_each(|body| self.on_values(now, eui64, &body));
    }

    /// A meter that only pushes has pushed values. Those of a capture that has come before, or is lost, are not stored again.
    fn on_values(&mut self, now: Instant, eui64: Eui64, body: &[u8]) {
        let Self { config, meters, out, anchor, pushes, .. } = self;
        let (Some(anchor), Some(meter)) = (anchor.as_ref(), meters.get_mut(&eui64)) else { return };
        let (capture, readings) = match one_way::read(eui64, body, anchor.utc(now), config) {
            Ok(read) => read,
            Err(unexpected) => {
                return out.event(CollectorEvent::UnexpectedValue { meter: eui64, unexpected });
            }
        };
        if !meter.arrivals.as_mut().is_some_and(|arrivals| arrivals.arrived(capture, config.period)) {
            return;
        }
        let number = out.next_batch();
        pushes.note(number);
        out.push(CollectorOutput::Store(Batch { number, readings }));
        meter.entry.last_capture = meter.entry.last_capture.max(Some(capture));
        let last_capture = meter.entry.last_capture;
        out.event(CollectorEvent::MeterRead { meter: eui64, captures: 1, last_capture });
    }

    /// Gives up what was never pushed in its time.
    pub(super) fn give_up_pushes(&mut self, now: Instant) {
        let Self { config, meters, out, anchor, .. } = self;
        let Some(utc) = anchor.as_ref().map(|anchor| anchor.utc(now)) else { return };
        for meter in meters.values_mut() {
            let Some(arrivals) = &mut meter.arrivals else { continue };
            while let Some(range) = arrivals.give_up(utc, config) {
                meter.tally.captures_lost += range.captures(config.period);
                out.event(CollectorEvent::NeverPushed { meter: meter.entry.eui64, range });
            }
        }
    }

    /// When something is given up that was never pushed.
    pub(super) fn pushes_deadline(&self) -> Option<Instant> {
        let anchor = self.anchor.as_ref()?;
        let deadlines =
            self.meters.values().filter_map(|meter| meter.arrivals.as_ref()?.deadline(&self.config));
        deadlines.min().map(|utc| anchor.instant(utc))
    }
}

/// Batches of pushes that may wait for the store.
const STORING_MAX: usize = 1024;
