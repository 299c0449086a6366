//! A meter that only pushes: what it says, to whom, and that it hears nobody.

mod line;
mod mains;

use dlms::axdr::Data;
use dlms::client::{ClientAuthentication, ClientInput, ClientOutput};
use dlms::security::{SecurityContext, Suite0};
use dlms::server::{Access, AssociationConfig, ServerAuthentication, ServerPersist};
use mains::{IDENTITY, at, config};
use meter::objects::OneWay;
use meter::{ApplicationInput, ApplicationOutput, MeterApplication, MeterConfig, MeterPersist, MeterState};
use metrology::{Steady, SteadyElement};
use plc_core::sap::{DLMS_PORT, Lqi, UdpIndication, UdpPayload};
use plc_core::{Instant, Machine, ShortAddress, Utc, UtcAnchor};
use std::time::Duration;

const LISTENER: i8 = 102;
const KEYS: [[u8; 16]; 2] = [[0x33; 16], [0x44; 16]];
const SPREAD_S: u16 = 120;

fn deaf(state: MeterState) -> MeterConfig {
    let authentication = ServerAuthentication::PreEstablished {
        keys: SecurityContext::new(&KEYS[0], &KEYS[1]),
        client_title: *b"CLI\0\0\0\0\x01",
        last_client_counter: None,
    };
    let access = Access::Reading;
    let listener =
        AssociationConfig { client_sap: LISTENER as u16, authentication, access, pre_established: false };
    let one_way = Some(OneWay { every_s: 900, spread_s: SPREAD_S });
    MeterConfig { state, one_way, further: vec![listener], push_client_sap: LISTENER, ..config() }
}

/// A kilowatt.
fn load() -> Steady {
    let none = SteadyElement::default();
    Steady::new(50_000, [SteadyElement::sinusoidal(230_000_000, 4_347_826, 0), none, none]).expect("small")
}

/// A push as it has left.
struct Push {
    left: Utc,
    datagram: Vec<u8>,
}

/// What a client makes of a push: its counter, when it was said to have left, when it was read, and the two registers.
fn open(datagram: &[u8], after: Option<u32>) -> Option<(u32, Utc, Utc, u64, u64)> {
    let keys = Suite0::new(&KEYS[0], &KEYS[1]);
    let authentication =
        ClientAuthentication::PreEstablished { keys: Some(keys), server_title: IDENTITY.system_title() };
    let mut client = dlms::client::Client::new(dlms::client::ClientConfig {
        last_server_counter: after,
        ..line::client_config(LISTENER as u16, authentication, 1)
    });
    let now = Instant::from_secs(40);
    client.handle(now, ClientInput::Connect);
    client.handle(now, ClientInput::Datagram(datagram));
    client.handle(now, ClientInput::Release);
    let (mut counter, mut heard) = (None, None);
    while let Some(output) = client.poll() {
        match output {
            ClientOutput::ServerCounter(last) => counter = Some(last),
            ClientOutput::DataNotification { body, date_time, .. } => heard = Some((body, date_time)),
            _ => {}
        }
    }
    let (body, left) = heard?;
    let values = Data::from_bytes(&body).ok()?.as_structure()?;
    let [clock, device, import, export] = values.exactly()?;
    assert_eq!(device.as_octets(), Some(&IDENTITY.logical_device_name()[..]));
    let read = clock.as_clock_time()?.utc()?;
    assert!(matches!((import, export), (Data::U64(_), Data::U64(_))));
    Some((counter?, left?.utc()?, read, import.as_u64()?, export.as_u64()?))
}

/// Runs a meter from ten o'clock for so long; its pushes and the records that came before each.
fn run(app: &mut MeterApplication, from: Instant, length: Duration) -> (Vec<Push>, Vec<MeterPersist>) {
    let (mut pushes, mut records) = (Vec::new(), Vec::new());
    let (mut now, end) = (from, from + length);
    let mut next_load = from;
    while now < end {
        let due = app.deadline().filter(|&at| at <= next_load);
        now = due.unwrap_or(next_load).max(now);
        match due {
            Some(_) => app.tick(now),
            None => {
                app.handle(now, ApplicationInput::Steady(&load()));
                next_load = now + Duration::from_secs(15);
            }
        }
        while let Some(output) = app.poll() {
            match output {
                ApplicationOutput::Udp(request) => {
                    assert_eq!((request.dst, request.dst_port), (ShortAddress(0), DLMS_PORT));
                    let left = app.measurement().clock().utc(now).expect("it is set");
                    pushes.push(Push { left, datagram: request.payload.to_vec() });
                }
                ApplicationOutput::Persist(record) => records.push(record),
                ApplicationOutput::Event(_) => {}
            }
        }
    }
    (pushes, records)
}

