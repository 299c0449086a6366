//! The air: the frames on the line, and what each receiver makes of them.

use super::sinr::{self, Loss, Part, Reception, Scratch};
use super::traffic::{Interval, Traffic};
use super::{Body, ErrorTable, Frame, FrameKinds, Head, Links, Quality};
use channel::gauss::Words;
use g3_phy::BandPlan;
use plc_core::sap::PhyLoss;
use plc_core::time::Duration;
use plc_core::{Instant, Seed};

/// Names a frame on the line.
pub type FlightId = u64;

/// What is due for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A part of the receivers detects its preamble, or does not.
    Preamble(u8),
    /// One receiver that was busy before detects its preamble late, or does not.
    Late(u32),
    /// Its header is over.
    Header,
    /// It is over.
    End,
}

/// What a receiver has heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Its own frame has left.
    Sent,
    /// A preamble.
    Preamble,
    /// A header.
    Header {
        /// End of the payload.
        ends: Instant,
        /// Whether an acknowledgement is asked for.
        response_expected: bool,
    },
    /// A whole frame; [`Air::quality`] says how well.
    Received,
    /// What began with a preamble was lost.
    Lost(PhyLoss),
    /// A preamble that broke off.
    FalsePreamble,
}

/// What has happened on the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AirCounters {
    /// Frames with a payload.
    pub frames: u64,
    /// Headers alone.
    pub acks: u64,
    /// Frames of both kinds that a receiver has lost while it heard another one.
    pub collided: u64,
    /// Time on air of all frames.
    pub airtime: Duration,
    /// Time during which at least one frame was on the line.
    pub busy: Duration,
    /// Receptions of whole frames.
    pub received: u64,
    /// Headers lost after their preamble was heard.
    pub headers_lost: u64,
    /// Payloads lost after their header was understood.
    pub payloads_lost: u64,
    /// Losses of both kinds at receivers that heard another frame at the same time.
    pub collisions: u64,
    /// Frames by what they are for.
    pub kinds: FrameKinds,
}

/// The line between the nodes of a world.
#[derive(Debug)]
pub struct Air {
    plan: &'static BandPlan,
    table: ErrorTable,
    traffic: Traffic,
    receivers: Vec<Receiver>,
    counters: AirCounters,
    busy_until: Instant,
    scratch: Scratch,
    /// Room for the listeners of a stage.
    listeners: Vec<(u32, u32)>,
}

/// What is due, and when.
pub type Due = (Instant, FlightId, Stage);

#[derive(Debug)]
struct Receiver {
    listens: bool,
    sending: bool,
    lock: Option<Lock>,
    /// Since when it could have searched.
    free_since: Instant,
    /// Mains phase, 256 counts to a cycle.
    phase: u8,
    words: Words,
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    flight: FlightId,
    payload: bool,
}

/// Parts into which the receivers of a frame are split for the moment of detection.
const PARTS: u8 = 4;
/// A preamble that is so much stronger takes over from one that is being heard, linear.
const TAKES_OVER: f32 = 2.0;

impl Air {
    /// The line of `links` for receivers of the given mains phases (256 counts to a cycle). Each draws from a stream of its own,
    /// named after it.
    pub fn new(plan: &'static BandPlan, table: ErrorTable, links: Links, phases: &[u8], seed: &Seed) -> Self {
        let receiver = |(n, &phase): (usize, &u8)| {
            let bytes = seed.derive("reception", n as u64).0;
            let key = u64::from_le_bytes(std::array::from_fn(|n| bytes[n]));
            Receiver {
                listens: true,
                sending: false,
                lock: None,
                free_since: Instant::EPOCH,
                phase,
                words: Words::new(key, 0),
            }
        };
        Self {
            plan,
            table,
            receivers: phases.iter().enumerate().map(receiver).collect(),
            scratch: Scratch::new(&links, phases.len()),
            traffic: Traffic::new(links, phases.len()),
            counters: AirCounters::default(),
            busy_until: Instant::EPOCH,
            listeners: Vec::new(),
        }
    }

    /// What has happened.
    pub const fn counters(&self) -> AirCounters {
        self.counters
    }

