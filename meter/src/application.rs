//! The part of a meter above UDP.

use crate::clock::ClockShift;
use crate::config::{Identity, MeterConfig, MeterConfigError, MeterState};
use crate::measurement::Measurement;
use crate::objects::Objects;
use crate::profiles::Row;
use crate::specs::SAP_MANAGEMENT;
use alloc::vec::Vec;
use dlms::server::{Server, ServerEvent, ServerInput, ServerOutput, ServerPersist};
use metrology::Registers;
use plc_core::sap::{
    AdpStatus, AdpmIndication, DLMS_PORT, Handle, Persist, UdpConfirm, UdpIndication, UdpPayload, UdpRequest,
};
use plc_core::{Instant, Machine, Outbox, ShortAddress, UtcAnchor};

/// Outputs that may wait for the driver.
const OUTBOX: usize = 48;

/// What happens to the application.
#[derive(Clone, Debug)]
pub enum ApplicationInput<'a> {
    /// A block of samples has ended now: the last of both was taken one sample period ago.
    Samples {
        /// Voltage, in steps of the converter.
        u: &'a [i32],
        /// Current, in steps of the converter.
        i: &'a [i32],
    },
    /// A metrology of its own has counted up to now; see [`Measurement::on_registers`].
    Registers(Registers),
    /// The clock is set.
    Clock(UtcAnchor),
    /// A datagram has arrived.
    Udp(UdpIndication),
    /// A datagram has left, or has not.
    UdpConfirm(UdpConfirm),
    /// The connection that datagrams of this peer came over is gone, and with it every session that was
    /// opened over it. Of use where datagrams are carried by connections.
    PeerLost(ShortAddress),
}

/// A record that a meter wants made durable before its later outputs are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterPersist {
    /// Of the layers below.
    Node(Persist),
    /// Of the DLMS server.
    Server(ServerPersist),
    /// A row was captured with these registers.
    Captured {
        /// The row of the load profile.
        row: Row,
        /// The registers, after the row.
        registers: Registers,
    },
}

/// What a meter tells, for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterEvent {
    /// The clock was set.
    ClockSet(ClockShift),
    /// Of the DLMS server.
    Server(ServerEvent),
    /// Of the network.
    Network(AdpmIndication),
}

/// What the application wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum ApplicationOutput {
    /// Send a datagram.
    Udp(UdpRequest),
    /// Make this durable before the datagrams that follow.
    Persist(MeterPersist),
    /// Something worth logging has happened.
    Event(MeterEvent),
}

/// What the application could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationCounters {
    /// Datagrams to a port that nobody listens to.
    pub wrong_port: u64,
    /// Answers longer than a datagram.
    pub too_long: u64,
    /// Answers that the network could not deliver.
    pub undelivered: u64,
    /// Rows that the profile keeps but that no record was made of, because one block of samples has
    /// completed too many.
    pub rows_without_record: u64,
    /// Outputs that nobody took in time.
    pub outputs_dropped: u64,
}

