//! IPv6 and UDP, as far as a node of a PAN needs them: link-local addresses made of PAN and short
//! address, one datagram per packet, checksums always.

use core::fmt;
use core::net::Ipv6Addr;
use plc_core::wire::{Reader, WireError, Writer};
use plc_core::{PanId, ShortAddress};

/// Octets of the IPv6 header \[RFC 8200 3\].
pub const IPV6_HEADER: usize = 40;
/// Octets of the UDP header \[RFC 768\].
pub const UDP_HEADER: usize = 8;
/// Next header: UDP.
const UDP: u8 = 17;
/// Hop limit of packets that start here. The mesh counts its own hops below IP.
const HOP_LIMIT: u8 = 64;

/// The link-local address of a node: `fe80::PPPP:00ff:fe00:SSSS` \[RFC 9354 4.1; confidence A\].
pub const fn link_local(pan_id: PanId, short: ShortAddress) -> Ipv6Addr {
    Ipv6Addr::new(0xFE80, 0, 0, 0, pan_id.0, 0x00FF, 0xFE00, short.0)
}

/// The node of this PAN that has the address, if it is one of its link-local addresses.
pub fn short_of(pan_id: PanId, address: Ipv6Addr) -> Option<ShortAddress> {
    let short = ShortAddress(address.segments()[7]);
    (address == link_local(pan_id, short)).then_some(short)
}

/// A UDP datagram in an IPv6 packet, without extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Reads a packet and checks its lengths and its checksum.
    ///
    /// # Errors
    /// `Invalid` names the field: version, payload length, next header (anything but UDP), UDP length,
    /// UDP checksum. Extension headers are not understood.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        if reader.u32_be()? >> 28 != 6 {
            return Err(WireError::Invalid("IP version"));
        }
        let length = usize::from(reader.u16_be()?);
        let next_header = reader.u8()?;
        let _hop_limit = reader.u8()?;
        let (src, dst) = (Ipv6Addr::from(reader.array::<16>()?), Ipv6Addr::from(reader.array::<16>()?));
        if next_header != UDP {
            return Err(WireError::Invalid("next header"));
        }
        let udp = reader.bytes(length)?;
        if checksum(src, dst, udp) != 0 {
            return Err(WireError::Invalid("UDP checksum"));
        }
        Self::parse_udp(src, dst, udp)
    }

    fn parse_udp(src: Ipv6Addr, dst: Ipv6Addr, udp: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(udp);
        let (src_port, dst_port) = (reader.u16_be()?, reader.u16_be()?);
        if usize::from(reader.u16_be()?) != udp.len() {
            return Err(WireError::Invalid("UDP length"));
        }
        // A checksum of zero means "none" in UDP, which IPv6 forbids.
        if reader.u16_be()? == 0 {
            return Err(WireError::Invalid("UDP checksum"));
        }
        Ok(Self { src, dst, src_port, dst_port, payload: reader.rest() })
    }

    /// Writes the packet.
    ///
    /// # Errors
    /// `NoRoom`, or `Invalid` when the payload is longer than a UDP length field can say.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let length = u16::try_from(UDP_HEADER + self.payload.len());
        let length = length.map_err(|_| WireError::Invalid("UDP length"))?;
        writer.u32_be(6 << 28)?;
        writer.u16_be(length)?;
        writer.bytes(&[UDP, HOP_LIMIT])?;
        writer.bytes(&self.src.octets())?;
        writer.bytes(&self.dst.octets())?;
        let udp = writer.len();
        writer.u16_be(self.src_port)?;
        writer.u16_be(self.dst_port)?;
        writer.u16_be(length)?;
        writer.u16_be(0)?;
        writer.bytes(self.payload)?;
        let sum = match checksum(self.src, self.dst, &writer.written()[udp..]) {
            0 => 0xFFFF,
            sum => sum,
        };
        writer.written_mut()[udp + 6..udp + 8].copy_from_slice(&sum.to_be_bytes());
        Ok(())
    }

    /// Octets that [`Self::emit`] writes.
    pub const fn wire_len(&self) -> usize {
        IPV6_HEADER + UDP_HEADER + self.payload.len()
    }
}

