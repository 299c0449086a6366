//! What the server remembers of an association beyond its sessions: keys, counters and failures.

use super::AssociationConfig;
use super::failures::Failures;
use crate::security::{Heard, Secret, SecurityContext};
use alloc::sync::Arc;

/// Guards one association against replays and against guessing.
#[derive(Debug)]
pub(super) struct Guard {
    /// The keys of the session that is open, and of the next unless they are renewed.
    pub(super) keys: Option<Arc<SecurityContext>>,
    /// The keys that the next AARQ must be under.
    pub(super) renewed: Option<Arc<SecurityContext>>,
    /// Whether the counters heard are of a key that is renewed.
    is_unicast_renewed: bool,
    pub(super) heard: Heard,
    /// The dedicated key to which the counters heard belong.
    dedicated: Option<Secret>,
    pub(super) failures: Failures,
}

impl Guard {
    pub(super) fn new(association: &AssociationConfig) -> Self {
        let ciphering = association.authentication.ciphering();
        Self {
            keys: ciphering.map(|(keys, _)| Arc::new(keys.clone())),
            renewed: None,
            is_unicast_renewed: false,
            heard: Heard {
                single_use: ciphering.and_then(|(keys, _)| keys.last_single_use()),
                ..Heard::new(ciphering.and_then(|(_, last)| last))
            },
            dedicated: None,
            failures: Failures::new(),
        }
    }

    /// Keys for the next association. Only a new unicast key begins with no counters heard: under the old
    /// one they go on, whatever else is new.
    pub(super) fn renew(&mut self, keys: SecurityContext, is_unicast_renewed: bool) {
        self.renewed = Some(Arc::new(keys));
        self.is_unicast_renewed |= is_unicast_renewed;
    }

    /// The keys that an AARQ must be under, and what was heard under them.
    pub(super) fn keys_for_opening(&self) -> Option<(Arc<SecurityContext>, Heard)> {
        let keys = self.renewed.as_ref().or(self.keys.as_ref())?;
        let heard = if self.is_unicast_renewed { self.heard.renewed() } else { self.heard };
        Some((keys.clone(), heard))
    }

    /// An AARQ was authentic: renewed keys are the keys from now on.
    pub(super) fn on_opened(&mut self, dedicated: Option<&Secret>) {
        if let Some(renewed) = self.renewed.take() {
            self.keys = Some(renewed);
        }
        if core::mem::take(&mut self.is_unicast_renewed) {
            self.heard = self.heard.renewed();
        }
        if self.dedicated.as_ref() != dedicated {
            self.heard.forget_dedicated();
            self.dedicated = dedicated.cloned();
        }
    }
}
