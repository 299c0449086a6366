//! The machine: it routes between the procedures and carries out what they want.

mod bootstrap;
mod downward;
mod upward;

use crate::action::{Action, Actions, Entry};
use crate::addressing;
use crate::broadcast::BroadcastLog;
use crate::config::{AdpConfig, InformationBase, Interop, Role};
use crate::counters::{Counters, Drop};
use crate::iphc::{Contexts, Link};
use crate::lbd::Lbd;
use crate::lbs::Lbs;
use crate::reassembly::Reassembler;
use crate::routing::Routing;
use crate::specs;
use crate::transmit::{Frame, Sent, Transmitter};
use plc_core::sap::{
    AdpdDataConfirm, AdpdDataIndication, AdpdDataRequest, AdpmIndication, AdpmRequest, MacSecurity,
    MacStatus, McpsDataConfirm, McpsDataIndication, McpsDataRequest, MlmeConfirm, MlmeIndication,
    MlmeRequest, Persist,
};
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, Machine, Outbox, PanId, ShortAddress};
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
    routing: Routing,
    broadcasts: BroadcastLog,
    broadcast_limit: usize,
    reassembler: Reassembler,
    reassembly_limit: usize,
    transmitter: Transmitter,
    random: Stream,
    counters: Counters,
    actions: Actions,
    outbox: Outbox<AdpOutput, OUTBOX>,
}

/// Outputs that may wait to be drained.
const OUTBOX: usize = 32;
/// Outputs that one input may lead to: a node that leaves confirms sixteen packets and says so.
const OUTBOX_RESERVE: usize = 24;

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
        let (tag, broadcast) = (random.next_u32() as u16, random.next_u32() as u8);
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
            routing: Routing::new(limits.neighbours, ib.adp_coord_short_address),
            broadcasts: BroadcastLog::new(limits.broadcast_log, ib.adp_broadcast_log_table_entry_ttl),
            broadcast_limit: limits.broadcast_log,
            reassembler: Reassembler::new(limits.reassemblies, ib.reassembly_timeout),
            reassembly_limit: limits.reassemblies,
            transmitter: Transmitter::new(limits.frames, limits.datagrams, tag, broadcast),
            random,
            counters: Counters::default(),
            actions: Actions::with_capacity(16),
            outbox: Outbox::new(),
            interop: config.interop,
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

    /// Entries in all tables and queues, and the most that there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        let (queued, queue_limit) = self.transmitter.occupancy();
        let (joining, join_limit) = match &self.station {
            Station::Coordinator(lbs) => lbs.occupancy(),
            Station::Device(lbd) => lbd.occupancy(),
        };
        let held = queued + joining + self.broadcasts.len() + self.reassembler.len();
        (held, queue_limit + join_limit + self.broadcast_limit + self.reassembly_limit)
    }

    fn route(&mut self, now: Instant, input: AdpInput) {
        match input {
            AdpInput::Data(request) => self.on_data_request(request),
            AdpInput::Adpm(request) => self.on_management(now, request),
            AdpInput::McpsConfirm(confirm) => self.on_mcps_confirm(now, confirm),
            AdpInput::McpsIndication(indication) => self.on_frame(now, &indication),
            AdpInput::MlmeConfirm(confirm) => self.on_mlme_confirm(now, confirm),
            AdpInput::Mlme(MlmeIndication::BeaconNotify(descriptor)) => self.on_beacon(descriptor),
            AdpInput::Mlme(MlmeIndication::CommStatus { .. } | MlmeIndication::PanConflict { .. }) => {}
        }
    }

    fn on_mcps_confirm(&mut self, now: Instant, confirm: McpsDataConfirm) {
        if let Some(sent) = self.transmitter.on_confirm(confirm) {
            self.on_sent(now, sent);
        }
    }

    fn on_sent(&mut self, now: Instant, sent: Sent) {
        match sent {
            Sent::Fragment => {}
            Sent::Frame(purpose, status) => {
                self.count_failure(status);
                self.on_frame_sent(now, purpose, status);
            }
            Sent::Packet(confirm, status) => {
                self.count_failure(status);
                self.counters.packets_out += u64::from(status == MacStatus::Success);
                self.outbox.push(AdpOutput::DataConfirm(confirm));
            }
        }
    }

    fn count_failure(&mut self, status: MacStatus) {
        if status != MacStatus::Success {
            self.counters.count(Drop::MacFailure);
        }
    }

    /// Carries out what procedures want, then lets the next frame go.
    fn pump(&mut self, now: Instant) {
        let mut actions = core::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        self.actions = actions;
        while self.outbox.room() > 0
            && let Some(request) = self.transmitter.next(now)
        {
            self.counters.frames_out += 1;
            self.outbox.push(AdpOutput::Mcps(request));
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Mlme(request) => self.emit(AdpOutput::Mlme(request)),
            Action::Tell(indication) => self.emit(AdpOutput::Adpm(indication)),
            Action::Persist(record) => self.emit(AdpOutput::Persist(record)),
            Action::Send(frame) => self.send(frame),
            Action::Report(message) => self.send_to_coordinator(message),
            Action::Count(reason) => self.counters.count(reason),
            Action::Enter(entry) => self.enter(entry),
            Action::Leave => self.leave(),
        }
    }

    fn emit(&mut self, output: AdpOutput) {
        if !self.outbox.push(output) {
            self.counters.count(Drop::OutboxFull);
        }
    }

    fn send(&mut self, frame: Frame) {
        if !self.transmitter.push_frame(frame) {
            self.counters.count(Drop::QueueFull);
        }
    }

    fn enter(&mut self, entry: Entry) {
        let address_pan = addressing::address_pan(entry.pan_id, self.interop.mask_pan_id);
        let contexts = Contexts::new(&self.ib, address_pan);
        let Entry { pan_id, short, key_index, lba } = entry;
        self.member = Some(Member { pan_id, address_pan, short, key_index, contexts });
        if let Some(lba) = lba {
            self.routing.on_heard(lba);
            let far = lba != self.ib.adp_coord_short_address;
            if far && self.ib.adp_default_coord_route_enabled {
                self.routing.set_default_route(lba);
            }
        }
    }

    fn leave(&mut self) {
        self.member = None;
        self.routing.clear();
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
        if self.outbox.room() < OUTBOX_RESERVE {
            return self.counters.count(Drop::OutboxFull);
        }
        self.route(now, input);
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        if self.outbox.room() < OUTBOX_RESERVE || self.deadline().is_none_or(|at| at > now) {
            return;
        }
        for _ in 0..self.reassembler.on_tick(now) {
            self.counters.count(Drop::ReassemblyTimeout);
        }
        if let Some(sent) = self.transmitter.on_tick(now) {
            self.counters.count(Drop::ConfirmTimeout);
            self.on_sent(now, sent);
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
        [station, self.reassembler.deadline(), self.transmitter.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<AdpOutput> {
        self.outbox.pop()
    }
}

/// The own hop limit, as a mesh header can carry it.
fn max_hops(ib: &InformationBase) -> u8 {
    ib.adp_max_hops.clamp(1, specs::MAX_HOPS_LIMIT)
}
