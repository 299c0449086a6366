//! A coordinator and a collector at the transformer, in the thread of the test.

use collector::{
    BACKGROUND, Collector, CollectorConfig, CollectorEvent, CollectorInput, CollectorOutput, Image,
    ImageProgress, MeterEntry, Order, OrderEnd, Reading, Work,
};
use dlms::cosem::LogicalName;
use plc_core::sap::{AdpmIndication, AdpmRequest, FrameGeometry, Key};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Machine, PanId, SampleClock, Seed, Utc, UtcAnchor};
use plc_node::modem::{CENELEC_A, Exchange, Modem, ModemConfig};
use plc_node::{CoordinatorConfig, Node, NodeInput, NodeOutput};
use sim::feeder::Feeder;
use sim::street::{Passed, Site, Street, StreetConfig};
use std::collections::BTreeMap;

/// Capture period of the meters.
pub(crate) const PERIOD: Duration = Duration::from_secs(900);
/// 2026-01-14T18:00:00Z: the first capture of every street of these tests.
pub(crate) const FIRST_CAPTURE: Utc = Utc::from_secs(1_768_413_600);

/// What names a reading, and everything that is in it.
pub(crate) type Readings = BTreeMap<(Eui64, LogicalName, Utc), Reading>;

/// A street of `customers`, built so many seconds before the first capture.
pub(crate) fn config(customers: usize, seed: u64, before: u32) -> StreetConfig {
    let start = FIRST_CAPTURE - Duration::from_secs(before.into());
    StreetConfig { customers, start, start_second: 18 * 3600 - before, ..StreetConfig::new(seed) }
}

/// The concentrator with the street that it reads.
pub(crate) struct Concentrator {
    pub(crate) street: Street,
    pub(crate) node: Node<Modem>,
    pub(crate) readings: Readings,
    /// Everything that has happened at the concentrator, with its time.
    pub(crate) log: Vec<String>,
    pub(crate) joined: Vec<Eui64>,
    /// The image that is to run, of the first meter, and how that has ended.
    pub(crate) image: Option<Image>,
    pub(crate) image_end: Option<OrderEnd>,
    /// When it is ordered again.
    order_at: Option<Instant>,
    collector: Collector,
    anchor: UtcAnchor,
    outgoing: Vec<f32>,
    received: Vec<f32>,
}

impl Concentrator {
    pub(crate) fn new(config: &StreetConfig) -> Self {
        Self::of(Street::new(config, &Feeder::european_lv()).unwrap(), config.seed)
    }

    /// A concentrator that comes to life at a street, with the meters of which all may join.
    pub(crate) fn of(street: Street, seed: u64) -> Self {
        let seed = Seed::from_u64(seed).derive("concentrator", 0);
        let now = street.now();
        let block = vec![0.0; street.block()];
        let mut concentrator = Self {
            node: coordinator(&seed, now, street.sites().len()),
            readings: Readings::new(),
            log: Vec::new(),
            joined: Vec::new(),
            image: None,
            image_end: None,
            order_at: None,
            collector: Collector::new(reading(seed)),
            anchor: UtcAnchor { at: now, utc: street.utc() },
            outgoing: block.clone(),
            received: block,
            street,
        };
        concentrator.begin(now);
        concentrator
    }

    /// Runs to `end`, or until `done`.
    pub(crate) fn run_until(&mut self, end: Utc, done: impl Fn(&Self) -> bool) {
        while self.street.utc() < end && !done(self) {
            self.step();
        }
    }

    /// This image shall run in the first meter.
    pub(crate) fn bring(&mut self, octets: &[u8]) {
        let (now, progress) = (self.street.now(), ImageProgress::default());
        let image =
            Image { identifier: b"image".to_vec(), octets: octets.into(), activate_from: now, progress };
        (self.image, self.order_at) = (Some(image), Some(now));
    }

    fn order(&mut self, now: Instant) {
        let due = self.order_at.take_if(|at| *at <= now);
        let (Some(_), Some(image)) = (due, self.image.clone()) else { return };
        let (meter, until) = (self.street.sites()[0].identity().eui64, now + Duration::from_secs(86_400));
        let order = Order { number: 1, meter, work: Work::Image(image), priority: BACKGROUND, until };
        self.collector.handle(now, CollectorInput::Order(order));
    }

    /// As the jobs of the daemon do: an image that came partly, or whose meter was lost, is ordered again.
    fn on_image(&mut self, now: Instant, event: &CollectorEvent) {
        match event {
            CollectorEvent::OrderProgress { progress, .. } => {
                self.image.iter_mut().for_each(|image| image.progress = progress.clone());
            }
            CollectorEvent::OrderEnded { end: OrderEnd::Partly { pause }, .. } => {
                self.order_at = Some(now + *pause);
            }
            CollectorEvent::OrderEnded { end: OrderEnd::Uncertain(_), .. } => {
                self.order_at = Some(now + Duration::from_secs(10));
            }
            CollectorEvent::OrderEnded { end, .. } => self.image_end = Some(end.clone()),
            _ => {}
        }
    }

    /// Whether something of every meter's `capture` was read.
    pub(crate) fn has_read(&self, capture: Utc) -> bool {
        let read = |eui64| self.readings.keys().any(|name| (name.0, name.2) == (eui64, capture));
        self.street.sites().iter().all(|site| read(site.identity().eui64))
    }

    /// Everything that has happened at the meters, with its time.
    pub(crate) fn site_log(&self) -> Vec<String> {
        let of = |site: &Site| site.events().iter().map(|event| format!("{event:?}")).collect::<Vec<_>>();
        self.street.sites().iter().flat_map(of).collect()
    }

