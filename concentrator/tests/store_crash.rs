//! A writer is killed at any moment, twenty times over the same store: every batch that it acknowledged is
//! there, and none is there in part. (The death of the process; a power cut needs hardware to be shown.)
//!
//! Without a harness, because this program is its own victim.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "the killer waits for a moment in real time")]

use concentrator::store::{Cursor, Reading, ReadingFilter, Store};
use plc_core::{Eui64, Utc};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const BATCH: u64 = 50;
const KILLS: u64 = 20;

fn main() {
    match std::env::var_os("STORE_CRASH_WRITER") {
        Some(path) => write_until_killed(Path::new(&path)),
        None => what_was_acknowledged_survives_a_kill(),
    }
}

/// Continues after the last batch that is there, and prints each number once it is durable.
fn write_until_killed(path: &Path) {
    let mut store = Store::open(path, Utc::default()).unwrap();
    let first = store.key_file().counter("batch").unwrap().unwrap_or(0);
    for number in first.. {
        store.set_counter("batch", number + 1).unwrap();
        store.insert_readings(&batch(number)).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{number}").and_then(|()| out.flush()).unwrap();
    }
}

/// Batch `number`: its number is the meter.
fn batch(number: u64) -> Vec<Reading> {
    let reading = |index: u64| Reading {
        meter: Eui64::from_u64(number),
        logical_name: [1, 0, 1, 8, 0, 255],
        capture: Utc::from_secs(900 * index as i64),
        value: (number * 1000 + index) as i64,
        scaler: 0,
        unit: 30,
        status: 0,
        received: Utc::from_secs(number as i64),
    };
    (0..BATCH).map(reading).collect()
}

fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        acknowledged.extend(write_and_kill(&path, kill));
        check(&path, &acknowledged);
    }
    assert!(acknowledged.len() as u64 >= KILLS, "the writer made progress");
    println!("{KILLS} kills, {} batches acknowledged, none lost, none half there", acknowledged.len());
}

/// Lets a writer acknowledge some batches, then kills it a little later, in the middle of something.
fn write_and_kill(path: &Path, kill: u64) -> Vec<u64> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .env("STORE_CRASH_WRITER", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| line.unwrap().parse().unwrap();
    let mut numbers: Vec<u64> = lines.by_ref().take(1 + kill as usize % 5).map(number).collect();
    std::thread::sleep(Duration::from_micros(kill * 613 % 4000));
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What it still said before it died counts too.
    numbers.extend(lines.map(number));
    numbers
}

fn check(path: &Path, acknowledged: &[u64]) {
    let store = Store::open(path, Utc::default()).unwrap();
    let stored = store.reader().readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap();
    let mut batches: BTreeMap<u64, Vec<Reading>> = BTreeMap::new();
    for stored in stored {
        batches.entry(stored.reading.meter.as_u64()).or_default().push(stored.reading);
    }
    for (number, readings) in &batches {
        assert_eq!(*readings, batch(*number), "batch {number} is whole");
    }
    for number in acknowledged {
        assert!(batches.contains_key(number), "batch {number} was acknowledged");
    }
}
