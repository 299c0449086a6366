//! `concentrator run`: opens everything, serves until asked to stop, closes everything.

use crate::cli::{RunArgs, start_log};
use crate::clock;
use crate::config::Config;
use crate::grpc::Server;
use crate::live::Live;
use crate::power_line;
use crate::store::{Event, EventKind, Store};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Runs the daemon until SIGINT or SIGTERM.
///
/// # Errors
/// The configuration, the store or the address cannot be used.
pub fn run(args: &RunArgs, log: Option<&str>) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    start_log(log, &config.log)?;
    let mut store = Store::open(&config.store_path, clock::utc())?;
    for meter in &config.meters {
        store.register_meter(meter.eui64, Some(meter.system_title))?;
    }
    let live = Arc::new(Live::restore(&config, store.reader())?);
    let server = Server::start(config.listen, Arc::clone(&live), store.path())?;
    server.stop_on_signals()?;
    note(&mut store, &live, EventKind::Started, format!("version {}", env!("CARGO_PKG_VERSION")));
    keep_serving(&config, &mut store, &live);
    note(&mut store, &live, EventKind::Stopped, String::from("asked to stop"));
    server.stop()?;
    store.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the power line again and again: a dead modem must not take the interface with it, which tells of it.
fn keep_serving(config: &Config, store: &mut Store, live: &Arc<Live>) {
    while !live.shutdown.is_triggered() {
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
    match kind {
        EventKind::PowerLineFault => tracing::error!("{event}"),
        _ => tracing::info!("{event}"),
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(5);
