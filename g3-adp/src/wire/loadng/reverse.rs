//! RLCREQ and RLCREP.

use super::route::{nibbles, octet};
use core::fmt;
use plc_core::ShortAddress;
use plc_core::wire::{Reader, WireError, Writer};

/// A request for the cost of a link as its other end measures it \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RlcReq {
    /// The other end.
    pub destination: ShortAddress,
    /// Who asks.
    pub originator: ShortAddress,
    /// adpMetricType, 0..=15.
    pub metric: u8,
    /// Reserved, 0..=15.
    pub reserved: u8,
}

/// The cost of a link as the originator measures it \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RlcRep {
    /// Who has asked.
    pub destination: ShortAddress,
    /// Who answers.
    pub originator: ShortAddress,
    /// adpMetricType, 0..=15.
    pub metric: u8,
    /// Reserved, 0..=15.
    pub reserved: u8,
    /// Cost of the direction from `destination` to `originator`.
    pub link_cost: u8,
}

impl RlcReq {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (destination, originator) = (ShortAddress(reader.u16_be()?), ShortAddress(reader.u16_be()?));
        let (metric, reserved) = nibbles(reader.u8()?);
        Ok(Self { destination, originator, metric, reserved })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.destination.0)?;
        writer.u16_be(self.originator.0)?;
        writer.u8(octet(self.metric, self.reserved))
    }

    pub(super) const fn wire_len(&self) -> usize {
        5
    }
}

impl RlcRep {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let RlcReq { destination, originator, metric, reserved } = RlcReq::parse(reader)?;
        Ok(Self { destination, originator, metric, reserved, link_cost: reader.u8()? })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let Self { destination, originator, metric, reserved, link_cost } = *self;
        RlcReq { destination, originator, metric, reserved }.emit(writer)?;
        writer.u8(link_cost)
    }

    pub(super) const fn wire_len(&self) -> usize {
        6
    }
}

impl fmt::Display for RlcReq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} metric {:x}", self.originator, self.destination, self.metric)
    }
}

impl fmt::Display for RlcRep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.originator, self.destination)?;
        write!(f, " metric {:x} cost {}", self.metric, self.link_cost)
    }
}
