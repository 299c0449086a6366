//! What is known now, shared between the thread of the power line, which tells it, and the interface, which
//! shows it. Nothing in here must survive a restart; what must is in the store.

use crate::availability::Availability;
use crate::clock::{self, Monotonic};
use crate::config::Config;
use crate::jobs::Jobs;
use crate::line::Line;
use crate::pulse::{Pipeline, Pulse};
use crate::settings::Settings;
use crate::shutdown::Shutdown;
use crate::store::{Cursor, Event, EventKind, Reading, Store, StoreError};
use crate::tasks::Tasks;
use crate::validity::Validity;
use backhaul::Spans;
use collector::{Diagnosis, Explanation};
use plc_core::{Eui64, Instant, PanId, ShortAddress, Utc, UtcAnchor};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Where the concentrator's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The clock of the machine.
    Real,
    /// The virtual time of a simulation, told with [`Live::update_status`].
    Simulated,
}

/// Where a meter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeterState {
    /// Configured, and not heard yet.
    #[default]
    Expected,
    /// In the middle of joining the network.
    Joining,
    /// In the network, no session open.
    Joined,
    /// Being read now.
    Reading,
    /// Was in the network, and does not answer any more.
    Lost,
    /// Refused by the network.
    Refused,
}

/// What is known of a meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeterStatus {
    /// Its name for people.
    pub id: String,
    /// Its address in the network.
    pub short_address: Option<ShortAddress>,
    /// Whether it only pushes and hears nobody.
    pub one_way: bool,
    /// Where it stands.
    pub state: MeterState,
    /// Capture time of its newest reading.
    pub last_reading: Option<Utc>,
    /// When a read last succeeded.
    pub last_success: Option<Utc>,
    /// Why the last read failed; empty when it did not.
    pub last_error: String,
    /// Capture periods that have passed and of which no reading is held.
    pub missing_periods: u32,
    /// Quality of the link to it.
    pub link_quality: Option<u8>,
    /// Hops between it and the concentrator.
    pub hops: Option<u8>,
    /// Traffic since the start.
    pub counters: MeterCounters,
    /// When it was first heard of since the start.
    pub seen: Option<Utc>,
    /// When it last joined the network, since the start.
    pub joined: Option<Utc>,
    /// When a session with it last ended well.
    pub associated: Option<Utc>,
    /// When a datagram of it last arrived.
    pub last_contact: Option<Utc>,
    /// How often it answered in each of the last hours.
    pub availability: Availability,
}

/// Traffic with one meter since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterCounters {
    /// UDP datagrams sent to it.
    pub datagrams_sent: u64,
    /// UDP datagrams received from it.
    pub datagrams_received: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Sessions that read everything that was due.
    pub sessions_succeeded: u64,
    /// Sessions that did not.
    pub sessions_failed: u64,
    /// Received apdus that failed decryption, authentication or replay protection.
    pub security_failures: u64,
}

/// What is known of the way to the head-end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Whether the head-end has welcomed the box.
    pub linked: bool,
    /// Events that the head-end holds.
    pub events: Spans,
    /// Readings that the head-end holds.
    pub readings: Spans,
    /// Values of tasks that the head-end holds.
    pub values: Spans,
    /// Whether the head-end takes values of tasks, as it has said last.
    pub takes_values: bool,
    /// Readings that were sent since the connection was opened.
    pub sent: Spans,
    /// Why there is no connection; empty when there is one.
    pub fault: String,
}

/// What a node of the network is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// The concentrator's own node.
    Coordinator,
    /// In the middle of joining.
    Joining,
    /// In the network.
    Joined,
    /// Not heard for long.
    Lost,
}

/// A node of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its extended address.
    pub eui64: Eui64,
    /// Its address in the network.
    pub short_address: Option<ShortAddress>,
    /// The next node on the way to the concentrator.
    pub parent: Option<ShortAddress>,
    /// Hops between it and the concentrator.
    pub hops: Option<u8>,
    /// Quality of the link to its parent.
    pub link_quality: Option<u8>,
    /// When a frame of it was last heard.
    pub last_heard: Option<Utc>,
    /// What it is doing.
    pub state: NodeState,
}

