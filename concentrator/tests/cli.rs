//! The program as the shell sees it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator::config::Config;
use concentrator::grpc::{Access, Server};
use concentrator::live::{ClockKind, Live};
use concentrator::store::{Reading, Store, TaskValue};
use plc_core::{Eui64, Utc};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

const ANYWHERE: &str = "127.0.0.1:0";

fn concentrator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_concentrator")).args(arguments).output().unwrap()
}

/// Exit code 1 and this one line.
fn fails(arguments: &[&str], line: &str) {
    let output = concentrator(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(1), format!("error: {line}\n").as_str()));
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A concentrator with two readings of one meter, and its URL.
fn serving(folder: &Path) -> (Store, Server, String) {
    let mut store = Store::open(&folder.join("store.sqlite"), Utc::default()).unwrap();
    let meter = Eui64::from_u64(0xA1);
    let reading = |capture: i64, value| Reading {
        meter,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(capture),
        value,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_secs(7),
    };
    let live = Arc::new(Live::new(ClockKind::Simulated, Utc::default(), [(meter, "flat-1".to_owned())]));
    live.committed(store.insert_readings(&[reading(900, 5), reading(1800, 12)]).unwrap().newest);
    let server = Server::start(ANYWHERE.parse().unwrap(), &Access::PlainText, live, store.path()).unwrap();
    let url = format!("http://{}", server.address());
    (store, server, url)
}

/// Six values of tasks of that meter, three of each of two days.
fn values() -> Vec<TaskValue> {
    let value = |n: i64| TaskValue {
        meter: Eui64::from_u64(0xA1),
        source: [0, 0, 99, 98, 0, 255],
        logical_name: [0, 0, 96, 11, 0, 255],
        capture: Utc::from_secs(n / 3 * 86_400 + n),
        ordinal: 0,
        value: n,
        scaler: 0,
        unit: 255,
        status: 0,
        received: Utc::from_secs(7),
    };
    (0..6).map(value).collect()
}

#[test]
fn nothing_is_due_from_before_a_meter_was_expected_however_far_back_somebody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let (store, other, _) = serving(folder.path());
    other.stop().unwrap();
    let an_hour = Live::new(ClockKind::Simulated, Utc::from_secs(3600), []);
    let access = Access::PlainText;
    let server = Server::start(ANYWHERE.parse().unwrap(), &access, Arc::new(an_hour), store.path()).unwrap();
    let url = format!("http://{}", server.address());
    let ledger =
        |more: &[&str]| stdout(&concentrator(&[&["ledger", "--json", "--address", &url], more].concat()));
    let whole = ledger(&[]);
    assert!(whole.contains("durable") && whole.contains("due"), "{whole}");
    assert_eq!(ledger(&["--from", "1960-01-01T00:00:00Z"]), whole);
    assert_eq!(ledger(&["--from", "1970-01-01T00:30:00Z"]).matches("durable").count(), 1);
    server.stop().unwrap();
}

