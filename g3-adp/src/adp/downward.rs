//! The way of a packet from IPv6 to the MAC.

use super::{Adp, AdpOutput, Member, max_hops};
use crate::addressing;
use crate::fragment::Fragmenter;
use crate::iphc::{Mode, compress};
use crate::ipv6::Ipv6Header;
use crate::transmit::{Frame, Outgoing, Purpose};
use crate::wire::{MeshHeader, msdu};
use plc_core::sap::{AdpStatus, AdpdDataConfirm, AdpdDataRequest, Msdu};
use plc_core::wire::WireError;
use plc_core::{MacAddress, ShortAddress};

/// Octets of a mesh header, and of a broadcast header behind it.
const MESH: usize = 5;
const BC0: usize = 2;

impl Adp {
    pub(super) fn on_data_request(&mut self, request: AdpdDataRequest) {
        let handle = request.handle;
        if let Err(status) = self.queue(request) {
            self.emit(AdpOutput::DataConfirm(AdpdDataConfirm { handle, status }));
        }
    }

    fn queue(&mut self, request: AdpdDataRequest) -> Result<(), AdpStatus> {
        let member = self.member.as_ref().ok_or(AdpStatus::NotJoined)?;
        let header = Ipv6Header::of_packet(&request.packet).map_err(|_| AdpStatus::InvalidRequest)?;
        let destination = self.destination(member, &header).ok_or(AdpStatus::RouteError)?;
        if !self.transmitter.has_room() {
            return Err(AdpStatus::QueueFull);
        }
        let mode = match (self.interop.compress, self.interop.compress_with_contexts) {
            (false, _) => Mode::Uncompressed,
            (true, false) => Mode::Stateless,
            (true, true) => Mode::Stateful(&member.contexts),
        };
        let link = member.link(member.short, destination);
        let compressed = compress(&request.packet, link, mode).map_err(|_| AdpStatus::InvalidRequest)?;
        let (dst, mesh) = self.way(member.short, destination);
        let overhead = mesh.map_or(0, |_| MESH) + if dst.is_broadcast() { BC0 } else { 0 };
        let (dst_pan, security) = (member.pan_id, member.security());
        let tag = self.transmitter.take_tag();
        let fragmenter = Fragmenter::new(request.packet, compressed, overhead, tag);
        let (handle, priority) = (request.handle, request.priority);
        self.transmitter.push_packet(Outgoing { handle, priority, dst_pan, dst, mesh, security, fragmenter });
        Ok(())
    }

    /// The node or group that a packet is for, in short addresses \[G3 ADP 5.2, 5.3\].
    fn destination(&self, member: &Member, header: &Ipv6Header) -> Option<ShortAddress> {
        let address = &header.destination;
        if address[0] == 0xFF {
            return Some(addressing::group(address));
        }
        let node = addressing::short_of_iid(member.address_pan, &address[8..])
            .filter(|&short| short != member.short && !addressing::is_group(short));
        if address[..8] == addressing::LINK_LOCAL {
            return node;
        }
        if member.contexts.is_on_link(address) && node.is_some() {
            return node;
        }
        Some(self.ib.adp_coord_short_address).filter(|&coordinator| coordinator != member.short)
    }

    /// The next hop and the mesh header, which a neighbour does not need.
    fn way(&self, own: ShortAddress, destination: ShortAddress) -> (MacAddress, Option<MeshHeader>) {
        let mesh = MeshHeader { hops_left: max_hops(&self.ib), originator: own, destination };
        if addressing::is_group(destination) {
            return (MacAddress::BROADCAST, Some(mesh));
        }
        let hop = self.routing.next_hop(destination);
        (MacAddress::Short(hop), (hop != destination).then_some(mesh))
    }

    /// A bootstrapping message to the coordinator, protected.
    pub(super) fn send_to_coordinator(&mut self, message: Msdu) {
        let Some(member) = &self.member else { return };
        let (dst, mesh) = self.way(member.short, self.ib.adp_coord_short_address);
        if let Ok(msdu) = with_mesh(mesh, &message) {
            let (dst_pan, security) = (member.pan_id, member.security());
            let purpose = Purpose::Relay;
            self.send(Frame { extended_source: false, dst_pan, dst, msdu, security, purpose });
        }
    }

    /// A frame of somebody else goes on to `dst`.
    pub(super) fn forward(&mut self, dst: MacAddress, mesh: MeshHeader, rest: &[u8]) {
        let Some(member) = &self.member else { return };
        if let Ok(msdu) = with_mesh(Some(mesh), rest) {
            let (dst_pan, security) = (member.pan_id, member.security());
            let purpose = Purpose::Relay;
            self.counters.forwarded += 1;
            self.send(Frame { extended_source: false, dst_pan, dst, msdu, security, purpose });
        }
    }
}

fn with_mesh(mesh: Option<MeshHeader>, rest: &[u8]) -> Result<Msdu, WireError> {
    msdu(|writer| {
        mesh.map_or(Ok(()), |mesh| mesh.emit(writer))?;
        writer.bytes(rest)
    })
}
