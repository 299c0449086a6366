//! What was not negotiated is neither asked for nor served.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, ClockTime, Selector};
use dlms::server::{Access, AssociationConfig, Notification, NotifyFault, Server, ServerAuthentication};
use plc_core::Machine;
use world::insider::*;
use world::*;

/// An association without security that may do everything.
const MANAGER: u16 = 5;

fn world() -> World {
    let mut config = server_config();
    config.associations.push(AssociationConfig {
        client_sap: MANAGER,
        authentication: ServerAuthentication::None,
        access: Access::Management,
        pre_established: false,
    });
    let mut world = World::new(false, PERFECT, 1);
    world.server = Server::new(config);
    world
}

/// A world in which that association is open, for a client that can do what `conformance` says.
fn opened(conformance: Conformance) -> World {
    let mut world = world();
    let initiate = InitiateRequest::new(conformance, 500).to_vec();
    let aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    };
    let answer = world.probe(&wrap(MANAGER, &aarq.to_vec()));
    let aare = Aare::from_bytes(unwrap(&answer[0])).unwrap();
    let response = InitiateResponse::from_bytes(aare.user_information.unwrap()).unwrap();
    assert_eq!(response.conformance, conformance & Conformance::OURS);
    world
}

fn answer(world: &mut World, apdu: &[u8]) -> Vec<u8> {
    unwrap(&world.probe(&wrap(MANAGER, apdu))[0]).to_vec()
}

/// One request of each service, and what it needs.
fn requests() -> [(Conformance, Vec<u8>); 11] {
    let (attribute, invoke_id) = ([0, 3, 1, 0, 1, 8, 0, 255, 2], 0x41);
    let get = [&[0xC0, 1, invoke_id][..], &attribute, &[0]].concat();
    let get_list = [&[0xC0, 3, invoke_id, 1][..], &attribute, &[0]].concat();
    let set = [&[0xC1, 1, invoke_id][..], &attribute, &[0, 9, 1, 1]].concat();
    let set_first = [&[0xC1, 2, invoke_id][..], &attribute, &[0, 0, 0, 0, 0, 1, 2, 9, 1]].concat();
    let set_list = [&[0xC1, 4, invoke_id, 1][..], &attribute, &[0, 1, 9, 1, 1]].concat();
    let method = [0, 3, 1, 0, 1, 8, 0, 255, 1];
    let action = [&[0xC3, 1, invoke_id][..], &method, &[0]].concat();
    let action_list = [&[0xC3, 3, invoke_id, 1][..], &method, &[1, 0]].concat();
    let action_first = [&[0xC3, 4, invoke_id][..], &method, &[0, 0, 0, 0, 1, 1, 0]].concat();
    let get_next = vec![0xC0, 2, invoke_id, 0, 0, 0, 1];
    let action_next = vec![0xC3, 2, invoke_id, 0, 0, 0, 1];
    let access = [&[0xD9, 0x40, 0, 0, 1, 0, 1, 1][..], &attribute, &[1, 0]].concat();
    let list = Conformance::MULTIPLE_REFERENCES;
    [
        (Conformance::GET, get),
        (Conformance::GET | list, get_list),
        (Conformance::SET, set),
        (Conformance::SET | Conformance::BLOCK_SET, set_first),
        (Conformance::SET | list, set_list),
        (Conformance::ACTION, action),
        (Conformance::ACTION | list, action_list),
        (Conformance::ACTION | Conformance::BLOCK_ACTION, action_first),
        (Conformance::GET | Conformance::BLOCK_GET, get_next),
        (Conformance::ACTION | Conformance::BLOCK_ACTION, action_next),
        (Conformance::ACCESS, access),
    ]
}

#[test]
fn a_server_serves_what_was_negotiated_and_answers_anything_else_with_an_exception() {
    const UNKNOWN: [u8; 3] = [0xD8, 2, 2];
    for (needed, apdu) in requests() {
        let served = answer(&mut opened(needed), &apdu);
        assert_eq!(
            Some(&served[0]),
            apdu.first().map(|tag| tag + if *tag == 0xD9 { 1 } else { 4 }).as_ref(),
            "{needed:?}"
        );
        for bit in (0..24).map(|bit| Conformance(1 << bit)).filter(|bit| needed.has(*bit)) {
            // Something else is left, or there would be no association.
            let without = Conformance(Conformance::OURS.0 & !bit.0);
            let mut world = opened(without);
            assert_eq!(answer(&mut world, &apdu), UNKNOWN, "{needed:?} without {bit:?}");
            assert!(world.meter.written.is_empty(), "nothing was done");
        }
    }
}

/// A selector by range without bounds, as it stands in requests.
fn selector() -> Vec<u8> {
    let clock = [&[2, 4, 0x12, 0, 8, 9, 6, 0, 0, 1, 0, 0, 255, 0x0F, 2, 0x12, 0, 0][..]].concat();
    let bound = [&[9, 12][..], &[0xFF; 12]].concat();
    [&[1, 2, 4][..], &clock, &bound, &bound, &[1, 0]].concat()
}

