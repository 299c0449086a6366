//! Turns and answers as octets, as far as a town has them.

use concentrator::plc::{Answer, Turn};
use plc_core::sap::{
    AdpStatus, AdpmIndication, AdpmRequest, JoinFailure, Key, Lqi, Persist, StoredRoute, UdpConfirm,
    UdpIndication, UdpPayload, UdpRequest,
};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, PanId, ShortAddress, Utc};
use plc_node::NodeOutput;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

pub(super) fn send(stream: &mut UnixStream, octets: &[u8]) {
    let mut frame = u32::try_from(octets.len()).unwrap().to_le_bytes().to_vec();
    frame.extend(octets);
    stream.write_all(&frame).unwrap();
}

/// `None` at the end of the stream.
pub(super) fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut octets = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut octets).unwrap();
    Some(octets)
}

/// What the daemon has to know.
pub(super) struct Hello {
    pub(super) start: Utc,
    pub(super) every: Duration,
    pub(super) delay: Duration,
    pub(super) spread: Duration,
    pub(super) sessions: usize,
    pub(super) rows: u32,
    pub(super) meters: Vec<(Eui64, [Key; 3])>,
}

impl Hello {
    pub(super) fn emit(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.number(self.start.as_millis().cast_unsigned());
        [self.every, self.delay, self.spread].iter().for_each(|time| out.number(time.as_millis() as u64));
        out.number(self.sessions as u64);
        out.number(self.rows.into());
        out.number(self.meters.len() as u64);
        for (eui64, keys) in &self.meters {
            out.0.extend(eui64.0);
            keys.iter().for_each(|key| out.0.extend(key.0));
        }
        out.0
    }

    pub(super) fn parse(octets: &[u8]) -> Self {
        let mut from = From(octets);
        let start = Utc::from_millis(from.number().cast_signed());
        let [every, delay, spread] = std::array::from_fn(|_| Duration::from_millis(from.number()));
        let (sessions, rows, count) = (from.number() as usize, from.number() as u32, from.number());
        let meter = |_| (Eui64(from.octets()), std::array::from_fn(|_| Key(from.octets())));
        Self { start, every, delay, spread, sessions, rows, meters: (0..count).map(meter).collect() }
    }
}

pub(super) fn emit_turn(now: Instant, events: &[NodeOutput]) -> Vec<u8> {
    let mut out = Out::default();
    out.number(nanoseconds(now));
    events.iter().for_each(|event| out.event(event));
    out.0
}

pub(super) fn parse_turn(octets: &[u8]) -> Turn {
    let mut from = From(octets);
    let now = instant(from.number());
    let mut events = Vec::new();
    while !from.0.is_empty() {
        events.push(from.event());
    }
    Turn { now, events }
}

pub(super) fn emit_answer(answer: &Answer) -> Vec<u8> {
    let mut out = Out::default();
    out.number(answer.deadline.map_or(u64::MAX, nanoseconds));
    out.number(answer.management.len() as u64);
    answer.management.iter().for_each(|request| out.management(request));
    for request in &answer.datagrams {
        out.number(request.handle.into());
        [request.dst.0, request.src_port, request.dst_port].iter().for_each(|&n| out.number(n.into()));
        out.text(&request.payload);
    }
    out.0
}

pub(super) fn parse_answer(octets: &[u8]) -> Answer {
    let mut from = From(octets);
    let deadline = Some(from.number()).filter(|at| *at != u64::MAX).map(instant);
    let management = (0..from.number()).map(|_| from.management()).collect();
    let mut datagrams = Vec::new();
    while !from.0.is_empty() {
        datagrams.push(UdpRequest {
            handle: from.number() as u16,
            dst: from.short(),
            src_port: from.number() as u16,
            dst_port: from.number() as u16,
            payload: from.payload(),
        });
    }
    Answer { management, datagrams, deadline, stop: false }
}

fn nanoseconds(at: Instant) -> u64 {
    at.as_nanos()
}

fn instant(nanoseconds: u64) -> Instant {
    Instant::EPOCH + Duration::from_nanos(nanoseconds)
}

