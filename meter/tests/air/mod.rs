//! A coordinator and a meter on an ideal line: frames last as long as they would, and who speaks is deaf.

use crate::mains::config;
use meter::{Meter, MeterInput, MeterOutput};
use plc_core::sap::*;
use plc_core::{Eui64, Instant, Machine, PanId, Seed};
use plc_node::{CoordinatorConfig, DeviceConfig, Node, NodeInput, NodeOutput};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const PAN: PanId = PanId(0x781D);
const PSK: Key = Key([7; 16]);
pub(crate) const METER: Eui64 = Eui64::from_u64(0x0200_0000_0000_0007);
/// Ends are noticed a little late.
const LATENCY: Duration = Duration::from_micros(700);
const PREAMBLE: Duration = Duration::from_micros(2500);

/// A PHY that exchanges whole frames with the line.
#[derive(Default)]
pub(crate) struct Air {
    requests: VecDeque<PhyRequest>,
    indications: VecDeque<PhyIndication>,
}

/// One exchange with the line.
pub(crate) enum Exchange<'a> {
    Hear(PhyIndication),
    Fetch(&'a mut Vec<PhyRequest>),
}

impl Phy for Air {
    type Medium<'a> = Exchange<'a>;

    fn on_medium(&mut self, _now: Instant, medium: Exchange<'_>) {
        match medium {
            Exchange::Hear(indication) => self.indications.push_back(indication),
            Exchange::Fetch(requests) => requests.extend(self.requests.drain(..)),
        }
    }

    fn on_request(&mut self, _now: Instant, request: PhyRequest) {
        self.requests.push_back(request);
    }

    fn tick(&mut self, _now: Instant) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        self.indications.pop_front()
    }
}

/// The two ends, by number.
const COORDINATOR_END: usize = 0;
const METER_END: usize = 1;

enum Event {
    Begin(usize, PhyRequest),
    Hear(usize, PhyIndication),
}

/// The line and both ends.
pub(crate) struct Street {
    pub(crate) now: Instant,
    pub(crate) coordinator: Node<Air>,
    pub(crate) meter: Meter<Air>,
    pub(crate) heard: VecDeque<NodeOutput>,
    pub(crate) told: Vec<MeterOutput>,
    events: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
    speaking_until: [Instant; 2],
}

impl Street {
    pub(crate) fn new() -> Self {
        let now = Instant::from_secs(1);
        let coordinator = CoordinatorConfig {
            eui64: Eui64::from_u64(1),
            geometry: &Band,
            seed: Seed::from_u64(2),
            gmk: Key([9; 16]),
            key_index: 0,
            frame_counter: 1,
            devices: 4,
        };
        let device = DeviceConfig {
            eui64: METER,
            geometry: &Band,
            seed: Seed::from_u64(3),
            psk: PSK,
            frame_counter: 1,
        };
        let node = Node::assemble(Air::default(), device);
        let mut street = Self {
            now,
            coordinator: Node::assemble(Air::default(), coordinator),
            meter: Meter::new(config(), node, now).expect("a good configuration"),
            heard: VecDeque::new(),
            told: Vec::new(),
            events: BTreeMap::new(),
            sequence: 0,
            speaking_until: [Instant::EPOCH; 2],
        };
        street.manage(AdpmRequest::NetworkStart { pan_id: PAN });
        street.allow();
        street
    }

    pub(crate) fn allow(&mut self) {
        self.manage(AdpmRequest::Allow { eui64: METER, psk: PSK, short: None });
    }

    pub(crate) fn manage(&mut self, request: AdpmRequest) {
        self.coordinator.handle(self.now, NodeInput::Adpm(request));
        self.drain(COORDINATOR_END);
    }

    pub(crate) fn send(&mut self, request: UdpRequest) {
        self.coordinator.handle(self.now, NodeInput::Udp(request));
        self.drain(COORDINATOR_END);
    }

    pub(crate) fn give(&mut self, input: MeterInput<'_, Air>) {
        self.meter.handle(self.now, input);
        self.drain(METER_END);
    }

