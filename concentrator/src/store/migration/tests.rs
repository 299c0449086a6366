use super::*;
use crate::store::{Cursor, KeptKeys, MeterCounters, Reading, ReadingFilter, Store};
use collector::MeterKeys;
use plc_core::sap::{Key, KeyUse};
use plc_core::{Eui64, PanId, ShortAddress, Utc};
use plc_node::DeviceCounter;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const METER: Eui64 = Eui64::from_u64(7);
/// Octets of a frame of the log: its header and a page [SQLite file format 4.1].
const FRAME: usize = 24 + 4096;
const PAGE: usize = 4096;

/// As files were that held keys and counters too.
const WITH_KEYS: &str = "
    DELETE FROM meta WHERE name IN ('id', 'seals'); DROP TABLE reserved; ALTER TABLE meters DROP COLUMN generation;
    ALTER TABLE meters ADD COLUMN invocation_counter INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE group_keys (slot INTEGER PRIMARY KEY, key BLOB NOT NULL, purpose INTEGER NOT NULL) STRICT;
    CREATE TABLE device_counters (short INTEGER NOT NULL, key_index INTEGER NOT NULL, accept_from INTEGER NOT NULL,
        PRIMARY KEY (short, key_index)) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 4;";

/// What stood in such a file; a group key of former times has left its octets in the pages.
const FILLED: &str = "
    INSERT INTO meta VALUES ('pan_id', 4097), ('group_key', x'ee010101010101010101010101010101'), ('key_index', 1);
    INSERT OR REPLACE INTO meta VALUES ('group_key', x'ee020202020202020202020202020202');
    INSERT INTO group_keys VALUES (0, x'ee030303030303030303030303030303', 0);
    INSERT OR REPLACE INTO group_keys VALUES (0, x'ee040404040404040404040404040404', 0);
    INSERT INTO counters VALUES ('mac_frame_counter', 70000);
    INSERT INTO device_counters VALUES (5, 1, 256);
    CREATE TABLE meter_keys (eui64 INTEGER PRIMARY KEY, configured BLOB NOT NULL, encryption BLOB NOT NULL,
        authentication BLOB NOT NULL, renewed_encryption BLOB, renewed_authentication BLOB,
        renewed_counter INTEGER NOT NULL, mark INTEGER NOT NULL, taken INTEGER NOT NULL) STRICT;
    UPDATE meters SET invocation_counter = 1000, server_counter = 41;";

/// Makes a store of this version one of the time before the file of the keys.
pub(in crate::store) fn put_back(path: &Path, further: &str) {
    Connection::open(path).unwrap().execute_batch(&format!("{WITH_KEYS}{further}")).unwrap();
    fs::remove_file(key_file::beside(path)).unwrap();
}

fn reading(n: i64) -> Reading {
    let capture = Utc::from_secs(n * 900);
    Reading {
        meter: METER,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture,
        value: n,
        scaler: 0,
        unit: 30,
        status: 0,
        received: capture,
    }
}

const fn keys(n: u8) -> MeterKeys {
    let mut octets = [n; 16];
    octets[0] = 0xEE;
    MeterKeys { encryption: Key(octets), authentication: Key(octets) }
}

/// A store of version 4 with everything in it.
fn old(folder: &Path) -> PathBuf {
    let path = folder.join("store.sqlite");
    let mut store = Store::open(&path, Utc::from_secs(5)).unwrap();
    store.register_meter(METER, None).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(5))).unwrap();
    store.insert_readings(&[reading(1), reading(2)]).unwrap();
    store.renew_keys(METER, &keys(9), (&keys(5), 3), &keys(6)).unwrap();
    let row = store.key_file().connection.query_row(
        "SELECT hex(configured), hex(encryption), hex(renewed_encryption) FROM meter_keys",
        (),
        |row| Ok([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?]),
    );
    let [configured, present, renewed] = row.unwrap();
    store.close().unwrap();
    let kept = format!(
        "INSERT INTO meter_keys VALUES (7, x'{configured}', x'{present}', x'{present}', x'{renewed}', x'{renewed}', 1025, 3, 0);"
    );
    put_back(&path, &format!("{FILLED}{kept}"));
    path
}

