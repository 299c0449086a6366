//! What is measured, and how it is called.

use super::process::Process;
use crate::clock;
use crate::live::{Live, MeterState, MeterStatus};
use crate::pulse::Pipeline;
use crate::store::{Cursor, StoreReader};
use crate::validity::Validity;
use plc_core::time::Duration;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Every family, what it means, and its labels.
pub const NAMES: &[(&str, &str)] = &[
    ("meters", "meters by state: expected, joining, joined, reading, lost, refused"),
    ("meters_by_verdict", "meters by the verdict of `concentrator explain`"),
    ("meters_read_within", "meters whose newest reading was captured within so many seconds"),
    ("nodes_by_hops", "nodes of the network by their hops to the concentrator, 0 to 8 and more"),
    ("captures_missing", "captures that meters cannot give any more or have not given yet"),
    ("sessions_total", "sessions with meters by their result: succeeded, failed"),
    ("datagrams_total", "datagrams by direction: sent, received"),
    ("requests_repeated_total", "requests that were sent again"),
    ("security_failures_total", "answers that did not prove themselves"),
    ("stack_total", "counters of the layers of the power line since it was last opened, by name"),
    ("readings_stored_total", "readings that ever became durable in this store"),
    ("readings_held", "readings that are in the store"),
    ("store_octets", "octets of the file of the store"),
    ("power_line_served", "whether the power line is served"),
    ("impairments", "things other than the power line that do not work, as `status` names them"),
    ("certificate_seconds", "seconds until a certificate of the box runs out, by the table that names it"),
    ("head_end_linked", "whether the head-end has welcomed the box"),
    ("head_end_holds", "by kind, what the head-end holds: readings, events, values"),
    ("pipeline_silence_seconds", "seconds since a pipeline made progress; without those that rest"),
    ("events_total", "events since the start"),
    (
        "log_left_out_total",
        "messages that the log has left out because their place in the program said too many",
    ),
    ("start_time_seconds", "when the concentrator started, by its own clock"),
    ("resident_memory_bytes", "memory of the process that is resident"),
    ("processor_seconds_total", "processor time of the process"),
    ("open_files", "files, sockets and so on that are open"),
    ("written_bytes_total", "octets that the process has caused to be written to the disk"),
    ("build", "version of the program"),
];

/// What the disk says, which may take long.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    readings: Option<u64>,
    octets: u64,
}

impl Held {
    /// Asks it.
    pub fn of(store: &Path) -> Self {
        let bounds = StoreReader::open(store).and_then(|reader| reader.bounds()).ok();
        let count = |(oldest, newest): (Cursor, Cursor)| {
            if oldest.0 == 0 { 0 } else { (newest.0 + 1).saturating_sub(oldest.0) }
        };
        let octets = std::fs::metadata(store).map_or(0, |file| file.len());
        Self { readings: bounds.map(count), octets }
    }
}

/// Writes everything in the OpenMetrics text format; without what the disk says where that is not known.
///
/// # Errors
/// None that a `String` has.
pub fn write(live: &Arc<Live>, held: Option<Held>, into: &mut String) -> fmt::Result {
    let mut registry = Registry::with_prefix("concentrator");
    let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", help("build"), info);
    registry.register_collector(Box::new(Snapshot::of(live, held)));
    prometheus_client::encoding::text::encode(into, &registry)
}

