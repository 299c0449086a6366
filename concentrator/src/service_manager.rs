//! What the service manager of the machine is told (`sd_notify`): ready, stopping, and that the daemon lives.
//!
//! Without a service manager nothing is told, and what hangs is only logged.

use crate::live::Live;
use crate::pulse::Pipeline;
use plc_core::time::Duration;
use sd_notify::NotifyState;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Everything is served.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is read again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("clock for the service manager: {error}"),
    }
}

/// The daemon has begun to stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Feeds the watchdog of the service manager, until [`Live::shutdown`], as long as no pipeline hangs.
///
/// # Errors
/// The system gives no thread.
pub fn watch(live: Arc<Live>) -> io::Result<JoinHandle<()>> {
    let period = period(sd_notify::watchdog_enabled());
    std::thread::Builder::new().name(String::from("watchdog")).spawn(move || {
        let mut shown = String::new();
        let mut hung = Vec::new();
        while !live.shutdown.wait(period) {
            hung = look(&live, hung);
            let status = live.summary();
            if status != shown {
                tell(&[NotifyState::Status(&status)]);
                shown = status;
            }
        }
    })
}

/// What hangs; said of each when that is new, and to those who ask why a meter is not read.
fn look(live: &Live, known: Vec<Pipeline>) -> Vec<Pipeline> {
    let hung = live.hung();
    for (pipeline, silence) in hung.iter().filter(|(pipeline, _)| !known.contains(pipeline)) {
        tracing::error!(pipeline = pipeline.name(), "hangs: no progress for {silence:?}");
    }
    if hung.is_empty() {
        tell(&[NotifyState::Watchdog]);
        if !known.is_empty() {
            tracing::warn!("every pipeline makes progress again");
        }
    }
    let of_store = |all: &[Pipeline]| all.iter().any(|pipeline| pipeline.needs_store());
    let hung: Vec<_> = hung.into_iter().map(|(pipeline, _)| pipeline).collect();
    if of_store(&hung) != of_store(&known) {
        let fault = of_store(&hung).then_some("it does not answer");
        live.diagnose(|diagnosis| diagnosis.on_store(live.now(), fault));
    }
    hung
}

/// Four looks in the time after which the service manager would lose its patience.
fn period(watchdog: Option<Duration>) -> Duration {
    watchdog.map_or(SLOWEST, |at_most| (at_most / 4).clamp(FASTEST, SLOWEST))
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the service manager hears nothing: {error}");
    }
}

const FASTEST: Duration = Duration::from_millis(50);
const SLOWEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_several_looks_before_the_service_manager_loses_its_patience() {
        assert_eq!(period(None), SLOWEST);
        assert_eq!(period(Some(Duration::from_secs(8))), Duration::from_secs(2));
        assert_eq!(period(Some(Duration::from_secs(600))), SLOWEST);
        assert_eq!(period(Some(Duration::from_millis(1))), FASTEST);
    }
}
