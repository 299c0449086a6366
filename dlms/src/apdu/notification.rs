//! DataNotification and EventNotification \[GB 9.3.10, 9.3.11, 9.5\]: what a meter says unasked.

use super::{LongInvokeId, Pdu, date_time_len, emit_date_time, take_date_time, take_value};
use crate::cosem::{AttributeRequest, ClockTime};
use crate::specs::apdu_tag;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// data-notification: the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataNotification<'a> {
    /// Names the notification; whoever asks to be told that it has arrived is told this.
    pub invoke_id: LongInvokeId,
    /// When it was sent, if the meter says so.
    pub date_time: Option<ClockTime>,
    /// One whole encoded value.
    pub body: &'a [u8],
}

impl<'a> Pdu<'a> for DataNotification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::DATA_NOTIFICATION)?;
        let invoke_id = LongInvokeId(reader.u32_be()?);
        let date_time = take_date_time(reader)?;
        Ok(Self { invoke_id, date_time, body: take_value(reader)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::DATA_NOTIFICATION)?;
        writer.u32_be(self.invoke_id.0)?;
        emit_date_time(writer, self.date_time)?;
        writer.bytes(self.body)
    }

    fn wire_len(&self) -> usize {
        5 + date_time_len(self.date_time) + self.body.len()
    }
}

impl fmt::Display for DataNotification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data-notification {} {} octets", self.invoke_id, self.body.len())
    }
}

/// data-notification-confirm: the push has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataNotificationConfirm {
    /// Of the notification.
    pub invoke_id: LongInvokeId,
    /// When it arrived, if the client says so.
    pub date_time: Option<ClockTime>,
}

impl<'a> Pdu<'a> for DataNotificationConfirm {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::DATA_NOTIFICATION_CONFIRM)?;
        Ok(Self { invoke_id: LongInvokeId(reader.u32_be()?), date_time: take_date_time(reader)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u8(apdu_tag::DATA_NOTIFICATION_CONFIRM)?;
        writer.u32_be(self.invoke_id.0)?;
        emit_date_time(writer, self.date_time)
    }

    fn wire_len(&self) -> usize {
        5 + date_time_len(self.date_time)
    }
}

impl fmt::Display for DataNotificationConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data-notification-confirm {}", self.invoke_id)
    }
}

/// event-notification-request: the value of an attribute, unasked.
#[derive(Clone, Debug, PartialEq)]
pub struct EventNotification<'a> {
    /// When it happened, if the meter says so.
    pub time: Option<ClockTime>,
    /// Which attribute; never with a selector.
    pub attribute: AttributeRequest,
    /// One whole encoded value.
    pub value: &'a [u8],
}

impl<'a> Pdu<'a> for EventNotification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        super::expect_tag(reader, apdu_tag::EVENT_NOTIFICATION_REQUEST)?;
        let time = match reader.u8()? {
            0 => None,
            _ => Some(take_date_time(reader)?.ok_or(WireError::Invalid("date-time"))?),
        };
        let attribute = AttributeRequest::parse_descriptor(reader)?;
        Ok(Self { time, attribute, value: take_value(reader)? })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&[apdu_tag::EVENT_NOTIFICATION_REQUEST, u8::from(self.time.is_some())])?;
        if self.time.is_some() {
            emit_date_time(writer, self.time)?;
        }
        self.attribute.emit_descriptor(writer)?;
        writer.bytes(self.value)
    }

    fn wire_len(&self) -> usize {
        2 + self.time.map_or(0, |time| date_time_len(Some(time))) + DESCRIPTOR_LEN + self.value.len()
    }
}

/// A cosem-attribute-descriptor.
const DESCRIPTOR_LEN: usize = 2 + 6 + 1;

impl fmt::Display for EventNotification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event-notification {} {} octets", self.attribute, self.value.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::axdr::Data;
    use crate::hex::hex;
    use proptest::prelude::*;

    const PUSH: &str = "0F000001DB000922125A8591360000000049000000110000000A5A8513D014800000000D0000000A0100";
    const DATED: &str = "0F40000007 0C07EA0B160705110700000000 0202 1105 0600000001";
    const CONFIRM: &str = "1040000007 00";
    const EVENT: &str = "C200 0003 0100010800FF 02 1107";
    const DATED_EVENT: &str = "C201 0C 07EA0B160705110700000000 0003 0100010800FF 02 1107";

    #[test]
    fn a_push_from_the_field_is_understood_and_written_the_same() {
        let bytes = hex(PUSH);
        let push = DataNotification::from_bytes(&bytes).unwrap();
        assert_eq!((push.invoke_id.number(), push.invoke_id.is_confirmed()), (0x1DB, false));
        assert_eq!(Data::from_bytes(push.body).unwrap().as_octets().map(<[u8]>::len), Some(0x22));
        assert_eq!(push.to_vec(), bytes);
    }

    #[test]
    fn every_notification_is_written_as_it_was_read() {
        let (dated, confirm) = (hex(DATED), hex(CONFIRM));
        assert_eq!(DataNotification::from_bytes(&dated).unwrap().to_vec(), dated);
        assert_eq!(DataNotificationConfirm::from_bytes(&confirm).unwrap().to_vec(), confirm);
        for text in [EVENT, DATED_EVENT] {
            let bytes = hex(text);
            let event = EventNotification::from_bytes(&bytes).unwrap();
            assert_eq!((event.attribute.class_id, event.value), (3, &[0x11, 7][..]));
            assert_eq!(event.to_vec(), bytes);
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(
            push in law::near(&hex(DATED)),
            confirm in law::near(&hex(CONFIRM)),
            event in law::near(&hex(EVENT)),
            dated in law::near(&hex(DATED_EVENT)),
        ) {
            law::check::<DataNotification<'_>>(&push)?;
            law::check::<DataNotificationConfirm>(&confirm)?;
            law::check::<EventNotification<'_>>(&event)?;
            law::check::<EventNotification<'_>>(&dated)?;
        }
    }
}
