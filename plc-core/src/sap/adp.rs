//! ADPD and ADPM: between IPv6 and the adaptation layer, and its management.

use super::mac::{Handle, Key, Priority};
use super::phy::Lqi;
use crate::{Eui64, PanId, ShortAddress};
use heapless::Vec;

/// The MTU of IPv6 over G3-PLC \[RFC 8200 5\].
pub const IPV6_MTU: usize = 1280;

/// A whole IPv6 packet.
pub type Ipv6Packet = Vec<u8, IPV6_MTU>;

/// ADPD-DATA.request.
#[derive(Clone, Debug, PartialEq)]
pub struct AdpdDataRequest {
    /// Comes back in the confirm.
    pub handle: Handle,
    /// The packet, header included.
    pub packet: Ipv6Packet,
    /// Priority.
    pub priority: Priority,
}

/// How an adaptation service ended. Local, never on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdpStatus {
    /// The next hop has acknowledged every fragment.
    Success,
    /// Not an IPv6 packet that this layer can carry.
    InvalidRequest,
    /// This node is in no PAN.
    NotJoined,
    /// No room to keep the request.
    QueueFull,
    /// No route to the destination.
    RouteError,
    /// The MAC gave up on a fragment.
    DataError,
}

/// ADPD-DATA.confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdpdDataConfirm {
    /// Of the request.
    pub handle: Handle,
    /// How it ended.
    pub status: AdpStatus,
}

/// ADPD-DATA.indication.
#[derive(Clone, Debug, PartialEq)]
pub struct AdpdDataIndication {
    /// The packet, header rebuilt.
    pub packet: Ipv6Packet,
    /// Who sent it first.
    pub originator: ShortAddress,
    /// Hops that it took.
    pub hops: u8,
    /// Signal quality of the last hop, for the last fragment.
    pub lqi: Lqi,
}

/// What management asks of the adaptation layer.
#[derive(Clone, Debug, PartialEq)]
pub enum AdpmRequest {
    /// ADPM-NETWORK-START.request: be the coordinator.
    NetworkStart {
        /// The PAN.
        pan_id: PanId,
    },
    /// Device: scan, choose a PAN and join it; on failure back off and begin again, until joined.
    NetworkJoin,
    /// Device: tell the coordinator and leave.
    NetworkLeave,
    /// Coordinator: this device may join with this pre-shared key. `short` restores an earlier address.
    Allow {
        /// The device.
        eui64: Eui64,
        /// Its pre-shared key.
        psk: Key,
        /// The address it had before a restart, which then counts as joined.
        short: Option<ShortAddress>,
    },
    /// Coordinator: this device must leave, and may not join again until it is allowed anew.
    Kick {
        /// The device.
        eui64: Eui64,
    },
}

/// Why a device is not in the PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinFailure {
    /// The scan heard no PAN.
    NoPan,
    /// The LBA or the coordinator did not answer in time.
    Timeout,
    /// EAP failed, or the coordinator has refused the device.
    Declined,
}

/// What the adaptation layer tells management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdpmIndication {
    /// ADPM-NETWORK-START.confirm.
    Started {
        /// The PAN.
        pan_id: PanId,
    },
    /// Device: this node has joined.
    Joined {
        /// The PAN.
        pan_id: PanId,
        /// The own address.
        short: ShortAddress,
    },
    /// Device: an attempt has failed; the next follows after a back-off.
    JoinFailed(JoinFailure),
    /// Device: this node has left or was told to leave.
    Left,
    /// Coordinator: a device has joined.
    DeviceJoined {
        /// The device.
        eui64: Eui64,
        /// Its address.
        short: ShortAddress,
    },
    /// Coordinator: a device was refused.
    DeviceRefused {
        /// The device.
        eui64: Eui64,
        /// Why.
        reason: JoinFailure,
    },
    /// Coordinator: a device has left.
    DeviceLeft {
        /// The device.
        eui64: Eui64,
    },
}
