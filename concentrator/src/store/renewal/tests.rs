use super::*;
use crate::store::error::RENEW;
use crate::store::{Cursor, Network, Store};
use collector::MeterKeys;
use plc_core::sap::{Key, KeyUse, StoredRoute};
use plc_core::{PanId, ShortAddress};
use plc_node::DeviceCounter;
use std::os::unix::fs::PermissionsExt;

const METER: Eui64 = Eui64::from_u64(7);
const OTHER: Eui64 = Eui64::from_u64(8);
const NOW: Utc = Utc::from_secs(1_795_305_600);
const LEAP: u64 = 1 << 24;

const fn keys(n: u8) -> MeterKeys {
    MeterKeys { encryption: Key([n; 16]), authentication: Key([n; 16]) }
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("store.sqlite")
}

fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
    Store::open(&path(folder), Utc::from_secs(5))
}

fn renew(folder: &tempfile::TempDir) -> Result<(), StoreError> {
    Renewal::prepare(&path(folder))?.carry_out(NOW)
}

/// Two stores in one: the files, and a copy of the keys from before the last changes.
fn used() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder).unwrap();
    for meter in [METER, OTHER] {
        store.register_meter(meter, None).unwrap();
    }
    store.set_network(&Network { pan_id: PanId(0x1001), group_key: [0xA5; 16], key_index: 1 }).unwrap();
    store.set_group_key(1, Some((Key([0xA5; 16]), KeyUse::Active))).unwrap();
    store.set_counter(crate::store::MAC_FRAME_COUNTER, 70_000).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(5))).unwrap();
    let counter = DeviceCounter { short: ShortAddress(5), key_index: 1, accept_from: 256 };
    store.set_device_counter(&counter).unwrap();
    store.set_invocation_counter(METER, 1000).unwrap();
    store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
    store.set_renewed_counter(METER, 2000).unwrap();
    store.close().unwrap();
    let older = fs::read(key_file::beside(&path(&folder))).unwrap();
    let mut store = open(&folder).unwrap();
    let route = StoredRoute {
        destination: ShortAddress(5),
        next_hop: ShortAddress(5),
        cost: 1,
        hops: 1,
        weak_links: 0,
        sequence: None,
    };
    store.set_invocation_counter(METER, 9000).unwrap();
    store.set_invocation_counter(OTHER, 300).unwrap();
    store.commit(&[], &[(METER, 41), (OTHER, 12)].into(), [&route]).unwrap();
    store.close().unwrap();
    (folder, older)
}

/// Everything that must hold afterwards, whatever the keys were.
fn assert_renewed(folder: &tempfile::TempDir) -> Store {
    let mut store = open(folder).unwrap();
    let file = store.key_file();
    assert!(file.network().unwrap().is_none(), "a new network");
    assert_eq!(file.group_keys().unwrap(), []);
    assert_eq!(file.device_counters().unwrap(), []);
    assert_eq!(file.addresses().unwrap(), []);
    assert_eq!(file.counter(crate::store::MAC_FRAME_COUNTER).unwrap(), None);
    assert!(store.reader().meters().unwrap().iter().all(|meter| meter.short_address.is_none()));
    assert_eq!(store.reader().routes().unwrap(), []);
    let counters = store.counters(METER).unwrap();
    assert_eq!((counters.invocation, counters.server), (9000 + LEAP, 41), "above what the readings know");
    let counters = store.counters(OTHER).unwrap();
    assert_eq!((counters.invocation, counters.server), (300 + LEAP, 12), "the keys did not know it");
    assert_eq!(store.counters(Eui64::from_u64(9)).unwrap().invocation, LEAP);
    let events = store.reader().events(Cursor::START, 9).unwrap();
    let last = &events.last().unwrap().event;
    assert_eq!((last.kind, last.time), (EventKind::Keys, NOW));
    assert!(last.text.starts_with("the keys of this box are renewed: "), "{}", last.text);
    store.set_invocation_counter(METER, 9000 + LEAP + 1024).unwrap();
    store
}

fn set(folder: &tempfile::TempDir, copy: &[u8]) {
    fs::write(key_file::beside(&path(folder)), copy).unwrap();
}

