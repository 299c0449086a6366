//! The way of a packet from IPv6 to the MAC.

use super::{Adp, AdpOutput, Member};
use crate::addressing;
use crate::fragment::Fragmenter;
use crate::iphc::{Mode, compress};
use crate::ipv6::Ipv6Header;
use crate::loadng::max_hops;
use crate::transmit::{Chance, Frame, Outgoing, Purpose, Way};
use crate::wire::MeshHeader;
use plc_core::sap::{AdpStatus, AdpdDataConfirm, AdpdDataRequest, Msdu};
use plc_core::{MacAddress, ShortAddress};

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
        let (dst_pan, security, originator) = (member.pan_id, member.security(), member.short);
        let tag = self.transmitter.take_tag();
        let fragmenter = Fragmenter::new(request.packet, compressed, tag);
        let (handle, priority, hops_left) = (request.handle, request.priority, max_hops(&self.ib));
        let (waiting, repaired, chance) = (false, false, Chance::First);
        self.transmitter.push_packet(Outgoing {
            handle,
            priority,
            dst_pan,
            originator,
            destination,
            hops_left,
            security,
            fragmenter,
            waiting,
            repaired,
            chance,
        });
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

    /// A bootstrapping message to the coordinator, protected.
    pub(super) fn send_to_coordinator(&mut self, message: Msdu) {
        let Some(member) = &self.member else { return };
        let (originator, destination) = (member.short, self.ib.adp_coord_short_address);
        let mesh = MeshHeader { hops_left: max_hops(&self.ib), originator, destination };
        self.send_routed(Way::routed_to(mesh, true), message);
    }

    /// A frame of somebody else goes on to a member.
    pub(super) fn forward(&mut self, mesh: MeshHeader, rest: &[u8]) {
        if let Ok(rest) = Msdu::from_slice(rest) {
            self.counters.forwarded += 1;
            self.send_routed(Way::routed_to(mesh, false), rest);
        }
    }

    /// A broadcast of somebody else is repeated.
    pub(super) fn repeat(&mut self, mesh: MeshHeader, rest: &[u8]) {
        let whole = crate::wire::msdu(|writer| {
            mesh.emit(writer)?;
            writer.bytes(rest)
        });
        if let Ok(whole) = whole {
            self.counters.forwarded += 1;
            self.send_routed(Way::To(MacAddress::BROADCAST), whole);
        }
    }

    fn send_routed(&mut self, way: Way, msdu: Msdu) {
        let Some(member) = &self.member else { return };
        let (dst_pan, security) = (member.pan_id, member.security());
        let purpose = Purpose::Relay;
        let chance = Chance::First;
        self.send(Frame { extended_source: false, dst_pan, way, msdu, security, purpose, chance });
    }
}
