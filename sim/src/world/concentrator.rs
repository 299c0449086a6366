//! The concentrator of the town: the node and the collector of the daemon, with a store in memory.

use super::campaign::Campaigns;
use super::outside::Outside;
use crate::street::MeterIdentity;
use collector::{
    Collector, CollectorConfig, CollectorEvent, CollectorInput, CollectorOutput, Diagnosis, Explanation,
    MeterEntry, Reading,
};
use dlms::cosem::LogicalName;
use g3_phy::BandPlan;
use plc_core::sap::{AdpmIndication, AdpmRequest, FrameGeometry, Key, Persist, Phy, UdpIndication};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Machine, PanId, Seed, ShortAddress, Utc, UtcAnchor};
use plc_node::{CoordinatorConfig, Memory, Node, NodeConfig, NodeInput, NodeOutput};
use std::collections::BTreeMap;

/// Everything that is durable at the concentrator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    frame_counter: u32,
    /// Of the adaptation layer: keys, routes and numbers.
    memory: Memory,
    addresses: BTreeMap<Eui64, ShortAddress>,
    invocation: BTreeMap<Eui64, u32>,
    server_counter: BTreeMap<Eui64, u32>,
    last_capture: BTreeMap<Eui64, Utc>,
    /// Every reading: value and status.
    pub(crate) readings: BTreeMap<(Eui64, LogicalName, Utc), (i64, u32)>,
}

/// What has happened at the concentrator and is not looked at yet.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A device has joined.
    Joined(Eui64, ShortAddress),
    /// A device has left or was dismissed.
    Left(Eui64),
    /// A device was refused.
    Refused,
    /// A datagram has come over so many hops.
    Datagram(ShortAddress, u8),
    /// Readings of a capture have become durable for the first time.
    Stored(Eui64, Utc),
    /// Something that must not happen.
    Violation(String),
    /// Of the collector.
    Collected(CollectorEvent),
}

/// What a concentrator is built from, in every life.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) band: &'static BandPlan,
    pub(crate) seed: Seed,
    pub(crate) anchor: UtcAnchor,
    pub(crate) collector: CollectorConfig,
    /// Who may join and shall be read.
    pub(crate) meters: Vec<MeterIdentity>,
    /// Devices that the tables have room for.
    pub(crate) devices: usize,
}

