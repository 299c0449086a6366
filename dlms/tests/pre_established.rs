//! Ciphered associations that are there without AARQ.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::security::*;
use dlms::server::*;
use world::security::*;
use world::*;

/// The client whose association it is.
const CLIENT: u16 = 7;
const CLIENT_TITLE: SystemTitle = *b"PLCDC001";
const SERVER_TITLE: SystemTitle = *b"MTR00001";

fn configs(suite: Suite, ciphering: CipheringForm) -> (ClientConfig, ServerConfig) {
    let Ends { client, server } = Ends::new(suite);
    let mut config = server_config();
    config.associations.push(AssociationConfig {
        client_sap: CLIENT,
        authentication: ServerAuthentication::PreEstablished {
            keys: server,
            client_title: CLIENT_TITLE,
            last_client_counter: None,
        },
        access: Access::Management,
        pre_established: false,
    });
    let authentication =
        ClientAuthentication::PreEstablished { keys: Some(client), server_title: SERVER_TITLE };
    let client = ClientConfig {
        client_sap: CLIENT,
        authentication,
        ciphering,
        max_receive_pdu: 600,
        ..client_config(true, 1)
    };
    (client, config)
}

fn world(suite: Suite, ciphering: CipheringForm) -> World {
    let (client, server) = configs(suite, ciphering);
    let mut world = World::between(client, server, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(world.sent.is_empty(), "nothing is sent for that");
    world
}

#[test]
fn the_first_request_is_served_under_every_suite_and_in_every_form_that_needs_no_association() {
    for suite in SUITES {
        for form in [
            CipheringForm::ServiceSpecific,
            CipheringForm::General,
            CipheringForm::GeneralCiphering(KeySource::Identified),
            CipheringForm::GeneralCiphering(KeySource::Wrapped),
        ] {
            let mut world = world(suite, form);
            assert!(
                matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)),
                "{suite} {form:?}"
            );
            let ClientOutput::Value(rows) = world.ask(ClientInput::Get(buffer())) else { panic!() };
            check_profile(&rows, 96);
            let done = ClientOutput::AccessResult(DataAccessResult::Success);
            assert_eq!(world.ask(ClientInput::Set(energy(), &[9, 1, 7])), done);
            assert_eq!(world.meter.written, [7]);
            assert!(world.sent.iter().all(|(_, wpdu)| !matches!(unwrap(wpdu)[0], 0x60..=0x63)));
            assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
        }
    }
}

#[test]
fn every_counter_is_durable_so_that_nothing_is_served_again_after_a_restart() {
    let mut world = world(Suite::Zero, CipheringForm::ServiceSpecific);
    world.ask(ClientInput::Get(energy()));
    world.ask(ClientInput::Get(energy()));
    assert!(world.persisted_before_answer);
    let recorded: Vec<_> =
        world.sent.iter().filter(|(to_server, _)| *to_server).map(|(_, w)| w.clone()).collect();
    let mut config = configs(Suite::Zero, CipheringForm::ServiceSpecific).1;
    world.records.iter().for_each(|record| assert!(config.restore(record)));
    config.first_invocation_counter = world.server_durable;
    world.server = Server::new(config);
    let readings = world.meter.reading;
    for wpdu in recorded {
        world.probe(&wpdu);
    }
    assert_eq!((world.meter.reading, world.server.counters().replayed), (readings, 2));
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "a fresh one is");
}

#[test]
fn who_has_not_the_keys_opens_nothing_and_nobody_asks_for_an_association_or_ends_it() {
    let mut world = world(Suite::Zero, CipheringForm::ServiceSpecific);
    world.ask(ClientInput::Get(energy()));
    let genuine = world.sent[0].1.clone();
    let (_, config) = configs(Suite::Zero, CipheringForm::ServiceSpecific);
    world.server = Server::new(config);
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    world.probe(&forged);
    assert_eq!((world.server.occupancy().0, world.server.counters().unauthentic), (0, 1));
    assert_eq!(
        unwrap(&world.probe(&wrap(CLIENT, &[0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0]))[0]),
        [0xD8, 1, 1]
    );
    let initiate = InitiateRequest::new(Conformance::OURS, 500).to_vec();
    let aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
        client_title: Some(&CLIENT_TITLE),
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    };
    let answer = world.probe(&wrap(CLIENT, &aarq.to_vec()));
    assert_eq!(Aare::from_bytes(unwrap(&answer[0])).unwrap().result, AssociationResult::RejectedPermanent);
    world.probe(&genuine);
    assert_eq!(world.server.occupancy().0, 1);
    let release = Rlrq { reason: None, user_information: None }.to_vec();
    assert_eq!(unwrap(&world.probe(&wrap(CLIENT, &release))[0]), [0xD8, 1, 1]);
    assert_eq!(world.server.occupancy().0, 1, "it cannot be released");
}

#[test]
fn an_answer_of_another_meter_is_not_believed() {
    let (client, mut server) = configs(Suite::Zero, CipheringForm::ServiceSpecific);
    server.server_title = *b"MTR00002";
    let mut world = World::between(client, server, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    let answer = world.ask(ClientInput::Get(energy()));
    let unauthentic = ClientFailure::Answer(AnswerFault::Unauthentic(ApduKind(0xCC)));
    assert_eq!(answer, ClientOutput::Failed(unauthentic));
    assert!(world.client.counters().unauthentic > 0);
}
