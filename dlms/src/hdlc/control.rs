//! Control fields.

use super::specs::control as specs;
use super::specs::sequence;
use core::fmt;

/// A number of the sequence, modulo 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Number(u8);

impl Number {
    /// The number `value` modulo 8.
    pub const fn new(value: u8) -> Self {
        Self(value % sequence::MODULUS)
    }

    /// 0..=7.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Where N(R) stands.
    const fn shifted(self) -> u8 {
        self.0 << specs::RECEIVE_SHIFT
    }

    /// The number `steps` further on.
    pub const fn plus(self, steps: u8) -> Self {
        Self::new(self.0 + steps % sequence::MODULUS)
    }

    /// Steps from `earlier` to here, 0..=7.
    pub const fn since(self, earlier: Self) -> u8 {
        (self.0 + sequence::MODULUS - earlier.0) % sequence::MODULUS
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Information, with the own number N(S) and the acknowledgement N(R).
    Information {
        /// N(S).
        send: Number,
        /// N(R): all before it have arrived.
        receive: Number,
    },
    /// Receive ready.
    ReceiveReady {
        /// N(R).
        receive: Number,
    },
    /// Receive not ready: an acknowledgement, and a wish for silence.
    ReceiveNotReady {
        /// N(R).
        receive: Number,
    },
    /// SNRM: the client opens a link.
    SetNormalResponseMode,
    /// DISC: the client closes it.
    Disconnect,
    /// UA: the server agrees.
    UnnumberedAcknowledge,
    /// DM: the server has no link.
    DisconnectedMode,
    /// FRMR: the server cannot go on.
    FrameReject,
    /// UI: information without link.
    UnnumberedInformation,
    /// A code point that the profile does not have.
    Unknown(u8),
}

/// A control field: what a frame is, and the poll or final bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// What the frame is.
    pub function: Function,
    /// From the client: poll, the server may speak. From the server: final, it has spoken.
    pub poll_final: bool,
}

impl Control {
    /// A control field with the poll or final bit set.
    pub const fn last(function: Function) -> Self {
        Self { function, poll_final: true }
    }

    /// The field of this octet.
    pub const fn from_octet(octet: u8) -> Self {
        let poll_final = octet & specs::POLL_FINAL != 0;
        Self { function: Function::from_octet(octet & !specs::POLL_FINAL), poll_final }
    }

    /// The octet of this field.
    pub const fn octet(self) -> u8 {
        self.function.octet() | if self.poll_final { specs::POLL_FINAL } else { 0 }
    }
}

impl Function {
    const fn from_octet(octet: u8) -> Self {
        let receive = Number::new(octet >> specs::RECEIVE_SHIFT);
        if octet & specs::INFORMATION_MASK == 0 {
            return Self::Information { send: Number::new(octet >> specs::SEND_SHIFT), receive };
        }
        match octet {
            specs::SNRM => Self::SetNormalResponseMode,
            specs::DISC => Self::Disconnect,
            specs::UA => Self::UnnumberedAcknowledge,
            specs::DM => Self::DisconnectedMode,
            specs::FRMR => Self::FrameReject,
            specs::UI => Self::UnnumberedInformation,
            _ => match octet & specs::SUPERVISORY_MASK {
                specs::RR => Self::ReceiveReady { receive },
                specs::RNR => Self::ReceiveNotReady { receive },
                _ => Self::Unknown(octet),
            },
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::Information { send, receive } => receive.shifted() | send.value() << specs::SEND_SHIFT,
            Self::ReceiveReady { receive } => receive.shifted() | specs::RR,
            Self::ReceiveNotReady { receive } => receive.shifted() | specs::RNR,
            Self::SetNormalResponseMode => specs::SNRM,
            Self::Disconnect => specs::DISC,
            Self::UnnumberedAcknowledge => specs::UA,
            Self::DisconnectedMode => specs::DM,
            Self::FrameReject => specs::FRMR,
            Self::UnnumberedInformation => specs::UI,
            Self::Unknown(octet) => octet & !specs::POLL_FINAL,
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            Function::Information { send, receive } => write!(f, "I {} {}", send.0, receive.0)?,
            Function::ReceiveReady { receive } => write!(f, "RR {}", receive.0)?,
            Function::ReceiveNotReady { receive } => write!(f, "RNR {}", receive.0)?,
            Function::SetNormalResponseMode => f.write_str("SNRM")?,
            Function::Disconnect => f.write_str("DISC")?,
            Function::UnnumberedAcknowledge => f.write_str("UA")?,
            Function::DisconnectedMode => f.write_str("DM")?,
            Function::FrameReject => f.write_str("FRMR")?,
            Function::UnnumberedInformation => f.write_str("UI")?,
            Function::Unknown(octet) => write!(f, "control {octet:02x}")?,
        }
        f.write_str(if self.poll_final { " P/F" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_a_field_and_the_field_is_that_octet() {
        for octet in 0..=u8::MAX {
            assert_eq!(Control::from_octet(octet).octet(), octet);
        }
    }

    #[test]
    fn the_octets_of_the_book_are_what_they_say() {
        let last = |octet| Some(Control::from_octet(octet)).filter(|c| c.poll_final).map(|c| c.function);
        assert_eq!(last(0x93), Some(Function::SetNormalResponseMode));
        assert_eq!(last(0x73), Some(Function::UnnumberedAcknowledge));
        assert_eq!(last(0x53), Some(Function::Disconnect));
        assert_eq!(last(0x1F), Some(Function::DisconnectedMode));
        assert_eq!(last(0x97), Some(Function::FrameReject));
        assert_eq!(last(0x13), Some(Function::UnnumberedInformation));
        assert_eq!(Control::from_octet(0x03).function, Function::UnnumberedInformation);
        let (send, receive) = (Number::new(1), Number::new(1));
        assert_eq!(last(0x32), Some(Function::Information { send, receive }));
        assert_eq!(last(0x51), Some(Function::ReceiveReady { receive: Number::new(2) }));
        // REJ is not of this profile.
        assert_eq!(last(0x19), Some(Function::Unknown(0x09)));
    }

    #[test]
    fn numbers_go_round_at_eight() {
        assert_eq!(Number::new(6).plus(3), Number::new(1));
        assert_eq!(Number::new(1).since(Number::new(6)), 3);
        assert_eq!(Number::new(6).since(Number::new(6)), 0);
    }
}
