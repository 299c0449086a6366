//! Another application above the node of the concentrator, such as the daemon's, in place of the collector and the store in memory.

use plc_core::Instant;
use plc_core::sap::{AdpmRequest, UdpRequest};
use plc_node::NodeOutput;

/// An application above the node of the concentrator.
pub trait Outside {
    /// The node has said this up to `now`. The first turn has nothing to say, and is the one to start the network in.
    fn turn(&mut self, now: Instant, events: Vec<NodeOutput>) -> Orders;
}

/// What the node shall do.
#[derive(Debug, Default)]
pub struct Orders {
    /// Management first.
    pub management: Vec<AdpmRequest>,
    /// Datagrams to send.
    pub datagrams: Vec<UdpRequest>,
    /// When the application wants the next turn at the latest.
    pub deadline: Option<Instant>,
}