    /// The links.
    pub const fn links(&self) -> &Links {
        &self.traffic.links
    }

    /// Other links from now on. A frame that is on its way over one that is no more is lost to that receiver.
    pub fn set_links(&mut self, links: Links) {
        self.scratch = Scratch::new(&links, self.receivers.len());
        self.traffic.links = links;
    }

    /// Noise at a receiver over ordinary noise, linear, by group.
    pub fn set_noise(&mut self, node: u32, noise: impl Iterator<Item = f32>) {
        let own = self.traffic.noise_mut(node);
        own.iter_mut().zip(noise).for_each(|(own, noise)| *own = noise);
        self.scratch.on_noise(node);
    }

    /// A receiver loses or gets its power.
    pub fn set_power(&mut self, now: Instant, node: u32, on: bool) {
        let receiver = &mut self.receivers[node as usize];
        (receiver.listens, receiver.lock, receiver.free_since) = (on, None, now);
        receiver.sending = false;
    }

    /// The frame of a flight.
    pub fn frame(&self, flight: FlightId) -> &Frame {
        self.traffic.frame(flight)
    }

    /// What its headers say.
    pub fn head(&self, flight: FlightId) -> Head {
        self.traffic.flight(flight).head
    }

    /// Who has sent it.
    pub fn sender(&self, flight: FlightId) -> u32 {
        self.traffic.flight(flight).from
    }

    /// A node begins to send. What it was receiving is given up: `heard` tells how. `due` takes what follows.
    pub fn start(&mut self, from: u32, frame: Box<Frame>, heard: &mut Vec<(u32, Heard)>, due: &mut Vec<Due>) {
        let receiver = &mut self.receivers[from as usize];
        receiver.sending = true;
        if let Some(lock) = receiver.lock.take() {
            heard.push((from, self.broken_off(lock, frame.start)));
        }
        let (start, header_ends, ends) = (frame.start, frame.header_ends, frame.ends);
        let id = self.traffic.begin(from, frame);
        self.count(id);
        let sense = self.table.sense_samples;
        for part in 0..PARTS {
            let late = f64::from(sense.1 - sense.0) * (f64::from(part) + 0.5) / f64::from(PARTS);
            let at = start + self.samples(f64::from(sense.0) + late);
            due.push((at, id, Stage::Preamble(part)));
        }
        due.push((header_ends, id, Stage::Header));
        due.push((ends, id, Stage::End));
    }

    /// Carries out what is due at `now`.
    pub fn step(
        &mut self,
        now: Instant,
        flight: FlightId,
        stage: Stage,
        heard: &mut Vec<(u32, Heard)>,
        due: &mut Vec<Due>,
    ) {
        match stage {
            Stage::Preamble(part) => self.on_preamble(now, flight, part, heard),
            Stage::Late(node) => self.on_late(now, flight, node, heard),
            Stage::Header => self.on_header(now, flight, heard, due),
            Stage::End => self.on_end(now, flight, heard, due),
        }
    }

    fn on_preamble(&mut self, now: Instant, id: FlightId, part: u8, heard: &mut Vec<(u32, Heard)>) {
        let start = self.frame(id).start;
        let links = &self.traffic.links;
        let mut listeners = std::mem::take(&mut self.listeners);
        listeners.clear();
        let places = links.places_of(self.sender(id));
        listeners.extend(
            places.map(|place| (links.at(place).to, place)).filter(|&(to, _)| part_of(id, to) == part),
        );
        for &(to, place) in &listeners {
            if self.receivers[to as usize].free_since <= start {
                self.detect(now, Reception { id, to, place }, heard);
            }
        }
        self.listeners = listeners;
    }

    fn on_late(&mut self, now: Instant, id: FlightId, to: u32, heard: &mut Vec<(u32, Heard)>) {
        let sensing = self.samples(f64::from(self.table.sense_samples.0));
        if self.receivers[to as usize].free_since + sensing <= now
            && let Some(place) = self.traffic.links.place(self.sender(id), to)
        {
            self.detect(now, Reception { id, to, place }, heard);
        }
    }

