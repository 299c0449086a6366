//! The whole meter in its network: joining, being read, leaving and joining again.
#![allow(clippy::panic)] // what a test did not expect

mod air;
mod mains;

use air::{METER, Street};
use dlms::apdu::ActionResult;
use dlms::axdr::Data;
use dlms::classes::{Attributes, G3Adaptation, G3MacSetup, G3Neighbour, List, Schema, Value};
use dlms::client::{
    CipheringForm, Client, ClientAuthentication, ClientConfig, ClientInput, ClientOutput, Quirks,
};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::security::Suite0;
use mains::{IDENTITY, KEYS, RATE, at, config};
use meter::objects::names;
use meter::{MeterApplication, MeterConfig, MeterEvent, MeterInput, MeterOutput, MeterPersist, MeterState};
use plc_core::sap::{AdpmIndication, AdpmRequest, DLMS_PORT, UdpPayload, UdpRequest};
use plc_core::{Machine, Seed, ShortAddress, UtcAnchor};
use plc_node::NodeOutput;
use std::time::Duration;

/// The address under which the meter has joined last, once it has joined `times` times.
fn joined(street: &Street, times: usize) -> Option<ShortAddress> {
    let joins = street.told.iter().filter_map(|told| match told {
        MeterOutput::Event(MeterEvent::Network(AdpmIndication::Joined { short, .. })) => Some(*short),
        _ => None,
    });
    joins.into_iter().nth(times - 1)
}

fn management() -> Client {
    Client::new(ClientConfig {
        client_sap: 1,
        server_sap: 1,
        client_title: *b"CLI\0\0\0\0\x01",
        authentication: ClientAuthentication::HlsGmac {
            keys: Suite0::new(&KEYS.encryption.0, &KEYS.authentication.0),
        },
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter: 1,
        counter_block: 100,
        last_server_counter: None,
        max_receive_pdu: 1024,
        max_value_len: 10_000,
        response_timeout: Duration::from_secs(60),
        retries: 2,
        request_limit: Duration::from_secs(3600),
        quirks: Quirks::default(),
        seed: Seed::from_u64(5),
    })
}

/// Asks over the line, and gives the answer of the client.
fn ask(street: &mut Street, client: &mut Client, dst: ShortAddress, input: ClientInput<'_>) -> ClientOutput {
    client.handle(street.now, input);
    street.run(300, |street| {
        while let Some(heard) = street.heard.pop_front() {
            if let NodeOutput::Udp(datagram) = heard {
                assert_eq!((datagram.src, datagram.src_port), (dst, DLMS_PORT));
                client.handle(street.now, ClientInput::Datagram(&datagram.payload));
            }
        }
        while let Some(output) = client.poll() {
            match output {
                ClientOutput::Datagram(bytes) => {
                    let payload = UdpPayload::from_slice(&bytes).expect("a datagram");
                    let (handle, src_port, dst_port) = (1, DLMS_PORT, DLMS_PORT);
                    street.send(UdpRequest { handle, dst, src_port, dst_port, payload });
                }
                ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_) => {}
                answer => return Some(answer),
            }
        }
        None
    })
}

#[test]
fn a_meter_joins_and_is_read_over_the_line() {
    let mut street = Street::new();
    let short = street.run(300, |street| joined(street, 1));
    let mut client = management();
    assert_eq!(ask(&mut street, &mut client, short, ClientInput::Connect), ClientOutput::Connected);
    let name = ClientInput::Get(AttributeRequest::new(1, names::LOGICAL_DEVICE_NAME, 2));
    let ClientOutput::Value(value) = ask(&mut street, &mut client, short, name) else {
        panic!("no value");
    };
    let expected = IDENTITY.logical_device_name();
    assert_eq!(Data::from_bytes(&value).unwrap().as_octets(), Some(&expected[..]));
    let persists = |told: &&MeterOutput| matches!(told, MeterOutput::Persist(MeterPersist::Node(_)));
    assert!(street.told.iter().filter(persists).count() > 0);
}

