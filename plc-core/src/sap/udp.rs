//! UDP: between an application and the node.

use super::adp::{AdpStatus, IPV6_MTU};
use super::mac::Handle;
use super::phy::Lqi;
use crate::ShortAddress;
use heapless::Vec;

/// The largest UDP payload in one IPv6 packet.
pub const UDP_PAYLOAD_MAX: usize = IPV6_MTU - 40 - 8;

/// The payload of a datagram.
pub type UdpPayload = Vec<u8, UDP_PAYLOAD_MAX>;

/// The port of the DLMS wrapper \[GB 7.3; IANA dlms-cosem\].
pub const DLMS_PORT: u16 = 4059;

/// Send a datagram inside the PAN.
#[derive(Clone, Debug, PartialEq)]
pub struct UdpRequest {
    /// Comes back in the confirm.
    pub handle: Handle,
    /// The node to reach; the link-local IPv6 address follows from it and the PAN.
    pub dst: ShortAddress,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The payload.
    pub payload: UdpPayload,
}

/// How a datagram left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpConfirm {
    /// Of the request.
    pub handle: Handle,
    /// How it ended.
    pub status: AdpStatus,
}

/// A datagram has arrived, its checksum was right.
#[derive(Clone, Debug, PartialEq)]
pub struct UdpIndication {
    /// Who sent it.
    pub src: ShortAddress,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The payload.
    pub payload: UdpPayload,
    /// Hops that it took.
    pub hops: u8,
    /// Signal quality of the last hop, for the last fragment.
    pub lqi: Lqi,
}
