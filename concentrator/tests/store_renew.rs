//! `concentrator store renew` as the shell sees it: older keys are refused, and the way on is a command that says what it does.
#![allow(clippy::unwrap_used, reason = "a test")]

use concentrator::store::{Cursor, EventKind, MAC_FRAME_COUNTER, Store};
use plc_core::{Eui64, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

const METER: Eui64 = Eui64::from_u64(7);

/// A program that one test starts holds for a moment the locks that another has just let go of.
static ALONE: Mutex<()> = Mutex::new(());

fn concentrator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_concentrator")).args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// A store, its configuration, and beside it a copy of the keys from before the last counters were reserved.
fn with_older_keys(folder: &Path) -> (PathBuf, String) {
    let path = folder.join("box.sqlite");
    let mut store = Store::open(&path, Utc::default()).unwrap();
    store.register_meter(METER, None).unwrap();
    store.set_counter(MAC_FRAME_COUNTER, 1024).unwrap();
    store.close().unwrap();
    let older = fs::read(folder.join("keys.sqlite")).unwrap();
    let mut store = Store::open(&path, Utc::default()).unwrap();
    store.set_counter(MAC_FRAME_COUNTER, 2048).unwrap();
    store.set_invocation_counter(METER, 5000).unwrap();
    store.close().unwrap();
    fs::write(folder.join("keys.sqlite"), older).unwrap();
    let config = folder.join("c.toml");
    let said = format!("[store]\npath = {path:?}\n[grpc]\nlisten = \"127.0.0.1:0\"\nplain_text = true\n");
    fs::write(&config, said).unwrap();
    (path, config.to_str().unwrap().to_owned())
}

#[test]
fn older_keys_stop_the_daemon_and_are_renewed_only_when_somebody_says_yes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let (path, config) = with_older_keys(folder.path());
    let keys = folder.path().join("keys.sqlite");
    let refusal = format!(
        "error: keys {}: an older copy, of change 2; the store {} has been used with change 4, and counters would go back under the same keys; expected the newest copy; if it is lost, `concentrator store renew` goes on with a new network and with counters that were certainly not used\n",
        keys.display(),
        path.display()
    );
    let refused = || {
        let run = concentrator(&["--log", "error", "run", "--config", &config]);
        assert_eq!((run.status.code(), text(&run.stderr)), (Some(1), refusal.clone()));
    };
    refused();
    let before = fs::read(&keys).unwrap();
    let plan = concentrator(&["store", "renew", "--config", &config]);
    let plan = text(&plan.stdout);
    assert!(plan.ends_with("\nnothing was changed; --yes does it\n"), "{plan}");
    assert!(
        plan.contains("towards 1 meters go on 16777216 above what either file knows, up to 16782216;"),
        "{plan}"
    );
    assert_eq!(fs::read(&keys).unwrap(), before);
    refused();
    let done = concentrator(&["store", "renew", "--config", &config, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let done = text(&done.stdout);
    let sentences = plan.strip_suffix("nothing was changed; --yes does it\n").unwrap();
    assert_eq!(
        done.strip_prefix(sentences),
        Some("done; the next start of the daemon forms the new network\n")
    );
    assert_eq!(fs::read(folder.path().join("keys.sqlite.former-1")).unwrap(), before);
    let store = Store::open(&path, Utc::default()).unwrap();
    assert_eq!(store.counters(METER).unwrap().invocation, 5000 + (1 << 24));
    let events = store.reader().events(Cursor::START, 9).unwrap();
    let event = &events.last().unwrap().event;
    assert_eq!(
        (event.kind, event.text.as_str()),
        (EventKind::Keys, sentences.trim_end().replace('\n', "; ").as_str())
    );
}

#[test]
fn keys_of_a_store_that_is_in_use_or_not_there_are_not_renewed() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let (path, config) = with_older_keys(folder.path());
    let lock = fs::File::options().write(true).open(folder.path().join("box.sqlite.lock")).unwrap();
    lock.try_lock().unwrap();
    let refused = concentrator(&["store", "renew", "--config", &config, "--yes"]);
    let busy = format!(
        "error: store {}: already open for writing; expected to be its only writer\n",
        path.display()
    );
    assert_eq!((refused.status.code(), text(&refused.stderr)), (Some(1), busy));
    drop(lock);
    fs::remove_file(&path).unwrap();
    let refused = concentrator(&["store", "renew", "--config", &config, "--yes"]);
    let missing = format!(
        "error: store {}: missing; expected the store whose keys are to be renewed\n",
        path.display()
    );
    assert_eq!((refused.status.code(), text(&refused.stderr)), (Some(1), missing));
}