#[test]
fn a_load_profile_read_over_the_line_is_that_of_the_meter() {
    let mut street = Street::new();
    let short = street.run(300, |street| joined(street, 1));
    street.give(MeterInput::Clock(UtcAnchor { at: street.now, utc: at(22, 9, 59, 59) }));
    let (u, i): (Vec<_>, Vec<_>) =
        (0..RATE as i32 * 9000).map(|n| (n % 20 * 200_000, n % 20 * 9_000)).unzip();
    street.now += Duration::from_secs(9000);
    street.give(MeterInput::Samples { u: &u, i: &i });
    let mut client = management();
    assert_eq!(ask(&mut street, &mut client, short, ClientInput::Connect), ClientOutput::Connected);
    let profile = ClientInput::Get(AttributeRequest::new(7, names::LOAD_PROFILE, 2));
    let ClientOutput::Value(value) = ask(&mut street, &mut client, short, profile) else {
        panic!("no value");
    };
    let rows = dlms::classes::profile::Rows::from_value(&value).unwrap();
    let read: Vec<_> =
        rows.iter().map(|mut cells| cells.nth(2).and_then(|cell| cell.as_u64()).unwrap()).collect();
    let load = street.meter.application().measurement().profiles().load();
    assert_eq!(read, load.iter().map(|row| row.import_mwh).collect::<Vec<_>>());
    assert_eq!((read.len(), load.newest().unwrap().utc), (10, at(22, 12, 15, 0)));
    // One block of two and a half hours: eight rows could wait to be recorded, two could not.
    assert_eq!(street.meter.application().counters().rows_without_record, 2);
}

#[test]
fn a_meter_that_was_told_to_leave_joins_again_when_it_may() {
    let mut street = Street::new();
    street.run(300, |street| joined(street, 1));
    street.manage(AdpmRequest::Kick { eui64: METER });
    let left = MeterOutput::Event(MeterEvent::Network(AdpmIndication::Left));
    street.run(300, |street| street.told.contains(&left).then_some(()));
    street.allow();
    street.run(3600, |street| joined(street, 2));
}

#[test]
fn what_the_node_has_used_is_in_the_state_of_the_meter_and_in_that_of_its_next_life() {
    let mut street = Street::new();
    let short = street.run(300, |street| joined(street, 1));
    assert_eq!(ask(&mut street, &mut management(), short, ClientInput::Connect), ClientOutput::Connected);
    let state = street.meter.state();
    assert!(state.frame_counter > 1 && state.send_counter > 0, "{state:?}");
    let mut kept = MeterState::default();
    for told in &street.told {
        if let MeterOutput::Persist(record) = told {
            kept.keep(record, &config().profiles);
        }
    }
    assert_eq!((kept.frame_counter, &kept.node), (state.frame_counter, &state.node));
    let again = MeterConfig { state: state.clone(), ..config() };
    let mut next = MeterApplication::new(again).expect("a good configuration");
    assert_eq!(next.state(), state);
}

