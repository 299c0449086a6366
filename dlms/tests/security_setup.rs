//! The methods of security setup, and what is left of them after a restart.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::classes::security_setup::{self as setup, KeyAgreement};
use dlms::client::*;
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::security::*;
use dlms::server::*;
use plc_core::Seed;
use world::certificates::*;
use world::security::*;
use world::*;

const CLIENT_TITLE: SystemTitle = *b"PLCDC001";
const SERVER_TITLE: SystemTitle = *b"MTR00001";

/// A world in which the client is connected, and the authority of the certificates is known.
fn connected(suite: Suite) -> World {
    connected_with(Ends::new(suite))
}

fn connected_with(ends: Ends) -> World {
    let authority = PublicKey::from_octets(Curve::P256, &hex(AUTHORITY)).unwrap();
    let pairs = KeyPairs { authority: Some(authority), ..ends.server.key_pairs().clone() };
    let server = ends.server.with_key_pairs(pairs);
    let ends = Ends { client: ends.client, server };
    let (client, server) = secured(authentication(Proof::Gmac, Some(ends)), CipheringForm::ServiceSpecific);
    let mut world = World::between(client, server, PERFECT, 1);
    world.meter.utc = Some(plc_core::Utc::from_secs(1_800_000_000));
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    world.records.clear();
    world
}

fn act(world: &mut World, method: i8, parameter: &[u8]) -> (ActionResult, Option<Vec<u8>>) {
    match world.ask(ClientInput::Action(setup::method(method), Some(parameter))) {
        ClientOutput::ActionResult(result, value) => (result, value),
        other => panic!("{other:?}"),
    }
}

fn read(world: &mut World, attribute: i8) -> Vec<u8> {
    let request = AttributeRequest::new(64, LogicalName([0, 0, 43, 0, 0, 255]), attribute);
    match world.ask(ClientInput::Get(request)) {
        ClientOutput::Value(value) => value,
        other => panic!("{other:?}"),
    }
}

const DONE: (ActionResult, Option<Vec<u8>>) = (ActionResult::Success, None);
const REFUSED: (ActionResult, Option<Vec<u8>>) = (ActionResult::OtherReason, None);

/// A client with another key, that starts over.
fn client_with(world: &World, change: impl FnOnce(SecurityContext) -> SecurityContext) -> ClientConfig {
    let config = world.client.config().clone();
    let keys = config.authentication.keys().unwrap().clone();
    ClientConfig { authentication: ClientAuthentication::HlsGmac { keys: change(keys) }, ..config }
}

/// The client that `config` says takes the place of the other.
fn replace_client(world: &mut World, config: ClientConfig) {
    world.client_durable = config.first_invocation_counter;
    world.client = Client::new(config);
}

/// The server as it is after a restart with the records that were made durable.
fn restart(world: &mut World) {
    let mut config = world.server.config().clone();
    let mut records = ServerRecords::default();
    world.records.iter().for_each(|record| records.keep(record));
    records.restore(&mut config);
    world.server = Server::new(config);
}

fn transfer(id: KeyId, new: &[u8]) -> Vec<u8> {
    setup::key_transfer(&Secret::new(&key(Suite::Zero, 3)), &[(id, new)]).unwrap()
}

