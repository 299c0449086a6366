//! In the PAN, and when to leave it.

use crate::specs;
use core::time::Duration;
use plc_core::Instant;

/// In the PAN, perhaps about to leave it.
#[derive(Debug)]
pub(super) struct Joined {
    leaving: Option<Leaving>,
    /// When the PAN was last known to be there.
    heard: Instant,
    /// How long it may be silent; `None`: for ever.
    watchdog: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Leaving {
    at: Instant,
    /// Whether to look for a PAN again.
    rejoin: bool,
}

impl Joined {
    pub(super) fn new(now: Instant, watchdog: Duration) -> Self {
        Self { leaving: None, heard: now, watchdog: Some(watchdog).filter(|watchdog| !watchdog.is_zero()) }
    }

    /// Management wants this node out, and to stay out.
    pub(super) fn on_leave(&mut self, now: Instant) {
        self.leaving = Some(Leaving { at: now + specs::KICK_DELAY, rejoin: false });
    }

    /// The coordinator wants this node out.
    pub(super) fn on_kicked(&mut self, now: Instant) {
        self.leaving.get_or_insert(Leaving { at: now + specs::KICK_DELAY, rejoin: true });
    }

    /// The PAN is still there.
    pub(super) const fn on_heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Whether to look for a PAN again after the deadline: silence is no reason to stay away.
    pub(super) fn rejoins(&self) -> bool {
        self.leaving.is_none_or(|leaving| leaving.rejoin)
    }

    /// When this node leaves, unless it hears something before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let silent = || self.watchdog.map(|watchdog| self.heard + watchdog);
        self.leaving.map(|leaving| leaving.at).or_else(silent)
    }
}
