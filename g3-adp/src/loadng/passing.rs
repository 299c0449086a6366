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

    const LIMIT: usize = 3;

    /// A node that passes requests on.
    struct Node {
        passing: Passing,
        ib: InformationBase,
        interop: Interop,
        random: plc_core::seed::Stream,
        out: Actions,
    }

    impl Node {
        fn new(trickle: bool) -> Self {
            let ib = InformationBase {
                adp_cluster_trickle_enabled: trickle,
                adp_cluster_trickle_k: 2,
                adp_cluster_rc_deviation: 10,
                adp_cluster_min_lqi: 70,
                ..Default::default()
            };
            let out = Actions::new(&crate::config::Limits::DEVICE);
            let (interop, random) = (Interop::default(), Seed::from_u64(1).stream());
            Self { passing: Passing::new(LIMIT), ib, interop, random, out }
        }

        fn with<R>(&mut self, now: Instant, call: impl FnOnce(&mut Passing, &mut Context<'_>) -> R) -> R {
            let Self { passing, ib, interop, random, out } = self;
            call(passing, &mut Context { now, own: ShortAddress(1), ib, interop, random, out })
        }

        fn add(&mut self, message: RouteMessage, from: u16, lqi: u8) {
            self.with(Instant::EPOCH, |passing, cx| {
                passing.add(cx, message, (ShortAddress(from), Lqi(lqi)), 6);
            });
        }

        fn copy(&mut self, copy: RouteMessage, lqi: u8) {
            self.with(Instant::EPOCH, |passing, cx| passing.on_copy(cx, &copy, Lqi(lqi)));
        }

        /// The originators and the neighbours of all that goes out until `now`.
        fn next(&mut self, now: Instant) -> Vec<(u16, u16)> {
            let mut all = Vec::new();
            while let Some(pass) = self.with(now, |passing, cx| passing.next(cx)) {
                all.push((pass.message.originator.0, pass.from.0));
            }
            all
        }

        fn dropped(&mut self) -> Vec<Drop> {
            let mut reasons = Vec::new();
            while let Some(action) = self.out.pop() {
                if let crate::action::Action::Count(reason) = action {
                    reasons.push(reason);
                }
            }
            reasons
        }
    }

    fn request(originator: u16, sequence: u16, route_cost: u16) -> RouteMessage {
        RouteMessage {
            destination: ShortAddress(99),
            originator: ShortAddress(originator),
            sequence,
            flags: 0,
            metric: specs::METRIC_COMPOSITE,
            route_cost,
            hop_limit: 7,
            hop_count: 1,
            weak_links: 0,
            reserved: 0,
        }
    }

    /// After every delay that there is.
    const LATER: Instant = Instant::from_secs(30);

    #[test]
    fn a_request_goes_out_once_when_its_time_has_come_and_not_before() {
        let mut node = Node::new(false);
        node.add(request(5, 1, 20), 7, 200);
        let at = node.passing.deadline().unwrap();
        assert!(node.next(at - Duration::from_millis(1)).is_empty());
        assert_eq!(node.next(at), [(5, 7)]);
        assert!(node.next(LATER).is_empty() && node.passing.deadline().is_none());
    }

    #[test]
    fn a_better_copy_takes_the_place_of_the_one_that_waits_but_not_its_time() {
        let mut node = Node::new(false);
        node.add(request(5, 1, 20), 7, 200);
        let at = node.passing.deadline();
        node.add(request(5, 1, 10), 8, 0);
        assert_eq!((node.passing.deadline(), node.passing.occupancy()), (at, (1, LIMIT)));
        let pass = node.with(LATER, |passing, cx| passing.next(cx)).unwrap();
        assert_eq!((pass.message.route_cost, pass.from), (10, ShortAddress(8)));
        node.add(request(5, 1, 20), 7, 200);
        node.add(request(5, 2, 20), 7, 200);
        node.add(request(6, 1, 20), 7, 200);
        assert_eq!(node.passing.occupancy().0, 3, "another number or another originator is another request");
    }

    #[test]
    fn what_has_no_room_is_counted_and_those_that_wait_stay() {
        let mut node = Node::new(false);
        (1..=5).for_each(|originator| node.add(request(originator, 1, 20), 7, 200));
        assert_eq!(node.passing.occupancy(), (LIMIT, LIMIT));
        assert_eq!(node.dropped(), [Drop::QueueFull; 2]);
        let mut out = node.next(LATER);
        out.sort_unstable();
        assert_eq!(out, [(1, 7), (2, 7), (3, 7)]);
    }

    #[test]
    fn a_request_that_enough_members_of_the_cluster_have_passed_on_is_left_out() {
        let mut node = Node::new(true);
        (1..=3).for_each(|originator| node.add(request(originator, 1, 100), 7, 200));
        // Of the first two copies, of the second one, of the third two of which one is far and one is dear.
        node.copy(request(1, 1, 110), 70);
        node.copy(request(1, 1, 90), 255);
        node.copy(request(2, 1, 100), 200);
        node.copy(request(3, 1, 100), 200);
        node.copy(request(3, 1, 100), 69);
        node.copy(request(3, 1, 111), 200);
        node.copy(request(3, 1, 89), 200);
        node.copy(request(3, 2, 100), 200);
        let mut out = node.next(LATER);
        out.sort_unstable();
        assert_eq!(out, [(2, 7), (3, 7)]);
        assert_eq!(node.dropped(), [Drop::Suppressed]);
    }

    #[test]
    fn without_a_trickle_copies_do_not_count_and_with_one_the_wait_is_longer() {
        let mut node = Node::new(false);
        node.add(request(1, 1, 100), 7, 200);
        (0..9).for_each(|_| node.copy(request(1, 1, 100), 200));
        assert_eq!(node.next(LATER), [(1, 7)]);
        let wait = |trickle: bool, lqi: u8| {
            let waits = (0..64).map(|n| {
                let mut node = Node::new(trickle);
                node.random = Seed::from_u64(n).stream();
                node.add(request(1, 1, 100), 7, lqi);
                node.passing.deadline().unwrap().since(Instant::EPOCH)
            });
            waits.max().unwrap()
        };
        // adpClusterTrickleI is 900 ms for six members: half of it at most at random, and less than half for how near the neighbour is.
        let (plain, near, far) = (wait(false, 250), wait(true, 250), wait(true, 75));
        assert!(near > plain + Duration::from_millis(700), "{plain:?} {near:?}");
        assert!(near > far + Duration::from_millis(200), "{near:?} {far:?}");
        assert!(near <= plain + Duration::from_millis(900), "{plain:?} {near:?}");
    }
}
