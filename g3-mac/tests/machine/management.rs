//! Scans and beacons.

use crate::line::{LQI, Line, PAN, config, join};
use g3_mac::{MacInput, MacOutput, OctetOrder};
use plc_core::sap::*;
use plc_core::{PanId, ShortAddress};
use std::time::Duration;

fn scan(line: &mut Line, node: usize) {
    line.give(node, MacInput::Mlme(MlmeRequest::Scan { duration: Duration::from_secs(13) }));
}

fn notified(line: &Line, node: usize) -> Vec<PanDescriptor> {
    let pick = |o: &MacOutput| {
        if let MacOutput::Mlme(MlmeIndication::BeaconNotify(d)) = o { Some(*d) } else { None }
    };
    line.out[node].iter().filter_map(pick).collect()
}

fn confirms(line: &Line, node: usize) -> Vec<MlmeConfirm> {
    let pick = |o: &MacOutput| if let MacOutput::MlmeConfirm(c) = o { Some(*c) } else { None };
    line.out[node].iter().filter_map(pick).collect()
}

#[test]
fn a_scan_finds_the_coordinator_and_a_joined_device_once_each() {
    let mut line = Line::of((0..3).map(config).collect());
    line.give(0, MacInput::Mlme(MlmeRequest::Start { pan_id: PAN }));
    assert_eq!(confirms(&line, 0), [MlmeConfirm::Start(MacStatus::Success)]);
    let now = line.now;
    join(&mut line.macs[1], now, 1);
    scan(&mut line, 2);
    line.run(Duration::from_secs(20));
    let mut found = notified(&line, 2);
    found.sort_by_key(|d| d.lba);
    let descriptor =
        |lba, rc_coord| PanDescriptor { pan_id: PAN, lba: ShortAddress(lba), lqi: LQI, rc_coord };
    assert_eq!(found, [descriptor(0, 0), descriptor(1, 1)]);
    assert_eq!(confirms(&line, 2), [MlmeConfirm::Scan(MacStatus::Success)]);
    assert_eq!(line.macs[0].counters().tx_beacons, 1);
    assert!(matches!(line.out[2].last(), Some(MacOutput::MlmeConfirm(_))));
}

#[test]
fn a_scan_without_an_answer_is_no_beacon() {
    let mut line = Line::of((0..2).map(config).collect());
    scan(&mut line, 0);
    line.run(Duration::from_secs(20));
    assert_eq!(confirms(&line, 0), [MlmeConfirm::Scan(MacStatus::NoBeacon)]);
    assert_eq!(line.sent.len(), 1);
    assert_eq!(line.macs[1].counters().rx_command, 1);
}

#[test]
fn a_second_scan_is_refused_while_one_is_under_way_and_works_afterwards() {
    let mut line = Line::of((0..2).map(config).collect());
    line.give(1, MacInput::Mlme(MlmeRequest::Start { pan_id: PAN }));
    scan(&mut line, 0);
    line.run(Duration::from_secs(2));
    scan(&mut line, 0);
    assert_eq!(confirms(&line, 0), [MlmeConfirm::Scan(MacStatus::ScanInProgress)]);
    line.run(Duration::from_secs(20));
    scan(&mut line, 0);
    line.run(Duration::from_secs(20));
    assert_eq!(notified(&line, 0).len(), 2);
    assert_eq!(confirms(&line, 0)[1..], [MlmeConfirm::Scan(MacStatus::Success); 2]);
}

#[test]
fn a_node_that_answers_two_scans_is_reported_once_in_each() {
    let mut line = Line::of((0..3).map(config).collect());
    line.give(2, MacInput::Mlme(MlmeRequest::Start { pan_id: PAN }));
    line.give(0, MacInput::Mlme(MlmeRequest::Scan { duration: Duration::from_secs(30) }));
    line.run(Duration::from_secs(13));
    scan(&mut line, 1);
    line.run(Duration::from_secs(20));
    assert_eq!(line.macs[2].counters().tx_beacons, 2);
    // The second node has heard the first beacon too, before its own scan.
    assert_eq!((notified(&line, 0).len(), notified(&line, 1).len()), (1, 2));
    assert_eq!(line.macs[0].counters().drops.beacon, 1);
}

#[test]
fn the_route_cost_survives_in_either_order_of_octets() {
    for order in [OctetOrder::Little, OctetOrder::Big] {
        let mut configs: Vec<_> = (0..2).map(config).collect();
        configs.iter_mut().for_each(|c| c.interop.rc_coord_order = order);
        let mut line = Line::of(configs);
        let now = line.now;
        join(&mut line.macs[1], now, 1);
        line.give(1, MacInput::Mlme(MlmeRequest::SetRcCoord(0x7FFF)));
        scan(&mut line, 0);
        line.run(Duration::from_secs(20));
        assert_eq!(notified(&line, 0)[0].rc_coord, 0x7FFF);
    }
}

#[test]
fn the_broadcast_pan_cannot_be_started() {
    let mut line = Line::of(vec![config(0)]);
    line.give(0, MacInput::Mlme(MlmeRequest::Start { pan_id: PanId::BROADCAST }));
    assert_eq!(confirms(&line, 0), [MlmeConfirm::Start(MacStatus::InvalidParameter)]);
    assert_eq!(line.macs[0].short_address(), None);
}
