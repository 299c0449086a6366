//! What the server says unasked.

use super::{Client, ClientFailure, ClientOutput};
use crate::apdu::{DataNotification, DataNotificationConfirm, EventNotification, LongInvokeId, Pdu};

impl Client {
    /// A push. One that comes again because its confirmation was lost is confirmed again and told once.
    pub(super) fn on_data_notification(&mut self, apdu: &[u8]) {
        let Ok(push) = DataNotification::from_bytes(apdu) else { return self.counters.malformed += 1 };
        let is_confirmed = push.invoke_id.is_confirmed();
        if !self.voice.has_room_unasked() {
            return self.counters.flooded += 1;
        }
        if is_confirmed && self.last_push == Some(push.invoke_id) {
            self.counters.unexpected += 1;
        } else {
            let (date_time, body) = (push.date_time, push.body.to_vec());
            self.voice.tell(ClientOutput::DataNotification { date_time, body });
        }
        if is_confirmed {
            self.last_push = Some(push.invoke_id);
            // One that cannot be confirmed comes again.
            let _ = self.confirm(push.invoke_id);
        }
    }

    fn confirm(&mut self, invoke_id: LongInvokeId) -> Result<(), ClientFailure> {
        let confirm = DataNotificationConfirm { invoke_id, date_time: None }.to_vec();
        let apdu = self.voice.protect(&self.config, &self.ear, self.config.ciphering, confirm)?;
        self.voice.send(&self.config, &apdu)
    }

    pub(super) fn on_event_notification(&mut self, apdu: &[u8]) {
        let Ok(event) = EventNotification::from_bytes(apdu) else { return self.counters.malformed += 1 };
        if !self.voice.has_room_unasked() {
            return self.counters.flooded += 1;
        }
        let (time, attribute, value) = (event.time, event.attribute, event.value.to_vec());
        self.voice.tell(ClientOutput::EventNotification { time, attribute, value });
    }
}
