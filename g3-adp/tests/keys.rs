//! Another group key under traffic, and the coordinator over a restart.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::{AdpConfig, Memory};
use pipe::{COORDINATOR, GMK, PAN, Pipe, Station, eui, psk};
use plc_core::sap::*;
use plc_core::{PanId, Seed};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const NEXT: Key = Key([0x4E; 16]);

fn chain(nodes: usize) -> Vec<(usize, usize, u8)> {
    (1..nodes).map(|n| (n - 1, n, 150)).collect()
}

fn patient(config: &mut AdpConfig) {
    config.ib.lbp_message_timeout = Duration::from_secs(20);
    config.ib.lbp_retries = 4;
}

fn rekeyed(pipe: &Pipe) -> Option<(u8, u16)> {
    pipe.stations[0].told.iter().find_map(|told| match told {
        AdpmIndication::Rekeyed { key_index, missed } => Some((*key_index, *missed)),
        _ => None,
    })
}

/// Sends a packet down and one up for every device; returns how many of them arrive.
fn talk(pipe: &mut Pipe, devices: usize) -> usize {
    (1..=devices)
        .map(|at| {
            pipe.stations[0].packets.clear();
            pipe.stations[at].packets.clear();
            pipe.send(0, at, 1, 300);
            pipe.send(at, 0, 2, 300);
            pipe.run(Duration::from_secs(15));
            pipe.stations[at].packets.len().min(1) + pipe.stations[0].packets.len().min(1)
        })
        .sum()
}

/// Neighbours speak to each other in the old key for two minutes at most.
fn settle(pipe: &mut Pipe, devices: usize) {
    talk(pipe, devices);
    pipe.run(MINUTE * 3);
    talk(pipe, devices);
}

#[test]
fn the_group_key_changes_under_traffic_and_nothing_is_lost() {
    let mut pipe = Pipe::town(1, &chain(6), patient);
    pipe.manage(0, AdpmRequest::Rekey { gmk: NEXT });
    for _ in 0..6 {
        assert_eq!(talk(&mut pipe, 5), 10);
    }
    assert_eq!(rekeyed(&pipe), Some((1, 0)));
    assert!(pipe.stations.iter().all(|station| station.keys == [Some(GMK), Some(NEXT)]));
    settle(&mut pipe, 5);
    pipe.frames.clear();
    assert_eq!(talk(&mut pipe, 5), 10);
    assert!(pipe.frames.iter().all(|(_, r)| r.security == MacSecurity::EncMic32 { key_index: 1 }));
    pipe.manage(0, AdpmRequest::RetireKey);
    pipe.run(MINUTE * 2);
    assert!(pipe.stations.iter().all(|station| station.keys == [None, Some(NEXT)]));
    assert_eq!(talk(&mut pipe, 5), 10);
}

#[test]
fn the_group_key_changes_although_messages_are_lost() {
    for seed in 0..8 {
        let mut pipe = Pipe::town(100 + seed, &chain(5), patient);
        (pipe.silent_loss, pipe.loud_loss) = (8, 5);
        pipe.manage(0, AdpmRequest::Rekey { gmk: NEXT });
        let end = pipe.now + MINUTE * 120;
        assert!(pipe.run_until(end, |pipe| rekeyed(pipe).is_some()), "seed {seed}");
        (pipe.silent_loss, pipe.loud_loss) = (0, 0);
        // Whoever has missed it is told when heard.
        pipe.run(MINUTE * 15);
        talk(&mut pipe, 4);
        talk(&mut pipe, 4);
        pipe.run(MINUTE * 10);
        settle(&mut pipe, 4);
        pipe.frames.clear();
        assert_eq!(talk(&mut pipe, 4), 8, "seed {seed}");
        let old =
            pipe.frames.iter().filter(|(_, r)| r.security == MacSecurity::EncMic32 { key_index: 0 }).count();
        assert_eq!(old, 0, "seed {seed}");
    }
}

#[test]
fn a_device_that_was_silent_gets_the_key_when_it_is_heard_again() {
    let mut pipe = Pipe::town(3, &chain(4), patient);
    pipe.links.remove(&(2, 3));
    pipe.manage(0, AdpmRequest::Rekey { gmk: NEXT });
    let end = pipe.now + MINUTE * 60;
    assert!(pipe.run_until(end, |pipe| rekeyed(pipe).is_some()));
    assert_eq!(rekeyed(&pipe), Some((1, 1)));
    assert_eq!(pipe.stations[3].keys, [Some(GMK), None]);
    pipe.links.insert((2, 3), 150);
    pipe.run(MINUTE * 12);
    pipe.send(3, 0, 1, 100);
    pipe.run(MINUTE * 5);
    assert_eq!(pipe.stations[3].keys, [Some(GMK), Some(NEXT)]);
    settle(&mut pipe, 3);
    pipe.frames.clear();
    assert_eq!(talk(&mut pipe, 3), 6);
    assert!(pipe.frames.iter().all(|(_, r)| r.security == MacSecurity::EncMic32 { key_index: 1 }));
}

