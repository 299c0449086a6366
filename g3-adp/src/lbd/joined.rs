//! In the PAN, and when to leave it.

use super::Identity;
use super::peer::Peer;
use crate::action::{Action, Grant};
use crate::actions::Actions;
use crate::counters::Drop;
use crate::wire::{EapMessage, Parameter, ParameterResult};
use crate::{exchange, specs};
use core::time::Duration;
use plc_core::sap::MlmeRequest;
use plc_core::seed::Stream;
use plc_core::{Instant, ShortAddress};

/// In the PAN, perhaps about to leave it.
#[derive(Debug)]
pub(super) struct Joined {
    leaving: Option<Leaving>,
    /// When the PAN was last known to be there.
    heard: Instant,
    /// How long it may be silent; `None`: for ever.
    watchdog: Option<Duration>,
    /// The coordinator hands out another group key.
    peer: Peer,
    /// Slots of the group key that are filled.
    filled: [bool; specs::GMK_SLOTS as usize],
}

#[derive(Clone, Copy, Debug)]
struct Leaving {
    at: Instant,
    /// Whether to look for a PAN again.
    rejoin: bool,
}

impl Joined {
    pub(super) fn new(now: Instant, watchdog: Duration, key_index: u8) -> Self {
        let watchdog = Some(watchdog).filter(|watchdog| !watchdog.is_zero());
        let mut filled = [false; specs::GMK_SLOTS as usize];
        filled[usize::from(key_index)] = true;
        Self { leaving: None, heard: now, watchdog, peer: Peer::default(), filled }
    }

    /// The coordinator hands out another group key; `own` and `active` are the own address and the slot in use.
    pub(super) fn on_challenge(
        &mut self,
        eap: &EapMessage<'_>,
        identity: &Identity,
        (own, active): (ShortAddress, u8),
        random: &mut Stream,
        out: &mut Actions,
    ) -> Result<(), Drop> {
        let accept = |content: &[u8]| exchange::renewal_of(content, own, active);
        let reply = self.peer.on_challenge(eap, identity, random, accept)?;
        if let Some(Grant { gmk, gmk_index, .. }) = self.peer.granted() {
            self.filled[usize::from(gmk_index)] = true;
            out.push(Action::Mlme(MlmeRequest::SetKey { index: gmk_index, key: Some(gmk) }));
        }
        out.push(Action::Report(reply));
        Ok(())
    }

    /// The coordinator says what to do with the keys. The answer still goes out under the old one.
    pub(super) fn on_order(
        &mut self,
        order: &Parameter<'_>,
        identity: &Identity,
        active: u8,
        out: &mut Actions,
    ) -> Result<(), Drop> {
        let filled = |index: u8| self.filled.get(usize::from(index)) == Some(&true);
        let (result, then) = match *order {
            Parameter::GmkActivation(index) if filled(index) => {
                (ParameterResult::Success, Some(Action::UseKey(index)))
            }
            Parameter::GmkRemoval(index) if index != active && index < specs::GMK_SLOTS => {
                self.filled[usize::from(index)] = false;
                (ParameterResult::Success, Some(Action::DropKey(index)))
            }
            Parameter::GmkActivation(_) | Parameter::GmkRemoval(_) => (ParameterResult::InvalidValue, None),
            _ => return Err(Drop::UnexpectedMessage),
        };
        let code = result.code();
        let result = if identity.result_before_attribute { [code, 0] } else { [0, code] };
        if code == 0 {
            out.push(Action::Report(exchange::order_taken(identity.eui64, result)));
        }
        out.extend(then);
        Ok(())
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
