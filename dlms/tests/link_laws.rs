//! The laws of machines, for links, what stands above them, and the opening of a port.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serial;
mod world;

use dlms::apdu::{Ciphered, Pdu};
use dlms::client::*;
use dlms::hdlc::*;
use dlms::mode_e::*;
use dlms::server::*;
use plc_core::laws::{self, Durability, Subject};
use plc_core::{Instant, Machine};
use proptest::prelude::*;
use serial::*;
use std::time::Duration;

/// A step: one of the recorded writes with some octets changed, or random octets; or what a user wants.
#[derive(Clone, Debug)]
struct Shot {
    recorded: usize,
    changes: Vec<(usize, u8)>,
    cut: Option<usize>,
    random: Option<Vec<u8>>,
    wish: u8,
}

fn shots() -> impl Strategy<Value = Vec<(Duration, Shot)>> {
    let changes = prop::collection::vec((any::<usize>(), any::<u8>()), 0..2);
    let random = prop::option::weighted(0.1, prop::collection::vec(any::<u8>(), 0..60));
    let cut = prop::option::weighted(0.2, any::<usize>());
    let shot = (any::<usize>(), prop::option::weighted(0.3, changes), cut, random, 0u8..16);
    let shot = shot.prop_map(|(recorded, changes, cut, random, wish)| Shot {
        recorded,
        changes: changes.unwrap_or_default(),
        cut,
        random,
        wish,
    });
    let pause = prop_oneof![0u64..50, 0u64..3000, 0u64..200_000].prop_map(Duration::from_millis);
    prop::collection::vec((pause, shot), 0..60)
}

fn ammunition(shot: &Shot, recorded: &[Vec<u8>]) -> Vec<u8> {
    if let Some(bytes) = &shot.random {
        return bytes.clone();
    }
    let mut bytes = recorded[shot.recorded % recorded.len()].clone();
    let len = bytes.len().max(1);
    shot.changes.iter().for_each(|&(at, octet)| {
        if let Some(place) = bytes.get_mut(at % len) {
            *place = octet;
        }
    });
    bytes.truncate(shot.cut.map_or(len, |cut| cut % (len + 1)));
    bytes
}

/// What a client may write to a server, in order.
fn commands() -> Vec<Vec<u8>> {
    let mut all = vec![snrm(Parameters::symmetric(64, 3)), command("SNRM P", &[]), command("DISC P", &[])];
    for n in 0..8u8 {
        all.push(question(&format!("I {n} 0 P"), &[n; 20]));
        all.push(question(&format!("I {n} {n}"), &[n; 20]));
        all.push(segment(server_address(), client_address(), &format!("I {n} {n} P"), &[0xE6; 60], true));
        all.push(command(&format!("RR {n} P"), &[]));
    }
    all.push(command("RNR 0 P", &[]));
    all.push(between(server_address(), client_address(), "UI P", &[0xE6, 0xE6, 0, 1]));
    all.push(between(server_address(), Address::one(1).unwrap(), "SNRM P", &[]));
    all
}

/// What a server may write to a client.
fn responses() -> Vec<Vec<u8>> {
    let from = |words: &str, information: &[u8], segmented| {
        segment(client_address(), server_address(), words, information, segmented)
    };
    let mut all = vec![from("UA P", &Parameters::symmetric(64, 3).to_vec(), false), from("UA P", &[], false)];
    for n in 0..8u8 {
        all.push(from(&format!("I {n} 1 P"), &[0xE6, 0xE7, 0, n], false));
        all.push(from(&format!("I {n} {n} P"), &[0xE6, 0xE7, 0, n], false));
        all.push(from(&format!("I {n} {n}"), &[0xE6; 60], true));
        all.push(from(&format!("RR {n} P"), &[], false));
    }
    all.extend(["RNR 1 P", "DM P", "FRMR P"].map(|words| from(words, &[], false)));
    all
}

struct SecondaryLaws;

impl Subject for SecondaryLaws {
    type Machine = Secondary;
    type Step = Shot;
    fn build(&self) -> Secondary {
        Secondary::new(SecondaryConfig {
            max_apdu_len: 100,
            ..secondary_config(Parameters::symmetric(64, 3))
        })
    }
    fn apply(&self, secondary: &mut Secondary, now: Instant, shot: &Shot) {
        secondary.handle(
            now,
            match shot.wish {
                0 => SecondaryInput::Busy(shot.recorded.is_multiple_of(2)),
                1 => SecondaryInput::LineLost,
                2..5 => SecondaryInput::Send(&[7; 200]),
                5 => SecondaryInput::SendUnnumbered { client: client_address(), apdu: &[7; 20] },
                _ => return secondary.handle(now, SecondaryInput::Octets(&ammunition(shot, &commands()))),
            },
        );
    }
    fn describe(&self, output: &LinkOutput) -> String {
        format!("{output:?}")
    }
    fn occupancy(&self, secondary: &Secondary) -> (usize, usize) {
        secondary.occupancy()
    }
}

