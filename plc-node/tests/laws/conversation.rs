//! What both nodes hear and are asked while a device joins, talks and leaves, on an ideal line.

use crate::air::airtime;
use crate::subject::{DEVICE, Exposed, Output, PSK, Role, Step};
use plc_core::laws::Subject;
use plc_core::sap::*;
use plc_core::{Instant, Machine, PanId, ShortAddress};
use plc_node::NodeOutput;
use plc_node::modem::CENELEC_A;
use std::collections::BTreeMap;
use std::time::Duration;

/// A step of a node and the pause before it.
pub(crate) type Paused = (Duration, Step);

const LQI: Lqi = Lqi(88);
/// From the begin of a preamble until it is detected.
const PREAMBLE: Duration = Duration::from_micros(2500);
/// Ends are noticed a little late.
const LATENCY: Duration = Duration::from_micros(700);

/// A coordinator (0) and a device (1).
struct Line {
    now: Instant,
    nodes: [Exposed; 2],
    steps: [Vec<(Instant, Step)>; 2],
    outputs: [Vec<NodeOutput>; 2],
    coming: BTreeMap<(Instant, usize), (usize, PhyIndication)>,
    sequence: usize,
}

/// The conversation as the node of `role` has lived it, from the first second on.
pub(crate) fn conversation(role: Role) -> Vec<Paused> {
    let line = Line::after_a_conversation();
    let mut last = START;
    let steps = line.steps[role as usize].iter();
    steps.map(|(at, step)| (at.since(std::mem::replace(&mut last, *at)), step.clone())).collect()
}

/// Where the laws begin too.
const START: Instant = Instant::from_secs(1);

impl Line {
    fn after_a_conversation() -> Self {
        let nodes = [Role::Coordinator.build(), Role::Device.build()];
        let (steps, outputs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        let mut line = Self { now: START, nodes, steps, outputs, coming: BTreeMap::new(), sequence: 0 };
        line.give(0, Step::Adpm(AdpmRequest::NetworkStart { pan_id: PanId(0x781D) }));
        line.give(0, Step::Adpm(AdpmRequest::Allow { eui64: DEVICE, psk: PSK, short: None }));
        line.give(1, Step::Adpm(AdpmRequest::NetworkJoin));
        line.run(60);
        let short = line.nodes[1].node.address().expect("the device has joined").1;
        line.give(0, Step::Udp(datagram(short, 300)));
        line.give(1, Step::Udp(datagram(ShortAddress::COORDINATOR, 900)));
        line.run(20);
        for (node, len) in [(0, 900), (1, 300)] {
            let whole = |o: &NodeOutput| matches!(o, NodeOutput::Udp(up) if up.payload.len() == len);
            assert!(line.outputs[node].iter().any(whole), "{:?}", line.outputs[node]);
        }
        line.give(1, Step::Adpm(AdpmRequest::NetworkLeave));
        line.run(20);
        assert!(line.outputs[0].contains(&NodeOutput::Adpm(AdpmIndication::DeviceLeft { eui64: DEVICE })));
        line
    }

    fn give(&mut self, n: usize, step: Step) {
        self.steps[n].push((self.now, step.clone()));
        self.nodes[n].handle(self.now, step);
        self.drain(n);
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            let coming = self.coming.keys().next().map(|(at, _)| *at);
            let deadlines = self.nodes.iter().map(Machine::deadline);
            let Some(next) = deadlines.chain([coming]).flatten().min().filter(|&at| at < end) else { break };
            self.now = self.now.max(next);
            for n in 0..self.nodes.len() {
                if self.nodes[n].deadline().is_some_and(|at| at <= self.now) {
                    self.nodes[n].tick(self.now);
                    self.drain(n);
                }
            }
            if let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (n, indication) = entry.remove();
                self.give(n, Step::Hear(indication));
            }
        }
        self.now = end;
    }

    fn drain(&mut self, n: usize) {
        while let Some(output) = self.nodes[n].poll() {
            match output {
                Output::Node(output) => self.outputs[n].push(output),
                Output::Sent(request) => self.carry(1 - n, &request),
            }
        }
    }

    /// What node `to` will hear of a frame that begins.
    fn carry(&mut self, to: usize, request: &PhyRequest) {
        let (at, duration) = airtime(request);
        let started = at.max(self.now);
        let ended = started + duration;
        self.at(started + PREAMBLE, to, PhyIndication::CarrierSense(CarrierSense::Preamble));
        match request {
            PhyRequest::Data(data) => {
                let sense = CarrierSense::Frame { ends: ended, response_expected: data.response_expected };
                let header = started + CENELEC_A.ack() + LATENCY;
                self.at(header, to, PhyIndication::CarrierSense(sense));
                self.at(ended + LATENCY, to, PhyIndication::Data(indication(data, started, ended)));
            }
            PhyRequest::Ack(ack) => {
                let PdAckRequest { fcs, more_segments, negative, .. } = *ack;
                let ack = PdAckIndication { fcs, more_segments, negative, lqi: LQI, ended };
                self.at(ended + LATENCY, to, PhyIndication::Ack(ack));
            }
        }
        self.at(ended + LATENCY, to, PhyIndication::CarrierSense(CarrierSense::Idle));
    }

    fn at(&mut self, at: Instant, to: usize, indication: PhyIndication) {
        self.sequence += 1;
        self.coming.insert((at, self.sequence), (to, indication));
    }
}

fn indication(data: &PdDataRequest, started: Instant, ended: Instant) -> PdDataIndication {
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

pub(crate) fn datagram(dst: ShortAddress, len: usize) -> UdpRequest {
    let payload = UdpPayload::from_iter((0..len).map(|n| n as u8));
    UdpRequest { handle: 1, dst, src_port: 4059, dst_port: 4059, payload }
}
