//! What a demo shows while it runs.

use super::place::Place;
use super::street::StreetFrontEnd;
use crate::clock::Monotonic;
use crate::grpc::Server;
use crate::live::{Live, MeterState};
use crate::plc::{Driver, telemetry};
use plc_core::Instant;
use plc_core::time::Duration;
use sim::street::Street;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

/// Pause between two lines on a terminal, where a line replaces the one before.
const TERMINAL: Duration = Duration::from_millis(200);
/// Pause between two lines in a file.
const FILE: Duration = Duration::from_secs(5);

/// Says what has been built and where it can be watched.
pub(super) fn announce(street: &Street, feeder: &str, server: &Server, place: &Place) {
    let mut err = std::io::stderr().lock();
    let meters = street.sites().len();
    let _ = writeln!(err, "street: {meters} meters on {feeder}, from {}", street.utc());
    let _ = writeln!(
        err,
        "gRPC:   http://{} (concentrator meters, readings --follow, topology)",
        server.address()
    );
    if place.is_kept() {
        let _ = writeln!(err, "store:  {}", place.database().display());
    }
}

/// The progress line.
pub(super) struct Progress {
    live: Arc<Live>,
    clock: Monotonic,
    shown: Instant,
    pause: Duration,
    terminal: bool,
}

impl Progress {
    /// Nothing shown yet.
    pub(super) fn new(live: Arc<Live>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let clock = Monotonic::start();
        let shown = clock.now();
        Self { live, clock, shown, pause: if terminal { TERMINAL } else { FILE }, terminal }
    }

    /// Shows a line when it is time for one.
    pub(super) fn show(&mut self, driver: &mut Driver<StreetFrontEnd>) {
        if self.clock.now().since(self.shown) >= self.pause {
            self.line(driver);
        }
    }

    /// Shows the last line.
    pub(super) fn end(&mut self, driver: &mut Driver<StreetFrontEnd>) {
        self.line(driver);
        if self.terminal {
            let _ = writeln!(std::io::stderr());
        }
    }

    fn line(&mut self, driver: &mut Driver<StreetFrontEnd>) {
        self.shown = self.clock.now();
        telemetry::publish(&self.live, driver);
        let text = self.text(driver);
        let mut err = std::io::stderr().lock();
        let _ = if self.terminal { write!(err, "\r{text}\x1b[K") } else { writeln!(err, "{text}") };
        let _ = err.flush();
    }

    fn text(&self, driver: &Driver<StreetFrontEnd>) -> String {
        let utc = driver.utc();
        let frames = driver.node().phy().inner().counters();
        let simulated = driver.now().as_secs_f64();
        let real = self.clock.now().as_secs_f64().max(1e-3);
        let (joined, all) = self.joined();
        let readings = self.live.newest().borrow().0;
        format!(
            "{utc}  joined {joined}/{all}  frames {} sent {} received  readings {readings}  {:.0}x real time, {real:.0} s",
            frames.frames_sent,
            frames.frames_received,
            simulated / real,
        )
    }

    fn joined(&self) -> (usize, usize) {
        let meters = self.live.meters();
        let meters = meters.borrow();
        let is_joined = |state| matches!(state, MeterState::Joined | MeterState::Reading);
        (meters.values().filter(|meter| is_joined(meter.state)).count(), meters.len())
    }
}