struct PrimaryLaws;

impl Subject for PrimaryLaws {
    type Machine = Primary;
    type Step = Shot;
    fn build(&self) -> Primary {
        Primary::new(PrimaryConfig { max_apdu_len: 100, ..primary_config(Parameters::symmetric(64, 3)) })
    }
    fn apply(&self, primary: &mut Primary, now: Instant, shot: &Shot) {
        primary.handle(
            now,
            match shot.wish {
                0 => PrimaryInput::Busy(shot.recorded.is_multiple_of(2)),
                1 => PrimaryInput::LineLost,
                2 => PrimaryInput::Disconnect,
                3..6 => PrimaryInput::Send(&[7; 200]),
                6 => PrimaryInput::SendUnnumbered(&[7; 20]),
                7..10 => PrimaryInput::Connect,
                _ => return primary.handle(now, PrimaryInput::Octets(&ammunition(shot, &responses()))),
            },
        );
    }
    fn describe(&self, output: &LinkOutput) -> String {
        format!("{output:?}")
    }
    fn occupancy(&self, primary: &Primary) -> (usize, usize) {
        primary.occupancy()
    }
}

fn client() -> HdlcClient {
    HdlcClient::new(HdlcClientConfig {
        client: world::client_config(true, 11),
        server: ServerStation::Two(17),
        parameters: Parameters::symmetric(128, 3),
        link_timeout: Duration::from_secs(2),
        link_retries: 3,
        poll_interval: Duration::from_secs(5),
        inter_octet_timeout: INTER_OCTET,
    })
    .unwrap()
}

fn server() -> HdlcServer {
    HdlcServer::new(HdlcServerConfig {
        server: world::server_config(),
        station: ServerStation::Two(17),
        parameters: Parameters::symmetric(128, 3),
        inactivity_timeout: INACTIVITY,
        inter_octet_timeout: INTER_OCTET,
    })
    .unwrap()
}

/// What both write in a session of the management client: to the server, and to the client.
fn recorded() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut client, mut server, mut meter) = (client(), server(), world::Meter::default());
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let now = Instant::from_secs(1);
    let wishes = [ClientInput::Connect, ClientInput::Get(world::energy()), ClientInput::Get(world::buffer())];
    for wish in wishes {
        client.handle(now, HdlcClientInput::User(wish));
        loop {
            if let Some(output) = client.poll() {
                let HdlcClientOutput::Octets(octets) = output else { continue };
                server.handle(now, HdlcServerInput::Octets { octets: &octets, objects: &mut meter });
                up.push(octets);
            } else if let Some(output) = server.poll() {
                let HdlcServerOutput::Octets(octets) = output else { continue };
                client.handle(now, HdlcClientInput::Octets(&octets));
                down.push(octets);
            } else {
                break;
            }
        }
    }
    assert!(client.client().is_open() && up.len() > 10);
    (up, down)
}

/// The counter of the ciphered APDU in a frame that carries a whole one.
fn counter_of(octets: &[u8]) -> Durability {
    let counters = frames(octets).into_iter().filter_map(|frame| {
        let information = Frame::read(&frame).unwrap().information.to_vec();
        let apdu = information.get(3..)?;
        Some(u64::from(Ciphered::from_bytes(apdu).ok()?.counter))
    });
    counters.max().map_or(Durability::Free, Durability::ReliesOn)
}

struct HdlcServerLaws(Vec<Vec<u8>>);

impl Subject for HdlcServerLaws {
    type Machine = HdlcServer;
    type Step = Shot;
    fn build(&self) -> HdlcServer {
        server()
    }
    fn apply(&self, server: &mut HdlcServer, now: Instant, shot: &Shot) {
        if shot.wish == 0 {
            return server.handle(now, HdlcServerInput::LineLost);
        }
        // Mostly in the order in which they were recorded, for sessions to come about.
        let mut octets = ammunition(shot, &self.0);
        if shot.wish < 6 {
            octets = self.0[..shot.recorded % self.0.len()].concat();
        }
        let mut meter = world::Meter::default();
        server.handle(now, HdlcServerInput::Octets { octets: &octets, objects: &mut meter });
    }
    fn describe(&self, output: &HdlcServerOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &HdlcServerOutput) -> Durability {
        match output {
            HdlcServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                Durability::Persists(u64::from(*reserved_to))
            }
            HdlcServerOutput::Octets(octets) => counter_of(octets),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, server: &HdlcServer) -> (usize, usize) {
        server.link().occupancy()
    }
}

