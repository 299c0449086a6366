use super::*;
use crate::store::error::RENEW;
use crate::store::{Reading, Store, StoreReader};
use collector::MeterKeys;
use plc_core::Utc;
use std::collections::BTreeMap;
use std::fs;

const METER: Eui64 = Eui64::from_u64(7);

fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
    Store::open(&folder.path().join("store.sqlite"), Utc::from_secs(5))
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder).unwrap();
    store.register_meter(METER, None).unwrap();
    (folder, store)
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
    MeterKeys { encryption: Key([n; 16]), authentication: Key([n; 16]) }
}

fn heard(last: u32) -> BTreeMap<Eui64, u32> {
    BTreeMap::from([(METER, last)])
}

#[test]
fn a_store_without_its_keys_is_refused_until_they_are_back() {
    let (folder, mut store) = store();
    store.set_counter("mac_frame_counter", 70_000).unwrap();
    store.close().unwrap();
    let path = folder.path().join("keys.sqlite");
    let kept = fs::read(&path).unwrap();
    let expected = format!(
        "keys {}: missing, and the store {} has been used with them; expected the file: without it counters would go back; if it is lost, `concentrator store renew` goes on with a new network and with counters that were certainly not used",
        path.display(),
        folder.path().join("store.sqlite").display()
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(open(&folder).unwrap_err().to_string(), expected);
    assert!(!path.exists(), "no new keys");
    fs::write(&path, "").unwrap();
    assert_eq!(open(&folder).unwrap_err().to_string(), expected);
    assert_eq!(fs::read(&path).unwrap(), b"");
    // As a copy that was taken without its log: one page, and no table.
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
    assert_eq!(open(&folder).unwrap_err().to_string(), expected);
    fs::write(&path, kept).unwrap();
    assert_eq!(open(&folder).unwrap().key_file().counter("mac_frame_counter").unwrap(), Some(70_000));
}

#[test]
fn keys_of_another_store_are_refused_and_both_are_named() {
    let (folder, first) = store();
    let (other, second) = store();
    first.close().unwrap();
    second.close().unwrap();
    let path = folder.path().join("keys.sqlite");
    fs::copy(other.path().join("keys.sqlite"), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let expected = format!(
        "keys {}: of another store, expected those of {}; restore the two that belong together",
        path.display(),
        folder.path().join("store.sqlite").display()
    );
    assert_eq!(open(&folder).unwrap_err().to_string(), expected);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_file_of_keys_is_refused_and_stays_as_it_is() {
    let (folder, store) = store();
    store.close().unwrap();
    let path = folder.path().join("keys.sqlite");
    let expected = format!(
        "file {}: expected the keys and counters of a concentrator, or no file at all; if there were keys and their newest copy is lost, {RENEW}",
        path.display()
    );
    for readings_too in [true, false] {
        fs::write(&path, [b'x'; 5000]).unwrap();
        assert_eq!(open(&folder).unwrap_err().to_string(), expected);
        assert_eq!(fs::read(&path).unwrap(), [b'x'; 5000]);
        if readings_too {
            fs::remove_file(folder.path().join("store.sqlite")).unwrap();
        }
    }
    assert!(!folder.path().join("store.sqlite").exists(), "no store without keys");
}

#[test]
fn a_log_of_keys_without_its_file_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("keys.sqlite-wal");
    fs::write(&log, "the last keys").unwrap();
    let error = open(&folder).unwrap_err();
    assert!(matches!(&error, StoreError::Leftover { leftover, .. } if *leftover == log), "{error}");
    assert_eq!(fs::read(&log).unwrap(), b"the last keys");
}

#[test]
fn the_loss_of_the_readings_takes_neither_keys_nor_counters_along() {
    let (folder, mut store) = store();
    store.set_group_key(1, Some((Key([3; 16]), KeyUse::Active))).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.settle_keys(METER, true).unwrap();
    store.register_meter(Eui64::from_u64(8), None).unwrap();
    for (meter, short) in [(8, Some(3)), (8, None), (7, Some(3)), (8, Some(4)), (8, None), (7, Some(4))] {
        store.set_meter_address(Eui64::from_u64(meter), short.map(ShortAddress)).unwrap();
    }
    store.commit(&[reading(1)], &heard(41), []).unwrap();
    store.set_invocation_counter(METER, 5000).unwrap();
    store.set_counter("mac_frame_counter", 70_000).unwrap();
    drop(store);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("store.sqlite{suffix}")));
    }
    for _ in 0..2 {
        let mut store = open(&folder).unwrap();
        let meters = store.reader().meters().unwrap();
        let addresses: Vec<_> = meters.iter().map(|meter| (meter.eui64, meter.short_address)).collect();
        assert_eq!(addresses, [(METER, Some(ShortAddress(4)))], "nobody gets the address of another");
        store.register_meter(METER, None).unwrap();
        assert_eq!(store.reader().newest().unwrap(), crate::store::Cursor::START);
        let expected = MeterCounters { invocation: 5000 + (1 << 24), server: 41, generation: 1 };
        assert_eq!(store.counters(METER).unwrap(), expected);
        assert_eq!(store.keys(METER, &keys(1)).unwrap().keys, keys(2));
        assert_eq!(store.key_file().counter("mac_frame_counter").unwrap(), Some(70_000 + (1 << 27)));
        assert_eq!(store.key_file().group_keys().unwrap(), [(1, Key([3; 16]), KeyUse::Active)]);
    }
}