/// The part of a meter above UDP: measurement, clock, COSEM objects and their server.
#[derive(Debug)]
pub struct MeterApplication {
    identity: Identity,
    firmware: &'static str,
    measurement: Measurement,
    server: Server,
    /// What the server has made durable; no rows and registers.
    kept: MeterState,
    next_handle: Handle,
    out: Outbox<Pending, OUTBOX>,
    counters: ApplicationCounters,
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
    pub fn new(config: MeterConfig) -> Result<Self, MeterConfigError> {
        config.check()?;
        let server = Server::new(config.server());
        let MeterState { registers, load, daily, monthly, .. } = config.state.clone();
        let (none, energy) = (Vec::new, Registers::default());
        let kept =
            MeterState { registers: energy, load: none(), daily: none(), monthly: none(), ..config.state };
        let mut measurement = Measurement::new(config.ratings, config.profiles, registers)
            .map_err(MeterConfigError::Ratings)?;
        measurement.profiles_mut().restore(&load, &daily, &monthly);
        Ok(Self {
            identity: config.identity,
            firmware: config.firmware,
            measurement,
            server,
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
            registers: self.measurement.core().registers(),
            load: profiles.load().iter().copied().collect(),
            daily: profiles.daily().iter().copied().collect(),
            monthly: profiles.monthly().iter().copied().collect(),
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

    /// What the application could not do.
    pub const fn counters(&self) -> ApplicationCounters {
        let rows_without_record = self.measurement.rows_not_taken();
        ApplicationCounters { rows_without_record, outputs_dropped: self.out.dropped(), ..self.counters }
    }

    /// Outputs waiting for the driver, and how many there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.out.len(), OUTBOX)
    }

    fn on_samples(&mut self, now: Instant, u: &[i32], i: &[i32]) {
        self.measurement.on_samples(now, u, i);
        self.persist_rows();
    }

    fn on_registers(&mut self, now: Instant, registers: Registers) {
        self.measurement.on_registers(now, registers);
        self.persist_rows();
    }

    fn persist_rows(&mut self) {
        let registers = self.measurement.core().registers();
        while let Some(row) = self.measurement.take_captured() {
            self.out.push(Pending::Persist(MeterPersist::Captured { row, registers }));
        }
    }

    fn on_clock(&mut self, anchor: UtcAnchor) {
        let shift = self.measurement.on_clock(anchor);
        self.persist_rows();
        self.event(MeterEvent::ClockSet(shift));
    }

    fn on_udp(&mut self, now: Instant, datagram: &UdpIndication) {
        if datagram.dst_port != DLMS_PORT {
            self.counters.wrong_port += 1;
            return;
        }
        let mut objects = Objects {
            identity: &self.identity,
            firmware: self.firmware,
            receive_counter: self.server.receive_counter(SAP_MANAGEMENT),
            measurement: &mut self.measurement,
            clock_shift: None,
        };
        let input = ServerInput { peer: datagram.src.0, bytes: &datagram.payload, objects: &mut objects };
        self.server.handle(now, input);
        if let Some(shift) = objects.clock_shift {
            self.persist_rows();
            self.event(MeterEvent::ClockSet(shift));
        }
        self.drain_server(datagram.src_port);
    }

    fn on_confirm(&mut self, confirm: UdpConfirm) {
        self.counters.undelivered += u64::from(confirm.status != AdpStatus::Success);
    }

    /// Takes what the server wants done; answers go to `port`.
    fn drain_server(&mut self, port: u16) {
        while let Some(output) = self.server.poll() {
            match output {
                ServerOutput::Persist(record) => self.on_server_persist(record),
                ServerOutput::Datagram { peer, bytes } => {
                    self.out.push(Pending::Datagram { dst: ShortAddress(peer), port, bytes });
                }
                ServerOutput::Event(event) => self.event(MeterEvent::Server(event)),
            }
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
        match input {
            ApplicationInput::Samples { u, i } => self.on_samples(now, u, i),
            ApplicationInput::Registers(registers) => self.on_registers(now, registers),
            ApplicationInput::Clock(anchor) => self.on_clock(anchor),
            ApplicationInput::Udp(datagram) => self.on_udp(now, &datagram),
            ApplicationInput::UdpConfirm(confirm) => self.on_confirm(confirm),
            ApplicationInput::PeerLost(peer) => self.server.forget(peer.0),
        }
    }

    fn tick(&mut self, now: Instant) {
        self.server.tick(now);
        self.drain_server(DLMS_PORT);
    }

    fn deadline(&self) -> Option<Instant> {
        self.server.deadline()
    }

    fn poll(&mut self) -> Option<ApplicationOutput> {
        loop {
            let output = match self.out.pop()? {
                Pending::Datagram { dst, port, bytes } => self.datagram(dst, port, &bytes),
                Pending::Persist(record) => Some(ApplicationOutput::Persist(record)),
                Pending::Event(event) => Some(ApplicationOutput::Event(event)),
            };
            if output.is_some() {
                return output;
            }
        }
    }
}