/// The concentrator, at either fidelity.
pub(crate) struct Concentrator<P: Phy> {
    plan: Plan,
    /// A PHY for a life that begins.
    phy: fn(&'static BandPlan) -> P,
    pub(crate) store: Store,
    lives: u64,
    life: Option<Life<P>>,
    pub(crate) news: Vec<News>,
    /// Nothing that is read can be kept.
    disk_full: bool,
    outside: Option<Above>,
    campaigns: Campaigns,
}

/// Another application, and when it wants a turn.
struct Above {
    application: Box<dyn Outside>,
    due: Option<Instant>,
}

struct Life<P: Phy> {
    node: Node<P>,
    collector: Collector,
    diagnosis: Diagnosis,
}

/// Time between two turns that an application wants at least.
const TURN: Duration = Duration::from_millis(1);
/// The PAN.
pub(crate) const PAN: PanId = PanId(0x781D);
const EUI64: u64 = 0x0251_4D00_00FF_FFFE;

impl<P: Phy> Concentrator<P> {
    pub(crate) fn new(plan: Plan, phy: fn(&'static BandPlan) -> P) -> Self {
        let store = Store::default();
        Self {
            plan,
            phy,
            store,
            lives: 0,
            life: None,
            news: Vec::new(),
            disk_full: false,
            outside: None,
            campaigns: Campaigns::default(),
        }
    }

    /// Another application stands above the node, from its next life on.
    pub(crate) fn set_outside(&mut self, application: Box<dyn Outside>) {
        self.outside = Some(Above { application, due: Some(Instant::EPOCH) });
    }

    pub(crate) fn node(&self) -> Option<&Node<P>> {
        self.life.as_ref().map(|life| &life.node)
    }

    /// A new life, with what the last one has made durable.
    pub(crate) fn power_on(&mut self, now: Instant) {
        if self.life.is_some() {
            return;
        }
        let seed = self.plan.seed.derive("life", self.lives);
        self.lives += 1;
        let config = CoordinatorConfig {
            eui64: Eui64::from_u64(EUI64),
            geometry: self.plan.band as &'static dyn FrameGeometry,
            seed: seed.derive("node", 0),
            gmk: self.group_key(),
            key_index: 0,
            frame_counter: self.store.frame_counter,
            devices: self.plan.devices,
        };
        let collector = CollectorConfig { seed: seed.derive("collector", 0), ..self.plan.collector.clone() };
        let mut layers = NodeConfig::from(config);
        layers.adp.memory = self.store.memory.clone();
        let node = Node::assemble((self.phy)(self.plan.band), layers);
        let diagnosis = Diagnosis::new(collector.period);
        let mut life = Life { node, collector: Collector::new(collector), diagnosis };
        if self.outside.is_some() {
            self.life = Some(life);
            return self.converse(now);
        }
        life.node.handle(now, NodeInput::Adpm(AdpmRequest::NetworkStart { pan_id: PAN }));
        let anchor = UtcAnchor { at: now, utc: self.plan.anchor.utc(now) };
        life.collector.handle(now, CollectorInput::Clock(anchor));
        life.diagnosis.on_clock();
        self.life = Some(life);
        self.campaigns.on_life(now);
        for n in 0..self.plan.meters.len() {
            self.admit(now, n);
            self.converse(now);
        }
    }

    /// The key of all members.
    pub(crate) fn group_key(&self) -> Key {
        let bytes = self.plan.seed.derive("group key", 0).0;
        Key(std::array::from_fn(|n| bytes[n]))
    }

    /// The power goes; the store stays.
    pub(crate) fn power_off(&mut self) {
        self.life = None;
    }

    fn admit(&mut self, now: Instant, n: usize) {
        let (meter, store) = (self.plan.meters[n], &self.store);
        let eui64 = meter.eui64;
        let short = store.addresses.get(&eui64).copied();
        let entry = MeterEntry {
            eui64,
            short,
            encryption_key: meter.encryption_key,
            authentication_key: meter.authentication_key,
            renewed: None,
            one_way: false,
            first_invocation_counter: store.invocation.get(&eui64).copied().unwrap_or(0),
            last_server_counter: store.server_counter.get(&eui64).copied(),
            last_capture: store.last_capture.get(&eui64).copied(),
        };
        if let Some(life) = &mut self.life {
            life.node.handle(now, NodeInput::Adpm(AdpmRequest::Allow { eui64, psk: meter.psk, short }));
            life.diagnosis.on_expected(eui64);
            life.collector.handle(now, CollectorInput::Register(entry));
        }
    }

    /// Firmware shall run in a meter, under this name.
    pub(crate) fn bring(&mut self, now: Instant, meter: Eui64, (name, image): (&str, &[u8])) {
        self.campaigns.begin(now, meter, name, image);
        self.order(now);
        self.converse(now);
    }

    /// Orders what is due.
    fn order(&mut self, now: Instant) {
        let Some(life) = &mut self.life else { return };
        for order in self.campaigns.due(now) {
            life.collector.handle(now, CollectorInput::Order(order));
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, medium: P::Medium<'_>) {
        if let Some(life) = &mut self.life {
            life.node.handle(now, NodeInput::Medium(medium));
            self.converse(now);
        }
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        if let Some(life) = &mut self.life {
            if life.node.deadline().is_some_and(|at| at <= now) {
                life.node.tick(now);
            }
            if life.collector.deadline().is_some_and(|at| at <= now) {
                life.collector.tick(now);
            }
            self.order(now);
            self.converse(now);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let life = self.life.as_ref()?;
        let outside = self.outside.as_ref().and_then(|outside| outside.due);
        let due = [life.node.deadline(), life.collector.deadline(), outside, self.campaigns.deadline()];
        due.into_iter().flatten().min()
    }

    /// Gives the other application its turns, until neither has anything to say.
    fn take_turns(&mut self, now: Instant) {
        let (Some(life), Some(outside)) = (&mut self.life, &mut self.outside) else { return };
        loop {
            let events: Vec<_> = std::iter::from_fn(|| life.node.poll()).collect();
            if events.is_empty() && outside.due.is_none_or(|due| due > now) {
                return;
            }
            let orders = outside.application.turn(now, events);
            let management = orders.management.into_iter().map(NodeInput::Adpm);
            let orders_in = management.chain(orders.datagrams.into_iter().map(NodeInput::Udp));
            orders_in.for_each(|order| life.node.handle(now, order));
            outside.due = orders.deadline.map(|due| due.max(now + TURN));
        }
    }

    /// Moves what node and collector say, until neither says more.
    fn converse(&mut self, now: Instant) {
        self.take_turns(now);
        while let Some(life) = &mut self.life {
            let (heard, told) = (life.node.poll(), life.collector.poll());
            if heard.is_none() && told.is_none() {
                return;
            }
            heard.into_iter().for_each(|output| self.on_node(now, output));
            told.into_iter().for_each(|output| self.on_collector(now, output));
        }
    }

    fn on_node(&mut self, now: Instant, output: NodeOutput) {
        match output {
            NodeOutput::Udp(datagram) => self.on_datagram(now, &datagram),
            NodeOutput::UdpConfirm(confirm) => {
                self.diagnose(now, |diagnosis, utc| diagnosis.on_confirm(utc, confirm));
                self.collect(now, CollectorInput::UdpConfirm(confirm));
            }
            NodeOutput::Adpm(indication) => self.on_network(now, indication),
            NodeOutput::Persist(record) => self.persist(record),
        }
    }

    fn on_datagram(&mut self, now: Instant, datagram: &UdpIndication) {
        self.news.push(News::Datagram(datagram.src, datagram.hops));
        self.diagnose(now, |diagnosis, utc| diagnosis.on_heard(utc, datagram));
        self.collect(now, CollectorInput::Udp(datagram));
    }

    fn persist(&mut self, record: Persist) {
        let store = &mut self.store;
        store.memory.learn(&record);
        match record {
            Persist::MacFrameCounter { reserved_to } => store.frame_counter = reserved_to,
            Persist::DeviceAddress { eui64, short } => {
                store.addresses.retain(|_, held| *held != short);
                store.addresses.insert(eui64, short);
            }
            Persist::DeviceRemoved { eui64 } => _ = store.addresses.remove(&eui64),
            // What the adaptation layer needs again it has been told to remember; the counters of others are asked for by
            // `MacConfig::device_counter_block` only.
            _ => {}
        }
    }

    fn on_network(&mut self, now: Instant, indication: AdpmIndication) {
        self.diagnose(now, |diagnosis, utc| diagnosis.on_network(utc, &indication));
        match indication {
            AdpmIndication::DeviceJoined { eui64, short } => {
                self.news.push(News::Joined(eui64, short));
                self.collect(now, CollectorInput::Joined { eui64, short });
            }
            AdpmIndication::DeviceLeft { eui64 } => {
                self.news.push(News::Left(eui64));
                self.collect(now, CollectorInput::Left { eui64 });
            }
            AdpmIndication::DeviceRefused { .. } => self.news.push(News::Refused),
            _ => {}
        }
    }

    fn collect(&mut self, now: Instant, input: CollectorInput<'_>) {
        if let Some(life) = &mut self.life {
            life.collector.handle(now, input);
        }
    }

    fn on_collector(&mut self, now: Instant, output: CollectorOutput) {
        match output {
            CollectorOutput::Udp(request) => {
                if let Some(life) = &mut self.life {
                    life.diagnosis.on_sent(&request);
                    life.node.handle(now, NodeInput::Udp(request));
                }
            }
            // A disk that takes nothing confirms nothing.
            CollectorOutput::Store(_) if self.disk_full => {}
            CollectorOutput::Store(batch) => {
                batch.readings.iter().for_each(|reading| self.keep(reading));
                self.collect(now, CollectorInput::Stored { batch: batch.number });
            }
            // Nobody gives tasks here.
            CollectorOutput::StoreValues(batch) => {
                self.collect(now, CollectorInput::Stored { batch: batch.number });
            }
            CollectorOutput::TaskEnded(_) => {}
            CollectorOutput::PersistInvocation { meter, reserved_to } => {
                let before = self.store.invocation.insert(meter, reserved_to);
                self.must_rise("reserved invocation counter", meter, before, reserved_to);
            }
            // Nobody orders new keys here.
            CollectorOutput::PersistRenewedInvocation { .. } => {}
            CollectorOutput::PersistServerCounter { meter, last } => {
                let before = self.store.server_counter.insert(meter, last);
                self.must_rise("counter of an answer", meter, before, last);
            }
            CollectorOutput::Event(event) => {
                self.note_routes(now, &event);
                self.campaigns.on_event(now, &event);
                self.diagnose(now, |diagnosis, utc| diagnosis.on_event(utc, &event));
                self.news.push(News::Collected(event));
            }
        }
    }

    /// The disk takes nothing more, or does again.
    pub(crate) fn set_disk_full(&mut self, now: Instant, full: bool) {
        self.disk_full = full;
        let fault = full.then_some("no space left on the disk");
        self.diagnose(now, |diagnosis, utc| diagnosis.on_store(utc, fault));
    }

    /// Why a meter is read or is not; none without power.
    pub(crate) fn explain(&mut self, now: Instant, meter: Eui64) -> Option<Explanation> {
        let utc = self.plan.anchor.utc(now);
        let life = self.life.as_mut()?;
        life.collector.meters().for_each(|status| life.diagnosis.on_status(&status));
        Some(life.diagnosis.explain(utc, meter))
    }

    fn diagnose(&mut self, now: Instant, tell: impl FnOnce(&mut Diagnosis, Utc)) {
        let utc = self.plan.anchor.utc(now);
        if let Some(life) = &mut self.life {
            tell(&mut life.diagnosis, utc);
        }
    }

    /// The way to a meter, at the end of a session that it has used.
    fn note_routes(&mut self, now: Instant, event: &CollectorEvent) {
        let (CollectorEvent::MeterRead { meter, .. } | CollectorEvent::SessionFailed { meter, .. }) = event
        else {
            return;
        };
        let Some(life) = &mut self.life else { return };
        let short = life.collector.meter(*meter).and_then(|status| status.short);
        if let Some((short, hop)) =
            short.and_then(|short| Some((short, life.node.adp().next_hop(now, short)?)))
        {
            life.diagnosis.on_route(short, hop);
        }
    }

    fn keep(&mut self, reading: &Reading) {
        let name = (reading.meter, reading.logical_name, reading.capture);
        let value = (reading.value, reading.status);
        let last = self.store.last_capture.entry(reading.meter).or_insert(reading.capture);
        *last = (*last).max(reading.capture);
        if (reading.scaler, reading.unit) != scale(reading.logical_name) {
            self.news.push(News::Violation(format!("in another unit: {reading}")));
        }
        match self.store.readings.insert(name, value) {
            Some(before) if before != value => {
                self.news.push(News::Violation(format!("came again with another value: {reading}")));
            }
            Some(_) => self.news.push(News::Violation(format!("came again: {reading}"))),
            None if reading.logical_name == IMPORT => {
                self.news.push(News::Stored(reading.meter, reading.capture))
            }
            None => {}
        }
    }

    /// An answer that was accepted before, or a counter that was used before.
    fn must_rise(&mut self, what: &str, meter: Eui64, before: Option<u32>, now: u32) {
        if let Some(before) = before.filter(|&before| now <= before) {
            self.news.push(News::Violation(format!("{meter}: {what} {now} comes after {before}")));
        }
    }
}

/// Scaler and unit of every register: thousandths of a watt-hour [BB 4.3.2].
const MILLIWATT_HOURS: (i8, u8) = (-3, 30);

/// Scaler and unit that a quantity has: by D energy, a count, or what C of the phase and E say.
const fn scale(name: LogicalName) -> (i8, u8) {
    let LogicalName([_, _, c, d, e, _]) = name;
    match (d, c % 20, e) {
        (7, _, 124) => (-4, 56),
        (7, 11, _) => (-3, 33),
        (7, 12, _) => (-3, 35),
        (7, ..) => (-3, 255),
        (32 | 36 | 40, ..) => (0, 255),
        _ => MILLIWATT_HOURS,
    }
}

/// A+, the first register of a row [BB 6.2; 1-0:1.8.0*255].
pub(crate) const IMPORT: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
