//! Coordinator and devices with the real modem, on a line that only attenuates and adds noise.
#![allow(clippy::unwrap_used, reason = "what surrounds the tests is part of them")]

use g3_adp::config::Memory;
use plc_core::sap::{AdpmIndication, AdpmRequest, FrameGeometry, Key, Persist, UdpPayload, UdpRequest};
use plc_core::{Eui64, Instant, Machine, PanId, SampleClock, Seed, ShortAddress};
use plc_node::modem::{CENELEC_A, Exchange, Modem, ModemConfig};
use plc_node::{CoordinatorConfig, DeviceConfig, Node, NodeConfig, NodeInput, NodeOutput};
use std::fmt::Write;

const BLOCK: usize = 139;
const GAIN: f32 = 0.01;
const PSK: Key = Key([7; 16]);
const DEVICE: Eui64 = Eui64::from_u64(0x0011_2233_4455_6677);

struct Line {
    nodes: Vec<Node<Modem>>,
    blocks: Vec<[f32; BLOCK]>,
    outputs: Vec<Vec<NodeOutput>>,
    clock: SampleClock,
    sample: u64,
    noise: u32,
}

impl Line {
    fn new(nodes: Vec<Node<Modem>>) -> Self {
        let blocks = vec![[0.0; BLOCK]; nodes.len()];
        let outputs = nodes.iter().map(|_| Vec::new()).collect();
        let clock = SampleClock::new(400_000, Instant::EPOCH, 0);
        Self { nodes, blocks, outputs, clock, sample: 0, noise: 1 }
    }

    fn now(&self) -> Instant {
        self.clock.instant(self.sample)
    }

    /// Puts a node that has just come to life in the place of node `n`; what was said before is forgotten.
    fn replace(&mut self, n: usize, node: Node<Modem>) {
        self.nodes[n] = node;
        self.blocks[n] = [0.0; BLOCK];
        self.outputs[n].clear();
    }

    /// White noise 60 dB below the signal that arrives.
    fn noise(&mut self) -> f32 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        (self.noise as f32 / u32::MAX as f32 - 0.5) * GAIN * 3e-3
    }

    fn step(&mut self) {
        let sent = self.blocks.clone();
        self.sample += BLOCK as u64;
        let now = self.now();
        for n in 0..self.nodes.len() {
            let mut received = [0.0; BLOCK];
            for (k, sample) in received.iter_mut().enumerate() {
                let others = (0..sent.len()).filter(|&m| m != n).map(|m| sent[m][k]).sum::<f32>();
                *sample = others * GAIN + self.noise();
            }
            let exchange = Exchange::Block { received: &received, transmitted: &mut self.blocks[n] };
            self.nodes[n].handle(now, NodeInput::Medium(exchange));
            if self.nodes[n].deadline().is_some_and(|at| at <= now) {
                self.nodes[n].tick(now);
            }
            while let Some(output) = self.nodes[n].poll() {
                self.outputs[n].push(output);
            }
        }
    }

    /// Runs until `done`, or fails after `seconds` of the line's time.
    fn run(&mut self, seconds: u64, done: impl Fn(&Self) -> bool) {
        let end = self.now() + std::time::Duration::from_secs(seconds);
        while !done(self) {
            assert!(self.now() < end, "nothing after {seconds} s: {}", self.report());
            self.step();
        }
    }

    fn report(&self) -> String {
        let mut text = String::new();
        for (n, node) in self.nodes.iter().enumerate() {
            writeln!(text, "node {n}: {:?}", self.outputs[n]).unwrap();
            writeln!(text, "  {:?}\n  {:?}", node.phy().counters(), node.mac().counters()).unwrap();
            writeln!(text, "  {:?}", node.adp().counters()).unwrap();
        }
        text
    }
}

fn modem(origin: Instant) -> Modem {
    let clock = SampleClock::new(400_000, origin, 0);
    Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() })
}

fn coordinator(origin: Instant, frame_counter: u32, memory: Memory) -> Node<Modem> {
    let config = CoordinatorConfig {
        eui64: Eui64::from_u64(0x8172_6354_4536_2718),
        geometry: &CENELEC_A as &'static dyn FrameGeometry,
        seed: Seed::from_u64(1).derive("coordinator", 0),
        gmk: Key([9; 16]),
        key_index: 0,
        frame_counter,
        devices: 16,
    };
    let mut layers = NodeConfig::from(config);
    layers.adp.memory = memory;
    Node::assemble(modem(origin), layers)
}

fn device(psk: Key) -> Node<Modem> {
    let seed = Seed::from_u64(1).derive("device", 0);
    let config = DeviceConfig { eui64: DEVICE, geometry: &CENELEC_A, seed, psk, frame_counter: 0 };
    Node::assemble(modem(Instant::EPOCH), config)
}

