//! The services, named after the lines of the conformance test: APPL_DATA_LN_N1 (GET errors), N3 (SET errors),
//! N4 (unsupported services), APPL_REL_P1, multiple references; and what SET, ACTION and ACCESS do with
//! lists and blocks.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::axdr::Data;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::server::*;
use world::insider::GET;
use world::*;

const UNKNOWN: LogicalName = LogicalName([9; 6]);
const ID: InvokeId = InvokeId(0x41);

/// A world whose client may write and invoke, with keys or without.
fn managed(secure: bool) -> World {
    managed_with(secure, client_config(secure, 1))
}

fn managed_with(secure: bool, client: ClientConfig) -> World {
    let mut config = server_config();
    config.associations[1].access = Access::Management;
    let mut world = World::between(client, config, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected, "{secure}");
    world
}

/// What the server answers to an APDU of the public client.
fn answer(world: &mut World, apdu: &[u8]) -> Vec<u8> {
    let answers = world.probe(&wrap(16, apdu));
    assert_eq!(answers.len(), 1);
    unwrap(&answers[0]).to_vec()
}

fn register(attribute: i8) -> AttributeRequest {
    AttributeRequest::new(3, ENERGY, attribute)
}

#[test]
fn appl_data_ln_n1_errors_of_get_have_the_result_that_the_book_demands() {
    let mut world = managed(false);
    let cases = [
        (AttributeRequest::new(3, UNKNOWN, 2), DataAccessResult::ObjectUndefined),
        (AttributeRequest::new(1, ENERGY, 2), DataAccessResult::ObjectClassInconsistent),
        (register(4), DataAccessResult::ReadWriteDenied),
        (register(0), DataAccessResult::ReadWriteDenied),
        (register(-1), DataAccessResult::ReadWriteDenied),
    ];
    for (attribute, result) in cases {
        let asked = world.ask(ClientInput::Get(attribute.clone()));
        assert_eq!(asked, ClientOutput::AccessResult(result), "{attribute}");
    }
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "the association lives");
}

#[test]
fn appl_data_ln_n3_errors_of_set_have_the_result_that_the_book_demands() {
    let mut world = managed(false);
    let cases = [
        (AttributeRequest::new(3, UNKNOWN, 2), DataAccessResult::ObjectUndefined),
        (AttributeRequest::new(1, ENERGY, 2), DataAccessResult::ObjectClassInconsistent),
        (register(3), DataAccessResult::ReadWriteDenied),
        (register(1), DataAccessResult::ReadWriteDenied),
        (AttributeRequest::new(15, LogicalName([0, 0, 40, 0, 0, 255]), 2), DataAccessResult::ReadWriteDenied),
    ];
    for (attribute, result) in cases {
        let asked = world.ask(ClientInput::Set(attribute.clone(), &[9, 1, 1]));
        assert_eq!(asked, ClientOutput::AccessResult(result), "{attribute}");
    }
    let wrong_type = world.ask(ClientInput::Set(register(2), &[17, 5]));
    assert_eq!(wrong_type, ClientOutput::AccessResult(DataAccessResult::TypeUnmatched));
    assert!(world.meter.written.is_empty());
    let right = world.ask(ClientInput::Set(register(2), &[9, 1, 1]));
    assert_eq!(right, ClientOutput::AccessResult(DataAccessResult::Success));
    assert_eq!(world.meter.written, [1]);
}

#[test]
fn appl_data_ln_n4_a_service_that_nobody_knows_is_answered_with_an_exception_and_ends_nothing() {
    let mut world = managed(false);
    for apdu in [&[0x05, 1, 2, 0][..], &[0x06, 1, 2], &[0xC0, 9, 0x41], &[0xE6, 0], &[0x7F]] {
        let exception = ExceptionResponse::from_bytes(&answer(&mut world, apdu)).unwrap();
        let expected = (StateError::ServiceUnknown, ServiceError::ServiceNotSupported);
        assert_eq!((exception.state, exception.service), expected, "{apdu:02x?}");
    }
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

/// Short names are not offered, so no service of theirs is known, whatever it asks for.
fn short_names_are_refused(requests: &[&[u8]]) {
    let mut world = managed(false);
    for apdu in requests {
        assert_eq!(answer(&mut world, apdu), [0xD8, 2, 2], "{apdu:02x?}");
    }
    assert!(world.meter.written.is_empty());
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "and nothing ends");
}