#[test]
fn a_policy_only_grows_stronger() {
    let mut world = connected_with(Ends::new(Suite::One).with_policy(SecurityPolicy::AUTHENTICATED));
    assert_eq!(read(&mut world, 2), [22, 0x24]);
    for weaker in [0x00, 0x04, 0x20, 0x48, 0x08] {
        assert_eq!(act(&mut world, 1, &[22, weaker]), REFUSED, "{weaker:02x}");
    }
    assert_eq!(act(&mut world, 1, &[22, 0x25]), REFUSED, "an unknown bit");
    assert_eq!(act(&mut world, 1, &[17, 0x6C]).0, ActionResult::TypeUnmatched);
    assert!(world.records.is_empty());
    assert_eq!(act(&mut world, 1, &setup::activate(SecurityPolicy::ALL)), DONE);
    let record = ServerPersist::Policy { client_sap: 1, policy: SecurityPolicy::ALL };
    assert_eq!(world.records, [record]);
    let counters = *world.server.counters();
    let refused = world.ask(ClientInput::Get(energy()));
    assert_eq!(
        refused,
        ClientOutput::Failed(ClientFailure::NoAnswer),
        "authentication alone is not enough now"
    );
    assert!(world.server.counters().unprotected > counters.unprotected);
    let stronger = client_with(&world, |keys| keys.with_policy(SecurityPolicy::ALL));
    let first_invocation_counter = world.client_durable;
    replace_client(&mut world, ClientConfig { first_invocation_counter, ..stronger });
    restart(&mut world);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    assert_eq!(read(&mut world, 2), [22, 0x6C]);
}

#[test]
fn a_policy_that_wants_signatures_is_refused_where_nobody_can_sign() {
    let mut world = connected(Suite::Zero);
    assert_eq!(act(&mut world, 1, &setup::activate(SecurityPolicy::SIGNED)), REFUSED);
    let mut world = connected(Suite::One);
    assert_eq!(act(&mut world, 1, &setup::activate(SecurityPolicy::SIGNED)), DONE);
}

