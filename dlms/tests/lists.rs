//! Several attributes in one answer.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::axdr::Data;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, LogicalName, Selector};
use dlms::wrapper::Wpdu;
use plc_core::Machine;
use plc_core::wire::WireError;
use world::*;

fn connected(secure: bool, max_receive_pdu: u16) -> World {
    let mut world = World::with(ClientConfig { max_receive_pdu, ..client_config(secure, 1) }, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    world
}

fn values(world: &mut World, attributes: &[AttributeRequest]) -> Vec<Result<Vec<u8>, DataAccessResult>> {
    match world.ask(ClientInput::GetList(attributes.to_vec())) {
        ClientOutput::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

fn name(attribute: i8) -> AttributeRequest {
    AttributeRequest::new(3, ENERGY, attribute)
}

#[test]
fn values_and_refusals_come_in_the_order_asked() {
    for secure in [false, true] {
        let mut world = connected(secure, 200);
        assert!(world.client.server_conformance().unwrap().has(Conformance::MULTIPLE_REFERENCES));
        let unknown = AttributeRequest::new(3, LogicalName([9; 6]), 2);
        let entry = Selector::Entry { from_entry: 96, to_entry: 0, from_column: 2, to_column: 2 };
        let newest = AttributeRequest { selector: Some(entry), ..buffer() };
        let selected = AttributeRequest { selector: newest.selector.clone(), ..energy() };
        let read = values(&mut world, &[energy(), unknown, name(1), newest, selected, energy()]);
        let number = |at: usize| Data::from_bytes(read[at].as_ref().unwrap()).unwrap().as_u64();
        assert_eq!((number(0), number(5)), (Some(1), Some(3)));
        assert_eq!(read[1], Err(DataAccessResult::ObjectUndefined));
        assert_eq!(read[2].as_ref().unwrap()[2..], ENERGY.0);
        assert_eq!(read[3].as_ref().unwrap()[..4], [1, 1, 2, 1], "one row of one column");
        assert_eq!(read[4], Err(DataAccessResult::ScopeOfAccessViolated));
    }
}

#[test]
fn a_list_that_is_longer_than_one_answer_comes_in_blocks() {
    for secure in [false, true] {
        for max_pdu in [64, 70, 100, 200, 1024] {
            let mut world = connected(secure, max_pdu);
            world.sent.clear();
            let list: Vec<_> =
                [name(1), buffer(), energy(), buffer()].into_iter().chain((0..4).map(|_| energy())).collect();
            let read = values(&mut world, &list);
            assert!(read.iter().all(Result::is_ok));
            check_profile(read[1].as_ref().unwrap(), 96);
            check_profile(read[3].as_ref().unwrap(), 96);
            assert!(
                world
                    .sent
                    .iter()
                    .filter(|sent| !sent.0)
                    .all(|sent| unwrap(&sent.1).len() <= usize::from(max_pdu))
            );
        }
    }
}

/// A world whose public client can join no blocks of any kind.
fn without_blocks(max_pdu: u16) -> World {
    let mut world = connected(false, max_pdu);
    let conformance = Conformance::GET | Conformance::MULTIPLE_REFERENCES;
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
    assert_eq!(world.probe(&wrap(16, &aarq.to_vec())).len(), 1);
    world
}

/// What the server answers to a list.
fn listed(world: &mut World, attributes: Vec<AttributeRequest>) -> Vec<u8> {
    let request = GetRequest::WithList { invoke_id: InvokeId(0x41), attributes }.to_vec();
    unwrap(&world.probe(&wrap(16, &request))[0]).to_vec()
}

#[test]
fn what_has_no_room_is_refused_by_itself_for_a_client_that_cannot_join_blocks() {
    for max_pdu in [64, 70, 100, 200, 1024] {
        let mut world = without_blocks(max_pdu);
        let list: Vec<_> =
            [name(1), buffer(), energy(), buffer()].into_iter().chain((0..4).map(|_| energy())).collect();
        let answer = listed(&mut world, list);
        assert!(answer.len() <= usize::from(max_pdu));
        let Ok(GetResponse::WithList { results, .. }) = GetResponse::from_bytes(&answer) else {
            panic!("a list")
        };
        let read: Vec<_> = results.iter().collect();
        assert_eq!(read[0].unwrap()[2..], ENERGY.0);
        let refused = Err(DataAccessResult::OtherReason);
        assert_eq!((read[1], read[3]), (refused, refused));
        let enough = 4 + 9 + 2 + 2 + 5 * 10;
        assert_eq!(read[4..].iter().all(Result::is_ok) && read[2].is_ok(), usize::from(max_pdu) >= enough);
    }
}

#[test]
fn a_list_that_is_too_long_is_not_read_at_all() {
    let mut world = without_blocks(64);
    let exception =
        |world: &mut World, count: usize| listed(world, vec![energy(); count])[..3] == [0xD8, 1, 4];
    assert!(!exception(&mut world, 30) && exception(&mut world, 31), "two octets for each in 60");
    let mut world = without_blocks(1024);
    assert!(!exception(&mut world, 32) && exception(&mut world, 33));
    assert_eq!(world.meter.reading, 32);
    let mut world = connected(false, 200);
    for count in [0, 33] {
        let list = ClientInput::GetList(vec![energy(); count]);
        assert_eq!(world.ask(list), ClientOutput::Failed(ClientFailure::TooLong));
    }
}

/// A client without security that has asked for two values, and an answer to give it.
fn answered(apdu: &[u8]) -> Vec<ClientOutput> {
    let mut world = connected(false, 200);
    world.client.handle(world.now, ClientInput::GetList(vec![energy(), energy()]));
    world.drain();
    let invoke_id = unwrap(&world.sent.last().unwrap().1)[2];
    let apdu = [&apdu[..2], &[invoke_id], &apdu[3..]].concat();
    world.deliver(false, &Wpdu { source: 1, destination: 16, apdu: &apdu }.to_vec());
    world.events
}

#[test]
fn a_client_takes_as_many_values_as_it_asked_for_and_nothing_else() {
    let two = ClientOutput::Values(vec![Ok(vec![17, 5]), Err(DataAccessResult::ObjectUndefined)]);
    assert_eq!(answered(&[0xC4, 3, 0, 2, 0, 17, 5, 1, 4]), [two]);
    let fault = |fault| [ClientOutput::Failed(ClientFailure::Answer(fault))];
    let count = |came| fault(AnswerFault::Count { came, expected: 2 });
    assert_eq!(answered(&[0xC4, 3, 0, 1, 0, 17, 5]), count(1));
    assert_eq!(answered(&[0xC4, 3, 0, 3, 0, 0, 0, 0, 0, 0]), count(3));
    let refused = ClientOutput::AccessResult(DataAccessResult::OtherReason);
    assert_eq!(answered(&[0xC4, 1, 0, 1, 250]), [refused]);
    assert_eq!(
        answered(&[0xC4, 2, 0, 1, 0, 0, 0, 1, 0, 6, 2, 0, 17, 5, 1, 4]),
        answered(&[0xC4, 3, 0, 2, 0, 17, 5, 1, 4])
    );
    let no_list = fault(AnswerFault::Joined);
    assert_eq!(answered(&[0xC4, 2, 0, 1, 0, 0, 0, 1, 0, 1, 2]), no_list, "blocks that join to no list");
    assert_eq!(answered(&[0xC4, 1, 0, 0, 17, 5]), fault(AnswerFault::Form), "the answer to another question");
    let malformed = AnswerFault::Malformed { came: ApduKind(0xC4), fault: WireError::Invalid("result") };
    assert_eq!(answered(&[0xC4, 3, 0, 2, 0, 17, 5, 2, 4]), fault(malformed), "no answer at all");
}

#[test]
fn a_bad_line_never_mixes_the_values_of_two_lists() {
    for seed in 0..20 {
        let line = Line { loss: 25, doubling: 40, delay_max_ms: 15_000 };
        let mut world = World::new(seed % 2 == 0, line, seed);
        for _ in 0..6 {
            if !world.client.is_open() && world.ask(ClientInput::Connect) != ClientOutput::Connected {
                continue;
            }
            let before = world.meter.reading;
            let list = ClientInput::GetList(vec![energy(), energy(), energy()]);
            let ClientOutput::Values(read) = world.ask(list) else { continue };
            let number = |at: usize| Data::from_bytes(read[at].as_ref().unwrap()).unwrap().as_u64().unwrap();
            assert_eq!((number(1), number(2)), (number(0) + 1, number(0) + 2));
            assert!(number(0) > before, "a value from before the request");
        }
    }
}
