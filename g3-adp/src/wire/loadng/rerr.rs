//! RERR.

use super::route::{nibbles, octet};
use core::fmt;
use plc_core::ShortAddress;
use plc_core::wire::{Reader, WireError, Writer};

/// A route error \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rerr {
    /// The node whose frame could not be passed on.
    pub destination: ShortAddress,
    /// The node that could not.
    pub originator: ShortAddress,
    /// [`Rerr::NO_ROUTE`] or [`Rerr::HOP_LIMIT`].
    pub error: u8,
    /// The node that cannot be reached.
    pub unreachable: ShortAddress,
    /// Hops that are left, 0..=15.
    pub hop_limit: u8,
    /// Reserved, 0..=15.
    pub reserved: u8,
}

impl Rerr {
    /// There is no route to the node.
    pub const NO_ROUTE: u8 = 0;
    /// The frame has used up its hops.
    pub const HOP_LIMIT: u8 = 1;

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (destination, originator) = (ShortAddress(reader.u16_be()?), ShortAddress(reader.u16_be()?));
        let error = reader.u8()?;
        let unreachable = ShortAddress(reader.u16_be()?);
        let (hop_limit, reserved) = nibbles(reader.u8()?);
        Ok(Self { destination, originator, error, unreachable, hop_limit, reserved })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.destination.0)?;
        writer.u16_be(self.originator.0)?;
        writer.u8(self.error)?;
        writer.u16_be(self.unreachable.0)?;
        writer.u8(octet(self.hop_limit, self.reserved))
    }

    pub(super) const fn wire_len(&self) -> usize {
        8
    }
}

impl fmt::Display for Rerr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} error {}", self.originator, self.destination, self.error)?;
        write!(f, " unreachable {} limit {}", self.unreachable, self.hop_limit)
    }
}
