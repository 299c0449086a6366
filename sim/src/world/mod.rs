//! A town in virtual time, at frame fidelity.
//!
//! [`World`] owns the nodes, the air between them and a heap of what is due, ordered by time and then by the order of entry. Nothing
//! happens between two entries, so silence costs nothing. Each node has random streams of its own, named after it: one more
//! meter disturbs no other. The machines are those of the daemon and of the meter; only what is below them, [`crate::frame`], and the source
//! of the energy registers are the simulator's.

mod acceptance;
mod actions;
mod agenda;
mod audit;
mod campaign;
pub(crate) mod concentrator;
mod config;
mod flash;
mod forge;
mod hearing;
mod invariants;
mod layout;
pub(crate) mod load;
mod lone;
mod loops;
mod mains;
mod memory;
mod noise;
mod outside;
mod periods;
mod record;
mod rogue;
mod site;
mod tap;
mod timepiece;
mod truth;

pub use config::{Action, Choice, ReadingPlan, Rogues, TownConfig};
pub(crate) use flash::Pages;
pub use layout::{Household, Layout, METERS_PER_CUSTOMER};
pub use lone::Lone;
pub(crate) use memory::Memory;
pub use outside::{Orders, Outside};
pub use periods::LineFigures;
pub use record::{NodeFigures, Record};
pub use tap::Tap;

use crate::capture::Input;
use crate::frame::{Air, AirCounters, Due, FlightId, Frame, FrameEvent, FramePhy, Heard, Stage};
use crate::grid::{Grid, GridFigures};
use acceptance::Acceptances;
use agenda::Agenda;
use collector::CollectorConfig;
use concentrator::{Concentrator, News, Plan};
use dlms::security::PublicKey;
use hearing::Bearing;
use invariants::Invariants;
use loops::{LOOPS_STEP, Loops};
use meter::{MeterInput, ProfileSizes};
use periods::Periods;
use plc_core::seed::uniform;
use plc_core::time::Duration;
use plc_core::{Instant, Seed, ShortAddress, Utc, UtcAnchor};
use plc_node::Node;
use rogue::Rogue;
use site::{Make, Site};

/// A town.
pub struct World {
    config: TownConfig,
    seed: Seed,
    anchor: UtcAnchor,
    now: Instant,
    agenda: Agenda<Event>,
    air: Air,
    layout: Layout,
    /// The meters are its first consumers, in their order.
    grid: Grid,
    mains: GridFigures,
    concentrator: Concentrator<FramePhy>,
    sites: Vec<Site>,
    /// Nodes after those of the meters.
    rogues: Vec<Rogue>,
    /// By node: what is on the agenda for it.
    awaited: Vec<Awaited>,
    record: Record,
    /// Of the lives of the concentrator that have ended.
    past: NodeFigures,
    invariants: Invariants,
    acceptances: Acceptances,
    loops: Loops,
    periods: Periods,
    /// Noise of each receiver, dB, and sources of noise by the node where they are.
    noise_db: Vec<f64>,
    sources: Vec<(usize, f64)>,
    heard: Vec<(u32, Heard)>,
    due: Vec<Due>,
    tap: Tap,
    /// Whether idle meters are told later what passes them by.
    withholds: bool,
}

/// What is due.
#[derive(Clone, Debug)]
enum Event {
    /// A node has a deadline.
    Wake(u32),
    /// A node begins to send.
    Start(u32),
    /// A stage of a frame is reached.
    Flight(FlightId, Stage),
    /// A meter's capture period ends.
    Boundary(u32),
    /// The noise of the day is looked at again.
    Noise,
    /// Something befalls the town.
    Action(usize),
    /// A meter comes to life for the first time.
    Begin(u32),
    /// A rogue sends its next frame.
    Rogue(u32),
    /// The routes of all nodes are followed.
    Routes,
    /// A boundary after which meters are read.
    Period,
    /// A minute begins, and with it another load.
    Minute,
}

/// Entries of the agenda that count; others of the same kind are passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Awaited {
    wake: Option<Instant>,
    start: Option<Instant>,
    boundary: Option<Instant>,
    bearing: Bearing,
}

