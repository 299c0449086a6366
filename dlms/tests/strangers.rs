//! What is answered to who is not known, to what is no AARQ, to who wants no answer, and to who has no keys.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::cosem::MethodRequest;
use dlms::security::{Control, Suite0};
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::Machine;
use world::insider::*;
use world::*;

fn public() -> World {
    World::between(client_config(false, 1), server_config(), PERFECT, 1)
}

/// The answers to an APDU between these ports, without their wrapper.
fn answers(world: &mut World, (source, destination): (u16, u16), apdu: &[u8]) -> Vec<Vec<u8>> {
    let answers = world.probe(&Wpdu { source, destination, apdu }.to_vec());
    let apdu = |answer: &Vec<u8>| {
        let answer = Wpdu::from_bytes(answer).unwrap();
        assert_eq!((answer.source, answer.destination), (destination, source), "the other way");
        answer.apdu.to_vec()
    };
    answers.iter().map(apdu).collect()
}

fn aarq() -> Vec<u8> {
    let initiate = InitiateRequest::new(Conformance::OURS, 0).to_vec();
    Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    }
    .to_vec()
}

/// A client that there is not, a logical device that there is not, and both.
const STRANGE: [(u16, u16); 3] = [(9, 1), (16, 2), (9, 2)];

#[test]
fn a_client_or_a_device_that_there_is_not_is_refused_at_once() {
    for ports in STRANGE {
        let mut world = public();
        let aare = answers(&mut world, ports, &aarq());
        let aare = Aare::from_bytes(&aare[0]).unwrap();
        assert_eq!(
            (aare.result, aare.diagnostic, aare.from_provider),
            (AssociationResult::RejectedPermanent, Diagnostic::NoReasonGiven, false)
        );
        assert_eq!(aare.context, ApplicationContext::LOGICAL_NAMES);
        assert_eq!((aare.server_title, aare.user_information), (None, None), "nothing of the meter");
        assert_eq!(answers(&mut world, ports, &GET), [NOT_ASSOCIATED]);
        assert_eq!(answers(&mut world, ports, &[0xC8, 1, 0]), [NOT_ASSOCIATED]);
        assert_eq!(world.server.counters().unknown_client, 3);
        assert_eq!((world.meter.reading, world.server.occupancy().0), (0, 0));
    }
}

#[test]
fn what_is_no_request_and_what_is_for_nobody_or_everybody_is_not_answered() {
    let mut world = public();
    for unasked in [0x0F_u8, 0x10, 0x61, 0x63, 0xC2, 0xC4, 0xD8, 0xDA] {
        assert!(answers(&mut world, (9, 1), &[unasked, 0, 0]).is_empty(), "{unasked:02x}");
    }
    for destination in [0, 0x7F] {
        assert!(answers(&mut world, (9, destination), &aarq()).is_empty());
        assert!(answers(&mut world, (16, destination), &GET).is_empty());
    }
    assert!(answers(&mut world, (9, 1), &[]).is_empty());
}

#[test]
fn a_client_that_is_not_known_learns_so_without_waiting() {
    let config = ClientConfig { client_sap: 9, ..client_config(false, 1) };
    let mut world = World::between(config, server_config(), PERFECT, 1);
    let began = world.now;
    let refused = ClientFailure::Rejected(AssociationResult::RejectedPermanent, Diagnostic::NoReasonGiven);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(refused));
    assert!(world.now.since(began) < client_config(false, 1).response_timeout);
}

#[test]
fn a_failure_is_an_error_that_says_who_did_what() {
    let failure: Box<dyn std::error::Error> = Box::new(ClientFailure::Rejected(
        AssociationResult::RejectedPermanent,
        Diagnostic::ApplicationContextNameNotSupported,
    ));
    let said = failure.to_string();
    assert!(said.starts_with("the server refuses the association: rejected-permanent, "), "{said}");
    let fault: Box<dyn std::error::Error> = Box::new(NotifyFault::NotAValue);
    assert_eq!(fault.to_string(), "expected one whole encoded value");
}