/// What is known at one moment.
#[derive(Debug)]
struct Snapshot {
    gauges: Vec<(&'static str, Series)>,
    counters: Vec<(&'static str, Series)>,
}

/// Values, each with the labels that tell it from its neighbours.
type Series = Vec<(Option<(&'static str, String)>, f64)>;

impl Snapshot {
    fn of(live: &Live, held: Option<Held>) -> Self {
        let meters = live.meters().borrow().clone();
        let mut all = Self { gauges: Vec::new(), counters: Vec::new() };
        all.meters(live, &meters);
        all.traffic(live, &meters);
        all.held(live, held);
        all.process(live);
        all
    }

    fn gauge(&mut self, name: &'static str, series: Series) {
        self.gauges.push((name, series));
    }

    fn counter(&mut self, name: &'static str, series: Series) {
        self.counters.push((name, series));
    }

    fn meters(&mut self, live: &Live, meters: &BTreeMap<plc_core::Eui64, MeterStatus>) {
        let count = |state: MeterState| meters.values().filter(|meter| meter.state == state).count();
        self.gauge("meters", STATES.map(|(state, name)| of("state", name, count(state))).to_vec());
        let mut verdicts = BTreeMap::new();
        for meter in meters.keys() {
            *verdicts.entry(live.explain(*meter).verdict.name()).or_insert(0_usize) += 1;
        }
        let verdicts = verdicts.into_iter().map(|(name, count)| of("verdict", name, count));
        self.gauge("meters_by_verdict", verdicts.collect());
        let now = live.now();
        let ages = meters.values().filter_map(|meter| meter.last_reading);
        let ages: Vec<_> = ages.map(|last| now.as_millis() - last.as_millis()).collect();
        let within = |seconds: u32| ages.iter().filter(|age| **age <= i64::from(seconds) * 1000).count();
        let within = WITHIN.map(|seconds| of("seconds", seconds.to_string(), within(seconds)));
        self.gauge("meters_read_within", within.to_vec());
        let mut hops = [0_usize; MAX_HOPS + 1];
        for node in live.topology().borrow().iter() {
            if let Some(count) = node.hops {
                hops[usize::from(count).min(MAX_HOPS)] += 1;
            }
        }
        let hops = hops.iter().enumerate().map(|(hops, count)| of("hops", hops.to_string(), *count));
        self.gauge("nodes_by_hops", hops.collect());
        let missing: u64 = meters.values().map(|meter| u64::from(meter.missing_periods)).sum();
        self.gauge("captures_missing", alone(missing));
    }

    fn traffic(&mut self, live: &Live, meters: &BTreeMap<plc_core::Eui64, MeterStatus>) {
        let sum = |of: fn(&MeterStatus) -> u64| meters.values().map(of).sum::<u64>();
        self.counter(
            "sessions_total",
            vec![
                of("result", "succeeded", sum(|meter| meter.counters.sessions_succeeded)),
                of("result", "failed", sum(|meter| meter.counters.sessions_failed)),
            ],
        );
        self.counter(
            "datagrams_total",
            vec![
                of("direction", "sent", sum(|meter| meter.counters.datagrams_sent)),
                of("direction", "received", sum(|meter| meter.counters.datagrams_received)),
            ],
        );
        self.counter("requests_repeated_total", alone(sum(|meter| meter.counters.retries)));
        self.counter("security_failures_total", alone(sum(|meter| meter.counters.security_failures)));
        let status = live.status().borrow().clone();
        let stack = status.counters.iter().map(|(name, count)| of("counter", name.clone(), *count));
        self.counter("stack_total", stack.collect());
        self.gauge("power_line_served", alone(u64::from(status.fault.is_empty())));
        self.gauge("impairments", alone(live.impairments().len() as u64));
        let now = clock::utc();
        let left = |(table, held): (&&'static str, &Validity)| {
            named("of", *table, (held.until.as_millis() - now.as_millis()) as f64 / 1000.0)
        };
        self.gauge("certificate_seconds", status.certificates.iter().map(left).collect());
    }

    fn held(&mut self, live: &Live, held: Option<Held>) {
        let newest = live.newest().borrow().0;
        self.counter("readings_stored_total", alone(newest));
        if let Some(readings) = held.and_then(|held| held.readings) {
            self.gauge("readings_held", alone(readings));
        }
        if let Some(Held { octets, .. }) = held {
            self.gauge("store_octets", alone(octets));
        }
        let delivery = live.delivery().borrow().clone();
        self.gauge("head_end_linked", alone(u64::from(delivery.linked)));
        let holds = |spans: &backhaul::Spans| spans.spans().iter().map(backhaul::Span::len).sum::<u64>();
        let holds = vec![
            of("kind", "readings", holds(&delivery.readings)),
            of("kind", "events", holds(&delivery.events)),
            of("kind", "values", holds(&delivery.values)),
        ];
        self.gauge("head_end_holds", holds);
        self.counter("log_left_out_total", alone(crate::logging::left_out()));
        self.counter("events_total", alone(*live.events().borrow()));
    }

    fn process(&mut self, live: &Live) {
        let silent = |pipeline: Pipeline| Some((pipeline, live.silence(pipeline)?));
        let silences = Pipeline::ALL.into_iter().filter_map(silent);
        let silences =
            silences.map(|(pipeline, silence)| named("pipeline", pipeline.name(), seconds(silence)));
        self.gauge("pipeline_silence_seconds", silences.collect());
        self.gauge("start_time_seconds", vec![(None, live.started().as_millis() as f64 / 1000.0)]);
        let own = Process::own();
        self.gauge("resident_memory_bytes", alone(own.resident));
        self.gauge("open_files", alone(own.descriptors));
        self.counter("processor_seconds_total", vec![(None, own.processor_ms as f64 / 1000.0)]);
        self.counter("written_bytes_total", alone(own.written));
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, series) in &self.gauges {
            let metric = |value| ConstGauge::new(value);
            let family = encoder.encode_descriptor(name, help(name), None, metric(0.0).metric_type())?;
            encode(family, series, metric)?;
        }
        for (name, series) in &self.counters {
            let metric = |value| ConstCounter::new(value);
            let name = name.strip_suffix("_total").unwrap_or(name);
            let text = help(&format!("{name}_total"));
            let family = encoder.encode_descriptor(name, text, None, metric(0.0).metric_type())?;
            encode(family, series, metric)?;
        }
        Ok(())
    }
}

fn encode<M: EncodeMetric>(
    mut family: MetricEncoder<'_>,
    series: &Series,
    metric: impl Fn(f64) -> M,
) -> fmt::Result {
    for (label, value) in series {
        match label {
            Some((key, text)) => metric(*value).encode(family.encode_family(&[(*key, text.as_str())])?)?,
            None => metric(*value).encode(family.encode_family(&NO_LABEL)?)?,
        }
    }
    Ok(())
}

fn help(name: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help)
}

fn of<C: Count>(
    key: &'static str,
    text: impl Into<String>,
    count: C,
) -> (Option<(&'static str, String)>, f64) {
    named(key, text, count.number())
}

fn named(key: &'static str, text: impl Into<String>, value: f64) -> (Option<(&'static str, String)>, f64) {
    (Some((key, text.into())), value)
}

fn alone(count: u64) -> Series {
    vec![(None, count.number())]
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// What is counted. Counts above 2^53 lose their last digits, as they do in Prometheus.
trait Count {
    fn number(self) -> f64;
}

impl Count for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Count for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

const NO_LABEL: [(&str, &str); 0] = [];
const MAX_HOPS: usize = 8;
/// Two quarters of an hour, an hour, four, a day, a week.
const WITHIN: [u32; 5] = [1_800, 3_600, 14_400, 86_400, 604_800];
const STATES: [(MeterState, &str); 6] = [
    (MeterState::Expected, "expected"),
    (MeterState::Joining, "joining"),
    (MeterState::Joined, "joined"),
    (MeterState::Reading, "reading"),
    (MeterState::Lost, "lost"),
    (MeterState::Refused, "refused"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::ClockKind;
    use plc_core::{Eui64, Utc};
    use std::collections::BTreeSet;

    fn page(meters: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = crate::store::Store::open(&path, Utc::from_secs(1_795_305_600)).unwrap();
        let expected = (1..=meters).map(|n| (Eui64::from_u64(n), format!("flat-{n}")));
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(1_795_305_600), expected));
        live.update_meter(Eui64::from_u64(1), |meter| {
            meter.state = MeterState::Joined;
            meter.last_reading = Some(Utc::from_secs(1_795_305_600 - 3000));
            meter.counters.sessions_succeeded = 7;
        });
        live.beat(Pipeline::Interface);
        let mut page = String::new();
        write(&live, Some(Held::of(&path)), &mut page).unwrap();
        store.close().unwrap();
        page
    }

    #[test]
    fn a_page_says_what_is_known_with_its_meaning_and_ends_as_the_format_wants() {
        let page = page(3);
        for line in [
            "# TYPE concentrator_meters gauge",
            "concentrator_meters{state=\"joined\"} 1.0",
            "concentrator_meters{state=\"expected\"} 2.0",
            "concentrator_meters_read_within{seconds=\"1800\"} 0.0",
            "concentrator_meters_read_within{seconds=\"3600\"} 1.0",
            "concentrator_sessions_total{result=\"succeeded\"} 7.0",
            "concentrator_readings_held 0.0",
            "concentrator_build_info{version=\"0.1.0\"} 1",
            "concentrator_meters_by_verdict{verdict=\"network-not-started\"} 3.0",
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.contains("concentrator_pipeline_silence_seconds{pipeline=\"interface\"}"));
        assert!(!page.contains("pipeline=\"backhaul\""), "nothing is expected of it");
    }

    #[test]
    fn a_disk_that_does_not_answer_takes_nothing_else_from_the_page() {
        let live = Arc::new(Live::new(ClockKind::Simulated, Utc::from_secs(1_795_305_600), []));
        let mut page = String::new();
        write(&live, None, &mut page).unwrap();
        assert!(
            page.contains("concentrator_readings_stored_total 0.0")
                && page.contains("concentrator_impairments")
        );
        assert!(!page.contains("concentrator_readings_held") && !page.contains("concentrator_store_octets"));
    }

    #[test]
    fn every_family_has_a_meaning_and_every_meaning_a_family() {
        let page = page(1);
        let described = page.lines().filter_map(|line| line.strip_prefix("# HELP concentrator_"));
        let described: BTreeSet<_> = described.filter_map(|line| line.split_once(' ')).collect();
        for (name, text) in &described {
            assert!(!text.trim_matches([' ', '.']).is_empty(), "{name} has no meaning");
        }
        let found: BTreeSet<_> = described.iter().map(|(name, _)| *name).collect();
        let named = NAMES.iter().map(|(name, _)| name.strip_suffix("_total").unwrap_or(name));
        assert_eq!(named.collect::<BTreeSet<_>>(), found);
    }

    #[test]
    fn a_thousand_meters_are_as_many_series_as_one() {
        let (one, thousand) = (page(1), page(1000));
        assert_eq!(one.lines().count(), thousand.lines().count());
        assert!(!thousand.contains("flat-"), "no meter is named");
    }
}
