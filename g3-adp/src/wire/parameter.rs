//! Configuration parameters of the bootstrapping protocol.

use core::fmt;
use plc_core::ShortAddress;
use plc_core::sap::Key;
use plc_core::wire::{Reader, WireError, Writer};

/// A configuration parameter: identifier, mandatory flag, value \[G3 LBP 7.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter<'a> {
    /// The address of the device.
    ShortAddress(ShortAddress),
    /// A group master key and its slot.
    Gmk {
        /// The slot.
        index: u8,
        /// The key.
        key: Key,
    },
    /// Use the key in this slot from now on.
    GmkActivation(u8),
    /// Forget the key in this slot.
    GmkRemoval(u8),
    /// How the parameters received were taken: two octets, whose order is a matter of edition.
    Result([u8; 2]),
    /// None of these, or a known one with another length.
    Other {
        /// Identifier and M bit, as they stand above bit 0.
        attribute: u8,
        /// The value.
        value: &'a [u8],
    },
}

impl<'a> Parameter<'a> {
    const SHORT_ADDRESS: u8 = 0x1D;
    const GMK: u8 = 0x27;
    const GMK_ACTIVATION: u8 = 0x2B;
    const GMK_REMOVAL: u8 = 0x2F;
    const RESULT: u8 = 0x31;

    /// Reads one parameter; others may follow.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let attribute = reader.u8()?;
        if attribute & 1 == 0 {
            return Err(WireError::Invalid("parameter"));
        }
        let len = reader.u8()?;
        let value = reader.bytes(usize::from(len))?;
        Ok(match (attribute, value) {
            (Self::SHORT_ADDRESS, &[high, low]) => {
                Self::ShortAddress(ShortAddress(u16::from_be_bytes([high, low])))
            }
            (Self::GMK, &[index, ref key @ ..]) if key.len() == 16 => {
                Self::Gmk { index, key: Key(*key.first_chunk().ok_or(WireError::Truncated)?) }
            }
            (Self::GMK_ACTIVATION, &[index]) => Self::GmkActivation(index),
            (Self::GMK_REMOVAL, &[index]) => Self::GmkRemoval(index),
            (Self::RESULT, &[first, second]) => Self::Result([first, second]),
            _ => Self::Other { attribute, value },
        })
    }

    /// Writes the parameter.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let len = u8::try_from(self.wire_len() - 2).map_err(|_| WireError::NoRoom)?;
        match self {
            Self::ShortAddress(short) => {
                writer.bytes(&[Self::SHORT_ADDRESS, len])?;
                writer.u16_be(short.0)
            }
            Self::Gmk { index, key } => {
                writer.bytes(&[Self::GMK, len, *index])?;
                writer.bytes(&key.0)
            }
            Self::GmkActivation(index) => writer.bytes(&[Self::GMK_ACTIVATION, len, *index]),
            Self::GmkRemoval(index) => writer.bytes(&[Self::GMK_REMOVAL, len, *index]),
            Self::Result([first, second]) => writer.bytes(&[Self::RESULT, len, *first, *second]),
            Self::Other { attribute, value } => {
                writer.bytes(&[attribute | 1, len])?;
                writer.bytes(value)
            }
        }
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        match self {
            Self::ShortAddress(_) | Self::Result(_) => 4,
            Self::Gmk { .. } => 19,
            Self::GmkActivation(_) | Self::GmkRemoval(_) => 3,
            Self::Other { value, .. } => 2 + value.len(),
        }
    }
}

impl fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortAddress(short) => write!(f, "short address {short}"),
            Self::Gmk { index, .. } => write!(f, "GMK {index}"),
            Self::GmkActivation(index) => write!(f, "GMK activation {index}"),
            Self::GmkRemoval(index) => write!(f, "GMK removal {index}"),
            Self::Result([first, second]) => write!(f, "result {first:02x} {second:02x}"),
            Self::Other { attribute, value } => write!(f, "parameter {attribute:02x} of {}", value.len()),
        }
    }
}

/// How a device took its parameters \[G3 LBP 7.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterResult {
    /// All were taken.
    Success,
    /// One that is needed was not there.
    Missing,
    /// A value is out of range.
    InvalidValue,
    /// A mandatory one is not known.
    Unknown,
    /// None of these.
    Other(u8),
}

impl ParameterResult {
    /// From its code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Success,
            1 => Self::Missing,
            2 => Self::InvalidValue,
            3 => Self::Unknown,
            other => Self::Other(other),
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Missing => 1,
            Self::InvalidValue => 2,
            Self::Unknown => 3,
            Self::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(parameter: Parameter<'_>) {
        let mut buffer = [0; 300];
        let mut writer = Writer::new(&mut buffer);
        parameter.emit(&mut writer).unwrap();
        assert_eq!(writer.len(), parameter.wire_len());
        assert_eq!(Parameter::parse(&mut Reader::new(writer.written())), Ok(parameter));
    }

    proptest! {
        #[test]
        fn every_kind_of_parameter_comes_back(short: u16, index: u8, key: [u8; 16], value in prop::collection::vec(any::<u8>(), 0..255)) {
            round_trip(Parameter::ShortAddress(ShortAddress(short)));
            round_trip(Parameter::Gmk { index, key: Key(key) });
            round_trip(Parameter::GmkActivation(index));
            round_trip(Parameter::GmkRemoval(index));
            round_trip(Parameter::Result([index, 3]));
            round_trip(Parameter::Other { attribute: 0x05, value: &value });
        }

        #[test]
        fn what_is_understood_is_written_the_same_way(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(parameter) = Parameter::parse(&mut reader) {
                let mut buffer = [0; 300];
                let mut writer = Writer::new(&mut buffer);
                parameter.emit(&mut writer).unwrap();
                prop_assert_eq!(writer.written(), &bytes[..bytes.len() - reader.remaining()]);
            }
        }
    }
}