/// What is known of the concentrator itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its time now; only told in a simulation.
    pub now: Utc,
    /// The network that it formed.
    pub pan_id: Option<PanId>,
    /// Why the power line is not served; empty when it is.
    pub fault: String,
    /// What else does not work, each a sentence.
    pub impairments: Vec<String>,
    /// The certificates of the box.
    pub certificates: BTreeMap<&'static str, Validity>,
    /// Counters of the stack since the start.
    pub counters: BTreeMap<String, u64>,
}

/// What is known now.
#[derive(Debug)]
pub struct Live {
    /// The wish to stop.
    pub shutdown: Shutdown,
    /// What is known of the power line below the meters.
    pub line: Line,
    simulated: AtomicBool,
    started_ms: AtomicI64,
    status: watch::Sender<Status>,
    meters: watch::Sender<BTreeMap<Eui64, MeterStatus>>,
    topology: watch::Sender<Vec<Node>>,
    period: watch::Sender<Duration>,
    in_hand: watch::Sender<BTreeSet<(Eui64, Utc)>>,
    delivery: watch::Sender<Delivery>,
    events: watch::Sender<u64>,
    newest: watch::Sender<Cursor>,
    newest_value: watch::Sender<Cursor>,
    diagnosis: Mutex<Diagnosis>,
    reopen: AtomicBool,
    told: Mutex<VecDeque<Event>>,
    jobs: OnceLock<Arc<Jobs>>,
    tasks: OnceLock<Arc<Tasks>>,
    settings: OnceLock<Arc<Settings>>,
    configuration: watch::Sender<Vec<(String, String)>>,
    pulse: Pulse,
    monotonic: Monotonic,
    /// The time of the power line, on the monotonic clock, while the line is served.
    line_time: Mutex<Option<UtcAnchor>>,
}

impl Live {
    /// Knows nothing but the meters to expect. `started` is the time now, by the clock of `kind`.
    pub fn new(kind: ClockKind, started: Utc, expected: impl IntoIterator<Item = (Eui64, String)>) -> Self {
        let status = |id| MeterStatus { id, ..MeterStatus::default() };
        let meters: BTreeMap<_, _> = expected.into_iter().map(|(eui64, id)| (eui64, status(id))).collect();
        let mut diagnosis = Diagnosis::new(PERIOD);
        meters.keys().for_each(|eui64| diagnosis.on_expected(*eui64));
        Self {
            shutdown: Shutdown::default(),
            line: Line::default(),
            simulated: AtomicBool::new(kind == ClockKind::Simulated),
            started_ms: AtomicI64::new(started.as_millis()),
            status: watch::Sender::new(Status { now: started, ..Status::default() }),
            meters: watch::Sender::new(meters),
            topology: watch::Sender::default(),
            newest: watch::Sender::default(),
            newest_value: watch::Sender::default(),
            diagnosis: Mutex::new(diagnosis),
            period: watch::Sender::new(PERIOD),
            in_hand: watch::Sender::default(),
            delivery: watch::Sender::default(),
            events: watch::Sender::default(),
            reopen: AtomicBool::new(false),
            told: Mutex::default(),
            jobs: OnceLock::new(),
            tasks: OnceLock::new(),
            settings: OnceLock::new(),
            configuration: watch::Sender::default(),
            pulse: Pulse::default(),
            monotonic: Monotonic::start(),
            line_time: Mutex::default(),
        }
    }

    /// By the machine's clock, with the meters of the configuration and what the store knows of them.
    ///
    /// # Errors
    /// The store failed.
    pub fn restore(config: &Config, store: &Store) -> Result<Self, StoreError> {
        let (store, keys) = (store.reader(), store.key_file());
        let expected = config.meters.iter().map(|meter| (meter.eui64, meter.id.clone()));
        let live = Self::new(ClockKind::Real, clock::utc(), expected);
        for (meter, last) in store.last_captures()? {
            live.update_meter(meter, |status| status.last_reading = Some(last));
        }
        live.set_period(config.collector.capture_period);
        let pan_id = keys.network()?.map(|network| network.pan_id);
        live.update_status(|status| status.pan_id = pan_id);
        live.committed(store.newest()?);
        live.committed_values(store.newest_value()?);
        Ok(live)
    }