#[test]
fn an_aarq_that_is_none_is_refused_by_the_service_provider() {
    let good = aarq();
    let cut = good[..good.len() - 3].to_vec();
    let trailing = [&good[..], &[0]].concat();
    let indefinite = [&[0x60, 0x80], &good[2..]].concat();
    let lying = [&[0x60, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &good[2..]].concat();
    for bad in [cut, trailing, indefinite, lying, vec![0x60]] {
        let mut world = public();
        let answers = answers(&mut world, (16, 1), &bad);
        let aare = Aare::from_bytes(&answers[0]).unwrap();
        assert_eq!(
            (aare.result, aare.from_provider),
            (AssociationResult::RejectedPermanent, true),
            "{bad:?}"
        );
        assert_eq!((answers.len(), world.server.counters().malformed), (1, 1));
        assert_eq!(world.server.occupancy().0, 0, "no association is open");
    }
}

/// An open association of the insider.
fn opened() -> (World, Insider) {
    let mut world = World::between(client_config(true, 1), server_config(), PERFECT, 1);
    let mut insider = Insider::new();
    insider.associate(&mut world);
    (world, insider)
}

fn sent(world: &mut World, insider: &mut Insider, plain: &[u8]) -> usize {
    let sealed = wrap(1, &insider.sealed(plain));
    world.probe(&sealed).len()
}

#[test]
fn a_get_that_wants_no_answer_is_neither_answered_nor_carried_out() {
    let (mut world, mut insider) = opened();
    for invoke_id in [0x01, 0x81] {
        let mut get = GET;
        get[2] = invoke_id;
        assert_eq!(sent(&mut world, &mut insider, &get), 0);
    }
    assert_eq!((world.meter.reading, world.server.counters().stale_blocks), (0, 0));
    assert_eq!(sent(&mut world, &mut insider, &GET), 1);
    assert_eq!(world.meter.reading, 1);
}

#[test]
fn a_set_that_wants_no_answer_is_carried_out_and_not_answered() {
    let (mut world, mut insider) = opened();
    let set = |invoke_id, attribute, value: u8| {
        [&[0xC1, 1, invoke_id, 0, 3, 1, 0, 1, 8, 0, 255, attribute, 0][..], &[9, 1, value]].concat()
    };
    assert_eq!(sent(&mut world, &mut insider, &set(0x01, 2, 7)), 0);
    assert_eq!(world.meter.written, [7]);
    assert_eq!(sent(&mut world, &mut insider, &set(0x01, 3, 8)), 0, "nor is a refusal told");
    let refused = [0xC1, 9, 0x01, 0];
    assert_eq!(sent(&mut world, &mut insider, &refused), 0, "nor that there is no such service");
    assert_eq!(sent(&mut world, &mut insider, &set(0x41, 2, 9)), 1);
    assert_eq!(world.meter.written, [9]);
}

#[test]
fn an_action_that_wants_no_answer_is_carried_out_and_not_answered() {
    let (mut world, mut insider) = opened();
    world.meter.returned_len = 20;
    let method = MethodRequest { class_id: 3, logical_name: ENERGY, method: 1 };
    let action = |id| ActionRequest { invoke_id: InvokeId(id), method, parameter: None }.to_vec();
    assert_eq!(sent(&mut world, &mut insider, &action(0x01)), 0);
    assert_eq!(world.meter.invoked, 1);
    assert_eq!(sent(&mut world, &mut insider, &action(0x41)), 1);
    assert_eq!(world.meter.invoked, 2);
}

#[test]
fn blocks_of_a_request_that_wants_no_answer_are_not_acknowledged_and_nothing_is_written() {
    let (mut world, mut insider) = opened();
    let first = [&[0xC1, 2, 0x01, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0][..], &[1, 0, 0, 0, 1, 3, 9, 1, 7]].concat();
    assert_eq!(sent(&mut world, &mut insider, &first), 0);
    assert!(world.meter.written.is_empty());
}

/// What the server says to a GET under these keys and this counter, and what it tells of it.
fn told(keys: Suite0, counter: u32) -> (Vec<u8>, Vec<ServerEvent>) {
    let server = ServerConfig { security_errors: SecurityErrors::WithCounter, ..server_config() };
    let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
    let mut insider = Insider::new();
    insider.associate(&mut world);
    world.alerts.clear();
    (insider.keys, insider.counter) = (keys, counter - 1);
    let get = insider.get();
    let answers = world.probe(&get);
    (unwrap(&answers[0]).to_vec(), world.alerts.clone())
}

#[test]
fn who_has_not_the_keys_learns_nothing_of_the_counters_and_forges_no_replay() {
    let strangers = || Suite0::new(&[9; 16], &[8; 16]);
    let failure = vec![ServerEvent::AuthenticationFailure { client_sap: 1 }];
    for counter in [1, 3, 1000] {
        assert_eq!(told(strangers(), counter), (vec![0xD8, 1, 5], failure.clone()), "{counter}");
    }
    let (answer, events) = told(keys(), 1);
    assert_eq!((&answer[..3], events), (&[0xD8, 1, 6][..], vec![ServerEvent::Replay { client_sap: 1 }]));
}

#[test]
fn an_aarq_without_the_keys_forges_no_replay_whatever_its_counter() {
    let (mut world, _) = opened();
    world.alerts.clear();
    let mut stranger = Insider { keys: Suite0::new(&[9; 16], &[8; 16]), ..Insider::new() };
    let aarq = stranger.aarq();
    world.probe(&aarq);
    assert_eq!(world.alerts, [ServerEvent::AuthenticationFailure { client_sap: 1 }]);
}

const HOST: u16 = 0xFFF0;
/// The listener's title.
const LISTENER: [u8; 8] = *b"PLCDCCLI";

/// A server that has pushed the number 5 to a host, to be confirmed; the APDU.
fn pushed_to_host() -> (World, Vec<u8>) {
    let server = ServerConfig { security_errors: SecurityErrors::WithCounter, ..server_config() };
    let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
    let push = Notification::Data {
        date_time: None,
        body: &[17, 5],
        confirmation: Some((std::time::Duration::from_secs(10), 1)),
    };
    assert_eq!(world.server.notify(world.now, HOST, 1, &push), Err(NotifyFault::NotAssociated));
    assert_eq!(world.server.notify_host(world.now, HOST, 1, &push), Ok(1));
    let sent = polled(&mut world);
    (world, unwrap(&sent[0]).to_vec())
}

/// The datagrams for the host; events and records go where they always go.
fn polled(world: &mut World) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    while let Some(output) = world.server.poll() {
        match output {
            ServerOutput::Datagram { peer, bytes } => {
                assert_eq!(peer, HOST);
                sent.push(bytes);
            }
            ServerOutput::Event(event) => world.alerts.push(event),
            ServerOutput::Persist(record) => world.records.push(record),
        }
    }
    sent
}

