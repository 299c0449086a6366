//! New keys for the meters of a street, by the program, from the real daemon, over the emulated line.

use crate::jobs::{ask, joined};
use crate::process::{Ended, wait_for};
use crate::town::Town;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// The keys that stand in the file beside the store, in hexadecimal digits.
fn keys(town: &Town) -> Vec<String> {
    let file = town.path("keys.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = text.lines().filter(|line| line.contains("_key = "));
    keys.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect()
}

fn assert_told_nobody(ended: &Ended, keys: &[String]) {
    let said = [&ended.out[..], &ended.err[..]].concat().join("\n").to_lowercase();
    keys.iter().for_each(|key| assert!(!said.contains(key), "a key was logged"));
}

#[test]
fn meters_take_new_keys_and_the_next_daemon_reads_them_with_the_old_configuration() {
    let town = Town::new(2);
    let mut first = town.daemon();
    let ids = joined(&mut first, 2);
    let (code, said) = ask(&first, &["jobs", "submit", "re-key", "--all", "--wait", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("done; the new keys hold").count(), 2, "{said}");
    let keys = keys(&town);
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| key.len() == 32 && !said.contains(key)), "a key was told");
    let (code, said) = ask(&first, &["read", "--now", &ids[0]]);
    assert_eq!(code, Some(0), "{said}");
    let (_, events) = ask(&first, &["events"]);
    assert_eq!(events.matches("keys renewed").count(), 2, "{events}");
    assert_told_nobody(&first.kill(), &keys);
    let second = town.daemon();
    for id in &ids {
        let (code, said) = ask(&second, &["read", "--now", id]);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_told_nobody(&second.terminate(), &keys);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "processes live by the clock of the machine")]
fn a_daemon_that_dies_again_and_again_in_the_middle_leaves_the_meter_readable() {
    let town = Town::new(1);
    let mut daemon = town.daemon();
    let ids = joined(&mut daemon, 1);
    let (code, said) = ask(&daemon, &["jobs", "submit", "re-key", &ids[0], "--within", "86400"]);
    assert_eq!(code, Some(0), "{said}");
    for pause_ms in [0, 20, 60, 150, 400] {
        std::thread::sleep(Duration::from_millis(pause_ms));
        daemon.kill();
        daemon = town.daemon();
    }
    let said = wait_for("the job done", || {
        let (_, said) = ask(&daemon, &["jobs", "show", "1"]);
        said.contains("finished").then_some(said)
    });
    assert!(said.contains("the new keys hold"), "{said}");
    assert_eq!(keys(&town).len(), 2);
    let (code, said) = ask(&daemon, &["read", "--now", &ids[0]]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(daemon.terminate().code, Some(0));
}
