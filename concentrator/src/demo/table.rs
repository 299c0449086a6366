//! The table at the end: what was put into the samples of each meter, and what was read of it.

use super::{PERIOD, Period};
use crate::store::{Cursor, ReadingFilter, StoreError, StoreReader};
use plc_core::{Eui64, Utc};
use sim::street::{Site, Street};
use std::collections::BTreeMap;
use std::fmt;

/// Active energy import, total \[OBIS 1-0:1.8.0\].
const ACTIVE_IMPORT: [u8; 6] = [1, 0, 1, 8, 0, 255];
/// Largest error of a class 1 meter, % \[62053-21 7; class 1, unity and 0.95 power factor\].
const CLASS_LIMIT_PERCENT: f64 = 1.0;
/// Readings fetched at once.
const PAGE: usize = 10_000;

/// The registers that were read, in Wh, by meter and capture.
type Registers = BTreeMap<(Eui64, Utc), f64>;

/// The table.
pub(super) struct Table {
    rows: Vec<Row>,
    periods: u32,
}

/// One meter.
struct Row {
    id: String,
    put_in_wh: f64,
    /// Energy of the periods that were read, and the largest error of one of them.
    read_wh: Option<f64>,
    worst_percent: f64,
    periods_read: u32,
    hops: Option<u8>,
    frames: u64,
    retries: u64,
}

impl Table {
    /// Compares what the street knows with what the store holds.
    pub(super) fn new(
        street: &Street,
        store: &StoreReader,
        periods: Period,
        hops: &BTreeMap<Eui64, Option<u8>>,
    ) -> Result<Self, StoreError> {
        let registers = registers(store)?;
        let row = |site: &Site| Row::new(site, &registers, periods, hops);
        Ok(Self { rows: street.sites().iter().map(row).collect(), periods: periods.count })
    }

    /// Whether every meter was read in every period and every error is inside the class limit.
    pub(super) fn is_right(&self) -> bool {
        self.rows.iter().all(|row| row.is_right(self.periods))
    }
}

impl Row {
    fn new(site: &Site, registers: &Registers, periods: Period, hops: &BTreeMap<Eui64, Option<u8>>) -> Self {
        let eui64 = site.identity().eui64;
        let mac = site.meter().node().mac().counters();
        let mut row = Self {
            id: site.identity().id(),
            put_in_wh: 0.0,
            read_wh: None,
            worst_percent: 0.0,
            periods_read: 0,
            hops: hops.get(&eui64).copied().flatten(),
            frames: mac.tx_frames.into(),
            retries: mac.retries.into(),
        };
        for n in 0..periods.count {
            let (from, to) = (periods.first + PERIOD * n, periods.first + PERIOD * (n + 1));
            let truth = site.energy_wh(to).zip(site.energy_wh(from)).map(|(to, from)| to - from);
            let read =
                registers.get(&(eui64, to)).zip(registers.get(&(eui64, from))).map(|(to, from)| to - from);
            row.add(truth.unwrap_or(0.0), read);
        }
        row
    }

    fn add(&mut self, truth: f64, read: Option<f64>) {
        self.put_in_wh += truth;
        let Some(read) = read else { return };
        self.periods_read += 1;
        *self.read_wh.get_or_insert(0.0) += read;
        let percent = if truth == 0.0 && read == 0.0 { 0.0 } else { 100.0 * (read - truth) / truth };
        if percent.abs() > self.worst_percent.abs() || percent.is_nan() {
            self.worst_percent = percent;
        }
    }

    fn is_right(&self, periods: u32) -> bool {
        self.periods_read == periods && self.worst_percent.abs() <= CLASS_LIMIT_PERCENT
    }

    fn verdict(&self, periods: u32) -> &'static str {
        match self.periods_read {
            _ if self.is_right(periods) => "ok",
            0 => "unread",
            n if n < periods => "incomplete",
            _ => "outside class 1",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>12} {:>12} {:>9} {:>8} {:>5} {:>7} {:>8}  verdict",
            "meter", "put in Wh", "read Wh", "error %", "periods", "hops", "frames", "retries"
        )?;
        for row in &self.rows {
            let read = row.read_wh.map_or_else(|| String::from("-"), |wh| format!("{wh:.2}"));
            let error =
                row.read_wh.map_or_else(|| String::from("-"), |_| format!("{:+.3}", row.worst_percent));
            let hops = row.hops.map_or_else(|| String::from("-"), |hops| hops.to_string());
            let periods = format!("{}/{}", row.periods_read, self.periods);
            writeln!(
                f,
                "{:<12} {:>12.2} {read:>12} {error:>9} {periods:>8} {hops:>5} {:>7} {:>8}  {}",
                row.id,
                row.put_in_wh,
                row.frames,
                row.retries,
                row.verdict(self.periods),
            )?;
        }
        let right = self.rows.iter().filter(|row| row.is_right(self.periods)).count();
        writeln!(
            f,
            "{right} of {} meters read in every period within class 1 (error: the worst period)",
            self.rows.len()
        )
    }
}

fn registers(store: &StoreReader) -> Result<Registers, StoreError> {
    let mut registers = Registers::new();
    let mut after = Cursor::START;
    loop {
        let page = store.readings(&ReadingFilter::default(), after, PAGE)?;
        let Some(last) = page.last() else { return Ok(registers) };
        after = last.cursor;
        for reading in page.iter().map(|stored| &stored.reading).filter(|r| r.logical_name == ACTIVE_IMPORT) {
            let wh = reading.value as f64 * 10f64.powi(i32::from(reading.scaler));
            registers.insert((reading.meter, reading.capture), wh);
        }
    }
}
