//! A client of either kind of link.

use super::fault::{Blame, Fault};
use dlms::client::{Client, ClientConfig, ClientInput, ClientOutput};
use dlms::hdlc::{
    HdlcClient, HdlcClientConfig, HdlcClientInput, HdlcClientOutput, LinkEnd, Parameters, ServerStation,
};
use dlms::wrapper::WpduStream;
use plc_core::time::Duration;
use plc_core::{Instant, Machine};

/// A client, and how its APDUs become the octets of a connection.
pub(super) enum Carrier {
    Wrapper(Box<Client>, WpduStream),
    /// Each datagram is a wrapper PDU.
    Datagrams(Box<Client>),
    /// And how its link has ended, if it has.
    Hdlc(Box<HdlcClient>, Option<LinkEnd>),
}

/// What a carrier wants done or known.
pub(super) enum CarrierOutput {
    /// Send these octets.
    Octets(Vec<u8>),
    /// For whoever asks.
    User(ClientOutput),
}

impl Carrier {
    pub(super) fn wrapper(config: ClientConfig) -> Self {
        Self::Wrapper(Box::new(Client::new(config)), WpduStream::new(u16::MAX))
    }

    pub(super) fn datagrams(config: ClientConfig) -> Self {
        Self::Datagrams(Box::new(Client::new(config)))
    }

    pub(super) fn hdlc(config: ClientConfig, server: ServerStation) -> anyhow::Result<Self> {
        let (client_sap, server_sap) = (config.client_sap, config.server_sap);
        let client = HdlcClient::new(HdlcClientConfig {
            client: config,
            server,
            parameters: Parameters::symmetric(MAX_INFO, WINDOW),
            link_timeout: LINK_TIMEOUT,
            link_retries: LINK_RETRIES,
            poll_interval: POLL_INTERVAL,
            inter_octet_timeout: INTER_OCTET,
        });
        client
            .map(|client| Self::Hdlc(Box::new(client), None))
            .map_err(|error| anyhow::anyhow!("client {client_sap}, server {server_sap}: {error}"))
    }

    pub(super) fn ask(&mut self, now: Instant, input: ClientInput<'_>) {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client) => client.handle(now, input),
            Self::Hdlc(client, _) => client.handle(now, HdlcClientInput::User(input)),
        }
    }

    /// Octets of the connection.
    pub(super) fn take(&mut self, now: Instant, mut octets: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Wrapper(client, stream) => {
                let fault =
                    |fault| Fault::error(Blame::Unreachable, format!("the meter answers, but with {fault}"));
                while let Some(wpdu) = stream.take(&mut octets).map_err(fault)? {
                    client.handle(now, ClientInput::Datagram(&wpdu));
                }
            }
            Self::Datagrams(client) => client.handle(now, ClientInput::Datagram(octets)),
            Self::Hdlc(client, _) => client.handle(now, HdlcClientInput::Octets(octets)),
        }
        Ok(())
    }

    pub(super) fn tick(&mut self, now: Instant) {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client) => client.tick(now),
            Self::Hdlc(client, _) => client.tick(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client) => client.deadline(),
            Self::Hdlc(client, _) => client.deadline(),
        }
    }

    /// The client above the link.
    pub(super) const fn client(&self) -> &Client {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client) => client,
            Self::Hdlc(client, _) => client.client(),
        }
    }

    /// Whether a link below is still to be closed.
    pub(super) const fn is_linked(&self) -> bool {
        matches!(self, Self::Hdlc(_, None))
    }

    /// How the link below has ended, if it has.
    pub(super) const fn link_end(&self) -> Option<LinkEnd> {
        match self {
            Self::Hdlc(_, end) => *end,
            Self::Wrapper(..) | Self::Datagrams(_) => None,
        }
    }

    pub(super) fn poll(&mut self) -> Option<CarrierOutput> {
        loop {
            return Some(match self {
                Self::Wrapper(client, _) | Self::Datagrams(client) => match client.poll()? {
                    ClientOutput::Datagram(octets) => CarrierOutput::Octets(octets),
                    output => CarrierOutput::User(output),
                },
                Self::Hdlc(client, end) => match client.poll()? {
                    HdlcClientOutput::Octets(octets) => CarrierOutput::Octets(octets),
                    HdlcClientOutput::User(output) => CarrierOutput::User(output),
                    HdlcClientOutput::Unnumbered(_) => continue,
                    HdlcClientOutput::LinkClosed(how) => {
                        *end = Some(how);
                        continue;
                    }
                },
            });
        }
    }
}

const MAX_INFO: u16 = 512;
const WINDOW: u8 = 1;
const LINK_TIMEOUT: Duration = Duration::from_secs(3);
const LINK_RETRIES: u8 = 3;
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// TCP delivers in pieces, so pauses within a frame say little.
const INTER_OCTET: Duration = Duration::from_secs(2);
