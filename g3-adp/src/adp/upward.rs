//! The way of a frame from the MAC to IPv6.

use super::{Adp, AdpOutput, Station};
use crate::addressing;
use crate::counters::Drop;
use crate::iphc::{Link, decompress};
use crate::ipv6::Ipv6Header;
use crate::loadng::{Heard, max_hops};
use crate::specs;
use crate::wire::{Bc0Header, Dispatch, FragmentHeader, MeshHeader, Rerr};
use plc_core::sap::{AdpdDataIndication, IPV6_MTU, Ipv6Packet, Lqi, MacSecurity, McpsDataIndication};
use plc_core::wire::{Reader, Writer};
use plc_core::{Instant, MacAddress, ShortAddress};

/// Where a datagram comes from.
#[derive(Clone, Copy)]
struct Origin {
    originator: ShortAddress,
    destination: ShortAddress,
    hops: u8,
    lqi: Lqi,
}

impl Adp {
    pub(super) fn on_frame(&mut self, now: Instant, frame: &McpsDataIndication) {
        let result = match frame.msdu.first().map(|&octet| Dispatch::of(octet)) {
            Some(Dispatch::Esc) => self.on_esc(now, frame),
            Some(Dispatch::Mesh) => self.on_mesh(now, frame),
            Some(Dispatch::Iphc | Dispatch::Ipv6 | Dispatch::Frag1 | Dispatch::FragN) => {
                self.on_neighbour(now, frame)
            }
            Some(Dispatch::Bc0) => Err(Drop::NotForUs),
            Some(Dispatch::Unknown(_)) => Err(Drop::UnknownDispatch),
            None => Err(Drop::Malformed),
        };
        if let Err(reason) = result {
            self.counters.count(reason);
        }
    }

    /// The neighbour that sent a protected frame inside our PAN, and our own address there.
    pub(super) fn trusted(
        &mut self,
        now: Instant,
        frame: &McpsDataIndication,
    ) -> Result<(ShortAddress, ShortAddress), Drop> {
        let member = self.member.as_ref().ok_or(Drop::NotForUs)?;
        let MacSecurity::EncMic32 { key_index } = frame.security else { return Err(Drop::Security) };
        let source = frame.src.short().filter(|&short| short != ShortAddress::BROADCAST);
        match source {
            Some(source) if frame.src_pan == member.pan_id && source != member.short => {
                let heard = Heard {
                    unicast: frame.dst == MacAddress::Short(member.short),
                    other_key: Some(key_index).filter(|&index| index != member.key_index),
                };
                self.loadng.on_heard(now, source, &frame.link, heard);
                if let Station::Device(lbd) = &mut self.station {
                    lbd.on_heard(now);
                }
                Ok((source, member.short))
            }
            _ => Err(Drop::NotForUs),
        }
    }

    /// A datagram of a neighbour for us.
    fn on_neighbour(&mut self, now: Instant, frame: &McpsDataIndication) -> Result<(), Drop> {
        let (originator, destination) = self.trusted(now, frame)?;
        if frame.dst != MacAddress::Short(destination) {
            return Err(Drop::NotForUs);
        }
        self.on_datagram(now, Origin { originator, destination, hops: 1, lqi: frame.link.lqi() }, &frame.msdu)
    }

    fn on_mesh(&mut self, now: Instant, frame: &McpsDataIndication) -> Result<(), Drop> {
        let (source, own) = self.trusted(now, frame)?;
        let mut reader = Reader::new(&frame.msdu);
        let mesh = MeshHeader::parse(&mut reader).map_err(|_| Drop::Malformed)?;
        if mesh.hops_left == 0 {
            return Err(Drop::HopLimit);
        }
        if addressing::is_group(mesh.destination) {
            return self.on_broadcast(now, mesh, own, frame.link.lqi(), reader.rest());
        }
        if frame.dst != MacAddress::Short(own) {
            return Err(Drop::NotForUs);
        }
        if mesh.destination != own {
            return self.on_transit(now, mesh, own, source, reader.rest());
        }
        let origin = self.origin(&mesh, frame.link.lqi());
        match reader.peek().map(Dispatch::of) {
            Ok(Dispatch::Esc) => self.on_protected_lbp(now, origin.originator, reader.rest()),
            _ => self.on_datagram(now, origin, reader.rest()),
        }
    }

    /// A frame between two others \[G3 ADP 5.2\].
    fn on_transit(
        &mut self,
        now: Instant,
        mesh: MeshHeader,
        own: ShortAddress,
        source: ShortAddress,
        rest: &[u8],
    ) -> Result<(), Drop> {
        if mesh.hops_left <= 1 {
            self.with_loadng(now, |loadng, cx| loadng.break_route(cx, mesh.destination));
            self.report(now, mesh.originator, mesh.destination, Rerr::HOP_LIMIT);
            return Err(Drop::HopLimit);
        }
        if mesh.originator == own {
            self.with_loadng(now, |loadng, cx| loadng.break_route(cx, mesh.destination));
            return Err(Drop::RoutingLoop);
        }
        let back = self.with_loadng(now, |loadng, cx| loadng.next_hop(cx, mesh.destination) == Some(source));
        if back {
            self.with_loadng(now, |loadng, cx| loadng.break_route(cx, mesh.destination));
            self.counters.count(Drop::RoutingLoop);
        }
        self.forward(MeshHeader { hops_left: mesh.hops_left - 1, ..mesh }, rest);
        Ok(())
    }

