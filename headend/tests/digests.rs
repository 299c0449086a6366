//! Digests of values of tasks: box and head-end have the same where they hold the same, and others where one value is another, is
//! missing or is there twice.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

use concentrator::grpc::{Access, Server};
use concentrator::live::{ClockKind, Live};
use concentrator::store::{Reading, Store, TaskValue};
use concentrator::uplink::wire::DIGESTS_MAX;
use concentrator_proto::v1;
use concentrator_proto::v1::ledger_client::LedgerClient;
use headend::service::serve;
use headend::{BoxLife, Committer, HeadStore, HeadStoreError, Parcel, Rows};
use plc_core::{Eui64, Utc};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::net::TcpListener;
use tonic::Code;

const DAY: i64 = 86_400;
const BILLING: [u8; 6] = [1, 0, 98, 1, 0, 255];
const LOG: [u8; 6] = [0, 0, 99, 98, 0, 255];

/// Two meters, two sources, three days, some at the same second.
fn values() -> Vec<TaskValue> {
    let value = |n: i64| TaskValue {
        meter: Eui64::from_u64(1 + n.cast_unsigned() % 2),
        source: if n % 4 < 2 { BILLING } else { LOG },
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(n / 40 * DAY + n % 40 / 8 * 900),
        ordinal: u16::try_from(n % 8).unwrap(),
        value: n - 50,
        scaler: -1,
        unit: 30,
        status: 3,
        received: Utc::from_secs(n),
    };
    (0..120).map(value).collect()
}

/// A program that another test starts at this moment may still hold the lock of the writer before, until it has begun.
fn opened(path: &Path) -> HeadStore {
    let tries = (0..10_000).find_map(|_| match HeadStore::open(path) {
        Err(HeadStoreError::Busy(_)) => {
            std::thread::sleep(std::time::Duration::from_millis(1));
            None
        }
        opened => Some(opened.unwrap()),
    });
    tries.unwrap()
}

fn commit(path: &Path, values: &[TaskValue]) {
    let life = BoxLife { box_id: "box-1".into(), epoch: 1 };
    let span = backhaul::Span { first: 1, last: values.len() as u64 };
    let mut store = opened(path);
    assert_eq!(store.commit(&[Parcel { life, span, rows: Rows::Values(values.to_vec()) }]).unwrap(), 0);
}

/// What the program prints of the digests, ordered by meter and day.
fn printed(store: &Path, of: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concentrator-headend"));
    let output = command.args(["digests", "--store", store.to_str().unwrap()]).args(of).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The digests of an answer, as the program prints them.
fn lines(of: &str, answer: &v1::LedgerDigestsResponse) -> Vec<String> {
    let line = |digest: &v1::RangeDigest| {
        let mut sum = String::new();
        digest.sum.iter().for_each(|octet| write!(sum, "{octet:02x}").unwrap());
        let v1::RangeDigest { eui64, from_ms, count, .. } = digest;
        format!(
            r#"{{"of":"{of}","eui64":"{eui64:016x}","from_ms":{from_ms},"bucket_ms":86400000,"count":{count},"sum":"{sum}"}}"#
        )
    };
    answer.digests.iter().map(line).collect()
}

fn ask(url: String, request: v1::LedgerDigestsRequest) -> Result<v1::LedgerDigestsResponse, tonic::Status> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = LedgerClient::connect(url).await.unwrap();
        Ok(client.digests(request).await?.into_inner())
    })
}

fn days(lot: v1::Lot) -> v1::LedgerDigestsRequest {
    v1::LedgerDigestsRequest { bucket_ms: 86_400_000, lot: lot.into(), ..Default::default() }
}

/// A box that holds the values, and a reading.
fn serving(folder: &Path) -> (Store, Server, String) {
    let mut store = Store::open(&folder.join("box.sqlite"), Utc::default()).unwrap();
    store.insert_values(&values(), &[]).unwrap();
    let reading = Reading {
        meter: Eui64::from_u64(1),
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(900),
        value: 7,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_secs(901),
    };
    store.insert_readings(&[reading]).unwrap();
    let meters = [1, 2].map(|n| (Eui64::from_u64(n), format!("flat-{n}")));
    let live = Arc::new(Live::new(ClockKind::Simulated, Utc::default(), meters));
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(anywhere, &Access::PlainText, live, store.path()).unwrap();
    let url = format!("http://{}", server.address());
    (store, server, url)
}

#[test]
fn box_and_head_end_that_hold_the_same_values_have_the_same_digests_in_whatever_order_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, server, url) = serving(folder.path());
    let theirs = folder.path().join("head.sqlite");
    // When it was received may differ, as after a restart in between.
    let again = values().into_iter().rev().map(|value| TaskValue { received: Utc::from_secs(9), ..value });
    commit(&theirs, &again.collect::<Vec<_>>());
    let ours = ask(url.clone(), days(v1::Lot::Values)).unwrap();
    assert_eq!(ours.lot(), v1::Lot::Values);
    assert_eq!(ours.digests.len(), 6, "two meters, three days");
    assert_eq!(ours.digests.iter().map(|digest| digest.count).sum::<u64>(), 120);
    assert_eq!(printed(&theirs, &["--of", "values"]), lines("values", &ours));
    // Who does not say of what, or says readings, gets those of readings.
    let readings = ask(url.clone(), days(v1::Lot::Readings)).unwrap();
    assert_eq!((readings.digests.len(), readings.lot()), (1, v1::Lot::Readings));
    assert_eq!(ask(url.clone(), days(v1::Lot::Unspecified)).unwrap(), readings);
    assert_eq!(printed(&theirs, &[]), [""; 0], "the head-end holds no readings");
    let status = ask(url, days(v1::Lot::Events)).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("lot 1: expected 2 (readings) or 3 (values)"), "{status}");
    server.stop().unwrap();
}

