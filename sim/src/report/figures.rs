//! The figures of a run.

use crate::frame::AirCounters;
use crate::grid::GridFigures;
use crate::scenario::Scenario;
use crate::world::{Layout, LineFigures, NodeFigures, Record, World};
use plc_core::Utc;
use plc_core::time::Duration;

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Of the scenario.
    pub name: String,
    /// Of the scenario.
    pub about: String,
    /// Of the scenario.
    pub seed: u64,
    /// Name of the band.
    pub band: &'static str,
    /// UTC at the beginning.
    pub start: Utc,
    /// Simulated time.
    pub duration: Duration,
    /// How often meters are read.
    pub every: Duration,
    /// Feeders.
    pub feeders: usize,
    /// Links that are kept.
    pub links: usize,
    /// Every meter.
    pub meters: Vec<MeterFigures>,
    /// Every boundary after which meters are read, and whose reading had its time.
    pub periods: Vec<PeriodFigures>,
    /// The line.
    pub air: AirCounters,
    /// All nodes together.
    pub nodes: NodeFigures,
    /// The concentrator.
    pub concentrator: NodeFigures,
    /// What was seen at the concentrator.
    pub record: Record,
    /// The mains: voltages, unbalance, losses.
    pub mains: GridFigures,
    /// Seconds from the beginning of each life of the concentrator to its first reading.
    pub first_reading_s: Vec<Option<f64>>,
    /// Captures that should be held, and those that are.
    pub captures: (u64, u64),
    /// Place of the concentrator on the map, metres.
    pub busbar: (f64, f64),
    /// Octets of the node of a meter, with all that it has allocated.
    pub node_octets: usize,
    /// Octets of the node of the concentrator, with all that it has allocated.
    pub coordinator_octets: usize,
}

/// One meter.
#[derive(Clone, Debug)]
pub struct MeterFigures {
    /// Its name.
    pub id: String,
    /// Its feeder.
    pub feeder: usize,
    /// Its phase, 1 to 3.
    pub phase: usize,
    /// Place on the map, metres.
    pub position: (f64, f64),
    /// Mean ratio of signal to noise from the concentrator, dB; `None` when it cannot be heard.
    pub snr_db: Option<f64>,
    /// Seconds from its power to its join, for each life that has joined.
    pub join_s: Vec<f64>,
    /// Hops of its newest datagram.
    pub hops: Option<u8>,
    /// Captures of it that are held.
    pub captures: u64,
    /// Its node.
    pub node: NodeFigures,
    /// The node that it sends through: 0 for the concentrator, `None` while that is not known.
    pub parent: Option<usize>,
}

/// The reading after one boundary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeriodFigures {
    /// The boundary.
    pub capture: Utc,
    /// Meters read before the next such boundary, and all.
    pub read: (usize, usize),
    /// Seconds from the boundary until half of those were read, and until all of those were.
    pub seconds: Option<(f64, f64)>,
    /// The line until the next such boundary.
    pub line: LineFigures,
}

impl PeriodFigures {
    /// Repetitions in a hundred frames.
    pub fn retries_percent(&self) -> f64 {
        100.0 * self.line.retries as f64 / self.line.frames.max(1) as f64
    }
}

impl Report {
    /// The report of a world that has come to its end.
    pub fn new(scenario: &Scenario, world: &World) -> Self {
        let town = world.config();
        let meters: Vec<_> = (0..town.meters).map(|meter| meter_figures(world, meter)).collect();
        let mut nodes = world.figures(0);
        meters.iter().for_each(|meter| nodes += meter.node);
        let record = world.record().clone();
        let first = |(at, first): (&plc_core::Instant, &Option<plc_core::Instant>)| {
            first.map(|first| first.since(*at).as_secs_f64())
        };
        Self {
            name: scenario.name.clone(),
            about: scenario.about.clone(),
            seed: town.seed,
            band: town.band.name,
            start: town.start,
            duration: town.duration,
            every: town.reading.every,
            feeders: town.feeders,
            links: world.links().len(),
            periods: periods(world),
            mains: world.mains().clone(),
            captures: captures(world),
            air: world.air(),
            concentrator: world.figures(0),
            first_reading_s: record.lives.iter().zip(&record.first_reading).map(first).collect(),
            busbar: (world.layout().feeder().buses()[0].x_m, world.layout().feeder().buses()[0].y_m),
            node_octets: world.node_octets(),
            coordinator_octets: world.coordinator_octets(),
            meters,
            nodes,
            record,
        }
    }

