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
    live.update_status(|status| status.fault.clear());
    live.diagnose(|diagnosis| diagnosis.on_line(live.now(), None));
    tracing::info!(front_end = config.plc.front_end, "the power line is served");
    serve_node(front_end, store, &session, live, |driver| drive(driver, live))
        .map_err(|error| named(error, &config.plc.front_end))?;
    Ok(())
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
fn drive<F: FrontEnd>(driver: &mut Driver<F>, live: &Live) -> Result<(), DriverError> {
    let clock = clock::Monotonic::start();
    let mut next = Instant::EPOCH;
    while !live.shutdown.is_triggered() && !live.is_reopening() {
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
