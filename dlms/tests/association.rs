//! Client against server in memory, over a line that loses, doubles and reorders.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::{Ciphered, DataAccessResult, Pdu};
use dlms::axdr::Data;
use dlms::classes::profile::Rows;
use dlms::client::*;
use dlms::cosem::{
    AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName, MethodRequest, Selector,
};
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::Utc;
use proptest::prelude::*;
use world::*;

#[test]
fn a_secure_association_reads_writes_acts_and_ends() {
    for ciphering in [CipheringForm::ServiceSpecific, CipheringForm::General] {
        let mut world = World::with(ClientConfig { ciphering, ..client_config(true, 1) }, PERFECT, 1);
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        assert_eq!(world.alerts, [ServerEvent::Associated { client_sap: 1 }]);
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(energy())) else { panic!("a value") };
        assert_eq!(Data::from_bytes(&value).unwrap().as_u64(), Some(1));
        let written = world.ask(ClientInput::Set(energy(), &[9, 2, 5, 6]));
        assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success));
        assert_eq!(world.meter.written, [5, 6]);
        let reset = MethodRequest { class_id: 3, logical_name: ENERGY, method: 1 };
        let acted = world.ask(ClientInput::Action(reset, None));
        assert_eq!(acted, ClientOutput::ActionResult(dlms::apdu::ActionResult::Success, None));
        assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
        assert_eq!(world.ask(ClientInput::Get(energy())), ClientOutput::Failed(ClientFailure::WrongState));
        let tag = if ciphering == CipheringForm::General { 0xDB } else { 0xCC };
        let answers = world.sent.iter().filter(|(to_server, bytes)| !to_server && bytes[8] == tag).count();
        assert!(answers > 0, "the server answers in the form asked");
    }
}

#[test]
fn a_day_of_rows_goes_in_blocks_that_keep_to_the_size_of_the_client() {
    for secure in [false, true] {
        let mut world = World::new(secure, PERFECT, 2);
        world.ask(ClientInput::Connect);
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(buffer())) else { panic!("a value") };
        assert_eq!(check_profile(&value, 96), 1);
        let answers = world.sent.iter().filter(|(to_server, _)| !to_server);
        assert!(answers.clone().count() > 20);
        assert!(answers.clone().all(|(_, bytes)| bytes.len() <= 200 + 8));
    }
}

#[test]
fn a_range_and_entries_choose_rows_and_columns() {
    let mut world = World::new(true, PERFECT, 3);
    world.ask(ClientInput::Connect);
    let at = |row: i64| ClockTime::from_utc(Utc::from_secs(row * 900), -60, ClockStatus::OK);
    let mut count = |selector: Selector| {
        let request = AttributeRequest { selector: Some(selector), ..buffer() };
        match world.ask(ClientInput::Get(request)) {
            ClientOutput::Value(value) => {
                let rows = Rows::from_value(&value).unwrap();
                Ok((rows.len(), rows.iter().next().map_or(0, |row| row.count())))
            }
            other => Err(other),
        }
    };
    assert_eq!(count(Selector::between(at(10), at(12))), Ok((3, 4)));
    assert_eq!(count(Selector::between(at(12), at(10))), Ok((0, 0)));
    let entry = |from_entry, to_entry, from_column, to_column| Selector::Entry {
        from_entry,
        to_entry,
        from_column,
        to_column,
    };
    assert_eq!(count(entry(1, 1, 2, 2)), Ok((1, 1)));
    assert_eq!(count(entry(90, 0, 1, 0)), Ok((7, 4)));
    assert_eq!(count(entry(90, 4_000_000_000, 3, 60_000)), Ok((7, 2)));
    assert!(count(entry(0, 5, 1, 0)).is_err());
    let two = Selector::Range {
        restricting: CaptureObject::CLOCK,
        from: dlms::cosem::Bound::Time(at(0)),
        to: dlms::cosem::Bound::Time(ClockTime::UNSPECIFIED),
        columns: vec![COLUMNS[3], COLUMNS[1]],
    };
    assert_eq!(count(two), Ok((96, 2)));
}

/// The attribute of an association that nobody reads.
const SECRET: i8 = 7;

#[test]
fn the_built_in_objects_can_be_read() {
    let mut world = World::new(true, PERFECT, 4);
    world.ask(ClientInput::Connect);
    let name = |last| LogicalName([0, 0, last, 0, 0, 255]);
    for (class_id, logical_name, attributes) in [(15, name(40), 11), (17, name(41), 2), (64, name(43), 6)] {
        for attribute in 1..=attributes {
            let request = AttributeRequest::new(class_id, logical_name, attribute);
            let answer = world.ask(ClientInput::Get(request));
            if (class_id, attribute) == (15, SECRET) {
                assert_eq!(answer, ClientOutput::AccessResult(DataAccessResult::ReadWriteDenied));
                continue;
            }
            assert!(matches!(answer, ClientOutput::Value(_)), "{class_id} {attribute}: {answer:?}");
        }
    }
    let list = AttributeRequest::new(15, name(40), 2);
    let ClientOutput::Value(list) = world.ask(ClientInput::Get(list)) else { panic!("a list") };
    // Three of its own, one for each client, and those of the meter.
    assert_eq!(Data::from_bytes(&list).unwrap().as_array().unwrap().len(), 3 + 2 + 2);
}

