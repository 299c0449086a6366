//! One meter on a desk: its measurement and its objects, for clients that come over TCP.
//!
//! [`Desk`] is a machine: it is told which connections there are and what comes over them, and tells what
//! is to be sent. [`serve`] is its driver.

mod bench;
mod calling;
mod carrier;
mod certificates;
mod connection;
mod datagrams;
mod driver;
mod flash_file;
mod lines;
mod memory;
mod plan;
mod plan_file;
mod records;

pub use bench::{DeskConfig, DeskError};
pub use carrier::CarrierKind;
pub use driver::{DeskPorts, ServeError, serve};
pub use lines::{DeskEvent, DeskLine, DeskPeer};
pub use memory::DeskState;
pub use plan::{ClientKey, PlannedClient, PlannedKeys, PlannedProof, TestPlan};

use bench::{Bench, Note};
use carrier::Carrier;
use connection::Connection;
use dlms::apdu::Pdu;
use dlms::hdlc::{LinkOutput, SecondaryInput};
use dlms::server::{Origin, Standing};
use dlms::wrapper::{Wpdu, WpduStream};
use meter::objects::PushHost;
use meter::{MeterEvent, MeterPersist};
use plc_core::time::Duration;
use plc_core::{Instant, Machine, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// What happens at a desk. Connections have numbers, which the driver gives.
#[derive(Clone, Copy, Debug)]
pub enum DeskInput<'a> {
    /// A client has connected.
    Opened {
        /// Its connection.
        connection: u16,
        /// How it speaks.
        kind: CarrierKind,
        /// Its host.
        host: IpAddr,
    },
    /// Octets have come.
    Octets {
        /// Over this connection.
        connection: u16,
        /// The octets.
        octets: &'a [u8],
    },
    /// A connection is gone.
    Closed {
        /// Which.
        connection: u16,
    },
    /// What became of a [`DeskOutput::Push`].
    PushLeft {
        /// Its connection.
        connection: u16,
        /// Whether the octets have left.
        reached: bool,
    },
}

