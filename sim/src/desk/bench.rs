//! The meter on the desk and what it measures.

use super::CONNECTIONS_MAX;
use super::carrier;
use super::memory::DeskState;
use super::plan::TestPlan;
use crate::feeder::Feeder;
use crate::household::Household;
use crate::street::{MeterIdentity, ratings};
use crate::world::load::Load;
use dlms::hdlc::Address;
use dlms::security::SystemTitle;
use dlms::server::{Origin, Standing};
use meter::{
    ApplicationInput, ApplicationOutput, ImageCheck, MeterApplication, MeterConfig, MeterConfigError,
    MeterEvent, MeterKeys, MeterPersist, MeterState, Totals, objects::PushHost,
};
use plc_core::sap::{DLMS_PORT, Lqi, UdpIndication, UdpPayload};
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Seed, ShortAddress, Utc, UtcAnchor};
use std::collections::VecDeque;
use thiserror::Error;

/// Which meter, and what it has behind it.
#[derive(Clone, Debug)]
pub struct DeskConfig {
    /// The customer whose meter it is: its load, its number, and with the seed its keys.
    pub customer: u32,
    /// The same seed gives the same keys.
    pub seed: u64,
    /// Days for which the meter has measured before the desk opens.
    pub history_days: u32,
    /// The address of the meter on HDLC links.
    pub hdlc_address: Address,
    /// What an earlier life has left. Without it the meter begins with [`Self::history_days`], and its send counter with the time,
    /// which is enough where it answers less than once a second.
    pub state: Option<DeskState>,
    /// The client that is notified of alarms over the associations that it has open, if one is.
    pub notified: Option<u16>,
    /// Its clients.
    pub plan: TestPlan,
}

impl DeskConfig {
    /// The system title of the meter.
    pub(super) fn system_title(&self) -> SystemTitle {
        MeterIdentity::new(self.customer, &Seed::from_u64(self.seed)).meter.system_title()
    }
}

/// Why a desk cannot be opened.
#[derive(Debug, Error)]
pub enum DeskError {
    /// The feeder has no such customer.
    #[error("customer {customer}: expected 1 to {most}")]
    Customer {
        /// Who was asked for.
        customer: u32,
        /// How many there are.
        most: usize,
    },
    /// A client of the plan has keys of the wrong length, or none where it needs them.
    #[error("client {client}: expected keys of its suite")]
    Plan {
        /// Which.
        client: u16,
    },
    /// The meter cannot be built.
    #[error("meter: {0}")]
    Meter(#[from] MeterConfigError),
}

/// What a meter tells besides its answers.
#[derive(Clone, Debug)]
pub(super) enum Note {
    Persist(MeterPersist),
    Event(MeterEvent),
    /// A wrapper PDU over this connection.
    Datagram(u16, Vec<u8>),
    /// The same to a host, for which the number of the connection is kept.
    Push(u16, PushHost, Vec<u8>),
}

/// A meter and the mains before it.
#[derive(Debug)]
pub(super) struct Bench {
    identity: MeterIdentity,
    meter: MeterApplication,
    household: Household,
    /// Whether the disconnector lets the load run.
    is_connected: bool,
    /// When the piece that is measured next ends.
    piece_end: Instant,
    /// When the registers are made durable next.
    totals_due: Instant,
    u: Vec<i32>,
    i: Vec<i32>,
    notes: VecDeque<Note>,
}

impl Bench {
    pub(super) fn new(config: &DeskConfig, now: Instant, utc: Utc) -> Result<Self, DeskError> {
        let (feeder, seed) = (Feeder::european_lv(), Seed::from_u64(config.seed));
        let (customer, most) = (config.customer, feeder.customers().len());
        let second = (utc.as_secs().rem_euclid(86_400)) as u32;
        let household = Household::of(&feeder, customer, second, &seed);
        let household = household.ok_or(DeskError::Customer { customer, most })?;
        let identity = MeterIdentity::new(customer, &seed);
        let mut bench = Self {
            meter: MeterApplication::new(meter_config(&identity, config, &seed, utc)?)?,
            identity,
            household,
            is_connected: true,
            piece_end: now + PIECE_TIME,
            totals_due: now + TOTALS_EVERY,
            u: vec![0; PIECE],
            i: vec![0; PIECE],
            notes: VecDeque::new(),
        };
        match &config.state {
            None => bench.live_through(&feeder, config, now, utc),
            Some(state) => bench.wake(now, Utc::from_millis(utc.as_millis().saturating_add(state.ahead_ms))),
        }
        bench.drain();
        // What the days before have pushed is of no use to anybody; that the supply is back is.
        let has_lived = config.state.is_some();
        bench.notes.retain(|note| match note {
            Note::Persist(_) => true,
            Note::Push(..) => has_lived,
            _ => false,
        });
        Ok(bench)
    }

    pub(super) const fn identity(&self) -> &MeterIdentity {
        &self.identity
    }

    pub(super) fn utc(&self, now: Instant) -> Option<Utc> {
        self.meter.measurement().clock().utc(now)
    }

    /// When there is something to measure.
    pub(super) const fn next_piece(&self) -> Instant {
        self.piece_end
    }

