//! Sizes, blocks, counters and places: what each end keeps to.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime, LogicalName, Selector};
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::{Machine, Utc};
use std::time::Duration;
use world::*;

const PUBLIC: u16 = 16;
const GET: [u8; 13] = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];

fn plain_aarq(max_pdu: u16, conformance: Conformance) -> Vec<u8> {
    let initiate = InitiateRequest::new(conformance, max_pdu).to_vec();
    let aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    };
    wrap(PUBLIC, &aarq.to_vec())
}

/// A world in which the public client has opened its association for APDUs of at most `max_pdu`.
fn opened(max_pdu: u16) -> World {
    let mut world = World::new(false, PERFECT, 1);
    let answers = world.probe(&plain_aarq(max_pdu, Conformance::OURS));
    assert_eq!(Aare::from_bytes(unwrap(&answers[0])).unwrap().result, AssociationResult::Accepted);
    world
}

/// What the server answers to a public APDU: at most one APDU.
fn ask(world: &mut World, apdu: &[u8]) -> Option<Vec<u8>> {
    let answers = world.probe(&wrap(PUBLIC, apdu));
    assert!(answers.len() <= 1);
    answers.first().map(|bytes| unwrap(bytes).to_vec())
}

fn get_buffer(number: u8, selector: Option<Selector>) -> Vec<u8> {
    let attribute = AttributeRequest { selector, ..buffer() };
    GetRequest::Normal { invoke_id: InvokeId::confirmed(number), attribute }.to_vec()
}

fn next(number: u8, block: u32) -> Vec<u8> {
    GetRequest::Next { invoke_id: InvokeId::confirmed(number), block }.to_vec()
}

