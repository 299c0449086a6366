//! APDUs of every service, and the answers to lists.
#![no_main]

use dlms::apdu::{
    AccessRequest, AccessResponse, AnyActionRequest, AnyActionResponse, ConfirmedServiceError,
    DataNotification, DataNotificationConfirm, EventNotification, GeneralBlockTransfer, Pdu, Values,
};
use dlms::classes::association::ObjectList;
use libfuzzer_sys::fuzz_target;

macro_rules! pdus {
    ($bytes:expr; $($pdu:ident),+ $(,)?) => {
        $(fuzz::round_trip!($bytes, |r: &mut _| $pdu::parse(r), |pdu: &$pdu, w: &mut _| pdu.emit(w));)+
    };
}

fuzz_target!(|bytes: &[u8]| {
    pdus!(bytes; AnyActionRequest, AnyActionResponse, AccessRequest, AccessResponse, GeneralBlockTransfer);
    pdus!(bytes; DataNotification, DataNotificationConfirm, EventNotification, ConfirmedServiceError);
    if let Ok(values) = Values::from_bytes(bytes) {
        assert_eq!(values.iter().count(), values.len());
    }
    if let Some(list) = ObjectList::from_value(bytes) {
        assert!(list.iter().count() <= list.len());
    }
});
