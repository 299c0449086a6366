//! A server above the server's end of a link.

use super::client::{NoSuchAddress, ServerStation, max_apdu_len};
use super::specs::bounds::COMPOSED_OUTPUTS_MAX;
use super::{LinkEnd, LinkOutput, Parameters, Secondary, SecondaryConfig, SecondaryInput};
use crate::apdu::Pdu;
use crate::server::{
    ObjectModel, Origin, Server, ServerConfig, ServerEvent, ServerInput, ServerOutput, ServerPersist,
};
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::{Instant, Machine, Outbox};

/// A [`Server`] that speaks over a link. The address of the client on the link is its service access
/// point. With the link ends every session that was opened over it; APDUs without link are not served.
#[derive(Debug)]
pub struct HdlcServer {
    server: Server,
    link: Secondary,
    /// The link, for the server: another number for every link.
    peer: u16,
    /// The client that has the link.
    client_sap: u16,
    unserved: u64,
    out: Outbox<HdlcServerOutput, COMPOSED_OUTPUTS_MAX>,
}

/// What the link of a server needs besides its service access point.
#[derive(Clone, Debug)]
pub struct HdlcServerConfig {
    /// The associations.
    pub server: ServerConfig,
    /// Where the server is.
    pub station: ServerStation,
    /// What the server can send and take.
    pub parameters: Parameters,
    /// A link without a frame of its client for so long is closed; zero for never.
    pub inactivity_timeout: Duration,
    /// A frame with a longer pause between two octets is none.
    pub inter_octet_timeout: Duration,
}

/// What happens to a [`HdlcServer`].
pub enum HdlcServerInput<'a> {
    /// Octets have come from the line.
    Octets {
        /// The octets.
        octets: &'a [u8],
        /// The objects that a request in them may concern.
        objects: &'a mut dyn ObjectModel,
    },
    /// The line itself is gone.
    LineLost,
}

/// What a [`HdlcServer`] wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HdlcServerOutput {
    /// Make this durable before the octets that follow.
    Persist(ServerPersist),
    /// Send these octets over the line.
    Octets(Vec<u8>),
    /// Something worth logging has happened.
    Event(ServerEvent),
    /// The link is closed.
    LinkClosed(LinkEnd),
}

impl HdlcServer {
    /// A server without link.
    ///
    /// # Errors
    /// A service access point or device that no address can name.
    pub fn new(config: HdlcServerConfig) -> Result<Self, NoSuchAddress> {
        let link = Secondary::new(SecondaryConfig {
            address: config.station.address(config.server.server_sap)?,
            parameters: config.parameters,
            max_apdu_len: max_apdu_len(config.server.max_pdu),
            inactivity_timeout: config.inactivity_timeout,
            inter_octet_timeout: config.inter_octet_timeout,
        });
        let (server, out) = (Server::new(config.server), Outbox::new());
        Ok(Self { server, link, peer: 0, client_sap: 0, unserved: 0, out })
    }

    /// The server.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The link.
    pub const fn link(&self) -> &Secondary {
        &self.link
    }

    /// APDUs without link, which were not served.
    pub const fn unserved(&self) -> u64 {
        self.unserved
    }

    /// Carries everything between the link, the server and the outside until nothing moves.
    fn pump(&mut self, now: Instant, mut objects: Option<&mut dyn ObjectModel>) {
        while let Some(output) = self.link.poll() {
            match output {
                LinkOutput::Octets(octets) => self.tell(HdlcServerOutput::Octets(octets)),
                LinkOutput::Connected { peer, .. } => {
                    self.peer = self.peer.wrapping_add(1);
                    self.client_sap = peer.upper();
                }
                LinkOutput::Apdu(apdu) => {
                    if let Some(objects) = &mut objects {
                        self.serve(now, &apdu, *objects);
                    }
                }
                LinkOutput::Unnumbered { .. } => self.unserved += 1,
                LinkOutput::Disconnected(end) => {
                    self.server.forget(self.peer);
                    self.tell(HdlcServerOutput::LinkClosed(end));
                }
            }
        }
    }

    fn serve(&mut self, now: Instant, apdu: &[u8], objects: &mut dyn ObjectModel) {
        let (source, destination) = (self.client_sap, self.server.config().server_sap);
        let bytes = Wpdu { source, destination, apdu }.to_vec();
        // On a line a client is its address, whatever links it opens.
        let origin = Origin::of_peer(self.client_sap);
        self.server.handle(now, ServerInput { peer: self.peer, origin, bytes: &bytes, objects });
        while let Some(output) = self.server.poll() {
            match output {
                ServerOutput::Persist(record) => self.tell(HdlcServerOutput::Persist(record)),
                ServerOutput::Event(event) => self.tell(HdlcServerOutput::Event(event)),
                ServerOutput::Datagram { bytes, .. } => {
                    if let Ok(wpdu) = Wpdu::from_bytes(&bytes) {
                        self.link.handle(now, SecondaryInput::Send(wpdu.apdu));
                    }
                }
            }
        }
    }

    fn tell(&mut self, output: HdlcServerOutput) {
        self.out.push(output);
    }
}

impl Machine for HdlcServer {
    type Input<'a> = HdlcServerInput<'a>;
    type Output = HdlcServerOutput;

    fn handle(&mut self, now: Instant, input: HdlcServerInput<'_>) {
        match input {
            HdlcServerInput::Octets { octets, objects } => {
                self.link.handle(now, SecondaryInput::Octets(octets));
                self.pump(now, Some(objects));
            }
            HdlcServerInput::LineLost => {
                self.link.handle(now, SecondaryInput::LineLost);
                self.pump(now, None);
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.server.tick(now);
            self.link.tick(now);
            // Time alone brings no APDU.
            self.pump(now, None);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.server.deadline(), self.link.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<HdlcServerOutput> {
        self.out.pop()
    }
}
