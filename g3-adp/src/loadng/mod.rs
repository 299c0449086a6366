//! LOADng, the routing protocol of the mesh \[G3 ADP 6\].
//!
//! `Loadng` owns the tables and hands each message to its procedure: `request` and `reply` make routes, `error`
//! breaks them, `searches` are the requests of this node, `passing` those of others, `answers` the replies of this
//! node, `reverse` asks for the other direction of a link, `paths` for the way of frames, `home` keeps RC_COORD.

mod answers;
mod blacklist;
mod context;
pub mod cost;
mod error;
mod home;
mod neighbours;
mod passing;
mod paths;
mod reply;
mod request;
mod reverse;
mod searches;
pub mod table;

pub(crate) use context::{Context, max_hops};
pub use table::{Route, RoutingTable};

use crate::action::Action;
use crate::config::{InformationBase, Interop, Limits};
use crate::counters::Drop;
use crate::sequence::Sequence;
use crate::transmit::Purpose;
use crate::wire::{LoadngMessage, RlcRep, RouteMessage};
use answers::Answers;
use blacklist::Blacklist;
use home::Home;
pub(crate) use neighbours::Heard;
use neighbours::{Neighbour, Neighbours};
use passing::Passing;
use paths::Paths;
use plc_core::sap::{LinkQuality, Persist, StoredRoute};
use plc_core::{Instant, ShortAddress};
use reverse::Reverse;
use searches::Searches;

/// Routes, and the procedures that find them.
#[derive(Debug)]
pub(crate) struct Loadng {
    table: RoutingTable,
    neighbours: Neighbours,
    blacklist: Blacklist,
    sequence: Sequence,
    searches: Searches,
    passing: Passing,
    answers: Answers,
    reverse: Reverse,
    paths: Paths,
    /// Only of a device that has joined.
    home: Option<Home>,
    /// The neighbour that stands for the coordinator while there is no route.
    default_route: Option<ShortAddress>,
    /// When a frame was last acknowledged on the default route.
    default_used: Option<Instant>,
    /// Whether routes are made durable: those of a coordinator are.
    durable: bool,
}

impl Loadng {
    /// No routes; the first own number is `sequence`; routes are made durable or not.
    pub(crate) fn new(limits: &Limits, sequence: u32, durable: bool) -> Self {
        Self {
            table: RoutingTable::new(limits.routes),
            neighbours: Neighbours::new(limits.neighbours),
            blacklist: Blacklist::new(limits.blacklist),
            sequence: Sequence::of_routes(sequence),
            searches: Searches::new(limits.searches),
            passing: Passing::new(limits.passing),
            answers: Answers::new(limits.answers),
            reverse: Reverse::new(),
            paths: Paths::default(),
            home: None,
            default_route: None,
            default_used: None,
            durable,
        }
    }

    /// Routes from before a restart.
    pub(crate) fn restore(&mut self, cx: &Context<'_>, routes: impl Iterator<Item = StoredRoute>) {
        for route in routes {
            let StoredRoute { destination, next_hop, cost, hops, weak_links, sequence } = route;
            let (metric, expires) =
                (cx.ib.adp_metric_type & 0x0F, cx.now + cx.ib.adp_routing_table_entry_ttl);
            let (bidirectional, broken) = (true, false);
            self.table.offer(
                cx.now,
                Route {
                    destination,
                    next_hop,
                    cost,
                    hops,
                    weak_links,
                    metric,
                    sequence,
                    bidirectional,
                    broken,
                    expires,
                    used: Instant::EPOCH,
                },
            );
        }
    }

    /// A route that management knows of.
    pub(crate) fn set_route(&mut self, route: Route) {
        self.table.put(route);
    }

    /// The slot of the group key in which a neighbour must be spoken to, if that is not the one in use here.
    pub(crate) fn other_key_of(&self, now: Instant, neighbour: ShortAddress) -> Option<u8> {
        self.neighbours.other_key_of(now, neighbour)
    }

    /// The neighbour to which a frame for `destination` goes, if that is known \[G3 ADP 5.2\].
    pub(crate) fn next_hop(&self, cx: &Context<'_>, destination: ShortAddress) -> Option<ShortAddress> {
        self.next_hop_at(cx.now, cx.ib, cx.interop, destination)
    }