    fn begin(&mut self, now: Instant) {
        self.node.handle(now, NodeInput::Adpm(AdpmRequest::NetworkStart { pan_id: PanId(0x781D) }));
        self.collector.handle(now, CollectorInput::Clock(self.anchor));
        let meters: Vec<_> = self.street.sites().iter().map(|site| *site.identity()).collect();
        for meter in meters {
            let allow = AdpmRequest::Allow { eui64: meter.eui64, psk: meter.psk, short: None };
            self.node.handle(now, NodeInput::Adpm(allow));
            self.collector.handle(
                now,
                CollectorInput::Register(MeterEntry {
                    eui64: meter.eui64,
                    short: None,
                    encryption_key: meter.encryption_key,
                    authentication_key: meter.authentication_key,
                    renewed: None,
                    one_way: false,
                    first_invocation_counter: 0,
                    last_server_counter: None,
                    last_capture: None,
                }),
            );
        }
        self.converse(now);
    }

    fn step(&mut self) {
        let silent = self.silence();
        let outgoing = (silent == 0).then_some(&self.outgoing[..]);
        let passed = self.street.exchange(outgoing, silent, &mut self.received);
        let now = self.street.now();
        let exchange = match passed {
            Passed::Block => Exchange::Block { received: &self.received, transmitted: &mut self.outgoing },
            Passed::Gap(samples) => Exchange::Gap { samples },
        };
        self.node.handle(now, NodeInput::Medium(exchange));
        if self.node.deadline().is_some_and(|at| at <= now) {
            self.node.tick(now);
        }
        if self.collector.deadline().is_some_and(|at| at <= now) {
            self.collector.tick(now);
        }
        self.order(now);
        self.converse(now);
    }

    /// For how many samples nothing will be sent; 0 while something is.
    fn silence(&self) -> u64 {
        if self.node.phy().is_transmitting() {
            return 0;
        }
        let now = self.street.now();
        let next = [self.node.deadline(), self.collector.deadline(), self.order_at];
        let next = next.into_iter().flatten().min();
        let clock = self.street.clock();
        let samples = next.map_or(u64::MAX, |at| clock.index(at).saturating_sub(clock.index(now)));
        samples.clamp(self.street.block() as u64, u64::from(u32::MAX))
    }

    /// Moves what node and collector say, until neither says more.
    fn converse(&mut self, now: Instant) {
        loop {
            let (heard, told) = (self.node.poll(), self.collector.poll());
            if heard.is_none() && told.is_none() {
                return;
            }
            heard.into_iter().for_each(|output| self.on_node(now, output));
            told.into_iter().for_each(|output| self.on_collector(now, output));
        }
    }

    fn on_node(&mut self, now: Instant, output: NodeOutput) {
        match output {
            NodeOutput::Udp(datagram) => self.collector.handle(now, CollectorInput::Udp(&datagram)),
            NodeOutput::UdpConfirm(confirm) => {
                self.collector.handle(now, CollectorInput::UdpConfirm(confirm))
            }
            NodeOutput::Adpm(indication) => self.on_network(now, indication),
            NodeOutput::Persist(_) => {}
        }
    }

    fn on_network(&mut self, now: Instant, indication: AdpmIndication) {
        self.log.push(format!("{now:?} {indication:?}"));
        match indication {
            AdpmIndication::DeviceJoined { eui64, short } => {
                self.joined.push(eui64);
                self.collector.handle(now, CollectorInput::Joined { eui64, short });
            }
            AdpmIndication::DeviceLeft { eui64 } => {
                self.collector.handle(now, CollectorInput::Left { eui64 })
            }
            _ => {}
        }
    }

    fn on_collector(&mut self, now: Instant, output: CollectorOutput) {
        match output {
            CollectorOutput::Udp(request) => self.node.handle(now, NodeInput::Udp(request)),
            CollectorOutput::Store(batch) => {
                for reading in batch.readings {
                    self.log.push(format!("{now:?} {reading:?}"));
                    let name = (reading.meter, reading.logical_name, reading.capture);
                    let before = self.readings.insert(name, reading);
                    assert!(before.is_none_or(|before| before == reading), "a value has changed");
                }
                self.collector.handle(now, CollectorInput::Stored { batch: batch.number });
            }
            CollectorOutput::Event(event) => {
                self.on_image(now, &event);
                self.log.push(format!("{now:?} {event:?}"));
            }
            CollectorOutput::PersistInvocation { .. }
            | CollectorOutput::PersistServerCounter { .. }
            | CollectorOutput::PersistRenewedInvocation { .. }
            | CollectorOutput::StoreValues(_)
            | CollectorOutput::TaskEnded(_) => {}
        }
    }
}

fn coordinator(seed: &Seed, now: Instant, devices: usize) -> Node<Modem> {
    let clock = SampleClock::new(CENELEC_A.sample_rate_hz, now, 0);
    let config = CoordinatorConfig {
        eui64: Eui64::from_u64(0x0251_4D00_00FF_FFFE),
        geometry: &CENELEC_A as &'static dyn FrameGeometry,
        seed: seed.derive("node", 0),
        gmk: Key([9; 16]),
        key_index: 0,
        frame_counter: 0,
        devices,
    };
    Node::assemble(Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() }), config)
}

/// Soon after each boundary, so that little is simulated besides.
fn reading(seed: Seed) -> CollectorConfig {
    CollectorConfig {
        period: PERIOD,
        delay: Duration::from_secs(2),
        spread: Duration::from_secs(4),
        ..CollectorConfig::new(seed.derive("collector", 0))
    }
}
