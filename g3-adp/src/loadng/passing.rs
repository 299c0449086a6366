//! Route requests of others on their way onward \[G3 ADP 6.4\].

use super::Context;
use crate::config::InformationBase;
use crate::counters::Drop;
use crate::specs;
use crate::wire::RouteMessage;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::Lqi;
use plc_core::{Instant, ShortAddress};

/// A request that waits to be passed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) message: RouteMessage,
    /// The neighbour that it came from.
    pub(crate) from: ShortAddress,
    at: Instant,
    /// Copies heard of cluster members that say the same.
    copies: u8,
}

/// The requests that wait.
#[derive(Debug)]
pub(crate) struct Passing {
    all: Vec<Pass>,
    limit: usize,
}

impl Passing {
    pub(crate) fn new(limit: usize) -> Self {
        Self { all: Vec::with_capacity(limit), limit }
    }

    /// Passes a request on, later. A better copy of one that waits takes its place, but not its time.
    /// `cluster` is how many neighbours are heard as well as members of a cluster are.
    pub(crate) fn add(
        &mut self,
        cx: &mut Context<'_>,
        message: RouteMessage,
        (from, lqi): (ShortAddress, Lqi),
        cluster: usize,
    ) {
        if let Some(pass) = self.find(&message) {
            (pass.message, pass.from) = (message, from);
            return;
        }
        if self.all.len() >= self.limit {
            return cx.count(Drop::QueueFull);
        }
        let jitter = cx.interop.rreq_jitter;
        let mut delay = delay(lqi, cx) + cx.random(jitter);
        if cx.ib.adp_cluster_trickle_enabled {
            let interval = interval(cluster, cx.ib);
            delay += interval / 2 * closeness(lqi, cx.ib) / 256 + cx.random(interval / 2);
        }
        self.all.push(Pass { message, from, at: cx.now + delay, copies: 0 });
    }

    /// Another node has passed the same request on: in a cluster that is enough, when it was as cheap.
    pub(crate) fn on_copy(&mut self, cx: &Context<'_>, copy: &RouteMessage, lqi: Lqi) {
        if !cx.ib.adp_cluster_trickle_enabled || lqi.0 < cx.ib.adp_cluster_min_lqi {
            return;
        }
        if let Some(pass) = self.find(copy)
            && pass.message.route_cost.abs_diff(copy.route_cost) <= cx.ib.adp_cluster_rc_deviation
        {
            pass.copies = pass.copies.saturating_add(1);
        }
    }

    /// The next request whose time has come, unless enough others have passed it on.
    pub(crate) fn next(&mut self, cx: &mut Context<'_>) -> Option<Pass> {
        while let Some(at) = self.all.iter().position(|pass| pass.at <= cx.now) {
            let pass = self.all.remove(at);
            if !cx.ib.adp_cluster_trickle_enabled || pass.copies < cx.ib.adp_cluster_trickle_k.max(1) {
                return Some(pass);
            }
            cx.count(Drop::Suppressed);
        }
        None
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.iter().map(|pass| pass.at).min()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.all.capacity() * size_of::<Pass>()
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.all.len(), self.limit)
    }

    fn find(&mut self, message: &RouteMessage) -> Option<&mut Pass> {
        let key = |m: &RouteMessage| (m.originator, m.sequence);
        self.all.iter_mut().find(|pass| key(&pass.message) == key(message))
    }
}

/// How near the neighbour is from which a request came, in 256ths. Who is farther away within a cluster reaches more nodes that
/// have not heard the request, and should speak first. Who has heard it from outside of its cluster waits longest: mostly a
/// member has it too, over a better link \[ours; confidence C\].
fn closeness(lqi: Lqi, ib: &InformationBase) -> u32 {
    let least = ib.adp_cluster_min_lqi;
    let above = lqi.0.checked_sub(least).unwrap_or(u8::MAX);
    (u32::from(above) * 256 / u32::from(u8::MAX - least).max(1)).min(256)
}

/// adpClusterTrickleI, K · 3 · the duration of a request, or longer in a large cluster: so long that its members could speak one
/// after the other, and most of them hear K others first \[G3 ADP 5.6; the growth is ours, confidence C\].
fn interval(cluster: usize, ib: &InformationBase) -> Duration {
    let requests = 3 * u32::from(ib.adp_cluster_trickle_k.max(1));
    let cluster = u32::try_from(cluster).unwrap_or(u32::MAX).clamp(requests, CLUSTER_MAX);
    (ib.adp_cluster_trickle_i * cluster / requests).min(specs::CLUSTER_I_MAX.max(ib.adp_cluster_trickle_i))
}

/// Members that the interval grows with at most; more make no difference with any value of the other attributes.
const CLUSTER_MAX: u32 = 1000;

/// adpDelayLowLQI below adpRREQJitterLowLQI, adpDelayHighLQI above adpRREQJitterHighLQI, in between along a line.
fn delay(lqi: Lqi, cx: &Context<'_>) -> Duration {
    let ib = cx.ib;
    let (low, high) =
        (ib.adp_rreq_jitter_low_lqi, ib.adp_rreq_jitter_high_lqi.max(ib.adp_rreq_jitter_low_lqi));
    let (span, above) = (u32::from(high - low), u32::from(lqi.0.clamp(low, high) - low));
    if span == 0 {
        return if lqi.0 < low { ib.adp_delay_low_lqi } else { ib.adp_delay_high_lqi };
    }
    (ib.adp_delay_low_lqi * (span - above) + ib.adp_delay_high_lqi * above) / span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Actions;
    use crate::config::Interop;
    use plc_core::Seed;

    #[test]
    fn the_interval_of_a_cluster_grows_with_its_members_up_to_its_limit() {
        let ib = InformationBase { adp_cluster_trickle_k: 2, ..Default::default() };
        let grown = [0, 6, 12, 60, usize::MAX].map(|members| interval(members, &ib).as_millis());
        assert_eq!(grown, [900, 900, 1800, 4096, 4096]);
        let long = InformationBase { adp_cluster_trickle_i: Duration::from_secs(9), ..ib };
        assert_eq!(interval(60, &long), Duration::from_secs(9), "what was configured is never cut");
    }

    #[test]
    fn who_is_farther_away_in_a_cluster_is_less_close_and_who_is_outside_of_it_waits_longest() {
        let ib = InformationBase { adp_cluster_min_lqi: 55, ..Default::default() };
        assert_eq!(
            [0, 54, 55, 105, 155, 255].map(|lqi| closeness(Lqi(lqi), &ib)),
            [256, 256, 0, 64, 128, 256]
        );
        let all = InformationBase { adp_cluster_min_lqi: 255, ..ib };
        assert_eq!(closeness(Lqi(255), &all), 0);
    }

    #[test]
    fn weak_links_wait_longer_along_a_line() {
        let ib = InformationBase {
            adp_delay_low_lqi: Duration::from_millis(1500),
            adp_delay_high_lqi: Duration::from_millis(100),
            ..Default::default()
        };
        let (interop, mut random, mut out) =
            (Interop::default(), Seed::from_u64(1).stream(), Actions::new(&crate::config::Limits::DEVICE));
        let (now, own) = (Instant::EPOCH, ShortAddress(1));
        let cx = Context { now, own, ib: &ib, interop: &interop, random: &mut random, out: &mut out };
        let wait = |lqi| delay(Lqi(lqi), &cx).as_millis();
        assert_eq!([wait(0), wait(52), wait(86), wait(120), wait(255)], [1500, 1500, 800, 100, 100]);
    }
}
