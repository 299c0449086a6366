//! The only place of the daemon that reads the machine's clocks. Everything else takes time as an argument.

use plc_core::{Instant, Utc};
use std::time::{Duration, SystemTime};

/// UTC by the machine's clock; 1970 when it is set before that.
#[allow(clippy::disallowed_methods, reason = "this module is the driver of the wall clock")]
pub fn utc() -> Utc {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Utc::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The machine's monotonic clock, counted from an origin of its own.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic {
    origin: std::time::Instant,
}

impl Monotonic {
    /// A clock that shows [`Instant::EPOCH`] now.
    #[allow(clippy::disallowed_methods, reason = "this module is the driver of the monotonic clock")]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// What it shows now.
    pub fn now(&self) -> Instant {
        Instant::EPOCH + self.origin.elapsed()
    }
}
