//! From an IPv6 packet to its compressed header.

use super::address::{Form, Node, multicast_form, unicast_form};
use super::{Contexts, Link, base};
use crate::ipv6::{Ipv6Header, UdpHeader};
use crate::wire::Dispatch;
use heapless::Vec;
use plc_core::wire::{WireError, Writer};

/// How far to compress.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// Not at all: dispatch 0x41.
    Uncompressed,
    /// Without contexts.
    Stateless,
    /// With these contexts.
    Stateful(&'a Contexts),
}

/// A compressed header and how much of the packet it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// What goes on the wire in its place, dispatch included.
    pub header: Vec<u8, 56>,
    /// Octets of the packet that it stands for.
    pub covered: usize,
}

/// Compresses the header of a whole packet.
///
/// # Errors
/// When it is no IPv6 packet, or its length field does not agree with its length.
pub fn compress(packet: &[u8], link: Link, mode: Mode<'_>) -> Result<Compressed, WireError> {
    let header = Ipv6Header::of_packet(packet)?;
    match mode {
        Mode::Uncompressed => Ok(uncompressed()),
        Mode::Stateless => with_contexts(packet, &header, link, None),
        Mode::Stateful(contexts) => with_contexts(packet, &header, link, Some(contexts)),
    }
}

fn uncompressed() -> Compressed {
    Compressed { header: [Dispatch::IPV6].into_iter().collect(), covered: 0 }
}

fn with_contexts(
    packet: &[u8],
    header: &Ipv6Header,
    link: Link,
    contexts: Option<&Contexts>,
) -> Result<Compressed, WireError> {
    let udp = UdpHeader::of_packet(header, packet);
    let (source_bits, source) = source_form(header, link, contexts);
    let (destination_bits, destination) = destination_form(header, link, contexts);
    let (tf, hlim) = (tf_mode(header), hlim_mode(header));
    let numbers = source.context.unwrap_or(0) << 4 | destination.context.unwrap_or(0);

    let mut first = base::DISPATCH | u16::from(tf) << base::TF_SHIFT | u16::from(hlim) << base::HLIM_SHIFT;
    first |= source_bits | destination_bits;
    first |= if udp.is_some() { base::NH } else { 0 } | if numbers != 0 { base::CID } else { 0 };

    let mut buffer = [0; 56];
    let mut writer = Writer::new(&mut buffer);
    writer.u16_be(first)?;
    if numbers != 0 {
        writer.u8(numbers)?;
    }
    emit_tf(tf, header, &mut writer)?;
    if udp.is_none() {
        writer.u8(header.next_header)?;
    }
    if hlim == 0 {
        writer.u8(header.hop_limit)?;
    }
    writer.bytes(&source.inline)?;
    writer.bytes(&destination.inline)?;
    if let Some(udp) = udp {
        emit_udp(&udp, &mut writer)?;
    }
    let covered = Ipv6Header::LEN + if udp.is_some() { UdpHeader::LEN } else { 0 };
    let header = Vec::from_slice(writer.written()).map_err(|_| WireError::NoRoom)?;
    Ok(Compressed { header, covered })
}

fn source_form(header: &Ipv6Header, link: Link, contexts: Option<&Contexts>) -> (u16, Form) {
    if header.source == [0; 16] {
        return (base::SAC, Form { context: None, mode: 0, inline: Vec::new() });
    }
    let node = Node { pan_id: link.pan_id, short: link.source };
    let form = unicast_form(&header.source, node, contexts);
    let sac = if form.context.is_some() { base::SAC } else { 0 };
    (sac | u16::from(form.mode) << base::SAM_SHIFT, form)
}

fn destination_form(header: &Ipv6Header, link: Link, contexts: Option<&Contexts>) -> (u16, Form) {
    let multicast = header.destination[0] == 0xFF;
    let node = Node { pan_id: link.pan_id, short: link.destination };
    let form = match multicast {
        true => multicast_form(&header.destination, contexts),
        false => unicast_form(&header.destination, node, contexts),
    };
    let dac = if form.context.is_some() { base::DAC } else { 0 };
    (if multicast { base::M } else { 0 } | dac | u16::from(form.mode), form)
}

fn hlim_mode(header: &Ipv6Header) -> u8 {
    let code = base::HOP_LIMITS.iter().position(|&limit| limit == Some(header.hop_limit));
    code.unwrap_or(0) as u8
}

fn tf_mode(header: &Ipv6Header) -> u8 {
    match (header.traffic_class, header.flow_label) {
        (0, 0) => 3,
        (_, 0) => 2,
        (class, _) if class >> 2 == 0 => 1,
        _ => 0,
    }
}

/// Traffic class and flow label, with ECN in front \[RFC 6282 3.2.1\].
fn emit_tf(mode: u8, header: &Ipv6Header, writer: &mut Writer<'_>) -> Result<(), WireError> {
    let class = header.traffic_class.rotate_right(2);
    let flow = header.flow_label.to_be_bytes();
    match mode {
        0 => writer.bytes(&[class, flow[1], flow[2], flow[3]]),
        1 => writer.bytes(&[class & 0xC0 | flow[1], flow[2], flow[3]]),
        2 => writer.u8(class),
        _ => Ok(()),
    }
}

/// UDP with its ports as short as they get; the checksum stays \[RFC 6282 4.3.3\].
fn emit_udp(udp: &UdpHeader, writer: &mut Writer<'_>) -> Result<(), WireError> {
    let ([s, src], [d, dst]) = (udp.src_port.to_be_bytes(), udp.dst_port.to_be_bytes());
    if s == 0xF0 && d == 0xF0 && src >> 4 == 0xB && dst >> 4 == 0xB {
        writer.bytes(&[base::UDP | 3, src << 4 | dst & 0x0F])?;
    } else if d == 0xF0 {
        writer.bytes(&[base::UDP | 1, s, src, dst])?;
    } else if s == 0xF0 {
        writer.bytes(&[base::UDP | 2, src, d, dst])?;
    } else {
        writer.bytes(&[base::UDP, s, src, d, dst])?;
    }
    writer.u16_be(udp.checksum)
}