    fn detect(&mut self, now: Instant, at: Reception, heard: &mut Vec<(u32, Heard)>) {
        let Reception { id, to, .. } = at;
        let Receiver { listens, sending, lock, .. } = self.receivers[to as usize];
        let locked = lock.map(|lock| lock.flight);
        if !listens || sending || locked.is_some_and(|other| !self.takes_over(now, id, other, to)) {
            return;
        }
        let interval = Interval { from: self.frame(id).start, to: now };
        let loss = sinr::loss(&self.traffic, &self.table, &mut self.scratch, at, interval, Part::Preamble);
        if self.draw(to) < loss.share {
            return;
        }
        self.receivers[to as usize].lock = Some(Lock { flight: id, payload: false });
        self.traffic.flight_mut(id).heard_by.push(to);
        if locked.is_none() {
            heard.push((to, Heard::Preamble));
        }
    }

    /// Whether the preamble of `id` drowns that of `other`, which `to` is hearing.
    fn takes_over(&self, now: Instant, id: FlightId, other: FlightId, to: u32) -> bool {
        let level = |id| self.traffic.level(id, to);
        other != id && now < self.frame(other).preamble_ends && level(id) > TAKES_OVER * level(other)
    }

    fn on_header(&mut self, now: Instant, id: FlightId, heard: &mut Vec<(u32, Heard)>, due: &mut Vec<Due>) {
        let mut listeners = std::mem::take(&mut self.traffic.flight_mut(id).heard_by);
        let frame = self.frame(id);
        let interval = Interval { from: frame.preamble_ends, to: frame.header_ends };
        let announced = match frame.body {
            Body::Ack { .. } => None,
            Body::Data { response_expected, .. } => Some((frame.ends, response_expected)),
        };
        let from = self.sender(id);
        listeners.retain(|&to| {
            if !self.locked(to, id) {
                return false;
            }
            let Some(place) = self.traffic.links.place(from, to) else {
                self.lose(now, id, to, (PhyLoss::Header, false), heard, due);
                return false;
            };
            let at = Reception { id, to, place };
            let loss = sinr::loss(&self.traffic, &self.table, &mut self.scratch, at, interval, Part::Header);
            if self.draw(to) < loss.share {
                self.counters.headers_lost += 1;
                self.lose(now, id, to, (PhyLoss::Header, loss.interfered), heard, due);
            } else if let Some((ends, response_expected)) = announced {
                self.receivers[to as usize].lock = Some(Lock { flight: id, payload: true });
                heard.push((to, Heard::Header { ends, response_expected }));
                return true;
            } else {
                self.receive(now, to, heard, due);
            }
            false
        });
        self.traffic.flight_mut(id).heard_by = listeners;
    }

    fn on_end(&mut self, now: Instant, id: FlightId, heard: &mut Vec<(u32, Heard)>, due: &mut Vec<Due>) {
        self.traffic.end(id);
        let from = self.sender(id);
        if std::mem::take(&mut self.receivers[from as usize].sending) {
            heard.push((from, Heard::Sent));
            self.release(now, from, due);
        }
        let listeners = std::mem::take(&mut self.traffic.flight_mut(id).heard_by);
        for to in listeners {
            if !self.locked(to, id) {
                continue;
            }
            // A link that was cut meanwhile brings nothing whole.
            let place = self.traffic.links.place(from, to);
            let cut = Loss { share: f64::INFINITY, interfered: false };
            let loss = place.map(|place| self.payload_loss(Reception { id, to, place }));
            let Loss { share, interfered } = loss.unwrap_or(cut);
            if self.draw(to) < share {
                self.counters.payloads_lost += 1;
                self.lose(now, id, to, (PhyLoss::Payload, interfered), heard, due);
            } else {
                self.receive(now, to, heard, due);
            }
        }
        self.counters.collided += u64::from(self.traffic.flight(id).collided);
    }

    /// The share of such payloads that this receiver loses.
    fn payload_loss(&mut self, at: Reception) -> Loss {
        let frame = self.traffic.frame(at.id);
        let Body::Data { ref psdu, tx, .. } = frame.body else {
            return Loss { share: 0.0, interfered: false };
        };
        let interval = Interval { from: frame.header_ends, to: frame.ends };
        let curves = self.table.payload(tx.modulation, tx.scheme, psdu.len());
        let part = Part::Payload { map: tx.tone_map.0, curves };
        sinr::loss(&self.traffic, &self.table, &mut self.scratch, at, interval, part)
    }

