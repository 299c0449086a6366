//! A client and a server over a link, over a line that loses, corrupts and doubles.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serial;
mod world;

use dlms::apdu::{AssociationResult, Diagnostic};
use dlms::axdr::Data;
use dlms::client::*;
use dlms::hdlc::*;
use dlms::security::Secret;
use dlms::server::{Access, AssociationConfig, ServerAuthentication, ServerPersist};
use plc_core::{Instant, Machine};
use serial::*;
use std::time::Duration;
use world::*;

struct Street {
    now: Instant,
    client: HdlcClient,
    server: HdlcServer,
    meter: Meter,
    to_server: Pipe,
    to_client: Pipe,
    events: Vec<ClientOutput>,
    ends: Vec<LinkEnd>,
    server_ends: Vec<LinkEnd>,
    client_durable: u32,
    server_durable: u32,
}

impl Street {
    fn new(secure: bool, parameters: Parameters, station: ServerStation, faults: Faults, seed: u64) -> Self {
        let client =
            ClientConfig { response_timeout: Duration::from_secs(120), ..client_config(secure, seed) };
        let (client_durable, server) = (client.first_invocation_counter, server_config());
        Self {
            now: Instant::from_secs(1),
            client: HdlcClient::new(HdlcClientConfig {
                client,
                server: station,
                parameters,
                link_timeout: Duration::from_secs(2),
                link_retries: 10,
                poll_interval: Duration::from_secs(5),
                inter_octet_timeout: INTER_OCTET,
            })
            .unwrap(),
            server_durable: server.first_invocation_counter,
            server: HdlcServer::new(HdlcServerConfig {
                server,
                station,
                parameters: Parameters::symmetric(200, 5),
                inactivity_timeout: INACTIVITY,
                inter_octet_timeout: INTER_OCTET,
            })
            .unwrap(),
            meter: Meter::default(),
            to_server: Pipe::new(faults, seed),
            to_client: Pipe::new(faults, seed + 1000),
            events: Vec::new(),
            ends: Vec::new(),
            server_ends: Vec::new(),
            client_durable,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll() {
            match output {
                HdlcClientOutput::Octets(octets) => self.to_server.write(self.now, &octets),
                HdlcClientOutput::User(ClientOutput::Persist { reserved_to }) => {
                    self.client_durable = reserved_to
                }
                HdlcClientOutput::User(ClientOutput::ServerCounter(_)) => {}
                HdlcClientOutput::User(event) => self.events.push(event),
                HdlcClientOutput::LinkClosed(end) => self.ends.push(end),
                HdlcClientOutput::Unnumbered(_) => panic!("nobody has sent UI"),
            }
        }
        while let Some(output) = self.server.poll() {
            match output {
                HdlcServerOutput::Octets(octets) => self.to_client.write(self.now, &octets),
                HdlcServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                    self.server_durable = reserved_to;
                }
                HdlcServerOutput::LinkClosed(end) => self.server_ends.push(end),
                HdlcServerOutput::Persist(_) | HdlcServerOutput::Event(_) => {}
            }
        }
    }

    fn step(&mut self) {
        let events = [
            self.to_server.arrival(),
            self.to_client.arrival(),
            self.client.deadline(),
            self.server.deadline(),
        ];
        self.now = self.now.max(events.into_iter().flatten().min().expect("somebody waits"));
        if let Some(octets) = self.to_server.read(self.now) {
            let input = HdlcServerInput::Octets { octets: &octets, objects: &mut self.meter };
            self.server.handle(self.now, input);
        } else if let Some(octets) = self.to_client.read(self.now) {
            self.client.handle(self.now, HdlcClientInput::Octets(&octets));
        } else {
            self.client.tick(self.now);
            self.server.tick(self.now);
        }
        self.drain();
    }

    /// Runs until the request is answered.
    fn ask(&mut self, input: ClientInput<'_>) -> ClientOutput {
        self.client.handle(self.now, HdlcClientInput::User(input));
        self.drain();
        while self.events.is_empty() {
            self.step();
        }
        self.events.remove(0)
    }
}

#[test]
fn a_day_of_rows_comes_over_a_lossy_line_under_gmac() {
    let faults = Faults { loss: 15, corruption: 15, doubling: 10, delay_max_ms: 30 };
    let (mut days, mut resent) = (0, 0);
    for seed in 0..10 {
        let parameters = Parameters::symmetric(128, 1 + seed as u8 % 7);
        let mut street = Street::new(true, parameters, ServerStation::Two(17), faults, seed);
        if street.ask(ClientInput::Connect) != ClientOutput::Connected {
            continue;
        }
        if let ClientOutput::Value(value) = street.ask(ClientInput::Get(buffer())) {
            assert_eq!(check_profile(&value, 96), 1, "asked once, read once");
            days += 1;
        }
        resent += street.client.link().counters().resent + street.server.link().counters().resent;
    }
    assert!(days >= 9, "{days} of 10");
    assert!(resent > 10, "the line was too good: {resent}");
}