/// Everything is there, and nothing of the keys in the file of the readings.
fn assert_whole(path: &Path, what: &str) {
    let mut store = Store::open(path, Utc::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
    for suffix in ["", "-wal"] {
        let octets = fs::read(schema::beside(path, suffix)).unwrap_or_default();
        let found = octets.windows(4).find(|four| four[0] == 0xEE && four[1..].iter().all(|o| *o == four[1]));
        let found = found.filter(|four| (1..10).contains(&four[1]));
        assert_eq!(found, None, "{what}: a key is left in the file{suffix}");
    }
    let stored = store.reader().readings(&ReadingFilter::default(), Cursor::START, 99).unwrap();
    assert_eq!(stored.iter().map(|stored| stored.reading).collect::<Vec<_>>(), [reading(1), reading(2)]);
    assert_eq!(store.reader().created().unwrap(), Utc::from_secs(5));
    let counters = MeterCounters { invocation: 1000, server: 41, generation: 0 };
    assert_eq!(store.counters(METER).unwrap(), counters, "{what}");
    let file = store.key_file();
    assert_eq!(file.meter_counters(METER).unwrap(), counters, "{what}");
    assert_eq!(file.counter("mac_frame_counter").unwrap(), Some(70_000), "{what}");
    assert_eq!(file.group_keys().unwrap(), [(0, keys(4).encryption, KeyUse::Active)], "{what}");
    let counter = DeviceCounter { short: ShortAddress(5), key_index: 1, accept_from: 256 };
    assert_eq!(file.device_counters().unwrap(), [counter], "{what}");
    assert_eq!(file.addresses().unwrap(), [(METER, ShortAddress(5))], "{what}");
    let network = file.network().unwrap().unwrap();
    assert_eq!(
        (network.pan_id, network.group_key, network.key_index),
        (PanId(0x1001), keys(2).encryption.0, 1),
        "{what}"
    );
    let kept: KeptKeys = store.keys(METER, &keys(9)).unwrap();
    assert_eq!((kept.keys, kept.renewed.map(|renewed| renewed.keys)), (keys(5), Some(keys(6))), "{what}");
}

/// The four files, in which order they are written.
type Files = BTreeMap<&'static str, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let names = ["keys.sqlite", "keys.sqlite-wal", "store.sqlite", "store.sqlite-wal"];
    names.into_iter().filter_map(|name| Some((name, fs::read(folder.join(name)).ok()?))).collect()
}

/// Opens what a cut has left, twice.
fn opens(files: &Files, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (name, octets) in files {
        fs::write(folder.path().join(name), octets).unwrap();
    }
    let path = folder.path().join("store.sqlite");
    assert_whole(&path, what);
    assert_whole(&path, &format!("{what}, once more"));
}

/// Cuts the writing of one file from `before` on: at each boundary of its pieces and inside them. The others are as they were.
fn cut(before: &Files, after: &Files, name: &'static str, piece: usize) -> usize {
    let (old, new) = (before.get(name).cloned().unwrap_or_default(), &after[name]);
    let header = if piece == FRAME { 32 } else { 0 };
    let starts = (header..new.len()).step_by(piece);
    let ats: Vec<_> = starts.flat_map(|at| [at, at + 11, at + piece / 2, at + piece]).collect();
    let ats = ats.into_iter().filter(|at| *at <= new.len() && old.get(..*at) != Some(&new[..*at]));
    let mut cuts = 0;
    for at in ats {
        let mut octets = new[..at].to_vec();
        octets.extend_from_slice(old.get(at..).unwrap_or_default());
        let mut files = before.clone();
        files.insert(name, octets);
        opens(&files, &format!("{name} cut at {at}"));
        cuts += 1;
    }
    cuts
}

#[test]
fn the_power_is_cut_at_every_write_of_the_parting_and_nothing_is_lost_or_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = old(folder.path());
    let mut connection = Connection::open(&path).unwrap();
    // Not yet moved into the file when the parting begins.
    connection.execute("INSERT INTO counters VALUES ('loadng_sequence', 9)", ()).unwrap();
    let zero = files(folder.path());
    opens(&zero, "nothing is done");
    schema::upgrade(&mut connection, 4).unwrap();
    let ready = files(folder.path());
    opens(&ready, "the old file is complete");
    let keys = copy(&connection, &path).unwrap();
    let copied = files(folder.path());
    opens(&copied, "copied");
    let mut made = ready.clone();
    made.insert("keys.sqlite", Vec::new());
    opens(&made, "an empty file");
    made.insert("keys.sqlite", copied["keys.sqlite"].clone());
    opens(&made, "a file of one page");
    let mut cuts = cut(&made, &copied, "keys.sqlite-wal", FRAME);
    remove(&mut connection, keys.id()).unwrap();
    let removed = files(folder.path());
    opens(&removed, "removed");
    assert_eq!(removed["keys.sqlite-wal"], copied["keys.sqlite-wal"], "all was copied before");
    cuts += cut(&copied, &removed, "store.sqlite-wal", FRAME);
    fold(&connection).unwrap();
    let folded = files(folder.path());
    opens(&folded, "folded");
    cuts += cut(&removed, &folded, "store.sqlite", PAGE);
    assert!(cuts > 100, "{cuts}: writes were missed");
}

#[test]
fn until_the_old_file_has_let_go_what_it_says_last_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = old(folder.path());
    let connection = Connection::open(&path).unwrap();
    copy(&connection, &path).unwrap();
    // A former version of the software goes on with it.
    connection
        .execute_batch("UPDATE counters SET value = 71000; UPDATE meters SET invocation_counter = 2000")
        .unwrap();
    drop(connection);
    let store = Store::open(&path, Utc::default()).unwrap();
    assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(71_000));
    assert_eq!(store.counters(METER).unwrap().invocation, 2000);
}

#[test]
fn an_old_store_does_not_take_the_place_of_keys_that_are_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = old(folder.path());
    let backup = fs::read(&path).unwrap();
    let mut store = Store::open(&path, Utc::default()).unwrap();
    store.set_counter("mac_frame_counter", 90_000).unwrap();
    store.close().unwrap();
    let keys = key_file::beside(&path);
    let before = fs::read(&keys).unwrap();
    fs::write(&path, &backup).unwrap();
    let error = Store::open(&path, Utc::default()).unwrap_err();
    assert!(matches!(&error, StoreError::KeysOfAnother { path, .. } if *path == keys), "{error}");
    assert_eq!(fs::read(&keys).unwrap(), before);
}