    /// Changes what is known of an expected meter; of another nothing is kept.
    pub fn update_meter(&self, meter: Eui64, change: impl FnOnce(&mut MeterStatus)) {
        self.meters.send_if_modified(|meters| meters.get_mut(&meter).map(change).is_some());
    }

    /// Replaces the topology: the concentrator first, then ordered by EUI-64.
    pub fn set_topology(&self, nodes: Vec<Node>) {
        self.topology.send_replace(nodes);
    }

    /// Changes what is known of the concentrator itself.
    pub fn update_status(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    /// Tells which readings wait to become durable.
    pub fn set_in_hand(&self, readings: &[Reading]) {
        let captures = readings.iter().map(|reading| (reading.meter, reading.capture)).collect();
        self.in_hand.send_replace(captures);
    }

    /// Time between two captures of a meter.
    pub fn period(&self) -> Duration {
        *self.period.borrow()
    }

    /// Tells the time between two captures of a meter.
    pub fn set_period(&self, period: Duration) {
        self.period.send_replace(period);
    }

    /// Captures that are read and not durable yet.
    pub fn in_hand(&self) -> BTreeSet<(Eui64, Utc)> {
        self.in_hand.borrow().clone()
    }

    /// Changes what is known of the way to the head-end.
    pub fn update_delivery(&self, change: impl FnOnce(&mut Delivery)) {
        self.delivery.send_modify(change);
    }

    /// What is known of the way to the head-end, and the news of it.
    pub fn delivery(&self) -> watch::Receiver<Delivery> {
        self.delivery.subscribe()
    }

    /// Tells that there is a new event.
    pub fn noted(&self) {
        self.events.send_modify(|count| *count += 1);
    }

    /// The news of events.
    pub fn events(&self) -> watch::Receiver<u64> {
        self.events.subscribe()
    }

    /// Tells that readings up to this cursor are durable ([`crate::store::InsertReport::newest`]).
    pub fn committed(&self, newest: Cursor) {
        self.newest.send_if_modified(|known| {
            let advanced = newest > *known;
            *known = newest.max(*known);
            advanced
        });
    }

    /// Tells that values of tasks up to this cursor are durable.
    pub fn committed_values(&self, newest: Cursor) {
        self.newest_value.send_if_modified(|known| {
            let advanced = newest > *known;
            *known = newest.max(*known);
            advanced
        });
    }

    /// Cursor of the newest durable value of a task, and the news of it.
    pub fn newest_value(&self) -> watch::Receiver<Cursor> {
        self.newest_value.subscribe()
    }

    /// Tells the diagnosis something. Short: whoever asks waits.
    pub fn diagnose(&self, tell: impl FnOnce(&mut Diagnosis)) {
        tell(&mut self.diagnosis.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Why this meter is read now, or is not.
    pub fn explain(&self, meter: Eui64) -> Explanation {
        let now = self.now();
        self.diagnosis.lock().unwrap_or_else(PoisonError::into_inner).explain(now, meter)
    }

    /// Expects these meters and no others from now on. What is known of those that stay stays.
    pub fn expect(&self, expected: &BTreeMap<Eui64, String>) {
        let gone: Vec<_> = {
            let known = self.meters.borrow();
            known.keys().filter(|meter| !expected.contains_key(meter)).copied().collect()
        };
        self.diagnose(|diagnosis| {
            gone.iter().for_each(|meter| diagnosis.on_removed(*meter));
            expected.keys().for_each(|meter| diagnosis.on_expected(*meter));
        });
        self.meters.send_modify(|meters| {
            meters.retain(|meter, _| expected.contains_key(meter));
            for (meter, id) in expected {
                meters.entry(*meter).or_default().id.clone_from(id);
            }
        });
    }

    /// What is open shall be closed and opened anew, by another configuration.
    pub fn ask_to_reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked to open anew.
    pub fn is_reopening(&self) -> bool {
        self.reopen.load(Ordering::Relaxed)
    }

    /// Whether somebody had asked to open anew, which is done now.
    pub fn take_reopening(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }

    /// From now on jobs are taken; the first word counts.
    pub fn take_jobs(&self, jobs: Arc<Jobs>) {
        // A second book would belong to another store.
        let _ = self.jobs.set(jobs);
    }

    /// The jobs, where they are taken.
    pub fn jobs(&self) -> Option<&Arc<Jobs>> {
        self.jobs.get()
    }

    /// From now on tasks are taken; the first word counts.
    pub fn take_tasks(&self, tasks: Arc<Tasks>) {
        // A second book would belong to another store.
        let _ = self.tasks.set(tasks);
    }

    /// The tasks, where they are taken.
    pub fn tasks(&self) -> Option<&Arc<Tasks>> {
        self.tasks.get()
    }

    /// The configuration can be changed from now on; the first word counts.
    pub fn take_settings(&self, settings: Arc<Settings>) {
        // Others would be those of another daemon.
        let _ = self.settings.set(settings);
    }

    /// The configuration and how it is changed, where there is a file.
    pub fn settings(&self) -> Option<&Arc<Settings>> {
        self.settings.get()
    }

    /// Whether somebody wants something of a meter that may be done next.
    pub fn has_wishes(&self) -> bool {
        let tasks = || self.tasks.get().is_some_and(|tasks| tasks.has_news());
        self.jobs.get().is_some_and(|jobs| jobs.has_news()) || tasks()
    }

    /// Meters in the network.
    pub fn joined(&self) -> usize {
        let meters = self.meters.borrow();
        meters
            .values()
            .filter(|meter| matches!(meter.state, MeterState::Joined | MeterState::Reading))
            .count()
    }

    /// Tells the configuration in force: every key with its value, no secrets.
    pub fn show_configuration(&self, rows: Vec<(String, String)>) {
        self.configuration.send_replace(rows);
    }

    /// The configuration in force; empty where there is none.
    pub fn configuration(&self) -> Vec<(String, String)> {
        self.configuration.borrow().clone()
    }

    /// Something for the store to note, by whoever writes it next.
    pub fn tell(&self, kind: EventKind, text: String) {
        self.tell_event(Event { time: self.now(), kind, meter: None, text });
    }

    /// The same with its time: also what could not be written when it happened.
    pub fn tell_event(&self, event: Event) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX {
            told.push_back(event);
        }
    }

    /// The next thing to note.
    pub fn take_told(&self) -> Option<Event> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The pipeline has made progress.
    pub fn beat(&self, pipeline: Pipeline) {
        self.pulse.beat(pipeline, self.monotonic.now());
    }

    /// The pipeline has nothing to do until its next beat.
    pub fn rest(&self, pipeline: Pipeline) {
        self.pulse.rest(pipeline);
    }

    /// For how long a pipeline was not heard; `None` while nothing is expected of it.
    pub fn silence(&self, pipeline: Pipeline) -> Option<Duration> {
        self.pulse.silence(pipeline, self.monotonic.now())
    }

    /// The pipelines that hang, and for how long each was not heard.
    pub fn hung(&self) -> Vec<(Pipeline, Duration)> {
        self.pulse.hung(self.monotonic.now())
    }

    /// Everything but the power line that does not work, each a sentence.
    pub fn impairments(&self) -> Vec<String> {
        let hung = self.hung().into_iter().map(|(pipeline, silence)| {
            format!("the {} hangs: no progress for {} s", pipeline.words(), silence.as_secs())
        });
        let status = self.status.borrow();
        let certificates = status.certificates.values().filter_map(|certificate| certificate.fault.clone());
        hung.chain(status.impairments.iter().cloned()).chain(certificates).collect()
    }

    /// One line for those who look at the machine.
    pub fn summary(&self) -> String {
        let line = match self.status.borrow().fault.as_str() {
            "" => String::from("power line served"),
            fault => format!("power line not served: {fault}"),
        };
        format!("{line}; {} of {} meters joined", self.joined(), self.meters.borrow().len())
    }

    /// Time comes from a simulation from now on, in which it is `now`; once it does, this changes nothing.
    pub fn simulate(&self, now: Utc) {
        if !self.simulated.swap(true, Ordering::Relaxed) {
            self.started_ms.store(now.as_millis(), Ordering::Relaxed);
            self.update_status(|status| status.now = now);
        }
    }

    /// Where time comes from.
    pub fn clock(&self) -> ClockKind {
        if self.simulated.load(Ordering::Relaxed) { ClockKind::Simulated } else { ClockKind::Real }
    }

    /// The time now: that of the power line while it is served, otherwise that of the machine. Whatever is to happen by a time is measured
    /// by one clock, so that a step of the machine's neither ends it at once nor lets it live for hours.
    pub fn now(&self) -> Utc {
        match self.clock() {
            ClockKind::Real => {
                let anchor = *self.line_time.lock().unwrap_or_else(PoisonError::into_inner);
                anchor.map_or_else(clock::utc, |anchor| anchor.utc(self.monotonic.now()))
            }
            ClockKind::Simulated => self.status.borrow().now,
        }
    }

    /// It is `now` on the power line.
    pub fn keep_time(&self, now: Utc) {
        let anchor = UtcAnchor { at: self.monotonic.now(), utc: now };
        *self.line_time.lock().unwrap_or_else(PoisonError::into_inner) = Some(anchor);
    }

    /// The power line is not served: the time is that of the machine.
    pub fn lose_time(&self) {
        *self.line_time.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long the concentrator has run, by the clock that it goes by; steps of the machine's do not count.
    pub fn uptime(&self) -> Duration {
        match self.clock() {
            ClockKind::Real => self.monotonic.now().since(Instant::EPOCH),
            ClockKind::Simulated => {
                let ms = self.now().as_millis().saturating_sub(self.started().as_millis());
                Duration::from_millis(u64::try_from(ms).unwrap_or(0))
            }
        }
    }

    /// When the concentrator started, by the clock that it goes by.
    pub fn started(&self) -> Utc {
        Utc::from_millis(self.started_ms.load(Ordering::Relaxed))
    }

    /// What is known of the concentrator itself, and the news of it.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// What is known of the meters, and the news of them.
    pub fn meters(&self) -> watch::Receiver<BTreeMap<Eui64, MeterStatus>> {
        self.meters.subscribe()
    }

    /// The network, and the news of it.
    pub fn topology(&self) -> watch::Receiver<Vec<Node>> {
        self.topology.subscribe()
    }

    /// Cursor of the newest durable reading, and the news of it.
    pub fn newest(&self) -> watch::Receiver<Cursor> {
        self.newest.subscribe()
    }

    /// The name of a meter; its EUI-64 when it is not configured.
    pub fn meter_id(&self, meter: Eui64) -> String {
        self.meters.borrow().get(&meter).map_or_else(|| meter.to_string(), |status| status.id.clone())
    }

    /// The expected meter of this name or EUI-64.
    pub fn find_meter(&self, name: &str) -> Option<Eui64> {
        let meters = self.meters.borrow();
        let by_id = meters.iter().find(|(_, status)| status.id == name).map(|(eui64, _)| *eui64);
        by_id.or_else(|| Eui64::parse_hex(name).filter(|eui64| meters.contains_key(eui64)))
    }
}

/// What waits to be noted; more is left to the log.
const TOLD_MAX: usize = 64;
/// Time between two captures, until the configuration is known.
const PERIOD: Duration = Duration::from_secs(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_power_line_while_it_is_served_whatever_the_machine_shows() {
        let live = Live::new(ClockKind::Real, clock::utc(), []);
        let a_day_ago = clock::utc() - Duration::from_secs(86_400);
        live.keep_time(a_day_ago);
        let since = live.now().as_millis() - a_day_ago.as_millis();
        assert!((0..60_000).contains(&since), "{since} ms");
        assert!(live.uptime() < Duration::from_secs(60));
        live.lose_time();
        assert!(live.now() > a_day_ago + Duration::from_secs(86_000));
    }
}
