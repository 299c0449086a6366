//! What clients read, through the wrapper, the security and the objects.
#![allow(clippy::panic)] // helpers of tests fail as tests do

mod line;
mod mains;

use dlms::apdu::DataAccessResult;
use dlms::axdr::Data;
use dlms::classes::profile;
use dlms::client::{ClientAuthentication, ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, Bound, ClockStatus, Selector, Unit};
use line::{COORDINATOR, Line, busy, client, management, time};
use mains::{IDENTITY, Mains, at, config};
use meter::objects::{COLUMNS, names};
use meter::{ApplicationInput, ApplicationOutput, ClockShift, MeterEvent, MeterPersist};
use plc_core::sap::{DLMS_PORT, UdpIndication, UdpPayload};
use plc_core::{Machine, Utc};
use std::time::Duration;

#[test]
fn the_management_client_reads_identity_registers_and_clock() {
    let mut line = Line::open(busy(), management(1));
    assert_eq!(line.octets(names::LOGICAL_DEVICE_NAME), IDENTITY.logical_device_name());
    assert_eq!(line.octets(names::DEVICE_ID), b"1234567890123");
    assert_eq!(line.octets(names::FIRMWARE), env!("CARGO_PKG_VERSION").as_bytes());
    let [import, export] = line.mains.truth;
    for (name, truth) in [(names::ACTIVE_IMPORT, import), (names::ACTIVE_EXPORT, export)] {
        let (mwh, unit) = line.register(name);
        assert_eq!(unit, Unit::WATT_HOUR);
        assert!((mwh as f64 / 1e3 / truth - 1.0).abs() < 0.0005, "{name}: {mwh} {truth}");
    }
    let expected = [
        (names::VOLTAGE, 230_000, Unit::VOLT),
        (names::CURRENT, 3_000, Unit::AMPERE),
        (names::POWER_IMPORT, 690_000, Unit::WATT),
        (names::POWER_EXPORT, 0, Unit::WATT),
        (names::FREQUENCY, 50_000, Unit::HERTZ),
    ];
    for (name, value, unit) in expected {
        let (read, read_unit) = line.register(name);
        assert!((read - value).abs() <= value / 5000, "{name}: {read}");
        assert_eq!(read_unit, unit);
    }
    let clock = line.get(AttributeRequest::new(8, names::CLOCK, 2));
    let read = Data::from_bytes(&clock).unwrap().as_clock_time().unwrap();
    assert_eq!((read.utc(), read.status()), (Some(at(22, 12, 30, 3)), ClockStatus::OK));
}

#[test]
fn a_range_of_the_load_profile_is_exactly_the_rows_asked_for() {
    let mut line = Line::open(busy(), management(1));
    let all = line.rows(names::LOAD_PROFILE, None);
    let expected: Vec<_> = (0..11).map(|n| at(22, 10, 0, 0) + Duration::from_secs(900 * n)).collect();
    assert_eq!(all.iter().map(|row| row.0).collect::<Vec<_>>(), expected);
    assert_eq!((all[0].1, all[1].1), (0x80, 0));
    for (from, to, rows) in [
        (at(22, 10, 15, 0), at(22, 11, 0, 0), 1..5),
        (at(22, 10, 15, 1), at(22, 10, 59, 59), 2..4),
        (at(22, 12, 30, 0), at(23, 0, 0, 0), 10..11),
        (at(22, 13, 0, 0), at(23, 0, 0, 0), 0..0),
    ] {
        let read = line.rows(names::LOAD_PROFILE, Some(Selector::between(time(from), time(to))));
        assert_eq!(read, all[rows], "{from} {to}");
    }
    let hour = |n: usize| all[n + 2].2 - all[n].2;
    assert!(hour(0).abs_diff(1_150_000) < 60 && hour(2).abs_diff(50_000) < 10, "{all:?}");
    assert!((all[6].3 - all[4].3).abs_diff(200_000) < 20 && all[6].2 == all[4].2, "{all:?}");
}