/// What a desk wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskOutput {
    /// Send octets.
    Octets {
        /// Over this connection.
        connection: u16,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Send octets to a host, over the connection of this number: it is made if there is none, and over TCP told as
    /// [`DeskInput::Opened`]. [`DeskInput::PushLeft`] is to follow.
    Push {
        /// The number, which is given to no client that connects.
        connection: u16,
        /// The host.
        host: PushHost,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Close a connection: what has come over it makes no sense. The desk has forgotten it.
    Close {
        /// Which.
        connection: u16,
        /// Why.
        reason: String,
    },
    /// Make this durable before the octets that follow.
    Persist(MeterPersist),
    /// Something worth logging has happened.
    Event {
        /// While this connection was served, if it was one.
        connection: Option<u16>,
        /// What.
        event: MeterEvent,
    },
}

/// One meter and the connections of its clients.
#[derive(Debug)]
pub struct Desk {
    bench: Bench,
    connections: BTreeMap<u16, Connection>,
    config: DeskConfig,
    out: VecDeque<DeskOutput>,
}

impl Desk {
    /// A meter that has measured for [`DeskConfig::history_days`] when `utc` is, at `now`.
    ///
    /// # Errors
    /// No such customer, or a meter that cannot be built.
    pub fn new(config: DeskConfig, now: Instant, utc: Utc) -> Result<Self, DeskError> {
        let (bench, mut config) = (Bench::new(&config, now, utc)?, config);
        let changed = config.state.iter().flat_map(|state| state.meter.security.iter());
        changed.for_each(|record| config.plan.renew(record));
        let mut desk = Self { bench, connections: BTreeMap::new(), config, out: VecDeque::new() };
        desk.tell_notes(now);
        Ok(desk)
    }

    /// Who the meter is.
    pub const fn identity(&self) -> &crate::street::MeterIdentity {
        self.bench.identity()
    }

    /// Its clients, with the keys that were in force when the desk was opened.
    pub const fn plan(&self) -> &TestPlan {
        &self.config.plan
    }

    /// What its clock shows; `None` if that was never set.
    pub fn utc(&self, now: Instant) -> Option<Utc> {
        self.bench.utc(now)
    }

    /// Connections, and the most that there may be; senders of datagrams have as many places of their own.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.held(false), CONNECTIONS_MAX)
    }

    fn held(&self, datagrams: bool) -> usize {
        self.connections.values().filter(|held| held.carrier.is_datagrams() == datagrams).count()
    }

    /// Where there is no room, another makes it, if one may: datagrams never take the place of a connection.
    fn on_opened(&mut self, now: Instant, connection: u16, kind: CarrierKind, host: IpAddr) {
        self.bench.on_peer_lost(now, connection);
        self.connections.remove(&connection);
        let carrier = Carrier::new(kind, &self.config);
        let datagrams = carrier.is_datagrams();
        let newcomer = Connection::new(now, carrier, Origin::of_host(host, !datagrams));
        if self.held(datagrams) >= CONNECTIONS_MAX
            && let Some(silent) = self.most_dispensable(now, datagrams)
        {
            self.connections.remove(&silent);
            self.bench.on_peer_lost(now, silent);
            let reason = String::from("silent for longer than others, and more wait");
            self.out.push_back(DeskOutput::Close { connection: silent, reason });
        }
        if self.held(datagrams) < CONNECTIONS_MAX {
            self.connections.insert(connection, newcomer);
        } else {
            let reason = format!("expected at most {CONNECTIONS_MAX} connections");
            self.out.push_back(DeskOutput::Close { connection, reason });
        }
    }

    /// Who has opened no association goes first, then who has opened one that anybody can, of these the one that is silent for
    /// longest; who has proved himself only after a while.
    fn most_dispensable(&self, now: Instant, datagrams: bool) -> Option<u16> {
        let rivals = self.connections.iter().filter(|(_, held)| held.carrier.is_datagrams() == datagrams);
        let ranked = rivals.map(|(&number, held)| (self.bench.standing(number), held.heard, number));
        let dispensable = ranked.filter(|&(standing, heard, _)| {
            standing < Standing::Proven || now.since(heard) >= PROVEN_ARE_SPARED
        });
        dispensable.min().map(|(_, _, number)| number)
    }

    /// Takes the carrier out while it is served: what it brings goes to the meter, which answers over it.
    fn on_octets(&mut self, now: Instant, connection: u16, octets: &[u8]) {
        let Some(mut client) = self.connections.remove(&connection) else { return };
        if let Carrier::Hdlc(link) = &mut client.carrier {
            link.handle(now, SecondaryInput::Octets(octets));
        }
        match self.pump(now, connection, &mut client, octets) {
            Ok(apdus) => {
                client.on_heard(now, apdus);
                self.connections.insert(connection, client);
            }
            Err(reason) => {
                self.bench.on_peer_lost(now, connection);
                self.out.push_back(DeskOutput::Close { connection, reason });
            }
        }
    }

    /// Serves what a carrier has brought; returns how many APDUs that were.
    fn pump(
        &mut self,
        now: Instant,
        connection: u16,
        client: &mut Connection,
        mut octets: &[u8],
    ) -> Result<usize, String> {
        let (mut apdus, origin) = (0, client.origin);
        match &mut client.carrier {
            Carrier::Wrapper(stream) => {
                while let Some(datagram) = self.taken(connection, stream, &mut octets)? {
                    apdus += usize::from(is_request(&datagram));
                    for octets in self.serve(now, connection, origin, &datagram) {
                        self.out.push_back(DeskOutput::Octets { connection, octets });
                    }
                }
            }
            // What is no wrapper PDU is lost like one that never came.
            Carrier::Datagrams => {
                if Wpdu::from_bytes(octets).is_ok() {
                    apdus += usize::from(is_request(octets));
                    for octets in self.serve(now, connection, origin, octets) {
                        self.out.push_back(DeskOutput::Octets { connection, octets });
                    }
                }
            }
            Carrier::Hdlc(link) => {
                while let Some(output) = link.poll() {
                    match output {
                        LinkOutput::Octets(octets) => {
                            self.out.push_back(DeskOutput::Octets { connection, octets });
                        }
                        LinkOutput::Apdu(apdu) => {
                            apdus += 1;
                            let source = link.client().map_or(0, |client| client.upper());
                            let destination = link.config().address.upper();
                            let wpdu = Wpdu { source, destination, apdu: &apdu };
                            for answer in self.serve(now, connection, origin, &wpdu.to_vec()) {
                                if let Ok(answer) = Wpdu::from_bytes(&answer) {
                                    link.handle(now, SecondaryInput::Send(answer.apdu));
                                }
                            }
                        }
                        LinkOutput::Disconnected(_) => self.bench.on_peer_lost(now, connection),
                        LinkOutput::Connected { .. } | LinkOutput::Unnumbered { .. } => {}
                    }
                }
            }
        }
        Ok(apdus)
    }

    /// The next datagram of a stream. Whoever sends too long an APDU is told so, then the connection is closed.
    fn taken(
        &mut self,
        connection: u16,
        stream: &mut WpduStream,
        octets: &mut &[u8],
    ) -> Result<Option<Vec<u8>>, String> {
        stream.take(octets).map_err(|fault| {
            let refusal = stream.refusal().map(|octets| DeskOutput::Octets { connection, octets });
            self.out.extend(refusal);
            fault.to_string()
        })
    }

    /// Gives a datagram to the meter; returns its answers to this connection.
    fn serve(&mut self, now: Instant, connection: u16, origin: Origin, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.bench.serve(now, connection, origin, datagram);
        let mut answers = Vec::new();
        while let Some(note) = self.bench.take_note() {
            match note {
                Note::Datagram(to, octets) if to == connection => answers.push(octets),
                Note::Event(event) => {
                    self.out.push_back(DeskOutput::Event { connection: Some(connection), event });
                }
                note => self.tell(now, note),
            }
        }
        answers
    }

    fn on_closed(&mut self, now: Instant, connection: u16) {
        // Also one that was put out before: what it has opened must not await the next of its number.
        self.connections.remove(&connection);
        self.bench.on_peer_lost(now, connection);
    }

    fn tell_notes(&mut self, now: Instant) {
        while let Some(note) = self.bench.take_note() {
            self.tell(now, note);
        }
    }

    fn tell(&mut self, now: Instant, note: Note) {
        match note {
            Note::Persist(record) => self.out.push_back(DeskOutput::Persist(record)),
            Note::Event(event) => self.out.push_back(DeskOutput::Event { connection: None, event }),
            Note::Push(connection, host, octets) => {
                self.out.push_back(DeskOutput::Push { connection, host, octets });
            }
            Note::Datagram(connection, octets) => self.say(now, connection, octets),
        }
    }

    /// What the meter says unasked goes over the connection of whom it is for; nowhere if that is gone.
    fn say(&mut self, now: Instant, connection: u16, octets: Vec<u8>) {
        let Some(client) = self.connections.get_mut(&connection) else { return };
        let Carrier::Hdlc(link) = &mut client.carrier else {
            return self.out.push_back(DeskOutput::Octets { connection, octets });
        };
        if let Ok(wpdu) = Wpdu::from_bytes(&octets) {
            link.handle(now, SecondaryInput::Send(wpdu.apdu));
        }
        while let Some(output) = link.poll() {
            if let LinkOutput::Octets(octets) = output {
                self.out.push_back(DeskOutput::Octets { connection, octets });
            }
        }
    }

    fn tick_links(&mut self, now: Instant) {
        let is_due = |client: &Connection| client.deadline() <= now;
        let due: Vec<u16> = self.connections.iter().filter(|(_, c)| is_due(c)).map(|(&n, _)| n).collect();
        for connection in due {
            let Some(mut client) = self.connections.remove(&connection) else { continue };
            if client.carrier.is_due(now) {
                client.carrier.tick(now);
                // Time alone brings no octets, so nothing can be wrong with them.
                let _ = self.pump(now, connection, &mut client, &[]);
            }
            if client.is_idle(now) {
                self.bench.on_peer_lost(now, connection);
                let reason = String::from("silent for too long");
                self.out.push_back(DeskOutput::Close { connection, reason });
            } else {
                self.connections.insert(connection, client);
            }
        }
    }
}

