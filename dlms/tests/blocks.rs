//! General block transfer and notifications, from both ends and on bad lines.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::cosem::AttributeRequest;
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::Machine;
use std::time::Duration;
use world::*;

fn managed(secure: bool, line: Line, seed: u64) -> World {
    let mut config = server_config();
    config.associations[1].access = Access::Management;
    config.max_pdu = 300;
    World::between(client_config(secure, seed), config, line, seed)
}

fn connected(secure: bool) -> World {
    let mut world = managed(secure, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    world
}

/// Writes `len` octets of `n` by ACCESS, which has no blocks of its own, and reads a day.
fn write_and_read(world: &mut World, n: u8, len: usize) -> ClientOutput {
    let value = [&[9, 0x82, (len >> 8) as u8, len as u8][..], &vec![n; len]].concat();
    let write = (AccessOperation::Set(AttributeRequest::new(3, ENERGY, 2)), Some(value));
    world.ask(ClientInput::Access(vec![write, (AccessOperation::Get(buffer()), None)]))
}

fn check(output: ClientOutput) -> bool {
    match output {
        ClientOutput::AccessResponse(results) => {
            assert!(results.iter().all(|result| result.1.is_success()));
            check_profile(&results[1].0, 96);
            true
        }
        ClientOutput::Failed(_) => false,
        other => panic!("{other:?}"),
    }
}

fn blocks(world: &World, to_server: bool) -> usize {
    world.sent.iter().filter(|sent| sent.0 == to_server && unwrap(&sent.1)[0] == 0xE0).count()
}

#[test]
fn long_requests_and_long_answers_go_in_general_blocks_that_keep_to_the_limits() {
    for secure in [false, true] {
        let mut world = connected(secure);
        world.sent.clear();
        assert!(check(write_and_read(&mut world, 7, 5000)));
        assert_eq!(world.meter.written, [7; 5000]);
        assert!(blocks(&world, true) > 17 && blocks(&world, false) > 20);
        assert!(world.sent.iter().all(|sent| unwrap(&sent.1).len() <= if sent.0 { 300 } else { 200 }));
        let bursts = world.sent.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
        assert!(bursts > 25, "most blocks are streamed");
    }
}

#[test]
fn lost_blocks_are_recovered_in_both_directions_and_nothing_is_torn() {
    let mut done = 0;
    for seed in 0..40 {
        let line = Line { loss: 8, doubling: 0, delay_max_ms: 1 };
        let mut world = managed(seed % 2 == 0, line, seed);
        if world.ask(ClientInput::Connect) != ClientOutput::Connected {
            continue;
        }
        let output = write_and_read(&mut world, seed as u8, 3000);
        done += usize::from(check(output));
        let written = &world.meter.written;
        assert!(written.is_empty() || *written == [seed as u8; 3000], "torn");
    }
    assert!(done > 25, "{done} of 40");
}

#[test]
fn a_line_that_delays_and_doubles_blocks_never_mixes_two_readings() {
    for seed in 0..20 {
        let line = Line { loss: 5, doubling: 20, delay_max_ms: 2000 };
        let mut world = managed(true, line, seed);
        if world.ask(ClientInput::Connect) == ClientOutput::Connected {
            check(write_and_read(&mut world, 1, 1000));
        }
    }
}

/// What the server answers to an APDU of the public client.
fn answers(world: &mut World, apdu: &[u8]) -> Vec<Vec<u8>> {
    world.probe(&wrap(16, apdu)).iter().map(|bytes| unwrap(bytes).to_vec()).collect()
}

const BLOCK: GeneralBlockTransfer<'_> = GeneralBlockTransfer {
    last: false,
    streaming: false,
    window: 63,
    number: 1,
    acknowledged: 0,
    piece: &[0xD9],
};

/// An ACCESS that reads a day: the answer does not fit 200 octets.
fn day() -> Vec<u8> {
    let operations = vec![AccessOperation::Get(buffer())];
    let data = Values::from_bytes(&[1, 0]).unwrap();
    AccessRequest { invoke_id: LongInvokeId::confirmed(1), date_time: None, operations, data }.to_vec()
}

