//! What the application shows: the state of the meters and the cursor of the newest reading.

use super::application::Observer;
use super::network::Network;
use super::trust::{ClockNews, Trust};
use crate::clock;
use crate::jobs::Wanted;
use crate::live::{ClockKind, Live, MeterState, MeterStatus};
use crate::pulse::Pipeline;
use crate::store::{Cursor, Event, Reading};
use crate::tasks::TaskChange;
use collector::{Collector, CollectorEvent, OrderEnd, RunReport, SessionFailure};
use dlms::client::ClientFailure;
use plc_core::sap::{AdpmIndication, UdpConfirm, UdpIndication, UdpRequest};
use plc_core::{Eui64, Instant, ShortAddress, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Tells [`Live`] what the application learns, and counts for those who wait for a run to end.
#[derive(Debug)]
pub struct LiveObserver {
    live: Arc<Live>,
    shown: BTreeMap<Eui64, collector::MeterStatus>,
    network: Network,
    trust: Trust,
}

impl LiveObserver {
    /// An observer that has shown nothing yet.
    pub fn new(live: Arc<Live>, coordinator: Eui64) -> Self {
        if let Some(tasks) = live.tasks() {
            tasks.begin();
        }
        Self { live, shown: BTreeMap::new(), network: Network::new(coordinator), trust: Trust::default() }
    }

    /// From now on this file says whether the clock of the machine is right.
    pub fn trusting(mut self, file: Option<PathBuf>) -> Self {
        self.trust = Trust::new(file);
        self
    }

    /// Changes what is shown of the meter with this address.
    fn of(&self, short: ShortAddress, change: impl FnOnce(&mut MeterStatus)) {
        let meter = self.shown.values().find(|status| status.short == Some(short));
        if let Some(status) = meter {
            self.live.update_meter(status.eui64, change);
        }
    }

    /// Tells the jobs how an order has ended.
    fn end(&self, number: u64, end: &OrderEnd, now: Utc) {
        if let Some(Err(error)) = self.live.jobs().map(|jobs| jobs.ended(number, end, now)) {
            tracing::error!("{error}");
        }
    }

    fn show(&mut self, status: &collector::MeterStatus) {
        if self.shown.get(&status.eui64) != Some(status) {
            self.live.update_meter(status.eui64, |shown| update(shown, status));
            self.live.diagnose(|diagnosis| diagnosis.on_status(status));
            self.network.on_address(status.eui64, status.short);
            self.shown.insert(status.eui64, status.clone());
        }
    }
}

impl Observer for LiveObserver {
    fn before_turn(&mut self) {
        self.live.beat(Pipeline::Collection);
    }

    fn after_turn(&mut self, now: Utc, collector: &Collector) {
        self.live.rest(Pipeline::Collection);
        self.live.update_status(|status| status.now = now);
        self.live.keep_time(now);
        collector.meters().for_each(|status| self.show(&status));
        if let Some(tasks) = self.live.tasks() {
            tasks.show(collector.tasks().collect());
        }
        self.network.publish(&self.live);
    }

    fn received(&mut self, now: Utc, datagram: &UdpIndication) {
        self.network.on_heard(now, datagram);
        self.live.diagnose(|diagnosis| diagnosis.on_heard(now, datagram));
        let change = |status: &mut MeterStatus| {
            status.seen.get_or_insert(now);
            status.last_contact = Some(now);
            status.counters.datagrams_received += 1;
            status.hops = Some(datagram.hops);
            status.link_quality = Some(datagram.lqi.0);
        };
        self.of(datagram.src, change);
    }

    fn sent(&mut self, request: &UdpRequest) {
        self.live.diagnose(|diagnosis| diagnosis.on_sent(request));
        self.of(request.dst, |status| status.counters.datagrams_sent += 1);
    }

    fn confirmed(&mut self, now: Utc, confirm: UdpConfirm) {
        self.live.diagnose(|diagnosis| diagnosis.on_confirm(now, confirm));
    }

    fn noted(&mut self) {
        self.live.noted();
    }

    fn in_hand(&mut self, readings: &[Reading]) {
        self.live.set_in_hand(readings);
    }

    fn stored(&mut self, readings: &[Reading], newest: Cursor) {
        for reading in readings {
            let latest = |status: &mut MeterStatus| {
                status.last_reading = status.last_reading.max(Some(reading.capture))
            };
            self.live.update_meter(reading.meter, latest);
        }
        self.live.committed(newest);
    }

    fn values_stored(&mut self, newest: Cursor) {
        self.live.committed_values(newest);
    }

    fn run_ended(&mut self, now: Utc, report: &RunReport) {
        if let Some(Err(error)) = self.live.tasks().map(|tasks| tasks.ended(report, now)) {
            tracing::error!("{error}");
        }
    }

    fn task_name(&mut self, task: u32) -> String {
        let name = self.live.tasks().and_then(|tasks| tasks.name(task));
        name.unwrap_or_else(|| task.to_string())
    }

    fn tasks(&mut self) -> Vec<TaskChange> {
        let Some(tasks) = self.live.tasks() else { return Vec::new() };
        let changes = tasks.changes(|name| self.live.find_meter(name));
        changes.unwrap_or_else(|error| {
            tracing::error!("{error}");
            Vec::new()
        })
    }

    fn clock(&mut self, now: Utc) -> ClockNews {
        // Virtual time is never wrong.
        match self.live.clock() {
            ClockKind::Simulated => ClockNews::default(),
            ClockKind::Real => self.trust.news(now, clock::utc()),
        }
    }

    fn refused(&mut self, now: Utc, why: Option<&str>) {
        self.live.diagnose(|diagnosis| diagnosis.on_store(now, why));
    }

    fn network(&mut self, now: Utc, indication: &AdpmIndication) {
        self.live.diagnose(|diagnosis| diagnosis.on_network(now, indication));
        match *indication {
            AdpmIndication::Started { pan_id } => {
                self.live.update_status(|status| status.pan_id = Some(pan_id))
            }
            AdpmIndication::DeviceJoined { eui64, .. } => self.live.update_meter(eui64, |status| {
                status.seen.get_or_insert(now);
                status.joined = Some(now);
            }),
            AdpmIndication::DeviceRefused { eui64, .. } => {
                self.live.update_meter(eui64, |status| status.state = MeterState::Refused);
            }
            AdpmIndication::DeviceLeft { eui64 } => {
                self.live.update_meter(eui64, |status| status.state = MeterState::Lost);
            }
            _ => {}
        }
        tracing::info!(?indication, "network");
    }

    fn collected(&mut self, now: Utc, event: &CollectorEvent) {
        self.live.diagnose(|diagnosis| diagnosis.on_event(now, event));
        match event {
            CollectorEvent::MeterRead { meter, .. } => {
                self.live.update_meter(*meter, |status| {
                    status.last_success = Some(now);
                    status.associated = Some(now);
                    status.availability.note(now, true);
                    status.last_error.clear();
                });
                tracing::debug!(%event, "read");
            }
            CollectorEvent::SessionFailed { meter, reason, .. } => {
                let suspicious = matches!(reason, SessionFailure::Association(ClientFailure::Authentication));
                self.live.update_meter(*meter, |status| {
                    status.last_error = reason.to_string();
                    status.availability.note(now, false);
                    status.counters.security_failures += u64::from(suspicious);
                });
                tracing::warn!(%event, "read");
            }
            CollectorEvent::OrderProgress { number, progress, .. } => {
                if let Some(Err(error)) = self.live.jobs().map(|jobs| jobs.progress(*number, progress)) {
                    tracing::error!("{error}");
                }
                tracing::info!(%event, "order");
            }
            CollectorEvent::OrderEnded { meter, number, end } => {
                self.live.update_meter(*meter, |status| {
                    if matches!(end, OrderEnd::Done(_) | OrderEnd::Denied(..)) {
                        status.associated = Some(now);
                    }
                });
                self.end(*number, end, now);
                tracing::info!(%event, "order");
            }
            _ => tracing::warn!(%event, "read"),
        }
    }

    fn wanted(&mut self, now: Utc, at: Instant) -> Vec<Wanted> {
        let Some(jobs) = self.live.jobs().filter(|jobs| jobs.is_due(now)) else { return Vec::new() };
        let wanted = jobs.next(now, at, self.live.joined());
        wanted.unwrap_or_else(|error| {
            tracing::error!("{error}");
            Vec::new()
        })
    }

    fn dismissed(&mut self, now: Utc, meter: Eui64) {
        self.shown.remove(&meter);
        self.network.on_address(meter, None);
        self.live.update_meter(meter, |status| {
            (status.short_address, status.state) = (None, MeterState::Lost);
        });
        self.live.diagnose(|diagnosis| diagnosis.on_dismissed(now, meter));
    }

    fn wants_turn(&self) -> Option<Utc> {
        self.live.jobs().and_then(|jobs| jobs.due())
    }

    fn ended(&mut self, now: Utc, item: i64, end: &OrderEnd) {
        self.end(item.cast_unsigned(), end, now);
    }

    fn told(&mut self) -> Option<Event> {
        self.live.take_told()
    }

    fn not_noted(&mut self, event: Event) {
        self.live.tell_event(event);
    }

    fn stop(&mut self) -> bool {
        self.live.shutdown.is_triggered()
    }
}

fn update(shown: &mut MeterStatus, status: &collector::MeterStatus) {
    use collector::MeterState as Collected;
    shown.short_address = status.short;
    shown.state = match (status.state, shown.state) {
        (Collected::Absent, state @ (MeterState::Lost | MeterState::Refused)) => state,
        (Collected::Absent, _) => MeterState::Expected,
        (Collected::InSession, _) => MeterState::Reading,
        (Collected::Waiting | Collected::Retrying, _) => MeterState::Joined,
    };
    shown.last_reading = shown.last_reading.max(status.last_capture);
    shown.missing_periods = u32::try_from(status.captures_lost).unwrap_or(u32::MAX);
    shown.counters.retries = status.retries;
    shown.counters.sessions_failed = status.failures;
    shown.counters.sessions_succeeded =
        status.sessions - status.failures - u64::from(status.state == Collected::InSession);
}

impl Drop for LiveObserver {
    /// An application that has ended, also by an error, does not hang.
    fn drop(&mut self) {
        self.live.rest(Pipeline::Collection);
        self.live.lose_time();
    }
}
