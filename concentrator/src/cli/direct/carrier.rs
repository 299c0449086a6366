//! A client of either kind of link.

use super::fault::{Blame, Fault};
use dlms::apdu::Pdu;
use dlms::client::{Client, ClientConfig, ClientInput, ClientOutput};
use dlms::hdlc::{
    DeframerCounters, HdlcClient, HdlcClientConfig, HdlcClientInput, HdlcClientOutput, LinkCounters, LinkEnd,
    Parameters, ServerStation,
};
use dlms::wrapper::{Wpdu, WpduStream};
use plc_core::time::Duration;
use plc_core::{Instant, Machine};

/// A client, and how its APDUs become the octets of a connection.
pub(super) enum Carrier {
    Wrapper(Box<Client>, WpduStream),
    /// Each datagram is a wrapper PDU. And how many were none since the last request.
    Datagrams(Box<Client>, u64),
    /// And how its link has ended, if it has; and what came since the last request that is no answer.
    Hdlc(Box<HdlcClient>, Option<LinkEnd>, Strays),
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
        Self::Datagrams(Box::new(Client::new(config)), 0)
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
            .map(|client| Self::Hdlc(Box::new(client), None, Strays::default()))
            .map_err(|error| anyhow::anyhow!("client {client_sap}, server {server_sap}: {error}"))
    }

    pub(super) fn ask(&mut self, now: Instant, input: ClientInput<'_>) {
        match self {
            Self::Wrapper(client, _) => client.handle(now, input),
            Self::Datagrams(client, strange) => {
                *strange = 0;
                client.handle(now, input);
            }
            Self::Hdlc(client, _, strays) => {
                *strays = Strays::before(client);
                client.handle(now, HdlcClientInput::User(input));
            }
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
            Self::Datagrams(client, strange) => {
                *strange += u64::from(Wpdu::from_bytes(octets).is_err());
                client.handle(now, ClientInput::Datagram(octets));
            }
            Self::Hdlc(client, _, strays) => {
                client.handle(now, HdlcClientInput::Octets(octets));
                if client.link().is_connected() {
                    strays.is_inside = client.link().occupancy().0 > 0;
                }
            }
        }
        Ok(())
    }

    pub(super) fn tick(&mut self, now: Instant) {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client, _) => client.tick(now),
            Self::Hdlc(client, ..) => client.tick(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client, _) => client.deadline(),
            Self::Hdlc(client, ..) => client.deadline(),
        }
    }

    /// The client above the link.
    pub(super) const fn client(&self) -> &Client {
        match self {
            Self::Wrapper(client, _) | Self::Datagrams(client, _) => client,
            Self::Hdlc(client, ..) => client.client(),
        }
    }

    /// Whether a link below is still to be closed.
    pub(super) const fn is_linked(&self) -> bool {
        matches!(self, Self::Hdlc(_, None, _))
    }

    /// Why there is no answer: what has come instead, and how the link below has ended.
    pub(super) fn silence(&self) -> String {
        match self {
            Self::Datagrams(_, 1..) => String::from(
                "the meter answers, but with datagrams that are no wrapper PDU, expected one in each",
            ),
            Self::Wrapper(..) | Self::Datagrams(..) => String::from("the meter does not answer"),
            Self::Hdlc(client, end, strays) => match end {
                Some(LinkEnd::Refused) => {
                    String::from("the meter refuses the HDLC link: DM in answer to SNRM")
                }
                Some(LinkEnd::Rejected) => {
                    String::from("the meter gives up the HDLC link: it has rejected a frame with FRMR")
                }
                Some(LinkEnd::ByPeer) => {
                    String::from("the meter has closed the HDLC link: DM in answer to a request")
                }
                _ => strays.told(client).map_or_else(
                    || String::from("the meter does not answer on the HDLC link"),
                    |came| format!("the meter answers on the HDLC link, but with {came}"),
                ),
            },
        }
    }

    pub(super) fn poll(&mut self) -> Option<CarrierOutput> {
        loop {
            return Some(match self {
                Self::Wrapper(client, _) | Self::Datagrams(client, _) => match client.poll()? {
                    ClientOutput::Datagram(octets) => CarrierOutput::Octets(octets),
                    output => CarrierOutput::User(output),
                },
                Self::Hdlc(client, end, strays) => match client.poll()? {
                    HdlcClientOutput::Octets(octets) => CarrierOutput::Octets(octets),
                    HdlcClientOutput::User(output) => CarrierOutput::User(output),
                    HdlcClientOutput::Unnumbered(_) => {
                        strays.unnumbered += 1;
                        continue;
                    }
                    HdlcClientOutput::LinkClosed(how) => {
                        *end = Some(how);
                        continue;
                    }
                },
            });
        }
    }
}

/// What stood in the counters of a link before a request, and APDUs that nobody had asked for since.
#[derive(Debug, Default)]
pub(super) struct Strays {
    link: LinkCounters,
    line: DeframerCounters,
    unnumbered: u64,
    /// Whether the last segment of an APDU was missing while there was a link.
    is_inside: bool,
}

impl Strays {
    fn before(client: &HdlcClient) -> Self {
        Self {
            link: *client.link().counters(),
            line: *client.link().deframer_counters(),
            unnumbered: 0,
            is_inside: false,
        }
    }

