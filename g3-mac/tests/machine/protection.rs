//! Security: replays, wrong keys, frames in clear, the frame counter over restarts.

use crate::line::{GMK, Line, PAN, config, join, request, short};
use g3_mac::wire::{AuxHeader, Segment, check_fcs};
use g3_mac::{Mac, MacInput, MacOutput};
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{Eui64, MacAddress};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn aux_of(psdu: &Psdu) -> Option<AuxHeader> {
    Segment::parse(&mut Reader::new(check_fcs(psdu).unwrap().0)).unwrap().aux
}

#[test]
fn a_replayed_frame_is_refused_with_counter_error() {
    let mut line = Line::joined(3);
    line.ask(0, request(1, short(1), 20));
    line.run(SOON);
    let psdu = line.sent[0].psdu().unwrap().clone();
    line.inject(2, psdu.clone(), true);
    line.run(SOON);
    assert_eq!(line.indications(1).len(), 1);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::CounterError)]);
    assert_eq!(line.macs[1].counters().drops.replayed, 1);
}

#[test]
fn a_forged_frame_does_not_make_a_duplicate_of_the_real_one() {
    let mut real = Line::joined(2);
    real.ask(0, request(1, short(1), 20));
    real.run(SOON);
    let mut forged = real.sent[0].psdu().unwrap().clone();
    let (body, _) = check_fcs(&forged).unwrap();
    let segment = Segment::parse(&mut Reader::new(body)).unwrap();
    let other = vec![0; segment.payload.len()];
    forged = Segment { payload: &other, ..segment }.psdu(forged.len()).unwrap();
    let mut line = Line::joined(3);
    line.inject(2, forged, true);
    line.run(Duration::from_secs(1));
    line.ask(0, request(1, short(1), 20));
    line.run(SOON);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::SecurityError)]);
    assert_eq!(line.indications(1), real.indications(1));
    assert_eq!(line.indications(1).len(), 1);
    assert_eq!(line.macs[1].counters().drops.duplicate, 0);
}

#[test]
fn our_own_frame_played_back_to_us_is_dropped() {
    let mut line = Line::joined(2);
    line.ask(0, request(1, MacAddress::BROADCAST, 20));
    line.run(SOON);
    let psdu = line.sent[0].psdu().unwrap().clone();
    line.inject(1, psdu, false);
    line.run(SOON);
    assert!(line.indications(0).is_empty());
    assert_eq!(line.macs[0].counters().drops.own_source, 1);
}

#[test]
fn another_key_is_a_security_error_and_an_empty_slot_an_unavailable_key() {
    let mut line = Line::joined(3);
    line.give(1, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(Key([7; 16])) }));
    line.give(2, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: None }));
    line.ask(0, request(1, MacAddress::BROADCAST, 20));
    line.run(SOON);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::SecurityError)]);
    assert_eq!(line.statuses(2), [(short(0), MacStatus::UnavailableKey)]);
    assert!(line.indications(1).is_empty() && line.indications(2).is_empty());
}

#[test]
fn clear_data_between_joined_nodes_is_refused_but_a_joining_device_is_heard() {
    let mut line = Line::joined(2);
    let clear = |dst| McpsDataRequest { security: MacSecurity::None, ..request(1, dst, 20) };
    line.ask(0, clear(short(1)));
    line.run(SOON);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::SecurityError)]);
    assert!(line.indications(1).is_empty());
    line.ask(0, McpsDataRequest { extended_source: true, ..clear(short(1)) });
    line.run(SOON);
    let heard = &line.indications(1)[0];
    assert_eq!((heard.src, heard.security), (MacAddress::Extended(config(0).eui64), MacSecurity::None));
}

#[test]
fn a_device_in_no_pan_talks_with_a_joined_one_by_extended_addresses() {
    let mut line = Line::of(vec![config(0), config(1)]);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    let eui64 = |node| MacAddress::Extended(config(node).eui64);
    let up =
        McpsDataRequest { extended_source: true, security: MacSecurity::None, ..request(1, short(0), 20) };
    line.ask(1, up);
    line.run(SOON);
    assert_eq!((line.indications(0)[0].src, line.indications(0)[0].src_pan), (eui64(1), PAN));
    line.ask(0, McpsDataRequest { security: MacSecurity::None, ..request(2, eui64(1), 20) });
    line.run(SOON);
    assert_eq!((line.indications(1)[0].src, line.indications(1)[0].dst), (short(0), eui64(1)));
    assert_eq!(line.confirms(0)[0].status, MacStatus::Success);
    let stranger = MacAddress::Extended(Eui64::from_u64(5));
    line.ask(0, McpsDataRequest { security: MacSecurity::None, ..request(3, stranger, 20) });
    line.run(SOON);
    assert_eq!(line.indications(1).len(), 1);
}

#[test]
fn a_device_in_no_pan_is_not_bothered_by_the_broadcasts_of_others() {
    let mut line = Line::of(vec![config(0), config(1)]);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    line.ask(0, request(1, MacAddress::BROADCAST, 20));
    line.run(SOON);
    assert!(line.out[1].is_empty());
    assert_eq!(line.macs[1].counters().drops.not_for_us, 1);
}

#[test]
fn a_restarted_node_goes_on_from_what_it_had_reserved_and_is_accepted() {
    let mut line = Line::joined(2);
    (1..=3).for_each(|handle| line.ask(0, request(handle, short(1), 20)));
    line.run(SOON);
    let reserved = line.out[0].iter().find_map(|o| match o {
        MacOutput::Persist(Persist::MacFrameCounter { reserved_to }) => Some(*reserved_to),
        _ => None,
    });
    assert_eq!(reserved, Some(1024));
    let mut config = config(0);
    config.frame_counter = reserved.unwrap();
    line.macs[0] = Mac::new(config);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    line.ask(0, request(4, short(1), 20));
    line.run(SOON);
    assert_eq!(line.indications(1).len(), 4);
    let counters: Vec<_> =
        line.sent.iter().filter_map(|s| aux_of(s.psdu()?)).map(|aux| aux.frame_counter).collect();
    assert_eq!(counters, [0, 1, 2, 1024]);
}

#[test]
fn an_exhausted_frame_counter_is_counter_error() {
    let mut config = config(0);
    config.frame_counter = u32::MAX;
    let mut line = Line::of(vec![config]);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    line.ask(0, request(1, short(1), 20));
    assert_eq!(line.confirms(0)[0].status, MacStatus::CounterError);
}

#[test]
fn a_repetition_uses_the_counter_of_its_first_transmission() {
    let mut line = Line::joined(1);
    line.ask(0, request(1, short(1), 20));
    line.run(SOON);
    let counters: Vec<_> = line.sent.iter().filter_map(|s| Some(aux_of(s.psdu()?)?.frame_counter)).collect();
    assert_eq!(counters, [0; 6]);
}

#[test]
fn a_key_given_again_keeps_the_counters_and_a_new_one_begins_afresh() {
    let mut line = Line::joined(3);
    line.ask(0, request(1, short(1), 20));
    line.run(SOON);
    let psdu = line.sent[0].psdu().unwrap().clone();
    line.give(1, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(GMK) }));
    line.inject(2, psdu, true);
    line.run(SOON);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::CounterError)]);
    let other = Some(Key([9; 16]));
    (0..2).for_each(|n| line.give(n, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: other })));
    line.macs[0] = Mac::new(config(0));
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    line.give(0, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: other }));
    line.ask(0, request(2, short(1), 20));
    line.run(SOON);
    assert_eq!(line.indications(1).len(), 2);
}
