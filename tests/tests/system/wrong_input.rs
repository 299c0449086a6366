//! Whatever is wrong with what it is given, a program says so in one line, and damages nothing.

use crate::process::{concentrator, plcsim, wait_for};
use crate::town::Town;
use concentrator::store::Store;
use plc_core::Utc;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;

/// Exit code 1 and this one line.
fn refused(arguments: &[&str], line: &str) {
    let ended = concentrator(arguments).end();
    assert_eq!((ended.code, ended.err), (Some(1), vec![format!("error: {line}")]), "{arguments:?}");
    assert!(ended.out.is_empty(), "{arguments:?}");
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A configuration with this store.
fn with_store(folder: &Path, store: &str) -> String {
    let text = format!(
        "[store]\npath = {store:?}\n[grpc]\nlisten = \"127.0.0.1:0\"\nplain_text = true\n[log]\nlevel = \"error\"\n"
    );
    write(folder, "with_store.toml", text)
}

#[test]
fn a_fault_of_the_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let sections = "store, grpc, backhaul, plc, collector, metrics, log, jobs, meter, meters_file, task";
    for (text, fault) in [
        ("[stor]\n", format!("line 1: stor: unknown key, expected one of {sections}")),
        ("[plc]\n\nband = \"fcc\"\n", "line 3: plc.band = \"fcc\": expected \"cenelec-a\"".to_owned()),
        (
            "[plc]\nfront_end = \"serial:x\"\n",
            "line 2: plc.front_end = \"serial:x\": expected \"unix:/absolute/path\" or \"tcp:host:port\"".to_owned(),
        ),
        ("nonsense\n", "line 1: key with no value, expected `=`".to_owned()),
        (
            "[[meter]]\nid = \"a\"\neui64 = \"0011223344556677\"\npsk = \"00112233445566778899aabbccddeeff\"\n\
             encryption_key = \"00112233445566778899aabbccddeeff\"\n",
            "line 1: meter.authentication_key: missing, expected 32 hexadecimal digits, or \"file:path\" of a \
             file that holds them"
                .to_owned(),
        ),
    ] {
        let config = write(folder.path(), "c.toml", text);
        refused(&["run", "--config", &config], &format!("configuration {config}: {fault}"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
    }
}

#[test]
fn a_configuration_is_checked_and_compared_for_programs_too() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.toml", "[collector]\nretries = 3\n");
    let other = write(folder.path(), "other.toml", "[collector]\nretries = 4\n");
    let bad = write(folder.path(), "bad.toml", "[plc]\nband = \"fcc\"\n[stor]\n");
    let told = |arguments: &[&str]| {
        let ended = concentrator(&[arguments, &["--json"]].concat()).end();
        let lines = ended.out.iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
        (ended.code, lines)
    };
    let checked = |file: &str, meters, faults| json!({ "file": file, "meters": meters, "head_end": null, "warnings": [], "faults": faults });
    assert_eq!(told(&["config", "check", &good]), (Some(0), vec![checked(&good, json!(0), json!([]))]));
    let (code, lines) = told(&["config", "check", &bad]);
    assert_eq!((code, lines.len()), (Some(1), 1));
    let faults = lines[0]["faults"].as_array().unwrap();
    assert_eq!(faults.iter().map(|fault| &fault["line"]).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(faults[0]["text"], "plc.band = \"fcc\": expected \"cenelec-a\"");
    let change =
        json!({ "key": "collector.retries", "old": "3", "new": "4", "effect": "opens the power line anew" });
    assert_eq!(told(&["config", "diff", &good, &other]), (Some(0), vec![change]));
}

#[test]
fn broken_files_beside_the_store_are_named_and_meters_are_read_all_the_same() {
    let town = Town::new(1);
    for name in ["tasks.sqlite", "jobs.sqlite"] {
        std::fs::write(town.path(name), [b'x'; 5000]).unwrap();
    }
    let mut daemon = town.daemon();
    let told = daemon.client.status().impairments;
    for (name, not_taken, holds) in [
        ("tasks.sqlite", "no tasks are taken: ", "the tasks"),
        ("jobs.sqlite", "no jobs are taken: ", "the jobs"),
    ] {
        let file = town.path(name);
        let named = format!("file {}: expected {holds} of a concentrator, or no file at all", file.display());
        let said = told.iter().find(|text| text.starts_with(not_taken)).unwrap();
        assert!(said.ends_with(&named), "{said}");
        assert_eq!(std::fs::read(file).unwrap(), [b'x'; 5000]);
    }
    wait_for("it has joined", || (daemon.client.status().joined == 1).then_some(()));
    wait_for("a reading", || {
        daemon.client.meters().iter().all(|meter| meter.last_reading_time_ms.is_some()).then_some(())
    });
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn a_file_that_is_no_store_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "a letter to somebody, and long enough to be taken for the header of a database file".repeat(2);
    for content in ["", "short", &text] {
        let store = write(folder.path(), "letter.txt", content);
        let expected =
            format!("store {store}: not a database of the concentrator; expected one, or no file at all");
        refused(&["run", "--config", &with_store(folder.path(), &store)], &expected);
        assert_eq!(std::fs::read_to_string(&store).unwrap(), content);
    }
}

#[test]
fn a_store_of_another_version_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    Store::open(&path, Utc::default()).unwrap().close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // The user version, in the header of the file.
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let store = path.to_str().unwrap();
    let expected = format!("store {store}: schema version 99, expected 5");
    refused(&["run", "--config", &with_store(folder.path(), store)], &expected);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_store_without_its_keys_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    Store::open(&path, Utc::default()).unwrap().close().unwrap();
    let keys = folder.path().join("keys.sqlite");
    std::fs::remove_file(&keys).unwrap();
    let (store, keys_name) = (path.to_str().unwrap(), keys.display());
    let expected = format!(
        "keys {keys_name}: missing, and the store {store} has been used with them; expected the file: without it counters would go back; if it is lost, `concentrator store renew` goes on with a new network and with counters that were certainly not used"
    );
    refused(&["run", "--config", &with_store(folder.path(), store)], &expected);
    assert!(!keys.exists());
}

#[test]
fn a_store_that_is_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let _writer = Store::open(&path, Utc::default()).unwrap();
    let store = path.to_str().unwrap();
    let expected = format!("store {store}: already open for writing; expected to be its only writer");
    refused(&["run", "--config", &with_store(folder.path(), store)], &expected);
}

