//! A box with a made-up feeder: the store and the uplink of the daemon.

use crate::{BoxArgs, readout};
use anyhow::Context;
use backhaul::{Order, UplinkConfig};
use concentrator::live::{ClockKind, Live};
use concentrator::store::{Event, EventKind, Limits, Reading, Store, StoreError};
use concentrator::uplink::{self, TlsFiles, UplinkSettings};
use concentrator::{clock, entropy};
use plc_core::{Eui64, Utc};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// Meters of the feeder.
pub(crate) const METERS: u64 = 25;
const REGISTERS: u64 = 4;
/// Readings of a batch: all meters at one boundary.
pub(crate) const BATCH: u64 = METERS * REGISTERS;
/// Stands before the numbers of steps of values.
pub(crate) const VALUES: &str = "values ";

/// Stores batch after batch and step after step of values, and says the number of each once it is durable, until the standard input ends.
pub(crate) fn live(life: &BoxArgs) -> anyhow::Result<()> {
    let now = clock::utc() + Duration::ZERO;
    let mut store = Store::open(&life.folder.join("box.sqlite"), now)?;
    store.set_limits(Limits { octets: life.octets, head_end: true, ..Limits::default() })?;
    let live = Arc::new(Live::new(ClockKind::Real, now, []));
    live.committed(store.reader().newest()?);
    live.committed_values(store.reader().newest_value()?);
    note(&mut store, &live, life, EventKind::Started)?;
    let uplink = uplink::start(
        settings(life)?,
        Arc::clone(&live),
        store.path().to_owned(),
        store.delivered(),
        live.shutdown.clone(),
    )?;
    stop_with_input(&live);
    let (number, step) = (store.reader().newest()?.0 / BATCH, readout::steps(store.reader())?);
    let mut feeder = Feeder { store, live, life, number, step };
    while !feeder.live.shutdown.is_triggered() {
        feeder.live.shutdown.wait(Duration::from_micros(life.pause_us));
        if !life.drain {
            feeder.store_readings()?;
            feeder.store_values()?;
        }
    }
    let _ = uplink.join();
    Ok(feeder.store.close()?)
}

struct Feeder<'a> {
    store: Store,
    live: Arc<Live>,
    life: &'a BoxArgs,
    /// The next batch of readings.
    number: u64,
    /// The next step of values.
    step: u64,
}

impl Feeder<'_> {
    fn store_readings(&mut self) -> anyhow::Result<()> {
        match self.store.insert_readings(&batch(self.number, self.life.clock)) {
            Ok(report) => self.live.committed(report.newest),
            Err(error) => return self.refused(error),
        }
        say(&format!("{}", self.number))?;
        self.number += 1;
        if self.number.is_multiple_of(50) {
            note(&mut self.store, &self.live, self.life, EventKind::Clock)?;
        }
        Ok(())
    }

    fn store_values(&mut self) -> anyhow::Result<()> {
        match readout::keep(&mut self.store, self.step, self.life.clock) {
            Ok(_) => self.live.committed_values(self.store.reader().newest_value()?),
            Err(error) => return self.refused(error),
        }
        say(&format!("{VALUES}{}", self.step))?;
        self.step += 1;
        Ok(())
    }

    /// What there is no room for comes again.
    fn refused(&self, error: StoreError) -> anyhow::Result<()> {
        if !error.is_full() {
            return Err(error.into());
        }
        self.live.noted();
        self.live.shutdown.wait(Duration::from_millis(20));
        Ok(())
    }
}

/// To the parent.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// What the meters have captured at boundary `number`. When it was received depends on the clock, and on nothing else.
pub(crate) fn batch(number: u64, clock_s: i64) -> Vec<Reading> {
    let capture = Utc::from_secs(1_795_305_600 + 900 * number.cast_signed());
    let reading = |n: u64| Reading {
        meter: Eui64::from_u64(0x0011_2233_0000_0000 + n / REGISTERS),
        logical_name: [1, 0, [1, 2, 3, 4][(n % REGISTERS) as usize], 8, 0, 255],
        capture,
        value: (number * 31 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed() >> (n % 40),
        scaler: -1,
        unit: if n % REGISTERS < 2 { 30 } else { 32 },
        status: u32::from(n % 7 == 3) * 4,
        received: Utc::from_millis(
            capture.as_millis() + 60_000 + clock_s * 1000 + (n / REGISTERS).cast_signed(),
        ),
    };
    (0..BATCH).map(reading).collect()
}

fn note(store: &mut Store, live: &Live, life: &BoxArgs, kind: EventKind) -> anyhow::Result<()> {
    let time = Utc::from_millis(clock::utc().as_millis() + life.clock * 1000);
    match store.append_event(&Event {
        time,
        kind,
        meter: None,
        text: format!("clock {} s wrong", life.clock),
    }) {
        Err(error) if error.is_full() => {}
        done => done?,
    }
    live.noted();
    Ok(())
}

fn settings(life: &BoxArgs) -> anyhow::Result<UplinkSettings> {
    let file =
        |name: &str| std::fs::read_to_string(life.pki.join(name)).with_context(|| format!("file {name}"));
    let tls =
        TlsFiles { authority: file("ca.pem")?, certificate: file("box-1.pem")?, key: file("box-1.key")? };
    let config = UplinkConfig {
        order: if life.newest_first { Order::NewestFirst } else { Order::OldestFirst },
        heartbeat: Duration::from_millis(700),
        patience: Duration::from_secs(4),
        back_off: Duration::from_millis(20),
        back_off_max: Duration::from_millis(300),
        ..UplinkConfig::new(entropy::seed()?)
    };
    let head_end = format!("https://{}", life.head_end).parse()?;
    Ok(UplinkSettings { head_end, box_id: String::from("box-1"), tls: Some(tls), config })
}

/// The parent holds the other end: a box whose parent has gone does not stay.
fn stop_with_input(live: &Arc<Live>) {
    let shutdown = live.shutdown.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        shutdown.trigger();
    });
}
