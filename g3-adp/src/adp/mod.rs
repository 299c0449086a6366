//! The machine: it routes between the procedures and carries out what they want.

mod bootstrap;
mod downward;
mod forming;
mod ib;
mod mesh;
mod outbox;
mod sending;
mod upward;

use crate::action::{Action, Entry};
use crate::actions::Actions;
use crate::addressing;
use crate::broadcast::BroadcastLog;
use crate::config::{AdpConfig, InformationBase, Interop, Role};
use crate::counters::{Counters, Drop};
use crate::iphc::{Contexts, Link};
use crate::lbd::Lbd;
use crate::lbs::Lbs;
use crate::loadng::{Loadng, Route};
use crate::reassembly::Reassembler;
use crate::sequence::Sequence;
use crate::specs;
use crate::transmit::Transmitter;
use alloc::vec::Vec;
use forming::Forming;
use outbox::Outbox;
use plc_core::sap::{
    AdpdDataConfirm, AdpdDataIndication, AdpdDataRequest, AdpmIndication, AdpmRequest, Key, KeyUse,
    MacSecurity, McpsDataConfirm, McpsDataIndication, McpsDataRequest, MlmeConfirm, MlmeIndication,
    MlmeRequest, Persist, StoredRoute,
};
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, Machine, PanId, ShortAddress};
use rand_core::Rng;

/// What happens to the adaptation layer.
#[derive(Clone, Debug, PartialEq)]
pub enum AdpInput {
    /// From above: send a packet.
    Data(AdpdDataRequest),
    /// From management.
    Adpm(AdpmRequest),
    /// From below: a frame was sent, or not.
    McpsConfirm(McpsDataConfirm),
    /// From below: a frame has come.
    McpsIndication(McpsDataIndication),
    /// From below: a management request has ended.
    MlmeConfirm(MlmeConfirm),
    /// From below: a beacon, or a frame refused.
    Mlme(MlmeIndication),
}

/// What the adaptation layer wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum AdpOutput {
    /// Downward: send a frame.
    Mcps(McpsDataRequest),
    /// Downward: management.
    Mlme(MlmeRequest),
    /// Upward: a packet was sent, or not.
    DataConfirm(AdpdDataConfirm),
    /// Upward: a packet has come.
    DataIndication(AdpdDataIndication),
    /// To management.
    Adpm(AdpmIndication),
    /// To the driver: make this durable before anything that follows.
    Persist(Persist),
}

/// The adaptation layer of one node.
#[derive(Debug)]
pub struct Adp {
    eui64: Eui64,
    ib: InformationBase,
    interop: Interop,
    station: Station,
    member: Option<Member>,
    /// A coordinator that chooses its PAN.
    forming: Option<Forming>,
    /// The group keys of before a restart, by slot.
    keys: [Option<(Key, KeyUse)>; specs::GMK_SLOTS as usize],
    /// The routes of before a restart, until they are known again.
    restored: Vec<StoredRoute>,
    loadng: Loadng,
    /// Nodes that management wants a route to.
    routes_asked: heapless::Vec<ShortAddress, 4>,
    broadcast_sequence: Sequence,
    broadcasts: BroadcastLog,
    broadcast_limit: usize,
    reassembler: Reassembler,
    reassembly_limit: usize,
    transmitter: Transmitter,
    random: Stream,
    counters: Counters,
    actions: Actions,
    outbox: Outbox,
}

/// The part of the node that its role decides.
#[derive(Debug)]
enum Station {
    Coordinator(Lbs),
    Device(Lbd),
}

/// The PAN that this node is in, and who it is there.
#[derive(Debug)]
struct Member {
    pan_id: PanId,
    /// The PAN as it stands in addresses.
    address_pan: PanId,
    short: ShortAddress,
    key_index: u8,
    contexts: Contexts,
}

impl Member {
    const fn security(&self) -> MacSecurity {
        MacSecurity::EncMic32 { key_index: self.key_index }
    }

    const fn link(&self, source: ShortAddress, destination: ShortAddress) -> Link {
        Link { pan_id: self.address_pan, source, destination }
    }
}

