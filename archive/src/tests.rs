use crate::{Archive, Conflict, Filter, Inserted, Shelf, TABLES};
use backhaul::ledger::Open;
use backhaul::{Cursor, Digest, Digests, Reading, Runs, Span, Spans, StoredReading};
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::BTreeMap;

const ALL: (Cursor, Cursor) = (Cursor::START, Cursor(u64::MAX));

fn reading(meter: u64, capture: i64, value: i64) -> Reading {
    Reading {
        meter: Eui64::from_u64(meter),
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(capture * 900),
        value,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_secs(capture * 900 + 7),
    }
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLES).unwrap();
    connection
}

fn stored(connection: &Connection) -> Vec<StoredReading> {
    Shelf::default().readings(connection, &Filter::default(), ALL, usize::MAX).unwrap().readings
}

#[test]
fn a_damaged_block_is_told_and_hides_nothing_else() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    for n in 0..3 {
        archive.insert(&connection, &[reading(1, 2 * n, n), reading(1, 2 * n + 1, n)]).unwrap();
    }
    connection.execute("UPDATE blocks SET data = CAST(x'00' || data AS BLOB) WHERE last = 4", ()).unwrap();
    let page = Shelf::default().readings(&connection, &Filter::default(), ALL, 9).unwrap();
    assert_eq!(page.readings.iter().map(|stored| stored.cursor.0).collect::<Vec<_>>(), [1, 2, 5, 6]);
    let [damage] = page.damages[..] else { panic!("{:?}", page.damages) };
    assert_eq!((damage.first, damage.last), (Cursor(3), Cursor(4)));
    assert_eq!((damage.oldest, damage.newest), (Utc::from_secs(1800), Utc::from_secs(2700)));
    let archive = Archive::load(&connection).unwrap();
    assert_eq!((archive.damages(), archive.newest()), (&[damage][..], Cursor(6)));
}

#[test]
fn what_has_made_room_is_still_known_and_its_cursors_are_not_used_again() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    for n in 0..4 {
        archive.insert(&connection, &[reading(1, n, n)]).unwrap();
    }
    assert_eq!(archive.prune(&connection, Cursor(3), 2 * 900_000, 9).unwrap(), 2, "not the young one");
    assert_eq!(archive.prune(&connection, Cursor(3), i64::MAX, 9).unwrap(), 1, "not what is not delivered");
    assert_eq!(Shelf::bounds(&connection).unwrap(), (Cursor(4), Cursor(4)));
    archive.prune(&connection, Cursor(4), i64::MAX, 9).unwrap();
    assert_eq!(Shelf::bounds(&connection).unwrap(), (Cursor(5), Cursor(4)));
    let mut archive = Archive::load(&connection).unwrap();
    assert_eq!(Shelf::coverage(&connection).unwrap().of_meter(Eui64::from_u64(1)).count(), 4);
    let report = archive.insert(&connection, &[reading(1, 2, 2), reading(1, 4, 4)]).unwrap();
    assert_eq!((report.inserted, report.duplicates, report.newest), (1, 1, Cursor(5)));
}

#[test]
fn a_damaged_coverage_is_made_again_from_the_blocks() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    archive.insert(&connection, &[reading(1, 0, 0), reading(2, 0, 0)]).unwrap();
    archive.write_coverage(&connection).unwrap();
    connection.execute("UPDATE coverage SET data = x'0102030405'", ()).unwrap();
    let again = Archive::load(&connection).unwrap();
    assert_eq!((again.coverage(), again.newest()), (archive.coverage(), Cursor(2)));
}

#[test]
fn a_register_whose_scaler_changes_is_still_one_register() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    archive.insert(&connection, &[reading(1, 0, 5)]).unwrap();
    let finer = Reading { scaler: -3, ..reading(1, 1, 500) };
    assert_eq!(archive.insert(&connection, &[finer]).unwrap().inserted, 1);
    let again = Reading { scaler: -3, ..reading(1, 0, 5) };
    let report = archive.insert(&connection, &[again]).unwrap();
    assert_eq!(report.conflicts, [Conflict { reading: again, held: (5, -1, 30, 0) }]);
    assert_eq!(stored(&connection)[1].reading, finer);
}

#[test]
fn a_reader_meets_series_that_are_younger_than_itself() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    let mut shelf = Shelf::default();
    for meter in 1..4 {
        archive.insert(&connection, &[reading(meter, 0, 1)]).unwrap();
        let page = shelf.readings(&connection, &Filter::default(), ALL, 9).unwrap();
        assert_eq!(page.readings.len() as u64, meter);
    }
}