/// The block in an answer: its number, whether it is the last, and its length or result.
fn block(answer: Option<Vec<u8>>) -> (u32, bool, Result<usize, DataAccessResult>) {
    match GetResponse::from_bytes(&answer.unwrap()) {
        Ok(GetResponse::WithDataBlock { block, last, result, .. }) => (block, last, result.map(<[u8]>::len)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn clients_that_take_less_than_64_octets_are_refused_and_told_why() {
    for secure in [false, true] {
        for max_pdu in [1, 11, 12, 63] {
            let config = ClientConfig { max_receive_pdu: max_pdu, ..client_config(secure, 1) };
            let mut world = World::with(config, PERFECT, 1);
            let rejected =
                ClientFailure::Rejected(AssociationResult::RejectedPermanent, Diagnostic::NoReasonGiven);
            assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(rejected));
            assert_eq!(world.server.occupancy().0, 0);
        }
    }
    let mut world = World::new(false, PERFECT, 1);
    let answers = world.probe(&plain_aarq(63, Conformance::OURS));
    let aare = Aare::from_bytes(unwrap(&answers[0])).unwrap();
    assert_eq!(aare.user_information, Some(&[0x0E, 1, 6, 3][..]), "pdu-size-too-short");
}

#[test]
fn every_answer_keeps_to_the_limit_of_the_client_and_of_the_server() {
    for secure in [false, true] {
        for (asked, most) in [(64, 64), (65, 65), (200, 200), (1024, 1024), (0, 1024), (u16::MAX, 1024)] {
            for ciphering in [CipheringForm::ServiceSpecific, CipheringForm::General] {
                let config = ClientConfig { max_receive_pdu: asked, ciphering, ..client_config(secure, 1) };
                let mut world = World::with(config, PERFECT, 1);
                world.ask(ClientInput::Connect);
                world.sent.clear();
                let ClientOutput::Value(value) = world.ask(ClientInput::Get(buffer())) else {
                    panic!("rows")
                };
                check_profile(&value, 96);
                let longest = world.sent.iter().filter(|s| !s.0).map(|s| unwrap(&s.1).len()).max();
                assert!(longest.unwrap() <= most && longest.unwrap() + 6 > most, "{longest:?} of {most}");
            }
        }
    }
}

#[test]
fn a_client_that_cannot_join_blocks_is_not_sent_any() {
    let mut world = World::new(false, PERFECT, 1);
    world.probe(&plain_aarq(200, Conformance::GET | Conformance::SELECTIVE_ACCESS));
    let refused =
        GetResponse::Normal { invoke_id: InvokeId::confirmed(1), result: Err(DataAccessResult::OtherReason) };
    assert_eq!(ask(&mut world, &get_buffer(1, None)), Some(refused.to_vec()));
    let clock = AttributeRequest::new(3, ENERGY, 2);
    let short = GetRequest::Normal { invoke_id: InvokeId::confirmed(2), attribute: clock };
    assert_eq!(ask(&mut world, &short.to_vec()).unwrap()[..4], [0xC4, 1, 0x42, 0]);
}

#[test]
fn what_a_method_returned_is_left_out_when_it_is_too_long_for_a_client_that_cannot_join_blocks() {
    let mut world = World::new(false, PERFECT, 1);
    let mut config = server_config();
    config.associations[1].access = Access::Management;
    world.server = Server::new(config);
    world.probe(&plain_aarq(200, Conformance::GET | Conformance::ACTION));
    let mut act = |len| {
        world.meter.returned_len = len;
        let request = ActionRequest { invoke_id: InvokeId(0x41), method: reset(), parameter: None };
        let answer = ask(&mut world, &request.to_vec()).unwrap();
        assert!(answer.len() <= 200);
        let response = ActionResponse::from_bytes(&answer).unwrap();
        assert_eq!(response.result, ActionResult::Success);
        response.returned.map(|returned| returned.map(<[u8]>::len))
    };
    let room = 200 - 6 - 3;
    assert_eq!(act(room), Some(Ok(room + 3)));
    assert_eq!(act(room + 3), Some(Err(DataAccessResult::OtherReason)));
    assert_eq!(act(5000), Some(Err(DataAccessResult::OtherReason)));
    assert_eq!(world.meter.invoked, 3, "each was done, whatever could be told of it");
}

#[test]
fn what_a_method_returned_comes_in_blocks_that_keep_to_the_limit() {
    for secure in [false, true] {
        let mut config = server_config();
        config.associations[1].access = Access::Management;
        let mut world = World::between(client_config(secure, 1), config, PERFECT, 1);
        world.ask(ClientInput::Connect);
        for len in [10, 160, 189, 192, 1000, 5000] {
            world.meter.returned_len = len;
            let acted = world.ask(ClientInput::Action(reset(), None));
            let ClientOutput::ActionResult(ActionResult::Success, Some(value)) = acted else {
                panic!("{acted:?}")
            };
            assert!(value.ends_with(&vec![7; len]) && value.len() <= len + 4);
        }
        assert!(world.sent.iter().filter(|sent| !sent.0).all(|sent| unwrap(&sent.1).len() <= 200));
        assert_eq!(world.meter.invoked, 6);
    }
}

#[test]
fn a_client_does_not_send_more_than_the_server_takes_at_once() {
    for (secure, room) in [(false, 300 - 16), (true, 300 - 16 - 21)] {
        let mut server = ServerConfig { max_pdu: 300, ..server_config() };
        server.associations[1].access = Access::Management;
        let mut world = World::between(client_config(secure, 1), server, PERFECT, 1);
        world.ask(ClientInput::Connect);
        let value = |len: usize| {
            let octets = len as u8;
            let head = if len < 128 { vec![9, octets] } else { vec![9, 0x82, (len >> 8) as u8, octets] };
            [head, vec![1; len]].concat()
        };
        for len in [room - 4, room + 1, 1000, 9000] {
            let written = world.ask(ClientInput::Set(energy(), &value(len)));
            assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success), "{len}");
            assert_eq!(world.meter.written, vec![1; len]);
        }
        assert!(world.sent.iter().filter(|sent| sent.0).all(|sent| unwrap(&sent.1).len() <= 300));
        let longer = world.ask(ClientInput::Set(energy(), &value(12_000)));
        assert_eq!(longer, ClientOutput::AccessResult(DataAccessResult::LongSetAborted));
        assert_eq!(world.server.counters().aborted_transfers, 1);
        assert!(world.client.is_open() && !world.client.is_busy());
        assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
    }
}