#[test]
fn suite_and_titles_are_shown_and_the_methods_to_whoever_may_use_them() {
    let mut world = connected(Suite::One);
    assert_eq!(read(&mut world, 3), [22, 1]);
    assert_eq!(read(&mut world, 4)[2..], CLIENT_TITLE);
    assert_eq!(read(&mut world, 5)[2..], SERVER_TITLE);
    assert_eq!(read(&mut world, 6), [1, 0]);
    let mut world = World::new(false, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let denied = world.ask(ClientInput::Action(setup::method(1), Some(&[22, 0x6C])));
    assert_eq!(denied, ClientOutput::ActionResult(ActionResult::ReadWriteDenied, None));
}

#[test]
fn only_who_manages_the_meter_changes_its_keys() {
    let (client, mut server) =
        secured(authentication(Proof::Gmac, Some(Ends::new(Suite::Zero))), CipheringForm::General);
    server.associations[0].access = Access::Reading;
    let mut world = World::between(client, server, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let result = act(&mut world, 2, &transfer(KeyId::Unicast, &[9; 16]));
    assert_eq!(result.0, ActionResult::ReadWriteDenied);
}

#[test]
fn symsec_0_key_tx_p1_a_transferred_unicast_key_serves_from_the_next_association_on() {
    serves_after_transfer(&[(KeyId::Unicast, &[0x77; 16])]);
}

#[test]
fn symsec_0_key_tx_p2_a_transferred_authentication_key_serves_from_the_next_association_on() {
    serves_after_transfer(&[(KeyId::Authentication, &[0x88; 16])]);
}

#[test]
fn symsec_0_key_tx_p3_both_keys_transferred_at_once_serve_from_the_next_association_on() {
    serves_after_transfer(&[(KeyId::Unicast, &[0x77; 16]), (KeyId::Authentication, &[0x88; 16])]);
}

fn serves_after_transfer(keys: &[(KeyId, &[u8])]) {
    let master = Secret::new(&key(Suite::Zero, 3));
    let mut world = connected(Suite::Zero);
    assert_eq!(act(&mut world, 2, &setup::key_transfer(&master, keys).unwrap()), DONE);
    assert_eq!(world.records.len(), keys.len());
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "the session goes on");
    assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
    let gone = world.ask(ClientInput::Connect);
    assert_eq!(gone, ClientOutput::Failed(ClientFailure::NoAnswer), "the old keys are gone");
    let renewed = client_with(&world, |context| {
        keys.iter().fold(context, |context, (id, key)| context.with_key(*id, key).unwrap())
    });
    let is_new = keys[0].0 == KeyId::Unicast;
    let first_invocation_counter = if is_new { 1 } else { world.client_durable };
    replace_client(&mut world, ClientConfig { first_invocation_counter, ..renewed });
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

#[test]
fn a_transferred_key_is_durable_before_it_is_answered_and_serves_after_a_restart() {
    let mut world = connected(Suite::Zero);
    act(&mut world, 2, &transfer(KeyId::Unicast, &[0x77; 16]));
    let record = ServerPersist::Key { client_sap: 1, id: KeyId::Unicast, key: Secret::new(&[0x77; 16]) };
    assert_eq!(world.records, [record]);
    assert!(world.persisted_before_answer, "the record comes before the answer");
    restart(&mut world);
    let renewed = client_with(&world, |keys| keys.with_unicast_key(&[0x77; 16]).unwrap());
    replace_client(&mut world, ClientConfig { first_invocation_counter: 1, ..renewed });
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected, "its counters begin anew");
}

#[test]
fn without_a_new_unicast_key_old_counters_stay_used() {
    let mut world = connected(Suite::Zero);
    act(&mut world, 2, &transfer(KeyId::Authentication, &[0x88; 16]));
    let renewed = client_with(&world, |keys| keys.with_authentication_key(&[0x88; 16]).unwrap());
    replace_client(&mut world, ClientConfig { first_invocation_counter: 1, retries: 0, ..renewed });
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(world.server.counters().replayed, 1);
}

#[test]
fn symsec_0_key_tx_n1_a_key_transfer_with_an_unknown_key_id_is_refused() {
    let mut world = connected(Suite::Zero);
    let mut parameter = transfer(KeyId::Unicast, &[0x77; 16]);
    parameter[5] = 9;
    assert_eq!(act(&mut world, 2, &parameter), REFUSED);
    assert!(world.records.is_empty());
}

#[test]
fn symsec_0_key_tx_n2_a_key_transfer_with_a_wrong_wrap_is_refused() {
    let mut world = connected(Suite::Zero);
    let good = transfer(KeyId::Unicast, &[0x77; 16]);
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    let other = setup::key_transfer(&Secret::new(&[1; 16]), &[(KeyId::Unicast, &[0x77; 16])]).unwrap();
    let long =
        setup::key_transfer(&Secret::new(&key(Suite::Zero, 3)), &[(KeyId::Unicast, &[0x77; 32])]).unwrap();
    for wrong in [changed, other, long] {
        assert_eq!(act(&mut world, 2, &wrong), REFUSED);
    }
    assert!(world.records.is_empty());
    assert_eq!(act(&mut world, 2, &good), DONE);
}

#[test]
fn one_wrong_key_of_a_list_keeps_all_out() {
    let mut world = connected(Suite::Zero);
    let master = Secret::new(&key(Suite::Zero, 3));
    let list: [(KeyId, &[u8]); 2] = [(KeyId::Unicast, &[0x77; 16]), (KeyId::Authentication, &[0x88; 32])];
    assert_eq!(act(&mut world, 2, &setup::key_transfer(&master, &list).unwrap()), REFUSED);
    assert!(world.records.is_empty());
    world.ask(ClientInput::Release);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected, "under the old keys");
}

#[test]
fn a_transfer_of_the_key_that_is_there_already_is_refused() {
    let mut world = connected(Suite::Zero);
    for (id, number) in [(KeyId::Unicast, 1), (KeyId::Authentication, 2), (KeyId::Master, 3)] {
        assert_eq!(act(&mut world, 2, &transfer(id, &key(Suite::Zero, number))), REFUSED, "{id:?}");
    }
    assert_eq!(act(&mut world, 2, &transfer(KeyId::Unicast, &[0x77; 16])), DONE);
    assert_eq!(act(&mut world, 2, &transfer(KeyId::Unicast, &[0x77; 16])), REFUSED, "twice");
    let back = transfer(KeyId::Unicast, &key(Suite::Zero, 1));
    assert_eq!(act(&mut world, 2, &back), REFUSED, "back to the one in use");
}

