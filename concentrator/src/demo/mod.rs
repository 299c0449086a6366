//! `concentrator demo`: the daemon, with an emulated street instead of a front end.

mod place;
mod progress;
mod run;
mod street;
mod table;

use crate::cli::DemoArgs;
use crate::grpc::{Access, Server};
use crate::jobs::{Guard, Jobs};
use crate::live::{ClockKind, Live};
use crate::plc::{Driver, MeterAccess, SessionConfig, serve};
use crate::store::{Store, StoreReader};
use anyhow::Result;
use collector::CollectorConfig;
use place::Place;
use plc_core::time::Duration;
use plc_core::{Eui64, PanId, Seed, Utc};
use run::Run;
use sim::feeder::Feeder;
use sim::street::{Site, Street, StreetConfig};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use street::StreetFrontEnd;
use table::Table;

/// The PAN of the demo.
const PAN_ID: PanId = PanId(0x781D);
/// The extended address of its coordinator: locally administered.
const COORDINATOR: Eui64 = Eui64::from_u64(0x0251_4D00_00FF_FFFE);
/// How often the meters capture.
const PERIOD: Duration = Duration::from_secs(900);

/// The capture periods that a demo lives through.
#[derive(Clone, Copy, Debug)]
struct Period {
    /// Begin of the first.
    first: Utc,
    /// How many.
    count: u32,
}

/// Builds the street, reads it for the periods asked for, prints what was put in and what was read.
///
/// # Errors
/// Something that was asked for cannot be had: the feeder, the folder, the port.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let street = build(args)?;
    let start = street.utc();
    let periods = Period { first: (start + PERIOD).floor(PERIOD), count: args.periods };
    let place = Place::new(args.keep.as_deref())?;
    let mut store = Store::open(&place.database(), start)?;
    let live = Arc::new(live(&street));
    live.take_jobs(Arc::new(Jobs::open(place.folder(), Guard::default(), start)?));
    let server = Server::start(args.listen, &Access::PlainText, Arc::clone(&live), &place.database())?;
    server.stop_on_signals()?;
    let feeder = args.feeder.as_deref().map(|folder| format!("the feeder of {}", folder.display()));
    let feeder = feeder.as_deref().unwrap_or("the European low-voltage test feeder");
    progress::announce(&street, feeder, &server, &place);
    let config = session_config(args.seed, &street);
    let drive = |driver: &mut Driver<_>| Run::new(driver, Arc::clone(&live), periods).finish();
    let (finished, front_end) = serve(StreetFrontEnd::new(street), &mut store, &config, &live, drive)?;
    let street = front_end.into_street();
    let reader = StoreReader::open(&place.database())?;
    let table = Table::new(&street, &reader, periods, &hops(&live))?;
    std::io::stdout().lock().write_all(table.to_string().as_bytes())?;
    if args.hold {
        // Nobody to tell is no reason to stop serving.
        let _ = writeln!(std::io::stderr(), "serving until SIGINT or SIGTERM");
        while !live.shutdown.wait(Duration::from_secs(3600)) {}
    }
    server.stop()?;
    Ok(if finished && table.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(args: &DemoArgs) -> Result<Street> {
    let mut config = StreetConfig::new(args.seed);
    config.customers = usize::from(args.customers);
    config.snr_db = args.snr;
    config.every_sample = args.every_sample;
    config.meters = args.meters;
    let feeder = args.feeder.as_deref().map_or_else(|| Ok(Feeder::european_lv()), Feeder::from_dir)?;
    Ok(Street::new(&config, &feeder)?)
}

fn live(street: &Street) -> Live {
    let expected = street.sites().iter().map(|site| (site.identity().eui64, site.identity().id()));
    Live::new(ClockKind::Simulated, street.utc(), expected)
}

fn session_config(seed: u64, street: &Street) -> SessionConfig {
    let seed = Seed::from_u64(seed).derive("concentrator", 0);
    let collector = CollectorConfig { period: PERIOD, ..CollectorConfig::new(seed.derive("collector", 0)) };
    let meters = street.sites().iter().map(access).collect();
    let (eui64, pan_id, clock_trusted_file) = (COORDINATOR, PAN_ID, None);
    SessionConfig { eui64, pan_id, seed, collector, meters, clock_trusted_file }
}

fn access(site: &Site) -> MeterAccess {
    let identity = site.identity();
    MeterAccess {
        eui64: identity.eui64,
        psk: identity.psk,
        encryption_key: identity.encryption_key,
        authentication_key: identity.authentication_key,
        master_key: Some(identity.master_key),
        one_way: false,
    }
}

fn hops(live: &Live) -> BTreeMap<Eui64, Option<u8>> {
    live.meters().borrow().iter().map(|(eui64, status)| (*eui64, status.hops)).collect()
}
