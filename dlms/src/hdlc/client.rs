//! A client above the client's end of a link.

use super::specs::bounds::COMPOSED_OUTPUTS_MAX;
use super::{Address, LinkEnd, LinkOutput, Parameters, Primary, PrimaryConfig, PrimaryInput};
use crate::apdu::Pdu;
use crate::client::{Client, ClientConfig, ClientFailure, ClientInput, ClientOutput};
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use plc_core::{Instant, Machine, Outbox};

/// A [`Client`] that speaks over a link: the link is opened ahead of the association and closed behind
/// it. The service access points of the client's configuration are the addresses of the link.
#[derive(Debug)]
pub struct HdlcClient {
    client: Client,
    link: Primary,
    /// The user wants an association, which waits for the link.
    wants_association: bool,
    out: Outbox<HdlcClientOutput, COMPOSED_OUTPUTS_MAX>,
}

/// What the link of a client needs besides its two service access points.
#[derive(Clone, Debug)]
pub struct HdlcClientConfig {
    /// The association.
    pub client: ClientConfig,
    /// Where the server is.
    pub server: ServerStation,
    /// What the client can send and take.
    pub parameters: Parameters,
    /// How long an answer on the link may take; the client's own timeout must be longer.
    pub link_timeout: Duration,
    /// How many answers in a row may fail before the link is given up.
    pub link_retries: u8,
    /// How long after the last answer the server is asked for more.
    pub poll_interval: Duration,
    /// A frame with a longer pause between two octets is none.
    pub inter_octet_timeout: Duration,
}

/// How the address of a server is written. The upper part is its service access point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerStation {
    /// One octet: alone on its line.
    Alone,
    /// Two octets, with this physical device in the lower one.
    Two(u8),
    /// Four octets, with this physical device in the lower two.
    Four(u16),
}

/// A service access point or device that no address of a link can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchAddress;

impl fmt::Display for NoSuchAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of a link has room for this service access point or device")
    }
}

impl core::error::Error for NoSuchAddress {}

/// What happens to a [`HdlcClient`].
#[derive(Clone, Debug)]
pub enum HdlcClientInput<'a> {
    /// Something that the user wants. [`ClientInput::Datagram`] has no meaning here and is ignored.
    User(ClientInput<'a>),
    /// Octets have come from the line.
    Octets(&'a [u8]),
    /// The line itself is gone.
    LineLost,
}

/// What a [`HdlcClient`] wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum HdlcClientOutput {
    /// Send these octets over the line.
    Octets(Vec<u8>),
    /// Something for the user; never [`ClientOutput::Datagram`].
    User(ClientOutput),
    /// The server has sent an APDU without being asked, and anyone may have done so in its name.
    Unnumbered(Vec<u8>),
    /// The link is closed, or could not be opened.
    LinkClosed(LinkEnd),
}

impl ServerStation {
    /// The address of the logical device `upper` of this station.
    ///
    /// # Errors
    /// A part that does not fit.
    pub fn address(self, upper: u16) -> Result<Address, NoSuchAddress> {
        match self {
            Self::Alone => Address::one(upper),
            Self::Two(lower) => Address::two(upper, lower.into()),
            Self::Four(lower) => Address::four(upper, lower),
        }
        .ok_or(NoSuchAddress)
    }
}