#[test]
fn gbt_window_63_is_answered_with_8_blocks_at_most() {
    let mut world = connected(false);
    let first = answers(&mut world, &day());
    assert_eq!(first.len(), 1);
    let acknowledge =
        |acknowledged| GeneralBlockTransfer { last: true, acknowledged, piece: &[], ..BLOCK }.to_vec();
    let burst = answers(&mut world, &acknowledge(1));
    assert_eq!(burst.len(), 8);
    let again = answers(&mut world, &acknowledge(4));
    assert_eq!(GeneralBlockTransfer::from_bytes(&again[0]).unwrap().number, 5, "from where the run broke");
}

#[test]
fn gbt_acknowledgement_from_the_future_is_ignored_and_counted() {
    let mut world = connected(false);
    answers(&mut world, &day());
    let future = GeneralBlockTransfer { acknowledged: 9, piece: &[], ..BLOCK };
    assert!(answers(&mut world, &future.to_vec()).is_empty());
    assert_eq!(world.server.counters().stale_blocks, 1);
    let lawful = GeneralBlockTransfer { acknowledged: 1, ..future };
    assert_eq!(answers(&mut world, &lawful.to_vec()).len(), 8, "the transfer lives on");
}

#[test]
fn gbt_streaming_storms_are_neither_answered_nor_kept() {
    let mut world = connected(false);
    let piece = [7; 250];
    for n in 0..10_000_u32 {
        let block = GeneralBlockTransfer { streaming: true, number: n as u16, piece: &piece, ..BLOCK };
        let answers = answers(&mut world, &block.to_vec());
        assert!(answers.len() <= 1 && answers.iter().all(|answer| answer[..3] == [0xD8, 1, 4]));
    }
    assert_eq!(
        world.server.counters().aborted_transfers,
        1,
        "once at the limit, and nothing begins in the middle"
    );
    assert!(check(write_and_read(&mut world, 1, 100)), "the association lives on");
}

#[test]
fn gbt_blocks_in_blocks_and_blocks_of_nobody_are_refused() {
    let mut world = managed(false, PERFECT, 1);
    assert_eq!(answers(&mut world, &BLOCK.to_vec()), [[0xD8, 1, 1]], "no association");
    let mut world = connected(false);
    let inner = BLOCK.to_vec();
    let outer = GeneralBlockTransfer { last: true, piece: &inner, ..BLOCK };
    assert_eq!(answers(&mut world, &outer.to_vec()), [[0xD8, 2, 2]]);
    assert!(answers(&mut world, &[0xE0, 0x80, 0, 1]).is_empty());
    assert_eq!(world.server.counters().malformed, 1);
}

/// Lets everything that is under way arrive.
fn settle(world: &mut World) {
    world.drain();
    while let Some(next) = world.flying.iter().map(|flight| flight.0).min() {
        world.now = world.now.max(next);
        world.step();
    }
}

fn push(
    world: &mut World,
    secure: bool,
    body: &[u8],
    confirmation: Option<(Duration, u8)>,
) -> Result<u32, NotifyFault> {
    let notification = Notification::Data { date_time: None, body, confirmation };
    world.server.notify(world.now, PEER, if secure { 1 } else { 16 }, &notification)
}

#[test]
fn a_push_arrives_and_is_confirmed() {
    for secure in [false, true] {
        let mut world = connected(secure);
        world.alerts.clear();
        let number = push(&mut world, secure, &[17, 5], Some((Duration::from_secs(5), 2))).unwrap();
        settle(&mut world);
        let pushed = ClientOutput::DataNotification { date_time: None, body: vec![17, 5] };
        assert_eq!(world.events, [pushed]);
        let client_sap = if secure { 1 } else { 16 };
        assert_eq!(world.alerts, [ServerEvent::PushConfirmed { client_sap, number }]);
        assert!(matches!(push(&mut world, secure, &[17], None), Err(NotifyFault::NotAValue)));
        world.events.clear();
        assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
    }
}

