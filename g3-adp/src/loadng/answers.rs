//! Route replies of this node \[G3 ADP 6.4.5\].

use super::Context;
use crate::counters::Drop;
use crate::wire::RouteMessage;
use alloc::vec::Vec;
use plc_core::Instant;

/// A request for this node.
#[derive(Clone, Copy, Debug)]
struct Answer {
    request: RouteMessage,
    /// When the reply goes; `None`: it has gone.
    at: Option<Instant>,
    /// When a better copy of the request is not expected any more.
    until: Instant,
}

/// The requests for this node that wait for their reply, or were answered a short while ago.
#[derive(Debug)]
pub(crate) struct Answers {
    all: Vec<Answer>,
    limit: usize,
}

impl Answers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { all: Vec::with_capacity(limit), limit }
    }

    /// A request that is the first of its number, or better than those before: the reply goes adpRREPWait after the
    /// first, and once more that long after a better one that came too late for it.
    pub(crate) fn on_request(&mut self, cx: &mut Context<'_>, request: RouteMessage) {
        let (at, until) = (cx.now + cx.ib.adp_rrep_wait, cx.now + cx.ib.adp_net_traversal_time * 2);
        let same = |answer: &Answer| answer.request.originator == request.originator;
        if let Some(known) = self.all.iter_mut().find(|answer| same(answer)) {
            let waits = known.request.sequence == request.sequence && known.at.is_some();
            known.at = if waits { known.at } else { Some(at) };
            (known.request, known.until) = (request, until);
            return;
        }
        self.all.retain(|answer| answer.at.is_some() || answer.until > cx.now);
        if self.all.len() >= self.limit {
            return cx.count(Drop::QueueFull);
        }
        self.all.push(Answer { request, at: Some(at), until });
    }

    /// The next reply whose time has come, without its number.
    pub(crate) fn next_reply(&mut self, cx: &Context<'_>) -> Option<RouteMessage> {
        let due = |answer: &&mut Answer| answer.at.is_some_and(|at| at <= cx.now);
        let answer = self.all.iter_mut().find(due)?;
        answer.at = None;
        let request = &answer.request;
        Some(RouteMessage {
            destination: request.originator,
            originator: request.destination,
            sequence: 0,
            flags: request.flags & RouteMessage::REPAIR,
            metric: cx.ib.adp_metric_type & 0x0F,
            route_cost: 0,
            hop_limit: cx.max_hops(),
            hop_count: 0,
            weak_links: 0,
            reserved: 0,
        })
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(|answer| answer.at).min()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.all.capacity() * size_of::<Answer>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.all.len(), self.limit)
    }
}
