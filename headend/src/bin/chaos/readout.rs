//! What the tasks of a made-up box read, and how far it is.

use anyhow::Context;
use concentrator::store::{ProfileMark, Store, StoreError, StoreReader, TaskValue};
use plc_core::{Eui64, Utc};

/// Meters of which tasks read something.
const METERS: u64 = 5;
const BILLING: [u8; 6] = [1, 0, 98, 1, 0, 255];
const LOG: [u8; 6] = [0, 0, 99, 98, 0, 255];
const CODE: [u8; 6] = [0, 0, 96, 11, 0, 255];
/// Rows that a log has of each time when it is read first; one more is noted at the same time behind them, as clocks of meters show seconds.
const ROWS: u16 = 3;

/// What is new in step `number`, in the order in which it is read. When it was received depends on the clock, and on nothing else.
pub(crate) fn new_values(number: u64, clock_s: i64) -> Vec<TaskValue> {
    step(number, clock_s).into_iter().filter(|(_, new)| *new).map(|(value, _)| value).collect()
}

/// Whether a value is read a second time in the next step.
pub(crate) fn is_read_again(value: &TaskValue) -> bool {
    value.source == LOG && value.ordinal < ROWS
}

/// How many steps are durable: the marks move with the values, in one transaction.
pub(crate) fn steps(reader: &StoreReader) -> anyhow::Result<u64> {
    let mark = reader.marks(meter(0))?.into_iter().find(|mark| mark.source == LOG);
    let Some(mark) = mark else { return Ok(0) };
    let behind = (mark.through.as_millis() - capture(0).as_millis()) / 1000 / PERIOD_S;
    Ok(u64::try_from(behind).context("a mark from before all captures")? + 1)
}

/// Keeps step `number`: what the meters have had since the marks, which is read from the newest row on that is held.
pub(crate) fn keep(store: &mut Store, number: u64, clock_s: i64) -> Result<usize, StoreError> {
    let values: Vec<_> = step(number, clock_s).into_iter().map(|(value, _)| value).collect();
    let through = capture(number);
    let marks = (0..METERS).flat_map(|n| [BILLING, LOG].map(|source| (meter(n), source)));
    let marks: Vec<_> = marks.map(|(meter, source)| ProfileMark { meter, source, through }).collect();
    store.insert_values(&values, &marks)
}

/// What is read in step `number`, and whether it is new.
fn step(number: u64, clock_s: i64) -> Vec<(TaskValue, bool)> {
    let received = Utc::from_millis(capture(number).as_millis() + 90_000 + clock_s * 1000);
    let mut all = Vec::new();
    for n in 0..METERS {
        let mut log = |of: u64, row: u16, new: bool| all.push((value(n, LOG, CODE, of, row), new));
        if let Some(before) = number.checked_sub(1) {
            (0..ROWS).for_each(|row| log(before, row, false));
            log(before, ROWS, true);
        }
        (0..ROWS).for_each(|row| log(number, row, true));
        for name in [32, 52].map(|c| [1, 0, c, 7, 0, 255]) {
            all.push((value(n, name, name, number, 0), true));
        }
        for name in [1, 2].map(|c| [1, 0, c, 8, 0, 255]) {
            all.push((value(n, BILLING, name, number, 0), true));
        }
    }
    all.iter_mut().for_each(|(value, _)| value.received = received);
    all
}

/// What a meter has captured, whenever it is read.
fn value(n: u64, source: [u8; 6], logical_name: [u8; 6], step: u64, ordinal: u16) -> TaskValue {
    let mix = (step * 131 + n * 17 + u64::from(ordinal) * 7 + u64::from(logical_name[2]))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    TaskValue {
        meter: meter(n),
        source,
        logical_name,
        capture: capture(step),
        ordinal,
        value: mix.cast_signed() >> (mix % 50),
        scaler: if source == BILLING { -1 } else { 0 },
        unit: [255, 30, 35][(mix % 3) as usize],
        status: u32::from(mix.is_multiple_of(11)) * 4,
        received: Utc::default(),
    }
}

const fn meter(n: u64) -> Eui64 {
    Eui64::from_u64(0x0011_2233_0000_0000 + n)
}

fn capture(step: u64) -> Utc {
    Utc::from_secs(1_795_305_600 + PERIOD_S * step.cast_signed())
}

const PERIOD_S: i64 = 900;