#[test]
fn a_server_refuses_more_than_it_takes() {
    let mut world = opened(0);
    world.meter = Meter::default();
    let mut long = vec![0xC1, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0, 9, 0x82];
    long.extend_from_slice(&1200_u16.to_be_bytes());
    long.resize(long.len() + 1200, 0);
    assert_eq!(ask(&mut world, &long), Some(vec![0xD8, 1, 4]));
    assert_eq!(world.server.counters().too_long, 1);
    let denied = SetResponse::Normal { invoke_id: InvokeId(0x41), result: DataAccessResult::ReadWriteDenied };
    long[15..17].copy_from_slice(&1007_u16.to_be_bytes());
    long.truncate(1024);
    assert_eq!(ask(&mut world, &long), Some(denied.to_vec()));
}

#[test]
fn services_that_the_server_does_not_know_are_answered_with_an_exception() {
    let mut world = opened(200);
    let unknown: [&[u8]; 4] = [
        &[0x05, 1, 0],
        &[0xC0, 4, 0x41, 0],
        &[0xC1, 6, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0, 0, 0, 0, 0, 1, 0],
        &[0xC3, 7, 0x41, 0, 0, 0, 1],
    ];
    for apdu in unknown {
        assert_eq!(ask(&mut world, apdu), Some(vec![0xD8, 2, 2]), "{apdu:02x?}");
    }
    assert_eq!(world.meter.reading, 0);
}

#[test]
fn blocks_are_asked_for_one_after_the_other() {
    let mut world = opened(200);
    let first = block(ask(&mut world, &get_buffer(1, None)));
    assert_eq!(first, (1, false, Ok(188)));
    assert_eq!(block(ask(&mut world, &next(1, 1))).0, 2);
    assert_eq!(block(ask(&mut world, &next(1, 1))).0, 2, "a lost block is sent again");
    assert_eq!(block(ask(&mut world, &next(1, 2))).0, 3);
    assert_eq!(ask(&mut world, &next(1, 1)), None, "one that was received long ago is not");
    assert_eq!(world.server.counters().stale_blocks, 1);
    let skipped = block(ask(&mut world, &next(1, 4)));
    assert_eq!(skipped, (4, true, Err(DataAccessResult::DataBlockNumberInvalid)));
    let over = block(ask(&mut world, &next(1, 3)));
    assert_eq!(over, (3, true, Err(DataAccessResult::NoLongGetInProgress)), "the transfer was given up");
    assert_eq!(world.meter.reading, 1);
}

#[test]
fn there_is_no_block_after_the_last_nor_of_another_transfer() {
    let mut world = opened(200);
    let none = (0, true, Err(DataAccessResult::NoLongGetInProgress));
    assert_eq!(block(ask(&mut world, &next(1, 0))), none, "before any");
    ask(&mut world, &get_buffer(2, None));
    assert_eq!(block(ask(&mut world, &next(3, 1))).2, Err(DataAccessResult::NoLongGetInProgress));
    let mut at = 1;
    loop {
        let (number, last, piece) = block(ask(&mut world, &next(2, at)));
        assert_eq!((number, piece.is_ok()), (at + 1, true));
        at = number;
        if last {
            break;
        }
    }
    let after = block(ask(&mut world, &next(2, at)));
    assert_eq!(after, (at, true, Err(DataAccessResult::DataBlockNumberInvalid)));
}