    /// The same for who only looks on.
    pub(crate) fn next_hop_at(
        &self,
        now: Instant,
        ib: &InformationBase,
        interop: &Interop,
        destination: ShortAddress,
    ) -> Option<ShortAddress> {
        if let Some(route) = self.usable_at(now, interop, destination) {
            return Some(route.next_hop);
        }
        if self.neighbours.is_confirmed(destination) {
            return Some(destination);
        }
        let home = destination == ib.adp_coord_short_address;
        let default = self.default_route.filter(|_| home);
        default.or(ib.adp_disable_default_routing.then_some(destination))
    }

    /// When a frame was last acknowledged on the way that the next frame for `destination` would take.
    pub(crate) fn used_at(
        &self,
        now: Instant,
        ib: &InformationBase,
        interop: &Interop,
        destination: ShortAddress,
    ) -> Option<Instant> {
        match self.usable_at(now, interop, destination) {
            Some(route) => Some(route.used).filter(|&used| used != Instant::EPOCH),
            None => self
                .default_route
                .and(self.default_used)
                .filter(|_| destination == ib.adp_coord_short_address),
        }
    }

    /// The next hop, or a search for it.
    pub(crate) fn next_hop_or_search(
        &mut self,
        cx: &mut Context<'_>,
        destination: ShortAddress,
        hops: u8,
    ) -> Option<ShortAddress> {
        let hop = self.next_hop(cx, destination);
        if hop.is_none() {
            self.search(cx, destination, false, hops);
        }
        hop
    }

    /// Looks for a node; without room for that it counts as not found, and so it does for who is in no PAN and has
    /// nobody to ask.
    pub(crate) fn search(&mut self, cx: &mut Context<'_>, destination: ShortAddress, repair: bool, hops: u8) {
        if cx.own == ShortAddress::BROADCAST || !self.searches.start(cx, destination, repair, hops) {
            cx.out.push(Action::RouteFailed(destination));
        }
    }

    /// Whether a neighbour was heard with this signal at least, and has answered before.
    pub(crate) fn is_well_heard(&self, neighbour: ShortAddress, lqi: u8) -> bool {
        self.neighbours.find(neighbour).is_some_and(|known| known.confirmed && known.lqi >= lqi)
    }

    /// Nobody can use the key in this slot any more.
    pub(crate) fn on_key_gone(&mut self) {
        self.neighbours.on_key_gone();
    }

    /// A protected frame of a neighbour was heard.
    pub(crate) fn on_heard(
        &mut self,
        now: Instant,
        neighbour: ShortAddress,
        link: &LinkQuality,
        heard: Heard,
    ) {
        self.neighbours.on_heard(now, neighbour, link, heard);
    }

    /// A neighbour that is known to hear this node: the other end of a join.
    pub(crate) fn on_partner(&mut self, cx: &mut Context<'_>, neighbour: ShortAddress, link: &LinkQuality) {
        self.neighbours.on_heard(cx.now, neighbour, link, Heard { unicast: true, other_key: None });
        self.offer_neighbour(cx, neighbour, link);
    }

    /// This device has joined: the way to the coordinator leads through `lba` for a start.
    pub(crate) fn on_joined(&mut self, cx: &Context<'_>, lba: ShortAddress) {
        self.home = Some(Home::default());
        let far = lba != cx.ib.adp_coord_short_address;
        self.default_route = (far && cx.ib.adp_default_coord_route_enabled).then_some(lba);
        self.default_used = None;
    }

    /// A frame for `destination` was acknowledged by `hop`.
    pub(crate) fn on_delivered(&mut self, cx: &Context<'_>, hop: ShortAddress, destination: ShortAddress) {
        self.on_answered(hop);
        let home = destination == cx.ib.adp_coord_short_address;
        match self.usable(cx, destination) {
            Some(route) if route.next_hop == hop => self.table.on_used(cx.now, destination),
            None if home && self.default_route == Some(hop) => self.default_used = Some(cx.now),
            _ => {}
        }
        if cx.interop.traffic_refreshes_routes {
            let ttl = cx.ib.adp_routing_table_entry_ttl;
            self.table.refresh(cx.now, destination, ttl);
            self.home.iter_mut().filter(|_| home).for_each(|at_home| at_home.on_delivered(cx.now + ttl));
        }
    }

    /// A frame was acknowledged.
    pub(crate) fn on_answered(&mut self, hop: ShortAddress) {
        self.blacklist.remove(hop);
        self.neighbours.on_tried(hop, true);
    }

