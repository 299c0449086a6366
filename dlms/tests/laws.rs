//! The laws of machines, under recorded and tampered datagrams.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::{Ciphered, Pdu};
use dlms::client::*;
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::laws::{self, Durability, Subject};
use plc_core::{Instant, Machine};
use proptest::prelude::*;
use std::time::Duration;
use world::*;

/// A step of the laws of the server: a datagram made from a recorded one, or from nothing.
#[derive(Clone, Debug)]
struct Shot {
    recorded: usize,
    changes: Vec<(usize, u8)>,
    random: Option<Vec<u8>>,
    peer: u16,
}

fn shots() -> impl Strategy<Value = Vec<(Duration, Shot)>> {
    let changes = prop::collection::vec((any::<usize>(), any::<u8>()), 0..3);
    let random = prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 0..60));
    let shot = (any::<usize>(), changes, random, 0u16..3)
        .prop_map(|(recorded, changes, random, peer)| Shot { recorded, changes, random, peer });
    prop::collection::vec(((0u64..2_000_000).prop_map(Duration::from_millis), shot), 0..40)
}

fn ammunition(shot: &Shot, recorded: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match &shot.random {
        Some(bytes) => bytes.clone(),
        None => recorded[shot.recorded % recorded.len()].clone(),
    };
    let len = bytes.len().max(1);
    shot.changes.iter().for_each(|&(at, octet)| {
        if let Some(place) = bytes.get_mut(at % len) {
            *place = octet;
        }
    });
    bytes
}

/// Everything that was sent to a server in one session of each kind.
fn recording(to_server: bool) -> Vec<Vec<u8>> {
    let mut recorded = Vec::new();
    for secure in [true, false] {
        let mut world = World::new(secure, PERFECT, 11);
        world.ask(ClientInput::Connect);
        world.ask(ClientInput::Get(buffer()));
        world.ask(ClientInput::Get(energy()));
        world.ask(ClientInput::Release);
        recorded.extend(world.sent.into_iter().filter(|sent| sent.0 == to_server).map(|sent| sent.1));
    }
    recorded
}

struct ServerLaws(Vec<Vec<u8>>);

impl Subject for ServerLaws {
    type Machine = Server;
    type Step = Shot;
    fn build(&self) -> Server {
        Server::new(ServerConfig {
            security_errors: SecurityErrors::WithCounter,
            max_sessions: 2,
            ..server_config()
        })
    }
    fn apply(&self, server: &mut Server, now: Instant, shot: &Shot) {
        server.serve(now, shot.peer, &ammunition(shot, &self.0), &mut Meter::default());
    }
    fn describe(&self, output: &ServerOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &ServerOutput) -> Durability {
        match output {
            ServerOutput::Persist(ServerPersist::SendCounter { reserved_to }) => {
                Durability::Persists(u64::from(*reserved_to))
            }
            ServerOutput::Datagram { bytes, .. } => counter_of(bytes),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, server: &Server) -> (usize, usize) {
        server.occupancy()
    }
}

fn counter_of(bytes: &[u8]) -> Durability {
    let apdu = Wpdu::from_bytes(bytes).unwrap().apdu;
    Ciphered::from_bytes(apdu).map_or(Durability::Free, |c| Durability::ReliesOn(u64::from(c.counter)))
}

struct ClientLaws(Vec<Vec<u8>>, bool);

impl Subject for ClientLaws {
    type Machine = Client;
    type Step = Shot;
    fn build(&self) -> Client {
        Client::new(client_config(self.1, 11))
    }
    fn apply(&self, client: &mut Client, now: Instant, shot: &Shot) {
        match shot.peer {
            0 => client.handle(now, ClientInput::Connect),
            1 if shot.recorded.is_multiple_of(4) => client.handle(now, ClientInput::Get(buffer())),
            _ => client.handle(now, ClientInput::Datagram(&ammunition(shot, &self.0))),
        }
    }
    fn describe(&self, output: &ClientOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &ClientOutput) -> Durability {
        match output {
            ClientOutput::Persist { reserved_to } => Durability::Persists(u64::from(*reserved_to)),
            ClientOutput::Datagram(bytes) => counter_of(bytes),
            _ => Durability::Free,
        }
    }
    fn durable_at_start(&self) -> u64 {
        1
    }
    fn occupancy(&self, client: &Client) -> (usize, usize) {
        client.occupancy()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_server_keeps_the_laws(steps in shots()) {
        prop_assert_eq!(laws::check(&ServerLaws(recording(true)), &steps), Ok(()));
    }

    #[test]
    fn the_client_keeps_the_laws(steps in shots(), secure: bool) {
        prop_assert_eq!(laws::check(&ClientLaws(recording(false), secure), &steps), Ok(()));
    }
}