#[derive(Default)]
struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|&number| self.number(number));
    }

    fn text(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend(octets);
    }

    fn event(&mut self, event: &NodeOutput) {
        match event {
            NodeOutput::Udp(got) => {
                self.numbers(&[
                    0,
                    got.src.0.into(),
                    got.src_port.into(),
                    got.dst_port.into(),
                    got.hops.into(),
                    got.lqi.0.into(),
                ]);
                self.text(&got.payload);
            }
            NodeOutput::UdpConfirm(confirm) => {
                let status = STATUSES.iter().position(|status| *status == confirm.status).unwrap();
                self.numbers(&[1, confirm.handle.into(), status as u64]);
            }
            NodeOutput::Adpm(AdpmIndication::Started { pan_id }) => self.numbers(&[2, pan_id.0.into()]),
            NodeOutput::Adpm(AdpmIndication::DeviceJoined { eui64, short }) => {
                self.numbers(&[3, eui64.as_u64(), short.0.into()]);
            }
            NodeOutput::Adpm(AdpmIndication::DeviceLeft { eui64 }) => self.numbers(&[4, eui64.as_u64()]),
            NodeOutput::Adpm(AdpmIndication::DeviceRefused { eui64, .. }) => {
                self.numbers(&[5, eui64.as_u64()])
            }
            NodeOutput::Persist(record) => self.record(record),
            NodeOutput::Adpm(_) => {}
        }
    }

    fn record(&mut self, record: &Persist) {
        match *record {
            Persist::MacFrameCounter { reserved_to } => self.numbers(&[6, reserved_to.into()]),
            Persist::LoadngSequence { reserved_to } => self.numbers(&[7, reserved_to.into()]),
            Persist::BroadcastSequence { reserved_to } => self.numbers(&[8, reserved_to.into()]),
            Persist::DeviceAddress { eui64, short } => self.numbers(&[9, eui64.as_u64(), short.0.into()]),
            Persist::DeviceRemoved { eui64 } => self.numbers(&[10, eui64.as_u64()]),
            Persist::Route(route) => {
                let sequence = route.sequence.map_or(u64::MAX, u64::from);
                let (destination, next_hop) = (route.destination.0.into(), route.next_hop.0.into());
                let (cost, hops, weak) = (route.cost.into(), route.hops.into(), route.weak_links.into());
                self.numbers(&[11, destination, next_hop, cost, hops, weak, sequence]);
            }
            Persist::MacDeviceCounter { short, key_index, accept_from } => {
                self.numbers(&[12, short.0.into(), key_index.into(), accept_from.into()]);
            }
            Persist::MacDeviceCountersVoid { .. } | Persist::GroupKey { .. } => {}
        }
    }

    fn management(&mut self, request: &AdpmRequest) {
        match *request {
            AdpmRequest::NetworkStart { pan_id } => self.numbers(&[0, pan_id.0.into()]),
            AdpmRequest::Allow { eui64, psk, short } => {
                self.numbers(&[1, eui64.as_u64(), short.map_or(u64::MAX, |short| short.0.into())]);
                self.0.extend(psk.0);
            }
            AdpmRequest::Kick { eui64 } => self.numbers(&[2, eui64.as_u64()]),
            ref other => panic!("{other:?}: a town has none"),
        }
    }
}

const STATUSES: [AdpStatus; 10] = [
    AdpStatus::Success,
    AdpStatus::InvalidRequest,
    AdpStatus::NotJoined,
    AdpStatus::QueueFull,
    AdpStatus::RouteError,
    AdpStatus::DataError,
    AdpStatus::Timeout,
    AdpStatus::UnsupportedAttribute,
    AdpStatus::InvalidIndex,
    AdpStatus::ReadOnly,
];

struct From<'a>(&'a [u8]);

impl From<'_> {
    fn octets<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        *head
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.octets())
    }

    fn short(&mut self) -> ShortAddress {
        ShortAddress(self.number() as u16)
    }

    fn eui64(&mut self) -> Eui64 {
        Eui64::from_u64(self.number())
    }

    fn payload(&mut self) -> UdpPayload {
        let (head, rest) =
            self.0.split_at(usize::try_from(u64::from_le_bytes(*self.0.first_chunk().unwrap())).unwrap() + 8);
        self.0 = rest;
        UdpPayload::from_slice(&head[8..]).unwrap()
    }

    fn event(&mut self) -> NodeOutput {
        match self.number() {
            0 => NodeOutput::Udp(UdpIndication {
                src: self.short(),
                src_port: self.number() as u16,
                dst_port: self.number() as u16,
                hops: self.number() as u8,
                lqi: Lqi(self.number() as u8),
                payload: self.payload(),
            }),
            1 => NodeOutput::UdpConfirm(UdpConfirm {
                handle: self.number() as u16,
                status: STATUSES[self.number() as usize],
            }),
            2 => NodeOutput::Adpm(AdpmIndication::Started { pan_id: PanId(self.number() as u16) }),
            3 => NodeOutput::Adpm(AdpmIndication::DeviceJoined { eui64: self.eui64(), short: self.short() }),
            4 => NodeOutput::Adpm(AdpmIndication::DeviceLeft { eui64: self.eui64() }),
            5 => NodeOutput::Adpm(AdpmIndication::DeviceRefused {
                eui64: self.eui64(),
                reason: JoinFailure::Declined,
            }),
            other => NodeOutput::Persist(self.record(other)),
        }
    }

    fn record(&mut self, kind: u64) -> Persist {
        match kind {
            6 => Persist::MacFrameCounter { reserved_to: self.number() as u32 },
            7 => Persist::LoadngSequence { reserved_to: self.number() as u32 },
            8 => Persist::BroadcastSequence { reserved_to: self.number() as u32 },
            9 => Persist::DeviceAddress { eui64: self.eui64(), short: self.short() },
            10 => Persist::DeviceRemoved { eui64: self.eui64() },
            11 => Persist::Route(StoredRoute {
                destination: self.short(),
                next_hop: self.short(),
                cost: self.number() as u16,
                hops: self.number() as u8,
                weak_links: self.number() as u8,
                sequence: u16::try_from(self.number()).ok(),
            }),
            12 => Persist::MacDeviceCounter {
                short: self.short(),
                key_index: self.number() as u8,
                accept_from: self.number() as u32,
            },
            other => panic!("{other}: no such event"),
        }
    }

    fn management(&mut self) -> AdpmRequest {
        match self.number() {
            0 => AdpmRequest::NetworkStart { pan_id: PanId(self.number() as u16) },
            1 => {
                let (eui64, short) = (self.eui64(), u16::try_from(self.number()).ok().map(ShortAddress));
                AdpmRequest::Allow { eui64, psk: Key(self.octets()), short }
            }
            2 => AdpmRequest::Kick { eui64: self.eui64() },
            other => panic!("{other}: no such request"),
        }
    }
}