#[test]
fn a_part_of_an_attribute_is_served_only_where_selective_access_was_negotiated() {
    const VIOLATED: u8 = 13;
    let profile = [0, 7, 1, 0, 99, 1, 0, 255, 2];
    let whole = [0, 3, 1, 0, 1, 8, 0, 255, 2];
    let get = [&[0xC0, 1, 0x41][..], &profile, &[1], &selector()].concat();
    let list = [&[0xC0, 3, 0x41, 2][..], &whole, &[0], &profile, &[1], &selector()].concat();
    let access = [&[0xD9, 0x40, 0, 0, 1, 0, 1, 4][..], &profile, &selector(), &[1, 0]].concat();
    let mut with = opened(Conformance::OURS);
    // The first of many blocks, of the list too; ACCESS has no blocks of its own.
    assert_eq!(answer(&mut with, &get)[..4], [0xC4, 2, 0x41, 0]);
    assert_eq!(answer(&mut with, &list)[..4], [0xC4, 2, 0x41, 0]);
    let mut without = opened(Conformance(Conformance::OURS.0 & !Conformance::SELECTIVE_ACCESS.0));
    assert_eq!(answer(&mut without, &get), [0xC4, 1, 0x41, 1, VIOLATED]);
    let said = answer(&mut without, &list);
    assert_eq!((&said[..5], &said[said.len() - 2..]), (&[0xC4, 3, 0x41, 2, 0][..], &[1, VIOLATED][..]));
    let said = answer(&mut without, &access);
    assert_eq!(said[said.len() - 2..], [1, VIOLATED]);
    let invalid = [&get[..13], &[7, 0]].concat();
    assert_eq!(answer(&mut with, &invalid), [0xC4, 1, 0x41, 1, VIOLATED]);
}

#[test]
fn who_has_not_said_that_he_understands_notifications_gets_none() {
    let body = [17, 5];
    let data = Notification::Data { date_time: None, body: &body, confirmation: None };
    let event = Notification::Event { time: None, attribute: &energy(), value: &body };
    for (needed, notification) in
        [(Conformance::DATA_NOTIFICATION, data), (Conformance::EVENT_NOTIFICATION, event)]
    {
        let mut world = opened(Conformance(Conformance::OURS.0 & !needed.0));
        world.sent.clear();
        let refused = world.server.notify(world.now, PEER, MANAGER, &notification);
        assert_eq!(refused, Err(NotifyFault::NotNegotiated));
        world.drain();
        assert!(world.sent.is_empty());
        let mut world = opened(needed | Conformance::GET);
        assert!(world.server.notify(world.now, PEER, MANAGER, &notification).is_ok());
    }
}

#[test]
fn the_security_of_a_meter_is_not_changed_by_an_action_that_was_not_negotiated() {
    // To demand signatures, which these keys cannot serve: refused by the object, if it is asked at all.
    let policy = [&[0xC3, 1, 0x41, 0, 64, 0, 0, 43, 0, 0, 255, 1, 1, 22, 0x10][..]].concat();
    for (conformance, is_served) in
        [(Conformance::OURS, true), (Conformance(Conformance::OURS.0 & !Conformance::ACTION.0), false)]
    {
        let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
        let initiate = insider.sealed(&InitiateRequest::new(conformance, 500).to_vec());
        let challenge = challenge_in(&world.probe(&insider.aarq_around(Some(&initiate)))).unwrap();
        // High level security is proved by an ACTION in any case.
        let pass_3 = insider.pass_3(&challenge);
        assert_eq!(world.probe(&pass_3).len(), 1);
        let asked = wrap(1, &insider.sealed(&policy));
        let said = world.probe(&asked);
        let said = unwrap(&said[0]);
        assert_eq!(said[0] == 0xCF, is_served, "{said:02x?}");
        assert!(is_served || said == [0xD8, 2, 2]);
    }
}

#[test]
fn a_client_does_not_ask_for_what_the_server_has_not_offered() {
    let refused = ClientOutput::Failed(ClientFailure::NotNegotiated);
    let mut world = World::new(false, PERFECT, 1);
    let offered = Conformance::GET | Conformance::BLOCK_GET;
    world.client.handle(world.now, ClientInput::Connect);
    world.drain();
    let initiate = InitiateResponse::new(offered, 1024).to_vec();
    let aare = Aare {
        context: ApplicationContext::LOGICAL_NAMES,
        result: AssociationResult::Accepted,
        diagnostic: Diagnostic::Null,
        from_provider: false,
        server_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    };
    let wpdu = dlms::wrapper::Wpdu { source: 1, destination: 16, apdu: &aare.to_vec() }.to_vec();
    world.client.handle(world.now, ClientInput::Datagram(&wpdu));
    world.drain();
    assert_eq!(world.events.remove(0), ClientOutput::Connected);
    world.sent.clear();
    let selected = AttributeRequest {
        selector: Some(Selector::between(ClockTime::UNSPECIFIED, ClockTime::UNSPECIFIED)),
        ..buffer()
    };
    let inputs = [
        ClientInput::Set(energy(), &[9, 1, 1]),
        ClientInput::Action(reset(), None),
        ClientInput::GetList(vec![energy()]),
        ClientInput::SetList(vec![(energy(), vec![0])]),
        ClientInput::ActionList(vec![(reset(), None)]),
        ClientInput::Access(vec![(AccessOperation::Get(energy()), None)]),
        ClientInput::Access(vec![(AccessOperation::Get(selected.clone()), None)]),
        ClientInput::GetList(vec![selected.clone()]),
        ClientInput::Get(selected),
    ];
    for input in inputs {
        assert_eq!(world.ask(input.clone()), refused, "{input:?}");
    }
    assert!(world.sent.is_empty(), "nothing of it was sent");
    world.client.handle(world.now, ClientInput::Get(energy()));
    world.drain();
    assert_eq!(world.sent.len(), 1);
}
