use super::super::key_file;
use super::*;
use crate::store::{Cursor, EventKind, Reading};
use collector::MeterKeys;
use plc_core::sap::{Key, KeyUse};
use plc_core::{ShortAddress, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const METER: Eui64 = Eui64::from_u64(7);

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("store.sqlite")
}

fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
    Store::open(&path(folder), Utc::from_secs(5))
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder).unwrap();
    store.register_meter(METER, None).unwrap();
    (folder, store)
}

/// What stands in a file and its log.
fn octets(file: &Path) -> [Vec<u8>; 2] {
    ["", "-wal"].map(|suffix| fs::read(crate::store::schema::beside(file, suffix)).unwrap_or_default())
}

fn put(file: &Path, copy: &[Vec<u8>; 2]) {
    let _ = fs::remove_file(crate::store::schema::beside(file, "-shm"));
    for (suffix, octets) in ["", "-wal"].iter().zip(copy) {
        fs::write(crate::store::schema::beside(file, suffix), octets).unwrap();
    }
}

const fn keys(n: u8) -> MeterKeys {
    MeterKeys { encryption: Key([n; 16]), authentication: Key([n; 16]) }
}

type Change = fn(&mut Store) -> Result<(), StoreError>;

/// Everything that changes the keys.
const CHANGES: [(&str, Change); 11] = [
    ("a frame counter", |store| store.set_counter("mac_frame_counter", 1024)),
    ("an invocation counter", |store| store.set_invocation_counter(METER, 1024)),
    ("an address", |store| store.set_meter_address(METER, Some(ShortAddress(5)))),
    ("a group key", |store| store.set_group_key(0, Some((Key([1; 16]), KeyUse::Active)))),
    ("a received counter", |store| {
        let counter = plc_node::DeviceCounter { short: ShortAddress(5), key_index: 0, accept_from: 256 };
        store.set_device_counter(&counter)
    }),
    ("no received counters", |store| store.void_device_counters(0)),
    ("keys to be sent", |store| store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2))),
    ("their counter", |store| store.set_renewed_counter(METER, 1025)),
    ("that they were taken", |store| store.settle_keys(METER, true)),
    ("that it was heard", |store| store.forget_mark(METER)),
    ("no address", |store| store.set_meter_address(METER, None)),
];

#[test]
fn a_copy_of_the_keys_from_before_any_change_is_refused_and_stays_as_it_is() {
    let (folder, mut store) = store();
    let keys = store.key_file().path().to_owned();
    let mut older = Vec::new();
    for (number, (what, change)) in CHANGES.iter().enumerate() {
        older.push(octets(&keys));
        change(&mut store).unwrap();
        drop(store);
        let newest = octets(&keys);
        for copy in &older {
            put(&keys, copy);
            let error = open(&folder).unwrap_err();
            let StoreError::KeysOlder { path, store, found, known } = &error else {
                panic!("{what}: {error}")
            };
            assert_eq!((path, store), (&keys, &self::path(&folder)), "{what}");
            assert!(found < known && *known == number as u64 + 2, "{what}: {found}, {known}");
        }
        put(&keys, &newest);
        store = open(&folder).unwrap();
    }
}

#[test]
fn the_refusal_names_both_files_both_counts_and_the_way_on() {
    let (folder, mut store) = store();
    let keys = store.key_file().path().to_owned();
    let older = octets(&keys);
    store.set_counter("mac_frame_counter", 1024).unwrap();
    store.set_counter("mac_frame_counter", 2048).unwrap();
    store.close().unwrap();
    put(&keys, &older);
    let error = open(&folder).unwrap_err().to_string();
    let expected = format!(
        "keys {}: an older copy, of change 1; the store {} has been used with change 3, and counters would go back under the same keys; expected the newest copy; if it is lost, `concentrator store renew` goes on with a new network and with counters that were certainly not used",
        keys.display(),
        path(&folder).display()
    );
    assert_eq!(error, expected);
    let main = fs::read(&keys).unwrap();
    open(&folder).unwrap_err();
    assert!(fs::read(&keys).unwrap() == main, "nothing was written");
}

#[test]
fn older_readings_beside_newer_keys_are_no_danger() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 1024).unwrap();
    drop(store);
    let older = octets(&path(&folder));
    let mut store = open(&folder).unwrap();
    store.set_counter("mac_frame_counter", 2048).unwrap();
    drop(store);
    put(&path(&folder), &older);
    let store = open(&folder).unwrap();
    assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(2048));
    assert_eq!(seals(&store.reader().connection).unwrap(), store.key_file.seals, "they learn it");
}