#[test]
fn digests_of_values_prove_what_another_holds_and_are_never_compared_with_those_of_readings() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, server, url) = serving(folder.path());
    store.insert_values(&values(), &[]).unwrap();
    let file = folder.path().join("theirs.json");
    let name = file.to_str().unwrap();
    let digests = |more: &[&str]| {
        concentrator(&[&["ledger", "--digests", "86400", "--json", "--address", &url], more].concat())
    };
    let against = |theirs: &str, of: &str| {
        std::fs::write(&file, theirs).unwrap();
        digests(&["--of", of, "--against", name])
    };
    let ours = stdout(&digests(&["--of", "values"]));
    assert_eq!(ours.lines().filter(|line| line.contains(r#""of":"values""#)).count(), 2, "{ours}");
    assert!(stdout(&against(&ours, "values")).is_empty());
    let (first, second) = ours.split_once('\n').unwrap();
    for (theirs, code, verdict) in [
        (ours.replacen(r#""count":3"#, r#""count":4"#, 1), 6, "different"),
        (ours.replacen(r#""sum":""#, r#""sum":"0"#, 1), 6, "different"),
        (first.to_owned(), 6, "here-alone"),
        (
            format!("{ours}{}", second.replacen(r#""from_ms":86400000"#, r#""from_ms":-86400000"#, 1)),
            0,
            "there-alone",
        ),
    ] {
        let output = against(&theirs, "values");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(code), 1), "{said}");
        assert!(said.contains(verdict) && said.contains(r#""of":"values""#), "{said}");
    }
    let readings = stdout(&digests(&[]));
    assert!(readings.contains(r#""of":"readings""#) && readings.contains(r#""count":2"#), "{readings}");
    assert!(stdout(&against(&readings.replace(r#""of":"readings","#, ""), "readings")).is_empty());
    for (theirs, of, other) in [(&readings, "values", "readings"), (&ours, "readings", "values")] {
        let output = against(theirs, of);
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!(
            "error: file {name}, line 1: a digest of {other}; expected digests of {of}, as on this side (--of)\n"
        );
        assert_eq!((output.status.code(), said), (Some(1), expected));
    }
    server.stop().unwrap();
}

#[test]
fn the_printed_configuration_is_the_default_one() {
    let text = stdout(&concentrator(&["config"]));
    assert_eq!(Config::parse(&text, Path::new("c.toml")), Ok(Config::default()));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for arguments in [
        &["no-such-command"][..],
        &["run"],
        &["demo", "--customers", "0"],
        &["demo", "--customers", "56"],
        &["readings", "--from", "yesterday"],
        &["readings", "--follow", "--to", "2026-11-22"],
        &["ledger", "--digests", "900", "--of", "events"],
        &["ledger", "--of", "values"],
    ] {
        assert_eq!(concentrator(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_error_is_one_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let name = config.to_str().unwrap();
    let missing =
        format!("configuration {name}: No such file or directory (os error 2); expected a readable file");
    fails(&["run", "--config", name], &missing);
    std::fs::write(&config, "[log]\nlevel = 5\n").unwrap();
    let wrong = "line 2: log.level = 5: expected a filter such as \"info\" or \"warn,concentrator=debug\"";
    fails(&["run", "--config", name], &format!("configuration {name}: {wrong}"));
    let nobody = TcpListener::bind(ANYWHERE).unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    fails(
        &["status", "--address", &url],
        &format!("address {url}/: no answer, expected a running concentrator"),
    );
}

#[test]
fn a_busy_port_is_one_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(ANYWHERE).unwrap();
    let address = taken.local_addr().unwrap();
    let config = write_config(folder.path(), address);
    let expected = format!("address {address}: in use by another program, expected a free port");
    fails(&["--log", "error", "run", "--config", &config], &expected);
}

#[test]
fn readings_are_printed_for_people_and_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, _server, url) = serving(folder.path());
    let table = stdout(&concentrator(&["readings", "--address", &url, "--from", "1970-01-01T00:30"]));
    let expected =
        "  CURSOR  CAPTURED              METER         OBIS                       VALUE  UNIT   STATUS
       2  1970-01-01T00:30:00Z  flat-1        1-0:1.8.0*255                1.2  Wh\n";
    assert_eq!(table, expected);
    let lines = stdout(&concentrator(&["readings", "--address", &url, "--json", "--meter", "flat-1"]));
    let values: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values.len(), 2);
    assert_eq!(
        (&values[1]["value"], &values[1]["cursor"], &values[1]["meter_id"]),
        (&12.into(), &2.into(), &"flat-1".into())
    );
}

#[test]
fn every_question_has_an_answer_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, _server, url) = serving(folder.path());
    let meter = stdout(&concentrator(&["meters", "--json", "--address", &url]));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&meter).unwrap()["state"], "expected");
    let status = stdout(&concentrator(&["status", "--json", "--address", &url]));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&status).unwrap()["newest_cursor"], 2);
    assert_eq!(stdout(&concentrator(&["topology", "--json", "--address", &url])), "");
    assert_eq!(stdout(&concentrator(&["events", "--json", "--address", &url])), "");
    assert!(
        stdout(&concentrator(&["meters", "--address", &url])).lines().nth(1).unwrap().starts_with("flat-1")
    );
    assert!(stdout(&concentrator(&["topology", "--address", &url])).starts_with("ADDR  EUI64"));
    assert!(stdout(&concentrator(&["status", "--address", &url])).contains("0 of 1 joined"));
}

#[test]
fn a_strange_meter_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, _server, url) = serving(folder.path());
    let line = "meter \"flat-9\": not known, expected an id or EUI-64 of ListMeters";
    fails(&["readings", "--address", &url, "--meter", "flat-9"], line);
    fails(&["readings", "--follow", "--address", &url, "--meter", "flat-9"], line);
}

fn write_config(folder: &Path, listen: SocketAddr) -> String {
    let config = folder.join("c.toml");
    let store = folder.join("daemon.sqlite");
    let front_end = folder.join("front-end.sock");
    let text = format!(
        "[store]\npath = {store:?}\n[grpc]\nlisten = \"{listen}\"\nplain_text = true\n[plc]\nfront_end = \"unix:{}\"\n",
        front_end.display()
    );
    std::fs::write(&config, text).unwrap();
    config.to_str().unwrap().to_owned()
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_daemon_serves_without_a_front_end_says_so_and_stops_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let listen = TcpListener::bind(ANYWHERE).unwrap().local_addr().unwrap();
    let config = write_config(folder.path(), listen);
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_concentrator"))
        .args(["run", "--config", &config])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://{listen}");
    let status = loop {
        let output = concentrator(&["status", "--json", "--address", &url]);
        let told = serde_json::from_slice::<serde_json::Value>(&output.stdout).ok();
        if let Some(status) = told.filter(|status| status["fault"] != "") {
            break status;
        }
        assert_eq!(daemon.try_wait().unwrap(), None, "it still runs");
    };
    assert_eq!(status["clock"], "real");
    interrupt(&daemon);
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    let store = Store::open(&folder.path().join("daemon.sqlite"), Utc::default()).unwrap();
    let events = store.reader().events(concentrator::store::Cursor::START, 9).unwrap();
    let kinds: Vec<_> = events.iter().map(|stored| stored.event.kind.as_str()).collect();
    assert_eq!(kinds, ["started", "power-line-fault", "stopped"]);
}