#[test]
fn parameters_that_are_none_are_refused() {
    let mut world = connected(Suite::Zero);
    let five = [&[1, 5][..], &transfer(KeyId::Unicast, &[0x77; 16])[2..].repeat(5)].concat();
    assert_eq!(act(&mut world, 2, &five), REFUSED);
    assert_eq!(act(&mut world, 2, &[1, 0]), REFUSED);
    for method in 2..=8 {
        assert_ne!(act(&mut world, method, &[18, 0, 1]).0, ActionResult::Success, "{method}");
    }
    assert_eq!(act(&mut world, 9, &[0]).0, ActionResult::ReadWriteDenied);
    assert!(world.records.is_empty());
}

#[test]
fn without_a_master_key_nothing_is_transferred() {
    let mut world = World::new(true, PERFECT, 1);
    world.ask(ClientInput::Connect);
    assert_eq!(act(&mut world, 2, &transfer(KeyId::Unicast, &[0x77; 16])), REFUSED);
}

#[test]
fn an_agreed_key_is_the_same_at_both_ends_and_serves_from_the_next_association_on() {
    for suite in [Suite::One, Suite::Two] {
        let mut world = connected(suite);
        let agreement = KeyAgreement::new(suite, KeyId::Unicast, &mut Seed::from_u64(8).stream()).unwrap();
        let pairs = world.client.config().authentication.keys().unwrap().key_pairs().clone();
        let parameter = agreement.parameter(pairs.signing.as_ref().unwrap());
        let (result, returned) = act(&mut world, 3, &parameter);
        assert_eq!(result, ActionResult::Success);
        let key = agreement
            .key(
                &returned.unwrap(),
                pairs.peer_signing.as_ref().unwrap(),
                &CLIENT_TITLE,
                &SERVER_TITLE,
                KdfParties::Bare,
            )
            .unwrap();
        let record = ServerPersist::Key { client_sap: 1, id: KeyId::Unicast, key: key.clone() };
        assert_eq!(world.records, [record]);
        let renewed = client_with(&world, |keys| keys.with_unicast_key(key.octets()).unwrap());
        replace_client(&mut world, ClientConfig { first_invocation_counter: 1, ..renewed });
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    }
}

#[test]
fn an_agreement_that_is_not_signed_by_the_client_is_refused() {
    let mut world = connected(Suite::One);
    let agreement = KeyAgreement::new(Suite::One, KeyId::Unicast, &mut Seed::from_u64(8).stream()).unwrap();
    let pairs = world.client.config().authentication.keys().unwrap().key_pairs().clone();
    let stranger = agreement.parameter(&private(Curve::P256, 77));
    let mut other_key = agreement.parameter(pairs.signing.as_ref().unwrap());
    other_key[5] = 2;
    let mut cut = agreement.parameter(pairs.signing.as_ref().unwrap());
    cut.truncate(cut.len() - 1);
    cut[8] -= 1;
    for wrong in [stranger, other_key, cut] {
        assert_ne!(act(&mut world, 3, &wrong).0, ActionResult::Success);
    }
    assert!(world.records.is_empty());
    let mut world = connected(Suite::Zero);
    let parameter = agreement.parameter(pairs.signing.as_ref().unwrap());
    assert_eq!(act(&mut world, 3, &parameter), REFUSED, "suite 0 agrees nothing");
}

