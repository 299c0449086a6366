//! A daemon whose power is cut again and again.

use crate::process::{concentrator, wait_for};
use crate::town::{Daemon, Town, dump, events};
use concentrator::store::{EventKind, KeyFile, MAC_FRAME_COUNTER, StoreReader, StoredReading};
use concentrator_proto::v1::{Meter, MeterState};
use plc_core::{Eui64, ShortAddress, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const METERS: usize = 3;
const PERIOD_MS: i64 = 900_000;

/// What identifies a reading, and what was read.
type Values = BTreeMap<(Eui64, [u8; 6], Utc), i64>;

/// What must never go back, whatever the power does.
#[derive(Debug, Default)]
struct Held {
    frame_counter: u64,
    counters: BTreeMap<Eui64, (u64, u64)>,
    addresses: BTreeMap<Eui64, ShortAddress>,
    readings: Vec<StoredReading>,
}

#[test]
fn a_killed_daemon_goes_on_without_losing_a_reading_or_being_refused() {
    let town = Town::new(METERS as u8);
    let store = town.store();
    let mut held = Held::default();
    let mut cut = |what: &str, moment: fn(&mut Daemon, &Path) -> bool| {
        let mut daemon = town.daemon();
        wait_for(what, || moment(&mut daemon, &store).then_some(()));
        daemon.kill();
        held = held.outlived(Held::read(&store), what);
    };
    cut("the first has joined and the next are joining", |_, store| joined(store) > 0);
    cut("the last has just joined", |_, store| joined(store) == METERS);
    cut("nobody has been read yet", |daemon, _| is_in_network(&daemon.client.meters()));
    cut("the first session is open", |daemon, _| is_reading(&daemon.client.meters()));
    cut("some are read, and nothing of it is durable", |daemon, _| daemon.client.holds_in_hand());
    cut("between two periods", is_between);
    cut("a session is open again", |daemon, _| is_reading(&daemon.client.meters()));
    let boundary = newest(&dump(&store)) + 2 * PERIOD_MS;
    let mut daemon = town.daemon();
    wait_for("two more periods", || (oldest_of_newest(&store) >= Some(boundary)).then_some(()));
    assert_eq!(daemon.client.status().fault, "");
    assert_eq!(daemon.terminate().code, Some(0));
    held.outlived(Held::read(&store), "asked to stop");
    assert_no_refusal(&store);
    let lived = values(&dump(&store));
    let periods = (newest(&dump(&store)) - first_boundary(&lived)) / PERIOD_MS;
    assert_eq!(lived, undisturbed(periods));
}

impl Held {
    fn read(store: &Path) -> Self {
        let reader = StoreReader::open(store).unwrap();
        let meters = reader.meters().unwrap();
        let keys = KeyFile::open_read_only(store).unwrap();
        let invocation = |meter| keys.meter_counters(meter).unwrap().invocation;
        let counters = meters.iter().map(|m| (m.eui64, (invocation(m.eui64), m.server_counter)));
        let address = |m: &concentrator::store::MeterRow| Some((m.eui64, m.short_address?));
        Self {
            frame_counter: keys.counter(MAC_FRAME_COUNTER).unwrap().unwrap_or(0),
            counters: counters.collect(),
            addresses: meters.iter().filter_map(address).collect(),
            readings: dump(store),
        }
    }

    /// Compares with what is held later.
    fn outlived(&self, later: Self, when: &str) -> Self {
        let has_read = later.readings.len() > self.readings.len();
        let forward = later.frame_counter - self.frame_counter;
        assert!(forward > 0 || !has_read, "{when}: frames were secured with counters of a former life");
        for (meter, (invocation, server)) in &self.counters {
            let (later_invocation, later_server) = later.counters[meter];
            assert!(later_invocation >= *invocation && later_server >= *server, "{when}: {meter}");
        }
        for (meter, address) in &self.addresses {
            assert_eq!(later.addresses.get(meter), Some(address), "{when}: address of {meter}");
        }
        assert_eq!(later.readings[..self.readings.len()], self.readings, "{when}: readings stay");
        later
    }
}

/// Nobody had to join again, and no session failed: what a meter takes for a replay it does not answer.
fn assert_no_refusal(store: &Path) {
    let events = events(store);
    let mut joined = BTreeSet::new();
    for stored in &events {
        let event = &stored.event;
        match event.kind {
            EventKind::MeterJoined => assert!(joined.insert(event.meter), "joined twice: {events:?}"),
            EventKind::Started | EventKind::Stopped => {}
            _ => panic!("{event}"),
        }
    }
    assert_eq!(events.iter().filter(|stored| stored.event.kind == EventKind::Started).count(), 8);
}

/// The same street with nobody who cuts the power.
fn undisturbed(periods: i64) -> Values {
    let folder = tempfile::tempdir().unwrap();
    let (customers, periods) = (METERS.to_string(), periods.to_string());
    let kept = ["--listen", "127.0.0.1:0", "--keep", folder.path().to_str().unwrap()];
    let which = ["demo", "--customers", &customers, "--periods", &periods];
    let ended = concentrator(&[&which[..], &kept].concat()).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    values(&dump(&folder.path().join("concentrator.sqlite")))
}

/// Each reading once; the store may not hold one twice.
fn values(readings: &[StoredReading]) -> Values {
    let mut values = Values::new();
    for reading in readings.iter().map(|stored| &stored.reading) {
        let key = (reading.meter, reading.logical_name, reading.capture);
        assert_eq!(values.insert(key, reading.value), None, "held twice: {reading:?}");
    }
    values
}

fn first_boundary(values: &Values) -> i64 {
    values.keys().map(|(.., capture)| capture.as_millis()).min().unwrap()
}

fn newest(readings: &[StoredReading]) -> i64 {
    readings.iter().map(|stored| stored.reading.capture.as_millis()).max().unwrap()
}

/// The newest capture that is held of every meter, once there is one.
fn oldest_of_newest(store: &Path) -> Option<i64> {
    let captures = StoreReader::open(store).unwrap().last_captures().unwrap();
    let oldest = captures.values().min().map(|capture| capture.as_millis());
    oldest.filter(|_| captures.len() == METERS)
}

fn joined(store: &Path) -> usize {
    let meters = StoreReader::open(store).unwrap().meters().unwrap();
    meters.iter().filter(|meter| meter.short_address.is_some()).count()
}

fn is_in_network(meters: &[Meter]) -> bool {
    meters.iter().all(|meter| meter.state() == MeterState::Joined)
}

fn is_reading(meters: &[Meter]) -> bool {
    meters
        .iter()
        .any(|meter| meter.state() == MeterState::Reading && meter.counters.unwrap().datagrams_received > 1)
}

/// Whether everybody has been read, and the next boundary is far away.
fn is_between(daemon: &mut Daemon, store: &Path) -> bool {
    let now = daemon.client.status().now_ms;
    let since = now.rem_euclid(PERIOD_MS);
    oldest_of_newest(store) == Some(now - since) && (200_000..600_000).contains(&since)
}
