//! IPv6 packets between joined nodes.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::{AdpInput, Drop};
use pipe::{ALL_NODES, Pipe, address, device_config, packet, psk};
use plc_core::sap::*;
use plc_core::{MacAddress, ShortAddress};
use proptest::prelude::*;
use std::time::Duration;

const COORDINATOR: ShortAddress = ShortAddress::COORDINATOR;
const DEVICE: ShortAddress = ShortAddress(1);

/// A coordinator and so many devices, joined.
fn town(seed: u64, devices: u64, tune: impl Fn(&mut g3_adp::AdpConfig)) -> Pipe {
    let mut pipe = Pipe::with_coordinator(seed, &tune);
    for n in 1..=devices {
        pipe.allow(n, psk(n));
        let mut config = device_config(n);
        tune(&mut config);
        let at = pipe.add(config);
        pipe.manage(at, AdpmRequest::NetworkJoin);
        let end = pipe.now + Duration::from_secs(300);
        assert!(pipe.run_until(end, |pipe| pipe.joined(at)));
    }
    pipe.run(Duration::from_secs(5));
    pipe.frames.clear();
    pipe
}

fn send(pipe: &mut Pipe, at: usize, handle: Handle, packet: &Ipv6Packet) {
    let request = AdpdDataRequest { handle, packet: packet.clone(), priority: Priority::Normal };
    pipe.give(at, AdpInput::Data(request));
}

#[test]
fn packets_of_every_size_go_both_ways() {
    let mut pipe = town(1, 1, |_| {});
    for len in (40..=1280).step_by(31).chain([48, 412, 413, 1279, 1280]) {
        let down = packet(len, address(COORDINATOR), address(DEVICE));
        let up = packet(len, address(DEVICE), address(COORDINATOR));
        send(&mut pipe, 0, 1, &down);
        send(&mut pipe, 1, 2, &up);
        pipe.run(Duration::from_secs(10));
        let got = pipe.stations[1].packets.pop().unwrap();
        assert_eq!((&got.packet, got.originator, got.hops), (&down, COORDINATOR, 1), "{len}");
        let got = pipe.stations[0].packets.pop().unwrap();
        assert_eq!((&got.packet, got.originator, got.hops), (&up, DEVICE, 1), "{len}");
        let success = |handle| AdpdDataConfirm { handle, status: AdpStatus::Success };
        assert_eq!(pipe.stations[0].confirms.pop(), Some(success(1)));
        assert_eq!(pipe.stations[1].confirms.pop(), Some(success(2)));
    }
    assert_eq!(pipe.stations[0].adp.counters().dropped_total(), 0);
    assert!(pipe.frames.iter().all(|(_, r)| r.security == MacSecurity::EncMic32 { key_index: 0 }));
}

#[test]
fn one_fragment_is_in_flight_at_a_time_and_the_confirm_follows_the_last() {
    let mut pipe = town(2, 1, |_| {});
    send(&mut pipe, 0, 7, &packet(1280, address(COORDINATOR), address(DEVICE)));
    assert_eq!(pipe.frames.len(), 1);
    pipe.run(Duration::from_millis(249));
    assert_eq!(pipe.frames.len(), 1);
    pipe.run(Duration::from_millis(501));
    assert_eq!(pipe.frames.len(), 4);
    assert!(pipe.stations[0].confirms.is_empty());
    pipe.run(Duration::from_millis(250));
    assert_eq!(pipe.stations[0].confirms, [AdpdDataConfirm { handle: 7, status: AdpStatus::Success }]);
}

#[test]
fn a_fragment_that_the_mac_gives_up_ends_the_packet_when_there_is_no_other_way() {
    let mut pipe = town(3, 1, |_| {});
    pipe.loud_loss = 100;
    send(&mut pipe, 0, 7, &packet(1280, address(COORDINATOR), address(DEVICE)));
    pipe.run(Duration::from_secs(60));
    assert_eq!(pipe.frames.len(), 3, "the fragment, the fragment again, and a question for another way");
    assert_eq!(pipe.frames[0].1.msdu, pipe.frames[1].1.msdu);
    assert_eq!(pipe.frames[2].1.dst, MacAddress::BROADCAST);
    assert_eq!(pipe.stations[0].confirms, [AdpdDataConfirm { handle: 7, status: AdpStatus::RouteError }]);
}

#[test]
fn a_well_heard_neighbour_that_does_not_answer_is_asked_once_more_after_a_pause() {
    let mut pipe = town(3, 1, |_| {});
    pipe.loud_loss = 100;
    send(&mut pipe, 0, 7, &packet(100, address(COORDINATOR), address(DEVICE)));
    pipe.run(Duration::from_secs(2));
    assert_eq!(pipe.frames.len(), 1, "it waits");
    pipe.loud_loss = 0;
    pipe.run(Duration::from_secs(5));
    assert_eq!(pipe.frames.len(), 2);
    assert_eq!(pipe.stations[0].confirms, [AdpdDataConfirm { handle: 7, status: AdpStatus::Success }]);
    assert_eq!(pipe.stations[1].packets.len(), 1);
}

#[test]
fn without_a_second_chance_another_way_is_looked_for_at_once() {
    let mut pipe = town(3, 1, |config| config.interop.second_chance = None);
    pipe.loud_loss = 100;
    send(&mut pipe, 0, 7, &packet(100, address(COORDINATOR), address(DEVICE)));
    pipe.run(Duration::from_secs(2));
    let to: Vec<_> = pipe.frames.iter().map(|(_, request)| request.dst.is_broadcast()).collect();
    assert_eq!(to, [false, true]);
}