#[test]
fn a_meter_on_the_line_shows_what_its_layers_know_and_each_attribute_is_of_its_declared_type() {
    let mut street = Street::new();
    let short = street.run(300, |street| joined(street, 1));
    let mut client = management();
    assert_eq!(ask(&mut street, &mut client, short, ClientInput::Connect), ClientOutput::Connected);
    let mut get = |class_id, name, attribute| {
        let request = AttributeRequest::new(class_id, name, attribute);
        match ask(&mut street, &mut client, short, ClientInput::Get(request)) {
            ClientOutput::Value(value) => value,
            other => panic!("{class_id} {attribute}: {other:?}"),
        }
    };
    let layers = [
        (41, names::UDP_PORT),
        (43, names::MAC_ADDRESS),
        (48, names::IPV6_SETUP),
        (90, names::G3_MAC_COUNTERS),
        (91, names::G3_MAC_SETUP),
        (92, names::G3_ADAPTATION_SETUP),
    ];
    for (class_id, name) in layers {
        let schema = Schema::of(class_id).expect("a known class");
        for n in 1..=schema.attribute_count() as i8 {
            let value = get(class_id, name, n);
            let described = schema.attribute(n).expect("an attribute of the class");
            assert!(
                described.kind.fits(&Data::from_bytes(&value).unwrap()),
                "{}: {value:02x?}",
                described.name
            );
        }
    }
    assert_eq!(get(41, names::UDP_PORT, 2), [18, 0x0F, 0xDB], "port 4059");
    let eui64 = get(43, names::MAC_ADDRESS, 2);
    assert!(eui64[..2] == [9, 8] && eui64[2..] != [0; 8], "{eui64:02x?}");
    let address = get(48, names::IPV6_SETUP, 4);
    assert_eq!(address[..6], [1, 1, 9, 16, 0xFE, 0x80]);
    assert_eq!(address[18..], short.0.to_be_bytes(), "the link-local address ends with the short one");
    assert_eq!(get(91, names::G3_MAC_SETUP, 2), [&[18][..], &short.0.to_be_bytes()].concat());
    assert_eq!(get(91, names::G3_MAC_SETUP, 26), [17, 3], "seconds for which a frame is known again");
    assert_eq!(
        [get(92, names::G3_ADAPTATION_SETUP, 22), get(92, names::G3_ADAPTATION_SETUP, 23)],
        [[17, 0], [17, 255]]
    );
    let mac = as_a_client_reads_it(short, &mut get);
    let sent = |value: &[u8]| Data::from_bytes(value).unwrap().as_u64().unwrap();
    let before = sent(&get(90, names::G3_MAC_COUNTERS, 2));
    assert!(before > 0);
    let reset = MethodRequest { class_id: 90, logical_name: names::G3_MAC_COUNTERS, method: 1 };
    let done = ask(&mut street, &mut client, short, ClientInput::Action(reset, Some(&[15, 0])));
    assert_eq!(done, ClientOutput::ActionResult(ActionResult::Success, None));
    let request = AttributeRequest::new(90, names::G3_MAC_COUNTERS, 2);
    let ClientOutput::Value(after) = ask(&mut street, &mut client, short, ClientInput::Get(request)) else {
        panic!("no value");
    };
    assert!(sent(&after) < before);
    neighbours_are_found_by_their_addresses(&mut street, &mut client, short, &mac);
}

/// What a client makes of the attributes of the MAC and of the adaptation layer.
fn as_a_client_reads_it(
    short: ShortAddress,
    get: &mut impl FnMut(u16, LogicalName, i8) -> Vec<u8>,
) -> G3MacSetup {
    let (mut mac, mut adp) = (G3MacSetup::default(), G3Adaptation::default());
    for n in mac.stored() {
        let value = get(91, names::G3_MAC_SETUP, *n);
        assert!(mac.absorb(*n, &Data::from_bytes(&value).expect("a value")), "{n}: {value:02x?}");
    }
    for n in adp.stored() {
        let value = get(92, names::G3_ADAPTATION_SETUP, *n);
        assert!(adp.absorb(*n, &Data::from_bytes(&value).expect("a value")), "{n}: {value:02x?}");
    }
    assert_eq!((mac.mac_short_address, mac.mac_duplicate_detection_ttl), (short.0, 3));
    assert!(mac.mac_key_table.is_empty() && !mac.mac_pos_table.is_empty(), "{mac:?}");
    assert_eq!((adp.adp_security_level, adp.adp_routing_configuration.len()), (5, 1));
    mac
}

/// mac_get_neighbour_table_entry gives the rows of the table one by one.
fn neighbours_are_found_by_their_addresses(
    street: &mut Street,
    client: &mut Client,
    short: ShortAddress,
    mac: &G3MacSetup,
) {
    let row = &mac.mac_neighbour_table.as_slice()[0];
    for (wanted, known) in [(row.short_address, true), (0x7ABC, false)] {
        let method = MethodRequest { class_id: 91, logical_name: names::G3_MAC_SETUP, method: 1 };
        let parameter = wanted.to_value();
        let answer = ask(street, client, short, ClientInput::Action(method, Some(&parameter)));
        let ClientOutput::ActionResult(ActionResult::Success, Some(value)) = answer else {
            panic!("{answer:?}")
        };
        let rows = List::<G3Neighbour, 1>::from_value(&value).expect("rows");
        let found: Vec<u16> = rows.iter().map(|row| row.short_address).collect();
        assert_eq!(found, if known { vec![wanted] } else { vec![] });
    }
}