#[test]
fn a_batch_longer_than_a_block_keeps_its_order_and_its_cursors() {
    let connection = database();
    let batch: Vec<_> = (0..1000).map(|n| reading(n % 7, n as i64 / 7, n as i64)).collect();
    let report = Archive::load(&connection).unwrap().insert(&connection, &batch).unwrap();
    assert_eq!(report, Inserted { inserted: 1000, newest: Cursor(1000), ..Inserted::default() });
    let expected =
        batch.iter().zip(1..).map(|(reading, n)| StoredReading { cursor: Cursor(n), reading: *reading });
    assert_eq!(stored(&connection), expected.collect::<Vec<_>>());
    let middle = (Cursor(300), Cursor(310));
    let page = Shelf::default().readings(&connection, &Filter::default(), middle, 99).unwrap();
    assert_eq!(page.readings.iter().map(|s| s.cursor.0).collect::<Vec<_>>(), (301..=310).collect::<Vec<_>>());
}

#[test]
fn digests_and_what_is_not_delivered_are_told_by_meter() {
    let connection = database();
    let mut archive = Archive::load(&connection).unwrap();
    let batch = [reading(1, 0, 1), reading(2, 0, 2), reading(1, 1, 3), reading(1, 96, 4)];
    archive.insert(&connection, &batch).unwrap();
    let day = Duration::from_secs(86_400);
    let digests = Shelf::default().digests(&connection, &Filter::default(), Digests::all(day)).unwrap();
    let key = |meter, day: i64| (Eui64::from_u64(meter), Utc::from_secs(day * 86_400));
    let of = |readings: &[&Reading]| readings.iter().copied().collect::<Digest>();
    let expected = BTreeMap::from([
        (key(1, 0), of(&[&batch[2], &batch[0]])),
        (key(1, 1), of(&[&batch[3]])),
        (key(2, 0), of(&[&batch[1]])),
    ]);
    assert_eq!(digests.iter().collect::<BTreeMap<_, _>>(), expected);
    let delivered: Spans = Spans::through(1);
    let sent: Spans = [Span { first: 4, last: 4 }].into_iter().collect();
    let open = Shelf::default().undelivered(&connection, &Filter::default(), &delivered, &sent).unwrap();
    let runs = |captures: &[i64]| {
        let mut runs = Runs::new();
        captures.iter().for_each(|secs| _ = runs.insert(Utc::from_secs(*secs)));
        runs
    };
    let expected = [
        (Eui64::from_u64(1), Open { unsent: runs(&[900]), sent: runs(&[86_400]) }),
        (Eui64::from_u64(2), Open { unsent: runs(&[0]), sent: Runs::new() }),
    ];
    assert_eq!(open, BTreeMap::from(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a map: first content wins, in order of arrival, also when all is loaded again between batches.
    #[test]
    fn the_archive_agrees_with_a_map(
        batches in prop::collection::vec((prop::collection::vec((0u64..3, 0i64..6, 0i64..2), 0..8), any::<bool>(), any::<bool>()), 1..8),
    ) {
        let connection = database();
        let mut archive = Archive::load(&connection).unwrap();
        let (mut keys, mut expected) = (BTreeMap::new(), Vec::new());
        for (batch, reload, snapshot) in batches {
            let batch: Vec<_> = batch.into_iter().map(|(meter, capture, value)| reading(meter, capture, value)).collect();
            let mut conflicts = Vec::new();
            for reading in &batch {
                let first = *keys.entry((reading.meter, reading.capture)).or_insert_with(|| {
                    expected.push(*reading);
                    reading.content()
                });
                if first != reading.content() {
                    conflicts.push(Conflict { reading: *reading, held: first });
                }
            }
            let report = archive.insert(&connection, &batch).unwrap();
            prop_assert_eq!(&report.conflicts, &conflicts);
            prop_assert_eq!(report.inserted + report.duplicates + conflicts.len(), batch.len());
            prop_assert_eq!(report.newest, Cursor(expected.len() as u64));
            if snapshot {
                archive.write_coverage(&connection).unwrap();
            }
            if reload {
                archive.reload(&connection).unwrap();
            }
        }
        let held: Vec<_> = stored(&connection).into_iter().map(|stored| stored.reading).collect();
        prop_assert_eq!(held, expected);
        let loaded = Shelf::coverage(&connection).unwrap();
        for (register, held) in &archive.coverage().registers {
            prop_assert_eq!(loaded.of(*register), Some(&held.runs));
        }
    }
}