    /// A frame for `destination` was never acknowledged by `hop` \[G3 ADP 6.5\].
    pub(crate) fn on_link_failed(
        &mut self,
        cx: &mut Context<'_>,
        hop: ShortAddress,
        destination: ShortAddress,
    ) {
        self.on_unanswered(cx, hop);
        if self.table.known(cx.now, destination).is_some_and(|route| route.next_hop == hop) {
            self.break_route(cx, destination);
        }
        if self.default_route == Some(hop) && destination == cx.ib.adp_coord_short_address {
            self.default_route = None;
        }
    }

    /// A frame was never acknowledged.
    pub(crate) fn on_unanswered(&mut self, cx: &Context<'_>, hop: ShortAddress) {
        self.neighbours.on_tried(hop, false);
        if self.table.known(cx.now, hop).is_some_and(|route| route.next_hop == hop) {
            self.break_route(cx, hop);
        }
        self.blacklist.add(cx.now, hop, cx.ib.adp_blacklist_table_entry_ttl);
        let listed = |n: &Neighbour| self.blacklist.contains(cx.now, n.address);
        if self.neighbours.all().iter().all(listed) {
            self.blacklist.clear();
        }
    }

    /// The route leads nowhere: the one in the table, or else the default one. Two nodes that have joined through each other, one
    /// after the other, would pass frames to and fro for ever otherwise.
    pub(crate) fn break_route(&mut self, cx: &Context<'_>, destination: ShortAddress) {
        let home = destination == cx.ib.adp_coord_short_address;
        if home && self.usable(cx, destination).is_none() {
            self.default_route = None;
        }
        self.table.fail(destination);
        if let Some(at_home) = self.home.as_mut().filter(|_| home) {
            at_home.on_lost();
        }
    }