#[test]
fn entries_and_columns_of_a_profile_can_be_chosen() {
    let mut line = Line::open(busy(), management(1));
    let all = line.rows(names::LOAD_PROFILE, None);
    let entries = Selector::Entry { from_entry: 3, to_entry: 5, from_column: 1, to_column: 0 };
    assert_eq!(line.rows(names::LOAD_PROFILE, Some(entries)), all[2..5]);
    let (from, to) = (Bound::Time(time(at(22, 10, 0, 0))), Bound::Time(time(at(22, 10, 30, 0))));
    let columns = vec![COLUMNS[2]];
    let selector = Some(Selector::Range { restricting: COLUMNS[0], from, to, columns });
    let request = AttributeRequest { selector, ..AttributeRequest::new(7, names::LOAD_PROFILE, 2) };
    let value = line.get(request);
    let read: Vec<_> = profile::Rows::from_value(&value)
        .unwrap()
        .iter()
        .map(|cells| cells.map(|cell| cell.as_u64().unwrap()).collect::<Vec<_>>())
        .collect();
    assert_eq!(read, all[..3].iter().map(|row| vec![row.2]).collect::<Vec<_>>());
}

#[test]
fn a_profile_describes_itself() {
    let mut line = Line::open(busy(), management(1));
    let columns = line.get(AttributeRequest::new(7, names::LOAD_PROFILE, profile::CAPTURE_OBJECTS));
    assert_eq!(profile::capture_objects(&columns).unwrap(), COLUMNS);
    let mut number = |attribute| {
        let value = line.get(AttributeRequest::new(7, names::LOAD_PROFILE, attribute));
        Data::from_bytes(&value).unwrap().as_u64()
    };
    assert_eq!(number(profile::CAPTURE_PERIOD), Some(900));
    assert_eq!(number(profile::ENTRIES_IN_USE), Some(11));
    assert_eq!(number(profile::PROFILE_ENTRIES), Some(960));
}

#[test]
fn a_full_load_profile_can_be_read_in_blocks() {
    let mut config = config();
    config.profiles.capture_period_s = 60;
    let mut mains = Mains::with(config);
    mains.set_clock(at(30, 12, 0, 0));
    for hour in 0..17 {
        mains.seconds(f64::from(hour) * 100.0, 3600);
    }
    mains.seconds(0.0, 1);
    let mut line = Line::open(mains, management(1));
    let rows = line.rows(names::LOAD_PROFILE, None);
    let newest = Utc::from_civil(2026, 12, 1, 5, 0, 0).unwrap();
    assert_eq!((rows.len(), rows[959].0), (960, newest));
    assert_eq!(rows[0].0, newest - Duration::from_secs(959 * 60));
    for (hour, rows) in (2..).zip(rows[59..].chunks_exact(60)) {
        let used = rows[59].2 - rows[0].2;
        assert!(used.abs_diff(hour * 100_000 * 59 / 60) <= hour * 10 + 2, "{hour} {used}");
    }
    let first = Utc::from_civil(2026, 12, 1, 0, 0, 0).unwrap();
    for name in [names::DAILY_PROFILE, names::MONTHLY_PROFILE] {
        assert_eq!(line.rows(name, None).iter().map(|row| row.0).collect::<Vec<_>>(), [first]);
    }
}

#[test]
fn the_public_client_sees_the_name_the_clock_and_the_counter_alone() {
    let line = Line::open(busy(), management(700));
    let mut line = Line::open(line.mains, client(16, ClientAuthentication::None, 1));
    assert_eq!(line.octets(names::LOGICAL_DEVICE_NAME), IDENTITY.logical_device_name());
    let counter = line.get(AttributeRequest::new(1, names::RECEIVE_COUNTER, 2));
    // AARQ 700, the proof 701, the APDU around it 702: whoever goes on from here is not refused.
    assert_eq!(Data::from_bytes(&counter).unwrap().as_u64(), Some(702));
    assert!(!line.get(AttributeRequest::new(8, names::CLOCK, 2)).is_empty());
    for (class, name) in [(3, names::ACTIVE_IMPORT), (7, names::LOAD_PROFILE), (1, names::FIRMWARE)] {
        let result = line.denied(AttributeRequest::new(class, name, 2));
        assert!(matches!(result, DataAccessResult::ObjectUndefined | DataAccessResult::ReadWriteDenied));
    }
    let now = vec![9, 12].into_iter().chain(time(at(22, 10, 0, 0)).octets()).collect::<Vec<_>>();
    let set = line.ask(ClientInput::Set(AttributeRequest::new(8, names::CLOCK, 2), &now));
    assert_eq!(set, ClientOutput::AccessResult(DataAccessResult::ReadWriteDenied));
}

