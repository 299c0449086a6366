use super::migration::tests::put_back;
use super::*;
use concentrator_proto::v1;
use plc_core::sap::{Key, KeyUse, StoredRoute};
use plc_node::DeviceCounter;
use proptest::prelude::*;
use prost::Message;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const METER: Eui64 = Eui64::from_u64(0xFEDC_0000_0000_0001);

fn reading(capture: i64, value: i64) -> Reading {
    Reading {
        meter: METER,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(capture),
        value,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_secs(capture + 7),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.sqlite"), Utc::from_secs(5)).unwrap();
    (folder, store)
}

fn all(store: &Store) -> Vec<Reading> {
    let stored = store.reader().readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap();
    stored.into_iter().map(|stored| stored.reading).collect()
}

#[test]
fn a_reading_comes_back_as_it_was_also_after_reopening() {
    let (folder, mut store) = store();
    let extreme = Reading { value: i64::MIN, scaler: -128, unit: 255, status: u32::MAX, ..reading(900, 0) };
    let report = store.insert_readings(&[reading(0, 1), extreme]).unwrap();
    assert_eq!(report, InsertReport { inserted: 2, newest: Cursor(2), ..InsertReport::default() });
    store.close().unwrap();
    let store = Store::open(&folder.path().join("store.sqlite"), Utc::from_secs(9)).unwrap();
    assert_eq!(all(&store), [reading(0, 1), extreme]);
    assert_eq!(store.reader().created().unwrap(), Utc::from_secs(5));
}

#[test]
fn the_same_reading_again_changes_nothing() {
    let (_folder, mut store) = store();
    store.insert_readings(&[reading(0, 1)]).unwrap();
    let later = Reading { received: Utc::from_secs(99), ..reading(0, 1) };
    let report = store.insert_readings(&[later, later]).unwrap();
    assert_eq!((report.inserted, report.duplicates, report.newest), (0, 2, Cursor(1)));
    assert_eq!(all(&store), [reading(0, 1)]);
    assert!(store.reader().events(Cursor::START, 9).unwrap().is_empty());
}

#[test]
fn the_newest_capture_is_found_whatever_the_order_of_arrival() {
    let (_folder, mut store) = store();
    let other = Reading { meter: Eui64::from_u64(2), ..reading(900, 1) };
    store.insert_readings(&[reading(1800, 2), other, reading(0, 1)]).unwrap();
    assert_eq!(store.reader().last_capture(METER).unwrap(), Some(Utc::from_secs(1800)));
    assert_eq!(store.reader().last_capture(Eui64::from_u64(3)).unwrap(), None);
    let expected = BTreeMap::from([(METER, Utc::from_secs(1800)), (other.meter, Utc::from_secs(900))]);
    assert_eq!(store.reader().last_captures().unwrap(), expected);
}

#[test]
fn a_contradicting_reading_leaves_one_event_and_never_overwrites() {
    let (_folder, mut store) = store();
    store.insert_readings(&[reading(0, 1)]).unwrap();
    for _ in 0..3 {
        assert_eq!(store.insert_readings(&[reading(0, 2)]).unwrap().conflicts, 1);
    }
    assert_eq!(all(&store), [reading(0, 1)]);
    let events = store.reader().events(Cursor::START, 9).unwrap();
    assert_eq!(events.len(), 1);
    let event = &events[0].event;
    assert_eq!(
        (event.kind, event.meter, event.time),
        (EventKind::ReadingConflict, Some(METER), Utc::from_secs(7))
    );
    assert!(event.text.contains("held (1, -1, 30, 0), received (2, -1, 30, 0)"), "{}", event.text);
}

#[test]
fn a_counter_never_goes_back() {
    let (_folder, mut store) = store();
    store.set_counter("mac.frame_counter", u64::MAX - 1).unwrap();
    store.set_counter("mac.frame_counter", u64::MAX).unwrap();
    let error = store.set_counter("mac.frame_counter", 5).unwrap_err();
    assert!(matches!(error, StoreError::CounterBack { stored: u64::MAX, value: 5, .. }), "{error}");
    assert_eq!(store.key_file().counter("mac.frame_counter").unwrap(), Some(u64::MAX));
    assert_eq!(store.key_file().counter("other").unwrap(), None);
}

#[test]
fn a_meter_keeps_its_counters_and_its_title_when_it_is_registered_again() {
    let (_folder, mut store) = store();
    store.register_meter(METER, None).unwrap();
    store.set_invocation_counter(METER, 1000).unwrap();
    store.commit(&[], &BTreeMap::from([(METER, 7)]), []).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(3))).unwrap();
    store.register_meter(METER, Some([9; 8])).unwrap();
    store.register_meter(METER, None).unwrap();
    let expected = MeterRow {
        eui64: METER,
        short_address: Some(ShortAddress(3)),
        system_title: Some([9; 8]),
        server_counter: 7,
        generation: 0,
    };
    assert_eq!(store.reader().meters().unwrap(), [expected]);
    let counters = MeterCounters { invocation: 1000, server: 7, generation: 0 };
    assert_eq!(store.counters(METER).unwrap(), counters);
    assert!(matches!(
        store.set_invocation_counter(METER, 999),
        Err(StoreError::CounterBack { stored: 1000, .. })
    ));
}