/// Whether a datagram carries anything: an empty one keeps no connection open.
fn is_request(datagram: &[u8]) -> bool {
    Wpdu::from_bytes(datagram).is_ok_and(|wpdu| !wpdu.apdu.is_empty())
}

impl Machine for Desk {
    type Input<'a> = DeskInput<'a>;
    type Output = DeskOutput;

    fn handle(&mut self, now: Instant, input: DeskInput<'_>) {
        self.bench.measure(now);
        match input {
            DeskInput::Opened { connection, kind, host } => self.on_opened(now, connection, kind, host),
            DeskInput::Octets { connection, octets } => self.on_octets(now, connection, octets),
            DeskInput::Closed { connection } => self.on_closed(now, connection),
            DeskInput::PushLeft { connection, reached } => self.bench.on_push_left(now, connection, reached),
        }
        self.tell_notes(now);
    }

    fn tick(&mut self, now: Instant) {
        self.bench.measure(now);
        self.tick_links(now);
        self.tell_notes(now);
    }

    fn deadline(&self) -> Option<Instant> {
        let links = self.connections.values().map(Connection::deadline).min();
        [links, Some(self.bench.next_piece())].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<DeskOutput> {
        self.out.pop_front()
    }
}

/// Connections at the same time; and senders of datagrams.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// Where all places are taken, who has proved himself keeps his for so long without asking.
const PROVEN_ARE_SPARED: Duration = Duration::from_secs(30);
