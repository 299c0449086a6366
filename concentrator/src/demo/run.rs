//! The run of a demo: steps until every meter has been read for every period, or time is up.

use super::progress::Progress;
use super::street::StreetFrontEnd;
use super::{PERIOD, Period};
use crate::live::Live;
use crate::plc::{Driver, DriverError, telemetry};
use plc_core::Utc;
use plc_core::time::Duration;
use std::sync::Arc;

/// How long after the last boundary the meters may still be read before the demo calls them unread.
const PATIENCE: Duration = Duration::from_secs(800);
/// Steps of the driver between two looks at the clock of the machine.
const STEPS: u32 = 256;

/// A demo under way.
pub(super) struct Run<'d> {
    driver: &'d mut Driver<StreetFrontEnd>,
    live: Arc<Live>,
    last: Utc,
    progress: Progress,
}

impl<'d> Run<'d> {
    /// A run that ends after the last of `periods`.
    pub(super) fn new(driver: &'d mut Driver<StreetFrontEnd>, live: Arc<Live>, periods: Period) -> Self {
        let last = periods.first + PERIOD * periods.count;
        Self { driver, progress: Progress::new(Arc::clone(&live)), live, last }
    }

    /// Steps to the end; whether every meter was read.
    pub(super) fn finish(mut self) -> Result<bool, DriverError> {
        while self.step()? && !self.is_over() {
            self.progress.show(self.driver);
        }
        self.progress.end(self.driver);
        Ok(self.all_read())
    }

    fn step(&mut self) -> Result<bool, DriverError> {
        if self.live.has_wishes() {
            self.driver.wake();
        }
        for _ in 0..STEPS {
            if !self.driver.step()? {
                return Ok(false);
            }
        }
        telemetry::hand_over(&self.live, self.driver);
        Ok(true)
    }

    fn is_over(&self) -> bool {
        let now = self.driver.utc();
        self.live.shutdown.is_triggered()
            || now >= self.last + PATIENCE
            || (now >= self.last && self.all_read())
    }

    fn all_read(&self) -> bool {
        self.live.meters().borrow().values().all(|meter| meter.last_reading >= Some(self.last))
    }
}