#[test]
fn one_address_belongs_to_one_meter() {
    let (_folder, mut store) = store();
    let other = Eui64::from_u64(2);
    assert!(matches!(store.set_meter_address(METER, None), Err(StoreError::UnknownMeter(METER))));
    store.register_meter(METER, None).unwrap();
    store.register_meter(other, None).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(1))).unwrap();
    store.set_meter_address(METER, Some(ShortAddress(1))).unwrap();
    let error = store.set_meter_address(other, Some(ShortAddress(1))).unwrap_err();
    assert!(matches!(error, StoreError::AddressTaken { holder: METER, .. }), "{error}");
    store.set_meter_address(METER, None).unwrap();
    store.set_meter_address(other, Some(ShortAddress(1))).unwrap();
}

#[test]
fn the_network_is_remembered_and_its_key_is_not_printed() {
    let (_folder, mut store) = store();
    assert_eq!(store.key_file().network().unwrap(), None);
    let network = Network { pan_id: PanId(0x1001), group_key: [0xA5; 16], key_index: 1 };
    store.set_network(&network).unwrap();
    assert_eq!(store.key_file().network().unwrap(), Some(network));
    assert_eq!(format!("{network:?}"), "Network { pan_id: 1001, key_index: 1, .. }");
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let (folder, store) = store();
    let path = folder.path().join("store.sqlite");
    assert!(matches!(Store::open(&path, Utc::default()), Err(StoreError::Busy { .. })));
    assert_eq!(StoreReader::open(&path).unwrap().newest().unwrap(), Cursor::START);
    drop(store);
    Store::open(&path, Utc::default()).unwrap();
}

/// Each stranger's file, and what the store says of it.
fn refused_untouched(make: impl Fn(&Path), expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    make(&path);
    let before = fs::read(&path).unwrap();
    let _ = fs::write(folder.path().join("other.lock"), "");
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let files = names();
    let error = Store::open(&path, Utc::default()).unwrap_err().to_string();
    assert_eq!(error, format!("store {}: {expected}", path.display()));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(), files, "nothing but the lock was made beside it");
}

#[test]
fn a_file_of_another_kind_is_refused_and_stays_untouched() {
    let foreign = "not a database of the concentrator; expected one, or no file at all";
    refused_untouched(|path| fs::write(path, "").unwrap(), foreign);
    refused_untouched(|path| fs::write(path, [b'x'; 500]).unwrap(), foreign);
    let other = |path: &Path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
    };
    refused_untouched(other, foreign);
}

#[test]
fn a_store_of_another_version_is_refused_and_stays_untouched() {
    let newer = |path: &Path| {
        Store::open(path, Utc::default()).unwrap().close().unwrap();
        Connection::open(path).unwrap().pragma_update(None, "user_version", 6).unwrap();
    };
    refused_untouched(newer, "schema version 6, expected 5");
}

/// As files were in which each reading had a row, with a hole in the cursors.
const ROWS: &str = "
    DROP TABLE task_values; DROP TABLE marks;
    DROP TABLE series; DROP TABLE blocks; DROP TABLE coverage; DROP TABLE lost; ALTER TABLE meters DROP COLUMN since;
    CREATE TABLE readings (cursor INTEGER PRIMARY KEY AUTOINCREMENT, meter INTEGER NOT NULL, logical_name BLOB NOT NULL,
        capture INTEGER NOT NULL, value INTEGER NOT NULL, scaler INTEGER NOT NULL, unit INTEGER NOT NULL,
        status INTEGER NOT NULL, received INTEGER NOT NULL) STRICT;
    CREATE UNIQUE INDEX readings_key ON readings (capture, meter, logical_name);
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
    INSERT INTO readings SELECT n + (n > 300) * 5, -81985529216486895, x'0100010800ff', n * 900000, n, -1, 30, 0, n * 900000 + 7000 FROM n;";

