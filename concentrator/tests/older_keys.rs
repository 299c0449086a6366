//! The power is cut at every boundary of what a change of the keys writes, in both files: what is left always opens, and no counter that was told as
//! reserved is given again. Beside what is left an older copy of the keys is always refused, if anything was told since it was taken.
//!
//! A change writes the keys first and what the readings know of it second, each by its log; a checkpoint of either comes after its log is
//! whole. Each cut is two files and their logs, opened as after the return of the power.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use concentrator::store::{MAC_FRAME_COUNTER, Reading, Store, StoreError};
use plc_core::{Eui64, ShortAddress, Utc};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

const METER: Eui64 = Eui64::from_u64(3);
const CHANGES: u64 = 12;
/// Octets of a frame of the log: its header and a page [SQLite file format 4.1].
const FRAME: usize = 24 + 4096;
const LOG_HEADER: usize = 32;
const PAGE: usize = 4096;

/// A database and its log.
#[derive(Clone, PartialEq)]
struct Database {
    main: Vec<u8>,
    log: Vec<u8>,
}

/// What is on the disk.
#[derive(Clone)]
struct Disk {
    keys: Database,
    readings: Database,
}

/// What somebody was told that it is durable.
#[derive(Clone, Copy, Default, Debug)]
struct Told {
    frame: u64,
    invocation: u64,
}

struct Bench {
    cut: PathBuf,
    /// Copies of the keys, each taken before another change was told.
    older: Vec<Database>,
    cuts: usize,
    refusals: usize,
}

#[test]
fn no_cut_makes_the_keys_look_older_than_they_are_and_older_ones_are_always_refused() {
    let [live, cut] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let path = live.path().join("store.sqlite");
    let mut store = Store::open(&path, Utc::default()).unwrap();
    store.register_meter(METER, None).unwrap();
    let mut bench = Bench { cut: cut.path().join("store.sqlite"), older: Vec::new(), cuts: 0, refusals: 0 };
    let mut told = Told::default();
    for number in 1..=CHANGES {
        let before = Disk::read(&path);
        let next = change(&mut store, number, told);
        let after = Disk::read(&path);
        assert!(before.keys != after.keys && before.readings != after.readings, "change {number}");
        bench.cut_between(&before, &after, told, number);
        bench.older.push(before.keys);
        told = next;
        bench.opens(&after, told);
        bench.refuses(&after, bench.older.clone());
        store.insert_readings(&[reading(number)]).unwrap();
        if number % 4 == 0 {
            bench.cut_checkpoints(&path, told);
        }
    }
    println!("{} cuts, none refused; {} older copies, all refused", bench.cuts, bench.refusals);
    assert!(bench.cuts > 150 && bench.refusals > 300, "{} {}", bench.cuts, bench.refusals);
}

/// One change of the keys, and what is durable once it is told.
fn change(store: &mut Store, number: u64, told: Told) -> Told {
    match number % 4 {
        0 => {
            let short = ShortAddress(5 + (number / 4 % 2) as u16);
            store.set_meter_address(METER, Some(short)).unwrap();
            told
        }
        1 | 2 => {
            let frame = told.frame + 1024;
            store.set_counter(MAC_FRAME_COUNTER, frame).unwrap();
            Told { frame, ..told }
        }
        _ => {
            let invocation = told.invocation + 1024;
            store.set_invocation_counter(METER, invocation).unwrap();
            Told { invocation, ..told }
        }
    }
}

impl Bench {
    fn cut_between(&mut self, before: &Disk, after: &Disk, told: Told, number: u64) {
        let keys = cuts(&before.keys, &after.keys);
        let readings = cuts(&before.readings, &after.readings);
        assert!(keys.len() > 3 && readings.len() > 3, "change {number}: nothing to cut");
        for keys in keys {
            self.survives(&Disk { keys, readings: before.readings.clone() }, told);
        }
        for readings in readings {
            self.survives(&Disk { keys: after.keys.clone(), readings }, told);
        }
    }

