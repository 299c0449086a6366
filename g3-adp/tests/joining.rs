//! Devices and a coordinator, back to back.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::wire::{LbpCode, LbpFrame};
use g3_adp::{Adp, AdpConfig, AdpInput, AdpOutput, Drop};
use pipe::{GMK, PAN, Pipe, device_config, eui, psk};
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, Machine, Seed, ShortAddress};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn with_device(seed: u64) -> Pipe {
    let mut pipe = Pipe::with_coordinator(seed, |_| {});
    pipe.allow(1, psk(1));
    pipe.add(device_config(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe
}

/// The addresses that the coordinator has made durable.
fn addresses(pipe: &Pipe) -> Vec<Persist> {
    let is_address = |record: &Persist| matches!(record, Persist::DeviceAddress { .. });
    pipe.stations[0].persisted.iter().copied().filter(is_address).collect()
}

fn codes(pipe: &Pipe) -> Vec<LbpCode> {
    let parse = |(_, request): &(usize, McpsDataRequest)| {
        LbpFrame::parse(&mut Reader::new(&request.msdu)).map(|frame| frame.code).ok()
    };
    pipe.frames.iter().filter_map(parse).collect()
}

#[test]
fn a_device_joins_with_six_messages_in_clear() {
    let mut pipe = with_device(1);
    pipe.run(MINUTE);
    let short = ShortAddress(1);
    assert_eq!(pipe.stations[1].told, [AdpmIndication::Joined { pan_id: PAN, short }]);
    let joined = AdpmIndication::DeviceJoined { eui64: eui(1), short };
    assert_eq!(pipe.stations[0].told, [AdpmIndication::Started { pan_id: PAN }, joined]);
    assert_eq!(addresses(&pipe), [Persist::DeviceAddress { eui64: eui(1), short }]);
    use LbpCode::*;
    assert_eq!(codes(&pipe), [Joining, Challenge, Joining, Challenge, Joining, Accepted]);
    assert!(pipe.frames.iter().all(|(_, request)| request.security == MacSecurity::None));
    assert_eq!(pipe.stations[1].keys[0], Some(GMK));
    assert_eq!((pipe.stations[1].pan, pipe.stations[1].short), (PAN, short));
    assert_eq!(pipe.stations[1].rc_coord, 10, "the cost of a link with LQI 100");
}

#[test]
fn a_device_with_the_wrong_key_is_declined_and_gets_no_address() {
    let mut pipe = Pipe::with_coordinator(2, |_| {});
    pipe.allow(1, psk(99));
    pipe.add(device_config(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE);
    assert!(pipe.stations[1].told.contains(&AdpmIndication::JoinFailed(JoinFailure::Declined)));
    let refused = AdpmIndication::DeviceRefused { eui64: eui(1), reason: JoinFailure::Declined };
    assert!(pipe.stations[0].told.contains(&refused));
    assert!(addresses(&pipe).is_empty());
    assert!(pipe.stations[0].adp.counters().dropped(Drop::Authentication) > 0);
    assert!(!codes(&pipe).contains(&LbpCode::Accepted));
}

#[test]
fn an_unknown_device_is_declined_and_counted_until_it_is_allowed() {
    let mut pipe = Pipe::with_coordinator(3, |_| {});
    pipe.add(device_config(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE);
    assert!(pipe.stations[0].adp.counters().dropped(Drop::UnknownDevice) > 0);
    assert!(!pipe.joined(1));
    pipe.allow(1, psk(1));
    pipe.run(MINUTE * 4);
    assert!(pipe.joined(1));
}

#[test]
fn lost_messages_are_made_up_for() {
    for seed in 0..12 {
        let mut pipe = with_device(100 + seed);
        (pipe.silent_loss, pipe.loud_loss) = (20, 15);
        let end = pipe.now + MINUTE * 30;
        assert!(pipe.run_until(end, |pipe| pipe.joined(1)), "seed {seed}");
        (pipe.silent_loss, pipe.loud_loss) = (0, 0);
        assert_eq!(pipe.stations[1].short, ShortAddress(1), "seed {seed}");
    }
}

/// Device `n` asks to join, heard by the coordinator.
fn joining(n: u64) -> AdpInput {
    let mut msdu = Msdu::new();
    msdu.extend_from_slice(&[0x40, 2, 0x10, 0]).unwrap();
    msdu.extend_from_slice(&eui(n).0).unwrap();
    let (src, dst) = (MacAddress::Extended(eui(n)), MacAddress::Short(ShortAddress::COORDINATOR));
    let (security, link) = (MacSecurity::None, LinkQuality::robust(Lqi(90)));
    AdpInput::McpsIndication(McpsDataIndication { src_pan: PAN, src, dst, msdu, security, link })
}

#[test]
fn a_device_that_has_given_up_makes_room_for_another_and_not_before() {
    let mut pipe = Pipe::with_coordinator(4, |_| {});
    (1..=6).for_each(|n| pipe.allow(n, psk(n)));
    (1..=5).for_each(|n| pipe.give(0, joining(n)));
    pipe.run(Duration::from_secs(29));
    pipe.give(0, joining(6));
    assert_eq!((codes(&pipe).len(), pipe.stations[0].adp.counters().dropped(Drop::TooManyJoins)), (5, 1));
    pipe.run(Duration::from_secs(2));
    pipe.give(0, joining(6));
    pipe.run(Duration::from_secs(1));
    assert_eq!((codes(&pipe).len(), pipe.stations[0].adp.counters().dropped(Drop::TooManyJoins)), (6, 1));
}

#[test]
fn the_coordinator_repeats_an_unanswered_challenge_once_and_gives_up() {
    let mut pipe = Pipe::with_coordinator(4, |_| {});
    pipe.allow(1, psk(1));
    pipe.give(0, joining(1));
    pipe.run(Duration::from_secs(599));
    assert_eq!(codes(&pipe), [LbpCode::Challenge, LbpCode::Challenge]);
    assert_eq!(pipe.frames[0].1.msdu, pipe.frames[1].1.msdu);
    pipe.run(Duration::from_secs(2));
    let refused = AdpmIndication::DeviceRefused { eui64: eui(1), reason: JoinFailure::Timeout };
    assert_eq!(pipe.stations[0].told.last(), Some(&refused));
}

#[test]
fn a_device_whose_acknowledgements_of_accepted_are_lost_has_joined_all_the_same() {
    let mut pipe = with_device(12);
    let end = pipe.now + MINUTE;
    assert!(pipe.run_until(end, |pipe| codes(pipe).len() == 5), "the device says that it took its address");
    pipe.unheard.push(1);
    pipe.run(MINUTE * 30);
    assert_eq!(codes(&pipe)[5..], [LbpCode::Accepted, LbpCode::Accepted]);
    assert!(pipe.joined(1));
    let joined = AdpmIndication::DeviceJoined { eui64: eui(1), short: ShortAddress(1) };
    assert_eq!(pipe.stations[0].told[1..], [joined]);
}

#[test]
fn a_restarted_device_gets_the_same_address() {
    let mut pipe = with_device(5);
    pipe.run(MINUTE);
    let mut config = device_config(1);
    config.seed = Seed::from_u64(77);
    pipe.stations[1] = pipe::Station::new(config);
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[1].adp.short_address(), Some(ShortAddress(1)));
    assert_eq!(addresses(&pipe).len(), 1, "nothing new to make durable");
}

#[test]
fn a_restored_address_is_kept_and_others_go_around_it() {
    let mut pipe = Pipe::with_coordinator(6, |_| {});
    let short = Some(ShortAddress(1));
    pipe.manage(0, AdpmRequest::Allow { eui64: eui(9), psk: psk(9), short });
    pipe.allow(1, psk(1));
    pipe.add(device_config(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[1].short, ShortAddress(2));
}

#[test]
fn fifty_five_devices_that_start_together_all_join() {
    let mut pipe = Pipe::with_coordinator(7, |_| {});
    for n in 1..=55 {
        pipe.allow(n, psk(n));
        let at = pipe.add(device_config(n));
        pipe.manage(at, AdpmRequest::NetworkJoin);
    }
    let end = pipe.now + MINUTE * 60;
    assert!(pipe.run_until(end, |pipe| (1..=55).all(|at| pipe.joined(at))));
    let mut shorts: Vec<_> = (1..=55).map(|at| pipe.stations[at].short.0).collect();
    shorts.sort_unstable();
    assert_eq!(shorts, (1..=55).collect::<Vec<_>>());
    assert!(pipe.stations[0].adp.counters().dropped(Drop::TooManyJoins) > 0, "only five at a time");
}

#[test]
fn a_device_out_of_reach_joins_through_a_neighbour() {
    let mut pipe = with_device(8);
    pipe.run(MINUTE);
    pipe.allow(2, psk(2));
    pipe.add(device_config(2));
    pipe.deaf.push((0, 2));
    pipe.frames.clear();
    pipe.manage(2, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE * 2);
    let short = ShortAddress(2);
    assert_eq!(pipe.stations[2].adp.short_address(), Some(short));
    assert!(pipe.stations[0].told.contains(&AdpmIndication::DeviceJoined { eui64: eui(2), short }));
    let is_lbp = |(_, request): &&(usize, McpsDataRequest)| request.msdu[..2] == [0x40, 2];
    for (at, request) in pipe.frames.iter().filter(is_lbp) {
        let protected = request.security != MacSecurity::None;
        let between_members = *at == 0 || *at == 1 && request.dst == MacAddress::Short(ShortAddress(0));
        assert_eq!(protected, between_members, "{at} {request:?}");
    }
    assert_eq!(pipe.stations[2].rc_coord, 20, "it has looked for its route: two links with LQI 100");
}

#[test]
fn a_kicked_device_leaves_and_is_refused_afterwards() {
    let mut pipe = with_device(9);
    pipe.run(MINUTE);
    pipe.manage(0, AdpmRequest::Kick { eui64: eui(1) });
    pipe.run(Duration::from_secs(3));
    assert_eq!(pipe.stations[1].told.last(), Some(&AdpmIndication::Left));
    assert_eq!(pipe.stations[0].told.last(), Some(&AdpmIndication::DeviceLeft { eui64: eui(1) }));
    assert_eq!(pipe.stations[0].persisted.last(), Some(&Persist::DeviceRemoved { eui64: eui(1) }));
    assert_eq!(pipe.stations[1].short, ShortAddress::BROADCAST);
    pipe.run(MINUTE);
    assert!(pipe.stations[1].told.contains(&AdpmIndication::JoinFailed(JoinFailure::Declined)));
}

/// A coordinator that has lost its memory: a new key, no addresses, the same device allowed.
fn replace_coordinator(pipe: &mut Pipe) {
    let seed = Seed::from_u64(78);
    let config = AdpConfig::coordinator(pipe::COORDINATOR, seed, OTHER_GMK, 0);
    pipe.stations[0] = pipe::Station::new(config);
    pipe.manage(0, AdpmRequest::NetworkStart { pan_id: PAN });
    pipe.allow(1, psk(1));
}

const OTHER_GMK: Key = Key([0x48; 16]);
/// How long a device waits in vain.
const SILENCE: Duration = Duration::from_secs(6 * 3600);

#[test]
fn a_device_whose_coordinator_lost_its_memory_joins_again_after_six_hours_of_silence() {
    let mut pipe = with_device(13);
    let end = pipe.now + MINUTE;
    assert!(pipe.run_until(end, |pipe| pipe.joined(1)));
    let silent_from = pipe.now;
    replace_coordinator(&mut pipe);
    let left = |pipe: &Pipe| pipe.stations[1].told.last() == Some(&AdpmIndication::Left);
    assert!(pipe.run_until(silent_from + SILENCE + MINUTE, left));
    assert_eq!(pipe.now, silent_from + SILENCE);
    pipe.run(MINUTE * 2);
    let joined = AdpmIndication::DeviceJoined { eui64: eui(1), short: ShortAddress(1) };
    assert!(pipe.joined(1) && pipe.stations[0].told.contains(&joined));
    assert_eq!(pipe.stations[1].keys[0], Some(OTHER_GMK));
}

#[test]
fn a_device_that_is_read_regularly_never_leaves() {
    let mut pipe = with_device(14);
    pipe.run(MINUTE);
    let addresses = [0, 1].map(|short| pipe::address(ShortAddress(short)));
    for _ in 0..8 {
        pipe.run(SILENCE - MINUTE);
        let packet = pipe::packet(60, addresses[0], addresses[1]);
        pipe.give(0, AdpInput::Data(AdpdDataRequest { handle: 1, packet, priority: Priority::Normal }));
    }
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[1].packets.len(), 8);
    let joined = AdpmIndication::Joined { pan_id: PAN, short: ShortAddress(1) };
    assert_eq!(pipe.stations[1].told, [joined]);
}

#[test]
fn what_is_said_in_clear_does_not_keep_a_device_in_a_pan_that_is_gone() {
    let mut pipe = with_device(15);
    pipe.run(MINUTE);
    replace_coordinator(&mut pipe);
    for _ in 0..365 {
        pipe.run(MINUTE);
        let src = MacAddress::Short(ShortAddress::COORDINATOR);
        let (dst, security) = (MacAddress::Short(ShortAddress(1)), MacSecurity::None);
        let msdu = Msdu::from_slice(&[0x41, 0x60]).unwrap();
        let clear =
            McpsDataIndication { src_pan: PAN, src, dst, msdu, security, link: LinkQuality::robust(Lqi(90)) };
        pipe.give(1, AdpInput::McpsIndication(clear));
    }
    assert_eq!(pipe.stations[1].keys[0], Some(OTHER_GMK));
}

#[test]
fn a_watchdog_of_zero_waits_for_ever() {
    let mut pipe = Pipe::with_coordinator(16, |_| {});
    pipe.allow(1, psk(1));
    let mut config = device_config(1);
    config.ib.join_watchdog = Duration::ZERO;
    pipe.add(config);
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE * 60 * 48);
    assert!(pipe.joined(1));
    assert_eq!(pipe.stations[1].told.len(), 1);
}

#[test]
fn a_device_that_leaves_tells_the_coordinator_and_stays_away() {
    let mut pipe = with_device(10);
    pipe.run(MINUTE);
    pipe.manage(1, AdpmRequest::NetworkLeave);
    pipe.run(MINUTE * 10);
    assert_eq!(pipe.stations[0].told.last(), Some(&AdpmIndication::DeviceLeft { eui64: eui(1) }));
    assert!(!pipe.joined(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(MINUTE);
    assert!(pipe.joined(1));
}

#[test]
fn nobody_can_be_thrown_out_by_a_message_in_clear() {
    let mut pipe = with_device(11);
    pipe.run(MINUTE);
    let forged = |code: u8, src: MacAddress, dst: u16| {
        let mut msdu = Msdu::from_slice(&[0x40, 2, code, 0]).unwrap();
        msdu.extend_from_slice(&eui(1).0).unwrap();
        let (dst, security) = (MacAddress::Short(ShortAddress(dst)), MacSecurity::None);
        AdpInput::McpsIndication(McpsDataIndication {
            src_pan: PAN,
            src,
            dst,
            msdu,
            security,
            link: LinkQuality::robust(Lqi(90)),
        })
    };
    pipe.give(0, forged(0x40, MacAddress::Extended(eui(1)), 0));
    pipe.give(1, forged(0xC0, MacAddress::Short(ShortAddress(0)), 1));
    pipe.run(MINUTE);
    assert!(pipe.joined(1));
    assert!(!pipe.stations[0].told.contains(&AdpmIndication::DeviceLeft { eui64: eui(1) }));
}

#[test]
fn a_coordinator_that_has_not_started_looks_for_nobody() {
    let config = AdpConfig::coordinator(eui(0), Seed::from_u64(1), GMK, 0);
    let (mut coordinator, now) = (Adp::new(config), Instant::from_secs(1));
    let (eui64, short) = (eui(1), Some(ShortAddress(1)));
    coordinator.handle(now, AdpInput::Adpm(AdpmRequest::Allow { eui64, psk: psk(1), short }));
    coordinator.handle(now, AdpInput::Adpm(AdpmRequest::Kick { eui64 }));
    let is_frame = |output: &AdpOutput| matches!(output, AdpOutput::Mcps(_));
    assert!(!std::iter::from_fn(|| coordinator.poll()).any(|output| is_frame(&output)));
    assert!(coordinator.deadline().is_none_or(|at| at > now));
}
