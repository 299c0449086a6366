//! A client against meters that answer what they should not: each answer has a reason of its own, and none
//! keeps the client for longer than it was told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::wrapper::Wpdu;
use plc_core::Machine;
use plc_core::wire::WireError;
use std::time::Duration;
use world::*;

fn config() -> ClientConfig {
    let (response_timeout, request_limit) = (Duration::from_secs(2), Duration::from_secs(20));
    ClientConfig { response_timeout, request_limit, retries: 1, ..client_config(false, 1) }
}

/// A client in an association without security; what it sends goes nowhere from now on.
fn open_with(config: ClientConfig) -> World {
    let mut world = World::with(config, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    world
}

fn asking() -> World {
    let mut world = open_with(config());
    world.client.handle(world.now, ClientInput::Get(energy()));
    world.drain();
    world.flying.clear();
    world
}

/// The number of the request that was sent last.
fn number(world: &World) -> u8 {
    world
        .sent
        .iter()
        .rev()
        .find(|sent| sent.0)
        .map(|sent| Wpdu::from_bytes(&sent.1).unwrap().apdu[2])
        .unwrap()
}

fn hear(world: &mut World, apdu: &[u8]) {
    world.deliver(false, &Wpdu { source: 1, destination: 16, apdu }.to_vec());
    world.flying.clear();
}

/// Nothing else comes.
fn in_the_end(world: &mut World) -> ClientOutput {
    while world.events.is_empty() {
        world.now = world.client.deadline().expect("the client waits");
        world.client.tick(world.now);
        world.drain();
        world.flying.clear();
    }
    world.events.remove(0)
}

fn fault(fault: AnswerFault) -> ClientOutput {
    ClientOutput::Failed(ClientFailure::Answer(fault))
}

/// What the client says at once of a get-response that goes on like this behind its invoke-id.
fn at_once(kind: u8, rest: &[u8]) -> ClientOutput {
    let mut world = asking();
    let apdu = [&[0xC4, kind, number(&world)][..], rest].concat();
    hear(&mut world, &apdu);
    assert!(!world.client.is_busy(), "{rest:02x?} is taken for no answer");
    world.events.remove(0)
}

#[test]
fn an_answer_that_is_malformed_ends_the_request_at_once_with_what_is_wrong() {
    let malformed = |fault_of| fault(AnswerFault::Malformed { came: ApduKind(0xC4), fault: fault_of });
    let truncated = malformed(WireError::Truncated);
    assert_eq!(at_once(1, &[0, 9, 4, 1, 2]), truncated, "cut short");
    assert_eq!(at_once(1, &[0, 9, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), truncated, "a length that lies");
    assert!(matches!(at_once(1, &[0, 9, 0x80]), ClientOutput::Failed(ClientFailure::Answer(_))), "no length");
    let deep = [&[0][..], &[2, 1].repeat(30_000), &[0]].concat();
    assert!(matches!(
        at_once(1, &deep),
        ClientOutput::Failed(ClientFailure::Answer(AnswerFault::Malformed { .. }))
    ));
    assert!(matches!(
        at_once(1, &[0, 0x63, 1, 0x41]),
        ClientOutput::Failed(ClientFailure::Answer(AnswerFault::Malformed { .. }))
    ));
    assert_eq!(at_once(1, &[0, 1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), truncated, "more elements than octets");
}

#[test]
fn a_block_that_is_skipped_ends_the_request_and_one_that_comes_again_explains_its_end() {
    assert_eq!(
        at_once(2, &[0, 0, 0, 0, 2, 0, 1, 9]),
        fault(AnswerFault::Block { came: 2, expected: 1 }),
        "the first"
    );
    let mut world = asking();
    let number = number(&world);
    let block = |n: u8| [0xC4, 2, number, 0, 0, 0, 0, n, 0, 2, 9, 4];
    hear(&mut world, &block(1));
    assert!(world.client.is_busy());
    hear(&mut world, &block(3));
    assert_eq!(world.events, [fault(AnswerFault::Block { came: 3, expected: 2 })]);
    let mut world = asking();
    let number = world.sent.last().map(|sent| Wpdu::from_bytes(&sent.1).unwrap().apdu[2]).unwrap();
    let block = [0xC4, 2, number, 0, 0, 0, 0, 1, 0, 2, 9, 4];
    hear(&mut world, &block);
    hear(&mut world, &block);
    assert!(world.client.is_busy(), "a block that was sent again is no fault by itself");
    assert_eq!(in_the_end(&mut world), fault(AnswerFault::Block { came: 1, expected: 2 }));
}

#[test]
fn what_answers_something_else_is_waited_out_and_told_with_what_was_expected() {
    let kind = |came| fault(AnswerFault::Kind { came: ApduKind(came), expected: ApduKind(0xC4) });
    for (what, apdu, reason) in [
        ("a set-response", vec![0xC5, 1, 0x41, 0], kind(0xC5)),
        ("an RLRE", vec![0x63, 3, 0x80, 1, 0], kind(0x63)),
        ("an AARE", AARE.to_vec(), kind(0x61)),
        ("an unknown tag", vec![0x99, 1, 2], kind(0x99)),
        ("ciphered", vec![0xCC, 3, 1, 2, 3], fault(AnswerFault::Ciphered(ApduKind(0xCC)))),
    ] {
        let mut world = asking();
        hear(&mut world, &apdu);
        assert!(world.client.is_busy(), "{what} may be late, and the answer still come");
        assert_eq!(in_the_end(&mut world), reason, "{what}");
        let mut world = asking();
        hear(&mut world, &apdu);
        let right = [0xC4, 1, number(&world), 0, 17, 5];
        hear(&mut world, &right);
        assert_eq!(world.events, [ClientOutput::Value(vec![17, 5])], "{what}");
    }
    let mut world = asking();
    let other = number(&world) ^ 1;
    hear(&mut world, &[0xC4, 1, other, 0, 17, 5]);
    let expected = (number(&world) + 1) & 15;
    let reason = AnswerFault::InvokeId { came: other & 15, expected: expected - 1 };
    assert_eq!(in_the_end(&mut world), fault(reason));
    assert_eq!(
        in_the_end(&mut asking()),
        ClientOutput::Failed(ClientFailure::NoAnswer),
        "silence is silence"
    );
}

#[test]
fn an_answer_from_another_port_is_told() {
    let mut world = asking();
    let right = [0xC4, 1, number(&world), 0, 17, 5];
    world.deliver(false, &Wpdu { source: 7, destination: 16, apdu: &right }.to_vec());
    assert_eq!(in_the_end(&mut world), fault(AnswerFault::Ports { source: 7, destination: 16 }));
}

#[test]
fn octets_behind_an_answer_are_tolerated_and_counted_unless_the_switch_says_otherwise() {
    let twice = |world: &World| [0xC4, 1, number(world), 0, 17, 5, 17, 5];
    let mut world = asking();
    let apdu = twice(&world);
    hear(&mut world, &apdu);
    assert_eq!(world.events, [ClientOutput::Value(vec![17, 5])]);
    assert_eq!(world.client.counters().trailing_octets, 1);
    let quirks = Quirks { trailing_octets: TrailingOctets::Refused };
    let mut world = open_with(ClientConfig { quirks, ..config() });
    world.client.handle(world.now, ClientInput::Get(energy()));
    world.drain();
    let apdu = twice(&world);
    hear(&mut world, &apdu);
    let trailing = AnswerFault::Malformed { came: ApduKind(0xC4), fault: WireError::TrailingBytes };
    assert_eq!(world.events, [fault(trailing)]);
    assert_eq!(world.client.counters().trailing_octets, 0);
}

/// Lets something come every 100 ms until the client gives up; how long that took, and why.
fn flooded(world: &mut World, mut apdu: impl FnMut(u32) -> Vec<u8>) -> (Duration, ClientOutput) {
    let begun = world.now;
    for n in 1..10_000 {
        if !world.events.is_empty() {
            return (world.now.since(begun), world.events.remove(0));
        }
        world.now += Duration::from_millis(100);
        let apdu = apdu(n);
        hear(world, &apdu);
        world.client.tick(world.now);
        world.drain();
        world.flying.clear();
    }
    panic!("the client never gives up")
}

#[test]
fn a_meter_that_sends_without_end_is_given_up_when_the_time_of_the_request_is_over() {
    let timed_out = ClientOutput::Failed(ClientFailure::TimedOut);
    let limit = Duration::from_secs(20);
    let mut world = asking();
    let number = number(&world);
    let blocks = |n: u32| [&[0xC4, 2, number, 0][..], &n.to_be_bytes(), &[0, 2, 9, 9]].concat();
    assert_eq!(flooded(&mut world, blocks), (limit, timed_out.clone()), "blocks without a last one");
    let general = |n: u32| [&[0xE0, 0x41, 0, n as u8, 0, 0][..], &[2, 0xC4, 0xC4]].concat();
    assert_eq!(flooded(&mut asking(), general), (limit, timed_out), "general blocks without a last one");
    let kind = AnswerFault::Kind { came: ApduKind(0x61), expected: ApduKind(0xC4) };
    let (after, why) = flooded(&mut asking(), |_| AARE.to_vec());
    assert_eq!(why, fault(kind));
    assert!(after <= Duration::from_secs(4), "twice the time of an answer: {after:?}");
    let push = [0x0F, 0, 0, 0, 1, 0, 9, 1, 0x41];
    let mut world = asking();
    let mut pushes = 0;
    let (mut after, mut why) = (Duration::ZERO, None);
    while why.is_none() {
        let (more, event) = flooded(&mut world, |_| push.to_vec());
        after += more;
        match event {
            ClientOutput::DataNotification { .. } => pushes += 1,
            event => why = Some(event),
        }
    }
    assert!(pushes > 10 && after <= Duration::from_secs(5), "{pushes} pushes in {after:?}");
    assert_eq!(why, Some(ClientOutput::Failed(ClientFailure::NoAnswer)));
}

#[test]
fn the_way_to_an_open_association_has_one_limit_for_both_of_its_halves() {
    let limited = ClientConfig {
        response_timeout: Duration::from_secs(2),
        request_limit: Duration::from_secs(3),
        retries: 7,
        ..client_config(true, 1)
    };
    let mut world = World::with(limited, PERFECT, 1);
    let begun = world.now;
    world.client.handle(world.now, ClientInput::Connect);
    world.drain();
    world.flying.clear();
    world.now += Duration::from_secs(2);
    world.client.tick(world.now);
    world.drain();
    // The second AARQ is answered, pass 3 is not.
    while let Some((_, to_server, bytes)) = (!world.flying.is_empty()).then(|| world.flying.remove(0)) {
        if !to_server || Wpdu::from_bytes(&bytes).unwrap().apdu[0] == 0x60 {
            world.deliver(to_server, &bytes);
        }
    }
    assert!(world.client.is_busy() && world.sent.iter().any(|sent| sent.0 && sent.1[8] == 0xCB), "pass 3");
    assert_eq!(in_the_end(&mut world), ClientOutput::Failed(ClientFailure::TimedOut));
    assert_eq!(world.now.since(begun), Duration::from_secs(3));
}

/// The published AARE of a meter that accepts \[the conformance is a part of what this client proposes\].
const AARE: [u8; 43] = [
    0x61, 0x29, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xA2, 0x03, 0x02, 0x01,
    0x00, 0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x00, 0xBE, 0x10, 0x04, 0x0E, 0x08, 0x00, 0x06, 0x5F, 0x1F,
    0x04, 0x00, 0x00, 0x18, 0x1D, 0x04, 0x00, 0x00, 0x07,
];

/// What a client says of that AARE with other octets in these places.
fn answered_with(changes: &[(usize, u8)]) -> ClientOutput {
    let mut world = World::with(config(), PERFECT, 1);
    world.client.handle(world.now, ClientInput::Connect);
    world.drain();
    let mut aare = AARE;
    changes.iter().for_each(|&(at, octet)| aare[at] = octet);
    hear(&mut world, &aare);
    assert_eq!(world.events.len(), 1, "{changes:?}");
    assert_eq!(world.client.is_open(), world.events == [ClientOutput::Connected], "{changes:?}");
    world.events.remove(0)
}

fn terms(fault: AareFault) -> ClientOutput {
    ClientOutput::Failed(ClientFailure::Aare(fault))
}

#[test]
fn an_aare_on_the_terms_proposed_opens_the_association() {
    assert_eq!(answered_with(&[]), ClientOutput::Connected);
}

#[test]
fn an_aare_of_another_application_context_is_refused() {
    let (came, expected) = (ApplicationContext::LOGICAL_NAMES_CIPHERED, ApplicationContext::LOGICAL_NAMES);
    assert_eq!(answered_with(&[(12, 3)]), terms(AareFault::Context { came, expected }));
    assert_eq!(
        answered_with(&[(12, 2)]),
        terms(AareFault::Context { came: ApplicationContext(2), expected }),
        "short names"
    );
}

#[test]
fn an_aare_of_another_dlms_version_is_refused() {
    assert_eq!(answered_with(&[(31, 5)]), terms(AareFault::Version(5)));
    assert_eq!(answered_with(&[(31, 7)]), terms(AareFault::Version(7)));
}

#[test]
fn an_aare_with_the_vaa_name_of_short_names_is_refused() {
    assert_eq!(answered_with(&[(41, 0xFA), (42, 0)]), terms(AareFault::VaaName(0xFA00)));
}

#[test]
fn an_aare_with_more_conformance_than_proposed_is_refused_and_names_it() {
    // priority-mgmt-supported, bit 9.
    assert_eq!(answered_with(&[(37, 0x58)]), terms(AareFault::Conformance(Conformance::PRIORITY)));
    let all = [(36, 0xFF), (37, 0xFF), (38, 0xFF)];
    let more = Conformance(0xFF_FFFF & !Conformance::OURS.0);
    assert_eq!(answered_with(&all), terms(AareFault::Conformance(more)));
}

#[test]
fn an_aare_that_accepts_a_public_client_and_yet_requires_authentication_is_refused() {
    assert_eq!(answered_with(&[(24, 0x0E)]), terms(AareFault::AuthenticationRequired));
}

#[test]
fn an_aare_without_initiate_response_or_with_a_malformed_one_is_refused() {
    let mut world = World::with(config(), PERFECT, 1);
    world.client.handle(world.now, ClientInput::Connect);
    world.drain();
    let bare = [&[0x61, 0x17][..], &AARE[2..25]].concat();
    hear(&mut world, &bare);
    assert_eq!(world.events, [terms(AareFault::NoUserInformation)]);
    assert!(matches!(
        answered_with(&[(29, 9)]),
        ClientOutput::Failed(ClientFailure::Aare(AareFault::Initiate(_)))
    ));
}

#[test]
fn a_malformed_aare_ends_the_way_to_an_association_without_security() {
    let mut world = World::with(config(), PERFECT, 1);
    world.client.handle(world.now, ClientInput::Connect);
    world.drain();
    hear(&mut world, &AARE[..20]);
    let truncated = AnswerFault::Malformed { came: ApduKind(0x61), fault: WireError::Truncated };
    assert_eq!(world.events, [fault(truncated)]);
}