#[test]
fn older_keys_are_renewed_and_no_counter_of_either_file_is_used_again() {
    let (folder, older) = used();
    let keys_path = key_file::beside(&path(&folder));
    let newest = fs::read(&keys_path).unwrap();
    set(&folder, &older);
    assert!(matches!(open(&folder), Err(StoreError::KeysOlder { .. })));
    let renewal = Renewal::prepare(&path(&folder)).unwrap();
    let sentences = renewal.sentences();
    assert!(sentences[2].contains(&format!("2 meters go on {LEAP} above")), "{sentences:?}");
    assert!(sentences[2].contains(&format!("up to {};", 9000 + LEAP)), "{sentences:?}");
    let former = schema::beside(&keys_path, ".former-1");
    assert_eq!(sentences[4], format!("what was there is kept as {}", former.display()));
    drop(renewal);
    assert!(matches!(open(&folder), Err(StoreError::KeysOlder { .. })), "nothing was changed");
    renew(&folder).unwrap();
    let mut store = assert_renewed(&folder);
    let kept = store.keys(METER, &keys(1)).unwrap();
    let renewed = kept.renewed.unwrap();
    assert_eq!((kept.keys, renewed.keys), (keys(1), keys(2)), "the keys of meters live on");
    assert_eq!(u64::from(renewed.first_invocation_counter), 2000 + LEAP);
    store.close().unwrap();
    assert_eq!(fs::read(&former).unwrap(), older, "moved, not removed");
    assert_eq!(fs::metadata(&keys_path).unwrap().permissions().mode() & 0o777, 0o600);
    // The newest ones turn up: too late.
    for copy in [newest, older] {
        set(&folder, &copy);
        assert!(matches!(open(&folder), Err(StoreError::KeysOfAnother { .. })));
    }
}

#[test]
fn lost_keys_are_renewed_from_what_the_readings_know_and_again_above_that() {
    let (folder, _) = used();
    let keys_path = key_file::beside(&path(&folder));
    fs::remove_file(&keys_path).unwrap();
    assert!(matches!(open(&folder), Err(StoreError::KeysMissing { .. })));
    renew(&folder).unwrap();
    drop(assert_renewed(&folder));
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(schema::beside(&keys_path, suffix));
    }
    renew(&folder).unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(store.counters(METER).unwrap().invocation, 9000 + LEAP + 1024 + LEAP);
    assert_eq!(store.counters(Eui64::from_u64(9)).unwrap().invocation, 2 * LEAP);
}

#[test]
fn the_power_is_cut_between_the_steps_and_the_keys_are_the_former_or_the_new_ones() {
    let (folder, older) = used();
    let (store, keys_path) = (path(&folder), key_file::beside(&path(&folder)));
    set(&folder, &older);
    fs::write(store.with_file_name("keys.toml"), "newer keys").unwrap();
    // Half made, then made but not decided on: refused as before, and renewed when asked again.
    fs::write(unfinished(&store), "half").unwrap();
    assert!(matches!(open(&folder), Err(StoreError::KeysOlder { .. })));
    Renewal::prepare(&store).unwrap().make().unwrap();
    assert!(matches!(open(&folder), Err(StoreError::KeysOlder { .. })));
    // Decided: the next opening does the rest, from wherever it stopped.
    let mut renewal = Renewal::prepare(&store).unwrap();
    let id = renewal.make().unwrap();
    renewal.decide(id, NOW).unwrap();
    drop(renewal);
    let decided: Vec<_> =
        ["store.sqlite", "store.sqlite-wal", "keys.sqlite", "keys.sqlite.renewed", "keys.toml"]
            .into_iter()
            .filter_map(|name| Some((name, fs::read(folder.path().join(name)).ok()?)))
            .collect();
    for moved_away in [false, true] {
        let after = tempfile::tempdir().unwrap();
        for (name, octets) in &decided {
            fs::write(after.path().join(name), octets).unwrap();
        }
        if moved_away {
            let away = schema::beside(&key_file::beside(&path(&after)), ".former-1");
            fs::rename(key_file::beside(&path(&after)), away).unwrap();
        }
        drop(assert_renewed(&after));
        let former = |name: &str| fs::read(after.path().join(name)).unwrap();
        assert_eq!(former("keys.sqlite.former-1"), older);
        assert_eq!(former("keys.toml.former-1"), b"newer keys");
        assert!(!unfinished(&path(&after)).exists());
    }
    drop(open(&folder).unwrap());
    assert!(keys_path.exists());
}

#[test]
fn keys_that_are_in_order_are_renewed_too_and_the_log_of_the_former_stays_with_them() {
    let (folder, _) = used();
    let mut store = open(&folder).unwrap();
    store.set_counter("mac_frame_counter", 90_000).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(9))).unwrap();
    // As after a power cut: the last changes stand in the log alone.
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.sqlite", "store.sqlite-wal", "keys.sqlite", "keys.sqlite-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    drop(store);
    renew(&copy).unwrap();
    drop(assert_renewed(&copy));
    let former = Connection::open(copy.path().join("keys.sqlite.former-1")).unwrap();
    let counted: i64 = former
        .query_row("SELECT value FROM counters WHERE name = 'mac_frame_counter'", (), |row| row.get(0))
        .unwrap();
    assert_eq!(counted, 90_000);
}

