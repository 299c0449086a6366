//! What a daemon tells of its power line: frames, links, routes; and the archive for those who help.

use crate::process::{concentrator, wait_for};
use crate::town::Town;
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The kinds of the blocks of a pcapng file, each of which is whole.
fn blocks(path: &Path) -> Vec<u32> {
    let file = std::fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut kinds) = (0, Vec::new());
    while at < file.len() {
        let len = word(at + 4) as usize;
        assert_eq!(word(at + len - 4) as usize, len, "block at {at}");
        kinds.push(word(at));
        at += len;
    }
    kinds
}

#[test]
fn frames_are_captured_on_the_box_and_links_and_routes_are_shown() {
    let town = Town::new(2);
    let mut daemon = town.daemon();
    let ask = |words: &[&str]| concentrator(&[words, &["--address", &daemon.url]].concat()).end();
    let file = town.path("line.pcapng");
    let captured = ask(&["capture", "--frames", "40", "--out", file.to_str().unwrap()]);
    assert_eq!(captured.code, Some(0), "{captured:?}");
    assert!(captured.err.iter().any(|line| line.starts_with("40 frames, ")), "{captured:?}");
    let kinds = blocks(&file);
    assert_eq!(kinds[..3], [0x0A0D_0D0A, 1, 1]);
    assert!((30..=40).contains(&kinds[3..].iter().filter(|&&kind| kind == 6).count()), "{kinds:?}");
    let lines = ask(&["capture", "--frames", "40", "--json"]).out.join("\n");
    for part in
        ["\"sent\":true", "\"sent\":false", "\"what\":\"data\"", "\"what\":\"ack\"", "\"source\":\"0000\""]
    {
        assert!(lines.contains(part), "{part} in {lines}");
    }
    wait_for("all are read", || {
        daemon.client.meters().iter().all(|m| m.last_reading_time_ms.is_some()).then_some(())
    });
    let rows = |option| ask(&["topology", option, "--json"]).out;
    // The tables are told a few times per second, and a whole minute of the line may lie between.
    let (links, routes) = wait_for("both have a link and a route", || {
        let both = (rows("--links"), rows("--routes"));
        (both.0.len() == 2 && both.1.len() == 2).then_some(both)
    });
    assert!(
        links.iter().all(|row| row.contains("customer-") && !row.contains("\"tone_map\":0")),
        "{links:?}"
    );
    assert!(
        routes.iter().all(|row| row.contains("\"usable\":true") && row.contains("\"hops\":1")),
        "{routes:?}"
    );
    assert_eq!(daemon.terminate().code, Some(0));
}

/// The names of the files in an archive, and all that is in them.
fn unpack(archive: &Path) -> (Vec<String>, String) {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(archive).unwrap()));
    let (mut names, mut all) = (Vec::new(), String::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().display().to_string());
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets).unwrap();
        all.push_str(&String::from_utf8_lossy(&octets));
    }
    (names, all)
}

#[test]
fn a_bundle_holds_what_the_commands_print_and_no_key() {
    let town = Town::new(2);
    let mut daemon = town.daemon();
    wait_for("all are read", || {
        daemon.client.meters().iter().all(|m| m.last_reading_time_ms.is_some()).then_some(())
    });
    let file = town.path("box.tar.gz");
    let url = daemon.url.clone();
    let words = ["bundle", "--capture", "2s", "--out", file.to_str().unwrap(), "--address", &url];
    let made = concentrator(&words).end();
    assert_eq!(made.code, Some(0), "{made:?}");
    let (names, all) = unpack(&file);
    for part in ["status", "config", "meters", "explain", "links", "routes", "events", "ledger", "jobs"] {
        assert!(names.contains(&format!("bundle/{part}.json")), "{part} in {names:?}");
    }
    assert!(names.contains(&String::from("bundle/capture.pcapng")), "{names:?}");
    assert!(
        names.iter().all(|name| !name.ends_with(".err.txt") || name.contains("capture")),
        "{names:?} {all}"
    );
    for told in ["customer-", "\"verdict\":\"", "collector.retries", "\"tone_map\""] {
        assert!(all.contains(told), "{told}");
    }
    let config = std::fs::read_to_string(town.path("daemon.toml")).unwrap().to_lowercase();
    let keys: Vec<&str> = config
        .split('"')
        .filter(|word| word.len() == 32 && word.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .collect();
    assert_eq!(keys.len(), 8, "each meter has four keys");
    let all = all.to_lowercase();
    let leaked: Vec<_> = keys.iter().filter(|key| all.contains(**key)).collect();
    assert!(leaked.is_empty(), "{leaked:?} in the archive");
    assert_eq!(daemon.terminate().code, Some(0));
    let nobody = concentrator(&words).end();
    assert_eq!((nobody.code, nobody.out.len()), (Some(1), 0), "{nobody:?}");
    let (names, all) = unpack(&file);
    assert!(names.contains(&String::from("bundle/status.err.txt")) && all.contains("no answer"), "{names:?}");
}
