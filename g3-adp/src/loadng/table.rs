//! The routing table \[G3 ADP 6.3, 6.4.3\].

use crate::specs;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::time::Duration;
use plc_core::{Instant, ShortAddress};

/// How to reach a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The node.
    pub destination: ShortAddress,
    /// The neighbour through which.
    pub next_hop: ShortAddress,
    /// Sum of the link costs.
    pub cost: u16,
    /// Hops, 1 for a neighbour.
    pub hops: u8,
    /// Weak links among them.
    pub weak_links: u8,
    /// adpMetricType of the cost.
    pub metric: u8,
    /// Of the destination, when a message of its own has made the route.
    pub sequence: Option<u16>,
    /// Whether the next hop is known to hear this node.
    pub bidirectional: bool,
    /// A route that has failed keeps its number, so that nothing older can come back.
    pub broken: bool,
    /// When it is forgotten.
    pub expires: Instant,
    /// When a frame was last acknowledged on it, however often it was made anew since over the same neighbour; the epoch if never.
    pub used: Instant,
}

impl Route {
    /// Whether frames may take it.
    pub fn is_usable(&self, now: Instant) -> bool {
        self.bidirectional && self.is_known(now)
    }

    /// Whether replies may take it.
    pub fn is_known(&self, now: Instant) -> bool {
        !self.broken && self.expires > now
    }

    /// Whether this route, offered with a message, replaces `old` \[G3 ADP 6.4.3\].
    fn replaces(&self, old: &Self, now: Instant) -> bool {
        if old.expires <= now {
            return true;
        }
        match (self.sequence, old.sequence) {
            (Some(_), None) => true,
            (None, _) => !old.is_known(now) || old.next_hop == self.next_hop && old.sequence.is_none(),
            (Some(new), Some(known)) => match age(new, known) {
                Ordering::Greater => true,
                Ordering::Less => known.wrapping_sub(new) > specs::SEQUENCE_REORDER && self.is_authority(old),
                Ordering::Equal => !old.broken && self.is_better(old),
            },
        }
    }

    /// Whether this comes from the destination itself, or from the neighbour that `old` follows anyway: who of them says an old
    /// number knows of no newer one. Refused, it would be so until the route expires, and replies would end here.
    fn is_authority(&self, old: &Self) -> bool {
        self.next_hop == self.destination || self.next_hop == old.next_hop
    }

    fn is_better(&self, old: &Self) -> bool {
        let hop_count = |route: &Self| route.metric == specs::METRIC_HOP_COUNT;
        if hop_count(self) != hop_count(old) {
            return hop_count(old);
        }
        let rank = |route: &Self| (route.weak_links, route.cost, route.hops);
        rank(self) < rank(old)
    }
}