impl fmt::Display for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { src, dst, src_port, dst_port, payload } = self;
        write!(f, "UDP [{src}]:{src_port} > [{dst}]:{dst_port} {} octets", payload.len())
    }
}

/// The internet checksum over the pseudo header of UDP and `udp` \[RFC 8200 8.1\].
/// Over a datagram that holds its checksum it is zero.
fn checksum(src: Ipv6Addr, dst: Ipv6Addr, udp: &[u8]) -> u16 {
    let pseudo = [udp.len() as u32, u32::from(UDP)].map(u32::to_be_bytes);
    let parts = [&src.octets()[..], &dst.octets()[..], &pseudo[0][..], &pseudo[1][..], udp];
    let mut sum = parts.into_iter().map(sum_of_words).sum::<u64>();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

fn sum_of_words(bytes: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    bytes.chunks(2).map(word).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// PAN 781D, 0001 to 0000, DLMS wrapper with a short APDU.
    const PACKET: [u8; 59] = [
        0x60, 0, 0, 0, 0, 0x13, 0x11, 0x40, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x78, 0x1d, 0, 0xff, 0xfe, 0, 0, 1,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x78, 0x1d, 0, 0xff, 0xfe, 0, 0, 0, 0x0f, 0xdb, 0x0f, 0xdb, 0, 0x13,
        0xb3, 0xbd, 0, 1, 0, 1, 0, 0x10, 0, 3, 0xc0, 1, 0x81,
    ];

    fn emit(datagram: &Datagram<'_>) -> ([u8; 1280], usize) {
        let mut buffer = [0; 1280];
        let mut writer = Writer::new(&mut buffer);
        datagram.emit(&mut writer).unwrap();
        let len = writer.len();
        (buffer, len)
    }

    #[test]
    fn the_packet_of_the_reference_vector_is_read_and_written() {
        let datagram = Datagram::parse(&mut Reader::new(&PACKET)).unwrap();
        let pan = PanId(0x781D);
        assert_eq!(short_of(pan, datagram.src), Some(ShortAddress(1)));
        assert_eq!(short_of(pan, datagram.dst), Some(ShortAddress::COORDINATOR));
        assert_eq!((datagram.src_port, datagram.dst_port), (4059, 4059));
        assert_eq!(datagram.payload, &PACKET[48..]);
        let (buffer, len) = emit(&datagram);
        assert_eq!(buffer[..len], PACKET);
    }

    #[test]
    fn an_address_of_another_pan_is_nobody() {
        let address = link_local(PanId(0x781D), ShortAddress(5));
        assert_eq!(short_of(PanId(0x781E), address), None);
    }

    proptest! {
        #[test]
        fn a_datagram_survives_the_wire(src: u16, dst: u16, ports: (u16, u16), payload in prop::collection::vec(any::<u8>(), 0..1200)) {
            let address = |short| link_local(PanId(0x781D), ShortAddress(short));
            let datagram = Datagram { src: address(src), dst: address(dst), src_port: ports.0, dst_port: ports.1, payload: &payload };
            let (buffer, len) = emit(&datagram);
            prop_assert_eq!(len, datagram.wire_len());
            prop_assert_eq!(Datagram::parse(&mut Reader::new(&buffer[..len])), Ok(datagram));
        }

        #[test]
        fn a_flipped_bit_behind_the_hop_limit_is_noticed(bit in 64usize..59 * 8) {
            let mut packet = PACKET;
            packet[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Datagram::parse(&mut Reader::new(&packet)).is_err());
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Datagram::parse(&mut Reader::new(&bytes));
        }
    }

    use std::vec::Vec;
}
