//! A node with what it sends made visible.

use crate::air::{Air, Exchange};
use g3_mac::wire::{Segment, check_fcs};
use plc_core::laws::{self, Durability};
use plc_core::sap::{AdpmRequest, FrameGeometry, Key, Persist, PhyIndication, PhyRequest, UdpRequest};
use plc_core::wire::Reader;
use plc_core::{Eui64, Instant, Machine, Seed};
use plc_node::modem::CENELEC_A;
use plc_node::{CoordinatorConfig, DeviceConfig, Node, NodeConfig, NodeInput, NodeOutput};
use std::collections::VecDeque;

pub(crate) const PSK: Key = Key([7; 16]);
pub(crate) const DEVICE: Eui64 = Eui64::from_u64(0x0011_2233_4455_6677);
/// The first frame counter that the nodes may use.
const FRAME_COUNTER: u32 = 40;

/// An owned input of a node.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Hear(PhyIndication),
    Udp(UdpRequest),
    Adpm(AdpmRequest),
}

/// An output of a node, or what it has given to the line.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Node(NodeOutput),
    Sent(PhyRequest),
}

/// A node whose driver looks at the line after it has drained the outputs.
pub(crate) struct Exposed {
    pub(crate) node: Node<Air>,
    out: VecDeque<Output>,
}

impl Exposed {
    pub(crate) fn new(node: Node<Air>) -> Self {
        Self { node, out: VecDeque::new() }
    }

    fn drain(&mut self, now: Instant) {
        let node = &mut self.node;
        self.out.extend(std::iter::from_fn(|| node.poll()).map(Output::Node));
        let mut sent = Vec::new();
        node.handle(now, NodeInput::Medium(Exchange::Fetch(&mut sent)));
        self.out.extend(sent.into_iter().map(Output::Sent));
    }
}

impl Machine for Exposed {
    type Input<'a> = Step;
    type Output = Output;

    fn handle(&mut self, now: Instant, step: Step) {
        let input = match step {
            Step::Hear(indication) => NodeInput::Medium(Exchange::Hear(indication)),
            Step::Udp(request) => NodeInput::Udp(request),
            Step::Adpm(request) => NodeInput::Adpm(request),
        };
        self.node.handle(now, input);
        self.drain(now);
    }

    fn tick(&mut self, now: Instant) {
        self.node.tick(now);
        self.drain(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
}

/// The node under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Coordinator,
    Device,
}

impl Role {
    pub(crate) fn config(self) -> NodeConfig {
        let (geometry, seed) = (&CENELEC_A as &'static dyn FrameGeometry, Seed::from_u64(3));
        let frame_counter = FRAME_COUNTER;
        match self {
            Self::Coordinator => CoordinatorConfig {
                eui64: Eui64::from_u64(0x8172_6354_4536_2718),
                geometry,
                seed: seed.derive("coordinator", 0),
                gmk: Key([9; 16]),
                key_index: 0,
                frame_counter,
                devices: 4,
            }
            .into(),
            Self::Device => DeviceConfig {
                eui64: DEVICE,
                geometry,
                seed: seed.derive("device", 0),
                psk: PSK,
                frame_counter,
            }
            .into(),
        }
    }
}

impl laws::Subject for Role {
    type Machine = Exposed;
    type Step = Step;

    /// Counters are reserved three at a time, so that reservations are many.
    fn build(&self) -> Exposed {
        let mut config = self.config();
        config.mac.frame_counter_block = 3;
        Exposed::new(Node::assemble(Air::default(), config))
    }

    fn apply(&self, machine: &mut Exposed, now: Instant, step: &Step) {
        machine.handle(now, step.clone());
    }

    fn describe(&self, output: &Output) -> String {
        format!("{output:?}")
    }

    fn durability(&self, output: &Output) -> Durability {
        match output {
            Output::Node(NodeOutput::Persist(Persist::MacFrameCounter { reserved_to })) => {
                Durability::Persists((*reserved_to).into())
            }
            Output::Sent(PhyRequest::Data(data)) => {
                let (body, _) = check_fcs(&data.psdu).unwrap();
                let aux = Segment::parse(&mut Reader::new(body)).unwrap().aux;
                aux.map_or(Durability::Free, |aux| Durability::ReliesOn(aux.frame_counter.into()))
            }
            _ => Durability::Free,
        }
    }

    fn durable_at_start(&self) -> u64 {
        FRAME_COUNTER.into()
    }

    fn occupancy(&self, machine: &Exposed) -> (usize, usize) {
        let node = &machine.node;
        assert_eq!(node.outputs_dropped(), 0, "the outbox is large enough for one call");
        let parts = [node.occupancy(), node.mac().occupancy(), node.adp().occupancy()];
        for (held, limit) in parts {
            assert!(held <= limit, "{held} held, limit {limit}");
        }
        node.occupancy()
    }
}