#[test]
fn a_batch_of_readings_writes_nothing_here_and_its_counters_follow_with_the_next_change() {
    let (folder, mut store) = store();
    let octets =
        || ["keys.sqlite", "keys.sqlite-wal"].map(|name| fs::read(folder.path().join(name)).unwrap());
    let before = octets();
    for n in 1..50 {
        store.commit(&[reading(n)], &heard(n as u32), []).unwrap();
    }
    assert!(octets() == before, "no write, so no sync");
    assert_eq!(store.counters(METER).unwrap().server, 49);
    assert_eq!(store.key_file().meter_counters(METER).unwrap().server, 0);
    // As after a power cut: the readings still know, and the keys learn it from them.
    drop(store);
    let mut store = open(&folder).unwrap();
    assert_eq!(store.counters(METER).unwrap().server, 49);
    store.set_counter("mac_frame_counter", 1).unwrap();
    assert_eq!(store.key_file().meter_counters(METER).unwrap().server, 49);
    assert_eq!(KeyFile::open_read_only(store.path()).unwrap().meter_counters(METER).unwrap().server, 49);
}

#[test]
fn what_was_counted_under_former_keys_says_nothing_of_the_new_ones() {
    let (folder, mut store) = store();
    store.commit(&[], &heard(9000), []).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.commit(&[], &heard(9001), []).unwrap();
    store.settle_keys(METER, true).unwrap();
    drop(store);
    let mut store = open(&folder).unwrap();
    assert_eq!(store.counters(METER).unwrap().server, 0, "the readings still say 9001, of other keys");
    store.commit(&[], &heard(5), []).unwrap();
    assert_eq!(store.counters(METER).unwrap().server, 5);
    drop(store);
    assert_eq!(open(&folder).unwrap().counters(METER).unwrap().server, 5);
}

#[test]
fn a_copy_of_the_readings_holds_no_key_and_is_read_without_them() {
    let (folder, mut store) = store();
    let group_key = [0xA7; 16];
    store.set_network(&Network { pan_id: PanId(1), group_key, key_index: 0 }).unwrap();
    store.set_group_key(0, Some((Key([0xA7; 16]), KeyUse::Active))).unwrap();
    store.renew_keys(METER, &keys(0xA7), (&keys(0xA7), 3), &keys(0xA7)).unwrap();
    store.insert_readings(&[reading(1)]).unwrap();
    let holds = |name: &str| {
        let octets = fs::read(folder.path().join(name)).unwrap();
        octets.windows(16).any(|octets| *octets == [0xA7; 16])
    };
    assert!(holds("keys.sqlite-wal"), "there they are");
    assert!(!holds("store.sqlite") && !holds("store.sqlite-wal"));
    store.close().unwrap();
    assert!(holds("keys.sqlite") && !holds("store.sqlite"));
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("copy.sqlite");
    fs::copy(folder.path().join("store.sqlite"), &path).unwrap();
    assert_eq!(StoreReader::open(&path).unwrap().newest().unwrap().0, 1);
}

#[test]
fn two_stores_do_not_count_with_the_same_keys() {
    let (folder, store) = store();
    let other = Store::open(&folder.path().join("other.sqlite"), Utc::default()).unwrap_err();
    assert!(matches!(&other, StoreError::Busy { path } if path.ends_with("keys.sqlite")), "{other}");
    drop(store);
}
