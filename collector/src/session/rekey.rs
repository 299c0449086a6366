//! New keys: one message carries them, and which keys the meter has is proved by the next association that it opens.
//!
//! ```text
//! open (old keys) ─► key_transfer ─► answer, or none ─► open again: new keys first, then old, in turn
//!                                                        ├─ new keys open ─► they are the keys, counters begin anew
//!                                                        └─ old keys open ─► the new ones are forgotten
//! ```
//!
//! Keys that were sent are never sent again: another try has other keys, so no counter is ever used twice under one key.

use super::{Desk, Phase, Session};
use crate::order::{Denial, OrderEnd, Step, Work};
use crate::rekey::{Rekey, RenewedKeys};
use crate::{CollectorEvent, CollectorOutput};
use dlms::classes::security_setup::{key_transfer, method};
use dlms::client::ClientInput;
use dlms::security::{KeyId, Secret};
use dlms::specs::security_setup::KEY_TRANSFER;
use plc_core::Machine;

/// How far the keys of a session are certain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trial {
    /// Whether the session is under keys of which it is not known whether the meter has them.
    under_renewed: bool,
    /// The counter that was heard under them.
    heard: Option<u32>,
    /// Requests that the client had repeated when the keys were sent.
    repeated: u64,
}

impl Session {
    /// A session under keys that may be those of the meter, if it is one.
    pub(super) fn on_trial(desk: &Desk<'_>) -> Trial {
        Trial { under_renewed: desk.meter.on_trial().is_some(), ..Trial::default() }
    }

    /// Invocation counters are reserved under the keys of the session.
    pub(super) fn on_reserved(&mut self, reserved_to: u32, desk: &mut Desk<'_>) {
        let meter = self.meter;
        if self.trial.under_renewed {
            desk.meter.renewed_reserved_to = reserved_to;
            return desk.out.push(CollectorOutput::PersistRenewedInvocation { meter, reserved_to });
        }
        desk.meter.reserved_to = reserved_to;
        desk.out.push(CollectorOutput::PersistInvocation { meter, reserved_to });
    }

    /// What was used of the reserved counters; the next session goes on behind it.
    pub(super) fn note_counter(&self, desk: &mut Desk<'_>) {
        let next = u32::try_from(self.client.next_send_counter()).unwrap_or(u32::MAX);
        let entry = &mut desk.meter.entry;
        match entry.renewed.as_mut().filter(|_| self.trial.under_renewed) {
            Some(renewed) => renewed.first_invocation_counter = next,
            None => entry.first_invocation_counter = next,
        }
    }

    /// A counter of the meter was accepted.
    pub(super) fn on_server_counter(&mut self, last: u32, desk: &mut Desk<'_>) {
        if self.trial.under_renewed {
            self.trial.heard = Some(last);
            return;
        }
        desk.meter.entry.last_server_counter = Some(last);
        desk.out.push(CollectorOutput::PersistServerCounter { meter: self.meter, last });
    }

    /// The meter has opened an association: the keys of this session are its keys.
    pub(super) fn settle_keys(&mut self, desk: &mut Desk<'_>) {
        self.opened = true;
        let trial = core::mem::take(&mut self.trial);
        desk.settle_keys(trial.under_renewed);
        if let Some(last) = trial.heard {
            self.on_server_counter(last, desk);
        }
    }

    /// The next step of the order for new keys, the first order; whether there is one in this session.
    pub(super) fn next_of_rekey(&mut self, desk: &mut Desk<'_>) -> bool {
        let Some(Work::Rekey(rekey)) = self.orders.front_mut().map(|order| &mut order.work) else {
            return false;
        };
        if let Some(end) = rekey.end(desk) {
            self.finish_order(end, desk);
            return false;
        }
        let keys = [
            (KeyId::Unicast, &rekey.keys.encryption.0[..]),
            (KeyId::Authentication, &rekey.keys.authentication.0[..]),
        ];
        let parameter =
            key_transfer(&Secret::new(&rekey.master.0), &keys).expect("keys of suite 0 have 16 octets");
        rekey.sent = true;
        desk.meter.entry.renewed = Some(RenewedKeys { keys: rekey.keys, first_invocation_counter: 1 });
        (desk.meter.renewed_reserved_to, desk.meter.unopened) = (1, 0);
        self.trial.repeated = self.client.counters().repeated;
        self.ask(&Step::Act(method(KEY_TRANSFER), Some(parameter)), desk);
        true
    }

    /// The meter has taken the keys, or has not: unless it is certain, the next association shows which it has.
    pub(super) fn on_keys_answered(&mut self, denied: Option<Denial>, desk: &mut Desk<'_>) {
        if let Some(Work::Rekey(rekey)) = self.orders.front_mut().map(|order| &mut order.work) {
            rekey.denied = denied;
        }
        // What was asked twice may have been done the first time, and be refused the second.
        if denied.is_some() && self.client.counters().repeated == self.trial.repeated {
            desk.settle_keys(false);
            return self.proceed(desk);
        }
        self.client.handle(desk.now, ClientInput::Release);
        self.phase = Phase::Releasing;
    }
}

impl Rekey {
    /// How the order has ended, now that it is known which keys the meter has.
    fn end(&self, desk: &Desk<'_>) -> Option<OrderEnd> {
        if desk.meter.keys() == self.keys {
            return Some(OrderEnd::Done(alloc::vec::Vec::new()));
        }
        match self.denied {
            Some(denial) => Some(OrderEnd::Denied(0, denial)),
            None => self.sent.then_some(OrderEnd::NotTaken),
        }
    }
}

impl Desk<'_> {
    /// It is certain whether the meter has the renewed keys, where there are any.
    fn settle_keys(&mut self, renewed: bool) {
        let Some(settled) = self.meter.settle(renewed) else { return };
        let meter = self.meter.entry.eui64;
        debug_assert!(!renewed || self.meter.keys() == settled.keys);
        self.out.event(CollectorEvent::KeysSettled { meter, renewed });
    }
}