/// What the server answers to the host.
fn from_host(world: &mut World, apdu: &[u8]) -> Vec<Vec<u8>> {
    world.server.serve(world.now, HOST, &wrap(1, apdu), &mut world.meter);
    polled(world).iter().map(|answer| unwrap(answer).to_vec()).collect()
}

fn sealed_by(title: [u8; 8], keys: &Suite0, counter: u32, plain: &[u8]) -> Vec<u8> {
    let control = Control::AUTHENTICATED_ENCRYPTED;
    let text = keys.protect(control, &title, counter, plain).unwrap();
    Ciphered { envelope: Envelope::General(Some(title)), control, counter, text: &text }.to_vec()
}

fn confirmation() -> Vec<u8> {
    DataNotificationConfirm { invoke_id: LongInvokeId::confirmed(1), date_time: None }.to_vec()
}

#[test]
fn a_push_to_a_host_goes_under_the_keys_and_only_its_confirmation_comes_back_once() {
    let (mut world, push) = pushed_to_host();
    let ciphered = Ciphered::from_bytes(&push).unwrap();
    assert_eq!(ciphered.envelope, Envelope::General(Some(SERVER)));
    let plain = keys().unprotect(ciphered.control, &SERVER, ciphered.counter, ciphered.text).unwrap();
    assert_eq!(DataNotification::from_bytes(&plain).unwrap().body, [17, 5]);
    // Neither a read under the right keys nor a confirmation under wrong ones or in clear, nor under the server's own name.
    assert_eq!(from_host(&mut world, &sealed_by(LISTENER, &keys(), 1, &GET)), [NOT_ASSOCIATED]);
    let strangers = Suite0::new(&[9; 16], &[8; 16]);
    assert_eq!(from_host(&mut world, &sealed_by(LISTENER, &strangers, 2, &confirmation())), [[0xD8, 1, 5]]);
    from_host(&mut world, &confirmation());
    assert_eq!(from_host(&mut world, &sealed_by(SERVER, &keys(), 3, &confirmation())), [NOT_ASSOCIATED]);
    assert!(!world.alerts.contains(&ServerEvent::PushConfirmed { client_sap: 1, number: 1 }));
    assert_eq!(world.meter.reading, 0);
    let good = sealed_by(LISTENER, &keys(), 4, &confirmation());
    assert!(from_host(&mut world, &good).is_empty());
    assert!(world.alerts.contains(&ServerEvent::PushConfirmed { client_sap: 1, number: 1 }));
    assert!(world.records.contains(&ServerPersist::ReceiveCounter { client_sap: 1, last: 4 }));
    assert_eq!(from_host(&mut world, &good), [NOT_ASSOCIATED], "nothing is awaited any more");
    assert_eq!(world.server.occupancy().0, 0, "no association was opened");
}

#[test]
fn a_confirmation_that_is_played_again_confirms_no_later_push() {
    let (mut world, _) = pushed_to_host();
    let good = sealed_by(LISTENER, &keys(), 4, &confirmation());
    assert!(from_host(&mut world, &good).is_empty());
    let push = Notification::Data {
        date_time: None,
        body: &[17, 6],
        confirmation: Some((std::time::Duration::from_secs(10), 0)),
    };
    assert_eq!(world.server.notify_host(world.now, HOST, 1, &push), Ok(2));
    polled(&mut world);
    assert_eq!(from_host(&mut world, &good)[0][..3], [0xD8, 1, 6]);
}
