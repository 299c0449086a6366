//! One client of the desk: how it is carried, and since when it is silent.

use super::carrier::Carrier;
use dlms::server::Origin;
use plc_core::Instant;
use plc_core::time::Duration;

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) carrier: Carrier,
    /// Where it is.
    pub(super) origin: Origin,
    /// When anything was heard last.
    pub(super) heard: Instant,
    /// Whether anything was an APDU.
    pub(super) has_asked: bool,
}

impl Connection {
    pub(super) const fn new(now: Instant, carrier: Carrier, origin: Origin) -> Self {
        Self { carrier, origin, heard: now, has_asked: false }
    }

    /// Octets have come, and with them so many APDUs. Octets that make none do not prolong a connection.
    pub(super) fn on_heard(&mut self, now: Instant, apdus: usize) {
        if apdus > 0 {
            (self.heard, self.has_asked) = (now, true);
        }
    }

    /// When there is something to do for it.
    pub(super) fn deadline(&self) -> Instant {
        self.carrier.deadline().map_or(self.end(), |at| at.min(self.end()))
    }

    /// Whether it was silent for as long as it may be.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.end() <= now
    }

    fn end(&self) -> Instant {
        self.heard + if self.has_asked { INACTIVITY } else { FIRST_REQUEST }
    }
}

/// A connection that is to be kept asks for something in this time.
const INACTIVITY: Duration = Duration::from_secs(180);
/// A connection that has never asked for anything is kept for so long.
const FIRST_REQUEST: Duration = Duration::from_secs(20);
