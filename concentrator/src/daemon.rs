//! `concentrator run`: opens everything, serves until asked to stop, closes everything.

use crate::cli::RunArgs;
use crate::clock;
use crate::config::{BackhaulConfig, Config};
use crate::entropy;
use crate::grpc::Server;
use crate::jobs::{Guard, Jobs};
use crate::live::Live;
use crate::logging;
use crate::metrics::Page;
use crate::plc::SessionError;
use crate::power_line;
use crate::pulse::Pipeline;
use crate::seats;
use crate::service_manager;
use crate::settings::{self, Settings};
use crate::shutdown::Shutdown;
use crate::store::{Event, EventKind, Store};
use crate::tasks::Tasks;
use crate::uplink::{self, UplinkSettings};
use crate::words;
use ::backhaul::UplinkConfig;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs the daemon until SIGINT or SIGTERM.
///
/// # Errors
/// The configuration, the store or the address cannot be used.
pub fn run(args: &RunArgs, log: Option<&str>) -> anyhow::Result<ExitCode> {
    let settings = Arc::new(Settings::load(&args.config, log)?);
    let config = settings.current();
    logging::start(settings.filter(&config), config.log_format)?;
    seats::raise();
    let access = config.access.clone().with_context(|| {
        format!(
            "configuration {}: grpc: expected authority, certificate and key, or plain_text = true",
            args.config.display()
        )
    })?;
    let mut store = Store::open(&config.store_path, clock::utc())?;
    let live = Arc::new(Live::restore(&config, &store)?);
    take_jobs(&mut store, &live, config.guard);
    take_tasks(&mut store, &live);
    let server = Server::start(config.listen, &access, Arc::clone(&live), store.path())?;
    server.stop_on_signals()?;
    server.reload_on_signal(Arc::clone(&settings))?;
    live.take_settings(Arc::clone(&settings));
    note(&mut store, &live, EventKind::Started, format!("version {}", env!("CARGO_PKG_VERSION")));
    let page = config.metrics.map(|listen| Page::start(listen, Arc::clone(&live), store.path().to_owned()));
    let page = page.transpose()?;
    let watchdog = service_manager::watch(Arc::clone(&live)).context("thread of the watchdog")?;
    let tending =
        settings::tend(Arc::clone(&settings), Arc::clone(&live)).context("thread of the settings")?;
    service_manager::ready();
    serve(&settings, &mut store, &live)?;
    service_manager::stopping();
    note(&mut store, &live, EventKind::Stopped, String::from("asked to stop"));
    server.stop()?;
    page.into_iter().for_each(Page::join);
    // Both end with the shutdown that has ended everything else; a panic of theirs was said when it happened.
    let _ = (watchdog.join(), tending.join());
    store.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Takes jobs from now on. Where they cannot be opened, or their record cannot be believed, nobody's commands are carried out; meters are
/// read all the same.
fn take_jobs(store: &mut Store, live: &Live, guard: Guard) {
    match open_jobs(store, live, guard) {
        Ok(jobs) => live.take_jobs(Arc::new(jobs)),
        Err(error) => impair(
            store,
            live,
            EventKind::SecurityFailure,
            format!("no jobs are taken: {}", words::chain(&error)),
        ),
    }
}

/// Takes tasks from now on; where they cannot be opened the load profile is read all the same.
fn take_tasks(store: &mut Store, live: &Live) {
    match Tasks::open(folder(store)) {
        Ok(tasks) => live.take_tasks(Arc::new(tasks)),
        Err(error) => impair(store, live, EventKind::Task, format!("no tasks are taken: {error}")),
    }
}

/// Where the store lies.
fn folder(store: &Store) -> &Path {
    let folder = store.path().parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The jobs, beside the store.
fn open_jobs(store: &Store, live: &Live, guard: Guard) -> anyhow::Result<Jobs> {
    let folder = folder(store);
    Jobs::open(folder, guard, live.now()).with_context(|| format!("jobs in {}", folder.display()))
}

/// Opens what the configuration says, until the shutdown; again for each configuration that comes into force.
fn serve(settings: &Settings, store: &mut Store, live: &Arc<Live>) -> anyhow::Result<()> {
    let mut uplink: Option<(BackhaulConfig, UplinkThread)> = None;
    while !live.shutdown.is_triggered() {
        live.take_reopening();
        let config = settings.current();
        adopt(&config, store, live)?;
        if uplink.as_ref().map(|(backhaul, _)| backhaul) != config.backhaul.as_ref() {
            uplink.take().into_iter().for_each(|(_, uplink)| uplink.stop());
            uplink = match &config.backhaul {
                Some(backhaul) => Some((backhaul.clone(), start_uplink(backhaul.clone(), store, live)?)),
                None => None,
            };
        }
        keep_serving(&config, store, live);
    }
    uplink.into_iter().for_each(|(_, uplink)| uplink.stop());
    Ok(())
}

/// Tells the store and everybody else who is expected and what is kept.
fn adopt(config: &Config, store: &mut Store, live: &Live) -> anyhow::Result<()> {
    for meter in &config.meters {
        store.register_meter(meter.eui64, Some(meter.system_title))?;
    }
    store.set_limits(config.limits)?;
    live.expect(&config.meters.iter().map(|meter| (meter.eui64, meter.id.clone())).collect());
    for meter in &config.meters {
        live.update_meter(meter.eui64, |status| status.one_way = meter.one_way);
    }
    live.set_period(config.collector.capture_period);
    match live.tasks().map_or(Ok(Vec::new()), |tasks| tasks.adopt(&config.tasks)) {
        Ok(replaced) => replaced.into_iter().for_each(|name| {
            note(store, live, EventKind::Task, format!("{name}: the configuration replaces what was added"));
        }),
        Err(error) => {
            note(store, live, EventKind::Task, format!("those of the configuration are not taken: {error}"));
        }
    }
    live.show_configuration(config.shown());
    Ok(())
}

/// The way to the head-end and how to end it.
struct UplinkThread {
    stop: Shutdown,
    thread: JoinHandle<()>,
}

impl UplinkThread {
    fn stop(self) {
        self.stop.trigger();
        // A panic of it was said when it happened.
        let _ = self.thread.join();
    }
}

/// Starts to deliver.
fn start_uplink(backhaul: BackhaulConfig, store: &Store, live: &Arc<Live>) -> anyhow::Result<UplinkThread> {
    let BackhaulConfig { head_end, box_id, tls, order, octets_per_s } = backhaul;
    let seed = entropy::seed().context("entropy of the machine")?;
    let habits = UplinkConfig { order, octets_per_s, ..UplinkConfig::new(seed) };
    let settings = UplinkSettings { head_end, box_id, tls, config: habits };
    let (path, stop) = (store.path().to_owned(), Shutdown::default());
    let thread = uplink::start(settings, Arc::clone(live), path, store.delivered(), stop.clone());
    Ok(UplinkThread { stop, thread: thread.context("thread of the backhaul")? })
}

/// Serves the power line again and again: a dead modem must not take the interface with it, which tells of it.
fn keep_serving(config: &Config, store: &mut Store, live: &Arc<Live>) {
    let mut spell = Spell::default();
    while !live.shutdown.is_triggered() && !live.is_reopening() {
        live.beat(Pipeline::PowerLine);
        let served = power_line::serve(config, store, live);
        let told: Vec<_> = std::iter::from_fn(|| live.take_told()).collect();
        told.into_iter().for_each(|event| log(&record(store, live, event)));
        let Err(error) = served else { return };
        let text = words::chain(&error);
        let of_store = is_of_store(&error);
        live.diagnose(|diagnosis| {
            // A line that could not be opened would have said so first.
            diagnosis.on_line(live.now(), Some(text.as_str()).filter(|_| !of_store));
            if of_store {
                diagnosis.on_store(live.now(), Some(&text));
            }
        });
        let calm = live.status().borrow().fault.is_empty();
        live.update_status(|status| status.fault.clone_from(&text));
        if spell.is_news(calm, &text) {
            note(store, live, EventKind::PowerLineFault, text);
        }
        pause(live);
    }
}

/// Whether the line ended because of the store, and not by itself.
fn is_of_store(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(SessionError::is_of_store)
}

/// Faults that were told since the line was last served for a while, so that two that take turns are told once each.
#[derive(Debug, Default)]
struct Spell(BTreeSet<String>);

impl Spell {
    /// Of which more are not told.
    const TOLD_MAX: usize = 8;

    /// Whether `fault` has to be told; `calm` when the line had been served before it.
    fn is_news(&mut self, calm: bool, fault: &str) -> bool {
        if calm {
            self.0.clear();
        }
        self.0.len() < Self::TOLD_MAX && self.0.insert(fault.to_owned())
    }
}

/// Waits before the line is tried again. Time goes on for jobs.
fn pause(live: &Live) {
    if let Some(Err(error)) = live.jobs().map(|jobs| jobs.end_expired(live.now())) {
        tracing::error!("{error}");
    }
    for _ in 0..RETRY_AFTER.as_millis() / LOOK.as_millis() {
        if live.shutdown.wait(LOOK) || live.is_reopening() {
            return;
        }
    }
}

/// Something does not work until somebody mends it: the status tells it for as long, and the log as an error.
fn impair(store: &mut Store, live: &Live, kind: EventKind, text: String) {
    live.update_status(|status| status.impairments.push(text.clone()));
    tracing::error!("{}", record(store, live, Event { time: live.now(), kind, meter: None, text }));
}

/// An event in the store first, a line in the log second.
fn note(store: &mut Store, live: &Live, kind: EventKind, text: String) {
    log(&record(store, live, Event { time: live.now(), kind, meter: None, text }));
}

fn log(event: &Event) {
    match event.kind {
        EventKind::PowerLineFault => tracing::error!("{event}"),
        _ => tracing::info!("{event}"),
    }
}

/// An event in the store, now or when the store can be written again.
fn record(store: &mut Store, live: &Live, event: Event) -> Event {
    if let Err(error) = store.append_event(&event) {
        tracing::error!("{error}");
        live.tell_event(event.clone());
    }
    live.noted();
    event
}

const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Pause between two looks whether there is another wish.
const LOOK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_fault_of_the_store_is_told_from_one_of_the_front_end() {
        let store = StoreError::Busy { path: "/x".into() };
        assert!(is_of_store(&SessionError::Store(store).into()));
        let line = SessionError::Driver(std::io::Error::other("gone").into());
        assert!(!is_of_store(&anyhow::Error::new(line).context("front end unix:/x")));
        assert!(!is_of_store(&anyhow::anyhow!("store: not of a session")));
    }

    #[test]
    fn faults_that_take_turns_are_told_once_each_until_the_line_was_served() {
        let mut spell = Spell::default();
        assert!(spell.is_news(true, "a"));
        assert!(spell.is_news(false, "b"));
        assert!(!spell.is_news(false, "a") && !spell.is_news(false, "b"));
        assert!(spell.is_news(true, "b"), "served in between");
        let told = (0..100).filter(|n| spell.is_news(false, &n.to_string())).count();
        assert_eq!(told, Spell::TOLD_MAX - 1);
    }
}