#[test]
fn a_client_believes_only_an_agreement_that_the_server_has_signed() {
    let agreement = KeyAgreement::new(Suite::One, KeyId::Unicast, &mut Seed::from_u64(8).stream()).unwrap();
    let (server, stranger) = (private(Curve::P256, 3), private(Curve::P256, 77));
    let answer = KeyAgreement::new(Suite::One, KeyId::Unicast, &mut Seed::from_u64(9).stream()).unwrap();
    let key = |returned: &[u8]| {
        let (client, meter) = (&CLIENT_TITLE, &SERVER_TITLE);
        agreement.key(returned, &server.public_key(), client, meter, KdfParties::Bare)
    };
    assert!(key(&answer.parameter(&server)).is_some());
    assert!(key(&answer.parameter(&stranger)).is_none());
    let mut other_id = answer.parameter(&server);
    other_id[5] = 2;
    assert!(key(&other_id).is_none() && key(&[1, 0]).is_none());
}

#[test]
fn a_key_pair_is_made_durable_and_asked_to_be_certified() {
    let mut world = connected(Suite::One);
    assert_eq!(act(&mut world, 4, &setup::for_use(KeyUse::Signature)), DONE);
    let Some(ServerPersist::KeyPair { client_sap: 1, key_use: KeyUse::Signature, private }) =
        world.records.first().cloned()
    else {
        panic!("{:?}", world.records)
    };
    let (result, request) = act(&mut world, 5, &setup::for_use(KeyUse::Signature));
    assert_eq!(result, ActionResult::Success);
    let request = request.unwrap();
    let point = private.public_key().octets();
    assert!(request.windows(point.len()).any(|window| window == point), "the request holds the new key");
    assert_eq!(act(&mut world, 4, &[22, 2]), REFUSED, "a pair for TLS");
    let mut world = connected(Suite::Zero);
    assert_eq!(act(&mut world, 4, &setup::for_use(KeyUse::Signature)), REFUSED);
}

#[test]
fn a_certificate_of_the_client_brings_its_key_and_goes_with_it() {
    let mut world = connected(Suite::One);
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(CLIENT))), DONE);
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(CLIENT_AGREEMENT))), DONE);
    let export = setup::by_entity(false, KeyUse::Signature, &CLIENT_TITLE);
    let (result, exported) = act(&mut world, 7, &export);
    assert_eq!(result, ActionResult::Success);
    let exported = exported.unwrap();
    assert_eq!(Data::from_bytes(&exported).unwrap().as_octets(), Some(&hex(CLIENT)[..]));
    let (result, by_serial) = act(&mut world, 7, &setup::by_serial(&[0x12], "CN=Test Root"));
    assert_eq!(result, ActionResult::Success);
    assert_eq!(Data::from_bytes(&by_serial.unwrap()).unwrap().as_octets(), Some(&hex(CLIENT_AGREEMENT)[..]));
    world.ask(ClientInput::Release);
    world.ask(ClientInput::Connect);
    let listed = read(&mut world, 6);
    assert_eq!(Data::from_bytes(&listed).unwrap().as_array().map(|list| list.len()), Some(2));
    assert_eq!(act(&mut world, 8, &export), DONE);
    assert_eq!(act(&mut world, 8, &export).0, ActionResult::ObjectUndefined);
    assert_eq!(act(&mut world, 7, &export).0, ActionResult::ObjectUndefined);
    assert!(matches!(world.records.last().unwrap(), ServerPersist::CertificateRemoved { client_sap: 1, .. }));
}

#[test]
fn certificates_last_through_a_restart_and_removed_ones_stay_removed() {
    let mut world = connected(Suite::One);
    act(&mut world, 6, &setup::certificate(&hex(CLIENT)));
    act(&mut world, 6, &setup::certificate(&hex(CLIENT_AGREEMENT)));
    act(&mut world, 8, &setup::by_entity(false, KeyUse::Agreement, &CLIENT_TITLE));
    restart(&mut world);
    let keys = world.server.config().associations[0].authentication.keys().unwrap();
    let held: Vec<_> = keys.certificates().iter().map(Certificate::der).collect();
    assert_eq!(held, [hex(CLIENT)]);
    let certified = keys.certificates()[0].key();
    assert_eq!(keys.key_pairs().peer_signing.as_ref(), Some(certified));
    assert_eq!(keys.key_pairs().peer_agreement, None);
}

