//! Who is about: nodes heard, other PANs; and tables over a restart.

use crate::line::{Line, config, join, request, short};
use g3_mac::{AfterRestart, Mac, MacConfig, MacInput, MacOutput};
use plc_core::sap::*;
use plc_core::{MacAddress, PanId, ShortAddress};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn conflicts(line: &Line, node: usize) -> Vec<PanId> {
    let pick = |o: &MacOutput| match o {
        MacOutput::Mlme(MlmeIndication::PanConflict { pan_id }) => Some(*pan_id),
        _ => None,
    };
    line.out[node].iter().filter_map(pick).collect()
}

fn pos(line: &Line, node: usize) -> Vec<u16> {
    let entry = |index| line.macs[node].get(line.now, PibAttribute::POS_TABLE, index).ok();
    let short = |value| if let PibValue::Pos(entry) = value { entry.short.0 } else { panic!("{value:?}") };
    (0..).map_while(entry).map(short).collect()
}

#[test]
fn every_node_of_the_own_pan_that_was_heard_is_in_the_pos_table_until_it_has_been_silent_for_long() {
    let mut line = Line::joined(4);
    line.ask(0, request(1, short(1), 20));
    line.run(SOON);
    line.ask(2, request(1, MacAddress::BROADCAST, 20));
    line.run(SOON);
    assert_eq!((pos(&line, 3), pos(&line, 0)), (vec![0, 2], vec![2]));
    let recent = line.macs[3].get(line.now, PibAttribute::POS_RECENT_ENTRIES, 0);
    assert_eq!(recent, Ok(PibValue::Unsigned16(2)));
    line.run(Duration::from_secs(60 * 121));
    let recent = line.macs[3].get(line.now, PibAttribute::POS_RECENT_ENTRIES, 0);
    assert_eq!((recent, pos(&line, 3)), (Ok(PibValue::Unsigned16(0)), vec![0, 2]));
    line.run(Duration::from_secs(60 * 255));
    assert!(pos(&line, 3).is_empty());
}

#[test]
fn another_pan_is_told_of_once_in_a_while() {
    let mut line = Line::joined(3);
    line.give(1, MacInput::Mlme(MlmeRequest::SetPanId(PanId(0x1111))));
    for handle in 0..4 {
        line.ask(1, McpsDataRequest { dst_pan: PanId(0x1111), ..request(handle, MacAddress::BROADCAST, 20) });
        line.run(SOON);
    }
    assert_eq!((conflicts(&line, 0), conflicts(&line, 2)), (vec![PanId(0x1111)], vec![PanId(0x1111)]));
    assert_eq!((line.macs[0].counters().foreign_frames, line.macs[0].counters().drops.pan_conflict), (4, 3));
    line.run(Duration::from_secs(300));
    line.ask(1, McpsDataRequest { dst_pan: PanId(0x1111), ..request(9, MacAddress::BROADCAST, 20) });
    line.run(SOON);
    assert_eq!(conflicts(&line, 0).len(), 2);
    assert!(pos(&line, 0).is_empty(), "a foreign node is no neighbour");
}

#[test]
fn who_is_in_no_pan_knows_of_no_conflict() {
    let mut line = Line::of(vec![config(0), config(1)]);
    let now = line.now;
    join(&mut line.macs[0], now, 0);
    line.ask(0, request(1, MacAddress::BROADCAST, 20));
    line.run(SOON);
    assert!(conflicts(&line, 1).is_empty() && pos(&line, 1).is_empty());
}

/// A receiver that has its table made durable.
fn guarded(after_restart: AfterRestart) -> MacConfig {
    MacConfig { device_counter_block: 4, after_restart, ..config(1) }
}

fn records(line: &Line) -> Vec<g3_mac::DeviceCounter> {
    let pick = |o: &MacOutput| match *o {
        MacOutput::Persist(Persist::MacDeviceCounter { short, key_index, accept_from }) => {
            Some(g3_mac::DeviceCounter { short, key_index, accept_from })
        }
        _ => None,
    };
    line.out[1].iter().filter_map(pick).collect()
}

