//! The town's end: turns go to the daemon's process, answers come back.

use super::wire::{self, Hello};
use collector::CollectorConfig;
use plc_core::Instant;
use plc_node::NodeOutput;
use sim::street::MeterIdentity;
use sim::world::{Orders, Outside, TownConfig};
use std::os::unix::net::UnixStream;

pub(super) struct Above(UnixStream);

impl Above {
    pub(super) fn new(
        mut stream: UnixStream,
        config: &TownConfig,
        meters: &[MeterIdentity],
        collector: &CollectorConfig,
    ) -> Self {
        let hello = Hello {
            start: config.start,
            every: collector.every,
            delay: collector.delay,
            spread: collector.spread,
            sessions: collector.sessions,
            rows: collector.rows,
            meters: meters
                .iter()
                .map(|meter| (meter.eui64, [meter.psk, meter.encryption_key, meter.authentication_key]))
                .collect(),
        };
        wire::send(&mut stream, &hello.emit());
        Self(stream)
    }
}

impl Outside for Above {
    fn turn(&mut self, now: Instant, events: Vec<NodeOutput>) -> Orders {
        wire::send(&mut self.0, &wire::emit_turn(now, &events));
        let answer = wire::receive(&mut self.0).expect("the daemon answers");
        let answer = wire::parse_answer(&answer);
        Orders { management: answer.management, datagrams: answer.datagrams, deadline: answer.deadline }
    }
}
