//! The fixed header of IPv6 and of UDP, as far as this layer looks into them.

use crate::addressing::Ipv6Address;
use core::fmt;
use plc_core::sap::IPV6_MTU;
use plc_core::wire::{Reader, WireError, Writer};

/// The fixed header of an IPv6 packet \[RFC 8200 3\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Header {
    /// DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// 20 bits.
    pub flow_label: u32,
    /// Octets after the fixed header.
    pub payload_len: u16,
    /// What follows.
    pub next_header: u8,
    /// Hops of IPv6 that are left.
    pub hop_limit: u8,
    /// Source.
    pub source: Ipv6Address,
    /// Destination.
    pub destination: Ipv6Address,
}

impl Ipv6Header {
    /// Octets on the wire.
    pub const LEN: usize = 40;
    /// UDP as next header.
    pub const UDP: u8 = 17;

    /// Reads the header; what follows stays in the reader.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let first = reader.u32_be()?;
        if first >> 28 != 6 {
            return Err(WireError::Invalid("IPv6 version"));
        }
        Ok(Self {
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0xF_FFFF,
            payload_len: reader.u16_be()?,
            next_header: reader.u8()?,
            hop_limit: reader.u8()?,
            source: reader.array()?,
            destination: reader.array()?,
        })
    }

    /// Reads the header of a whole packet, whose length must agree with it.
    pub fn of_packet(packet: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(packet);
        let header = Self::parse(&mut reader)?;
        let agrees = usize::from(header.payload_len) == reader.remaining() && packet.len() <= IPV6_MTU;
        if agrees { Ok(header) } else { Err(WireError::Invalid("IPv6 length")) }
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let flow = self.flow_label & 0xF_FFFF;
        writer.u32_be(6 << 28 | u32::from(self.traffic_class) << 20 | flow)?;
        writer.u16_be(self.payload_len)?;
        writer.bytes(&[self.next_header, self.hop_limit])?;
        writer.bytes(&self.source)?;
        writer.bytes(&self.destination)
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        Self::LEN
    }
}

impl fmt::Display for Ipv6Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) =
            (core::net::Ipv6Addr::from(self.source), core::net::Ipv6Addr::from(self.destination));
        write!(f, "IPv6 {from} -> {to} next {} of {}", self.next_header, self.payload_len)
    }
}

/// A UDP header without its length, which follows from the packet \[RFC 768\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpHeader {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Checksum, never touched by this layer.
    pub checksum: u16,
}

impl UdpHeader {
    /// Octets on the wire.
    pub const LEN: usize = 8;

    /// The UDP header of a whole packet, when it has one whose length fits.
    pub fn of_packet(header: &Ipv6Header, packet: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(packet.get(Ipv6Header::LEN..)?);
        let (src_port, dst_port) = (reader.u16_be().ok()?, reader.u16_be().ok()?);
        let (len, checksum) = (reader.u16_be().ok()?, reader.u16_be().ok()?);
        let fits = header.next_header == Ipv6Header::UDP && len == header.payload_len;
        fits.then_some(Self { src_port, dst_port, checksum })
    }

    /// Writes the header of a datagram of `len` octets, header included.
    pub fn emit(&self, len: u16, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.src_port)?;
        writer.u16_be(self.dst_port)?;
        writer.u16_be(len)?;
        writer.u16_be(self.checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_comes_back(bytes: [u8; 40]) {
            let mut bytes = bytes;
            bytes[0] = 0x60 | bytes[0] & 0x0F;
            let header = Ipv6Header::parse(&mut Reader::new(&bytes)).unwrap();
            let mut buffer = [0; 40];
            header.emit(&mut Writer::new(&mut buffer)).unwrap();
            prop_assert_eq!(buffer, bytes);
        }
    }

    #[test]
    fn a_packet_whose_length_is_wrong_is_refused() {
        let mut packet = [0u8; 42];
        packet[0] = 0x60;
        packet[5] = 2;
        assert!(Ipv6Header::of_packet(&packet).is_ok());
        packet[5] = 3;
        assert!(Ipv6Header::of_packet(&packet).is_err());
        packet[5] = 2;
        packet[0] = 0x40;
        assert!(Ipv6Header::of_packet(&packet).is_err());
    }
}