#[test]
fn a_store_of_an_older_version_is_brought_up_to_date_and_keeps_its_readings_and_cursors() {
    let first =
        "DROP TABLE routes; DROP TABLE group_keys; DROP TABLE device_counters; PRAGMA user_version = 1";
    for (version, further) in [(1, first), (2, "PRAGMA user_version = 2")] {
        let (folder, store) = store();
        let path = folder.path().join("store.sqlite");
        store.close().unwrap();
        put_back(&path, &format!("{ROWS}{further}"));
        let old = StoreReader::open(&path).unwrap_err().to_string();
        assert!(old.ends_with(&format!("schema version {version}, expected 5")), "{old}");
        let mut store = Store::open(&path, Utc::default()).unwrap();
        assert_eq!(store.insert_readings(&[reading(900, 1)]).unwrap().duplicates, 0, "of another meter");
        let stored = store.reader().readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap();
        let cursors: Vec<_> = stored.iter().map(|stored| stored.cursor.0).collect();
        assert_eq!(cursors, (1..=300).chain(306..=705).chain([706]).collect::<Vec<_>>());
        let meter = Eui64::from_u64((-81985529216486895i64).cast_unsigned());
        let expected =
            |n: i64| Reading { meter, received: Utc::from_secs(n * 900 + 7), ..reading(n * 900, n) };
        for (stored, n) in stored.iter().zip(1..=700) {
            assert_eq!(stored.reading, expected(n));
        }
        assert!(store.reader().routes().unwrap().is_empty());
        store.close().unwrap();
        StoreReader::open(&path).unwrap();
    }
}

#[test]
fn routes_group_keys_and_received_counters_come_back_after_reopening() {
    let (folder, mut store) = store();
    let way = |next_hop, sequence| StoredRoute {
        destination: ShortAddress(5),
        next_hop: ShortAddress(next_hop),
        cost: 300,
        hops: 2,
        weak_links: 1,
        sequence,
    };
    let ways = [way(3, None), way(4, Some(65_535)), way(4, Some(65_535))];
    store.commit(&[], &BTreeMap::new(), &ways).unwrap();
    store.set_group_key(0, Some((Key([1; 16]), KeyUse::Active))).unwrap();
    store.set_group_key(1, Some((Key([2; 16]), KeyUse::Next))).unwrap();
    store.set_group_key(0, None).unwrap();
    let counter =
        |short, key_index, accept_from| DeviceCounter { short: ShortAddress(short), key_index, accept_from };
    [counter(7, 0, 5), counter(7, 1, u32::MAX), counter(7, 0, 9), counter(2, 1, 1)]
        .iter()
        .for_each(|counter| store.set_device_counter(counter).unwrap());
    store.void_device_counters(1).unwrap();
    store.close().unwrap();
    let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
    assert_eq!(store.reader().routes().unwrap(), [way(4, Some(65_535))]);
    assert_eq!(store.key_file().group_keys().unwrap(), [(1, Key([2; 16]), KeyUse::Next)]);
    assert_eq!(store.key_file().device_counters().unwrap(), [counter(7, 0, 9)]);
}

#[test]
fn a_store_that_was_only_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    fs::write(folder.path().join("store.sqlite.creating"), "half").unwrap();
    let store = Store::open(&path, Utc::default()).unwrap();
    assert_eq!(store.reader().newest().unwrap(), Cursor::START);
}

/// Without its file the store is refused, its log stays as it is, and with its file all is back.
#[test]
fn a_log_without_its_store_is_refused_and_loses_nothing() {
    let (folder, mut store) = store();
    let path = folder.path().join("store.sqlite");
    let (log, kept) = (folder.path().join("store.sqlite-wal"), folder.path().join("kept"));
    store.insert_readings(&[reading(0, 1)]).unwrap();
    let octets = fs::read(&log).unwrap();
    fs::copy(&path, &kept).unwrap();
    store.close().unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&log, &octets).unwrap();
    let error = Store::open(&path, Utc::default()).unwrap_err().to_string();
    let (log_name, name) = (log.display(), path.display());
    let expected = "left behind by another store, expected none; remove it or restore";
    assert_eq!(error, format!("store {log_name}: {expected} {name}"));
    assert_eq!(fs::read(&log).unwrap(), octets);
    assert!(!path.exists());
    fs::rename(&kept, &path).unwrap();
    assert_eq!(all(&Store::open(&path, Utc::default()).unwrap()), [reading(0, 1)]);
}

