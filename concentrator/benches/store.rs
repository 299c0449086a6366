//! What the store costs: `cargo bench -p concentrator --bench store [-- FOLDER]`. Durable readings per second and octets written to disk
//! per reading in batches of 100, checkpoints included, from `/proc/self/io`; and the time to open a store of 45 days.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement")]

use concentrator::config::Config;
use concentrator::live::Live;
use concentrator::store::{Cursor, Reading, ReadingFilter, Store, StoreReader};
use plc_core::{Eui64, Utc};
use std::path::Path;
use std::time::Instant;

const METERS: u64 = 1000;
const REGISTERS: u64 = 2;
const BATCH: usize = 100;
const SYNCS: u32 = 500;
/// Quarters of an hour in 45 days.
const QUARTERS: u64 = 45 * 96;

fn main() {
    let folder = std::env::args().nth(1).filter(|folder| !folder.starts_with('-'));
    let place = match folder {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    println!("batches of {BATCH}, {METERS} meters with {REGISTERS} registers, in {}", place.path().display());
    written("increments as a meter has", &store(&place.path().join("typical")), 100 * 100 * 20, |n| {
        (n / (METERS * REGISTERS) * 250 + n % 97) as i64
    });
    written("64 random bits each", &store(&place.path().join("random")), 100 * 100 * 20, |n| {
        (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed()
    });
    synced(&place.path().join("raw"));
    opened(&store(&place.path().join("old")));
}

/// What the disk allows: as many pages as a batch costs, appended and synced.
fn synced(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    let started = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0x5A; 8192]).unwrap();
        file.sync_data().unwrap();
    }
    let per_second = f64::from(SYNCS) / started.elapsed().as_secs_f64();
    println!(
        "the disk alone: {per_second:.0} syncs/s, so {:.0} readings/s in batches of {BATCH}",
        per_second * BATCH as f64
    );
}

/// A folder of its own: a store has its keys beside it.
fn store(folder: &Path) -> std::path::PathBuf {
    std::fs::create_dir(folder).unwrap();
    folder.join("store.sqlite")
}

/// Writes `count` readings, batch by batch, and says what that has cost.
fn written(name: &str, path: &Path, count: u64, value: impl Fn(u64) -> i64) {
    let readings: Vec<Reading> = (0..count).map(|n| reading(n, value(n))).collect();
    let mut store = Store::open(path, Utc::default()).unwrap();
    let (before, started) = (octets_written(), Instant::now());
    for batch in readings.chunks(BATCH) {
        store.insert_readings(batch).unwrap();
    }
    let elapsed = started.elapsed();
    store.close().unwrap();
    let octets = octets_written() - before;
    let kept = StoreReader::open(path).unwrap().newest().unwrap().0;
    assert_eq!(kept, count);
    println!(
        "{name}: {:.0} readings/s durable, {:.1} octets written per reading, file {:.1}",
        count as f64 / elapsed.as_secs_f64(),
        octets as f64 / count as f64,
        std::fs::metadata(path).unwrap().len() as f64 / count as f64,
    );
}

/// Opens a store of 45 days of 1000 meters, as the daemon does at its start.
fn opened(path: &Path) {
    let mut store = Store::open(path, Utc::default()).unwrap();
    for quarter in 0..QUARTERS {
        let batch: Vec<_> = (0..METERS)
            .map(|meter| reading((quarter * METERS + meter) * REGISTERS, quarter as i64))
            .collect();
        store.insert_readings(&batch).unwrap();
    }
    // As after a power cut: the log is not moved, the coverage not written at the end.
    drop(store);
    let started = Instant::now();
    let store = Store::open(path, Utc::default()).unwrap();
    let live = Live::restore(&Config::default(), &store).unwrap();
    let first = store.reader().readings(&ReadingFilter::default(), Cursor::START, 1).unwrap();
    let elapsed = started.elapsed();
    assert_eq!((live.newest().borrow().0, first.len()), (QUARTERS * METERS, 1));
    println!(
        "start with {} readings ({} MB): {} ms to the first answer",
        QUARTERS * METERS,
        std::fs::metadata(path).unwrap().len() / 1_000_000,
        elapsed.as_millis()
    );
}

/// The `n`th reading of a feeder that is read quarter by quarter, meter by meter.
fn reading(n: u64, value: i64) -> Reading {
    let (register, meter, quarter) = (n % REGISTERS, n / REGISTERS % METERS, n / REGISTERS / METERS);
    let boundary = 1_795_305_600 + 900 * quarter as i64;
    Reading {
        meter: Eui64::from_u64(0x0011_2233_0000_0000 + meter * 7919 % METERS),
        logical_name: [1, 0, 1 + register as u8, 8, 0, 255],
        capture: Utc::from_secs(boundary),
        value: 1_000_000 + meter as i64 * 12_345 + value,
        scaler: -1,
        unit: 30,
        status: 0,
        received: Utc::from_millis((boundary + 60) * 1000 + meter as i64 * 700),
    }
}

fn octets_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}