    /// A message of a neighbour, for this node alone or to all.
    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        mut message: LoadngMessage,
        to_all: bool,
    ) {
        if let LoadngMessage::Rreq(request) = &mut message
            && to_all
        {
            request::flood(cx, request);
        }
        let makes_route = matches!(message, LoadngMessage::Rreq(_) | LoadngMessage::Rrep(_));
        if makes_route && self.wants_reverse(cx, from, link) {
            let Some(message) = self.reverse.hold(cx, from, link, message) else { return };
            return self.process(cx, from, link, message);
        }
        self.process(cx, from, link, message);
    }

    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {
        while let Some(held) = self.reverse.expire(cx.now) {
            self.process(cx, held.from, &held.link, held.message);
        }
        while let Some(destination) = self.searches.next_failure(cx.now) {
            self.on_not_found(cx, destination);
        }
        self.paths.on_tick(cx);
    }

    /// Sends what is due; after every input, and again while that has led to anything.
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) {
        self.keep_home(cx);
        while !cx.out.is_crowded()
            && let Some(request) = self.searches.next_request(cx)
        {
            self.send_request(cx, request);
        }
        while !cx.out.is_crowded()
            && let Some(pass) = self.passing.next(cx)
        {
            self.pass_on(cx, &pass);
        }
        while !cx.out.is_crowded()
            && let Some(reply) = self.answers.next_reply(cx)
        {
            self.send_reply(cx, reply);
        }
    }

    /// Whether a request of this node should go out now.
    pub(crate) fn has_request(&self, now: Instant) -> bool {
        self.searches.has_request(now)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let home = self.home.as_ref().and_then(Home::deadline);
        let (searches, passing) = (self.searches.deadline(), self.passing.deadline());
        let (answers, reverse, paths) =
            (self.answers.deadline(), self.reverse.deadline(), self.paths.deadline());
        [home, searches, passing, answers, reverse, paths].into_iter().flatten().min()
    }

    /// Asks for the way of frames to `destination`.
    pub(crate) fn discover_path(&mut self, cx: &mut Context<'_>, destination: ShortAddress, metric: u8) {
        let hop = self.next_hop(cx, destination);
        self.paths.start(cx, destination, metric, hop);
    }

    /// Forgets everything but the own number.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.neighbours.clear();
        self.blacklist.clear();
        self.searches.clear();
        self.passing.clear();
        self.answers.clear();
        self.reverse.clear();
        self.paths.clear();
        (self.home, self.default_route) = (None, None);
    }

    /// The routing table.
    pub(crate) const fn table(&self) -> &RoutingTable {
        &self.table
    }

    /// Neighbours over which no new route is made, and until when.
    pub(crate) fn blacklist(&self) -> &[(ShortAddress, Instant)] {
        self.blacklist.entries()
    }

    /// Each table by its name: entries held, and the most that there may be.
    pub(crate) fn tables(&self) -> [(&'static str, (usize, usize)); 6] {
        [
            ("routes", self.table.occupancy()),
            ("neighbours", self.neighbours.occupancy()),
            ("searches", self.searches.occupancy()),
            ("requests of others", self.passing.occupancy()),
            ("answers", self.answers.occupancy()),
            ("reverse costs", self.reverse.occupancy()),
        ]
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        let tables = self.table.footprint() + self.neighbours.footprint() + self.blacklist.footprint();
        let requests = self.searches.footprint() + self.passing.footprint() + self.answers.footprint();
        tables + requests + self.reverse.footprint()
    }

    /// A number for a route message of this node.
    fn take_number(&mut self, cx: &mut Context<'_>) -> u16 {
        let (number, record) = self.sequence.take();
        cx.out.extend(record.map(Action::Persist));
        number as u16
    }

    fn usable(&self, cx: &Context<'_>, destination: ShortAddress) -> Option<&Route> {
        self.usable_at(cx.now, cx.interop, destination)
    }

    fn usable_at(&self, now: Instant, interop: &Interop, destination: ShortAddress) -> Option<&Route> {
        self.table.known(now, destination).filter(|route| {
            let proven = interop.acknowledged_links_suffice && self.neighbours.is_confirmed(route.next_hop);
            route.bidirectional || proven
        })
    }

    fn keep_home(&mut self, cx: &mut Context<'_>) {
        let coordinator = cx.ib.adp_coord_short_address;
        let route = self.usable(cx, coordinator).copied();
        let searching = self.searches.is_searching(coordinator) || cx.ib.adp_disable_default_routing;
        let Some(home) = &mut self.home else { return };
        if home.update(cx, route.as_ref(), searching) {
            let hops = cx.max_hops();
            self.search(cx, coordinator, false, hops);
        }
    }

    fn on_not_found(&mut self, cx: &mut Context<'_>, destination: ShortAddress) {
        self.table.forget(destination);
        if destination == cx.ib.adp_coord_short_address
            && let Some(home) = &mut self.home
        {
            home.on_failure(cx);
            self.default_route = None;
            self.sequence.leap();
        }
        cx.out.push(Action::RouteFailed(destination));
    }

    fn process(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        message: LoadngMessage,
    ) {
        match message {
            LoadngMessage::Rreq(_) | LoadngMessage::Rrep(_) | LoadngMessage::Rerr(_)
                if cx.ib.adp_disable_default_routing =>
            {
                cx.count(Drop::NotForUs);
            }
            LoadngMessage::Rreq(message) => self.on_request(cx, from, link, message),
            LoadngMessage::Rrep(message) => self.on_reply(cx, from, link, message),
            LoadngMessage::Rerr(message) => self.on_error(cx, from, message),
            LoadngMessage::Preq(message) => self.on_path_request(cx, link, message),
            LoadngMessage::Prep(message) => self.on_path_reply(cx, link, message),
            LoadngMessage::RlcReq(message) if message.destination == cx.own => {
                let link_cost = cost::direction_cost(&link.forward, cx.ib);
                let (originator, metric) = (cx.own, cx.ib.adp_metric_type & 0x0F);
                let reply = RlcRep { destination: from, originator, metric, reserved: 0, link_cost };
                cx.send(from, LoadngMessage::RlcRep(reply), Purpose::Relay);
            }
            LoadngMessage::RlcRep(message) if message.destination == cx.own => {
                self.neighbours.on_told(from, message.link_cost);
                while let Some(held) = self.reverse.release(from) {
                    self.process(cx, held.from, &held.link, held.message);
                }
            }
            LoadngMessage::RlcReq(_) | LoadngMessage::RlcRep(_) => cx.count(Drop::NotForUs),
        }
    }

    fn on_path_request(&mut self, cx: &mut Context<'_>, link: &LinkQuality, mut preq: crate::wire::Preq) {
        if preq.originator == cx.own || !paths::record(cx, &mut preq.hops, link, preq.metric) {
            return cx.count(Drop::RoutingLoop);
        }
        let onward = if cx.is_own(preq.destination) { None } else { self.next_hop(cx, preq.destination) };
        match onward {
            Some(hop) => cx.send(hop, LoadngMessage::Preq(preq), Purpose::Relay),
            None => {
                let prep = paths::turn(cx, preq);
                self.send_path_reply(cx, prep);
            }
        }
    }

    fn on_path_reply(&mut self, cx: &mut Context<'_>, link: &LinkQuality, mut prep: crate::wire::Prep) {
        if !paths::record(cx, &mut prep.hops, link, prep.metric) {
            return cx.count(Drop::RoutingLoop);
        }
        if prep.destination == cx.own {
            return self.paths.on_answer(cx, &prep);
        }
        self.send_path_reply(cx, prep);
    }

    fn send_path_reply(&self, cx: &mut Context<'_>, prep: crate::wire::Prep) {
        match self.next_hop(cx, prep.destination) {
            Some(hop) => cx.send(hop, LoadngMessage::Prep(prep), Purpose::Relay),
            None => cx.count(Drop::NoRoute),
        }
    }

    fn wants_reverse(&self, cx: &Context<'_>, from: ShortAddress, link: &LinkQuality) -> bool {
        let told = || self.neighbours.find(from).is_some_and(|neighbour| neighbour.told.is_some());
        cx.ib.adp_rlc_enabled && link.reverse.is_none() && !told()
    }

    /// What a message says once it has made the hop to this node, and the cost of that hop.
    fn step(
        &self,
        cx: &Context<'_>,
        from: ShortAddress,
        link: &LinkQuality,
        mut message: RouteMessage,
    ) -> Option<RouteMessage> {
        message.hop_limit = message.hop_limit.checked_sub(1)?;
        message.hop_count = message.hop_count.saturating_add(1).min(RouteMessage::HOPS_MAX);
        let weak = u8::from(link.lqi().0 < cx.ib.adp_weak_lqi_value);
        message.weak_links = (message.weak_links + weak).min(RouteMessage::HOPS_MAX);
        if message.metric == cx.ib.adp_metric_type & 0x0F {
            message.route_cost = message.route_cost.saturating_add(self.link_cost(cx, from, link));
        } else {
            (message.metric, message.route_cost) = (crate::specs::METRIC_HOP_COUNT, u16::MAX);
        }
        Some(message)
    }

    fn link_cost(&self, cx: &Context<'_>, from: ShortAddress, link: &LinkQuality) -> u16 {
        let told = self.neighbours.find(from).and_then(|neighbour| neighbour.told);
        u16::from(cost::link_cost(link, told, self.table.occupancy(), cx.ib))
    }

    /// The route to the originator of a message that has made its hop from `from`.
    fn offer(
        &mut self,
        cx: &mut Context<'_>,
        from: ShortAddress,
        message: &RouteMessage,
        bidirectional: bool,
    ) -> bool {
        let route = Route {
            destination: message.originator,
            next_hop: from,
            cost: message.route_cost,
            hops: message.hop_count,
            weak_links: message.weak_links,
            metric: message.metric,
            sequence: Some(message.sequence),
            bidirectional,
            broken: false,
            expires: cx.now + cx.ib.adp_routing_table_entry_ttl,
            used: Instant::EPOCH,
        };
        let before = self.table.known(cx.now, message.originator).map(|route| route.next_hop);
        let taken = self.table.offer(cx.now, route);
        if taken && before != Some(from) {
            self.store(cx, &route);
        }
        taken
    }

    fn store(&self, cx: &mut Context<'_>, route: &Route) {
        if self.durable {
            let Route { destination, next_hop, cost, hops, weak_links, sequence, .. } = *route;
            let route = StoredRoute { destination, next_hop, cost, hops, weak_links, sequence };
            cx.out.push(Action::Persist(Persist::Route(route)));
        }
    }

    /// The route of one hop to a neighbour that was heard, without a number \[G3 ADP 6.4.3\].
    fn offer_neighbour(&mut self, cx: &mut Context<'_>, neighbour: ShortAddress, link: &LinkQuality) {
        let route = Route {
            destination: neighbour,
            next_hop: neighbour,
            cost: self.link_cost(cx, neighbour, link),
            hops: 1,
            weak_links: u8::from(link.lqi().0 < cx.ib.adp_weak_lqi_value),
            metric: cx.ib.adp_metric_type & 0x0F,
            sequence: None,
            bidirectional: self.neighbours.is_confirmed(neighbour),
            broken: false,
            expires: cx.now + cx.ib.adp_routing_table_entry_ttl,
            used: Instant::EPOCH,
        };
        let known = self.table.known(cx.now, neighbour).is_some();
        if self.table.offer(cx.now, route) && !known && route.bidirectional {
            self.store(cx, &route);
        }
    }
}