#[test]
fn an_index_or_a_journal_without_its_store_is_refused_too() {
    for suffix in ["-shm", "-journal"] {
        let folder = tempfile::tempdir().unwrap();
        let leftover = folder.path().join(format!("store.sqlite{suffix}"));
        fs::write(&leftover, "of another store").unwrap();
        let error = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap_err();
        assert!(
            matches!(&error, StoreError::Leftover { leftover: named, .. } if *named == leftover),
            "{error}"
        );
        assert_eq!(fs::read(&leftover).unwrap(), b"of another store");
    }
}

#[test]
fn only_the_owner_may_read_a_store_and_what_stands_beside_it() {
    let (folder, mut store) = store();
    store.insert_readings(&[reading(0, 1)]).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    let mut names: Vec<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
    names.sort();
    let of = |file: &str| ["", "-shm", "-wal", ".lock"].map(|suffix| format!("{file}{suffix}"));
    assert_eq!(names, [of("keys.sqlite"), of("store.sqlite")].concat());
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}: {mode:o}", file.path().display());
    }
}

#[test]
fn events_are_kept_in_order_and_bounded() {
    let (_folder, mut store) = store();
    let event = |n: i64| Event {
        time: Utc::from_secs(n),
        kind: EventKind::MeterLost,
        meter: None,
        text: n.to_string(),
    };
    for n in 0..3 {
        store.append_event(&event(n)).unwrap();
    }
    // As if MAX_EVENTS had come since: only the cursor counts.
    let skip = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'events'";
    store.reader.connection.execute(skip, [MAX_EVENTS]).unwrap();
    store.append_event(&event(3)).unwrap();
    let texts: Vec<_> =
        store.reader().events(Cursor::START, 9).unwrap().into_iter().map(|e| e.event.text).collect();
    assert_eq!(texts, ["1", "2", "3"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The store against a map: first content wins, in order of arrival, filtered and paged alike.
    #[test]
    fn the_store_agrees_with_a_map(
        batches in prop::collection::vec(prop::collection::vec((0u64..3, 0i64..6, 0i64..2), 0..8), 1..6),
        meter in prop::option::of(0u64..3), from in prop::option::of(0i64..6), to in prop::option::of(0i64..6),
        limit in 1usize..5,
    ) {
        let (_folder, mut store) = store();
        let (mut keys, mut expected) = (BTreeMap::new(), Vec::new());
        for batch in &batches {
            let batch: Vec<_> = batch.iter()
                .map(|&(m, c, v)| Reading { meter: Eui64::from_u64(m), ..reading(c, v) }).collect();
            let report = store.insert_readings(&batch).unwrap();
            prop_assert_eq!(report.inserted + report.duplicates + report.conflicts, batch.len());
            for r in batch {
                let first = keys.entry((r.meter, r.capture)).or_insert_with(|| { expected.push(r); r.value });
                let _ = first;
            }
        }
        let filter = ReadingFilter { meter: meter.map(Eui64::from_u64), from: from.map(Utc::from_secs), to: to.map(Utc::from_secs) };
        expected.retain(|r| filter.meter.is_none_or(|m| m == r.meter)
            && filter.from.is_none_or(|t| r.capture >= t) && filter.to.is_none_or(|t| r.capture < t));
        let (mut paged, mut after) = (Vec::new(), Cursor::START);
        loop {
            let page = store.reader().readings(&filter, after, limit).unwrap();
            let Some(last) = page.last() else { break };
            prop_assert!(page.len() <= limit && last.cursor > after);
            after = last.cursor;
            paged.extend(page.into_iter().map(|stored| stored.reading));
        }
        prop_assert_eq!(paged, expected);
    }
}

#[test]
fn what_is_expected_and_what_is_lost_is_kept() {
    let (folder, mut store) = store();
    store.register_meter(METER, None).unwrap();
    store.expect_meter(METER, Utc::from_secs(900)).unwrap();
    store.expect_meter(METER, Utc::from_secs(9000)).unwrap();
    let lost = |from, to| LostRange {
        meter: METER,
        from: Utc::from_secs(from),
        to: Utc::from_secs(to),
        reason: backhaul::ledger::Reason::NotGiven,
    };
    store.record_lost(&lost(1800, 2700)).unwrap();
    store.record_lost(&lost(1800, 3600)).unwrap();
    store.close().unwrap();
    let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
    assert_eq!(store.reader().expected_since().unwrap(), BTreeMap::from([(METER, Utc::from_secs(900))]));
    assert_eq!(store.reader().lost(Some(METER)).unwrap(), [lost(1800, 3600)]);
    assert_eq!(store.reader().lost(Some(Eui64::from_u64(2))).unwrap(), []);
}

#[test]
fn a_hole_that_is_not_lost_is_asked_for_again_after_a_restart() {
    let (_folder, mut store) = store();
    let period = std::time::Duration::from_secs(900);
    assert_eq!(store.resume_from(METER, period, 96).unwrap(), None);
    let captures = [1, 2, 4, 5, 7, 8];
    store.insert_readings(&captures.map(|n| reading(n * 900, n))).unwrap();
    let resume = |store: &Store, history| {
        store.resume_from(METER, period, history).unwrap().map(|at| at.as_secs() / 900)
    };
    assert_eq!(resume(&store, 96), Some(2));
    let three = Utc::from_secs(3 * 900);
    let reason = backhaul::ledger::Reason::NotGiven;
    store.record_lost(&LostRange { meter: METER, from: three, to: three, reason }).unwrap();
    assert_eq!(resume(&store, 96), Some(5));
    assert_eq!(resume(&store, 1), Some(8), "not further back than asked");
}

/// Up to `count` batches of forty, until there is an error.
fn fill(store: &mut Store, from: i64, count: i64) -> (i64, Option<StoreError>) {
    for n in from..from + count {
        let batch: Vec<_> = (0..40)
            .map(|m| Reading {
                meter: Eui64::from_u64(m),
                value: (n * 40 + m as i64).wrapping_mul(0x9E37_79B9_7F4A_7C15u64.cast_signed()),
                ..reading(n * 900, 0)
            })
            .collect();
        if let Err(error) = store.insert_readings(&batch) {
            return (n, Some(error));
        }
    }
    (from + count, None)
}

#[test]
fn a_full_store_refuses_readings_and_loses_none_until_the_head_end_has_them() {
    let (_folder, mut store) = store();
    let limits = Limits { octets: 1 << 20, head_end: true, ..Limits::default() };
    store.set_limits(limits).unwrap();
    let (taken, error) = fill(&mut store, 0, 4000);
    let error = error.expect("a megabyte is soon full");
    assert!(error.is_full() && matches!(error, StoreError::Full { limit: 256, .. }), "{error}");
    assert_eq!(all(&store).len() as i64, taken * 40, "all that was taken is there");
    let events = store.reader().events(Cursor::START, 99).unwrap();
    assert_eq!(
        events.iter().filter(|e| e.event.kind == EventKind::StoreFull).count(),
        1,
        "said once: {events:?}"
    );
    // Counters go on: what is full of readings must still speak to the meters.
    store.set_counter("mac_frame_counter", 7).unwrap();
    // The head-end has the first half.
    store.delivered().set(Cursor((taken * 20).cast_unsigned()));
    let (more, _) = fill(&mut store, taken, 300);
    assert!(more > taken, "there is room again");
    let left = store.reader().readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap();
    assert!(left[0].cursor.0 <= (taken * 20 + 1).cast_unsigned(), "what is not delivered stays");
    assert_eq!(left.last().unwrap().cursor.0, (more * 40).cast_unsigned());
}

#[test]
fn what_the_head_end_has_leaves_after_its_time_and_what_it_has_not_never() {
    let (_folder, mut store) = store();
    let keep = std::time::Duration::from_secs(100 * 900);
    store.set_limits(Limits { keep, ..Limits::default() }).unwrap();
    store.delivered().set(Cursor(130 * 40));
    fill(&mut store, 0, 300);
    let (first, _) = store.reader().bounds().unwrap();
    assert_eq!(first, Cursor(130 * 40 + 1));
    store.delivered().set(Cursor(u64::MAX));
    fill(&mut store, 300, 200);
    let (first, last) = store.reader().bounds().unwrap();
    let held = (last.0 - first.0 + 1) / 40;
    assert!((100..100 + 2 * 64).contains(&held), "{held}");
}

#[test]
fn without_a_head_end_the_oldest_readings_make_room() {
    let (_folder, mut store) = store();
    store.set_limits(Limits { octets: 1 << 20, head_end: false, ..Limits::default() }).unwrap();
    assert!(fill(&mut store, 0, 2500).1.is_none(), "never full");
    let used = store
        .reader()
        .rows("SELECT page_count FROM pragma_page_count", (), |row| row.get::<_, i64>(0))
        .unwrap();
    assert!(used[0] <= 320, "{used:?}");
}

#[test]
fn a_disk_without_room_is_said_and_nothing_that_was_told_is_lost() {
    let (_folder, mut store) = store();
    store.insert_readings(&[reading(0, 1)]).unwrap();
    // As if the file system were full: the engine gets no further page.
    store.reader.connection.pragma_update(None, "max_page_count", 40).unwrap();
    let (taken, error) = fill(&mut store, 1, 4000);
    let error = error.expect("forty pages are soon full");
    assert!(error.is_full() && error.to_string().contains("full"), "{error}");
    assert_eq!(all(&store).len() as i64, 1 + (taken - 1) * 40, "the batch is there in whole or not at all");
    store.reader.connection.pragma_update(None, "max_page_count", 4000).unwrap();
    let again: Vec<_> = all(&store)[1..41].to_vec();
    assert_eq!(store.insert_readings(&again).unwrap().duplicates, 40, "what is known is still known");
    assert!(fill(&mut store, taken, 5).0 > taken, "it goes on where it stopped");
}

#[test]
fn readings_counters_and_routes_become_durable_together_or_not_at_all() {
    let (_folder, mut store) = store();
    store.register_meter(METER, None).unwrap();
    let route = StoredRoute {
        destination: ShortAddress(7),
        next_hop: ShortAddress(3),
        cost: 9,
        hops: 2,
        weak_links: 1,
        sequence: Some(77),
    };
    let counter = |store: &Store| store.reader().meter(METER).unwrap().unwrap().server_counter;
    store.commit(&[reading(0, 1)], &BTreeMap::from([(METER, 41)]), [&route]).unwrap();
    assert_eq!((all(&store).len(), counter(&store), store.reader().routes().unwrap().len()), (1, 41, 1));
    store.commit(&[], &BTreeMap::from([(METER, 40)]), []).unwrap();
    assert_eq!(counter(&store), 41, "a counter never goes back");
    store.set_limits(Limits { octets: 1, ..Limits::default() }).unwrap();
    let refused = store.commit(&[reading(900, 2)], &BTreeMap::from([(METER, 50)]), []);
    assert!(refused.is_err_and(|error| error.is_full()));
    assert_eq!((all(&store).len(), counter(&store)), (1, 41));
}

fn value(source: [u8; 6], secs: i64, ordinal: u16, value: i64) -> TaskValue {
    TaskValue {
        meter: METER,
        source,
        logical_name: [0, 0, 96, 11, 0, 255],
        capture: Utc::from_secs(secs),
        ordinal,
        value,
        scaler: -1,
        unit: 255,
        status: 3,
        received: Utc::from_secs(secs + 9),
    }
}

const LOG: [u8; 6] = [0, 0, 99, 98, 0, 255];

#[test]
fn a_value_is_kept_once_with_its_mark_whatever_comes_again() {
    let (folder, mut store) = store();
    let mark = |secs| ProfileMark { meter: METER, source: LOG, through: Utc::from_secs(secs) };
    let values = [value(LOG, 5, 0, 7), value(LOG, 5, 1, 7), value(LOG, 9, 0, 8)];
    assert_eq!(store.insert_values(&values, &[mark(9)]).unwrap(), 3);
    let later = TaskValue { received: Utc::from_secs(99), ..values[2] };
    assert_eq!(store.insert_values(&[later, value(LOG, 10, 0, 1)], &[mark(10)]).unwrap(), 1);
    store.close().unwrap();
    let store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
    let held = store.reader().values(None, Cursor::START, 99).unwrap();
    let cursors: Vec<_> = held.iter().map(|stored| (stored.cursor.0, stored.value)).collect();
    let expected = [values[0], values[1], values[2], value(LOG, 10, 0, 1)];
    assert_eq!(cursors, (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!(store.reader().marks(METER).unwrap(), [mark(10)]);
    assert_eq!(store.reader().marks(Eui64::from_u64(99)).unwrap(), []);
    assert_eq!(store.reader().newest_value().unwrap(), Cursor(4));
    assert_eq!(store.reader().values(Some(METER), Cursor(3), 99).unwrap().len(), 1);
    assert_eq!(store.reader().values(Some(Eui64::from_u64(99)), Cursor::START, 99).unwrap(), []);
}

#[test]
fn the_newest_value_of_each_object_is_found() {
    let (_folder, mut store) = store();
    let volts = [1, 0, 32, 7, 0, 255];
    let of = |source: [u8; 6], secs, ordinal, number| TaskValue {
        logical_name: source,
        ..value(source, secs, ordinal, number)
    };
    let values = [of(volts, 9, 0, 2309), of(volts, 5, 0, 2305), of(LOG, 5, 1, 2), of(LOG, 5, 0, 1)];
    store.insert_values(&values, &[]).unwrap();
    let newest: Vec<_> =
        store.reader().newest_values(Some(METER)).unwrap().iter().map(|stored| stored.value.value).collect();
    assert_eq!(newest, [2, 2309]);
}

#[test]
fn a_store_without_values_of_tasks_is_brought_up_to_date_and_keeps_its_readings() {
    let (folder, mut store) = store();
    let path = folder.path().join("store.sqlite");
    store.insert_readings(&[reading(900, 1)]).unwrap();
    store.close().unwrap();
    put_back(&path, "DROP TABLE task_values; DROP TABLE marks; PRAGMA user_version = 3");
    let mut store = Store::open(&path, Utc::default()).unwrap();
    assert_eq!(all(&store).len(), 1);
    assert_eq!(store.insert_values(&[value(LOG, 5, 0, 7)], &[]).unwrap(), 1);
}

#[test]
fn values_make_room_for_readings_and_for_newer_values() {
    let (_folder, mut store) = store();
    store.set_limits(Limits { octets: 1 << 20, head_end: false, ..Limits::default() }).unwrap();
    for n in 0..400 {
        let values: Vec<_> = (0..100).map(|k| value(LOG, n * 100 + k, 0, k)).collect();
        store.insert_values(&values, &[]).unwrap();
    }
    let held = store.reader().values(None, Cursor::START, usize::MAX).unwrap();
    assert_eq!(held.last().unwrap().cursor, Cursor(40_000));
    assert!(held.len() < 30_000, "{}", held.len());
    assert!(fill(&mut store, 0, 500).1.is_none(), "there is room for readings");
    assert_eq!(store.reader().value_bounds().unwrap().1, Cursor(40_000), "also when none is left");
}

/// Up to `count` batches of a hundred values from batch `from` on, until there is an error.
fn fill_values(store: &mut Store, from: i64, count: i64) -> (i64, Option<StoreError>) {
    for n in from..from + count {
        let values: Vec<_> = (0..100).map(|k| value(LOG, n * 100 + k, 0, k)).collect();
        if let Err(error) = store.insert_values(&values, &[]) {
            return (n, Some(error));
        }
    }
    (from + count, None)
}

fn losses(store: &Store) -> Vec<String> {
    let events = store.reader().events(Cursor::START, usize::MAX).unwrap();
    let lost = events.into_iter().filter(|stored| stored.event.kind == EventKind::StoreFull);
    lost.map(|stored| stored.event.text)
        .filter(|text| text.contains("before the head-end had them"))
        .collect()
}

#[test]
fn values_that_the_head_end_does_not_have_make_no_room_for_newer_ones_and_those_that_it_has_do() {
    let (_folder, mut store) = store();
    store.set_limits(Limits { octets: 1 << 20, head_end: true, ..Limits::default() }).unwrap();
    let (taken, error) = fill_values(&mut store, 0, 400);
    assert!(error.is_some_and(|error| error.is_full()), "a megabyte is soon full");
    let newest = (taken * 100).cast_unsigned();
    assert_eq!(store.reader().value_bounds().unwrap(), (Cursor(1), Cursor(newest)), "none has gone");
    store.delivered().set_values(Cursor(newest / 2));
    let (more, _) = fill_values(&mut store, taken, 400);
    assert!(more > taken, "there is room again");
    let (oldest, last) = store.reader().value_bounds().unwrap();
    assert!(
        oldest > Cursor(1) && oldest <= Cursor(newest / 2 + 1),
        "what is not delivered stays: {oldest:?}"
    );
    assert_eq!(last, Cursor((more * 100).cast_unsigned()));
    assert_eq!(losses(&store), [""; 0]);
}

#[test]
fn readings_are_not_refused_for_values_that_wait_and_what_goes_is_named_without_a_hole() {
    let (_folder, mut store) = store();
    store.set_limits(Limits { octets: 1 << 20, head_end: true, ..Limits::default() }).unwrap();
    let (taken, _) = fill_values(&mut store, 0, 400);
    assert!(fill(&mut store, 0, 20).1.is_none(), "readings come first");
    let (oldest, newest) = store.reader().value_bounds().unwrap();
    assert!(oldest > Cursor(1) && newest == Cursor((taken * 100).cast_unsigned()));
    let mut next = 1;
    for text in losses(&store) {
        let (range, rest) = text.strip_prefix("values of tasks ").unwrap().split_once(", captured ").unwrap();
        let (first, last) = range.split_once(" to ").unwrap();
        assert_eq!(first, next.to_string(), "{text}");
        next = last.parse::<i64>().unwrap() + 1;
        // A value of each second, beginning with that of cursor 1.
        let captured = format!(
            "{} to {}, removed before",
            Utc::from_secs(first.parse::<i64>().unwrap() - 1),
            Utc::from_secs(next - 2)
        );
        assert!(rest.starts_with(&captured) && rest.ends_with("there was no room for readings"), "{text}");
    }
    assert_eq!(Cursor(next.cast_unsigned()), oldest);
}

#[test]
fn beyond_the_bound_the_oldest_values_go_and_those_that_the_head_end_does_not_have_are_named() {
    let (_folder, mut store) = store();
    store.set_limits(Limits::default()).unwrap();
    fill_values(&mut store, 0, 1);
    store.delivered().set_values(Cursor(30));
    // As if nearly all that may be kept had come since.
    let skip = |store: &Store, to: i64| {
        let sql = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'task_values'";
        store.reader.connection.execute(sql, [to]).unwrap();
    };
    skip(&store, MAX_VALUES + 19);
    store.insert_values(&[value(LOG, 1_000, 0, 1)], &[]).unwrap();
    assert_eq!(store.reader().value_bounds().unwrap().0, Cursor(21), "the head-end has those");
    assert_eq!(losses(&store), [""; 0]);
    skip(&store, MAX_VALUES + 39);
    for n in 0..3 {
        store.insert_values(&[value(LOG, 1_001 + n, 0, 1)], &[]).unwrap();
    }
    // A hundredth of the bound at once: all that there were but the newest.
    assert_eq!(store.reader().value_bounds().unwrap().0, Cursor((MAX_VALUES + 20).cast_unsigned()));
    let captured = format!("captured {} to {},", Utc::from_secs(30), Utc::from_secs(99));
    let expected = format!(
        "values of tasks 31 to 100, {captured} removed before the head-end had them: more than a million are held"
    );
    assert_eq!(losses(&store), [expected]);
}

#[test]
fn the_longest_texts_of_events_fit_into_a_message_also_those_that_were_kept_uncut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let mut store = Store::open(&path, Utc::from_secs(5)).unwrap();
    let event = |text: String| Event { time: Utc::from_secs(6), kind: EventKind::Task, meter: None, text };
    for _ in 0..50 {
        store.append_event(&event("\u{1F980}".repeat(10_000))).unwrap();
    }
    store.append_event(&event("ä".repeat(500))).unwrap();
    store.close().unwrap();
    let kept: i64 = {
        let file = Connection::open(&path).unwrap();
        let sql = "INSERT INTO events (time, kind, meter, text) VALUES (7, 'task', NULL, ?1)";
        for _ in 0..50 {
            file.execute(sql, ["\u{1F980}".repeat(10_000)]).unwrap();
        }
        file.query_row("SELECT max(length(text)) FROM events WHERE time > 7", (), |row| row.get(0)).unwrap()
    };
    assert_eq!(kept, 502, "what is new is cut when it is written");
    let events = StoreReader::open(&path).unwrap().events(Cursor::START, 200).unwrap();
    assert_eq!((events.len(), events[50].event.text.chars().count()), (101, 500));
    assert!(events.iter().all(|event| event.event.text.chars().count() <= 502));
    let batch = crate::uplink::wire::emit_events(backhaul::Span { first: 1, last: 101 }, events);
    let message = v1::DeliverRequest { word: Some(v1::deliver_request::Word::Events(batch)) };
    assert!(message.encoded_len() < 1 << 18, "{}", message.encoded_len());
}