/// The concentrator's place among the nodes.
const CONCENTRATOR: u32 = 0;

impl World {
    /// A town at its beginning.
    pub fn new(config: TownConfig) -> Self {
        Self::tapped(config, Tap::default())
    }

    /// A town at its beginning whose concentrator is another application's: what the record, the report and the invariants know of the
    /// reading of meters stays empty.
    pub fn below(config: TownConfig, application: Box<dyn Outside>) -> Self {
        let mut world = Self::new(config);
        world.power(CONCENTRATOR, false);
        world.concentrator.set_outside(application);
        world.power(CONCENTRATOR, true);
        world
    }

    /// How the meters are read.
    pub fn collector(&self) -> CollectorConfig {
        plan(&self.config, &self.layout, self.anchor, &self.seed).collector
    }

    /// Addresses and keys of the meters.
    pub fn meters(&self) -> Vec<crate::street::MeterIdentity> {
        plan(&self.config, &self.layout, self.anchor, &self.seed).meters
    }

    /// A town at its beginning, with somebody listening.
    pub fn tapped(config: TownConfig, tap: Tap) -> Self {
        let seed = Seed::from_u64(config.seed);
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: config.start };
        let layout = Self::layout_of(&config, &seed);
        let air = Air::new(config.band, config.table.clone(), layout.links(), &layout.phases(), &seed);
        let maker = crate::street::firmware::maker(config.seed).public_key();
        let site = |place: (usize, &Household)| Self::site_of(&config, place, (anchor, &maker), &seed);
        let sites: Vec<_> = layout.households().iter().enumerate().map(site).collect();
        let concentrator = Concentrator::new(plan(&config, &layout, anchor, &seed), FramePhy::new);
        let nodes = sites.len() + 1 + config.rogue.recorders.len();
        let rogues = config.rogue.recorders.iter().map(|_| Rogue::new()).collect();
        let loops = Loops::new(config.reading.every);
        let mut world = Self {
            noise_db: noise::own(&config, nodes, &seed),
            grid: mains::grid(&config, &layout),
            mains: GridFigures::default(),
            config,
            seed,
            anchor,
            now: Instant::EPOCH,
            agenda: Agenda::new(),
            air,
            layout,
            concentrator,
            sites,
            rogues,
            awaited: vec![Awaited::default(); nodes],
            record: Record::default(),
            past: NodeFigures::default(),
            invariants: Invariants::new(nodes),
            acceptances: Acceptances::new(nodes),
            loops,
            periods: Periods::default(),
            sources: Vec::new(),
            heard: Vec::new(),
            due: Vec::new(),
            tap,
            withholds: true,
        };
        world.begin();
        world
    }

    fn layout_of(config: &TownConfig, seed: &Seed) -> Layout {
        let feeder = config.feeder.clone();
        let mut layout =
            Layout::new(feeder, config.feeders, config.meters, config.band, config.offset_db, seed);
        config.rogue.recorders.iter().for_each(|&meter| layout.add_rogue(meter - 1));
        layout
    }

    fn site_of(
        config: &TownConfig,
        (place, household): (usize, &Household),
        (anchor, maker): (UtcAnchor, &PublicKey),
        seed: &Seed,
    ) -> Site {
        let capture_period_s = config.capture.as_secs() as u32;
        let sizes = ProfileSizes { capture_period_s, ..ProfileSizes::default() };
        let elements = if config.mix.has_three_phases(place) { 3 } else { 1 };
        let make =
            Make { elements, drift_ppb: config.drift_ppb, hold_up: config.hold_up, maker: maker.clone() };
        Site::new(*household, make, config.band, anchor, sizes, seed)
    }

    /// What it was built from.
    pub const fn config(&self) -> &TownConfig {
        &self.config
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// UTC.
    pub fn utc(&self) -> Utc {
        self.anchor.utc(self.now)
    }

    /// UTC at an instant.
    pub fn utc_at(&self, at: Instant) -> Utc {
        self.anchor.utc(at)
    }

    /// Who lives where.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What has happened.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What has happened on the line.
    pub const fn air(&self) -> AirCounters {
        self.air.counters()
    }

    /// The links.
    pub const fn links(&self) -> &crate::frame::Links {
        self.air.links()
    }

    /// Entries that the agenda ever had.
    pub const fn events(&self) -> u64 {
        self.agenda.count()
    }

    /// Octets of the node of a meter, with all that it has allocated: of the largest that has power.
    pub fn node_octets(&self) -> usize {
        self.sites.iter().filter_map(Site::node).map(Node::footprint).max().unwrap_or(0)
    }

    /// Octets of the node of the concentrator, with all that it has allocated; 0 without power.
    pub fn coordinator_octets(&self) -> usize {
        self.concentrator.node().map_or(0, Node::footprint)
    }

    /// What was overheard.
    pub const fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Readings held.
    pub fn readings(&self) -> usize {
        self.concentrator.store.readings.len()
    }

    /// Figures of a node, over all of its lives; node 0 is the concentrator.
    pub fn figures(&self, node: usize) -> NodeFigures {
        let mut figures = match node {
            0 => self.past,
            n => self.sites[n - 1].log.past,
        };
        self.node(node as u32).into_iter().for_each(|node| figures.add(node));
        figures
    }

    /// When a meter has come to life and joined, as it has seen it itself.
    pub fn lives(&self, meter: usize) -> (&[Instant], &[Instant]) {
        let log = &self.sites[meter].log;
        (&log.power_on, &log.joined)
    }

    /// The node of the concentrator or of a meter, while it has power.
    pub fn node(&self, of: u32) -> Option<&Node<FramePhy>> {
        node(&self.concentrator, &self.sites, of)
    }

    /// The node that a meter sends through on its way to the coordinator: 0 for the coordinator itself, n for the n-th meter.
    pub fn parent(&self, meter: usize) -> Option<usize> {
        let routes = self.sites[meter].node()?.adp().routes();
        let home = routes.iter().find(|r| r.destination == ShortAddress::COORDINATOR && !r.broken)?;
        match home.next_hop {
            ShortAddress::COORDINATOR => Some(0),
            hop => self.invariants.meter_of(hop).map(|meter| meter + 1),
        }
    }

    /// Why the concentrator reads a meter or does not, as it sees it; none while it has no power.
    pub fn explain(&mut self, meter: usize) -> Option<collector::Explanation> {
        let eui64 = self.sites.get(meter)?.household.identity.eui64;
        self.concentrator.explain(self.now, eui64)
    }

    /// The meter number `meter`, while it has power.
    pub fn meter(&self, meter: usize) -> Option<&meter::Meter<FramePhy>> {
        self.sites[meter].meter()
    }

    /// Tells every meter everything at its time, as slow as that is. The same happens; see [`crate::frame::Passing`].
    pub const fn withhold_nothing(&mut self) {
        self.withholds = false;
    }

    /// Runs to `end` or the end of the town, whichever is earlier.
    pub fn run_to(&mut self, end: Instant) {
        let end = end.min(self.end());
        while let Some((at, event)) = self.agenda.pop(end) {
            self.now = at;
            self.on_event(event);
        }
        self.now = end;
    }

    /// The end of the town.
    pub fn end(&self) -> Instant {
        Instant::EPOCH + self.config.duration
    }

    fn begin(&mut self) {
        self.set_noise();
        self.admit_rogues();
        self.on_minute();
        self.power(CONCENTRATOR, true);
        self.agenda.push(Instant::EPOCH + LOOPS_STEP, Event::Routes);
        self.await_period();
        for node in 1..=self.sites.len() as u32 {
            let mut stream = self.seed.derive("power on", u64::from(node)).stream();
            let within = self.config.power_on.as_millis() as u32;
            let at = Instant::EPOCH + Duration::from_millis(u64::from(uniform(&mut stream, within)));
            self.agenda.push(at, Event::Begin(node));
        }
        for n in 0..self.config.actions.len() {
            self.agenda.push(Instant::EPOCH + self.config.actions[n].0, Event::Action(n));
        }
        if !self.config.noise.is_constant() {
            self.agenda.push(Instant::EPOCH + noise::STEP, Event::Noise);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Wake(node) => self.on_wake(node),
            Event::Start(node) => self.on_start(node),
            Event::Flight(flight, stage) => self.on_flight(flight, stage),
            Event::Boundary(node) => self.on_boundary(node),
            Event::Noise => self.on_noise(),
            Event::Action(n) => self.on_action(n),
            Event::Begin(node) => self.power(node, true),
            Event::Rogue(node) => self.on_rogue(node),
            Event::Routes => self.on_routes(),
            Event::Period => self.on_period(),
            Event::Minute => self.on_minute(),
        }
    }

    fn on_wake(&mut self, node: u32) {
        let awaited = &mut self.awaited[node as usize];
        if awaited.wake != Some(self.now) {
            return;
        }
        awaited.wake = None;
        let deadline = match node {
            CONCENTRATOR => self.concentrator.deadline(),
            n => self.sites[n as usize - 1].deadline(),
        };
        if deadline.is_some_and(|at| at <= self.now) {
            self.tap.note(self.now, node, || Input::Tick);
            match node {
                CONCENTRATOR => self.concentrator.tick(self.now),
                n => self.sites[n as usize - 1].tick(self.now),
            }
        }
        self.after(node);
    }

    fn on_start(&mut self, node: u32) {
        if self.awaited[node as usize].start.take() != Some(self.now) {
            return;
        }
        let mut frame = None;
        self.give(node, FrameEvent::Start(&mut frame));
        if let Some(frame) = frame {
            self.tap.note(self.now, node, || Input::Start(frame.clone()));
            self.launch(node, frame);
        }
        self.after(node);
    }

    /// A frame is on the line from now on.
    fn launch(&mut self, node: u32, frame: Box<Frame>) {
        self.invariants.on_frame(node, &frame, &mut self.record);
        self.tap.on_frame(self.anchor, &frame);
        self.air.start(node, frame, &mut self.heard, &mut self.due);
        self.tell(None);
    }

    fn on_flight(&mut self, flight: FlightId, stage: Stage) {
        self.air.step(self.now, flight, stage, &mut self.heard, &mut self.due);
        self.tell(Some(flight));
    }

    fn give(&mut self, node: u32, event: FrameEvent<'_>) {
        give(&mut self.concentrator, &mut self.sites, self.now, node, event);
    }

    fn on_boundary(&mut self, node: u32) {
        if self.awaited[node as usize].boundary != Some(self.now) {
            return;
        }
        self.awaited[node as usize].boundary = None;
        self.tap.note(self.now, node, || Input::Count);
        self.sites[node as usize - 1].count(self.now);
        self.after(node);
    }

    /// Puts on the agenda what a node waits for, and takes what it has to tell.
    fn after(&mut self, node: u32) {
        if node != CONCENTRATOR && self.sites[node as usize - 1].has_died() {
            return self.power(node, false);
        }
        self.check_tables(node);
        let (deadline, start, boundary) = match node {
            CONCENTRATOR => {
                self.take_news();
                let start = self.concentrator.node().and_then(|node| node.phy().next_transmission());
                (self.concentrator.deadline(), start, None)
            }
            n => {
                let site = &self.sites[n as usize - 1];
                let start = site.node().and_then(|node| node.phy().next_transmission());
                (site.deadline(), start, site.next_boundary())
            }
        };
        let bearing = self.bearing(node);
        let awaited = &mut self.awaited[node as usize];
        awaited.bearing = bearing;
        // An entry that comes too early finds out by itself and makes another.
        if let Some(at) = deadline.filter(|&at| awaited.wake.is_none_or(|wake| at < wake)) {
            let at = at.max(self.now);
            awaited.wake = Some(at);
            self.agenda.push(at, Event::Wake(node));
        }
        if start != awaited.start {
            awaited.start = start;
            start.into_iter().for_each(|at| self.agenda.push(at, Event::Start(node)));
        }
        if boundary != awaited.boundary {
            awaited.boundary = boundary.map(|at| at.max(self.now));
            awaited.boundary.into_iter().for_each(|at| self.agenda.push(at, Event::Boundary(node)));
        }
    }

    fn take_news(&mut self) {
        let mut news = std::mem::take(&mut self.concentrator.news);
        news.drain(..).for_each(|news| self.on_news(news));
        self.concentrator.news = news;
    }

    fn on_news(&mut self, news: News) {
        let (now, record) = (self.now, &mut self.record);
        let place = |eui64| self.sites.iter().position(|site| site.household.identity.eui64 == eui64);
        match news {
            News::Joined(eui64, short) => {
                if let Some(meter) = place(eui64) {
                    self.invariants.on_joined(meter, short);
                    record.joins.entry(meter).or_default().push(now);
                }
            }
            News::Left(eui64) => record.leaves.extend(place(eui64).map(|meter| (meter, now))),
            News::Refused => record.refused += 1,
            News::Datagram(short, hops) => {
                let meter = self.invariants.meter_of(short);
                record.on_datagram(meter, hops);
            }
            News::Stored(eui64, capture) => {
                let meter = place(eui64);
                meter.into_iter().for_each(|meter| record.on_stored(now, meter, capture));
            }
            News::Violation(text) => record.violate(text),
            News::Collected(event) => record.on_collected(now, &event),
        }
    }

    /// A node gets its power, or loses it; one that has it, or has none, stays as it is.
    fn power(&mut self, node: u32, on: bool) {
        let has_power = match node {
            CONCENTRATOR => self.concentrator.node().is_some(),
            n => self.sites[n as usize - 1].node().is_some(),
        };
        if has_power == on {
            return;
        }
        self.air.set_power(self.now, node, on);
        self.tap.note(self.now, node, || if on { Input::On } else { Input::Off });
        let now = self.now;
        self.acceptances.on_life(node);
        match (node, on) {
            (CONCENTRATOR, true) => {
                self.record.on_life(now);
                self.concentrator.power_on(now);
            }
            (CONCENTRATOR, false) => {
                self.concentrator.node().into_iter().for_each(|node| self.past.add(node));
                self.concentrator.power_off();
            }
            (n, true) => self.sites[n as usize - 1].power_on(now),
            (n, false) => self.sites[n as usize - 1].power_off(now),
        }
        self.awaited[node as usize] = Awaited::default();
        self.after(node);
    }
}

