//! RREQ and RREP, which share their fields.

use core::fmt;
use plc_core::ShortAddress;
use plc_core::wire::{Reader, WireError, Writer};

/// The body of a route request or of a route reply \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMessage {
    /// RREQ: the node looked for. RREP: the node that looked for it.
    pub destination: ShortAddress,
    /// RREQ: the node that looks. RREP: the node that was found.
    pub originator: ShortAddress,
    /// Of the originator.
    pub sequence: u16,
    /// [`RouteMessage::REPAIR`], [`RouteMessage::UNICAST`] and two reserved bits, 0..=15.
    pub flags: u8,
    /// adpMetricType, 0..=15.
    pub metric: u8,
    /// Sum of the link costs from the originator to the sender.
    pub route_cost: u16,
    /// Hops that are left, 0..=15.
    pub hop_limit: u8,
    /// Hops from the originator to the sender, 0..=15.
    pub hop_count: u8,
    /// Weak links among them, 0..=15.
    pub weak_links: u8,
    /// Reserved, 0..=15.
    pub reserved: u8,
}

impl RouteMessage {
    /// Route repair.
    pub const REPAIR: u8 = 0x8;
    /// RREQ: nodes that know the way pass it on by unicast.
    pub const UNICAST: u8 = 0x4;
    /// The largest number of hops that the field holds.
    pub const HOPS_MAX: u8 = 15;

    /// Whether a route is being repaired.
    pub const fn is_repair(&self) -> bool {
        self.flags & Self::REPAIR != 0
    }

    /// Whether nodes that know the way pass it on by unicast.
    pub const fn is_unicast(&self) -> bool {
        self.flags & Self::UNICAST != 0
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (destination, originator) = (ShortAddress(reader.u16_be()?), ShortAddress(reader.u16_be()?));
        let sequence = reader.u16_be()?;
        let (flags, metric) = nibbles(reader.u8()?);
        let route_cost = reader.u16_be()?;
        let (hop_limit, hop_count) = nibbles(reader.u8()?);
        let (weak_links, reserved) = nibbles(reader.u8()?);
        Ok(Self {
            destination,
            originator,
            sequence,
            flags,
            metric,
            route_cost,
            hop_limit,
            hop_count,
            weak_links,
            reserved,
        })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.destination.0)?;
        writer.u16_be(self.originator.0)?;
        writer.u16_be(self.sequence)?;
        writer.u8(octet(self.flags, self.metric))?;
        writer.u16_be(self.route_cost)?;
        writer.u8(octet(self.hop_limit, self.hop_count))?;
        writer.u8(octet(self.weak_links, self.reserved))
    }

    pub(super) const fn wire_len(&self) -> usize {
        11
    }
}

impl fmt::Display for RouteMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} number {}", self.originator, self.destination, self.sequence)?;
        write!(f, " cost {} hops {} weak {}", self.route_cost, self.hop_count, self.weak_links)?;
        write!(f, " limit {} flags {:x} metric {:x}", self.hop_limit, self.flags, self.metric)
    }
}

/// The upper and the lower half of an octet.
pub(super) const fn nibbles(octet: u8) -> (u8, u8) {
    (octet >> 4, octet & 0x0F)
}

/// An octet from its halves.
pub(super) const fn octet(upper: u8, lower: u8) -> u8 {
    upper << 4 | lower & 0x0F
}