#[test]
fn the_management_client_sets_the_clock_and_capturing_begins() {
    let mut mains = Mains::new();
    mains.seconds(100.0, 10);
    let mut line = Line::open(mains, management(1));
    let clock = line.get(AttributeRequest::new(8, names::CLOCK, 2));
    let unset = Data::from_bytes(&clock).unwrap().as_clock_time().unwrap();
    assert_eq!((unset.utc(), unset.status()), (None, ClockStatus::INVALID));
    let value = vec![9, 12].into_iter().chain(time(at(22, 10, 14, 59)).octets()).collect::<Vec<_>>();
    let request = AttributeRequest::new(8, names::CLOCK, 2);
    assert_eq!(
        line.ask(ClientInput::Set(request, &value)),
        ClientOutput::AccessResult(DataAccessResult::Success)
    );
    assert_eq!(line.mains.app.measurement().clock().utc(line.mains.now()), Some(at(22, 10, 14, 59)));
    line.mains.seconds(100.0, 2);
    assert_eq!(line.rows(names::LOAD_PROFILE, None).len(), 1);
}

#[test]
fn a_restart_keeps_what_clients_have_read_and_refuses_old_counters() {
    let mut line = Line::open(busy(), management(1));
    let rows = line.rows(names::LOAD_PROFILE, None);
    let import = line.register(names::ACTIVE_IMPORT);
    let used = u32::try_from(2 + rows.len()).unwrap();
    let mains = line.mains.restarted();
    let mut again = Line { mains, client: management(1) };
    assert_ne!(again.ask_or_silence(ClientInput::Connect), Some(ClientOutput::Connected));
    let mut line = Line::open(again.mains, management(used + 1000));
    assert_eq!(line.rows(names::LOAD_PROFILE, None), rows);
    assert_eq!(line.register(names::ACTIVE_IMPORT), import);
}

impl Line {
    /// As [`Line::ask`], but time may pass until the client gives up.
    fn ask_or_silence(&mut self, input: ClientInput<'_>) -> Option<ClientOutput> {
        self.client.handle(self.mains.now(), input);
        for _ in 0..100 {
            match self.client.poll() {
                Some(ClientOutput::Datagram(bytes)) => self.carry(&bytes),
                Some(ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_)) => {}
                Some(answer) => return Some(answer),
                None => {
                    let at = self.client.deadline()?;
                    self.client.tick(at);
                }
            }
        }
        None
    }
}

#[test]
fn counters_are_made_durable_before_the_datagrams_that_use_them() {
    let mut mains = busy();
    mains.outputs.clear();
    let now = mains.now();
    let mut client = management(1);
    client.handle(now, ClientInput::Connect);
    let mut seen = Vec::new();
    while let Some(output) = client.poll() {
        let ClientOutput::Datagram(bytes) = output else { continue };
        let payload = UdpPayload::from_slice(&bytes).unwrap();
        let (src, src_port, dst_port) = (COORDINATOR, DLMS_PORT, DLMS_PORT);
        mains.handle(ApplicationInput::Udp(UdpIndication {
            src,
            src_port,
            dst_port,
            payload,
            hops: 0,
            lqi: plc_core::sap::Lqi(80),
        }));
        for output in mains.outputs.drain(..) {
            match output {
                ApplicationOutput::Udp(request) => {
                    seen.push("datagram");
                    client.handle(now, ClientInput::Datagram(&request.payload));
                }
                ApplicationOutput::Persist(MeterPersist::Server(_)) => seen.push("persist"),
                ApplicationOutput::Event(MeterEvent::ClockSet(ClockShift::First)) => seen.push("clock"),
                _ => {}
            }
        }
    }
    assert_eq!(seen.first(), Some(&"persist"), "{seen:?}");
    assert!(mains.app.state().send_counter > 0);
    assert!(mains.app.state().receive_counter.is_some());
}
