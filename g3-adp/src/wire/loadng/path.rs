//! PREQ and PREP, and the records that they collect.

use super::route::{nibbles, octet};
use core::fmt;
use heapless::Vec;
use plc_core::ShortAddress;
use plc_core::wire::{Reader, WireError, Writer};

/// Records of a way there and back \[G3 ADP 6.1: up to 16 each\].
pub const RECORDS_MAX: usize = 32;

/// The records of a path, in the order of the hops.
pub type HopRecords = Vec<HopRecord, RECORDS_MAX>;

/// One hop of a path \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopRecord {
    /// The node that has added the record.
    pub address: ShortAddress,
    /// Metric not supported, phase differential (bits 6-4), media, reserved.
    pub attributes: u8,
    /// Cost of the link over which the message came to that node.
    pub link_cost: u8,
}

impl HopRecord {
    /// The metric type asked for is not supported; the link cost means nothing.
    pub const METRIC_NOT_SUPPORTED: u8 = 0x80;
    /// Where the phase differential stands: 1..=6 for 0 to 300 degrees, 0 not supported, 7 unknown.
    pub const PHASE_SHIFT: u32 = 4;

    /// The phase differential: 1..=6 for 0 to 300 degrees, 0 not supported, 7 unknown.
    pub const fn phase(&self) -> u8 {
        self.attributes >> Self::PHASE_SHIFT & 7
    }

    fn parse_all(reader: &mut Reader<'_>) -> Result<HopRecords, WireError> {
        let mut records = HopRecords::new();
        while !reader.is_empty() {
            let address = ShortAddress(reader.u16_be()?);
            let record = Self { address, attributes: reader.u8()?, link_cost: reader.u8()? };
            records.push(record).map_err(|_| WireError::Invalid("number of hops"))?;
        }
        Ok(records)
    }

    fn emit_all(records: &[Self], writer: &mut Writer<'_>) -> Result<(), WireError> {
        records.iter().try_for_each(|record| {
            writer.u16_be(record.address.0)?;
            writer.bytes(&[record.attributes, record.link_cost])
        })
    }
}

/// A request for the path to `destination` \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preq {
    /// The end of the path.
    pub destination: ShortAddress,
    /// Who asks.
    pub originator: ShortAddress,
    /// adpMetricType, 0..=15.
    pub metric: u8,
    /// Reserved: half an octet, then three.
    pub reserved: (u8, [u8; 3]),
    /// The hops so far.
    pub hops: HopRecords,
}

/// The path, on the way back \[G3 ADP 6.1; confidence A\].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prep {
    /// Who has asked.
    pub destination: ShortAddress,
    /// The end of the path that was asked for.
    pub expected_originator: ShortAddress,
    /// adpMetricType, 0..=15.
    pub metric: u8,
    /// Reserved: half an octet, then one.
    pub reserved: (u8, u8),
    /// The node at which the way there has ended.
    pub originator: ShortAddress,
    /// The hops there, then the hops back so far.
    pub hops: HopRecords,
}

impl Preq {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (destination, originator) = (ShortAddress(reader.u16_be()?), ShortAddress(reader.u16_be()?));
        let (metric, reserved) = nibbles(reader.u8()?);
        let reserved = (reserved, reader.array()?);
        Ok(Self { destination, originator, metric, reserved, hops: HopRecord::parse_all(reader)? })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.destination.0)?;
        writer.u16_be(self.originator.0)?;
        writer.u8(octet(self.metric, self.reserved.0))?;
        writer.bytes(&self.reserved.1)?;
        HopRecord::emit_all(&self.hops, writer)
    }

    pub(super) fn wire_len(&self) -> usize {
        8 + 4 * self.hops.len()
    }
}

impl Prep {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let destination = ShortAddress(reader.u16_be()?);
        let expected_originator = ShortAddress(reader.u16_be()?);
        let (metric, reserved) = nibbles(reader.u8()?);
        let reserved = (reserved, reader.u8()?);
        let originator = ShortAddress(reader.u16_be()?);
        let hops = HopRecord::parse_all(reader)?;
        Ok(Self { destination, expected_originator, metric, reserved, originator, hops })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.destination.0)?;
        writer.u16_be(self.expected_originator.0)?;
        writer.bytes(&[octet(self.metric, self.reserved.0), self.reserved.1])?;
        writer.u16_be(self.originator.0)?;
        HopRecord::emit_all(&self.hops, writer)
    }

    pub(super) fn wire_len(&self) -> usize {
        8 + 4 * self.hops.len()
    }
}

impl fmt::Display for Preq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} metric {:x}", self.originator, self.destination, self.metric)?;
        show(&self.hops, f)
    }
}

impl fmt::Display for Prep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.originator, self.destination)?;
        write!(f, " expected {} metric {:x}", self.expected_originator, self.metric)?;
        show(&self.hops, f)
    }
}

fn show(hops: &[HopRecord], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    hops.iter().try_for_each(|hop| write!(f, " {}:{}", hop.address, hop.link_cost))
}