#[test]
fn a_broadcast_reaches_everybody_once_with_a_sequence_number_per_fragment() {
    let mut pipe = town(4, 3, |_| {});
    pipe.deaf.push((0, 3));
    send(&mut pipe, 0, 7, &packet(900, address(COORDINATOR), ALL_NODES));
    pipe.run(Duration::from_secs(10));
    for at in 1..=3 {
        let got: Vec<_> =
            pipe.stations[at].packets.iter().map(|p| (p.packet.len(), p.originator, p.hops)).collect();
        assert_eq!(got, [(900, COORDINATOR, if at == 3 { 2 } else { 1 })], "{at}");
    }
    let own: Vec<_> = pipe.frames.iter().filter(|(at, _)| *at == 0).map(|(_, request)| request).collect();
    assert!(own.iter().all(|request| request.dst == MacAddress::BROADCAST));
    assert!(own.iter().all(|request| request.msdu[..6] == [0xB8, 0, 0, 0x80, 1, 0x50]));
    let sequence: Vec<u8> = own.iter().map(|request| request.msdu[6]).collect();
    assert_eq!(sequence, [sequence[0], sequence[0].wrapping_add(1), sequence[0].wrapping_add(2)]);
    assert!(pipe.stations[0].packets.is_empty());
}

#[test]
fn a_device_behind_its_agent_reaches_the_coordinator_by_its_default_route() {
    let mut pipe = town(5, 1, |_| {});
    pipe.allow(2, psk(2));
    let mut config = device_config(2);
    config.ib.adp_default_coord_route_enabled = true;
    pipe.add(config);
    pipe.deaf.push((0, 2));
    pipe.manage(2, AdpmRequest::NetworkJoin);
    pipe.run(Duration::from_secs(120));
    let own = pipe.stations[2].adp.short_address().unwrap();
    let up = packet(700, address(own), address(COORDINATOR));
    send(&mut pipe, 2, 1, &up);
    pipe.run(Duration::from_secs(10));
    let got = pipe.stations[0].packets.pop().unwrap();
    assert_eq!((&got.packet, got.originator, got.hops), (&up, own, 2));
    assert_eq!(
        pipe.stations[1].adp.counters().forwarded,
        2 + 6,
        "two fragments after six messages of the join"
    );
}

#[test]
fn requests_that_cannot_be_carried_are_refused_at_once() {
    let mut pipe = town(6, 1, |_| {});
    let mut broken = packet(100, address(COORDINATOR), address(DEVICE));
    broken[5] = 1;
    let mut foreign = address(DEVICE);
    foreign[9] ^= 1;
    let cases = [
        (broken, AdpStatus::InvalidRequest),
        (packet(100, address(COORDINATOR), foreign), AdpStatus::RouteError),
        (packet(100, address(COORDINATOR), address(COORDINATOR)), AdpStatus::RouteError),
    ];
    for (packet, status) in cases {
        send(&mut pipe, 0, 9, &packet);
        assert_eq!(pipe.stations[0].confirms.pop(), Some(AdpdDataConfirm { handle: 9, status }));
    }
    let at = pipe.add(device_config(2));
    send(&mut pipe, at, 9, &packet(100, address(DEVICE), address(COORDINATOR)));
    assert_eq!(pipe.stations[at].confirms[0].status, AdpStatus::NotJoined);
}

#[test]
fn a_full_queue_refuses_and_a_node_that_leaves_confirms_everything() {
    let mut pipe = town(7, 1, |_| {});
    pipe.manage(1, AdpmRequest::NetworkLeave);
    for handle in 0..6 {
        send(&mut pipe, 1, handle, &packet(1280, address(DEVICE), address(COORDINATOR)));
    }
    let full: Vec<_> = pipe.stations[1].confirms.drain(..).map(|c| (c.handle, c.status)).collect();
    assert_eq!(full, [(4, AdpStatus::QueueFull), (5, AdpStatus::QueueFull)]);
    pipe.run(Duration::from_secs(3));
    let rest: Vec<_> = pipe.stations[1].confirms.iter().map(|c| c.handle).collect();
    assert_eq!(rest, [0, 1, 2, 3]);
}

#[test]
fn data_in_clear_are_dropped() {
    let mut pipe = town(8, 1, |_| {});
    send(&mut pipe, 0, 1, &packet(100, address(COORDINATOR), address(DEVICE)));
    let frame = pipe.frames[0].1.clone();
    let (src, security) = (MacAddress::Short(COORDINATOR), MacSecurity::None);
    let (src_pan, dst, msdu) = (frame.dst_pan, frame.dst, frame.msdu);
    let indication =
        McpsDataIndication { src_pan, src, dst, msdu, security, link: LinkQuality::robust(Lqi(90)) };
    pipe.give(1, AdpInput::McpsIndication(indication));
    assert!(pipe.stations[1].packets.is_empty());
    assert_eq!(pipe.stations[1].adp.counters().dropped(Drop::Security), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_way_of_compressing_carries_every_packet(
        lens in prop::collection::vec(40usize..=1280, 1..4), compress: bool, contexts: bool, mask: bool, seed in 0u64..1000,
    ) {
        let mut pipe = town(seed, 1, |config| {
            config.interop.compress = compress;
            config.interop.compress_with_contexts = contexts;
            config.interop.mask_pan_id = mask;
        });
        let pan = if mask { plc_core::PanId(pipe::PAN.0 & 0xFCFF) } else { pipe::PAN };
        let address = |short| g3_adp::addressing::link_local(pan, short);
        for len in lens {
            let sent = packet(len, address(COORDINATOR), address(DEVICE));
            send(&mut pipe, 0, 1, &sent);
            pipe.run(Duration::from_secs(10));
            prop_assert_eq!(&pipe.stations[1].packets.pop().unwrap().packet, &sent);
        }
    }
}
