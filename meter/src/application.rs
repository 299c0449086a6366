//! The part of a meter above UDP.

mod attempts;
mod persist;
mod pushing;
mod senders;
mod told;

use crate::config::{Identity, MeterConfig, MeterConfigError, MeterState};
use crate::counters::{CountersShown, ReceiveCounters};
use crate::engine::Block;
use crate::firmware::Activation;
use crate::measurement::Measurement;
use crate::objects::{Board, EventGroup, HdlcPort, Note, Objects};
use crate::specs::{self, SAP_MANAGEMENT, event};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use attempts::Attempts;
use core::time::Duration;
use dlms::classes::G3Network;
use dlms::server::{Origin, Server, ServerEvent, ServerInput, ServerOutput, ServerPersist};
use metrology::{Ledger, Registers, Steady, TamperInputs};
use plc_core::sap::{
    AdpStatus, DLMS_PORT, Handle, Persist, UdpConfirm, UdpIndication, UdpPayload, UdpRequest,
};
use plc_core::{Instant, Machine, Outbox, ShortAddress, UtcAnchor};
use pushing::Pushed;

pub use persist::{Captured, MeterPersist, Totals};
pub use told::{ApplicationCounters, ApplicationInput, ApplicationOutput, MeterEvent};

/// The address that no peer has.
const NOBODY: u16 = 0xFFFF;
/// Outputs that may wait for the driver.
const OUTBOX: usize = 96;

/// The part of a meter above UDP: measurement, clock, COSEM objects and their server.
#[derive(Debug)]
pub struct MeterApplication {
    identity: Identity,
    firmware: Cow<'static, str>,
    measurement: Measurement,
    board: Board,
    hdlc: Option<HdlcPort>,
    /// Whether pushes go to hosts.
    connects: bool,
    /// Who is notified of alarms.
    notified: Option<u16>,
    /// Whether it hears nobody.
    deaf: bool,
    server: Server,
    /// Where the last datagram came from: its address and port.
    peer: Option<(u16, u16)>,
    pushed: Pushed,
    attempts: Attempts,
    /// The receive counters of further clients.
    receive_counters: ReceiveCounters,
    hold_up: Duration,
    life: Life,
    /// What the server has made durable; no rows and registers.
    kept: MeterState,
    next_handle: Handle,
    out: Outbox<Pending, OUTBOX>,
    counters: ApplicationCounters,
}

/// Whether the meter lives, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Supplied,
    /// On what it has stored, until then.
    Stored(Instant),
    Over,
}

/// An output as it waits: a datagram becomes one of fixed size only when it is taken.
#[derive(Debug)]
enum Pending {
    Datagram { dst: ShortAddress, port: u16, bytes: Vec<u8> },
    Persist(MeterPersist),
    Event(MeterEvent),
}

impl MeterApplication {
    /// A meter that goes on where `config.state` ends.
    ///
    /// # Errors
    /// See [`MeterConfig::check`].
    pub fn new(mut config: MeterConfig) -> Result<Self, MeterConfigError> {
        config.check()?;
        let (server, setup) = (Server::new(config.server()), config.measurement());
        let mut board =
            Board::new(config.image_check, config.image_size_max, &config.seed.derive("objects", 0));
        board.slots.push_interval.push_client_sap = config.push_client_sap;
        board.slots.push_alarm.push_client_sap = config.push_client_sap;
        board.slots.alarm_filter_2.put(&config.alarm_filter_2);
        config.one_way.iter().for_each(|one_way| one_way.apply(&mut board.slots));
        board.restore(&config.state.objects, config.state != MeterState::default());
        let image = core::mem::take(&mut config.state.image);
        board.restore_image(config.boot, image, config.state.wanted);
        board.restore_rates(config.state.rates);
        board.restore_quality(config.state.tallies, &config.state.quality);
        config.state.events.iter().for_each(|&(group, row)| board.events.restore(group, row));
        let receive_counters = ReceiveCounters::new(&config.further);
        let MeterState { ledger, load, daily, monthly, .. } = config.state.clone();
        let (none, energy) = (Vec::new, Ledger::default());
        let kept =
            MeterState { ledger: energy, load: none(), daily: none(), monthly: none(), ..config.state };
        let mut measurement = Measurement::new(setup, ledger).map_err(MeterConfigError::Ratings)?;
        measurement.profiles_mut().restore(&load, &daily, &monthly);
        measurement.note_counts(board.quality.counts());
        Ok(Self {
            identity: config.identity,
            firmware: config.firmware,
            measurement,
            board,
            hdlc: config.hdlc,
            connects: config.connects,
            notified: config.event_notification,
            deaf: config.one_way.is_some(),
            server,
            peer: None,
            pushed: Pushed::default(),
            attempts: Attempts::default(),
            receive_counters,
            hold_up: config.hold_up,
            life: Life::Supplied,
            kept,
            next_handle: 0,
            out: Outbox::new(),
            counters: ApplicationCounters::default(),
        })
    }

