//! What the server says unasked: pushes and events.

use super::caller::Caller;
use super::session::Channel;
use super::{Notification, NotifyFault, ServerEvent};
use crate::apdu::{
    Conformance, DataNotification, DataNotificationConfirm, EventNotification, LongInvokeId, Pdu,
};
use crate::axdr::Data;
use crate::security::{Form, SecurityContext, SystemTitle};
use crate::specs::conversation::PUSHES_MAX;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Instant;

/// Pushes that are to be confirmed, a bounded number, and the number of the next.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    number: u32,
    waiting: heapless::Vec<Waiting, PUSHES_MAX>,
}

/// A push whose confirmation has not come.
#[derive(Debug)]
struct Waiting {
    number: u32,
    peer: u16,
    client_sap: u16,
    to_host: bool,
    apdu: Vec<u8>,
    timeout: Duration,
    left: u8,
    deadline: Instant,
}

/// A push that is to be sent again, and to whom.
pub(super) struct Due {
    pub(super) peer: u16,
    pub(super) client_sap: u16,
    pub(super) to_host: bool,
    pub(super) apdu: Vec<u8>,
}

impl Pushes {
    /// When the next is to be sent again or given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.deadline).min()
    }

    /// Whether this client, reached at this peer, is to confirm something.
    pub(super) fn awaits(&self, peer: u16, client_sap: u16) -> bool {
        self.waiting.iter().any(|waiting| waiting.peer == peer && waiting.client_sap == client_sap)
    }

    /// The next that is to be sent again; those that are given up become events.
    pub(super) fn due(&mut self, now: Instant, mut tell: impl FnMut(ServerEvent)) -> Option<Due> {
        while let Some(at) = self.waiting.iter().position(|waiting| waiting.deadline <= now) {
            let waiting = &mut self.waiting[at];
            if waiting.left > 0 {
                waiting.left -= 1;
                waiting.deadline = now + waiting.timeout;
                let Waiting { peer, client_sap, to_host, .. } = *waiting;
                return Some(Due { peer, client_sap, to_host, apdu: waiting.apdu.clone() });
            }
            let given_up = self.waiting.swap_remove(at);
            tell(ServerEvent::PushFailed { client_sap: given_up.client_sap, number: given_up.number });
        }
        None
    }
}

/// Says something to one client.
pub(super) struct Pushing<'c, 's> {
    pub(super) caller: &'c mut Caller<'s>,
}

impl Pushing<'_, '_> {
    /// Sends a notification; returns its number.
    pub(super) fn notify(&mut self, notification: &Notification<'_>) -> Result<u32, NotifyFault> {
        let value = match notification {
            Notification::Data { body, .. } => body,
            Notification::Event { value, .. } => value,
        };
        Data::from_bytes(value).map_err(|_| NotifyFault::NotAValue)?;
        self.check_negotiated(notification)?;
        match notification {
            Notification::Event { time, attribute, value } => {
                let event = EventNotification { time: *time, attribute: (*attribute).clone(), value };
                self.say(&event.to_vec()).map(|()| 0)
            }
            Notification::Data { date_time, body, confirmation } => {
                let pushes = &mut self.caller.pushes;
                if confirmation.is_some() && pushes.waiting.is_full() {
                    return Err(NotifyFault::TooManyWaiting);
                }
                let number = pushes.number.wrapping_add(1) & LongInvokeId(u32::MAX).number();
                let invoke_id = match confirmation {
                    Some(_) => LongInvokeId::confirmed(number),
                    None => LongInvokeId::unconfirmed(number),
                };
                let apdu = DataNotification { invoke_id, date_time: *date_time, body }.to_vec();
                self.say(&apdu)?;
                self.caller.pushes.number = number;
                if let Some((timeout, left)) = *confirmation {
                    self.wait(number, apdu, timeout.max(Duration::from_millis(1)), left);
                }
                Ok(number)
            }
        }
    }

    /// Who has opened an association and not said that it understands notifications gets none.
    fn check_negotiated(&mut self, notification: &Notification<'_>) -> Result<(), NotifyFault> {
        let needed = match notification {
            Notification::Data { .. } => Conformance::DATA_NOTIFICATION,
            Notification::Event { .. } => Conformance::EVENT_NOTIFICATION,
        };
        let session = self.caller.session().filter(|session| session.is_open());
        let knows = session.is_none_or(|session| session.terms.conformance.has(needed));
        if knows { Ok(()) } else { Err(NotifyFault::NotNegotiated) }
    }

    fn wait(&mut self, number: u32, apdu: Vec<u8>, timeout: Duration, left: u8) {
        let (peer, client_sap) = (self.caller.peer, self.caller.association.client_sap);
        let (deadline, to_host) = (self.caller.now + timeout, self.caller.to_host);
        // There was room before anything was sent.
        let waiting = Waiting { number, peer, client_sap, to_host, apdu, timeout, left, deadline };
        let _ = self.caller.pushes.waiting.push(waiting);
    }

    /// Sends an APDU that nobody asked for, under the protection that the policy demands.
    pub(super) fn say(&mut self, apdu: &[u8]) -> Result<(), NotifyFault> {
        let Some(keys) = self.caller.keys() else {
            self.caller.reply(apdu);
            return Ok(());
        };
        if self.caller.to_host {
            return self.say_to_host(&keys, apdu);
        }
        // An association that needs no AARQ needs no session either: whoever only pushes has never heard its client.
        let needs_none = self.caller.association.authentication.pre_established().is_some();
        let is_open = needs_none || self.caller.session().is_some_and(|session| session.is_open());
        let channel = self.caller.channel().filter(|_| is_open).ok_or(NotifyFault::NotAssociated)?;
        self.caller.reply_protected(&keys, &channel, apdu, &Form::BARE.of_answer(keys.policy()));
        Ok(())
    }

    fn say_to_host(&mut self, keys: &SecurityContext, apdu: &[u8]) -> Result<(), NotifyFault> {
        let form = Form::BARE.of_answer(keys.policy());
        if form.signed {
            return Err(NotifyFault::NotAssociated);
        }
        // The title of the recipient goes into no envelope of this form.
        let channel = Channel { client_title: SystemTitle::default(), dedicated: None };
        self.caller.reply_protected(keys, &channel, apdu, &form);
        Ok(())
    }

    /// A client confirms a push.
    pub(super) fn on_confirm(&mut self, apdu: &[u8]) {
        let Ok(confirm) = DataNotificationConfirm::from_bytes(apdu) else {
            return self.caller.voice.counters.malformed += 1;
        };
        let (client_sap, number) = (self.caller.association.client_sap, confirm.invoke_id.number());
        let mine = |waiting: &Waiting| waiting.number == number && waiting.client_sap == client_sap;
        match self.caller.pushes.waiting.iter().position(mine) {
            None => self.caller.voice.counters.stale_blocks += 1,
            Some(at) => {
                self.caller.pushes.waiting.swap_remove(at);
                self.caller.voice.tell(ServerEvent::PushConfirmed { client_sap, number });
            }
        }
    }
}