#[test]
fn appl_data_sn_n1_a_read_of_short_names_is_refused() {
    short_names_are_refused(&[
        &[5, 1, 2, 0xFA, 0],
        &[5, 1, 4, 0xFA, 0, 1, 0],
        &[5, 2, 2, 0, 0, 2, 0, 8],
        &[5, 0],
    ]);
}

#[test]
fn appl_data_sn_n2_a_write_of_short_names_is_refused() {
    short_names_are_refused(&[
        &[6, 1, 2, 0xFA, 0, 1, 0],
        &[6, 1, 2, 0, 8, 1, 9, 1, 1],
        &[0x16, 1, 2, 0, 8, 1, 0],
    ]);
}

#[test]
fn appl_data_sn_n3_other_services_of_short_names_are_refused() {
    short_names_are_refused(&[&[0x18, 0, 1, 2, 0, 8, 1, 0], &[0x0D, 1, 0, 0, 0, 8, 0], &[0x0C, 0]]);
}

#[test]
fn appl_rel_p1_a_release_is_answered_and_nothing_is_served_behind_it() {
    for secure in [false, true] {
        let mut world = managed(secure);
        assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
        assert_eq!(world.server.occupancy().0, 0);
        assert_eq!(world.ask(ClientInput::Get(energy())), ClientOutput::Failed(ClientFailure::WrongState));
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    }
}