    fn receive(&mut self, now: Instant, to: u32, heard: &mut Vec<(u32, Heard)>, due: &mut Vec<Due>) {
        self.counters.received += 1;
        heard.push((to, Heard::Received));
        self.release(now, to, due);
    }

    /// What the receiver reports of a frame that it has received, as its preamble and header show it. `whole` is whether the
    /// groups matter too. To be asked once, as soon as the frame was heard.
    pub fn quality(&mut self, id: FlightId, to: u32, whole: bool) -> Quality {
        let frame = self.frame(id);
        let interval = Interval { from: frame.start, to: frame.header_ends };
        let map = match &frame.body {
            Body::Ack { .. } => u32::MAX,
            Body::Data { tx, .. } => tx.tone_map.0,
        };
        let from = self.sender(id);
        let phase = [to, from].map(|node| self.receivers[node as usize].phase);
        let mut groups = heapless::Vec::new();
        if let Some(place) = self.traffic.links.place(from, to) {
            let at = Reception { id, to, place };
            sinr::by_group(&self.traffic, &self.table, &mut self.scratch, at, interval, &mut groups);
        }
        let words = &mut self.receivers[to as usize].words;
        sinr::report(&self.table, &groups, (map, whole), phase[0].wrapping_sub(phase[1]), words)
    }

    fn lose(
        &mut self,
        now: Instant,
        id: FlightId,
        to: u32,
        (loss, crowded): (PhyLoss, bool),
        heard: &mut Vec<(u32, Heard)>,
        due: &mut Vec<Due>,
    ) {
        self.counters.collisions += u64::from(crowded);
        self.traffic.flight_mut(id).collided |= crowded;
        heard.push((to, Heard::Lost(loss)));
        self.release(now, to, due);
    }

    /// A receiver is free again. Frames whose preamble lasts long enough may still be detected.
    fn release(&mut self, now: Instant, node: u32, due: &mut Vec<Due>) {
        let receiver = &mut self.receivers[node as usize];
        (receiver.lock, receiver.free_since) = (None, now);
        let at = now + self.samples(f64::from(self.table.sense_samples.1));
        for &id in self.traffic.on_air() {
            let frame = self.frame(id);
            if frame.start < now && at <= frame.preamble_ends && self.sender(id) != node {
                due.push((at, id, Stage::Late(node)));
            }
        }
    }

    fn broken_off(&self, lock: Lock, now: Instant) -> Heard {
        match lock {
            Lock { payload: true, .. } => Heard::Lost(PhyLoss::Payload),
            Lock { flight, .. } if self.frame(flight).preamble_ends <= now => Heard::Lost(PhyLoss::Header),
            Lock { .. } => Heard::FalsePreamble,
        }
    }

    fn count(&mut self, id: FlightId) {
        let (frame, kind) = (self.traffic.frame(id), self.head(id).kind);
        match frame.body {
            Body::Ack { .. } => self.counters.acks += 1,
            Body::Data { .. } => self.counters.frames += 1,
        }
        let airtime = super::phy::airtime(frame);
        self.counters.airtime += airtime;
        self.counters.kinds.count(kind, airtime);
        self.counters.busy += frame.ends.since(self.busy_until.max(frame.start));
        self.busy_until = self.busy_until.max(frame.ends);
    }

    fn locked(&self, node: u32, id: FlightId) -> bool {
        self.receivers[node as usize].lock.is_some_and(|lock| lock.flight == id)
    }

    fn draw(&mut self, node: u32) -> f64 {
        self.receivers[node as usize].words.uniform()
    }

    fn samples(&self, samples: f64) -> Duration {
        Duration::from_nanos((samples * 1e9 / f64::from(self.plan.sample_rate_hz)) as u64)
    }
}

/// The part of the receivers that `node` belongs to for this frame: where its windows happen to lie.
fn part_of(id: FlightId, node: u32) -> u8 {
    let mixed = (id ^ u64::from(node) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 62) as u8
}
