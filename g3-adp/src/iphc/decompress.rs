//! From a compressed header back to IPv6.

use super::address::{Node, multicast, unicast};
use super::{Contexts, Link, base};
use crate::addressing::Ipv6Address;
use crate::config::Context;
use crate::ipv6::{Ipv6Header, UdpHeader};
use plc_core::wire::{Reader, WireError, Writer};

/// A header whose lengths are still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decompressed {
    header: Ipv6Header,
    udp: Option<UdpHeader>,
}

impl Decompressed {
    /// Octets of the packet that the header stands for.
    pub const fn covered(&self) -> usize {
        if self.udp.is_some() { Ipv6Header::LEN + UdpHeader::LEN } else { Ipv6Header::LEN }
    }

    /// Writes the header of a packet of `total` octets.
    ///
    /// # Errors
    /// When a packet of that size cannot hold its headers.
    pub fn emit(&self, total: usize, writer: &mut Writer<'_>) -> Result<(), WireError> {
        if total < self.covered() {
            return Err(WireError::Truncated);
        }
        let payload_len = u16::try_from(total - Ipv6Header::LEN).map_err(|_| WireError::NoRoom)?;
        Ipv6Header { payload_len, ..self.header }.emit(writer)?;
        self.udp.map_or(Ok(()), |udp| udp.emit(payload_len, writer))
    }
}

/// Reads a compressed header, dispatch included; the rest of the packet stays in the reader.
///
/// # Errors
/// Reserved forms, unknown contexts and next-header codes other than UDP.
pub fn decompress(
    reader: &mut Reader<'_>,
    link: Link,
    contexts: &Contexts,
) -> Result<Decompressed, WireError> {
    let first = reader.u16_be()?;
    if first & 0xE000 != base::DISPATCH {
        return Err(WireError::Invalid("IPHC dispatch"));
    }
    let numbers = if first & base::CID != 0 { reader.u8()? } else { 0 };
    let (traffic_class, flow_label) = parse_tf(first >> base::TF_SHIFT & 3, reader)?;
    let compressed_next = first & base::NH != 0;
    let inline_next = if compressed_next { Ipv6Header::UDP } else { reader.u8()? };
    let hop_limit = match base::HOP_LIMITS[usize::from(first >> base::HLIM_SHIFT & 3)] {
        Some(limit) => limit,
        None => reader.u8()?,
    };
    let source = parse_source(first, numbers >> 4, link, contexts, reader)?;
    let destination = parse_destination(first, numbers & 0x0F, link, contexts, reader)?;
    let udp = if compressed_next { Some(parse_udp(reader)?) } else { None };
    let header = Ipv6Header {
        traffic_class,
        flow_label,
        payload_len: 0,
        next_header: inline_next,
        hop_limit,
        source,
        destination,
    };
    Ok(Decompressed { header, udp })
}

fn parse_tf(mode: u16, reader: &mut Reader<'_>) -> Result<(u8, u32), WireError> {
    let flow = |[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a & 0x0F, b, c]);
    match mode {
        0 => Ok((reader.u8()?.rotate_left(2), flow(reader.array()?))),
        1 => {
            let bytes: [u8; 3] = reader.array()?;
            Ok((bytes[0] >> 6, flow(bytes)))
        }
        2 => Ok((reader.u8()?.rotate_left(2), 0)),
        _ => Ok((0, 0)),
    }
}

fn parse_source(
    first: u16,
    number: u8,
    link: Link,
    contexts: &Contexts,
    reader: &mut Reader<'_>,
) -> Result<Ipv6Address, WireError> {
    let mode = (first >> base::SAM_SHIFT & 3) as u8;
    let stateful = first & base::SAC != 0;
    if stateful && mode == 0 {
        return Ok([0; 16]);
    }
    let node = Node { pan_id: link.pan_id, short: link.source };
    unicast(mode, context(stateful, number, contexts)?, node, reader)
}

fn parse_destination(
    first: u16,
    number: u8,
    link: Link,
    contexts: &Contexts,
    reader: &mut Reader<'_>,
) -> Result<Ipv6Address, WireError> {
    let mode = (first & 3) as u8;
    let stateful = first & base::DAC != 0;
    let context = context(stateful, number, contexts)?;
    if first & base::M != 0 {
        return multicast(mode, context, reader);
    }
    if stateful && mode == 0 {
        return Err(WireError::Invalid("destination mode"));
    }
    unicast(mode, context, Node { pan_id: link.pan_id, short: link.destination }, reader)
}

fn context(stateful: bool, number: u8, contexts: &Contexts) -> Result<Option<&Context>, WireError> {
    if !stateful {
        return Ok(None);
    }
    contexts.at(number).map(Some).ok_or(WireError::Invalid("context"))
}

fn parse_udp(reader: &mut Reader<'_>) -> Result<UdpHeader, WireError> {
    let code = reader.u8()?;
    if code & 0xF8 != base::UDP || code & base::UDP_CHECKSUM_ELIDED != 0 {
        return Err(WireError::Invalid("next-header code"));
    }
    let near = |low: u8| u16::from_be_bytes([0xF0, low]);
    let (src_port, dst_port) = match code & 3 {
        0 => (reader.u16_be()?, reader.u16_be()?),
        1 => (reader.u16_be()?, near(reader.u8()?)),
        2 => (near(reader.u8()?), reader.u16_be()?),
        _ => {
            let both = reader.u8()?;
            (near(0xB0 | both >> 4), near(0xB0 | both & 0x0F))
        }
    };
    Ok(UdpHeader { src_port, dst_port, checksum: reader.u16_be()? })
}
