//! The network as the coordinator sees it: who is in it, how far away, how well heard, how long ago.

use crate::live::{Live, Node, NodeState};
use plc_core::sap::UdpIndication;
use plc_core::{Eui64, ShortAddress, Utc};
use std::collections::BTreeMap;

/// The nodes of the network, each with its age.
#[derive(Debug)]
pub struct Network {
    coordinator: Eui64,
    nodes: BTreeMap<Eui64, Node>,
    changed: bool,
}

impl Network {
    /// The coordinator alone.
    pub const fn new(coordinator: Eui64) -> Self {
        Self { coordinator, nodes: BTreeMap::new(), changed: true }
    }

    /// A device has this address now, or none any more.
    pub fn on_address(&mut self, eui64: Eui64, short: Option<ShortAddress>) {
        let known = self.nodes.get(&eui64).and_then(|node| node.short_address);
        if known == short {
            return;
        }
        let state = if short.is_some() { NodeState::Joined } else { NodeState::Lost };
        let node = self.nodes.entry(eui64).or_insert(device(eui64));
        (node.short_address, node.state) = (short, state);
        self.changed = true;
    }

    /// A datagram of a device has arrived.
    pub fn on_heard(&mut self, now: Utc, datagram: &UdpIndication) {
        let Some(node) = self.nodes.values_mut().find(|node| node.short_address == Some(datagram.src)) else {
            return;
        };
        node.hops = Some(datagram.hops);
        // The way through other nodes is not known here; a direct neighbour's is.
        node.parent = (datagram.hops == 1).then_some(ShortAddress::COORDINATOR);
        node.link_quality = Some(datagram.lqi.0);
        node.last_heard = Some(now);
        self.changed = true;
    }

    /// Shows the network if it has changed: the coordinator first.
    pub fn publish(&mut self, live: &Live) {
        if std::mem::take(&mut self.changed) {
            let coordinator = Node {
                short_address: Some(ShortAddress::COORDINATOR),
                hops: Some(0),
                state: NodeState::Coordinator,
                ..device(self.coordinator)
            };
            live.set_topology(std::iter::once(coordinator).chain(self.nodes.values().copied()).collect());
        }
    }
}

const fn device(eui64: Eui64) -> Node {
    Node {
        eui64,
        short_address: None,
        parent: None,
        hops: None,
        link_quality: None,
        last_heard: None,
        state: NodeState::Joining,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::ClockKind;
    use plc_core::sap::{Lqi, UdpPayload};

    fn heard(short: u16, hops: u8) -> UdpIndication {
        let payload = UdpPayload::new();
        UdpIndication { src: ShortAddress(short), src_port: 1, dst_port: 1, payload, hops, lqi: Lqi(90) }
    }

    #[test]
    fn a_device_that_left_stays_listed_with_its_age() {
        let live = Live::new(ClockKind::Simulated, Utc::from_secs(0), []);
        let mut network = Network::new(Eui64::from_u64(1));
        let device = Eui64::from_u64(7);
        network.on_address(device, Some(ShortAddress(5)));
        network.on_heard(Utc::from_secs(60), &heard(5, 1));
        network.on_address(device, None);
        network.publish(&live);
        let nodes = live.topology().borrow().clone();
        assert_eq!((nodes.len(), nodes[0].state), (2, NodeState::Coordinator));
        let expected = (NodeState::Lost, Some(Utc::from_secs(60)), Some(90), Some(1));
        assert_eq!((nodes[1].state, nodes[1].last_heard, nodes[1].link_quality, nodes[1].hops), expected);
    }

    #[test]
    fn the_parent_of_a_distant_node_is_not_guessed() {
        let live = Live::new(ClockKind::Simulated, Utc::from_secs(0), []);
        let mut network = Network::new(Eui64::from_u64(1));
        network.on_address(Eui64::from_u64(7), Some(ShortAddress(5)));
        network.on_heard(Utc::from_secs(60), &heard(5, 3));
        network.publish(&live);
        let node = live.topology().borrow()[1];
        assert_eq!((node.hops, node.parent), (Some(3), None));
    }
}
