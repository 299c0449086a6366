//! The whole way of a reading and of a value: street, daemon, head-end, over mutual TLS, and the proof that both hold the same.

use crate::process::{Process, concentrator, head_end, wait_for};
use crate::town::{Daemon, Town, dump};
use concentrator::grpc::obis;
use concentrator::store::{Cursor, StoreReader, StoredValue};
use serde_json::{Value, json};
use std::path::Path;

/// Makes the certificates of a box and a head-end in `folder`.
pub(crate) fn certificates(folder: &Path) {
    let made = concentrator(&["pki", "init", "--dir", folder.to_str().unwrap(), "--box", "box-1"]).end();
    assert_eq!(made.code, Some(0), "{made:?}");
}

pub(crate) fn start(pki: &Path, store: &Path) -> (Process, String) {
    start_on("127.0.0.1:0", pki, store)
}

fn start_on(listen: &str, pki: &Path, store: &Path) -> (Process, String) {
    let file = |name: &str| pki.join(name).display().to_string();
    let mut process = head_end(&[
        "--listen",
        listen,
        "--store",
        store.to_str().unwrap(),
        "--authority",
        &file("ca.pem"),
        "--certificate",
        &file("head-end.pem"),
        "--key",
        &file("head-end.key"),
    ]);
    let address = process.prints("listening on ");
    (process, address)
}

/// Configures the daemon of the town to deliver to the head-end at `address`, with the certificates in `pki`.
pub(crate) fn delivering(town: &Town, address: &str) {
    let port = address.rsplit(':').next().unwrap();
    let config = std::fs::read_to_string(town.path("daemon.toml")).unwrap();
    let backhaul = format!(
        "[backhaul]\nhead_end = \"https://localhost:{port}\"\nbox_id = \"box-1\"\nauthority = \"pki/ca.pem\"\n\
         certificate = \"pki/box-1.pem\"\nkey = \"pki/box-1.key\"\n\n[[meter]]"
    );
    std::fs::write(town.path("daemon.toml"), config.replacen("[[meter]]", &backhaul, 1)).unwrap();
}