#[test]
fn a_fault_of_a_feeder_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let feeder = folder.path().to_str().unwrap();
    let demo = ["demo", "--customers", "1", "--listen", "127.0.0.1:0", "--feeder", feeder];
    let missing = folder.path().join("buses.csv");
    let expected =
        format!("{}: No such file or directory (os error 2), expected a readable file", missing.display());
    refused(&demo, &expected);
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/data/european-lv-feeder");
    for name in ["buses.csv", "cables.csv", "customers.csv", "lines.csv", "profiles_kw.csv"] {
        std::fs::copy(tables.join(name), folder.path().join(name)).unwrap();
    }
    let lines = std::fs::read_to_string(folder.path().join("lines.csv")).unwrap();
    let broken = lines.replacen("LINE2,2,3,", "LINE2,abc,3,", 1);
    assert_ne!(broken, lines);
    write(folder.path(), "lines.csv", broken);
    refused(&demo, "lines.csv, line 3, column from_bus: expected a bus of buses.csv, found \"abc\"");
}

#[test]
fn a_place_that_cannot_be_had_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "file", "mine");
    let demo = ["demo", "--customers", "1"];
    let here = ["--listen", "127.0.0.1:0", "--keep", &file];
    refused(
        &[&demo[..], &here].concat(),
        &format!("folder {file}: File exists (os error 17), expected a folder that can be made"),
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        &[&demo[..], &["--listen", &address]].concat(),
        &format!("address {address}: in use by another program, expected a free port"),
    );
}

#[test]
fn the_socket_of_a_killed_street_is_used_again_and_that_of_a_living_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("street.sock");
    let arguments = ["street", "--customers", "1", "--socket", socket.to_str().unwrap()];
    let mut killed = plcsim(&arguments);
    killed.says("meters behind");
    assert_eq!(plcsim(&arguments).end().code, Some(1));
    drop(killed);
    plcsim(&arguments).says("meters behind");
}

#[test]
fn a_street_that_cannot_be_served_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "file", "mine");
    let ended = plcsim(&["street", "--customers", "1", "--socket", &file]).end();
    let expected =
        format!("error: socket {file}: Address already in use (os error 98), expected a path that is free");
    assert_eq!((ended.code, ended.err), (Some(1), vec![expected]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    for wrong in [["--customers", "0"], ["--customers", "56"], ["--snr", "nan"], ["--snr", "loud"]] {
        let arguments = [&["street", "--socket", &file][..], &wrong].concat();
        assert_eq!(plcsim(&arguments).end().code, Some(2), "{wrong:?}");
    }
}

#[test]
fn an_unknown_meter_is_named_by_a_running_demo() {
    let mut demo =
        concentrator(&["demo", "--customers", "1", "--periods", "1", "--hold", "--listen", "127.0.0.1:0"]);
    let url = demo.says("gRPC:");
    let expected = "meter \"nobody\": not known, expected an id or EUI-64 of ListMeters";
    refused(&["readings", "--meter", "nobody", "--address", &url], expected);
    demo.says("serving until");
    let ended = demo.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