#[test]
fn a_session_reads_writes_acts_and_closes_the_link_behind_it() {
    for station in [ServerStation::Alone, ServerStation::Two(17), ServerStation::Four(1000)] {
        for secure in [false, true] {
            let mut street = Street::new(secure, Parameters::symmetric(128, 1), station, FAULTLESS, 5);
            assert_eq!(street.ask(ClientInput::Connect), ClientOutput::Connected);
            let ClientOutput::Value(value) = street.ask(ClientInput::Get(energy())) else {
                panic!("a value")
            };
            assert_eq!(Data::from_bytes(&value).unwrap().as_u64(), Some(1));
            let written = street.ask(ClientInput::Set(energy(), &[9, 2, 5, 6]));
            assert!(matches!(written, ClientOutput::AccessResult(_)));
            assert_eq!(street.meter.written == [5, 6], secure);
            let ClientOutput::Value(value) = street.ask(ClientInput::Get(buffer())) else {
                panic!("a value")
            };
            check_profile(&value, 96);
            assert_eq!(street.ask(ClientInput::Release), ClientOutput::Released);
            while street.server_ends.is_empty() || street.ends.is_empty() {
                street.step();
            }
            assert_eq!(
                (&street.ends[..], &street.server_ends[..]),
                (&[LinkEnd::Requested][..], &[LinkEnd::ByPeer][..])
            );
            assert_eq!(street.ask(ClientInput::Connect), ClientOutput::Connected, "and again");
        }
    }
}

#[test]
fn a_lost_line_fails_the_request_at_once_and_closes_the_association() {
    let mut street = Street::new(true, Parameters::symmetric(128, 1), ServerStation::Alone, FAULTLESS, 6);
    street.ask(ClientInput::Connect);
    street.client.handle(street.now, HdlcClientInput::User(ClientInput::Get(buffer())));
    street.client.handle(street.now, HdlcClientInput::LineLost);
    street.drain();
    assert_eq!(street.events, [ClientOutput::Failed(ClientFailure::NoAnswer)]);
    assert_eq!((&street.ends[..], street.client.client().is_open()), (&[LinkEnd::LineLost][..], false));
    street.events.clear();
    street.server.handle(street.now, HdlcServerInput::LineLost);
    street.drain();
    assert_eq!(street.server.server().occupancy().0, 0);
    street.to_server = Pipe::new(FAULTLESS, 1);
    street.to_client = Pipe::new(FAULTLESS, 1);
    assert_eq!(street.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(matches!(street.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

#[test]
fn nobody_at_the_other_end_is_told_once() {
    let dead = Faults { loss: 1000, ..FAULTLESS };
    let mut street = Street::new(true, Parameters::DEFAULT, ServerStation::Alone, dead, 7);
    assert_eq!(street.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(street.ends, [LinkEnd::NoAnswer]);
    assert_eq!(street.now, Instant::from_secs(1 + 11 * 2));
}

/// What becomes of an association of client 17 with this password, over a link of its own.
fn knock(server: &mut HdlcServer, now: Instant, password: &[u8]) -> ClientOutput {
    let authentication = ClientAuthentication::Lls { password: Secret::new(password), keys: None };
    let mut client = HdlcClient::new(HdlcClientConfig {
        client: ClientConfig { client_sap: 17, authentication, ..client_config(false, 1) },
        server: ServerStation::Two(17),
        parameters: Parameters::DEFAULT,
        link_timeout: Duration::from_secs(2),
        link_retries: 10,
        poll_interval: Duration::from_secs(5),
        inter_octet_timeout: INTER_OCTET,
    })
    .unwrap();
    let mut meter = Meter::default();
    client.handle(now, HdlcClientInput::User(ClientInput::Connect));
    loop {
        match client.poll().unwrap() {
            HdlcClientOutput::Octets(octets) => {
                server.handle(now, HdlcServerInput::Octets { octets: &octets, objects: &mut meter });
                while let Some(output) = server.poll() {
                    if let HdlcServerOutput::Octets(octets) = output {
                        client.handle(now, HdlcClientInput::Octets(&octets));
                    }
                }
            }
            HdlcClientOutput::User(said) => {
                server.handle(now, HdlcServerInput::LineLost);
                while server.poll().is_some() {}
                return said;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_guesses_over_one_link_after_the_other_is_heard_only_now_and_then() {
    let mut config = server_config();
    config.associations.push(AssociationConfig {
        client_sap: 17,
        authentication: ServerAuthentication::Lls { password: Secret::new(b"12345678"), ciphering: None },
        access: Access::Reading,
        pre_established: false,
    });
    let mut server = HdlcServer::new(HdlcServerConfig {
        server: config,
        station: ServerStation::Two(17),
        parameters: Parameters::DEFAULT,
        inactivity_timeout: INACTIVITY,
        inter_octet_timeout: INTER_OCTET,
    })
    .unwrap();
    let rejected =
        |result| ClientOutput::Failed(ClientFailure::Rejected(result, Diagnostic::AuthenticationFailure));
    let now = Instant::from_secs(1);
    for _ in 0..3 {
        let said = knock(&mut server, now, b"87654321");
        assert_eq!(said, rejected(AssociationResult::RejectedPermanent));
    }
    let said = knock(&mut server, now, b"12345678");
    assert_eq!(said, rejected(AssociationResult::RejectedTransient));
    let later = now + Duration::from_secs(200);
    assert_eq!(knock(&mut server, later, b"12345678"), ClientOutput::Connected);
}