#[test]
fn selectors_are_refused_where_there_is_nothing_to_select() {
    let mut world = World::new(true, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let entry = Selector::Entry { from_entry: 1, to_entry: 1, from_column: 1, to_column: 0 };
    let violated = ClientOutput::AccessResult(DataAccessResult::ScopeOfAccessViolated);
    let name = |c| LogicalName([0, 0, c, 0, 0, 255]);
    for (class_id, name, attribute) in [
        (3, ENERGY, 2),
        (3, ENERGY, 1),
        (7, PROFILE, 3),
        (7, PROFILE, 1),
        (15, name(40), 2),
        (17, name(41), 2),
    ] {
        let plain = AttributeRequest::new(class_id, name, attribute);
        let request = AttributeRequest { selector: Some(entry.clone()), ..plain.clone() };
        assert_eq!(world.ask(ClientInput::Get(request)), violated, "{plain}");
        assert!(matches!(world.ask(ClientInput::Get(plain)), ClientOutput::Value(_)));
    }
    let request = AttributeRequest { selector: Some(entry), ..energy() };
    assert_eq!(world.ask(ClientInput::Set(request, &[9, 1, 1])), violated);
    assert!(world.meter.written.is_empty());
}

#[test]
fn entries_and_ranges_at_their_edges() {
    let mut world = World::new(true, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let mut rows = |selector| {
        let request = AttributeRequest { selector: Some(selector), ..buffer() };
        match world.ask(ClientInput::Get(request)) {
            ClientOutput::Value(value) => Ok(usize::from(value[1])),
            ClientOutput::AccessResult(result) => Err(result),
            other => panic!("{other:?}"),
        }
    };
    let entry = |from_entry, to_entry, from_column, to_column| Selector::Entry {
        from_entry,
        to_entry,
        from_column,
        to_column,
    };
    let violated = Err(DataAccessResult::ScopeOfAccessViolated);
    assert_eq!(rows(entry(0, 5, 1, 0)), violated);
    assert_eq!(rows(entry(1, 5, 0, 0)), violated);
    assert_eq!(rows(entry(5, 4, 1, 0)), Ok(0));
    assert_eq!(rows(entry(96, 96, 4, 4)), Ok(1));
    assert_eq!(rows(entry(97, 0, 1, 0)), Ok(0));
    assert_eq!(rows(entry(u32::MAX, u32::MAX, 1, 0)), Ok(0));
    let at = |row: i64| ClockTime::from_utc(Utc::from_secs(row * 900), 0, ClockStatus::OK);
    assert_eq!(rows(Selector::between(at(5), at(5))), Ok(1));
    assert_eq!(rows(Selector::between(at(5), at(4))), Ok(0));
    assert_eq!(rows(Selector::between(at(95), at(1_000_000))), Ok(1));
}

#[test]
fn a_pre_established_association_needs_no_aarq_and_one_with_keys_is_never_pre_established() {
    let mut config = server_config();
    config.associations.iter_mut().for_each(|association| association.pre_established = true);
    let mut world = World::new(false, PERFECT, 1);
    world.server = Server::new(config);
    assert_eq!(ask(&mut world, &GET).unwrap()[..4], [0xC4, 1, 0x41, 0]);
    let refusal = Wpdu { source: 1, destination: 1, apdu: &[0xD8, 1, 1] }.to_vec();
    assert_eq!(world.probe(&wrap(1, &GET)), [refusal]);
    assert_eq!((world.meter.reading, world.server.counters().unprotected), (1, 1));
}

#[test]
fn the_client_that_was_silent_longest_makes_room_and_is_told_when_it_comes_back() {
    let mut world = World::new(false, PERFECT, 1);
    world.server = Server::new(ServerConfig { max_sessions: 2, ..server_config() });
    let mut from = |peer: u16, bytes: &[u8]| {
        world.now += Duration::from_secs(1);
        world.server.serve(world.now, peer, bytes, &mut world.meter);
        let output = world.server.poll();
        let Some(ServerOutput::Datagram { peer: to, bytes }) = output else { panic!("{output:?}") };
        assert_eq!(to, peer);
        unwrap(&bytes)[0]
    };
    let (aarq, get) = (plain_aarq(0, Conformance::OURS), wrap(PUBLIC, &GET));
    assert_eq!([from(1, &aarq), from(2, &aarq), from(1, &get), from(3, &aarq)], [0x61, 0x61, 0xC4, 0x61]);
    assert_eq!([from(1, &get), from(2, &get), from(3, &get)], [0xC4, 0xD8, 0xC4]);
    assert_eq!(world.server.occupancy(), (2, 2));
}

#[test]
fn a_session_is_forgotten_after_its_silence_and_not_before() {
    let mut world = opened(0);
    world.now += Duration::from_secs(3599);
    assert_eq!(ask(&mut world, &GET).unwrap()[0], 0xC4);
    world.now += Duration::from_secs(3599);
    assert_eq!(ask(&mut world, &GET).unwrap()[0], 0xC4, "each request counts");
    world.now += Duration::from_secs(3600);
    assert_eq!(ask(&mut world, &GET).unwrap(), [0xD8, 1, 1]);
}

/// The counters that one end has sent.
fn counters(world: &World, to_server: bool) -> Vec<u32> {
    let sent = world.sent.iter().filter(|sent| sent.0 == to_server);
    sent.filter_map(|sent| Ciphered::from_bytes(unwrap(&sent.1)).ok().map(|ciphered| ciphered.counter))
        .collect()
}

#[test]
fn a_client_whose_counter_ends_stops_and_never_wraps() {
    let config = ClientConfig { first_invocation_counter: u32::MAX - 4, ..client_config(true, 1) };
    let mut world = World::with(config, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
    for _ in 0..3 {
        let ended = ClientOutput::Failed(ClientFailure::CounterExhausted);
        assert_eq!(world.ask(ClientInput::Get(energy())), ended);
        assert_eq!(world.ask(ClientInput::Release), ended);
        assert!(!world.client.is_busy());
    }
    assert_eq!(counters(&world, true), [u32::MAX - 2, u32::MAX - 1]);
    assert_eq!(world.client_durable, u32::MAX);
    let config = ClientConfig { first_invocation_counter: u32::MAX, ..client_config(true, 1) };
    let mut world = World::with(config, PERFECT, 1);
    let ended = ClientOutput::Failed(ClientFailure::CounterExhausted);
    assert_eq!(world.ask(ClientInput::Connect), ended, "nor after a restart");
    assert!(world.sent.is_empty());
}

#[test]
fn a_server_whose_counter_ends_falls_silent_and_never_wraps() {
    let server = ServerConfig { first_invocation_counter: u32::MAX - 4, ..server_config() };
    let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
    assert_eq!(world.ask(ClientInput::Get(energy())), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(counters(&world, false), [u32::MAX - 2, u32::MAX - 1]);
    assert_eq!((world.server_durable, world.server.counters().counter_exhausted), (u32::MAX, 12));
}

#[test]
fn the_counter_that_a_server_shows_is_the_live_one() {
    let mut world = World::new(true, PERFECT, 1);
    assert_eq!((world.server.receive_counter(1), world.server.receive_counter(77)), (None, None));
    world.ask(ClientInput::Connect);
    assert_eq!(world.server.receive_counter(1), Some(3));
    world.ask(ClientInput::Get(energy()));
    assert_eq!(world.server.receive_counter(1), Some(4));
    let first_invocation_counter = world.server.receive_counter(1).unwrap() + 1;
    world.client = Client::new(ClientConfig { first_invocation_counter, ..client_config(true, 2) });
    world.client_durable = first_invocation_counter;
    assert_eq!(
        world.ask(ClientInput::Connect),
        ClientOutput::Connected,
        "whoever lost his can go on from it"
    );
}