#[test]
fn a_meter_that_has_taken_other_keys_since_is_named() {
    let (folder, older) = used();
    let mut store = open(&folder).unwrap();
    store.settle_keys(METER, true).unwrap();
    store.commit(&[], &[(METER, 6)].into(), []).unwrap();
    store.close().unwrap();
    set(&folder, &older);
    let renewal = Renewal::prepare(&path(&folder)).unwrap();
    let expected = format!("have taken keys that are not here, write them into the configuration: {METER}");
    assert!(renewal.sentences().contains(&expected), "{:?}", renewal.sentences());
    renewal.carry_out(NOW).unwrap();
    let counters = open(&folder).unwrap().counters(METER).unwrap();
    let expected = MeterCounters { invocation: 9000 + LEAP, server: 6, generation: 1 };
    assert_eq!(counters, expected, "what it counted under the newer keys");
}

#[test]
fn what_cannot_be_renewed_is_refused_by_name_and_stays_as_it_is() {
    let (folder, _) = used();
    let store = open(&folder).unwrap();
    assert!(matches!(renew(&folder), Err(StoreError::Busy { .. })), "a daemon runs");
    drop(store);
    let (stranger, _) = used();
    let theirs = fs::read(key_file::beside(&path(&stranger))).unwrap();
    set(&folder, &theirs);
    assert!(matches!(renew(&folder), Err(StoreError::KeysOfAnother { .. })));
    assert_eq!(fs::read(key_file::beside(&path(&folder))).unwrap(), theirs);
    let nowhere = tempfile::tempdir().unwrap();
    let error = renew(&nowhere).unwrap_err().to_string();
    let name = path(&nowhere);
    let expected =
        format!("store {}: missing; expected the store whose keys are to be renewed", name.display());
    assert_eq!(error, expected);
    assert_eq!(fs::read_dir(nowhere.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn damaged_keys_are_refused_with_the_way_on_and_renewed_from_what_the_readings_know() {
    let garbage: Vec<u8> = (0..100_000u32).map(|n| ((n * 7919) >> 5) as u8).collect();
    let (sound, _) = used();
    let whole = fs::read(key_file::beside(&path(&sound))).unwrap();
    let overwritten = [&whole[..4096], &garbage[..whole.len() - 4096]].concat();
    let half = whole[..whole.len() / 2].to_vec();
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = elsewhere.path().join("notes");
    Connection::open(&stranger).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    for damaged in [overwritten, half, garbage, fs::read(stranger).unwrap()] {
        let (folder, _) = used();
        set(&folder, &damaged);
        let said = open(&folder).unwrap_err().to_string();
        assert!(said.contains("keys.sqlite") && said.contains(RENEW), "{said}");
        let renewal = Renewal::prepare(&path(&folder)).unwrap();
        assert!(
            renewal
                .sentences()
                .last()
                .unwrap()
                .starts_with("nothing is taken from the keys that are there: ")
        );
        renewal.carry_out(NOW).unwrap();
        drop(assert_renewed(&folder));
        let former = fs::read(folder.path().join("keys.sqlite.former-1")).unwrap();
        assert!(former == damaged, "moved, not removed");
    }
}

#[test]
fn nothing_but_the_former_keys_is_left_beside_the_new_ones() {
    let (folder, _) = used();
    renew(&folder).unwrap();
    let names =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let former: Vec<_> = names.filter(|name| name.contains("former")).collect();
    assert_eq!(former, ["keys.sqlite.former-1"]);
}

#[test]
fn whichever_page_of_the_keys_is_damaged_they_can_be_renewed() {
    let (sound, _) = used();
    let whole = fs::read(key_file::beside(&path(&sound))).unwrap();
    let mut nothing_taken = 0;
    for page in 0..whole.len() / 4096 {
        let (folder, _) = used();
        let mut damaged = fs::read(key_file::beside(&path(&folder))).unwrap();
        damaged[page * 4096..][..4096].fill(0xA5);
        set(&folder, &damaged);
        let renewal = Renewal::prepare(&path(&folder)).unwrap();
        nothing_taken += usize::from(renewal.sentences().last().unwrap().starts_with("nothing is taken"));
        renewal.carry_out(NOW).unwrap();
        drop(assert_renewed(&folder));
    }
    assert!(nothing_taken > whole.len() / 4096 / 2, "{nothing_taken}");
}
