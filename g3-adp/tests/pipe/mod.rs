//! Adaptation layers of a few nodes, joined by a pipe of MAC primitives that delays and loses.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "shared by tests that use parts of it")]

use g3_adp::{Adp, AdpConfig, AdpInput, AdpOutput};
use plc_core::sap::*;
use plc_core::seed::{Stream, uniform};
use plc_core::{Eui64, Instant, MacAddress, Machine, PanId, Seed, ShortAddress};
use std::collections::BTreeMap;
use std::time::Duration;

pub const PAN: PanId = PanId(0x781D);
pub const GMK: Key = Key([0x47; 16]);
pub const COORDINATOR: Eui64 = Eui64::from_u64(0x8172_6354_4536_2718);

pub fn eui(n: u64) -> Eui64 {
    Eui64::from_u64(0x0200_0000_0000_0000 + n)
}

pub fn psk(n: u64) -> Key {
    let mut key = [0x50; 16];
    key[8..].copy_from_slice(&n.to_be_bytes());
    Key(key)
}

pub fn device_config(n: u64) -> AdpConfig {
    AdpConfig::device(eui(n), Seed::from_u64(1000 + n), psk(n))
}

/// A node: its layer, and what a MAC would remember for it.
pub struct Station {
    pub adp: Adp,
    pub eui64: Eui64,
    pub short: ShortAddress,
    pub pan: PanId,
    pub keys: [Option<Key>; 2],
    pub rc_coord: u16,
    pub told: Vec<AdpmIndication>,
    pub packets: Vec<AdpdDataIndication>,
    pub confirms: Vec<AdpdDataConfirm>,
    pub persisted: Vec<Persist>,
}

impl Station {
    pub fn new(config: AdpConfig) -> Self {
        Self {
            eui64: config.eui64,
            adp: Adp::new(config),
            short: ShortAddress::BROADCAST,
            pan: PanId::BROADCAST,
            keys: [None; 2],
            rc_coord: 0xFFFF,
            told: Vec::new(),
            packets: Vec::new(),
            confirms: Vec::new(),
            persisted: Vec::new(),
        }
    }

    fn hears(&self, dst: MacAddress) -> bool {
        match dst {
            MacAddress::Short(short) => short == ShortAddress::BROADCAST || short == self.short,
            MacAddress::Extended(eui64) => eui64 == self.eui64,
        }
    }
}

/// The line between the nodes.
pub struct Pipe {
    pub now: Instant,
    pub stations: Vec<Station>,
    /// Frames lost although they were acknowledged, in percent; and never acknowledged, in percent.
    pub silent_loss: u32,
    pub loud_loss: u32,
    /// Nodes whose acknowledgements are lost, all of them.
    pub unheard: Vec<usize>,
    /// Pairs that do not hear each other.
    pub deaf: Vec<(usize, usize)>,
    /// When there are any: the only pairs that hear each other, the smaller first, and with what LQI.
    pub links: BTreeMap<(usize, usize), u8>,
    pub frames: Vec<(usize, McpsDataRequest)>,
    /// Every input of every node, and when.
    pub inputs: Vec<(Instant, usize, AdpInput)>,
    random: Stream,
    events: BTreeMap<(Instant, u64), (usize, AdpInput)>,
    sequence: u64,
}

impl Pipe {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::from_secs(1),
            stations: Vec::new(),
            silent_loss: 0,
            loud_loss: 0,
            unheard: Vec::new(),
            deaf: Vec::new(),
            links: BTreeMap::new(),
            frames: Vec::new(),
            inputs: Vec::new(),
            random: Seed::from_u64(seed).stream(),
            events: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// A coordinator that has started its PAN.
    pub fn with_coordinator(seed: u64, tune: impl FnOnce(&mut AdpConfig)) -> Self {
        let mut pipe = Self::new(seed);
        let mut config = AdpConfig::coordinator(COORDINATOR, Seed::from_u64(seed), GMK, 0);
        tune(&mut config);
        pipe.stations.push(Station::new(config));
        pipe.manage(0, AdpmRequest::NetworkStart { pan_id: PAN });
        pipe
    }

    pub fn add(&mut self, config: AdpConfig) -> usize {
        self.stations.push(Station::new(config));
        self.stations.len() - 1
    }

    pub fn allow(&mut self, n: u64, key: Key) {
        self.manage(0, AdpmRequest::Allow { eui64: eui(n), psk: key, short: None });
    }

