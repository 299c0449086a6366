//! Nodes that this one looks for: its own route requests \[G3 ADP 6.4\].

use super::Context;
use crate::counters::Drop;
use crate::wire::RouteMessage;
use alloc::vec::Vec;
use heapless::Deque;
use plc_core::{Instant, ShortAddress};

/// A node that is looked for.
#[derive(Clone, Copy, Debug)]
struct Search {
    destination: ShortAddress,
    repair: bool,
    hop_limit: u8,
    attempts_left: u8,
    /// When the request that is out counts as lost; `None`: it waits for its turn.
    until: Option<Instant>,
}

/// The searches of this node, in the order in which they began. One request goes out per adpRREQWait.
#[derive(Debug)]
pub(crate) struct Searches {
    all: Vec<Search>,
    limit: usize,
    next_turn: Instant,
    /// Nodes that were looked for in vain, oldest first: what others believe to know of the way is not to be trusted.
    missed: Deque<ShortAddress, 8>,
}

impl Searches {
    pub(crate) fn new(limit: usize) -> Self {
        Self { all: Vec::with_capacity(limit), limit, next_turn: Instant::EPOCH, missed: Deque::new() }
    }

    /// Looks for a node; returns whether there was room. A search that is under way goes on.
    #[must_use]
    pub(crate) fn start(
        &mut self,
        cx: &mut Context<'_>,
        destination: ShortAddress,
        repair: bool,
        hop_limit: u8,
    ) -> bool {
        if self.is_searching(destination) {
            return true;
        }
        if self.all.len() >= self.limit {
            cx.count(Drop::SearchesFull);
            return false;
        }
        let attempts_left = cx.ib.adp_rreq_retries;
        self.all.push(Search { destination, repair, hop_limit, attempts_left, until: None });
        true
    }

    pub(crate) fn is_searching(&self, destination: ShortAddress) -> bool {
        self.all.iter().any(|search| search.destination == destination)
    }

    /// The node was found; returns whether it was looked for.
    pub(crate) fn found(&mut self, destination: ShortAddress) -> bool {
        let before = self.all.len();
        self.missed.retain(|&missed| missed != destination);
        self.all.retain(|search| search.destination != destination);
        self.all.len() < before
    }

    /// Whether a request should go out now.
    pub(crate) fn has_request(&self, now: Instant) -> bool {
        self.next_turn <= now && self.all.iter().any(|search| search.until.is_none())
    }

    /// The next request, without its number, when it is time for one.
    pub(crate) fn next_request(&mut self, cx: &Context<'_>) -> Option<RouteMessage> {
        if self.next_turn > cx.now {
            return None;
        }
        let search = self.all.iter_mut().find(|search| search.until.is_none())?;
        search.until = Some(cx.now + cx.ib.adp_net_traversal_time * 2);
        self.next_turn = cx.now + cx.ib.adp_rreq_wait;
        let missed = self.missed.iter().any(|&missed| missed == search.destination);
        let unicast = cx.ib.adp_unicast_rreq_gen_enable && !search.repair && !missed;
        let flags = if search.repair { RouteMessage::REPAIR } else { 0 }
            | if unicast { RouteMessage::UNICAST } else { 0 };
        Some(RouteMessage {
            destination: search.destination,
            originator: cx.own,
            sequence: 0,
            flags,
            metric: cx.ib.adp_metric_type & 0x0F,
            route_cost: 0,
            hop_limit: search.hop_limit,
            hop_count: 0,
            weak_links: 0,
            reserved: 0,
        })
    }

    /// A node that could not be found.
    pub(crate) fn next_failure(&mut self, now: Instant) -> Option<ShortAddress> {
        let late = |search: &Search| search.until.is_some_and(|until| until <= now);
        while let Some(at) = self.all.iter().position(late) {
            let search = &mut self.all[at];
            let Some(left) = search.attempts_left.checked_sub(1) else {
                let destination = self.all.remove(at).destination;
                self.miss(destination);
                return Some(destination);
            };
            (search.attempts_left, search.until) = (left, None);
            let destination = search.destination;
            self.miss(destination);
        }
        None
    }

    fn miss(&mut self, destination: ShortAddress) {
        self.missed.retain(|&missed| missed != destination);
        if self.missed.is_full() {
            self.missed.pop_front();
        }
        self.missed.push_back(destination).expect("room was made");
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.iter().map(|search| search.until.unwrap_or(self.next_turn)).min()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.missed.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.all.capacity() * size_of::<Search>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.all.len(), self.limit)
    }
}
