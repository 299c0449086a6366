//! What a server may be told to say unasked.

use crate::cosem::{AttributeRequest, ClockTime};
use core::fmt;
use core::time::Duration;

/// Something that nobody asked for.
#[derive(Clone, Debug)]
pub enum Notification<'a> {
    /// A push.
    Data {
        /// When it is sent, if that is to be said.
        date_time: Option<ClockTime>,
        /// One whole encoded value.
        body: &'a [u8],
        /// Whether the client is to confirm it: how long that may take, and how often it is sent again.
        confirmation: Option<(Duration, u8)>,
    },
    /// The value of an attribute, without confirmation.
    Event {
        /// When it happened, if that is to be said.
        time: Option<ClockTime>,
        /// Which attribute; a selector is not sent.
        attribute: &'a AttributeRequest,
        /// One whole encoded value.
        value: &'a [u8],
    },
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyFault {
    /// No association of this client, or none that is open where it needs keys.
    NotAssociated,
    /// The body is not one whole value.
    NotAValue,
    /// The client has opened its association without this kind of notification.
    NotNegotiated,
    /// As many pushes as may wait do wait for their confirmation.
    TooManyWaiting,
}

impl fmt::Display for NotifyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAssociated => "expected a client with an association, open where it has keys",
            Self::NotAValue => "expected one whole encoded value",
            Self::NotNegotiated => "the client has not said that it understands this notification",
            Self::TooManyWaiting => "expected fewer pushes that wait for their confirmation",
        })
    }
}

impl core::error::Error for NotifyFault {}