fn born(state: MeterState) -> (MeterApplication, Instant) {
    let mut app = MeterApplication::new(deaf(state)).expect("a good configuration");
    let now = Instant::from_secs(5);
    app.handle(now, ApplicationInput::Steady(&load()));
    app.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc: at(22, 10, 0, 0) }));
    (app, now)
}

#[test]
fn each_quarter_is_pushed_once_with_the_values_of_its_boundary_though_it_leaves_later() {
    let (mut app, now) = born(MeterState::default());
    let (pushes, records) = run(&mut app, now, Duration::from_secs(4 * 3600 + 600));
    let opened: Vec<_> = pushes.iter().map(|push| open(&push.datagram, None).expect("authentic")).collect();
    assert_eq!(opened.len(), 16);
    let mut put_off = 0;
    for (n, (push, &(_, said, read, import, export))) in pushes.iter().zip(&opened).enumerate() {
        let boundary = at(22, 10, 0, 0) + Duration::from_secs(900 * (n as u64 + 1));
        assert_eq!(read, boundary, "{n}");
        // A kilowatt for quarters of an hour.
        assert!(import.abs_diff(250_000 * (n as u64 + 1)) <= 1 && export == 0, "{n}: {import} {export}");
        let late = push.left.as_secs() - boundary.as_secs();
        assert!((0..=i64::from(SPREAD_S)).contains(&late) && said.as_secs() == push.left.as_secs(), "{late}");
        put_off += late;
    }
    assert!(put_off > 16 * 10, "spread: {put_off} s in all");
    assert!(opened.windows(2).all(|pair| pair[0].0 < pair[1].0), "every counter is a new one");
    let reserved = records.iter().find_map(|record| match record {
        MeterPersist::Server(ServerPersist::SendCounter { reserved_to }) => Some(*reserved_to),
        _ => None,
    });
    assert!(reserved.is_some_and(|reserved| reserved > opened[15].0), "durable before it was used");
}

#[test]
fn after_an_outage_the_counters_go_on_above_all_that_were_used() {
    let (mut app, now) = born(MeterState::default());
    let (before, records) = run(&mut app, now, Duration::from_secs(3600));
    let last = open(&before.last().expect("a push").datagram, None).expect("authentic").0;
    let mut state = MeterState::default();
    records.iter().for_each(|record| state.keep(record, &config().profiles));
    let (mut again, now) = born(state);
    let (pushes, _) = run(&mut again, now, Duration::from_secs(1800));
    assert!(open(&pushes[0].datagram, Some(last)).is_some_and(|push| push.0 > last));
    assert!(open(&before[0].datagram, Some(last)).is_none(), "a replay is none");
}

#[test]
fn what_is_changed_on_the_way_is_not_heard() {
    let (mut app, now) = born(MeterState::default());
    let (pushes, _) = run(&mut app, now, Duration::from_secs(1100));
    let push = &pushes[0].datagram;
    assert!(open(push, None).is_some());
    for place in [20, push.len() / 2, push.len() - 1] {
        let mut forged = push.clone();
        forged[place] ^= 1;
        assert!(open(&forged, None).is_none(), "octet {place}");
    }
}

#[test]
fn it_answers_nobody() {
    let (mut app, now) = born(MeterState::default());
    while app.poll().is_some() {}
    let mut client = line::client(16, ClientAuthentication::None, 1);
    client.handle(now, ClientInput::Connect);
    let asked = std::iter::from_fn(|| client.poll()).find_map(|output| match output {
        ClientOutput::Datagram(bytes) => Some(bytes),
        _ => None,
    });
    let payload = UdpPayload::from_slice(&asked.expect("an AARQ")).expect("a datagram");
    let (src, src_port, dst_port) = (ShortAddress(0), 40_000, DLMS_PORT);
    let datagram = UdpIndication { src, src_port, dst_port, payload, hops: 1, lqi: Lqi(80) };
    app.handle(now, ApplicationInput::Udp(datagram));
    let said = std::iter::from_fn(|| app.poll()).any(|output| matches!(output, ApplicationOutput::Udp(_)));
    assert!(!said && app.counters().not_heard == 1);
}