/// Sends `before` frames, cuts the power of the receiver, replays them all, and sends two more. Returns how many of the
/// replayed and of the new ones are accepted.
fn power_cut(after_restart: AfterRestart, before: u16) -> (usize, usize) {
    let mut line = Line::of(vec![config(0), guarded(after_restart), config(2)]);
    let now = line.now;
    (0..3).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    (0..before).for_each(|handle| {
        line.ask(0, request(handle, short(1), 20));
        line.run(SOON);
    });
    assert_eq!(line.indications(1).len(), usize::from(before));
    let frames: Vec<_> = line.sent.iter().filter_map(|s| s.psdu().cloned()).collect();
    let durable = records(&line).last().copied();
    line.macs[1] =
        Mac::new(MacConfig { device_counters: durable.into_iter().collect(), ..guarded(after_restart) });
    line.out[1].clear();
    let now = line.now;
    join(&mut line.macs[1], now, 1);
    for psdu in frames {
        line.inject(2, psdu, true);
        line.run(SOON);
    }
    let replayed = line.indications(1).len();
    (100..102).for_each(|handle| {
        line.ask(0, request(handle, short(1), 20));
        line.run(SOON);
    });
    (replayed, line.indications(1).len() - replayed)
}

#[test]
fn with_head_room_a_power_cut_lets_no_replay_in_and_costs_what_is_left_of_the_block() {
    // Six frames, counters 0 to 5; the record written before the fifth says 8: frames 6 and 7 are lost.
    assert_eq!(power_cut(AfterRestart::RefuseUncertain, 6), (0, 0));
    assert_eq!(power_cut(AfterRestart::RefuseUncertain, 8), (0, 2));
}

#[test]
fn without_head_room_a_power_cut_loses_no_frame_and_lets_the_latest_of_the_block_in_again() {
    // The only record was written for the first of five frames; the sixth would write the next.
    assert_eq!(power_cut(AfterRestart::AcceptUncertain, 5), (4, 2));
    assert_eq!(power_cut(AfterRestart::AcceptUncertain, 6), (0, 2));
}

#[test]
fn an_orderly_stop_costs_nothing() {
    let mut line = Line::joined(3);
    (0..3).for_each(|handle| line.ask(0, request(handle, short(1), 20)));
    line.run(SOON);
    let (psdu, counters) = (line.sent[0].psdu().cloned().unwrap(), line.macs[1].device_counters().collect());
    line.macs[1] = Mac::new(MacConfig { device_counters: counters, ..config(1) });
    let now = line.now;
    join(&mut line.macs[1], now, 1);
    line.inject(2, psdu, true);
    line.run(SOON);
    line.ask(0, request(9, short(1), 20));
    line.run(SOON);
    assert_eq!(line.statuses(1), [(short(0), MacStatus::CounterError)]);
    assert_eq!(line.indications(1).len(), 4);
}

#[test]
fn a_new_key_voids_the_records_of_its_slot() {
    let mut line = Line::of(vec![config(0), guarded(AfterRestart::RefuseUncertain)]);
    let now = line.now;
    (0..2).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    line.give(1, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(Key([9; 16])) }));
    let void = MacOutput::Persist(Persist::MacDeviceCountersVoid { key_index: 0 });
    assert_eq!(line.out[1].iter().filter(|&o| *o == void).count(), 1);
}

#[test]
fn a_device_fits_its_memory_and_a_coordinator_of_2000_meters_its_own() {
    let device = Mac::new(config(0)).footprint();
    assert!(device <= 24 * 1024, "{device}");
    let coordinator = Mac::new(MacConfig { bounds: g3_mac::Bounds::COORDINATOR, ..config(0) }).footprint();
    assert!(coordinator <= 1024 * 1024, "{coordinator}");
    println!("device {device}, coordinator {coordinator}");
}

#[test]
fn tables_keep_their_bounds_however_many_nodes_speak() {
    let mut config = config(0);
    (config.bounds.pos, config.bounds.devices, config.bounds.links) = (2, 2, 2);
    let mut line = Line::of((0..6).map(crate::line::config).collect());
    line.macs[0] = Mac::new(config);
    let now = line.now;
    (0..6).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    for node in 1..6 {
        line.ask(node, request(1, short(0), 20));
        line.run(SOON);
    }
    let drops = line.macs[0].counters().drops;
    assert_eq!((line.indications(0).len(), pos(&line, 0)), (5, vec![4, 5]));
    assert_eq!((drops.pos_evicted, drops.device_evicted, drops.link_evicted), (3, 3, 3));
    let entry = line.macs[0].get(line.now, PibAttribute::DEVICE_TABLE, 1);
    let device = DeviceEntry { short: ShortAddress(5), key_index: 0, frame_counter: 0 };
    assert_eq!(entry, Ok(PibValue::Device(device)));
}