#[test]
fn the_associations_of_all_clients_can_be_looked_at_but_not_by_the_public() {
    let mut world = World::new(true, PERFECT, 4);
    world.ask(ClientInput::Connect);
    let of = |n| LogicalName([0, 0, 40, 0, n, 255]);
    let mut get =
        |n, attribute| match world.ask(ClientInput::Get(AttributeRequest::new(15, of(n), attribute))) {
            ClientOutput::Value(value) => value,
            other => panic!("{n} {attribute}: {other:?}"),
        };
    assert_eq!([get(0, 8), get(1, 8), get(2, 8)], [[22, 2], [22, 2], [22, 0]], "the public has opened none");
    for n in [1, 2] {
        let partners = get(n, 3);
        let [client, server] =
            Data::from_bytes(&partners).unwrap().as_structure().unwrap().exactly().unwrap();
        assert_eq!((client.as_u64(), server.as_u64()), (Some(if n == 1 { 1 } else { 16 }), Some(1)));
        assert_eq!(get(n, 1), [&[9, 6][..], &of(n).0].concat());
        (2..=11)
            .filter(|&n| n != SECRET)
            .for_each(|attribute| assert!(Data::from_bytes(&get(n, attribute)).is_ok()));
    }
    let (own, public) = (get(1, 2), get(2, 2));
    assert_eq!(own, get(0, 2));
    assert_eq!(
        Data::from_bytes(&public).unwrap().as_array().unwrap().len(),
        3 + 2,
        "no associations of others"
    );
    let mut world = World::new(false, PERFECT, 4);
    world.ask(ClientInput::Connect);
    let refused = world.ask(ClientInput::Get(AttributeRequest::new(15, of(1), 2)));
    assert_eq!(refused, ClientOutput::AccessResult(DataAccessResult::ObjectUndefined));
}

#[test]
fn rights_classes_and_names_are_checked() {
    let mut world = World::new(false, PERFECT, 5);
    world.ask(ClientInput::Connect);
    let mut get = |class_id, name, attribute| {
        world.ask(ClientInput::Get(AttributeRequest::new(class_id, name, attribute)))
    };
    let refused = ClientOutput::AccessResult;
    assert_eq!(get(1, ENERGY, 2), refused(DataAccessResult::ObjectClassInconsistent));
    assert_eq!(get(3, LogicalName([9; 6]), 2), refused(DataAccessResult::ObjectUndefined));
    assert_eq!(get(3, ENERGY, 9), refused(DataAccessResult::ReadWriteDenied));
    assert_eq!(get(3, ENERGY, -1), refused(DataAccessResult::ReadWriteDenied));
    assert_eq!(world.ask(ClientInput::Set(energy(), &[0])), refused(DataAccessResult::ReadWriteDenied));
}

#[test]
fn counters_survive_restarts_of_both_ends() {
    let mut world = World::new(true, PERFECT, 10);
    let mut used = std::collections::BTreeSet::new();
    for life in 0..5 {
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
        for (to_server, bytes) in world.sent.drain(..) {
            let wpdu = Wpdu::from_bytes(&bytes).unwrap();
            if let Ok(ciphered) = Ciphered::from_bytes(wpdu.apdu) {
                assert!(
                    used.insert((to_server, ciphered.counter)),
                    "counter {} came twice",
                    ciphered.counter
                );
            }
        }
        let first_invocation_counter = world.client_durable;
        world.client =
            Client::new(ClientConfig { first_invocation_counter, ..client_config(true, 20 + life) });
        let first_invocation_counter = world.server_durable;
        world.server = Server::new(ServerConfig { first_invocation_counter, ..server_config() });
    }
}

/// Asks for much over a bad line: what arrives is right, whatever is lost.
fn survive(secure: bool, line: Line, seed: u64) -> u32 {
    let mut world = World::new(secure, line, seed);
    let mut values = 0;
    let mut highest = 0;
    for round in 0..12 {
        if !world.client.is_open() && world.ask(ClientInput::Connect) != ClientOutput::Connected {
            continue;
        }
        let (before, request) = (world.meter.reading, if round % 3 == 0 { buffer() } else { energy() });
        let ClientOutput::Value(value) = world.ask(ClientInput::Get(request.clone())) else { continue };
        let reading = match request.class_id {
            7 => check_profile(&value, 96),
            _ => Data::from_bytes(&value).unwrap().as_u64().unwrap(),
        };
        assert!(
            reading > before.min(highest) && reading <= world.meter.reading,
            "a value of an earlier request"
        );
        assert!(reading > before, "a value from before the request");
        highest = reading;
        values += 1;
    }
    values
}

#[test]
fn a_moderately_bad_line_still_brings_most_values() {
    let line = Line { loss: 10, doubling: 10, delay_max_ms: 3_000 };
    let values: u32 = (0..10).map(|seed| survive(true, line, seed)).sum();
    assert!(values > 100, "{values} of 120");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_bad_line_never_brings_a_wrong_value(
        secure: bool, loss in 0u32..40, doubling in 0u32..50, delay_max_ms in 1u32..25_000, seed: u64,
    ) {
        survive(secure, Line { loss, doubling, delay_max_ms }, seed);
    }
}