    /// What must survive a restart. Brings the registers up to the last sample first.
    pub fn state(&mut self) -> MeterState {
        self.measurement.settle();
        let profiles = self.measurement.profiles();
        MeterState {
            ledger: self.measurement.ledger(),
            load: profiles.load().iter().copied().collect(),
            daily: profiles.daily().iter().copied().collect(),
            monthly: profiles.monthly().iter().copied().collect(),
            rates: *self.board.rates(),
            image: self.board.image().clone(),
            ..self.kept.clone()
        }
    }

    /// The node below has asked for a record to be made durable: the state of the meter has it too.
    pub(crate) fn keep_node(&mut self, record: &Persist) {
        self.kept.keep_node(record);
    }

    /// Maker and number.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The measurement, its clock and its profiles.
    pub const fn measurement(&self) -> &Measurement {
        &self.measurement
    }

    /// The objects that have a state of their own.
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// What the application could not do.
    pub const fn counters(&self) -> ApplicationCounters {
        let rows_without_record = self.measurement.rows_not_taken();
        ApplicationCounters { rows_without_record, outputs_dropped: self.out.dropped(), ..self.counters }
    }

    /// Outputs waiting for the driver, and how many there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.out.len(), OUTBOX)
    }

    fn on_samples(&mut self, now: Instant, block: &Block<'_>) {
        self.measurement.on_samples(now, block);
        self.on_measured(now);
    }

    fn on_steady(&mut self, now: Instant, steady: &Steady) {
        self.measurement.on_steady(now, steady);
        self.on_measured(now);
    }

    fn on_inputs(&mut self, now: Instant, inputs: &TamperInputs) {
        self.measurement.on_inputs(now, inputs);
        self.with_objects(now, None, |objects, _| {
            objects.note_findings();
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    fn on_button(&mut self, now: Instant) {
        self.with_objects(now, None, |objects, _| {
            objects.press(now);
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    fn on_registers(&mut self, now: Instant, registers: Registers) {
        self.measurement.on_registers(now, registers);
        self.on_measured(now);
    }

    /// The last gasp: what was counted is made durable, then whoever is to know is told.
    fn on_supply_lost(&mut self, now: Instant) {
        if self.life != Life::Supplied {
            return;
        }
        let dies_at = now + self.hold_up;
        self.life = Life::Stored(dies_at);
        self.with_objects(now, None, |objects, _| objects.settle_rates());
        let totals = Totals { ledger: self.measurement.ledger(), rates: *self.board.rates() };
        self.out.push(Pending::Persist(MeterPersist::Totals(Box::new(totals))));
        self.event(MeterEvent::SupplyLost { dies_at });
        self.with_objects(now, None, |objects, _| {
            objects.on_supply(false, now);
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    fn on_supply_back(&mut self, now: Instant) {
        if !matches!(self.life, Life::Stored(_)) {
            return;
        }
        self.life = Life::Supplied;
        self.event(MeterEvent::SupplyBack);
        self.with_objects(now, None, |objects, _| {
            objects.on_supply(true, now);
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    /// The network is there: who was to be told that the supply is back, and could not be reached, is told again.
    pub(crate) fn on_joined(&mut self, now: Instant) {
        self.with_objects(now, None, |objects, _| {
            objects.tell_of_supply(now);
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    fn on_measured(&mut self, now: Instant) {
        self.with_objects(now, None, |objects, _| {
            objects.observe(now);
            objects.step(now);
        });
        self.persist_rows();
        self.drain_server(now, DLMS_PORT);
    }

    fn persist_rows(&mut self) {
        while let Some((row, begins)) = self.measurement.take_captured() {
            let (ledger, rates) = (self.measurement.ledger(), *self.board.rates());
            let captured = Captured { row, begins, ledger, rates };
            self.out.push(Pending::Persist(MeterPersist::Captured(Box::new(captured))));
        }
    }

    fn on_activation(&mut self, now: Instant, activation: Activation) {
        self.with_objects(now, None, |objects, _| objects.on_activation(activation, now));
    }

    fn on_clock(&mut self, now: Instant, anchor: UtcAnchor) {
        self.with_objects(now, None, |objects, _| {
            objects.set_clock(anchor);
            objects.step(now);
        });
        self.drain_server(now, DLMS_PORT);
    }

    /// A datagram has arrived, where the network can be asked about itself.
    pub(crate) fn on_udp(
        &mut self,
        now: Instant,
        datagram: &UdpIndication,
        origin: Origin,
        network: Option<&mut dyn G3Network>,
    ) {
        if self.deaf {
            self.counters.not_heard += 1;
            return;
        }
        if datagram.dst_port != DLMS_PORT {
            self.counters.wrong_port += 1;
            return;
        }
        self.peer = Some((datagram.src.0, datagram.src_port));
        let mut counters = core::mem::take(&mut self.receive_counters);
        counters.refresh(&self.server);
        self.with_objects(now, network, |objects, server| {
            let mut shown = CountersShown { objects, counters: &counters };
            let input =
                ServerInput { peer: datagram.src.0, origin, bytes: &datagram.payload, objects: &mut shown };
            server.handle(now, input);
            objects.step(now);
        });
        self.receive_counters = counters;
        self.drain_server(now, datagram.src_port);
    }

    /// Lets something happen to the objects; what follows from it beyond them is made durable, sent and told.
    fn with_objects<T>(
        &mut self,
        now: Instant,
        network: Option<&mut dyn G3Network>,
        happen: impl FnOnce(&mut Objects<'_>, &mut Server) -> T,
    ) -> T {
        let mut objects = Objects {
            identity: &self.identity,
            firmware: &self.firmware,
            receive_counter: self.server.receive_counter(SAP_MANAGEMENT),
            measurement: &mut self.measurement,
            board: &mut self.board,
            network: network.map(|network| network as &mut dyn G3Network),
            hdlc: self.hdlc,
            sessions_max: self.server.occupancy().1,
            notes: Vec::new(),
            steps_left: specs::SCRIPT_STEPS_MAX,
        };
        let happened = happen(&mut objects, &mut self.server);
        let notes = objects.notes;
        while let Some(record) = self.board.take_image_record() {
            self.kept.wanted = self.board.wanted();
            self.out.push(Pending::Persist(record));
        }
        while let Some(record) = self.board.events.take_record() {
            self.kept.keep_log(record);
            self.out.push(Pending::Persist(MeterPersist::Log(record)));
        }
        while let Some(snapshot) = self.board.take_changed() {
            self.kept.keep_object(&snapshot);
            self.out.push(Pending::Persist(MeterPersist::Object(snapshot)));
        }
        while let Some(row) = self.board.take_quality() {
            self.kept.keep_quality(row);
            self.out.push(Pending::Persist(MeterPersist::Quality(row)));
        }
        notes.into_iter().for_each(|note| self.on_note(now, note));
        while let Some(alarm) = self.board.take_alarm() {
            self.notify_alarm(now, alarm);
        }
        happened
    }

    fn on_note(&mut self, now: Instant, note: Note) {
        match note {
            Note::ClockSet(shift) => {
                self.persist_rows();
                self.event(MeterEvent::ClockSet(shift));
            }
            Note::Switched { connected } => self.event(MeterEvent::Switched { connected }),
            Note::ImageActivated => self.event(MeterEvent::ImageActivated),
            Note::Closed(row) => {
                self.out.push(Pending::Persist(MeterPersist::Closed(row)));
            }
            Note::Push(slot) => self.push(slot, now),
        }
    }

    fn log(&mut self, group: EventGroup, code: u8, now: Instant) {
        self.with_objects(now, None, |objects, _| objects.log(group, code, now));
    }

    /// Takes what the server wants done; answers go to `port`.
    fn drain_server(&mut self, now: Instant, port: u16) {
        while let Some(output) = self.server.poll() {
            match output {
                ServerOutput::Persist(record) => self.on_server_persist(record),
                ServerOutput::Datagram { peer, bytes } => {
                    self.out.push(Pending::Datagram { dst: ShortAddress(peer), port, bytes });
                }
                ServerOutput::Event(event) => self.on_server_event(now, event),
            }
        }
    }

    /// What the server tells is logged where the meter has a log for it.
    fn on_server_event(&mut self, now: Instant, told: ServerEvent) {
        match told {
            ServerEvent::AuthenticationFailure { .. } => self.log_attempt(event::AUTHENTICATION_FAILURE, now),
            ServerEvent::Replay { .. } => self.log_attempt(event::REPLAY, now),
            ServerEvent::Locked { .. } => self.log_attempt(event::FAILED_LOGIN, now),
            ServerEvent::PushConfirmed { number, .. } => self.on_push_answered(now, number, true),
            ServerEvent::PushFailed { number, .. } => self.on_push_answered(now, number, false),
            ServerEvent::Associated { .. } => {}
        }
        self.event(MeterEvent::Server(told));
    }

    /// What anybody can bring about without a key is logged ever more seldom of each peer: a flood must neither push the rest out of
    /// the log nor hide who else tries. The server tells of the datagram that came last.
    fn log_attempt(&mut self, code: u8, now: Instant) {
        let peer = self.peer.map_or(NOBODY, |(address, _)| address);
        if self.attempts.is_logged(code, peer, now) {
            self.log(EventGroup::Fraud, code, now);
        } else {
            self.counters.attempts_not_logged += 1;
        }
    }

    fn on_server_persist(&mut self, record: ServerPersist) {
        self.kept.keep_server(&record);
        self.out.push(Pending::Persist(MeterPersist::Server(record)));
    }

    fn event(&mut self, event: MeterEvent) {
        self.out.push(Pending::Event(event));
    }

    fn datagram(&mut self, dst: ShortAddress, dst_port: u16, bytes: &[u8]) -> Option<ApplicationOutput> {
        let Ok(payload) = UdpPayload::from_slice(bytes) else {
            self.counters.too_long += 1;
            return None;
        };
        self.next_handle = self.next_handle.wrapping_add(1);
        let handle = self.next_handle;
        Some(ApplicationOutput::Udp(UdpRequest { handle, dst, src_port: DLMS_PORT, dst_port, payload }))
    }
}

impl Machine for MeterApplication {
    type Input<'a> = ApplicationInput<'a>;
    type Output = ApplicationOutput;

    fn handle(&mut self, now: Instant, input: ApplicationInput<'_>) {
        if self.life == Life::Over {
            return;
        }
        match input {
            ApplicationInput::Samples { u, i } => self.on_samples(now, &Block::Pairs(u, i)),
            ApplicationInput::Frames(frames) => self.on_samples(now, &Block::Frames(frames)),
            ApplicationInput::Steady(steady) => self.on_steady(now, steady),
            ApplicationInput::Inputs(inputs) => self.on_inputs(now, &inputs),
            ApplicationInput::Button => self.on_button(now),
            ApplicationInput::Registers(registers) => self.on_registers(now, registers),
            ApplicationInput::SupplyLost => self.on_supply_lost(now),
            ApplicationInput::SupplyBack => self.on_supply_back(now),
            ApplicationInput::Activation(activation) => self.on_activation(now, activation),
            ApplicationInput::ClockRate { fast_ppb } => self.measurement.on_clock_rate(now, fast_ppb),
            ApplicationInput::Clock(anchor) => self.on_clock(now, anchor),
            ApplicationInput::Udp(datagram) => {
                self.on_udp(now, &datagram, Origin::of_peer(datagram.src.0), None);
            }
            ApplicationInput::UdpFrom(origin, datagram) => self.on_udp(now, &datagram, origin, None),
            ApplicationInput::UdpConfirm(UdpConfirm { status, .. }) => {
                self.counters.undelivered += u64::from(status != AdpStatus::Success);
            }
            ApplicationInput::PeerLost(peer) => self.server.forget(peer.0),
            ApplicationInput::PushLeft { peer, reached } => self.on_push_left(now, peer, reached),
        }
    }

    fn tick(&mut self, now: Instant) {
        match self.life {
            Life::Over => return,
            Life::Stored(dies_at) if dies_at <= now => {
                self.life = Life::Over;
                return self.event(MeterEvent::Died);
            }
            Life::Stored(_) | Life::Supplied => {}
        }
        self.server.tick(now);
        self.with_objects(now, None, |objects, _| objects.step(now));
        self.drain_server(now, DLMS_PORT);
    }

    fn deadline(&self) -> Option<Instant> {
        let dies_at = match self.life {
            Life::Over => return None,
            Life::Stored(dies_at) => Some(dies_at),
            Life::Supplied => None,
        };
        let (by_clock, pushes) = self.board.deadlines();
        let by_clock = by_clock.and_then(|utc| self.measurement.clock().instant(utc));
        [self.server.deadline(), by_clock, pushes, dies_at].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<ApplicationOutput> {
        loop {
            let output = match self.out.pop()? {
                Pending::Datagram { dst, port, bytes } => {
                    let datagram = self.datagram(dst, port, &bytes);
                    self.server.recycle(bytes);
                    datagram
                }
                Pending::Persist(record) => Some(ApplicationOutput::Persist(record)),
                Pending::Event(event) => Some(ApplicationOutput::Event(event)),
            };
            if output.is_some() {
                return output;
            }
        }
    }
}