    /// What has come since that is no answer, and what was expected.
    fn told(&self, client: &HdlcClient) -> Option<&'static str> {
        let (link, line) = (client.link().counters(), client.link().deframer_counters());
        let broken = |of: &LinkCounters| of.short + of.format + of.address + of.header_check + of.frame_check;
        let noise = |of: &DeframerCounters| of.noise + of.false_starts + of.unclosed + of.incomplete;
        let came = [
            (link.llc > self.link.llc, "information without the LLC header of a server, expected E6 E7 00"),
            (link.apdu_too_long > self.link.apdu_too_long, "an APDU that is longer than was agreed"),
            (link.info_too_long > self.link.info_too_long, "frames that are longer than was agreed"),
            (self.unnumbered > 0, "an APDU in a UI frame, expected one in I frames"),
            (
                link.not_for_us > self.link.not_for_us,
                "frames of another station, or to another client: see --physical and --address-length",
            ),
            (link.parameters > self.link.parameters, "a negotiation that makes no sense"),
            (self.is_inside, "segments of an APDU whose last one does not come"),
            (link.gaps + link.unexpected > self.link.gaps + self.link.unexpected, "frames that are not due"),
            (broken(link) > broken(&self.link), "frames whose header or checksum is wrong"),
            (noise(line) > noise(&self.line), "octets that are no HDLC frames"),
        ];
        came.into_iter().find(|(has_come, _)| *has_come).map(|(_, what)| what)
    }
}

const MAX_INFO: u16 = 512;
const WINDOW: u8 = 1;
const LINK_TIMEOUT: Duration = Duration::from_secs(3);
const LINK_RETRIES: u8 = 3;
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// TCP delivers in pieces, so pauses within a frame say little.
const INTER_OCTET: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::direct::fault::not_served;
    use dlms::client::{CipheringForm, ClientAuthentication, ClientFailure, Quirks};
    use dlms::hdlc::{Address, Control, Frame, Function};
    use plc_core::Seed;

    fn config() -> ClientConfig {
        ClientConfig {
            client_sap: 16,
            server_sap: 1,
            client_title: *b"PLCDC001",
            authentication: ClientAuthentication::None,
            ciphering: CipheringForm::ServiceSpecific,
            first_invocation_counter: 1,
            counter_block: 1,
            last_server_counter: None,
            max_receive_pdu: 500,
            max_value_len: 1000,
            response_timeout: Duration::from_secs(30),
            retries: 0,
            request_limit: Duration::from_secs(100),
            quirks: Quirks::default(),
            seed: Seed::from_u64(1),
        }
    }

    const CLIENT: u16 = 16;

    fn frame(from: u16, function: Function, information: &[u8], segmented: bool) -> Vec<u8> {
        let control = Control { function, poll_final: true };
        let (destination, source) = (Address::one(CLIENT).unwrap(), Address::one(from).unwrap());
        let frame = Frame { destination, source, control, information, segmented };
        [&[0x7E][..], &frame.to_vec(), &[0x7E]].concat()
    }

    /// What is said of a meter that answers each frame like this, the SNRM with a link if it is to open.
    fn said(is_linked: bool, answer: &[u8]) -> String {
        let mut carrier = Carrier::hdlc(config(), ServerStation::Alone).unwrap();
        let mut now = Instant::EPOCH;
        carrier.ask(now, ClientInput::Connect);
        let mut frames = 0;
        loop {
            while let Some(output) = carrier.poll() {
                match output {
                    CarrierOutput::Octets(_) if is_linked && frames == 0 => {
                        let ua = frame(1, Function::UnnumberedAcknowledge, &[], false);
                        carrier.take(now, &ua).unwrap();
                        frames += 1;
                    }
                    CarrierOutput::Octets(_) => carrier.take(now, answer).unwrap(),
                    CarrierOutput::User(output) => {
                        assert_eq!(output, ClientOutput::Failed(ClientFailure::NoAnswer));
                        return not_served(&output, &carrier).to_string();
                    }
                }
            }
            now = carrier.deadline().unwrap();
            carrier.tick(now);
        }
    }

    #[test]
    fn of_a_meter_whose_answers_are_none_it_is_said_what_came() {
        let information = |octets: &[u8], segmented| {
            frame(1, Function::Information { send: number(0), receive: number(1) }, octets, segmented)
        };
        let ui = frame(1, Function::UnnumberedInformation, &[0xE6, 0xE7, 0, 0x61, 0], false);
        let other = frame(2, Function::UnnumberedAcknowledge, &[], false);
        let mut wrong = other.clone();
        wrong[6] ^= 1;
        for (is_linked, answer, what) in [
            (false, vec![], "the meter does not answer on the HDLC link"),
            (false, b"HTTP/1.1 400 Bad Request".to_vec(), "with octets that are no HDLC frames"),
            (false, wrong, "with frames whose header or checksum is wrong"),
            (false, other, "with frames of another station, or to another client"),
            (true, information(&[0x61, 0], false), "without the LLC header of a server, expected E6 E7 00"),
            (
                true,
                information(&[0xE6, 0xE7, 0, 0x61], true),
                "segments of an APDU whose last one does not come",
            ),
            (true, ui, "an APDU in a UI frame, expected one in I frames"),
        ] {
            let said = said(is_linked, &answer);
            assert!(said.contains(what), "{said}, expected {what}");
        }
    }

    fn number(value: u8) -> dlms::hdlc::Number {
        dlms::hdlc::Number::new(value)
    }

    #[test]
    fn of_datagrams_that_are_no_wrapper_pdus_it_is_said_so_and_only_of_those_since_the_request() {
        let mut carrier = Carrier::datagrams(config());
        carrier.ask(Instant::EPOCH, ClientInput::Connect);
        assert_eq!(carrier.silence(), "the meter does not answer");
        carrier.take(Instant::EPOCH, &[0, 1, 0, 1, 0, 16, 0, 9, 0x61]).unwrap();
        assert!(carrier.silence().contains("datagrams that are no wrapper PDU"), "{}", carrier.silence());
        carrier.ask(Instant::EPOCH, ClientInput::Connect);
        assert_eq!(carrier.silence(), "the meter does not answer");
    }
}