#[test]
fn a_push_whose_confirmation_is_lost_comes_again_and_is_told_once() {
    for secure in [false, true] {
        let mut world = connected(secure);
        push(&mut world, secure, &[17, 5], Some((Duration::from_secs(5), 2))).unwrap();
        world.drain();
        let (_, _, bytes) = world.flying.remove(0);
        world.deliver(false, &bytes);
        world.flying.clear();
        world.now += Duration::from_secs(5);
        assert!(world.server.deadline().is_some_and(|deadline| deadline <= world.now));
        world.server.tick(world.now);
        settle(&mut world);
        assert_eq!(world.events.len(), 1);
        assert!(matches!(world.alerts.last(), Some(ServerEvent::PushConfirmed { .. })));
    }
}

#[test]
fn a_push_that_nobody_confirms_is_given_up() {
    let mut world = connected(false);
    for _ in 0..8 {
        push(&mut world, false, &[17, 5], Some((Duration::from_secs(5), 2))).unwrap();
        world.drain();
    }
    let ninth = push(&mut world, false, &[17, 5], Some((Duration::from_secs(5), 2)));
    assert_eq!(ninth, Err(NotifyFault::TooManyWaiting));
    for _ in 0..3 {
        world.now += Duration::from_secs(5);
        world.server.tick(world.now);
        world.drain();
    }
    let failed = world.alerts.iter().filter(|alert| matches!(alert, ServerEvent::PushFailed { .. })).count();
    let pushes = world.sent.iter().filter(|sent| unwrap(&sent.1)[0] == 0x0F).count();
    assert_eq!((failed, pushes), (8, 24));
    assert!(push(&mut world, false, &[17, 5], None).is_ok());
}

#[test]
fn a_push_goes_to_nobody_who_has_not_proved_himself() {
    let mut world = managed(true, PERFECT, 1);
    assert_eq!(push(&mut world, true, &[17, 5], None), Err(NotifyFault::NotAssociated));
    let notification = Notification::Data { date_time: None, body: &[0], confirmation: None };
    assert_eq!(world.server.notify(world.now, PEER, 77, &notification), Err(NotifyFault::NotAssociated));
    world.drain();
    assert!(world.sent.is_empty());
}

#[test]
fn a_long_push_goes_in_general_blocks() {
    for secure in [false, true] {
        let mut world = connected(secure);
        let body = [&[9, 0x82, 0x0B, 0xB8][..], &[5; 3000]].concat();
        push(&mut world, secure, &body, Some((Duration::from_secs(5), 0))).unwrap();
        settle(&mut world);
        assert_eq!(world.events, [ClientOutput::DataNotification { date_time: None, body }]);
        assert!(world.sent.iter().all(|sent| sent.0 || unwrap(&sent.1).len() <= 200));
    }
}

#[test]
fn an_event_is_told_with_its_attribute() {
    for secure in [false, true] {
        let mut world = connected(secure);
        let attribute = AttributeRequest::new(3, ENERGY, 2);
        let event = Notification::Event { time: None, attribute: &attribute, value: &[17, 7] };
        world.server.notify(world.now, PEER, if secure { 1 } else { 16 }, &event).unwrap();
        settle(&mut world);
        let told = ClientOutput::EventNotification { time: None, attribute, value: vec![17, 7] };
        assert_eq!(world.events, [told]);
    }
}

#[test]
fn a_push_flood_is_counted_and_the_answer_still_comes() {
    let mut world = connected(false);
    let push = DataNotification { invoke_id: LongInvokeId::unconfirmed(1), date_time: None, body: &[17, 5] };
    let push = Wpdu { source: 1, destination: 16, apdu: &push.to_vec() }.to_vec();
    world.client.handle(world.now, ClientInput::Get(energy()));
    let request = loop {
        if let Some(ClientOutput::Datagram(bytes)) = world.client.poll() {
            break bytes;
        }
    };
    for _ in 0..1000 {
        world.client.handle(world.now, ClientInput::Datagram(&push));
    }
    let answer = world.probe(&request);
    world.client.handle(world.now, ClientInput::Datagram(&answer[0]));
    world.drain();
    let values = world.events.iter().filter(|event| matches!(event, ClientOutput::Value(_))).count();
    assert_eq!(values, 1);
    assert!(world.client.counters().flooded > 900);
}