fn values(world: &mut World, list: Vec<AttributeRequest>) -> Vec<Result<Vec<u8>, DataAccessResult>> {
    match world.ask(ClientInput::GetList(list)) {
        ClientOutput::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn multiple_references_1_ten_values_come_in_one_answer() {
    for secure in [false, true] {
        let mut world = managed(secure);
        let read = values(&mut world, vec![energy(); 10]);
        let numbers = read.iter().map(|value| Data::from_bytes(value.as_ref().unwrap()).unwrap().as_u64());
        assert!(numbers.eq((1..=10).map(Some)));
    }
}

#[test]
fn multiple_references_2_a_short_and_a_long_value_come_together() {
    for secure in [false, true] {
        let mut world = managed(secure);
        let read = values(&mut world, vec![register(1), buffer()]);
        assert_eq!(read[0].as_ref().unwrap()[2..], ENERGY.0);
        check_profile(read[1].as_ref().unwrap(), 96);
    }
}

#[test]
fn multiple_references_3_the_first_attributes_of_an_object_come_together() {
    let mut world = managed(false);
    let profile = |attribute| AttributeRequest::new(7, PROFILE, attribute);
    let read = values(&mut world, (1..=4).map(profile).collect());
    assert_eq!(read[0].as_ref().unwrap()[2..], PROFILE.0);
    check_profile(read[1].as_ref().unwrap(), 96);
    let columns = dlms::classes::profile::capture_objects(read[2].as_ref().unwrap());
    assert_eq!(columns, Some(COLUMNS.to_vec()));
    assert_eq!(Data::from_bytes(read[3].as_ref().unwrap()), Ok(Data::U32(900)));
}

/// An octet-string of `len` octets.
fn octets(len: usize) -> Vec<u8> {
    let head = [9, 0x82, (len >> 8) as u8, len as u8];
    [&head[..], &vec![5; len]].concat()
}

#[test]
fn a_list_is_written_value_by_value_and_each_has_its_result() {
    for secure in [false, true] {
        let mut world = managed(secure);
        for len in [1, 50, 3000] {
            let pairs = vec![
                (register(2), octets(len)),
                (AttributeRequest::new(3, UNKNOWN, 2), vec![0]),
                (register(3), vec![17, 1]),
            ];
            let results = ClientOutput::AccessResults(vec![
                DataAccessResult::Success,
                DataAccessResult::ObjectUndefined,
                DataAccessResult::ReadWriteDenied,
            ]);
            assert_eq!(world.ask(ClientInput::SetList(pairs)), results, "{len}");
            assert_eq!(world.meter.written, vec![5; len]);
        }
        let longest = world.sent.iter().filter(|sent| sent.0).map(|sent| unwrap(&sent.1).len()).max();
        assert!(longest.unwrap() <= 1024);
    }
}

#[test]
fn methods_are_invoked_in_a_list_and_each_has_its_outcome() {
    let unknown = MethodRequest { class_id: 3, logical_name: UNKNOWN, method: 1 };
    let second = MethodRequest { method: 2, ..reset() };
    for secure in [false, true] {
        let mut world = managed(secure);
        for (returned_len, parameter_len) in [(0, 1), (10, 10), (500, 10), (10, 3000), (3000, 3000)] {
            world.meter.returned_len = returned_len;
            let list = vec![
                (reset(), Some(octets(parameter_len))),
                (unknown, None),
                (second, None),
                (reset(), None),
            ];
            let ClientOutput::ActionResults(outcomes) = world.ask(ClientInput::ActionList(list)) else {
                panic!("outcomes")
            };
            let results: Vec<_> = outcomes.iter().map(|outcome| outcome.0).collect();
            let done = ActionResult::Success;
            assert_eq!(results, [done, ActionResult::ObjectUndefined, ActionResult::ReadWriteDenied, done]);
            let len =
                |at: usize| outcomes[at].1.as_ref().map(|value| value.iter().filter(|o| **o == 7).count());
            let expected = (returned_len > 0).then_some(returned_len);
            assert_eq!((len(0), len(1), len(3)), (expected, None, expected), "{returned_len}");
        }
        assert_eq!(world.meter.invoked, 10);
        assert!(
            world
                .sent
                .iter()
                .filter(|sent| !sent.0)
                .all(|sent| unwrap(&sent.1).len() <= 200 || sent.1[8] == 0x61)
        );
    }
}

#[test]
fn a_parameter_of_any_length_reaches_its_method_once() {
    for secure in [false, true] {
        let mut world = managed(secure);
        for (n, len) in [1, 900, 1010, 1030, 9000].into_iter().enumerate() {
            let acted = world.ask(ClientInput::Action(reset(), Some(&octets(len))));
            assert_eq!(acted, ClientOutput::ActionResult(ActionResult::Success, None), "{len}");
            assert_eq!(world.meter.invoked, n as u32 + 1);
        }
        let too_long = world.ask(ClientInput::Action(reset(), Some(&octets(12_000))));
        assert!(!matches!(too_long, ClientOutput::ActionResult(ActionResult::Success, _)));
        assert_eq!(world.meter.invoked, 5);
    }
}

#[test]
fn a_bad_line_neither_tears_what_is_written_nor_invokes_twice() {
    for seed in 0..30 {
        let line = Line { loss: 15, doubling: 30, delay_max_ms: 12_000 };
        let mut config = server_config();
        config.associations[1].access = Access::Management;
        let mut world = World::between(client_config(seed % 2 == 0, seed), config, line, seed);
        for n in 0..4_u8 {
            if !world.client.is_open() && world.ask(ClientInput::Connect) != ClientOutput::Connected {
                continue;
            }
            let value = [&[9, 0x82, 0x08, 0x00][..], &[n; 2048]].concat();
            let written = world.ask(ClientInput::Set(register(2), &value));
            if written == ClientOutput::AccessResult(DataAccessResult::Success) {
                assert_eq!(world.meter.written, [n; 2048]);
            }
            let torn = world.meter.written.iter().any(|octet| *octet != world.meter.written[0]);
            assert!(!torn, "octets of two values");
            let before = world.meter.invoked;
            world.ask(ClientInput::Action(reset(), Some(&value)));
            assert!(world.meter.invoked <= before + 1, "invoked twice");
        }
    }
}

fn access(
    world: &mut World,
    operations: Vec<(AccessOperation, Option<Vec<u8>>)>,
) -> Vec<(Vec<u8>, OperationResult)> {
    match world.ask(ClientInput::Access(operations)) {
        ClientOutput::AccessResponse(results) => results,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_access_reads_writes_and_invokes() {
    // Service-specific envelopes have no tag for ACCESS: it goes in the general one.
    for secure in [false, true] {
        let mut world = managed(secure);
        world.meter.returned_len = 3;
        let results = access(
            &mut world,
            vec![
                (AccessOperation::Get(energy()), None),
                (AccessOperation::Set(register(2)), Some(octets(4))),
                (AccessOperation::Action(reset()), None),
                (AccessOperation::Get(AttributeRequest::new(3, UNKNOWN, 2)), None),
                (AccessOperation::Set(register(3)), Some(vec![0])),
                (AccessOperation::Get(buffer()), None),
            ],
        );
        let (done, action) = (DataAccessResult::Success, ActionResult::Success);
        let expected = [
            OperationResult::Get(done),
            OperationResult::Set(done),
            OperationResult::Action(action),
            OperationResult::Get(DataAccessResult::ObjectUndefined),
            OperationResult::Set(DataAccessResult::ReadWriteDenied),
            OperationResult::Get(done),
        ];
        assert!(results.iter().map(|result| result.1).eq(expected));
        assert_eq!(Data::from_bytes(&results[0].0), Ok(Data::U64(1)));
        assert_eq!((&results[2].0[..], &results[3].0[..]), (&[9, 3, 7, 7, 7][..], &[0][..]));
        check_profile(&results[5].0, 96);
        assert_eq!((world.meter.invoked, &world.meter.written[..]), (1, &[5; 4][..]));
        let long = world.sent.iter().filter(|sent| !sent.0 && sent.1[8] == 0xE0).count();
        assert!(long > 10, "a day does not fit 200 octets: it came in general blocks");
    }
}

#[test]
fn an_access_that_breaks_on_error_does_nothing_behind_the_first() {
    let mut world = managed(false);
    let operations = vec![
        AccessOperation::Set(register(3)),
        AccessOperation::Set(register(2)),
        AccessOperation::Action(reset()),
    ];
    let data = [3, 9, 1, 1, 9, 1, 1, 0];
    let mut request = AccessRequest {
        invoke_id: LongInvokeId(0x6000_0001),
        date_time: None,
        operations,
        data: Values::from_bytes(&data).unwrap(),
    };
    let broken = answer(&mut world, &request.to_vec());
    let broken = AccessResponse::from_bytes(&broken).unwrap();
    assert!(broken.results.iter().all(|result| !result.is_success()));
    assert!(world.meter.written.is_empty() && world.meter.invoked == 0);
    request.invoke_id = LongInvokeId(0x4000_0002);
    let carried = answer(&mut world, &request.to_vec());
    let carried = AccessResponse::from_bytes(&carried).unwrap();
    assert!(carried.results[1].is_success() && carried.results[2].is_success());
    assert_eq!((&world.meter.written[..], world.meter.invoked), (&[1][..], 1));
    request.invoke_id = LongInvokeId(0x0000_0003);
    assert!(world.probe(&wrap(16, &request.to_vec())).is_empty(), "no answer was wanted");
    assert_eq!(world.meter.invoked, 2);
}

#[test]
fn the_number_of_data_of_an_access_must_be_that_of_its_operations() {
    let mut world = managed(false);
    let mut apdu = vec![0xD9, 0x40, 0, 0, 1, 0, 2];
    for _ in 0..2 {
        apdu.extend([2, 0, 3, 1, 0, 1, 8, 0, 255, 2]);
    }
    for data in [&[0][..], &[1, 9, 1, 1], &[3, 9, 1, 1, 9, 1, 1, 0], &[0x82, 0xFF, 0xFF, 0, 0]] {
        let exception = answer(&mut world, &[&apdu[..], data].concat());
        assert_eq!(exception, [0xD8, 1, 3]);
    }
    assert!(world.meter.written.is_empty());
    let right = answer(&mut world, &[&apdu[..], &[2, 9, 1, 1, 9, 1, 1]].concat());
    assert_eq!(right[0], 0xDA);
}

fn first_block(number: u32, last: bool, raw: &[u8]) -> Vec<u8> {
    let block = DataBlock { last, number, raw };
    SetRequest::WithFirstDataBlock { invoke_id: ID, attribute: register(2), block }.to_vec()
}

fn further_block(number: u32, last: bool, raw: &[u8]) -> Vec<u8> {
    SetRequest::WithDataBlock { invoke_id: ID, block: DataBlock { last, number, raw } }.to_vec()
}

fn last_result(answer: &[u8]) -> DataAccessResult {
    match SetResponse::from_bytes(answer).unwrap() {
        SetResponse::LastDataBlock { result, .. } => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_set_in_blocks_that_skips_or_never_began_is_refused_and_forgotten() {
    let mut world = managed(false);
    let none = answer(&mut world, &further_block(2, true, &[1]));
    assert_eq!(last_result(&none), DataAccessResult::NoLongSetInProgress);
    assert_eq!(answer(&mut world, &first_block(1, false, &[9, 2])), [0xC5, 2, 0x41, 0, 0, 0, 1]);
    assert_eq!(answer(&mut world, &first_block(1, false, &[9, 2])), [0xC5, 2, 0x41, 0, 0, 0, 1]);
    let skipped = answer(&mut world, &further_block(3, true, &[1]));
    assert_eq!(last_result(&skipped), DataAccessResult::DataBlockNumberInvalid);
    let over = answer(&mut world, &further_block(2, true, &[1, 2]));
    assert_eq!(last_result(&over), DataAccessResult::NoLongSetInProgress);
    assert_eq!((world.server.counters().aborted_transfers, world.meter.written.len()), (1, 0));
}

#[test]
fn the_last_block_of_a_set_that_comes_twice_is_answered_twice_and_written_once() {
    let mut world = managed(false);
    answer(&mut world, &first_block(1, false, &[9, 2]));
    let done = answer(&mut world, &further_block(2, true, &[1, 2]));
    assert_eq!(last_result(&done), DataAccessResult::Success);
    world.meter.written.clear();
    assert_eq!(answer(&mut world, &further_block(2, true, &[1, 2])), done);
    assert!(world.meter.written.is_empty());
    let behind = answer(&mut world, &further_block(3, true, &[1, 2]));
    assert_eq!(last_result(&behind), DataAccessResult::NoLongSetInProgress);
}

#[test]
fn a_set_in_blocks_that_never_ends_is_given_up_at_the_limit() {
    let mut world = managed(false);
    answer(&mut world, &first_block(1, false, &[9, 0x82, 0xFF, 0xFF]));
    let mut number = 1;
    let end = loop {
        number += 1;
        let answer = answer(&mut world, &further_block(number, false, &[0; 1000]));
        if answer[1] != 2 {
            break answer;
        }
        assert!(number < 12, "10,000 octets are held at most");
    };
    assert_eq!(last_result(&end), DataAccessResult::LongSetAborted);
    assert_eq!(world.server.counters().aborted_transfers, 1);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

#[test]
fn nothing_is_collected_for_what_may_not_be_written_or_invoked() {
    let mut world = managed(false);
    let block = DataBlock { last: false, number: 1, raw: &[9, 2] };
    let denied = SetRequest::WithFirstDataBlock { invoke_id: ID, attribute: register(3), block };
    let refused = answer(&mut world, &denied.to_vec());
    assert_eq!(last_result(&refused), DataAccessResult::ReadWriteDenied);
    let none = answer(&mut world, &further_block(2, true, &[1, 2]));
    assert_eq!(last_result(&none), DataAccessResult::NoLongSetInProgress);
    let second = MethodRequest { method: 2, ..reset() };
    let denied = AnyActionRequest::WithFirstPblock { invoke_id: ID, method: second, block };
    let refused = ActionResponse::from_bytes(&answer(&mut world, &denied.to_vec())).unwrap().result;
    assert_eq!(refused, ActionResult::ReadWriteDenied);
}

#[test]
fn an_action_in_blocks_is_invoked_once_however_often_its_last_block_comes() {
    let mut world = managed(false);
    world.meter.returned_len = 500;
    let block = |number, last, raw| DataBlock { last, number, raw };
    let first =
        AnyActionRequest::WithFirstPblock { invoke_id: ID, method: reset(), block: block(1, false, &[9, 2]) };
    assert_eq!(answer(&mut world, &first.to_vec()), [0xC7, 4, 0x41, 0, 0, 0, 1]);
    let last = AnyActionRequest::WithPblock { invoke_id: ID, block: block(2, true, &[1, 2]) }.to_vec();
    let done = answer(&mut world, &last);
    assert_eq!(done[..2], [0xC7, 2], "what was returned comes in blocks");
    assert_eq!(answer(&mut world, &last), done);
    assert_eq!(world.meter.invoked, 1);
    let next = |block| AnyActionRequest::NextPblock { invoke_id: ID, block }.to_vec();
    assert_eq!(answer(&mut world, &next(1))[..8], [0xC7, 2, 0x41, 0, 0, 0, 0, 2]);
    let wrong = ActionResponse::from_bytes(&answer(&mut world, &next(9))).unwrap().result;
    assert_eq!(wrong, ActionResult::LongActionAborted);
    let over = ActionResponse::from_bytes(&answer(&mut world, &next(1))).unwrap().result;
    assert_eq!(over, ActionResult::NoLongActionInProgress);
    let skipped = AnyActionRequest::WithPblock { invoke_id: ID, block: block(4, true, &[]) };
    let none = ActionResponse::from_bytes(&answer(&mut world, &skipped.to_vec())).unwrap().result;
    assert_eq!(none, ActionResult::NoLongActionInProgress);
}

#[test]
fn lists_of_more_objects_than_are_served_at_once_change_nothing() {
    let mut world = managed(false);
    let too_long = [0xD8, 1, 4];
    let values = [&[40][..], &[9, 1, 1].repeat(40)].concat();
    let values = Values::from_bytes(&values).unwrap();
    let set = SetRequest::WithList { invoke_id: ID, attributes: vec![register(2); 40], values };
    assert_eq!(answer(&mut world, &set.to_vec()), too_long);
    let act = AnyActionRequest::WithList { invoke_id: ID, methods: vec![reset(); 40], parameters: values };
    assert_eq!(answer(&mut world, &act.to_vec()), too_long);
    let operations = vec![AccessOperation::Action(reset()); 40];
    let invoke_id = LongInvokeId::confirmed(1);
    let access = AccessRequest { invoke_id, date_time: None, operations, data: values };
    assert_eq!(answer(&mut world, &access.to_vec()), too_long);
    assert!(world.meter.written.is_empty() && world.meter.invoked == 0);
}

#[test]
fn with_list_of_255_big_objects_costs_one_exception() {
    let mut config = server_config();
    config.max_pdu = 8192;
    let mut world = World::between(client_config(false, 1), config, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let request = GetRequest::WithList { invoke_id: ID, attributes: vec![buffer(); 255] }.to_vec();
    assert!(request.len() > 2550);
    assert_eq!(answer(&mut world, &request), [0xD8, 1, 4]);
    assert_eq!(world.meter.reading, 0);
}

#[test]
fn a_known_request_that_is_cut_short_or_goes_on_behind_its_end_is_no_request_and_ends_nothing() {
    let mut world = managed(false);
    let cut: [&[u8]; 9] = [
        &[0xC0, 1, 0x41],
        &[0xC0, 2, 0x41, 0, 0, 0],
        &[0xC0, 3, 0x41, 1],
        &[0xC1, 1, 0x41],
        &[0xC1, 5, 0x41],
        &[0xC3, 1, 0x41],
        &[0xC3, 6, 0x41],
        &[0xD9],
        &[0xD9, 0x40, 0, 0, 1],
    ];
    for apdu in cut.into_iter().chain([&[0xC0][..], &[0xC1], &[0xC3], &[0xC0, 1]]) {
        assert_eq!(answer(&mut world, apdu), [0xD8, 1, 3], "{apdu:02x?}");
    }
    assert_eq!(answer(&mut world, &[&GET[..], &[0]].concat()), [0xD8, 1, 3], "octets behind the end");
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "and nothing ends");
}

#[test]
fn a_list_of_nothing_asks_for_nothing() {
    let mut world = managed(false);
    let empty: [&[u8]; 5] = [
        &[0xC0, 3, 0x41, 0],
        &[0xC1, 4, 0x41, 0, 0],
        &[0xC1, 5, 0x41, 0, 1, 0, 0, 0, 1, 1, 0],
        &[0xC3, 3, 0x41, 0, 0],
        &[0xD9, 0x40, 0, 0, 1, 0, 0, 0],
    ];
    for apdu in empty {
        assert_eq!(answer(&mut world, apdu), [0xD8, 1, 3], "{apdu:02x?}");
    }
}

#[test]
fn what_is_itself_an_answer_an_error_or_a_notification_is_never_answered() {
    let tags = [
        0x61, 0x63, 0x08, 0x28, 0x48, 0x0E, 0x2E, 0x4E, 0x0F, 0x10, 0xC2, 0xCA, 0xD2, 0xC4, 0xCC, 0xD4, 0xC5,
        0xCD, 0xD5, 0xC7, 0xCF, 0xD7, 0xD8, 0xDA,
    ];
    for (secure, is_open) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = if is_open { managed(secure) } else { World::new(secure, PERFECT, 1) };
        for tag in tags {
            for client in [1, 16, 77] {
                for apdu in [&[tag][..], &[tag, 1, 0x41], &[tag, 5, 0x30, 0, 0, 0, 1]] {
                    // In a general block where that is served, and as it is.
                    let block = [&[0xE0, 0x80, 0, 1, 0, 0, apdu.len() as u8][..], apdu].concat();
                    let in_block = if is_open && client == 16 && !secure { Some(&block[..]) } else { None };
                    for apdu in [Some(apdu), in_block].into_iter().flatten() {
                        let said = world.probe(&wrap(client, apdu));
                        assert!(said.is_empty(), "{apdu:02x?} of {client}: {said:02x?}");
                    }
                }
            }
        }
        assert!(world.server.counters().unasked > 0);
    }
}