    /// Both logs are moved into their files, which is cut too.
    fn cut_checkpoints(&mut self, path: &Path, told: Told) {
        let before = Disk::read(path);
        checkpoint(&path.with_file_name("keys.sqlite"));
        let keys = Disk::read(path);
        for at in boundaries(&before.keys.main, &keys.keys.main, 0, PAGE) {
            let main = mixed(&before.keys.main, &keys.keys.main, at);
            let keys = Database { main, log: before.keys.log.clone() };
            self.survives(&Disk { keys, readings: before.readings.clone() }, told);
        }
        checkpoint(path);
        let readings = Disk::read(path).readings;
        for at in boundaries(&before.readings.main, &readings.main, 0, PAGE) {
            let main = mixed(&before.readings.main, &readings.main, at);
            let readings = Database { main, log: before.readings.log.clone() };
            self.survives(&Disk { keys: keys.keys.clone(), readings }, told);
        }
    }

    fn survives(&mut self, disk: &Disk, told: Told) {
        self.cuts += 1;
        self.opens(disk, told);
        let older = self.older.first().into_iter().chain(self.older.last()).cloned().collect();
        self.refuses(disk, older);
    }

    /// What is left opens, and has what was told.
    fn opens(&self, disk: &Disk, told: Told) {
        disk.write(&self.cut);
        let store =
            Store::open(&self.cut, Utc::default()).unwrap_or_else(|error| panic!("{told:?}: {error}"));
        let frame = store.key_file().counter(MAC_FRAME_COUNTER).unwrap().unwrap_or(0);
        let invocation = store.counters(METER).unwrap().invocation;
        assert!(frame >= told.frame && invocation >= told.invocation, "{told:?}: {frame}, {invocation}");
    }

    /// Each of these older copies in the place of the keys is refused.
    fn refuses(&mut self, disk: &Disk, older: Vec<Database>) {
        for keys in older {
            Disk { keys, readings: disk.readings.clone() }.write(&self.cut);
            match Store::open(&self.cut, Utc::default()) {
                Err(StoreError::KeysOlder { found, known, .. }) => assert!(found < known),
                Err(error) => panic!("{error}"),
                Ok(_) => panic!("an older copy was taken"),
            }
            self.refusals += 1;
        }
    }
}

impl Disk {
    fn read(path: &Path) -> Self {
        Self { keys: Database::read(&path.with_file_name("keys.sqlite")), readings: Database::read(path) }
    }

    fn write(&self, path: &Path) {
        self.keys.write(&path.with_file_name("keys.sqlite"));
        self.readings.write(path);
    }
}

impl Database {
    fn read(path: &Path) -> Self {
        Self { main: fs::read(path).unwrap(), log: fs::read(beside(path, "-wal")).unwrap_or_default() }
    }

    fn write(&self, path: &Path) {
        let _ = fs::remove_file(beside(path, "-shm"));
        fs::write(path, &self.main).unwrap();
        fs::write(beside(path, "-wal"), &self.log).unwrap();
    }
}

/// What a cut leaves of a database while its log is written.
fn cuts(before: &Database, after: &Database) -> Vec<Database> {
    let ats = boundaries(&before.log, &after.log, LOG_HEADER, FRAME);
    let log = |at| mixed(&before.log, &after.log, at);
    ats.into_iter().map(|at| Database { main: before.main.clone(), log: log(at) }).collect()
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

fn checkpoint(path: &Path) {
    let other = Connection::open(path).unwrap();
    let busy: i64 = other.query_row("PRAGMA wal_checkpoint(RESTART)", (), |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn reading(number: u64) -> Reading {
    Reading {
        meter: METER,
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(900 * number as i64),
        value: number as i64,
        scaler: 0,
        unit: 30,
        status: 0,
        received: Utc::from_secs(900 * number as i64 + 60),
    }
}