impl HdlcClient {
    /// A client without link.
    ///
    /// # Errors
    /// A service access point or device that no address can name.
    pub fn new(config: HdlcClientConfig) -> Result<Self, NoSuchAddress> {
        let HdlcClientConfig { client, server, parameters, .. } = config;
        let link = Primary::new(PrimaryConfig {
            client: Address::one(client.client_sap).ok_or(NoSuchAddress)?,
            server: server.address(client.server_sap)?,
            parameters,
            max_apdu_len: max_apdu_len(client.max_receive_pdu),
            response_timeout: config.link_timeout,
            retries: config.link_retries,
            poll_interval: config.poll_interval,
            inter_octet_timeout: config.inter_octet_timeout,
        });
        Ok(Self { client: Client::new(client), link, wants_association: false, out: Outbox::new() })
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The link.
    pub const fn link(&self) -> &Primary {
        &self.link
    }

    fn on_user(&mut self, now: Instant, input: ClientInput<'_>) {
        match input {
            ClientInput::Datagram(_) => {}
            _ if self.wants_association => self.fail(ClientFailure::Busy),
            ClientInput::Connect if !self.client.is_busy() && !self.link.is_connected() => {
                self.wants_association = true;
                self.link.handle(now, PrimaryInput::Connect);
            }
            input => self.client.handle(now, input),
        }
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.out.push(HdlcClientOutput::User(ClientOutput::Failed(failure)));
    }

    /// Carries everything between the client, the link and the outside until nothing moves.
    fn pump(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.client.poll() {
                self.on_client_output(now, output);
            } else if let Some(output) = self.link.poll() {
                self.on_link_output(now, output);
            } else {
                return;
            }
        }
    }

    fn on_client_output(&mut self, now: Instant, output: ClientOutput) {
        match output {
            ClientOutput::Datagram(bytes) => {
                if let Ok(wpdu) = Wpdu::from_bytes(&bytes) {
                    self.link.handle(now, PrimaryInput::Send(wpdu.apdu));
                }
            }
            output => {
                if output == ClientOutput::Released {
                    self.link.handle(now, PrimaryInput::Disconnect);
                }
                self.out.push(HdlcClientOutput::User(output));
            }
        }
    }

    fn on_link_output(&mut self, now: Instant, output: LinkOutput) {
        match output {
            LinkOutput::Octets(octets) => {
                self.out.push(HdlcClientOutput::Octets(octets));
            }
            LinkOutput::Connected { .. } => {
                if core::mem::take(&mut self.wants_association) {
                    self.client.handle(now, ClientInput::Connect);
                }
            }
            LinkOutput::Apdu(apdu) => self.on_apdu(now, &apdu),
            LinkOutput::Unnumbered { apdu, .. } => {
                self.out.push(HdlcClientOutput::Unnumbered(apdu));
            }
            LinkOutput::Disconnected(end) => self.on_link_closed(now, end),
        }
    }

    fn on_apdu(&mut self, now: Instant, apdu: &[u8]) {
        let config = self.client.config();
        let wpdu = Wpdu { source: config.server_sap, destination: config.client_sap, apdu };
        self.client.handle(now, ClientInput::Datagram(&wpdu.to_vec()));
    }

    fn on_link_closed(&mut self, now: Instant, end: LinkEnd) {
        self.out.push(HdlcClientOutput::LinkClosed(end));
        if self.wants_association && end == LinkEnd::Requested {
            // The link before the one that is wanted.
            self.link.handle(now, PrimaryInput::Connect);
        } else if core::mem::take(&mut self.wants_association) {
            self.fail(ClientFailure::NoAnswer);
        } else {
            self.client.handle(now, ClientInput::ConnectionLost);
        }
    }
}

impl Machine for HdlcClient {
    type Input<'a> = HdlcClientInput<'a>;
    type Output = HdlcClientOutput;

    fn handle(&mut self, now: Instant, input: HdlcClientInput<'_>) {
        match input {
            HdlcClientInput::User(input) => self.on_user(now, input),
            HdlcClientInput::Octets(octets) => self.link.handle(now, PrimaryInput::Octets(octets)),
            HdlcClientInput::LineLost => self.link.handle(now, PrimaryInput::LineLost),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.client.tick(now);
            self.link.tick(now);
            self.pump(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.client.deadline(), self.link.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<HdlcClientOutput> {
        self.out.pop()
    }
}

/// The longest APDU of a station that says 0 for no limit.
pub(super) fn max_apdu_len(said: u16) -> usize {
    usize::from(if said == 0 { u16::MAX } else { said })
}