#[test]
fn the_digests_are_of_the_meter_and_the_time_that_are_asked_for_at_either_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, server, box_url) = serving(folder.path());
    let path = folder.path().join("head.sqlite");
    commit(&path, &values());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (committer, _writer) = Committer::start(opened(&path)).unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(serve(listener, committer, path.clone(), None, std::future::pending()));
    let all = ask(url.clone(), days(v1::Lot::Values)).unwrap();
    assert_eq!(all, ask(box_url.clone(), days(v1::Lot::Values)).unwrap());
    let some = v1::LedgerDigestsRequest {
        meter_id: "0000000000000002".into(),
        from_ms: Some(DAY * 1000),
        to_ms: Some(2 * DAY * 1000),
        ..days(v1::Lot::Values)
    };
    let found = ask(url.clone(), some.clone()).unwrap();
    assert_eq!(found.digests, [all.digests[4].clone()], "the second day of the second meter");
    assert_eq!(ask(box_url, some).unwrap(), found);
    let events = ask(url, days(v1::Lot::Events)).unwrap_err();
    assert_eq!(events.code(), Code::InvalidArgument);
    let of_meter = printed(&path, &["--of", "values", "--meter", "0000000000000002"]);
    assert_eq!(of_meter.len(), 3);
    server.stop().unwrap();
}

/// A head-end whose table was changed behind its back: nothing proves itself by how it came there.
fn tampered(folder: &Path, sql: &str) -> Vec<String> {
    let path = folder.join("tampered.sqlite");
    let _ = std::fs::remove_file(&path);
    commit(&path, &values());
    // Without the constraint that keeps a value from being there twice.
    let loose = "CREATE TABLE loose AS SELECT * FROM task_values; DROP TABLE task_values; ALTER TABLE loose RENAME TO task_values";
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(loose).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    printed(&path, &["--of", "values"])
}

#[test]
fn one_value_that_is_another_is_missing_or_is_there_twice_is_another_digest_of_its_meter_and_day_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, server, url) = serving(folder.path());
    let ours = lines("values", &ask(url, days(v1::Lot::Values)).unwrap());
    assert_eq!(tampered(folder.path(), ""), ours);
    let the_61st = "(SELECT place FROM task_values ORDER BY place LIMIT 1 OFFSET 60)";
    let columns = "meter, source, logical_name, capture, ordinal, value, scaler, unit, status, received";
    for sql in [
        format!("UPDATE task_values SET value = value + 1 WHERE place = {the_61st}"),
        format!("UPDATE task_values SET ordinal = ordinal + 1 WHERE place = {the_61st}"),
        format!("UPDATE task_values SET source = logical_name WHERE place = {the_61st}"),
        format!("DELETE FROM task_values WHERE place = {the_61st}"),
        format!(
            "INSERT INTO task_values ({columns}) SELECT {columns} FROM task_values WHERE place = {the_61st}"
        ),
    ] {
        let theirs = tampered(folder.path(), &sql);
        let different: Vec<_> = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).collect();
        assert_eq!((theirs.len(), different.len()), (ours.len(), 1), "{sql}");
        let place = r#""eui64":"0000000000000001","from_ms":86400000,"#;
        assert!(different[0].0.contains(place) && different[0].1.contains(place), "{sql}: {different:?}");
    }
    server.stop().unwrap();
}

#[test]
fn digests_come_in_pages_and_who_knows_none_is_refused_more_than_fit_into_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("box.sqlite"), Utc::default()).unwrap();
    let live = Arc::new(Live::new(ClockKind::Real, Utc::default(), []));
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(anywhere, &Access::PlainText, live, store.path()).unwrap();
    let url = format!("http://{}", server.address());
    let reading = |n: i64| Reading {
        meter: Eui64::from_u64(7),
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(n),
        value: n,
        scaler: 0,
        unit: 30,
        status: 0,
        received: Utc::default(),
    };
    let all: Vec<_> = (0..i64::from(DIGESTS_MAX) + 5).map(reading).collect();
    all.chunks(5000).for_each(|batch| _ = store.insert_readings(batch).unwrap());
    let seconds = v1::LedgerDigestsRequest { bucket_ms: 1000, ..Default::default() };
    let refused = ask(url.clone(), seconds.clone()).unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().starts_with("more than 20000 digests"), "{refused}");
    let first = ask(url.clone(), v1::LedgerDigestsRequest { limit: u32::MAX, ..seconds.clone() }).unwrap();
    assert_eq!((first.digests.len(), first.more), (DIGESTS_MAX as usize, true));
    let last = first.digests.last().unwrap();
    let (after_eui64, after_from_ms) = (last.eui64, Some(last.from_ms));
    let rest = v1::LedgerDigestsRequest { limit: 9, after_eui64, after_from_ms, ..seconds };
    let rest = ask(url, rest).unwrap();
    let times: Vec<_> = rest.digests.iter().map(|digest| digest.from_ms / 1000).collect();
    assert_eq!((times, rest.more), ((0..5).map(|n| n + i64::from(DIGESTS_MAX)).collect(), false));
    server.stop().unwrap();
}
