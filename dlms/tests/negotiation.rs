//! What was not negotiated is neither asked for nor served.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, ClockTime, Selector};
use dlms::server::{Access, AssociationConfig, Server, ServerAuthentication};
use plc_core::Machine;
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
fn requests() -> [(Conformance, Vec<u8>); 9] {
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