    /// Meters that have joined at least once.
    pub fn joined(&self) -> usize {
        self.meters.iter().filter(|meter| !meter.join_s.is_empty()).count()
    }

    /// Seconds from power to first join of each meter that has joined, ascending.
    pub fn join_times_s(&self) -> Vec<f64> {
        let mut times: Vec<f64> =
            self.meters.iter().filter_map(|meter| meter.join_s.first().copied()).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    /// Seconds until all meters of a boundary were read, of all complete boundaries, ascending.
    pub fn cycles_s(&self) -> Vec<f64> {
        let mut cycles: Vec<f64> = self.periods.iter().filter_map(|period| Some(period.seconds?.1)).collect();
        cycles.sort_by(f64::total_cmp);
        cycles
    }

    /// How often something has happened that must not.
    pub fn violations(&self) -> u64 {
        self.record.violation_count
    }

    /// Share of the captures that are held.
    pub fn success(&self) -> f64 {
        self.captures.1 as f64 / self.captures.0.max(1) as f64
    }

    /// Share of a period in which somebody was sending, in percent.
    pub fn busy_percent(&self, period: &PeriodFigures) -> f64 {
        100.0 * period.line.busy.as_secs_f64() / self.every.as_secs_f64()
    }

    /// Meters by the hops of their newest datagram.
    pub fn hop_histogram(&self) -> Vec<(u8, usize)> {
        let mut histogram = std::collections::BTreeMap::new();
        self.meters
            .iter()
            .filter_map(|meter| meter.hops)
            .for_each(|hops| *histogram.entry(hops).or_default() += 1);
        histogram.into_iter().collect()
    }
}

/// The value below which a share of the ascending `values` lies.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let place = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1));
    values.get(place - 1).copied()
}

fn meter_figures(world: &World, meter: usize) -> MeterFigures {
    let household = &world.layout().households()[meter];
    let (lives, joins) = world.lives(meter);
    let join = |joined: &plc_core::Instant| {
        let life = lives.iter().rev().find(|life| *life <= joined)?;
        Some(joined.since(*life).as_secs_f64())
    };
    let record = world.record();
    MeterFigures {
        id: household.identity.id(),
        feeder: household.spot.feeder,
        phase: household.spot.phase.map_or(0, |phase| phase.index() + 1),
        position: household.position,
        snr_db: Layout::mean_db(world.links(), 0, meter as u32 + 1),
        join_s: joins.iter().filter_map(join).collect(),
        hops: record.last_hops.get(&meter).copied(),
        captures: record.captures.values().filter(|capture| capture.contains_key(&meter)).count() as u64,
        node: world.figures(meter + 1),
        parent: world.parent(meter),
    }
}

/// The boundaries within the run that meters are read after; the last only if its reading had as long as the others.
fn periods(world: &World) -> Vec<PeriodFigures> {
    let town = world.config();
    let (every, end) = (town.reading.every, town.start + town.duration);
    let mut capture = town.start.floor(every) + every;
    let mut periods = Vec::new();
    while capture + every <= end {
        let of = world.record().captures.get(&capture);
        let at = |at: &plc_core::Instant| world.utc_at(*at).as_millis() - capture.as_millis();
        let mut delays: Vec<f64> =
            of.into_iter().flatten().map(|(_, stored)| at(stored) as f64 / 1e3).collect();
        delays.retain(|&delay| delay <= every.as_secs_f64());
        delays.sort_by(f64::total_cmp);
        let seconds = quantile(&delays, 0.5).zip(delays.last().copied());
        let line = world.line_of_period(capture).unwrap_or_default();
        periods.push(PeriodFigures { capture, read: (delays.len(), town.meters), seconds, line });
        capture = capture + every;
    }
    periods
}

/// Captures up to the last boundary whose reading had its time, of all genuine meters; and how many of them are held.
fn captures(world: &World) -> (u64, u64) {
    let (town, record) = (world.config(), world.record());
    let genuine = town.meters - record.rogue.len();
    let Some(last) = periods(world).last().map(|period| period.capture) else { return (0, 0) };
    let first = town.start.floor(town.capture) + town.capture;
    let count = (last.as_millis() - first.as_millis()) / town.capture.as_millis() as i64 + 1;
    let held = record.captures.iter().filter(|(capture, _)| **capture <= last && **capture >= first);
    let held =
        held.map(|(_, meters)| meters.keys().filter(|meter| !record.rogue.contains(meter)).count() as u64);
    (count.max(0) as u64 * genuine as u64, held.sum())
}
