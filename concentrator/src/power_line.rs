//! What the daemon does with the power line: from the configuration to a running node.

use crate::config::{Config, MeterConfig};
use crate::live::Live;
use crate::plc::{
    Driver, DriverError, FrontEnd, MeterAccess, SessionConfig, SessionError, front_end, serve as serve_node,
    telemetry,
};
use crate::pulse::Pipeline;
use crate::store::Store;
use crate::{clock, entropy};
use anyhow::Context;
use collector::CollectorConfig;
use plc_core::Instant;
use plc_core::sap::Key;
use plc_core::time::Duration;
use std::sync::Arc;

/// Steps of the driver between two looks at the clock of the machine.
const STEPS: u32 = 64;
/// Pause between two looks at the counters of the node.
const PUBLISH: Duration = Duration::from_millis(500);
/// The line must be served for so long after a fault before that counts as mended.
const SERVED_AGAIN: Duration = Duration::from_secs(3);

/// Serves the power line until [`Live::shutdown`] or [`Live::ask_to_reopen`], then returns `Ok`.
///
/// # Errors
/// The line cannot be served (any more). The daemon says so and calls again.
pub fn serve(config: &Config, store: &mut Store, live: &Arc<Live>) -> anyhow::Result<()> {
    let front_end = front_end::open(&config.plc.front_end)?;
    if front_end.hello().virtual_time {
        live.simulate(front_end.hello().utc);
    }
    let session = session_config(config)?;
    let address = &config.plc.front_end;
    serve_node(front_end, store, &session, live, |driver| drive(driver, live, address))
        .map_err(|error| named(error, address))?;
    Ok(())
}

/// Says that the line is served: at once, or, behind a fault, when it has been for a while. One that comes and goes is a fault.
struct Announcement {
    due: Option<Instant>,
}

impl Announcement {
    fn new(live: &Live) -> Self {
        let calm = live.status().borrow().fault.is_empty();
        Self { due: Some(if calm { Instant::EPOCH } else { Instant::EPOCH + SERVED_AGAIN }) }
    }

    fn make(&mut self, now: Instant, live: &Live, front_end: &str) {
        if self.due.take_if(|due| now >= *due).is_some() {
            live.update_status(|status| status.fault.clear());
            live.diagnose(|diagnosis| {
                diagnosis.on_line(live.now(), None);
                diagnosis.on_store(live.now(), None);
            });
            tracing::info!(front_end, "the power line is served");
        }
    }
}

/// The front end's faults with its address.
fn named(error: SessionError, address: &str) -> anyhow::Error {
    match error {
        SessionError::Rate(_) | SessionError::Driver(DriverError::FrontEnd(_) | DriverError::Gap { .. }) => {
            anyhow::Error::new(error).context(format!("front end {address}"))
        }
        _ => error.into(),
    }
}

/// Steps until asked to stop or to open anew.
fn drive<F: FrontEnd>(driver: &mut Driver<F>, live: &Live, address: &str) -> Result<(), DriverError> {
    let clock = clock::Monotonic::start();
    let mut next = Instant::EPOCH;
    let mut announcement = Announcement::new(live);
    while !live.shutdown.is_triggered() && !live.is_reopening() {
        announcement.make(clock.now(), live, address);
        if live.has_wishes() {
            driver.wake();
        }
        for _ in 0..STEPS {
            live.beat(Pipeline::PowerLine);
            if !driver.step()? {
                return Ok(());
            }
        }
        telemetry::hand_over(live, driver);
        if clock.now() >= next {
            telemetry::publish(live, driver);
            next = clock.now() + PUBLISH;
        }
    }
    Ok(())
}

fn session_config(config: &Config) -> anyhow::Result<SessionConfig> {
    let seed = entropy::seed().context("entropy of the machine")?;
    let mut collector = CollectorConfig::new(seed.derive("collector", 0));
    collector.period = config.collector.capture_period;
    collector.delay = config.collector.read_delay;
    collector.sessions = usize::from(config.collector.parallel_sessions);
    collector.clock_set = config.collector.set_clocks;
    collector.clock_set_max = Some(config.collector.set_clocks_within);
    collector.meters = config.meters.len().max(1);
    collector.association.retries = config.collector.retries;
    let meters = config.meters.iter().map(access).collect();
    let (eui64, pan_id) = (config.plc.eui64, config.plc.pan_id);
    let clock_trusted_file = config.collector.clock_trusted_file.clone();
    Ok(SessionConfig { eui64, pan_id, seed, collector, meters, clock_trusted_file })
}

fn access(meter: &MeterConfig) -> MeterAccess {
    MeterAccess {
        eui64: meter.eui64,
        psk: Key(meter.psk.0),
        encryption_key: Key(meter.encryption_key.0),
        authentication_key: Key(meter.authentication_key.0),
        master_key: meter.master_key.map(|key| Key(key.0)),
        one_way: meter.one_way,
    }
}