    pub fn manage(&mut self, at: usize, request: AdpmRequest) {
        self.give(at, AdpInput::Adpm(request));
    }

    pub fn give(&mut self, at: usize, input: AdpInput) {
        self.inputs.push((self.now, at, input.clone()));
        self.stations[at].adp.handle(self.now, input);
        self.drain(at);
    }

    /// Runs for so long.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.run_until(end, |_| false);
    }

    /// A town whose nodes hear each other over these links, joined one after the other; node 0 is the coordinator.
    pub fn town(seed: u64, links: &[(usize, usize, u8)], tune: impl Fn(&mut AdpConfig)) -> Self {
        let mut pipe = Self::with_coordinator(seed, &tune);
        pipe.links = links.iter().map(|&(a, b, lqi)| ((a.min(b), a.max(b)), lqi)).collect();
        let nodes = 1 + links.iter().map(|&(a, b, _)| a.max(b)).max().unwrap_or(0);
        for n in 1..nodes as u64 {
            pipe.allow(n, psk(n));
            let mut config = device_config(n);
            tune(&mut config);
            let at = pipe.add(config);
            pipe.manage(at, AdpmRequest::NetworkJoin);
            let end = pipe.now + Duration::from_secs(3600);
            assert!(pipe.run_until(end, |pipe| pipe.joined(at)), "node {n} cannot join");
        }
        pipe.run(Duration::from_secs(120));
        pipe.frames.clear();
        pipe
    }

    /// Sends `len` octets from one node to another.
    pub fn send(&mut self, from: usize, to: usize, handle: Handle, len: usize) {
        let (source, destination) = (address(self.stations[from].short), address(self.stations[to].short));
        let packet = packet(len, source, destination);
        self.give(from, AdpInput::Data(AdpdDataRequest { handle, packet, priority: Priority::Normal }));
    }

    /// The way of frames between two nodes as the routing tables have it, both included; `None` when it does not arrive.
    pub fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let (mut way, target) = (vec![from], self.stations[to].short);
        while *way.last()? != to {
            let adp = &self.stations[*way.last()?].adp;
            let route = adp.routes().iter().find(|r| r.destination == target && r.is_known(self.now))?;
            let next = self.stations.iter().position(|station| station.short == route.next_hop)?;
            if way.contains(&next) {
                return None;
            }
            way.push(next);
        }
        Some(way)
    }

    /// Runs until something holds; returns whether it does.
    pub fn run_until(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
        while !done(self) {
            let event = self.events.keys().next().map(|&(at, _)| at);
            let deadline = self.stations.iter().filter_map(|s| s.adp.deadline()).min();
            let Some(next) = event.into_iter().chain(deadline).min().filter(|&next| next <= end) else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, (at, input)) = self.events.pop_first().unwrap();
                self.give(at, input);
            }
            for at in 0..self.stations.len() {
                if self.stations[at].adp.deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.stations[at].adp.tick(self.now);
                    self.drain(at);
                }
            }
        }
        true
    }

    pub fn joined(&self, at: usize) -> bool {
        self.stations[at].adp.short_address().is_some()
    }

    fn drain(&mut self, at: usize) {
        while let Some(output) = self.stations[at].adp.poll() {
            let station = &mut self.stations[at];
            match output {
                AdpOutput::Mcps(request) => self.transmit(at, request),
                AdpOutput::Mlme(request) => self.manage_mac(at, request),
                AdpOutput::DataConfirm(confirm) => station.confirms.push(confirm),
                AdpOutput::DataIndication(indication) => station.packets.push(indication),
                AdpOutput::Adpm(indication) => station.told.push(indication),
                AdpOutput::Persist(record) => station.persisted.push(record),
            }
        }
    }

    fn manage_mac(&mut self, at: usize, request: MlmeRequest) {
        let station = &mut self.stations[at];
        match request {
            MlmeRequest::Scan { duration } => self.scan(at, duration),
            MlmeRequest::Start { pan_id } => {
                station.pan = pan_id;
                self.later(1, at, AdpInput::MlmeConfirm(MlmeConfirm::Start(MacStatus::Success)));
            }
            MlmeRequest::Reset => {
                (station.pan, station.short) = (PanId::BROADCAST, ShortAddress::BROADCAST);
                station.keys = [None; 2];
            }
            MlmeRequest::SetPanId(pan_id) => station.pan = pan_id,
            MlmeRequest::SetShortAddress(short) => station.short = short,
            MlmeRequest::SetRcCoord(rc_coord) => station.rc_coord = rc_coord,
            MlmeRequest::SetKey { index, key } => station.keys[usize::from(index)] = key,
            MlmeRequest::Get { .. } | MlmeRequest::Set { .. } => {}
        }
    }

    fn scan(&mut self, at: usize, duration: Duration) {
        let mut heard = false;
        for other in 0..self.stations.len() {
            let (lba, pan_id, rc_coord) =
                (self.stations[other].short, self.stations[other].pan, self.stations[other].rc_coord);
            if other != at && lba != ShortAddress::BROADCAST && !self.is_deaf(at, other) {
                heard = true;
                let lqi = self.lqi(at, other);
                let beacon = MlmeIndication::BeaconNotify(PanDescriptor { pan_id, lba, lqi, rc_coord });
                let delay = uniform(&mut self.random, duration.as_millis() as u32);
                self.later(u64::from(delay), at, AdpInput::Mlme(beacon));
            }
        }
        let status = if heard { MacStatus::Success } else { MacStatus::NoBeacon };
        let end = duration.as_millis() as u64;
        self.later(end, at, AdpInput::MlmeConfirm(MlmeConfirm::Scan(status)));
    }

    fn transmit(&mut self, at: usize, request: McpsDataRequest) {
        let silent = uniform(&mut self.random, 100) < self.silent_loss;
        let loud = uniform(&mut self.random, 100) < self.loud_loss;
        let station = &self.stations[at];
        let key = match request.security {
            MacSecurity::EncMic32 { key_index } => Some(station.keys[usize::from(key_index)].expect("a key")),
            MacSecurity::None => None,
        };
        let src = match request.extended_source {
            true => MacAddress::Extended(station.eui64),
            false => MacAddress::Short(station.short),
        };
        let mut reached = false;
        for other in 0..self.stations.len() {
            let hears = other != at
                && !self.is_deaf(at, other)
                && self.stations[other].pan == request.dst_pan
                && self.stations[other].hears(request.dst)
                && key.is_none_or(|key| self.stations[other].keys.contains(&Some(key)));
            reached |= hears && !self.unheard.contains(&other);
            if hears && !silent && !loud {
                let indication = McpsDataIndication {
                    src_pan: request.dst_pan,
                    src,
                    dst: request.dst,
                    msdu: request.msdu.clone(),
                    security: request.security,
                    link: LinkQuality::robust(self.lqi(at, other)),
                };
                self.later(200, other, AdpInput::McpsIndication(indication));
            }
        }
        let ok = request.dst.is_broadcast() || reached && !loud;
        let status = if ok { MacStatus::Success } else { MacStatus::NoAck };
        let confirm = McpsDataConfirm { handle: request.handle, status, retries: 0 };
        self.later(250, at, AdpInput::McpsConfirm(confirm));
        self.frames.push((at, request));
    }

    fn is_deaf(&self, a: usize, b: usize) -> bool {
        let linked = self.links.is_empty() || self.links.contains_key(&(a.min(b), a.max(b)));
        !linked || self.deaf.contains(&(a, b)) || self.deaf.contains(&(b, a))
    }

    fn lqi(&self, a: usize, b: usize) -> Lqi {
        Lqi(self.links.get(&(a.min(b), a.max(b))).copied().unwrap_or(100))
    }

    fn later(&mut self, millis: u64, at: usize, input: AdpInput) {
        self.sequence += 1;
        self.events.insert((self.now + Duration::from_millis(millis), self.sequence), (at, input));
    }
}

/// An IPv6 packet of `len` octets, UDP when it is long enough.
pub fn packet(len: usize, source: [u8; 16], destination: [u8; 16]) -> Ipv6Packet {
    let mut bytes = vec![0u8; len];
    bytes[0] = 0x60;
    bytes[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
    (bytes[6], bytes[7]) = (if len >= 48 { 17 } else { 59 }, 64);
    bytes[8..24].copy_from_slice(&source);
    bytes[24..40].copy_from_slice(&destination);
    for (n, byte) in bytes.iter_mut().enumerate().skip(40) {
        *byte = (n * 7 % 251) as u8;
    }
    if len >= 48 {
        bytes[44..46].copy_from_slice(&((len - 40) as u16).to_be_bytes());
    }
    Ipv6Packet::from_slice(&bytes).unwrap()
}

pub fn address(short: ShortAddress) -> [u8; 16] {
    g3_adp::addressing::link_local(PAN, short)
}

pub const ALL_NODES: [u8; 16] = [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
