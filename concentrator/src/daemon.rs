//! `concentrator run`: opens everything, serves until asked to stop, closes everything.

use crate::cli::RunArgs;
use crate::clock;
use crate::config::{BackhaulConfig, Config};
use crate::entropy;
use crate::grpc::Server;
use crate::live::Live;
use crate::logging;
use crate::metrics::Page;
use crate::power_line;
use crate::pulse::Pipeline;
use crate::service_manager;
use crate::store::{Event, EventKind, Store};
use crate::uplink::{self, UplinkSettings};
use ::backhaul::UplinkConfig;
use anyhow::Context;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs the daemon until SIGINT or SIGTERM.
///
/// # Errors
/// The configuration, the store or the address cannot be used.
pub fn run(args: &RunArgs, log: Option<&str>) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    logging::start(log.unwrap_or(&config.log), config.log_format)?;
    let access = config.access.clone().with_context(|| {
        format!(
            "configuration {}: grpc: expected authority, certificate and key, or plain_text = true",
            args.config.display()
        )
    })?;
    let mut store = Store::open(&config.store_path, clock::utc())?;
    for meter in &config.meters {
        store.register_meter(meter.eui64, Some(meter.system_title))?;
    }
    store.set_limits(config.limits)?;
    let live = Arc::new(Live::restore(&config, store.reader())?);
    let server = Server::start(config.listen, &access, Arc::clone(&live), store.path())?;
    server.stop_on_signals()?;
    note(&mut store, &live, EventKind::Started, format!("version {}", env!("CARGO_PKG_VERSION")));
    let uplink = start_uplink(&config, &store, &live)?;
    let page = config.metrics.map(|listen| Page::start(listen, Arc::clone(&live), store.path().to_owned()));
    let page = page.transpose()?;
    let watchdog = service_manager::watch(Arc::clone(&live)).context("thread of the watchdog")?;
    service_manager::ready();
    keep_serving(&config, &mut store, &live);
    service_manager::stopping();
    note(&mut store, &live, EventKind::Stopped, String::from("asked to stop"));
    server.stop()?;
    if let Some(uplink) = uplink {
        // It ends with the shutdown that has ended everything else.
        let _ = uplink.join();
    }
    page.into_iter().for_each(Page::join);
    let _ = watchdog.join();
    store.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Starts to deliver, if there is a head-end.
fn start_uplink(config: &Config, store: &Store, live: &Arc<Live>) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(backhaul) = config.backhaul.clone() else { return Ok(None) };
    let BackhaulConfig { head_end, box_id, tls, order, octets_per_s } = backhaul;
    let seed = entropy::seed().context("entropy of the machine")?;
    let habits = UplinkConfig { order, octets_per_s, ..UplinkConfig::new(seed) };
    let settings = UplinkSettings { head_end, box_id, tls, config: habits };
    let uplink = uplink::start(settings, Arc::clone(live), store.path().to_owned(), store.delivered());
    Ok(Some(uplink.context("thread of the backhaul")?))
}

/// Serves the power line again and again: a dead modem must not take the interface with it, which tells of it.
fn keep_serving(config: &Config, store: &mut Store, live: &Arc<Live>) {
    while !live.shutdown.is_triggered() {
        live.beat(Pipeline::PowerLine);
        let Err(error) = power_line::serve(config, store, live) else { return };
        let text = format!("{error:#}");
        live.diagnose(|diagnosis| diagnosis.on_line(live.now(), Some(&text)));
        let news = live.status().borrow().fault != text;
        if news {
            live.update_status(|status| status.fault.clone_from(&text));
            note(store, live, EventKind::PowerLineFault, text);
        }
        live.shutdown.wait(RETRY_AFTER);
    }
}

/// An event in the store first, a line in the log second. Its time is that of the power line, once there is one.
fn note(store: &mut Store, live: &Live, kind: EventKind, text: String) {
    let event = Event { time: live.now(), kind, meter: None, text };
    if let Err(error) = store.append_event(&event) {
        tracing::error!("{error}");
    }
    live.noted();
    match kind {
        EventKind::PowerLineFault => tracing::error!("{event}"),
        _ => tracing::info!("{event}"),
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(5);
