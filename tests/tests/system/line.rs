//! What a daemon tells of its power line: frames, links, routes; and the archive for those who help.

use crate::process::{concentrator, wait_for};
use crate::town::Town;
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
    let (links, routes) = (rows("--links"), rows("--routes"));
    assert_eq!((links.len(), routes.len()), (2, 2), "{links:?} {routes:?}");
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