    /// Delivered and repeated once \[G3 ADP 5.2\].
    fn on_broadcast(
        &mut self,
        now: Instant,
        mesh: MeshHeader,
        own: ShortAddress,
        lqi: Lqi,
        rest: &[u8],
    ) -> Result<(), Drop> {
        let mut reader = Reader::new(rest);
        let bc0 = Bc0Header::parse(&mut reader).map_err(|_| Drop::Malformed)?;
        if mesh.originator == own || !self.broadcasts.is_new(now, mesh.originator, bc0.sequence) {
            return Err(Drop::DuplicateBroadcast);
        }
        let ours = self.is_own_group(mesh.destination);
        if mesh.hops_left > 1 && (ours || self.interop.forward_foreign_groups) {
            let next = MeshHeader { hops_left: mesh.hops_left - 1, ..mesh };
            self.repeat(next, rest);
        }
        if !ours {
            return Err(Drop::NotForUs);
        }
        self.on_datagram(now, self.origin(&mesh, lqi), reader.rest())
    }

    fn is_own_group(&self, group: ShortAddress) -> bool {
        let everybody = [ShortAddress::BROADCAST, ShortAddress(specs::ALL_NODES)];
        everybody.contains(&group) || self.ib.adp_group_table.contains(&group)
    }

    /// Who sent it first, and over how many hops if everybody starts with the same limit.
    fn origin(&self, mesh: &MeshHeader, lqi: Lqi) -> Origin {
        let hops = max_hops(&self.ib).saturating_sub(mesh.hops_left).saturating_add(1);
        Origin { originator: mesh.originator, destination: mesh.destination, hops, lqi }
    }

    /// A packet or a fragment of one.
    fn on_datagram(&mut self, now: Instant, origin: Origin, bytes: &[u8]) -> Result<(), Drop> {
        let mut reader = Reader::new(bytes);
        let mut buffer = [0; IPV6_MTU];
        match Dispatch::of(reader.peek().map_err(|_| Drop::Malformed)?) {
            Dispatch::Iphc | Dispatch::Ipv6 => {
                let len = self.expand(reader, origin, None, &mut buffer)?;
                let packet = Ipv6Packet::from_slice(&buffer[..len]).map_err(|_| Drop::Malformed)?;
                self.deliver(origin, packet)
            }
            Dispatch::Frag1 | Dispatch::FragN => {
                let header = FragmentHeader::parse(&mut reader).map_err(|_| Drop::Malformed)?;
                let len = match header.offset {
                    0 => self.expand(reader, origin, Some(usize::from(header.size)), &mut buffer)?,
                    _ => copy(reader.rest(), &mut buffer)?,
                };
                let done = self.reassembler.on_fragment(now, origin.originator, header, &buffer[..len])?;
                done.map_or(Ok(()), |packet| self.deliver(origin, packet))
            }
            _ => Err(Drop::UnknownDispatch),
        }
    }

    /// Rebuilds the header; `total` is the size of the packet when this is only its beginning.
    fn expand(
        &self,
        mut reader: Reader<'_>,
        origin: Origin,
        total: Option<usize>,
        buffer: &mut [u8],
    ) -> Result<usize, Drop> {
        let member = self.member.as_ref().ok_or(Drop::NotForUs)?;
        match Dispatch::of(reader.peek().map_err(|_| Drop::Malformed)?) {
            Dispatch::Ipv6 => copy(&reader.rest()[1..], buffer),
            Dispatch::Iphc => {
                let link: Link = member.link(origin.originator, origin.destination);
                let head =
                    decompress(&mut reader, link, &member.contexts).map_err(|_| Drop::Decompression)?;
                let total = total.unwrap_or(head.covered() + reader.remaining());
                let mut writer = Writer::new(buffer);
                head.emit(total, &mut writer).map_err(|_| Drop::Decompression)?;
                writer.bytes(reader.rest()).map_err(|_| Drop::Malformed)?;
                Ok(writer.len())
            }
            _ => Err(Drop::UnknownDispatch),
        }
    }

    fn deliver(&mut self, origin: Origin, packet: Ipv6Packet) -> Result<(), Drop> {
        Ipv6Header::of_packet(&packet).map_err(|_| Drop::Malformed)?;
        if let Station::Coordinator(lbs) = &mut self.station {
            lbs.on_contact(origin.originator);
        }
        self.counters.packets_in += 1;
        let Origin { originator, hops, lqi, .. } = origin;
        self.emit(AdpOutput::DataIndication(AdpdDataIndication { packet, originator, hops, lqi }));
        Ok(())
    }
}

fn copy(bytes: &[u8], buffer: &mut [u8]) -> Result<usize, Drop> {
    buffer.get_mut(..bytes.len()).ok_or(Drop::Malformed)?.copy_from_slice(bytes);
    Ok(bytes.len())
}
