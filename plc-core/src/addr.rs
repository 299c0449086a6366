//! Addresses of the MAC: EUI-64, 16-bit short address, PAN identifier.

use crate::wire::{Reader, WireError, Writer};
use core::fmt;

/// A 64-bit extended address, kept as printed (most significant octet first).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Eui64(pub [u8; 8]);

impl Eui64 {
    /// The address with this value.
    pub const fn from_u64(value: u64) -> Self {
        Self(value.to_be_bytes())
    }

    /// The address as a number.
    pub const fn as_u64(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// Reads sixteen hexadecimal digits, with or without `:` or `-` between octets.
    pub fn parse_hex(text: &str) -> Option<Self> {
        let mut value = 0u64;
        let mut digits = 0;
        for c in text.chars().filter(|c| !matches!(c, ':' | '-')) {
            value = value.checked_mul(16)? | u64::from(c.to_digit(16)?);
            digits += 1;
        }
        (digits == 16).then_some(Self::from_u64(value))
    }
}

impl fmt::Display for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.as_u64())
    }
}

impl fmt::Debug for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A 16-bit address inside a PAN. 0x0000 is the coordinator's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortAddress(pub u16);

impl ShortAddress {
    /// The coordinator of the PAN.
    pub const COORDINATOR: Self = Self(0x0000);
    /// Everybody; as an own address: none assigned yet.
    pub const BROADCAST: Self = Self(0xFFFF);

    /// Whether this is an address that a coordinator may give to a device.
    pub const fn is_device(self) -> bool {
        matches!(self.0, 0x0001..=0x7FFF)
    }
}

impl fmt::Display for ShortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl fmt::Debug for ShortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The identifier of a personal area network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PanId(pub u16);

impl PanId {
    /// Every PAN; as an own value: not in a PAN.
    pub const BROADCAST: Self = Self(0xFFFF);
}

impl fmt::Display for PanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl fmt::Debug for PanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A MAC address of either length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MacAddress {
    /// 16 bits, little-endian on the wire.
    Short(ShortAddress),
    /// 64 bits, little-endian in a MAC header.
    Extended(Eui64),
}

impl MacAddress {
    /// Everybody.
    pub const BROADCAST: Self = Self::Short(ShortAddress::BROADCAST);

    /// Whether this is the broadcast address.
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// The short address, if it is one.
    pub const fn short(self) -> Option<ShortAddress> {
        match self {
            Self::Short(short) => Some(short),
            Self::Extended(_) => None,
        }
    }

    /// Reads the little-endian form of a MAC header.
    pub fn parse_short(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self::Short(ShortAddress(reader.u16_le()?)))
    }

    /// Reads the little-endian form of a MAC header.
    pub fn parse_extended(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self::Extended(Eui64::from_u64(reader.u64_le()?)))
    }

    /// Writes the little-endian form of a MAC header.
    pub fn emit(self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        match self {
            Self::Short(short) => writer.u16_le(short.0),
            Self::Extended(eui64) => writer.u64_le(eui64.as_u64()),
        }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(short) => fmt::Display::fmt(short, f),
            Self::Extended(eui64) => fmt::Display::fmt(eui64, f),
        }
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eui64_is_read_with_and_without_separators() {
        let expected = Some(Eui64::from_u64(0x1122_3344_5566_7788));
        assert_eq!(Eui64::parse_hex("11:22:33:44:55:66:77:88"), expected);
        assert_eq!(Eui64::parse_hex("1122334455667788"), expected);
        for bad in ["", "112233445566778", "11223344556677889", "11223344556677zz"] {
            assert_eq!(Eui64::parse_hex(bad), None, "{bad}");
        }
    }
}