impl Adp {
    /// A layer that is in no PAN.
    pub fn new(config: AdpConfig) -> Self {
        let mut random = config.seed.stream();
        let tag = random.next_u32() as u16;
        let broadcast =
            config.memory.broadcast_sequence.unwrap_or_else(|| u32::from(random.next_u32() as u8));
        let routes = config.memory.loadng_sequence.unwrap_or_else(|| u32::from(random.next_u32() as u16));
        let (limits, ib) = (config.limits, &config.ib);
        Self {
            eui64: config.eui64,
            station: match config.role {
                Role::Coordinator { gmk, key_index } => {
                    Station::Coordinator(Lbs::new(&config, gmk, key_index))
                }
                Role::Device { psk } => Station::Device(Lbd::new(&config, &psk)),
            },
            member: None,
            forming: None,
            loadng: Loadng::new(&limits, routes, matches!(config.role, Role::Coordinator { .. })),
            routes_asked: heapless::Vec::new(),
            broadcast_sequence: Sequence::of_broadcasts(broadcast),
            broadcasts: BroadcastLog::new(limits.broadcast_log, ib.adp_broadcast_log_table_entry_ttl),
            broadcast_limit: limits.broadcast_log,
            reassembler: Reassembler::new(limits.reassemblies, ib.reassembly_timeout),
            reassembly_limit: limits.reassemblies,
            transmitter: Transmitter::new(limits.frames, limits.datagrams, tag),
            random,
            counters: Counters::default(),
            actions: Actions::new(&limits),
            outbox: Outbox::new(&limits),
            interop: config.interop,
            keys: config.memory.keys,
            restored: config.memory.routes.into_values().collect(),
            ib: config.ib,
        }
    }

    /// What was done and lost since construction.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The PAN that this node is in.
    pub fn pan_id(&self) -> Option<PanId> {
        self.member.as_ref().map(|member| member.pan_id)
    }

    /// The own short address, if this node is in a PAN.
    pub fn short_address(&self) -> Option<ShortAddress> {
        self.member.as_ref().map(|member| member.short)
    }

    /// The routes that this node knows, the broken and the old ones too, sorted by destination.
    pub fn routes(&self) -> &[Route] {
        self.loadng.table().routes()
    }

    /// The neighbour to which a frame for `destination` would go at `now`, if that is known: nothing is looked for.
    pub fn next_hop(&self, now: Instant, destination: ShortAddress) -> Option<ShortAddress> {
        self.loadng.next_hop_at(now, &self.ib, &self.interop, destination)
    }

    /// When a frame was last acknowledged on the way that the next frame for `destination` would take at `now`; `None` if never,
    /// and while there is no way.
    pub fn route_used(&self, now: Instant, destination: ShortAddress) -> Option<Instant> {
        self.loadng.used_at(now, &self.ib, &self.interop, destination)
    }

    /// Neighbours over which no new route is made, and until when, oldest first.
    pub fn blacklist(&self) -> &[(ShortAddress, Instant)] {
        self.loadng.blacklist()
    }