fn node<'a>(
    concentrator: &'a Concentrator<FramePhy>,
    sites: &'a [Site],
    node: u32,
) -> Option<&'a Node<FramePhy>> {
    match node {
        CONCENTRATOR => concentrator.node(),
        n => sites.get(n as usize - 1)?.node(),
    }
}

fn give(
    concentrator: &mut Concentrator<FramePhy>,
    sites: &mut [Site],
    now: Instant,
    node: u32,
    event: FrameEvent<'_>,
) {
    match node {
        CONCENTRATOR => concentrator.handle(now, event),
        n => sites[n as usize - 1].handle(now, MeterInput::Medium(event)),
    }
}

pub(crate) fn plan(config: &TownConfig, layout: &Layout, anchor: UtcAnchor, seed: &Seed) -> Plan {
    let seed = seed.derive("concentrator", 0);
    let mut collector = CollectorConfig::new(seed);
    let reading = &config.reading;
    (collector.period, collector.every) = (config.capture, reading.every);
    (collector.delay, collector.spread) = (reading.delay, reading.spread);
    (collector.sessions, collector.meters) = (reading.sessions, config.meters.max(1));
    let unknown = &config.rogue.unknown;
    let all = layout.households().iter().enumerate();
    let known = all.filter(|(n, _)| !unknown.contains(&(n + 1)));
    Plan {
        band: config.band,
        seed,
        anchor,
        collector,
        meters: known.map(|(_, household)| household.identity).collect(),
        devices: config.meters,
    }
}