struct HdlcClientLaws(Vec<Vec<u8>>);

impl Subject for HdlcClientLaws {
    type Machine = HdlcClient;
    type Step = Shot;
    fn build(&self) -> HdlcClient {
        client()
    }
    fn apply(&self, client: &mut HdlcClient, now: Instant, shot: &Shot) {
        match shot.wish {
            0 => client.handle(now, HdlcClientInput::LineLost),
            1..4 => client.handle(now, HdlcClientInput::User(ClientInput::Connect)),
            4 => client.handle(now, HdlcClientInput::User(ClientInput::Release)),
            5..8 => client.handle(now, HdlcClientInput::User(ClientInput::Get(world::buffer()))),
            // The beginning of what was recorded opens link and association.
            8..11 => (0..3).for_each(|n| client.handle(now, HdlcClientInput::Octets(&self.0[n]))),
            _ => client.handle(now, HdlcClientInput::Octets(&ammunition(shot, &self.0))),
        }
    }
    fn describe(&self, output: &HdlcClientOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &HdlcClientOutput) -> Durability {
        match output {
            HdlcClientOutput::User(ClientOutput::Persist { reserved_to }) => {
                Durability::Persists(u64::from(*reserved_to))
            }
            HdlcClientOutput::Octets(octets) => counter_of(octets),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, client: &HdlcClient) -> (usize, usize) {
        client.link().occupancy()
    }
}

fn messages() -> Vec<Vec<u8>> {
    let all = [
        &b"/?!\r\n"[..],
        b"/?4711!\r\n",
        b"/PLC5\\2METER\r\n",
        b"/OLD5METER\r\n",
        b"\x06252\r\n",
        b"\x06050\r\n",
    ];
    all.map(<[u8]>::to_vec).to_vec()
}

struct OpenerLaws;

impl Subject for OpenerLaws {
    type Machine = Opener;
    type Step = Shot;
    fn build(&self) -> Opener {
        Opener::new(OpenerConfig {
            address: Vec::new(),
            rate: Rate::R9600,
            confirmation: Confirmation::AtInitialRate,
            response_timeout: Duration::from_secs(2),
            retries: 2,
        })
    }
    fn apply(&self, opener: &mut Opener, now: Instant, shot: &Shot) {
        match shot.wish {
            0..5 => opener.handle(now, OpenerInput::Open),
            _ => opener.handle(now, OpenerInput::Octets(&ammunition(shot, &messages()))),
        }
    }
    fn describe(&self, output: &OpenerOutput) -> String {
        format!("{output:?}")
    }
    fn occupancy(&self, _: &Opener) -> (usize, usize) {
        (0, 0)
    }
}

struct ResponderLaws;

impl Subject for ResponderLaws {
    type Machine = Responder;
    type Step = Shot;
    fn build(&self) -> Responder {
        Responder::new(ResponderConfig {
            address: b"4711".to_vec(),
            maker: *b"PLC",
            name: b"METER".to_vec(),
            rate: Rate::R9600,
            confirmation: Confirmation::AtChosenRate,
            choice_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(60),
        })
    }
    fn apply(&self, responder: &mut Responder, now: Instant, shot: &Shot) {
        match shot.wish {
            0 => responder.handle(now, ResponderInput::Close),
            _ => responder.handle(now, ResponderInput::Octets(&ammunition(shot, &messages()))),
        }
    }
    fn describe(&self, output: &ResponderOutput) -> String {
        format!("{output:?}")
    }
    fn occupancy(&self, _: &Responder) -> (usize, usize) {
        (0, 0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_servers_end_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&SecondaryLaws, &steps), Ok(()));
    }

    #[test]
    fn the_clients_end_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&PrimaryLaws, &steps), Ok(()));
    }

    #[test]
    fn both_sides_of_an_opening_keep_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&OpenerLaws, &steps), Ok(()));
        prop_assert_eq!(laws::check(&ResponderLaws, &steps), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_server_above_a_link_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&HdlcServerLaws(recorded().0), &steps), Ok(()));
    }

    #[test]
    fn a_client_above_a_link_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&HdlcClientLaws(recorded().1), &steps), Ok(()));
    }
}