    /// Measures all that has passed before the meter.
    pub(super) fn measure(&mut self, now: Instant) {
        while self.piece_end <= now {
            self.household.fill(&mut self.u, &mut self.i);
            if !self.is_connected {
                self.i.fill(0);
            }
            let samples = ApplicationInput::Samples { u: &self.u, i: &self.i };
            self.meter.handle(self.piece_end, samples);
            self.piece_end += PIECE_TIME;
        }
        self.meter.tick(now);
        self.drain();
        if self.totals_due <= now {
            self.totals_due = now + TOTALS_EVERY;
            let MeterState { ledger, rates, .. } = self.meter.state();
            self.notes.push_back(Note::Persist(MeterPersist::Totals(Box::new(Totals { ledger, rates }))));
        }
    }

    /// Gives a datagram to the meter, which tells its answers.
    pub(super) fn serve(&mut self, now: Instant, connection: u16, origin: Origin, datagram: &[u8]) {
        let Ok(payload) = UdpPayload::from_slice(datagram) else { return };
        let datagram = UdpIndication {
            src: ShortAddress(connection),
            src_port: DLMS_PORT,
            dst_port: DLMS_PORT,
            payload,
            hops: 0,
            lqi: Lqi(u8::MAX),
        };
        self.meter.handle(now, ApplicationInput::UdpFrom(origin, datagram));
        self.drain();
    }

    /// A push for a host has left, or could not.
    pub(super) fn on_push_left(&mut self, now: Instant, connection: u16, reached: bool) {
        self.meter.handle(now, ApplicationInput::PushLeft { peer: ShortAddress(connection), reached });
        self.drain();
    }

    pub(super) fn on_peer_lost(&mut self, now: Instant, connection: u16) {
        self.meter.handle(now, ApplicationInput::PeerLost(ShortAddress(connection)));
    }

    /// Who the client of a connection has shown itself to be.
    pub(super) fn standing(&self, connection: u16) -> Standing {
        self.meter.standing(ShortAddress(connection))
    }

    pub(super) fn take_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// Goes on after an earlier life: the registers stand where they were kept, and nobody has measured since.
    fn wake(&mut self, now: Instant, utc: Utc) {
        self.meter.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc }));
    }

    /// The days before `now`, at the boundaries of the capture period.
    fn live_through(&mut self, feeder: &Feeder, config: &DeskConfig, now: Instant, utc: Utc) {
        let days = Duration::from_secs(u64::from(config.history_days) * 86_400);
        let (start, start_utc) = (now - days, utc - days);
        let load = Load::new(feeder, config.customer, start_utc.as_secs().rem_euclid(86_400) as u32);
        self.meter.handle(start, ApplicationInput::Clock(UtcAnchor { at: start, utc: start_utc }));
        self.meter.handle(start, ApplicationInput::Registers(load.registers(0)));
        while let Some(at) = self.meter.measurement().next_boundary().filter(|&at| at <= now) {
            let registers = load.registers(at.since(start).as_millis() as u64);
            self.meter.handle(at, ApplicationInput::Registers(registers));
            self.drain();
        }
        self.meter.handle(now, ApplicationInput::Registers(load.registers(days.as_millis() as u64)));
    }

    /// Takes what the meter tells.
    fn drain(&mut self) {
        while let Some(output) = self.meter.poll() {
            match output {
                ApplicationOutput::Udp(request) => {
                    let (connection, octets) = (request.dst.0, request.payload.to_vec());
                    self.notes.push_back(match self.meter.destination(request.dst) {
                        Some(host) => Note::Push(connection, host, octets),
                        None => Note::Datagram(connection, octets),
                    });
                }
                ApplicationOutput::Event(MeterEvent::Switched { connected }) => {
                    self.is_connected = connected;
                    self.notes.push_back(Note::Event(MeterEvent::Switched { connected }));
                }
                ApplicationOutput::Event(event) => self.notes.push_back(Note::Event(event)),
                ApplicationOutput::Persist(record) => self.notes.push_back(Note::Persist(record)),
            }
        }
    }
}

fn meter_config(
    identity: &MeterIdentity,
    desk: &DeskConfig,
    seed: &Seed,
    utc: Utc,
) -> Result<MeterConfig, DeskError> {
    let life = utc.as_millis() as u64;
    let keys = MeterKeys { encryption: identity.encryption_key, authentication: identity.authentication_key };
    let mut config = MeterConfig::new(identity.meter, keys, seed.derive("desk", life));
    config.ratings = ratings();
    // Of connections, and of senders of datagrams, which must not displace them.
    config.max_sessions = 2 * CONNECTIONS_MAX;
    config.connects = true;
    config.event_notification = desk.notified;
    config.hdlc = Some(carrier::hdlc_port(desk));
    config.image_check = desk.plan.image_key.clone().map_or(ImageCheck::NoKey, ImageCheck::Signed);
    config.further =
        desk.plan.associations(&desk.system_title()).map_err(|client| DeskError::Plan { client })?;
    config.state = match &desk.state {
        Some(state) => state.meter.clone(),
        None => MeterState {
            send_counter: u32::try_from(utc.as_secs()).unwrap_or(1).max(1),
            ..MeterState::default()
        },
    };
    Ok(config)
}

/// Samples of voltage and current that are handed to the meter at once: a tenth of a second.
const PIECE: usize = 800;
const PIECE_TIME: Duration = Duration::from_millis(100);
/// What is counted since is lost when a meter is killed; a row makes the registers durable as well.
const TOTALS_EVERY: Duration = Duration::from_secs(60);
