//! The UDP endpoint of a node: datagrams of the application ⇄ IPv6 packets of the adaptation layer.

use crate::ip::{self, Datagram};
use plc_core::sap::{
    AdpStatus, AdpdDataIndication, AdpdDataRequest, Ipv6Packet, Priority, UdpIndication, UdpPayload,
    UdpRequest,
};
use plc_core::wire::{Reader, Writer};
use plc_core::{PanId, ShortAddress};

/// Packets that the endpoint could not hand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCounters {
    /// Datagrams handed to the adaptation layer.
    pub sent: u64,
    /// Datagrams handed to the application.
    pub received: u64,
    /// Not UDP, a wrong length or a wrong checksum.
    pub malformed: u64,
    /// A source or destination outside the PAN, or a destination that is not this node.
    pub foreign: u64,
}

/// The addresses of this node and the counters of its packets.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    own: Option<(PanId, ShortAddress)>,
    counters: EndpointCounters,
}

impl Endpoint {
    /// The node has an address from now on, or none any more.
    pub fn set_address(&mut self, own: Option<(PanId, ShortAddress)>) {
        self.own = own;
    }

    /// The PAN and the short address of this node while it is in a PAN.
    pub const fn address(&self) -> Option<(PanId, ShortAddress)> {
        self.own
    }

    /// What was counted.
    pub const fn counters(&self) -> &EndpointCounters {
        &self.counters
    }

    /// Wraps a datagram into a packet.
    ///
    /// # Errors
    /// `NotJoined` without an address; `InvalidRequest` when the packet would exceed the MTU.
    pub fn on_request(&mut self, request: &UdpRequest) -> Result<AdpdDataRequest, AdpStatus> {
        let (pan_id, own) = self.own.ok_or(AdpStatus::NotJoined)?;
        let datagram = Datagram {
            src: ip::link_local(pan_id, own),
            dst: ip::link_local(pan_id, request.dst),
            src_port: request.src_port,
            dst_port: request.dst_port,
            payload: &request.payload,
        };
        let packet = packet_of(&datagram).ok_or(AdpStatus::InvalidRequest)?;
        self.counters.sent += 1;
        Ok(AdpdDataRequest { handle: request.handle, packet, priority: Priority::Normal })
    }

    /// Unwraps a packet; `None` when it is not a datagram for this node, which is counted.
    pub fn on_packet(&mut self, indication: &AdpdDataIndication) -> Option<UdpIndication> {
        let mut reader = Reader::new(&indication.packet);
        let parsed = Datagram::parse(&mut reader).and_then(|datagram| reader.finish().map(|()| datagram));
        let Ok(datagram) = parsed else {
            self.counters.malformed += 1;
            return None;
        };
        let delivered = self.deliver(&datagram, indication);
        match delivered {
            Some(_) => self.counters.received += 1,
            None => self.counters.foreign += 1,
        }
        delivered
    }

    fn deliver(&self, datagram: &Datagram<'_>, indication: &AdpdDataIndication) -> Option<UdpIndication> {
        let (pan_id, own) = self.own?;
        let src = ip::short_of(pan_id, datagram.src)?;
        (ip::short_of(pan_id, datagram.dst)? == own).then_some(())?;
        let payload = UdpPayload::from_slice(datagram.payload).ok()?;
        let (src_port, dst_port) = (datagram.src_port, datagram.dst_port);
        Some(UdpIndication { src, src_port, dst_port, payload, hops: indication.hops, lqi: indication.lqi })
    }
}

fn packet_of(datagram: &Datagram<'_>) -> Option<Ipv6Packet> {
    let mut packet = Ipv6Packet::new();
    packet.resize(datagram.wire_len(), 0).ok()?;
    datagram.emit(&mut Writer::new(&mut packet)).ok()?;
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::Lqi;

    fn endpoint(short: u16) -> Endpoint {
        let mut endpoint = Endpoint::default();
        endpoint.set_address(Some((PanId(0x781D), ShortAddress(short))));
        endpoint
    }

    fn request(dst: u16) -> UdpRequest {
        let payload = UdpPayload::from_slice(b"reading").unwrap();
        UdpRequest { handle: 9, dst: ShortAddress(dst), src_port: 4059, dst_port: 4060, payload }
    }

    fn indication(packet: Ipv6Packet) -> AdpdDataIndication {
        AdpdDataIndication { packet, originator: ShortAddress(0), hops: 1, lqi: Lqi(0) }
    }

    #[test]
    fn a_datagram_reaches_the_node_it_names_and_no_other() {
        let packet = endpoint(0).on_request(&request(5)).unwrap().packet;
        let (mut fifth, mut sixth) = (endpoint(5), endpoint(6));
        let received = fifth.on_packet(&indication(packet.clone())).unwrap();
        assert_eq!((received.src, received.src_port, received.dst_port), (ShortAddress(0), 4059, 4060));
        assert_eq!(received.payload, b"reading");
        assert_eq!(sixth.on_packet(&indication(packet)), None);
        assert_eq!(sixth.counters().foreign, 1);
    }

    #[test]
    fn a_node_without_an_address_sends_nothing() {
        assert_eq!(Endpoint::default().on_request(&request(5)), Err(AdpStatus::NotJoined));
    }

    #[test]
    fn a_damaged_packet_is_counted_and_dropped() {
        let mut packet = endpoint(0).on_request(&request(5)).unwrap().packet;
        packet[50] ^= 1;
        let mut fifth = endpoint(5);
        assert_eq!(fifth.on_packet(&indication(packet)), None);
        assert_eq!(fifth.counters().malformed, 1);
    }
}
