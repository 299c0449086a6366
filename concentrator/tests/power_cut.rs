//! The power is cut at every boundary of what the store writes: after each frame of the log, inside frames, after each page of a
//! checkpoint, inside pages, and when the log begins anew over its own old frames.
//!
//! The writes are what changes in the two files between two returns of the store; the engine writes the log and syncs it before
//! anything else, then pages of the file. Each cut is a pair of files, opened as after the return of the power.
#![allow(clippy::unwrap_used, reason = "a test")]

use concentrator::store::{Cursor, Reading, ReadingFilter, Store};
use plc_core::{Eui64, Utc};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Batches of 200 readings that are hard to pack: enough for two checkpoints and a log that begins anew.
const BATCHES: u64 = 900;
const ROWS: u64 = 200;
/// One that counts what it says.
const METER: Eui64 = Eui64::from_u64(3);
/// Octets of a frame of the log: its header and a page [SQLite file format 4.1].
const FRAME: usize = 24 + 4096;
const LOG_HEADER: usize = 32;
const PAGE: usize = 4096;
/// In the middle of nowhere only every so many batches are cut.
const SAMPLE: u64 = 60;

struct Bench {
    /// Where the store lives.
    store: PathBuf,
    /// Where its files are put together after a cut.
    cut: PathBuf,
    truth: Vec<Reading>,
    cuts: [usize; 3],
}

#[derive(Clone, Default, PartialEq)]
struct Files {
    main: Vec<u8>,
    log: Vec<u8>,
}

#[test]
fn the_power_is_cut_at_every_boundary_and_nothing_that_was_told_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut");
    fs::create_dir(&cut).unwrap();
    let mut bench = Bench {
        store: folder.path().join("store.sqlite"),
        cut: cut.join("store.sqlite"),
        truth: Vec::new(),
        cuts: [0; 3],
    };
    let mut store = Store::open(&bench.store, Utc::default()).unwrap();
    store.register_meter(METER, None).unwrap();
    // Its keys, which no batch changes.
    for name in ["keys.sqlite", "keys.sqlite-wal"] {
        fs::copy(folder.path().join(name), cut.join(name)).unwrap();
    }
    let keys = Files::read(store.key_file().path());
    let mut before = Files::read(&bench.store);
    for number in 0..BATCHES {
        let batch = batch(number);
        store.commit(&batch, &BTreeMap::from([(METER, number as u32 + 1)]), []).unwrap();
        let after = Files::read(&bench.store);
        bench.truth.extend(batch);
        bench.cut_between(number, &before, &after);
        before = after;
    }
    assert!(Files::read(store.key_file().path()) == keys, "readings cost no write beside them");
    let [log, anew, pages] = bench.cuts;
    println!(
        "cuts: {log} in the log, {anew} in a log that begins anew, {pages} in checkpoints; none lost, none half there"
    );
    assert!(
        log > 100 && anew > 3 && pages > 100,
        "{:?}: a store that never moves its log proves nothing",
        bench.cuts
    );
}

impl Bench {
    /// The cuts while one batch became durable.
    fn cut_between(&mut self, number: u64, before: &Files, after: &Files) {
        let anew =
            before.log.get(..LOG_HEADER).is_some_and(|header| after.log.get(..LOG_HEADER) != Some(header));
        let moved = before.main != after.main;
        if number > 10 && !number.is_multiple_of(SAMPLE) && !anew && !moved {
            return;
        }
        for at in boundaries(&before.log, &after.log, LOG_HEADER, FRAME) {
            let log = mixed(&before.log, &after.log, at);
            self.opens(&before.main, &log, number, false);
            self.cuts[usize::from(anew)] += 1;
        }
        if moved {
            // The batch was durable in the log before the first page was written.
            for at in boundaries(&before.main, &after.main, 0, PAGE).into_iter().step_by(3) {
                self.opens(&mixed(&before.main, &after.main, at), &after.log, number, true);
                self.cuts[2] += 1;
            }
        }
        self.opens(&after.main, &after.log, number, true);
    }

    /// Opens what the cut has left: everything before the batch is there, and the batch in whole or, unless it was durable, not at all.
    fn opens(&self, main: &[u8], log: &[u8], number: u64, durable: bool) {
        for (suffix, octets) in [("", main), ("-wal", log)] {
            fs::write(beside(&self.cut, suffix), octets).unwrap();
        }
        let _ = fs::remove_file(beside(&self.cut, "-shm"));
        let store = Store::open(&self.cut, Utc::default()).unwrap();
        let stored = store.reader().readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap();
        let told = usize::try_from(number * ROWS).unwrap();
        let whole = told + usize::try_from(ROWS).unwrap();
        assert!(
            stored.len() == whole || !durable && stored.len() == told,
            "batch {number}: {} readings",
            stored.len()
        );
        for ((stored, cursor), reading) in stored.iter().zip(1..).zip(&self.truth) {
            assert_eq!((stored.cursor, stored.reading), (Cursor(cursor), *reading), "batch {number}");
        }
        let counted = store.counters(METER).unwrap().server;
        assert_eq!(counted, number + u64::from(stored.len() == whole), "the counter came with the batch");
        drop(store);
        let sound: String = Connection::open(&self.cut)
            .unwrap()
            .query_row("PRAGMA quick_check", (), |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok", "batch {number}");
    }
}

impl Files {
    fn read(store: &Path) -> Self {
        Self { main: fs::read(store).unwrap(), log: fs::read(beside(store, "-wal")).unwrap_or_default() }
    }
}

/// Where the writing may have stopped: before and after each piece that differs, and twice inside it.
fn boundaries(before: &[u8], after: &[u8], header: usize, piece: usize) -> Vec<usize> {
    let starts = (header..after.len()).step_by(piece);
    let pieces = std::iter::once((0, header)).chain(starts.map(|at| (at, (at + piece).min(after.len()))));
    let changed = pieces.filter(|&(from, to)| from < to && before.get(from..to) != Some(&after[from..to]));
    let mut cuts: Vec<_> =
        changed.flat_map(|(from, to)| [from, from + 11, from + (to - from) / 2, to]).collect();
    cuts.dedup();
    cuts
}

/// The file whose first `at` octets were written anew.
fn mixed(before: &[u8], after: &[u8], at: usize) -> Vec<u8> {
    let mut octets = after[..at].to_vec();
    octets.extend_from_slice(before.get(at..).unwrap_or_default());
    octets
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn batch(number: u64) -> Vec<Reading> {
    let reading = |n: u64| Reading {
        meter: Eui64::from_u64(n),
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(900 * number as i64),
        value: (number * ROWS + n).wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed(),
        scaler: 0,
        unit: 30,
        status: n as u32 & 1,
        received: Utc::from_secs(900 * number as i64 + 60),
    };
    (0..ROWS).map(reading).collect()
}
