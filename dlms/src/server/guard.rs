//! What the server remembers of an association beyond its sessions: counters and failures.

use super::{AssociationConfig, ServerAuthentication};
use crate::invocation::ReceiveCounter;
use core::time::Duration;
use plc_core::Instant;

/// Guards one association against replays and against guessing.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) receive: ReceiveCounter,
    failed_proofs: u8,
    locked_until: Option<Instant>,
}

impl Guard {
    pub(super) const fn new(association: &AssociationConfig) -> Self {
        let last = match &association.authentication {
            ServerAuthentication::None => None,
            ServerAuthentication::HlsGmac { last_client_counter, .. } => *last_client_counter,
        };
        Self { receive: ReceiveCounter::new(last), failed_proofs: 0, locked_until: None }
    }

    pub(super) fn is_locked(&self, now: Instant) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    pub(super) const fn on_proved(&mut self) {
        self.failed_proofs = 0;
    }

    /// Returns whether the association is locked from now on.
    pub(super) fn on_failed_proof(&mut self, now: Instant, most: u8, lockout: Duration) -> bool {
        self.failed_proofs = self.failed_proofs.saturating_add(1);
        let locked = self.failed_proofs >= most.max(1);
        if locked {
            self.failed_proofs = 0;
            self.locked_until = Some(now + lockout);
        }
        locked
    }
}