/// Whether sequence number `a` is newer than `b`, in serial arithmetic.
pub fn age(a: u16, b: u16) -> Ordering {
    match a.wrapping_sub(b) {
        0 => Ordering::Equal,
        1..=specs::SEQUENCE_WINDOW => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// The routes of a node, sorted by destination.
#[derive(Debug)]
pub struct RoutingTable {
    routes: Vec<Route>,
    limit: usize,
}

impl RoutingTable {
    /// Room for `limit` routes.
    pub fn new(limit: usize) -> Self {
        Self { routes: Vec::with_capacity(limit), limit }
    }

    /// The route to a node that frames may take.
    pub fn usable(&self, now: Instant, destination: ShortAddress) -> Option<&Route> {
        self.find(destination).filter(|route| route.is_usable(now))
    }

    /// The route to a node that replies may take.
    pub fn known(&self, now: Instant, destination: ShortAddress) -> Option<&Route> {
        self.find(destination).filter(|route| route.is_known(now))
    }

    /// A message has shown a route; returns whether it was taken. A full table forgets a broken route, or
    /// else the one that ends first; the one to the coordinator last of all, for everything goes there.
    pub fn offer(&mut self, now: Instant, route: Route) -> bool {
        match self.locate(route.destination) {
            Ok(at) => {
                let taken = route.replaces(&self.routes[at], now);
                if taken {
                    let old = self.routes[at];
                    let used = if old.next_hop == route.next_hop { old.used } else { route.used };
                    self.routes[at] = Route { used, ..route };
                }
                taken
            }
            Err(_) if self.limit == 0 => false,
            Err(mut at) => {
                if self.routes.len() >= self.limit {
                    at -= usize::from(self.evict() < at);
                }
                self.routes.insert(at, route);
                true
            }
        }
    }

    /// This route, whatever was there before.
    pub(crate) fn put(&mut self, route: Route) {
        if let Ok(at) = self.locate(route.destination) {
            self.routes.remove(at);
        }
        self.offer(Instant::EPOCH, route);
    }

    /// A neighbour is known to hear this node: the routes to it and to `destination` through it may be used.
    pub fn confirm(&mut self, destination: ShortAddress, next_hop: ShortAddress) -> bool {
        let Ok(at) = self.locate(destination) else { return false };
        let route = &mut self.routes[at];
        let news = !route.bidirectional && !route.broken && route.next_hop == next_hop;
        route.bidirectional |= news;
        news
    }

    /// A frame was acknowledged on the route.
    pub fn on_used(&mut self, now: Instant, destination: ShortAddress) {
        if let Ok(at) = self.locate(destination)
            && self.routes[at].is_known(now)
        {
            self.routes[at].used = now;
        }
    }

    /// The route was used: it stays.
    pub fn refresh(&mut self, now: Instant, destination: ShortAddress, ttl: Duration) {
        if let Ok(at) = self.locate(destination)
            && self.routes[at].is_known(now)
        {
            self.routes[at].expires = now + ttl;
        }
    }

    /// The route has failed.
    pub fn fail(&mut self, destination: ShortAddress) {
        if let Ok(at) = self.locate(destination) {
            self.routes[at].broken = true;
        }
    }

    /// The node cannot be found: neither can its number be trusted, for it may have begun a new one.
    pub(crate) fn forget(&mut self, destination: ShortAddress) {
        self.routes.retain(|route| route.destination != destination);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.routes.clear();
    }

    /// All routes, the broken and the old ones too, sorted by destination.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Routes held, and the most that may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.routes.len(), self.limit)
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.routes.capacity() * size_of::<Route>()
    }

    /// The route to a node, whatever became of it.
    pub(crate) fn find(&self, destination: ShortAddress) -> Option<&Route> {
        self.locate(destination).ok().map(|at| &self.routes[at])
    }

    fn locate(&self, destination: ShortAddress) -> Result<usize, usize> {
        self.routes.binary_search_by_key(&destination, |route| route.destination)
    }

    /// Makes room; returns where.
    fn evict(&mut self) -> usize {
        let first = |(_, route): &(usize, &Route)| {
            let home = route.destination == ShortAddress::COORDINATOR;
            (home, !route.broken, route.expires)
        };
        let at = self.routes.iter().enumerate().min_by_key(first).map_or(0, |(at, _)| at);
        self.routes.remove(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    const NOW: Instant = Instant::from_secs(100);

    fn route(destination: u16, next_hop: u16, sequence: Option<u16>, rank: (u8, u16, u8)) -> Route {
        Route {
            destination: ShortAddress(destination),
            next_hop: ShortAddress(next_hop),
            cost: rank.1,
            hops: rank.2,
            weak_links: rank.0,
            metric: specs::METRIC_COMPOSITE,
            sequence,
            bidirectional: true,
            broken: false,
            expires: Instant::from_secs(200),
            used: Instant::EPOCH,
        }
    }

    #[test]
    fn a_full_table_forgets_what_is_broken_first_and_the_route_home_last() {
        let mut table = RoutingTable::new(3);
        let ends = |route: Route, second| Route { expires: Instant::from_secs(second), ..route };
        table.offer(NOW, ends(route(0, 0, None, (0, 9, 1)), 101));
        table.offer(NOW, ends(route(1, 1, None, (0, 9, 1)), 110));
        table.offer(NOW, ends(route(3, 3, None, (0, 9, 1)), 140));
        table.fail(ShortAddress(3));
        let mut left = Vec::new();
        for n in 4..7 {
            table.offer(NOW, ends(route(n, n, None, (0, 9, 1)), 190 + u64::from(n)));
            left.push(table.routes().iter().map(|route| route.destination.0).collect::<Vec<_>>());
        }
        assert_eq!(left, [[0, 1, 4], [0, 4, 5], [0, 5, 6]]);
    }

    #[test]
    fn weak_links_count_before_cost_and_cost_before_hops() {
        let mut table = RoutingTable::new(4);
        assert!(table.offer(NOW, route(1, 10, Some(5), (1, 20, 3))));
        assert!(!table.offer(NOW, route(1, 11, Some(5), (1, 20, 3))), "no better");
        assert!(table.offer(NOW, route(1, 12, Some(5), (1, 20, 2))));
        assert!(table.offer(NOW, route(1, 13, Some(5), (1, 19, 9))));
        assert!(table.offer(NOW, route(1, 14, Some(5), (0, 99, 9))));
        assert!(!table.offer(NOW, route(1, 15, Some(4), (0, 1, 1))), "older");
        assert!(table.offer(NOW, route(1, 16, Some(6), (9, 99, 9))));
        assert_eq!(table.usable(NOW, ShortAddress(1)).unwrap().next_hop, ShortAddress(16));
    }

    #[test]
    fn a_broken_route_comes_back_only_with_a_newer_number() {
        let mut table = RoutingTable::new(4);
        table.offer(NOW, route(1, 10, Some(5), (0, 20, 3)));
        table.fail(ShortAddress(1));
        assert!(table.known(NOW, ShortAddress(1)).is_none());
        assert!(!table.offer(NOW, route(1, 11, Some(5), (0, 1, 1))));
        assert!(table.offer(NOW, route(1, 11, Some(6), (0, 30, 3))));
    }

    #[test]
    fn a_much_older_number_is_believed_from_its_owner_and_from_the_neighbour_that_leads_to_him() {
        let known = route(1, 10, Some(29_555), (0, 20, 3));
        for (next_hop, number, taken) in [
            (1, 12_082, true),
            (10, 12_082, true),
            (11, 12_082, false),
            (1, 29_555 - 65, true),
            (1, 29_555 - 64, false),
            (10, 29_554, false),
        ] {
            let mut table = RoutingTable::new(4);
            table.offer(NOW, known);
            assert_eq!(
                table.offer(NOW, route(1, next_hop, Some(number), (0, 12, 1))),
                taken,
                "{next_hop} {number}"
            );
        }
    }

    #[test]
    fn a_node_that_was_looked_for_in_vain_is_found_with_any_number() {
        let mut table = RoutingTable::new(4);
        table.offer(NOW, route(1, 10, Some(29_555), (0, 20, 3)));
        table.fail(ShortAddress(1));
        assert!(!table.offer(NOW, route(1, 11, Some(28_556), (0, 20, 3))));
        table.forget(ShortAddress(1));
        assert!(table.offer(NOW, route(1, 11, Some(28_556), (0, 20, 3))));
    }

    #[test]
    fn a_route_may_be_used_once_its_first_hop_has_answered_and_until_it_ends() {
        let mut table = RoutingTable::new(4);
        table.offer(NOW, Route { bidirectional: false, ..route(1, 10, Some(5), (0, 20, 3)) });
        assert!(table.known(NOW, ShortAddress(1)).is_some() && table.usable(NOW, ShortAddress(1)).is_none());
        assert!(!table.confirm(ShortAddress(1), ShortAddress(11)));
        assert!(table.confirm(ShortAddress(1), ShortAddress(10)));
        assert!(table.usable(NOW, ShortAddress(1)).is_some());
        assert!(table.usable(Instant::from_secs(200), ShortAddress(1)).is_none());
        table.refresh(NOW, ShortAddress(1), Duration::from_secs(500));
        assert!(table.usable(Instant::from_secs(599), ShortAddress(1)).is_some());
    }

    #[test]
    fn the_last_use_of_a_route_is_known_until_it_leads_over_another_neighbour() {
        let mut table = RoutingTable::new(4);
        let used = |table: &RoutingTable| table.find(ShortAddress(1)).unwrap().used;
        table.offer(NOW, route(1, 10, Some(5), (0, 20, 3)));
        assert_eq!(used(&table), Instant::EPOCH);
        table.on_used(NOW, ShortAddress(1));
        table.offer(NOW, route(1, 10, Some(6), (0, 20, 3)));
        assert_eq!(used(&table), NOW);
        table.offer(NOW, route(1, 11, Some(7), (0, 20, 3)));
        assert_eq!(used(&table), Instant::EPOCH);
        table.fail(ShortAddress(1));
        table.on_used(NOW, ShortAddress(1));
        assert_eq!(used(&table), Instant::EPOCH, "a frame on its way while the route was given up");
    }

    #[test]
    fn numbers_are_compared_around_the_corner() {
        assert_eq!(age(1, 0xFFFF), Ordering::Greater);
        assert_eq!(age(0xFFFF, 1), Ordering::Less);
        assert_eq!((age(32_767, 0), age(32_768, 0)), (Ordering::Greater, Ordering::Less));
    }

    proptest! {
        #[test]
        fn a_full_table_forgets_the_broken_and_the_oldest_but_not_the_way_home(
            offers in prop::collection::vec((0u16..40, 0u64..1000, any::<bool>()), 0..200),
        ) {
            let (mut table, mut oracle) = (RoutingTable::new(8), BTreeMap::new());
            for (n, (destination, expires, fails)) in offers.into_iter().enumerate() {
                let expires = Instant::from_secs(1000 + expires);
                let offer = Route { expires, ..route(destination, 1, Some(n as u16), (0, 9, 1)) };
                prop_assert!(table.offer(NOW, offer));
                if !oracle.contains_key(&destination) && oracle.len() == 8 {
                    let rank = |&(d, r): &(&u16, &Route)| (*d == 0, !r.broken, r.expires, *d);
                    let last = oracle.iter().min_by_key(rank);
                    let gone = *last.unwrap().0;
                    oracle.remove(&gone);
                }
                oracle.insert(destination, offer);
                if fails {
                    table.fail(ShortAddress(destination));
                    oracle.get_mut(&destination).unwrap().broken = true;
                }
                prop_assert!(table.routes().iter().eq(oracle.values()));
            }
        }
    }
}