#[test]
fn where_the_keys_cannot_be_written_the_readings_do_not_know_of_a_change() {
    let (folder, mut store) = store();
    let before = octets(&path(&folder));
    let other = Connection::open(store.key_file().path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.key_file.connection.busy_timeout(Duration::ZERO).unwrap();
    store.set_counter("mac_frame_counter", 1024).unwrap_err();
    store.set_invocation_counter(METER, 1024).unwrap_err();
    store.set_meter_address(METER, Some(ShortAddress(5))).unwrap_err();
    assert!(octets(&path(&folder)) == before, "the keys first");
    drop(other);
    store.set_counter("mac_frame_counter", 1024).unwrap();
}

#[test]
fn where_the_readings_cannot_be_written_the_change_is_not_told_as_done_and_is_no_refusal_later() {
    let (folder, mut store) = store();
    let other = Connection::open(path(&folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.reader.connection.busy_timeout(Duration::ZERO).unwrap();
    store.set_counter("mac_frame_counter", 1024).unwrap_err();
    assert_eq!(seals(&store.reader.connection).unwrap() + 1, store.key_file.seals);
    drop(other);
    drop(store);
    let mut store = open(&folder).unwrap();
    assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(1024));
    store.set_counter("mac_frame_counter", 1024).unwrap();
    assert_eq!(seals(&store.reader.connection).unwrap(), store.key_file.seals);
}

#[test]
fn what_changes_nothing_in_the_keys_is_no_change_and_costs_no_write() {
    let (folder, mut store) = store();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    let files = [store.key_file().path().to_owned(), path(&folder)];
    let before = files.each_ref().map(|file| octets(file));
    store.keys(METER, &keys(1)).unwrap();
    store.seal(|_| Ok(())).unwrap();
    assert!(files.each_ref().map(|file| octets(file)) == before, "no write");
    store.keys(METER, &keys(9)).unwrap();
    assert!(octets(&files[0]) != before[0], "the configuration says others");
}

#[test]
fn readings_cost_no_further_write_for_it() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 1024).unwrap();
    let known = octets(&path(&folder))[1].len();
    let reading = Reading {
        meter: METER,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(900),
        value: 1,
        scaler: 0,
        unit: 30,
        status: 0,
        received: Utc::from_secs(901),
    };
    let written = |store: &mut Store, reading: &Reading| {
        let before = octets(&path(&folder))[1].len();
        store.insert_readings(&[*reading]).unwrap();
        octets(&path(&folder))[1].len() - before
    };
    let first = written(&mut store, &reading);
    store.set_counter("mac_frame_counter", 2048).unwrap();
    assert!(octets(&path(&folder))[1].len() > known, "the mark was written with the counter");
    let second = written(&mut store, &Reading { capture: Utc::from_secs(1800), ..reading });
    assert!(second <= first, "{second} octets, {first} before");
}

/// As files were before changes were counted.
fn uncounted(folder: &tempfile::TempDir) {
    for file in [path(folder), key_file::beside(&path(folder))] {
        Connection::open(file).unwrap().execute_batch("DELETE FROM meta WHERE name = 'seals'").unwrap();
    }
    Connection::open(path(folder)).unwrap().execute_batch("DROP TABLE reserved").unwrap();
}

#[test]
fn files_from_before_the_count_are_taken_and_from_then_on_their_older_copies_are_refused() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 1024).unwrap();
    store.close().unwrap();
    uncounted(&folder);
    let keys = key_file::beside(&path(&folder));
    let older = octets(&keys);
    // Opened once, and nothing counted.
    open(&folder).unwrap().close().unwrap();
    put(&keys, &older);
    let error = open(&folder).unwrap_err();
    assert!(matches!(error, StoreError::KeysOlder { found: 0, known: 1, .. }), "{error}");
}

#[test]
fn the_readings_know_up_to_where_invocation_counters_were_reserved_under_whichever_keys() {
    let (_folder, mut store) = store();
    store.set_invocation_counter(METER, 5000).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.set_renewed_counter(METER, 1025).unwrap();
    assert_eq!(reserved(&store.reader.connection).unwrap(), BTreeMap::from([(METER, 5000)]));
    store.set_renewed_counter(METER, 6000).unwrap();
    assert_eq!(reserved(&store.reader.connection).unwrap(), BTreeMap::from([(METER, 6000)]));
}

#[test]
fn keys_that_were_never_used_are_taken_over_in_silence_as_after_a_cut_while_the_store_was_made() {
    let (folder, store) = store();
    store.close().unwrap();
    fs::remove_file(path(&folder)).unwrap();
    let store = open(&folder).unwrap();
    assert!(store.reader().events(Cursor::START, 9).unwrap().is_empty());
    assert_eq!(store.counters(METER).unwrap().invocation, 0);
}

#[test]
fn keys_that_are_taken_over_leap_and_an_event_says_so() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 70_000).unwrap();
    store.set_counter("loadng_sequence", 9).unwrap();
    store.set_invocation_counter(METER, 5000).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.close().unwrap();
    fs::remove_file(path(&folder)).unwrap();
    let store = open(&folder).unwrap();
    let events = store.reader().events(Cursor::START, 9).unwrap();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.event.kind, event.event.time), (EventKind::Keys, Utc::from_secs(5)));
    assert_eq!(
        event.event.text,
        "the readings were gone, the keys that were there are taken over: the frame counter goes on at 134287728, was 70000; the invocation counters towards 1 meters go on 16777216 higher, and begin at 16777216 towards others; if these keys come from a backup, stop the daemon and run `concentrator store renew`"
    );
    assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(134_287_728));
    assert_eq!(store.key_file().counter("loadng_sequence").unwrap(), Some(9), "no nonce");
    assert_eq!(store.counters(METER).unwrap().invocation, 16_782_216);
    assert_eq!(
        store.counters(Eui64::from_u64(9)).unwrap().invocation,
        16_777_216,
        "perhaps it was used since"
    );
}

#[test]
fn a_leap_ends_at_the_end_of_the_counters_and_is_forgotten_with_new_keys_of_a_meter() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 4_294_967_000).unwrap();
    store.set_invocation_counter(METER, 4_294_960_000).unwrap();
    store.close().unwrap();
    for _ in 0..2 {
        fs::remove_file(path(&folder)).unwrap();
        open(&folder).unwrap().close().unwrap();
    }
    let mut store = open(&folder).unwrap();
    assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(4_294_967_295));
    assert_eq!(store.counters(METER).unwrap().invocation, 4_294_967_295);
    store.register_meter(METER, None).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.set_renewed_counter(METER, 1025).unwrap();
    store.settle_keys(METER, true).unwrap();
    store.set_invocation_counter(METER, 2049).unwrap();
    assert_eq!(store.counters(METER).unwrap().invocation, 2049);
}