/// The coordinator loses its power: it comes back with what was made durable.
fn restart(pipe: &mut Pipe, devices: u64) {
    let mut memory = Memory::default();
    let mut addresses = std::collections::BTreeMap::new();
    for record in &pipe.stations[0].persisted {
        memory.learn(record);
        if let Persist::DeviceAddress { eui64, short } = record {
            addresses.insert(*eui64, *short);
        }
    }
    let records = std::mem::take(&mut pipe.stations[0].persisted);
    let mut config = AdpConfig::coordinator(COORDINATOR, Seed::from_u64(4711), Key([0; 16]), 0);
    patient(&mut config);
    config.memory = memory;
    pipe.stations[0] = Station::new(config);
    pipe.stations[0].persisted = records;
    pipe.manage(0, AdpmRequest::NetworkStart { pan_id: PAN });
    for n in 1..=devices {
        let short = addresses.get(&eui(n)).copied();
        pipe.manage(0, AdpmRequest::Allow { eui64: eui(n), psk: psk(n), short });
    }
}

#[test]
fn a_restarted_coordinator_reads_its_devices_at_once_and_nobody_joins_again() {
    let mut pipe = Pipe::town(5, &chain(6), patient);
    let told: Vec<_> = pipe.stations.iter().map(|station| station.told.len()).collect();
    restart(&mut pipe, 5);
    pipe.frames.clear();
    let began = pipe.now;
    for at in 1..=5 {
        pipe.send(0, at, 1, 300);
    }
    let all = |pipe: &Pipe| (1..=5).all(|at| pipe.stations[at].packets.len() == 1);
    assert!(pipe.run_until(began + Duration::from_secs(30), all));
    assert_eq!(talk(&mut pipe, 5), 10);
    assert!(pipe.frames.iter().all(|(_, r)| r.msdu[0] != 0x40), "no route was looked for, nobody joined");
    let now: Vec<_> = pipe.stations.iter().map(|station| station.told.len()).collect();
    assert_eq!(now[1..], told[1..]);
}

#[test]
fn a_change_of_the_key_goes_on_after_a_restart() {
    let mut pipe = Pipe::town(6, &chain(5), patient);
    pipe.manage(0, AdpmRequest::Rekey { gmk: NEXT });
    let half = |pipe: &Pipe| pipe.stations[2].keys[1].is_some();
    assert!(pipe.run_until(pipe.now + MINUTE * 10, half));
    restart(&mut pipe, 4);
    let end = pipe.now + MINUTE * 60;
    assert!(pipe.run_until(end, |pipe| rekeyed(pipe).is_some()));
    assert_eq!(talk(&mut pipe, 4), 8);
    restart(&mut pipe, 4);
    assert_eq!(pipe.stations[0].keys, [Some(GMK), Some(NEXT)]);
    settle(&mut pipe, 4);
    pipe.frames.clear();
    assert_eq!(talk(&mut pipe, 4), 8);
    assert!(pipe.frames.iter().all(|(_, r)| r.security == MacSecurity::EncMic32 { key_index: 1 }));
}

#[test]
fn numbers_go_on_after_a_restart() {
    let mut pipe = Pipe::town(7, &chain(3), patient);
    let highest = |pipe: &Pipe| {
        pipe.stations[0].persisted.iter().rev().find_map(|record| match record {
            Persist::LoadngSequence { reserved_to } => Some(*reserved_to),
            _ => None,
        })
    };
    let before = highest(&pipe).unwrap();
    restart(&mut pipe, 2);
    pipe.manage(0, AdpmRequest::RouteDiscovery { destination: plc_core::ShortAddress(2), max_hops: 8 });
    pipe.run(MINUTE);
    let rreq = pipe.frames.iter().find(|(at, r)| *at == 0 && r.msdu.starts_with(&[0x40, 1, 0])).unwrap();
    assert_eq!(rreq.1.msdu[7..9], (before as u16).to_be_bytes());
    assert_eq!(highest(&pipe), Some(before + 64));
}

#[test]
fn a_coordinator_that_forms_a_pan_takes_the_next_one_that_is_not_heard() {
    let mut pipe = Pipe::with_coordinator(8, |_| {});
    let config = AdpConfig::coordinator(eui(77), Seed::from_u64(77), GMK, 0);
    let at = pipe.add(config);
    pipe.manage(at, AdpmRequest::NetworkForm { pan_id: PAN });
    pipe.run(MINUTE);
    let pan_id = PanId(PAN.0 + 1);
    assert_eq!(pipe.stations[at].told, [AdpmIndication::Started { pan_id }]);
    assert_eq!(pipe.stations[at].pan, pan_id);
    let conflict = MlmeIndication::PanConflict { pan_id };
    pipe.give(0, g3_adp::AdpInput::Mlme(conflict));
    assert_eq!(pipe.stations[0].told.last(), Some(&AdpmIndication::PanConflict { pan_id }));
}