/// What a command of a daemon prints as JSON.
fn told(daemon: &Daemon, words: &[&str]) -> Vec<Value> {
    let ended = concentrator(&[words, &["--address", &daemon.url, "--json"]].concat()).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The values of tasks that a head-end holds, as it prints them.
fn theirs(store: &Path) -> Vec<Value> {
    let printed = head_end(&["values", "--store", store.to_str().unwrap()]).end();
    assert_eq!(printed.code, Some(0), "{printed:?}");
    printed.out.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The values of tasks that a box holds.
fn ours(store: &Path) -> Vec<StoredValue> {
    StoreReader::open(store).unwrap().values(None, Cursor::START, usize::MAX).unwrap()
}

/// How the head-end has to print a value.
fn printed(stored: &StoredValue) -> Value {
    let value = &stored.value;
    json!({
        "eui64": value.meter.to_string(), "source": obis(value.source), "obis": obis(value.logical_name),
        "capture_time_ms": value.capture.as_millis(), "ordinal": value.ordinal, "value": value.value,
        "scaler": value.scaler, "unit": value.unit, "status": value.status, "received_ms": value.received.as_millis(),
    })
}

const TASKS: &str = r#"
[[task]]
name = "volts"
read = "instant"
every_s = 120

[[task]]
name = "logs"
read = "events"
every_s = 120
offset_s = 60
"#;

#[test]
fn values_of_tasks_arrive_each_once_although_head_end_and_daemon_die_in_between() {
    let town = Town::new(2);
    let (pki, held) = (town.path("pki"), town.path("head.sqlite"));
    certificates(&pki);
    let (first_life, address) = start(&pki, &held);
    delivering(&town, &address);
    let config = std::fs::read_to_string(town.path("daemon.toml")).unwrap();
    std::fs::write(town.path("daemon.toml"), format!("{config}\n{TASKS}")).unwrap();
    let daemon = town.daemon();
    wait_for("values at the head-end", || (!theirs(&held).is_empty()).then_some(()));
    first_life.kill();
    let arrived = theirs(&held).len();
    wait_for("values that wait for the head-end", || {
        let way = &told(&daemon, &["backhaul"])[0];
        (way["undelivered_values"].as_u64().unwrap() > 0 && way["linked"] == false).then_some(())
    });
    daemon.kill();
    let daemon = town.daemon();
    let (second_life, _) = start_on(&address, &pki, &held);
    wait_for("more values at the head-end than before", || (theirs(&held).len() > arrived).then_some(()));
    second_life.kill();
    let (third_life, _) = start_on(&address, &pki, &held);
    // Nothing new, then everything that was in hand durable, then everything delivered.
    for task in ["volts", "logs"] {
        let paused = concentrator(&["tasks", "pause", task, "--address", &daemon.url]).end();
        assert_eq!(paused.code, Some(0), "{paused:?}");
    }
    wait_for("the end of the runs under way", || {
        let tasks = told(&daemon, &["tasks"]);
        tasks[1..].iter().all(|task| task["paused"] == true && task["run"].is_null()).then_some(())
    });
    assert_eq!(daemon.terminate().code, Some(0));
    let daemon = town.daemon();
    let way = wait_for("all values delivered", || {
        let way = told(&daemon, &["backhaul"]).remove(0);
        (way["undelivered_values"] == 0 && way["linked"] == true).then_some(way)
    });
    let printed_digests = head_end(&["digests", "--store", held.to_str().unwrap(), "--of", "values"]).end();
    assert!(printed_digests.code == Some(0) && !printed_digests.out.is_empty(), "{printed_digests:?}");
    let file = town.path("theirs.json");
    std::fs::write(&file, printed_digests.out.join("\n")).unwrap();
    let compared = ["ledger", "--digests", "86400", "--of", "values", "--against", file.to_str().unwrap()];
    assert_eq!(told(&daemon, &compared), [Value::Null; 0], "the digests prove it");
    assert_eq!(daemon.terminate().code, Some(0));
    let (box_holds, head_end_holds) = (ours(&town.store()), theirs(&held));
    assert_eq!(way["values_through"], box_holds.len(), "{way}");
    assert_eq!(way["takes_values"], true);
    let sources = |source: [u8; 2]| box_holds.iter().any(|stored| stored.value.source[1..3] == source);
    assert!(sources([0, 99]) && sources([0, 32]), "of both tasks");
    assert_eq!(
        head_end_holds,
        box_holds.iter().map(printed).collect::<Vec<_>>(),
        "the same, in order, each once"
    );
    assert_eq!(third_life.terminate().code, Some(0));
}

#[test]
fn what_a_daemon_reads_arrives_at_the_head_end_and_digests_prove_it() {
    let town = Town::new(2);
    let (pki, held) = (town.path("pki"), town.path("head.sqlite"));
    certificates(&pki);
    let (head_end_process, address) = start(&pki, &held);
    delivering(&town, &address);
    let daemon = town.daemon();
    let ask = |words: &[&str]| concentrator(&[words, &["--address", &daemon.url]].concat()).end();
    wait_for("all that is read is delivered", || {
        let told = ask(&["backhaul", "--json"]).out.join("\n");
        let delivered = told.contains("\"undelivered\":0") && told.contains("\"linked\":true");
        (delivered && dump(&town.store()).len() > 4).then_some(())
    });
    let theirs = head_end(&["digests", "--store", held.to_str().unwrap(), "--bucket", "900"]).end();
    assert!(theirs.code == Some(0) && theirs.out.len() >= 2, "{theirs:?}");
    // The line of the newest capture may be on its way; only what the head-end holds is compared.
    let file = town.path("theirs.json");
    std::fs::write(&file, theirs.out.join("\n")).unwrap();
    let compare = || ask(&["ledger", "--digests", "900", "--against", file.to_str().unwrap(), "--json"]);
    let same = compare();
    let others = |verdict: &str| same.out.iter().filter(|row| row.contains(verdict)).count();
    assert_eq!((others("different"), others("there-alone")), (0, 0), "{same:?}");
    let changed = theirs.out[0].replacen("\"count\":", "\"count\":1", 1);
    std::fs::write(&file, [&[changed], &theirs.out[1..]].concat().join("\n")).unwrap();
    let differs = compare();
    assert_eq!(differs.code, Some(6), "{differs:?}");
    assert_eq!(
        differs.out.iter().filter(|row| row.contains("\"verdict\":\"different\"")).count(),
        1,
        "{differs:?}"
    );
    std::fs::write(&file, "no digest").unwrap();
    assert!(compare().err.join("\n").contains("line 1: expected a digest"));
    assert_eq!(daemon.terminate().code, Some(0));
    assert_eq!(head_end_process.terminate().code, Some(0));
}
