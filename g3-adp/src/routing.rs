//! The next hop towards a node, and what a hop costs.

use crate::config::InformationBase;
use alloc::vec::Vec;
use plc_core::ShortAddress;
use plc_core::sap::Lqi;

/// Answers which neighbour a frame for a node goes to.
///
/// Every node that was heard is a neighbour and reached directly. A node that was not heard is tried
/// directly too, unless it is the coordinator and there is a default route to it.
#[derive(Debug)]
pub struct Routing {
    /// Nodes heard, sorted.
    neighbours: Vec<ShortAddress>,
    limit: usize,
    coordinator: ShortAddress,
    default_route: Option<ShortAddress>,
}

impl Routing {
    /// Remembers up to `limit` neighbours.
    pub fn new(limit: usize, coordinator: ShortAddress) -> Self {
        Self { neighbours: Vec::with_capacity(limit), limit, coordinator, default_route: None }
    }

    /// The neighbour that a frame for `destination` goes to.
    pub fn next_hop(&self, destination: ShortAddress) -> ShortAddress {
        let heard = self.neighbours.binary_search(&destination).is_ok();
        match self.default_route {
            Some(hop) if destination == self.coordinator && !heard => hop,
            _ => destination,
        }
    }

    /// A frame of this node was heard. A full table keeps the neighbours it has.
    pub fn on_heard(&mut self, neighbour: ShortAddress) {
        if let Err(at) = self.neighbours.binary_search(&neighbour)
            && self.neighbours.len() < self.limit
        {
            self.neighbours.insert(at, neighbour);
        }
    }

    /// The coordinator is behind this neighbour \[G3 ADP 6.5; adpDefaultCoordRouteEnabled\].
    pub fn set_default_route(&mut self, hop: ShortAddress) {
        self.default_route = Some(hop);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.neighbours.clear();
        self.default_route = None;
    }

    /// Neighbours remembered.
    pub fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }
}

/// The cost of a link with this quality in both directions: Kq · clip((high - LQI) / (high - low)) + Kh,
/// rounded, halves down. The terms of modulation and tones are zero by default \[G3 ADP 6.2; confidence B\].
pub fn link_cost(lqi: Lqi, ib: &InformationBase) -> u16 {
    let (low, high) = (i32::from(ib.adp_low_lqi_value), i32::from(ib.adp_high_lqi_value));
    let span = (high - low).max(1);
    let below = (high - i32::from(lqi.0)).clamp(0, span);
    let twice = 2 * i32::from(ib.adp_kq) * below;
    let rounded = (twice + span - 1) / (2 * span);
    rounded as u16 + u16::from(ib.adp_kh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_costs_of_the_defaults_are_reproduced() {
        let table =
            [(0, 14), (40, 12), (52, 12), (80, 11), (100, 10), (120, 9), (160, 8), (200, 6), (255, 4)];
        for (lqi, cost) in table {
            assert_eq!(link_cost(Lqi(lqi), &InformationBase::default()), cost, "LQI {lqi}");
        }
    }

    #[test]
    fn the_coordinator_is_reached_through_the_default_route_until_it_is_heard() {
        let mut routing = Routing::new(2, ShortAddress::COORDINATOR);
        assert_eq!(routing.next_hop(ShortAddress::COORDINATOR), ShortAddress::COORDINATOR);
        routing.set_default_route(ShortAddress(7));
        assert_eq!(routing.next_hop(ShortAddress::COORDINATOR), ShortAddress(7));
        assert_eq!(routing.next_hop(ShortAddress(9)), ShortAddress(9));
        routing.on_heard(ShortAddress::COORDINATOR);
        assert_eq!(routing.next_hop(ShortAddress::COORDINATOR), ShortAddress::COORDINATOR);
    }

    #[test]
    fn neighbours_are_bounded() {
        let mut routing = Routing::new(2, ShortAddress::COORDINATOR);
        (1..9).for_each(|n| routing.on_heard(ShortAddress(n)));
        assert_eq!(routing.len(), 2);
    }
}
