//! Meters that only push, against real DLMS servers: what is authentic and new becomes readings, nothing else does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod street;

use collector::{
    CollectorConfig, CollectorEvent, CollectorInput, CollectorOutput, MeterEntry, Order, OrderEnd, Selection,
    Task, Unexpected, What, Work,
};
use dlms::axdr::Encoder;
use dlms::cosem::{ClockStatus, ClockTime};
use dlms::security::Suite0;
use dlms::server::{
    Access, AssociationConfig, Notification, SecurityErrors, Server, ServerAuthentication, ServerConfig,
    ServerOutput,
};
use plc_core::sap::{DLMS_PORT, Lqi, UdpIndication, UdpPayload};
use plc_core::{Machine, Seed, ShortAddress, Utc};
use std::time::Duration;
use street::{EXPORT, IMPORT, Network, PERIOD, Street, VOLTAGE, entry, eui64, midnight};

const SAP: u16 = 102;

fn config() -> CollectorConfig {
    CollectorConfig {
        push_deadline: Duration::from_secs(2 * 3600),
        ..CollectorConfig::new(Seed::from_u64(5))
    }
}

/// Two meters in the network, of which the second only pushes.
fn street() -> Street {
    let mut street = Street::new(config(), 2, Network::GOOD);
    street.input(CollectorInput::Register(one_way(Some(midnight()))));
    street
}

fn one_way(last_capture: Option<Utc>) -> MeterEntry {
    MeterEntry { one_way: true, short: Some(ShortAddress(2)), last_capture, ..entry(2) }
}

/// The server of the meter that only pushes, which goes on from this counter.
fn server(counter: u32) -> Server {
    let of_meter = entry(2);
    let authentication = ServerAuthentication::PreEstablished {
        keys: Suite0::new(&of_meter.encryption_key.0, &of_meter.authentication_key.0),
        client_title: config().association.client_title,
        last_client_counter: None,
    };
    let association = AssociationConfig {
        client_sap: SAP,
        authentication,
        access: Access::Reading,
        pre_established: false,
    };
    Server::new(ServerConfig {
        server_sap: 1,
        server_title: *b"MTR\0\0\0\0\x02",
        logical_device_name: *b"MTR0000000000002",
        associations: vec![association],
        max_pdu: 512,
        max_value_len: 1024,
        max_sessions: 2,
        first_invocation_counter: counter,
        counter_block: 64,
        session_timeout: Duration::from_secs(1800),
        max_failed_proofs: 5,
        lockout: Duration::from_secs(60),
        security_errors: SecurityErrors::WithCounter,
        seed: Seed::from_u64(9),
    })
}

/// A push of capture number `n` after midnight, as it goes over the line.
fn push(server: &mut Server, street: &Street, n: u32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut out = Encoder::new(&mut body, 200);
    out.structure(4);
    out.clock_time(&ClockTime::from_utc(midnight() + PERIOD * n, -120, ClockStatus::OK));
    out.octet_string(b"MTR0000000000002");
    out.u64(u64::from(n) * 1000);
    out.u64(7);
    let push = Notification::Data { date_time: None, body: &body, confirmation: None };
    server.notify(street.now, 0, SAP, &push).unwrap();
    std::iter::from_fn(|| server.poll())
        .find_map(|output| match output {
            ServerOutput::Datagram { bytes, .. } => Some(bytes),
            _ => None,
        })
        .unwrap()
}

fn hear(street: &mut Street, from: u16, datagram: &[u8]) {
    let payload = UdpPayload::from_slice(datagram).unwrap();
    let (src, src_port, dst_port) = (ShortAddress(from), DLMS_PORT, DLMS_PORT);
    street.input(CollectorInput::Udp(&UdpIndication {
        src,
        src_port,
        dst_port,
        payload,
        hops: 1,
        lqi: Lqi(80),
    }));
}

#[test]
fn a_task_of_all_meters_asks_nothing_of_one_that_only_pushes() {
    let mut street = street();
    street.input(CollectorInput::Task(Task {
        number: 1,
        what: What::Registers(vec![VOLTAGE]),
        meters: Selection::All,
        period: Duration::from_secs(1800),
        offset: Duration::from_secs(120),
        spread: Duration::from_secs(60),
        deadline: Duration::from_secs(900),
        priority: 120,
        attempts: 3,
        back_off: Duration::from_secs(20),
        ran: None,
        paused: false,
    }));
    street.run_until_hours(1.0);
    let reports: Vec<_> = street.reports.iter().map(|r| (r.done, r.failed, r.late)).collect();
    assert_eq!(reports, [(1, 0, 0), (1, 0, 0)]);
    let failed = |event: &CollectorEvent| matches!(event, CollectorEvent::SessionFailed { .. });
    assert!(!street.events.iter().any(|(_, event)| failed(event)), "{:?}", street.events);
}

fn captures(street: &Street) -> Vec<(i64, i64)> {
    let number = |at: Utc| (at.as_secs() - midnight().as_secs()) / 900;
    street.captures(2, IMPORT).into_iter().map(|(at, value)| (number(at), value)).collect()
}

fn refused(street: &Street) -> u64 {
    street.collector.counters().pushes_refused
}

