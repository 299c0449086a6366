//! What a meter pushes, to whom, and what becomes of it.

use super::MeterApplication;
use crate::objects::{EventGroup, PUSHES, PushHost, Slot, destination_number};
use crate::specs::{self, event};
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::server::Notification;
use dlms::specs::schemas;
use plc_core::{Instant, ShortAddress};

/// Pushes that wait for their confirmation, by their numbers.
pub(super) type Pushed = [Option<(Slot, u32)>; PUSHES_MAX];

/// Pushes whose confirmation is waited for.
const PUSHES_MAX: usize = 8;

impl MeterApplication {
    /// Where the datagrams for a number that is no short address go: to the destination of a push setup that names a host and a
    /// port. Only of a meter that connects to hosts, see [`crate::MeterConfig::connects`].
    pub fn destination(&self, peer: ShortAddress) -> Option<PushHost> {
        let slot = PUSHES.into_iter().find(|&slot| destination_number(slot) == Some(peer))?;
        self.board.push_host(slot)
    }

    /// Makes a push to its destination: a host and a port where the meter connects to such, or a short address of two octets, or
    /// whoever has spoken last.
    pub(super) fn push(&mut self, slot: Slot, now: Instant) {
        let Some(push) = self.with_objects(now, None, |objects, _| objects.push_body(slot, now)) else {
            // It lists more than a push can hold.
            return self.on_push_failed(slot, now);
        };
        let host =
            self.board.push_host(slot).filter(|_| self.connects).and_then(|_| destination_number(slot));
        let confirmation = push.confirmed.then_some((specs::PUSH_CONFIRMATION, 0));
        let notification = Notification::Data { date_time: push.time, body: &push.body, confirmation };
        let sent = match host {
            Some(ShortAddress(peer)) => self.server.notify_host(now, peer, push.client_sap, &notification),
            None => {
                let peer = push.peer.or(self.peer.map(|(peer, _)| peer)).unwrap_or_default();
                self.server.notify(now, peer, push.client_sap, &notification)
            }
        };
        match sent {
            Ok(number) if push.confirmed => {
                let free = self.pushed.iter().position(Option::is_none).unwrap_or_default();
                self.pushed[free] = Some((slot, number));
            }
            // Whether a host was reached is told later.
            Ok(_) if host.is_some() => {}
            Ok(_) => self.board.on_delivered(slot, None),
            Err(_) => self.on_push_failed(slot, now),
        }
    }

    /// Notifies the client that is to know of the descriptor of an alarm that was raised. Who has no association open is not told: the
    /// alarm stays in its register, and is pushed.
    pub(super) fn notify_alarm(&mut self, now: Instant, descriptor: LogicalName) {
        let Some(client_sap) = self.notified else { return };
        let attribute = AttributeRequest::new(schemas::DATA.class_id, descriptor, 2);
        let read = self.with_objects(now, None, |objects, _| objects.event(&attribute, now));
        let Some((time, value)) = read else { return };
        let event = Notification::Event { time, attribute: &attribute, value: &value };
        self.server.notify_associated(now, client_sap, &event);
    }

    /// A push that needs no confirmation has arrived when it has left. One that is to be confirmed is repeated in its time.
    pub(super) fn on_push_left(&mut self, now: Instant, peer: ShortAddress, reached: bool) {
        let Some(slot) = PUSHES.into_iter().find(|&slot| destination_number(slot) == Some(peer)) else {
            return;
        };
        match (reached, self.board.is_push_confirmed(slot)) {
            (true, false) => self.board.on_delivered(slot, None),
            (true, true) => {}
            (false, _) => self.on_push_failed(slot, now),
        }
    }

    fn on_push_failed(&mut self, slot: Slot, now: Instant) {
        if self.board.is_given_up(slot) {
            self.log(EventGroup::Communication, event::PUSH_FAILED, now);
        }
    }

    pub(super) fn on_push_answered(&mut self, now: Instant, number: u32, confirmed: bool) {
        let found = self.pushed.iter_mut().find(|pushed| pushed.is_some_and(|(_, n)| n == number));
        let Some((slot, _)) = found.and_then(Option::take) else { return };
        if confirmed {
            let utc = self.measurement.clock().utc(now);
            self.board.on_delivered(slot, utc);
        } else {
            self.on_push_failed(slot, now);
        }
    }
}