    /// Runs until `done` finds what it looks for, or fails after `seconds`.
    pub(crate) fn run<T>(&mut self, seconds: u64, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            if let Some(found) = done(self) {
                return found;
            }
            let event = self.events.keys().next().map(|&(at, _)| at);
            let ends = [self.coordinator.deadline(), self.meter.deadline(), event];
            let next = ends.into_iter().flatten().min().expect("something will happen");
            assert!(next < end, "nothing after {seconds} s: {:?}", self.told);
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn step(&mut self) {
        if let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Event::Begin(from, request) => self.begin(from, &request),
                Event::Hear(end, indication) => self.hear(end, indication),
            }
            return;
        }
        self.coordinator.tick(self.now);
        self.meter.tick(self.now);
        self.drain(COORDINATOR_END);
        self.drain(METER_END);
    }

    fn hear(&mut self, end: usize, indication: PhyIndication) {
        self.exchange(end, Exchange::Hear(indication));
        self.drain(end);
    }

    fn exchange(&mut self, end: usize, exchange: Exchange<'_>) {
        match end {
            COORDINATOR_END => self.coordinator.handle(self.now, NodeInput::Medium(exchange)),
            _ => self.meter.handle(self.now, MeterInput::Medium(exchange)),
        }
    }

    fn drain(&mut self, end: usize) {
        self.heard.extend(std::iter::from_fn(|| self.coordinator.poll()));
        self.told.extend(std::iter::from_fn(|| self.meter.poll()));
        let mut requests = Vec::new();
        self.exchange(end, Exchange::Fetch(&mut requests));
        for request in requests {
            let (PhyRequest::Data(PdDataRequest { at, .. }) | PhyRequest::Ack(PdAckRequest { at, .. })) =
                &request;
            self.at((*at).max(self.now), Event::Begin(end, request));
        }
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }

    fn begin(&mut self, from: usize, request: &PhyRequest) {
        let (to, start, header) = (1 - from, self.now, self.now + Band.ack());
        let (ended, sense, indication) = match request {
            PhyRequest::Data(data) => {
                let fit = Band.fit(&data.tx, data.psdu.len()).expect("a frame of this band");
                let (ends, response_expected) = (start + fit.duration, data.response_expected);
                let sense = CarrierSense::Frame { ends, response_expected };
                (ends, Some(sense), PhyIndication::Data(data_indication(data, start, ends)))
            }
            PhyRequest::Ack(ack) => {
                let PdAckRequest { fcs, more_segments, negative, .. } = *ack;
                let ack = PdAckIndication { fcs, more_segments, negative, lqi: LQI, ended: header };
                (header, None, PhyIndication::Ack(ack))
            }
        };
        let deaf = self.speaking_until[to] > start;
        self.speaking_until[from] = ended;
        let confirm = PhyIndication::Confirm { status: PdStatus::Success, ended };
        self.at(ended + LATENCY, Event::Hear(from, confirm));
        if deaf {
            return;
        }
        let carrier = |sense| Event::Hear(to, PhyIndication::CarrierSense(sense));
        self.at(start + PREAMBLE, carrier(CarrierSense::Preamble));
        sense.into_iter().for_each(|sense| self.at(header + LATENCY, carrier(sense)));
        self.at(ended + LATENCY, Event::Hear(to, indication));
        self.at(ended + LATENCY, carrier(CarrierSense::Idle));
    }
}

fn data_indication(data: &PdDataRequest, started: Instant, ended: Instant) -> PdDataIndication {
    PdDataIndication {
        psdu: data.psdu.clone(),
        tx: data.tx,
        response_expected: data.response_expected,
        lqi: LQI,
        group_lqi: [LQI; 6].into_iter().collect(),
        phase_difference: PhaseDifference(0),
        corrected_octets: 0,
        started,
        ended,
    }
}

const LQI: Lqi = Lqi(88);

/// CENELEC A in ROBO: 36 carriers, frames in steps of four symbols.
struct Band;

impl FrameGeometry for Band {
    fn fit(&self, tx: &TxParameters, len: usize) -> Option<FrameFit> {
        let octets = |symbols: usize| ((symbols * 36).saturating_sub(48) / 64).saturating_sub(8);
        let symbols = (1..=63).map(|step| 4 * step).find(|&symbols| octets(symbols) >= len.max(1))?;
        let duration = self.ack() + self.symbol() * symbols as u32;
        (*tx == self.robust()).then_some(FrameFit { psdu_len: octets(symbols), duration })
    }
    fn max_psdu(&self, tx: &TxParameters) -> usize {
        if *tx == self.robust() { 133 } else { 0 }
    }
    fn robust(&self) -> TxParameters {
        let (modulation, scheme) = (Modulation::Robo, ModulationScheme::Differential);
        TxParameters { modulation, scheme, tone_map: ToneMap::all(6) }
    }
    fn symbol(&self) -> Duration {
        Duration::from_micros(695)
    }
    fn ack(&self) -> Duration {
        Duration::from_micros(6_080) + self.symbol() * 13
    }
}