#[test]
fn a_certificate_of_another_end_is_refused() {
    let mut world = connected(Suite::One);
    for wrong in [STRANGER, SERVER, SERVER_WITH_ANOTHER_KEY, NO_TITLE] {
        assert_eq!(act(&mut world, 6, &setup::certificate(&hex(wrong))), REFUSED);
    }
    assert!(world.records.is_empty());
}

#[test]
fn a_certificate_of_the_server_is_taken_for_its_own_key() {
    let mut ends = Ends::new(Suite::One);
    let own = "AE55414FFE079F9FC95649536BD1C2B5653D200813727E07D501A8B550C69207";
    let own = PrivateKey::from_octets(Curve::P256, &hex(own)).unwrap();
    let pairs = KeyPairs { signing: Some(own), ..ends.server.key_pairs().clone() };
    ends.server = ends.server.with_key_pairs(pairs);
    let mut world = connected_with(ends);
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(SERVER_WITH_ANOTHER_KEY))), REFUSED);
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(SERVER))), DONE);
    let export = setup::by_entity(true, KeyUse::Signature, &SERVER_TITLE);
    assert_eq!(act(&mut world, 7, &export).0, ActionResult::Success);
}

#[test]
fn a_certificate_that_is_expired_or_not_yet_valid_is_refused() {
    let mut world = connected(Suite::One);
    for wrong in [EXPIRED, NOT_YET] {
        assert_eq!(act(&mut world, 6, &setup::certificate(&hex(wrong))), REFUSED);
    }
    world.meter.utc = None;
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(CLIENT))), REFUSED, "nobody knows the time");
    assert!(world.records.is_empty());
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let mut world = connected(Suite::One);
    assert_eq!(act(&mut world, 6, &setup::certificate(&hex(FORGED))), REFUSED);
    assert!(world.records.is_empty());
}

#[test]
fn what_was_sent_under_a_key_of_its_own_is_not_served_again_after_a_restart_or_under_new_keys() {
    for counter in [SessionKeyCounter::Global, SessionKeyCounter::Zero] {
        let interop = Interop { session_key_counter: counter, ..Interop::default() };
        let ends = Ends::new(Suite::Zero).with_interop(interop);
        let form = CipheringForm::GeneralCiphering(KeySource::Wrapped);
        let (client, server) = secured(authentication(Proof::Gmac, Some(ends)), form);
        let mut world = World::between(client, server, PERFECT, 1);
        world.ask(ClientInput::Connect);
        world.ask(ClientInput::Set(energy(), &[9, 1, 1]));
        let old = world.sent.iter().rev().find(|sent| sent.0).unwrap().1.clone();
        act(&mut world, 2, &transfer(KeyId::Unicast, &[0x77; 16]));
        restart(&mut world);
        // The old APDU has a higher counter than any under the new key.
        let renewed = client_with(&world, |keys| keys.with_unicast_key(&[0x77; 16]).unwrap());
        let plain = ClientConfig { ciphering: CipheringForm::General, ..renewed };
        replace_client(&mut world, ClientConfig { first_invocation_counter: 1, ..plain });
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        world.meter.written.clear();
        let replayed = world.server.counters().replayed;
        assert!(world.probe(&old).is_empty() && world.meter.written.is_empty(), "{counter:?}");
        assert_eq!(world.server.counters().replayed, replayed + 1, "{counter:?}");
    }
}

#[test]
fn attributes_of_security_setup_are_not_written() {
    let mut world = connected(Suite::One);
    for attribute in 2..=6 {
        let request = AttributeRequest::new(64, LogicalName([0, 0, 43, 0, 0, 255]), attribute);
        let written = world.ask(ClientInput::Set(request, &[22, 0]));
        assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::ReadWriteDenied));
    }
}