    /// Entries in all tables and queues, and the most that there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        self.tables().fold((0, 0), |(held, limit), (_, (h, l))| (held + h, limit + l))
    }

    /// Each table and queue by its name: entries held, and the most that there may be.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, (usize, usize))> {
        let joining = match &self.station {
            Station::Coordinator(lbs) => lbs.occupancy(),
            Station::Device(lbd) => lbd.occupancy(),
        };
        let own = [
            ("frames and packets", self.transmitter.occupancy()),
            ("joins", joining),
            ("broadcasts", (self.broadcasts.len(), self.broadcast_limit)),
            ("reassemblies", (self.reassembler.len(), self.reassembly_limit)),
        ];
        own.into_iter().chain(self.loadng.tables())
    }

    /// Octets that this layer takes, tables and queues included. All of it is taken when it is built.
    pub fn footprint(&self) -> usize {
        let tables = self.loadng.footprint() + self.broadcasts.footprint() + self.reassembler.footprint();
        let queues = self.transmitter.footprint() + self.actions.footprint() + self.outbox.footprint();
        let joining = match &self.station {
            Station::Coordinator(lbs) => lbs.footprint(),
            Station::Device(_) => 0,
        };
        let restored = self.restored.capacity() * size_of::<StoredRoute>();
        size_of::<Self>() + tables + queues + joining + restored
    }

    /// Joins that may be under way at a time: how many may end at once.
    pub const fn parallel_joins(&self) -> usize {
        match &self.station {
            Station::Coordinator(lbs) => lbs.parallel_joins(),
            Station::Device(_) => 0,
        }
    }

    fn route(&mut self, now: Instant, input: AdpInput) {
        match input {
            AdpInput::Data(request) => self.on_data_request(request),
            AdpInput::Adpm(request) => self.on_management(now, request),
            AdpInput::McpsConfirm(confirm) => self.on_mcps_confirm(now, confirm),
            AdpInput::McpsIndication(indication) => self.on_frame(now, &indication),
            AdpInput::MlmeConfirm(confirm) => self.on_mlme_confirm(now, confirm),
            AdpInput::Mlme(MlmeIndication::BeaconNotify(descriptor)) => self.on_beacon(descriptor),
            AdpInput::Mlme(MlmeIndication::PanConflict { pan_id }) => self.on_pan_conflict(pan_id),
            AdpInput::Mlme(MlmeIndication::CommStatus { .. }) => {}
        }
    }

    fn carry_out(&mut self, now: Instant, action: Action) {
        match action {
            Action::Mlme(request) => self.emit(AdpOutput::Mlme(request)),
            Action::Tell(indication) => self.emit(AdpOutput::Adpm(indication)),
            Action::Persist(record) => self.emit(AdpOutput::Persist(record)),
            Action::Send(frame) => self.send(frame),
            Action::Report(message) => self.send_to_coordinator(message),
            Action::Loadng { to, message, purpose } => self.send_loadng(to, &message, purpose),
            Action::Partner(partner, link) => {
                self.with_loadng(now, |loadng, cx| loadng.on_partner(cx, partner, &link));
            }
            Action::RouteFound(destination) => self.on_route_found(destination),
            Action::RouteFailed(destination) => self.on_route_failed(now, destination),
            Action::UseKey(index) => self.use_key(index),
            Action::DropKey(index) => self.drop_key(index),
            Action::Count(reason) => self.counters.count(reason),
            Action::Enter(entry) => self.enter(now, entry),
            Action::Leave => self.leave(),
        }
    }

    fn emit(&mut self, output: AdpOutput) {
        if !self.outbox.push(output) {
            self.counters.count(Drop::OutboxFull);
        }
    }

    fn enter(&mut self, now: Instant, entry: Entry) {
        let address_pan = addressing::address_pan(entry.pan_id, self.interop.mask_pan_id);
        let contexts = Contexts::new(&self.ib, address_pan);
        let Entry { pan_id, short, key_index, lba } = entry;
        self.member = Some(Member { pan_id, address_pan, short, key_index, contexts });
        if let Some((lba, link)) = lba {
            self.with_loadng(now, |loadng, cx| {
                loadng.on_joined(cx, lba);
                loadng.on_partner(cx, lba, &link);
            });
        }
    }

    fn use_key(&mut self, index: u8) {
        if let Some(member) = &mut self.member {
            member.key_index = index;
        }
    }

    fn drop_key(&mut self, index: u8) {
        self.emit(AdpOutput::Mlme(MlmeRequest::SetKey { index, key: None }));
        self.loadng.on_key_gone();
    }

    fn leave(&mut self) {
        self.member = None;
        self.loadng.clear();
        self.routes_asked.clear();
        self.broadcasts.clear();
        self.reassembler.clear();
        self.transmitter.clear_frames();
        while let Some(confirm) = self.transmitter.abandon_packet() {
            self.emit(AdpOutput::DataConfirm(confirm));
        }
    }
}

impl Machine for Adp {
    type Input<'a> = AdpInput;
    type Output = AdpOutput;

    fn handle(&mut self, now: Instant, input: AdpInput) {
        if !self.outbox.has_reserve() {
            return self.counters.count(Drop::OutboxFull);
        }
        self.route(now, input);
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        if !self.outbox.has_reserve() || self.deadline().is_none_or(|at| at > now) {
            return;
        }
        for _ in 0..self.reassembler.on_tick(now) {
            self.counters.count(Drop::ReassemblyTimeout);
        }
        if let Some(sent) = self.transmitter.on_tick(now) {
            self.counters.count(Drop::ConfirmTimeout);
            self.on_sent(now, sent);
        }
        if self.member.is_some() {
            self.with_loadng(now, |loadng, cx| loadng.on_tick(cx));
        }
        if self.forming.as_ref().is_some_and(|forming| forming.until <= now) {
            self.on_formed(now);
        }
        match &mut self.station {
            Station::Coordinator(lbs) => lbs.on_tick(now, &mut self.actions),
            Station::Device(lbd) => lbd.on_tick(now, &mut self.random, &mut self.actions),
        }
        self.pump(now);
    }

    fn deadline(&self) -> Option<Instant> {
        let station = match &self.station {
            Station::Coordinator(lbs) => lbs.deadline(),
            Station::Device(lbd) => lbd.deadline(),
        };
        let (reassembly, transmission) = (self.reassembler.deadline(), self.transmitter.deadline());
        let forming = self.forming.as_ref().map(|forming| forming.until);
        [station, forming, reassembly, transmission, self.loadng.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<AdpOutput> {
        self.outbox.pop()
    }
}