/// A PAN whose coordinator admits the device.
fn street(psk: Key) -> Line {
    let mut line = Line::new(vec![coordinator(Instant::EPOCH, 0, Memory::default()), device(psk)]);
    let start = AdpmRequest::NetworkStart { pan_id: PanId(0x781D) };
    let allow = AdpmRequest::Allow { eui64: DEVICE, psk: PSK, short: None };
    line.nodes[0].handle(Instant::EPOCH, NodeInput::Adpm(start));
    line.nodes[0].handle(Instant::EPOCH, NodeInput::Adpm(allow));
    line.nodes[1].handle(Instant::EPOCH, NodeInput::Adpm(AdpmRequest::NetworkJoin));
    line
}

fn datagram(dst: ShortAddress, len: usize) -> UdpRequest {
    let payload = UdpPayload::from_iter((0..len).map(|n| n as u8));
    UdpRequest { handle: 1, dst, src_port: 4059, dst_port: 4059, payload }
}

fn joined(line: &Line) -> bool {
    let is_joined = |o: &NodeOutput| matches!(o, NodeOutput::Adpm(AdpmIndication::Joined { .. }));
    line.outputs[1].iter().any(is_joined)
        && line.outputs[0].iter().any(|o| matches!(o, NodeOutput::Adpm(AdpmIndication::DeviceJoined { .. })))
}

fn arrived(line: &Line, n: usize, sent: &UdpRequest) -> bool {
    line.outputs[n].iter().any(|o| matches!(o, NodeOutput::Udp(i) if i.payload == sent.payload))
}

/// A line on which the device has joined and has been spoken to, and its address.
fn street_in_use() -> (Line, ShortAddress) {
    let mut line = street(PSK);
    line.run(120, joined);
    let short = line.nodes[1].address().expect("joined").1;
    let (now, first) = (line.now(), datagram(short, 600));
    line.nodes[0].handle(now, NodeInput::Udp(first.clone()));
    line.run(20, |line| arrived(line, 1, &first));
    (line, short)
}

/// The coordinator loses its power and comes back, knowing the device's address, this frame counter, and what its
/// adaptation layer has made durable.
fn restart(line: &mut Line, short: ShortAddress, frame_counter: u32) {
    let now = line.now();
    let mut memory = Memory::default();
    for output in &line.outputs[0] {
        if let NodeOutput::Persist(record) = output {
            memory.learn(record);
        }
    }
    line.replace(0, coordinator(now, frame_counter, memory));
    line.outputs[1].clear();
    for request in [
        AdpmRequest::NetworkStart { pan_id: PanId(0x781D) },
        AdpmRequest::Allow { eui64: DEVICE, psk: PSK, short: Some(short) },
    ] {
        line.nodes[0].handle(now, NodeInput::Adpm(request));
    }
}

#[test]
fn a_device_joins_over_samples_and_datagrams_pass_both_ways() {
    let mut line = street(PSK);
    line.run(120, joined);
    let short = line.nodes[1].address().expect("joined").1;
    assert!(line.outputs[0].contains(&NodeOutput::Persist(Persist::DeviceAddress { eui64: DEVICE, short })));
    let (down, up) = (datagram(short, 300), datagram(ShortAddress::COORDINATOR, 900));
    let now = line.now();
    line.nodes[0].handle(now, NodeInput::Udp(down.clone()));
    line.nodes[1].handle(now, NodeInput::Udp(up.clone()));
    line.run(60, |line| arrived(line, 1, &down) && arrived(line, 0, &up));
}

#[test]
fn a_device_with_a_wrong_key_stays_outside() {
    let mut line = street(Key([8; 16]));
    line.run(120, |line| {
        line.outputs[1].iter().any(|o| matches!(o, NodeOutput::Adpm(AdpmIndication::JoinFailed(_))))
    });
    assert!(!joined(&line));
    assert_eq!(line.nodes[1].address(), None);
}

#[test]
fn a_coordinator_that_comes_back_speaks_to_the_device_at_once() {
    let (mut line, short) = street_in_use();
    let mut counters = line.outputs[0].iter().filter_map(|output| match output {
        NodeOutput::Persist(Persist::MacFrameCounter { reserved_to }) => Some(*reserved_to),
        _ => None,
    });
    let durable = counters.next_back().expect("secured frames were sent");
    restart(&mut line, short, durable);
    let (now, down, up) = (line.now(), datagram(short, 100), datagram(ShortAddress::COORDINATOR, 200));
    line.nodes[0].handle(now, NodeInput::Udp(down.clone()));
    line.nodes[1].handle(now, NodeInput::Udp(up.clone()));
    line.run(3, |line| arrived(line, 1, &down) && arrived(line, 0, &up));
    assert!(!line.outputs[1].iter().any(|output| matches!(output, NodeOutput::Adpm(_))), "it never left");
}

#[test]
fn frames_under_a_counter_that_was_used_before_are_refused() {
    let (mut line, short) = street_in_use();
    restart(&mut line, short, 0);
    let (now, replayed) = (line.now(), datagram(short, 50));
    line.nodes[0].handle(now, NodeInput::Udp(replayed.clone()));
    line.run(10, |line| line.nodes[1].mac().counters().drops.replayed > 0);
    let end = line.now() + std::time::Duration::from_secs(2);
    line.run(3, |line| line.now() > end);
    assert!(!arrived(&line, 1, &replayed));
}