#[test]
fn each_push_becomes_readings_once_and_nobody_asks_the_meter() {
    let (mut street, mut server) = (street(), server(1));
    for n in 1..=3 {
        street.run_until_hours(f64::from(n) / 4.0 + 0.01);
        let push = push(&mut server, &street, n);
        hear(&mut street, 2, &push);
    }
    street.run_until_hours(0.9);
    assert_eq!(captures(&street), [(1, 1000), (2, 2000), (3, 3000)]);
    assert_eq!(street.captures(2, EXPORT).values().copied().collect::<Vec<_>>(), [7, 7, 7]);
    assert_eq!(street.meters[&2].objects.asked, 0, "nobody asks");
    assert_eq!(street.collector.meter(eui64(2)).unwrap().sessions, 0);
    assert!(street.meters[&1].objects.asked > 0, "the other one is asked");
    assert_eq!((street.collector.counters().batches_late, refused(&street)), (0, 0));
    assert_eq!(street.server_counters[&eui64(2)], 3, "durable");
}

#[test]
fn a_replayed_push_is_refused_also_by_the_next_life() {
    let (mut street, mut server) = (street(), server(1));
    street.run_until_hours(0.26);
    let first = push(&mut server, &street, 1);
    hear(&mut street, 2, &first);
    hear(&mut street, 2, &first);
    assert_eq!((captures(&street).len(), refused(&street)), (1, 1));
    let known = street.server_counters[&eui64(2)];
    street.restart();
    let again = MeterEntry { last_server_counter: Some(known), ..one_way(Some(midnight())) };
    street.input(CollectorInput::Register(again));
    hear(&mut street, 2, &first);
    assert_eq!(refused(&street), 1);
    let second = push(&mut server, &street, 1);
    hear(&mut street, 2, &second);
    assert_eq!(captures(&street), [(1, 1000)], "the same capture under another counter changes nothing");
}

#[test]
fn what_was_changed_cut_or_is_of_somebody_else_is_refused() {
    let (mut street, mut server) = (street(), server(1));
    street.run_until_hours(0.26);
    let whole = push(&mut server, &street, 1);
    // Behind the wrapper: the title, the counter, the body, the tag.
    for place in (8..whole.len()).filter(|place| place % 3 == 0).chain([11, 20, whole.len() - 1]) {
        let mut forged = whole.clone();
        forged[place] ^= 1;
        hear(&mut street, 2, &forged);
    }
    for len in 8..whole.len() {
        let mut cut = whole[..len].to_vec();
        cut[7] = (len - 8) as u8;
        hear(&mut street, 2, &cut);
    }
    // Authentic, and not from the meter whose keys these are.
    hear(&mut street, 1, &whole);
    assert!(captures(&street).is_empty() && refused(&street) > 60, "{}", refused(&street));
    hear(&mut street, 2, &whole);
    assert_eq!(captures(&street), [(1, 1000)], "none of them has spent its counter");
}

#[test]
fn a_gap_stays_due_and_is_lost_when_its_time_is_up_unless_it_comes_late() {
    let (mut street, mut server) = (street(), server(1));
    let lost = |street: &Street| {
        let never = street.events.iter().filter_map(|(_, event)| match event {
            CollectorEvent::NeverPushed { range, .. } => Some(*range),
            _ => None,
        });
        never.collect::<Vec<_>>()
    };
    let held_back = push(&mut server, &street, 1);
    street.run_until_hours(1.01);
    let fourth = push(&mut server, &street, 4);
    street.run_until_hours(1.3);
    hear(&mut street, 2, &held_back);
    hear(&mut street, 2, &fourth);
    street.run_until_hours(2.49);
    assert!(lost(&street).is_empty(), "{:?}", lost(&street));
    street.run_until_hours(2.51);
    let second = midnight() + PERIOD * 2;
    assert_eq!(
        lost(&street).iter().map(|range| (range.from, range.to)).collect::<Vec<_>>(),
        [(second, second)]
    );
    street.run_until_hours(3.1);
    assert_eq!(lost(&street).len(), 2, "the third");
    assert_eq!(captures(&street), [(1, 1000), (4, 4000)]);
    let late = push(&mut server, &street, 2);
    hear(&mut street, 2, &late);
    assert_eq!(captures(&street).len(), 2, "too late");
}

#[test]
fn a_push_of_a_time_to_come_is_an_event_and_orders_are_refused() {
    let (mut street, mut server) = (street(), server(1));
    let push = push(&mut server, &street, 90);
    hear(&mut street, 2, &push);
    let unexpected = CollectorEvent::UnexpectedValue { meter: eui64(2), unexpected: Unexpected::RowOutside };
    assert!(street.events.iter().any(|(_, event)| *event == unexpected), "{:?}", street.events);
    let until = street.now + Duration::from_secs(60);
    let order = Order { number: 4, meter: eui64(2), work: Work::Read, priority: 1, until };
    street.input(CollectorInput::Order(order));
    let ended =
        |event: &CollectorEvent| matches!(event, CollectorEvent::OrderEnded { end: OrderEnd::OneWay, .. });
    assert_eq!(street.events_of(2, ended), 1);
    assert!(street.collector.poll().is_none_or(|output| !matches!(output, CollectorOutput::Store(_))));
}
