//! The whole way of a reading: street, daemon, head-end, over mutual TLS, and the proof that both hold the same.

use crate::process::{Process, concentrator, head_end, wait_for};
use crate::town::{Town, dump};
use std::path::Path;

/// Makes the certificates of a box and a head-end in `folder`.
pub(crate) fn certificates(folder: &Path) {
    let made = concentrator(&["pki", "init", "--dir", folder.to_str().unwrap(), "--box", "box-1"]).end();
    assert_eq!(made.code, Some(0), "{made:?}");
}

pub(crate) fn start(pki: &Path, store: &Path) -> (Process, String) {
    let file = |name: &str| pki.join(name).display().to_string();
    let mut process = head_end(&[
        "--listen",
        "127.0.0.1:0",
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
