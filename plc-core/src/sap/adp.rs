//! ADPD and ADPM: between IPv6 and the adaptation layer, and its management.

use super::ib::{IbAttribute, IbValue};
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
    /// Nobody has answered in time.
    Timeout,
    /// There is no such attribute.
    UnsupportedAttribute,
    /// The table has no such entry.
    InvalidIndex,
    /// The attribute cannot be written.
    ReadOnly,
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
    /// Coordinator: scan, take this PAN or the next one above it that is not heard, and start it.
    NetworkForm {
        /// The PAN to begin with.
        pan_id: PanId,
    },
    /// Coordinator: hand out another group key to all devices, make them use it, then use it here.
    Rekey {
        /// The new key.
        gmk: Key,
    },
    /// Coordinator: the group key before the active one is void; devices that still use it must join again.
    RetireKey,
    /// ADPM-GET.request.
    Get {
        /// Which attribute.
        attribute: IbAttribute,
        /// Which entry of a table; 0 for what is no table.
        index: u16,
    },
    /// ADPM-SET.request.
    Set {
        /// Which attribute.
        attribute: IbAttribute,
        /// Which entry of a table; 0 for what is no table.
        index: u16,
        /// What it shall be.
        value: IbValue,
    },
    /// ADPM-ROUTE-DISCOVERY.request: look for the route to a node.
    RouteDiscovery {
        /// The node.
        destination: ShortAddress,
        /// How far to look, 1..=14.
        max_hops: u8,
    },
    /// ADPM-PATH-DISCOVERY.request: ask which way frames for a node take.
    PathDiscovery {
        /// The node.
        destination: ShortAddress,
        /// adpMetricType of the link costs asked for, 0..=15.
        metric: u8,
    },
}

/// The most hops of a path, there and back \[G3 ADP 6.1\].
pub const PATH_HOPS_MAX: usize = 32;

/// One hop of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathHop {
    /// The node at its end.
    pub address: ShortAddress,
    /// Mains phase at the end against that at the beginning: 1..=6 for 0 to 300 degrees, 0 not supported, 7 unknown.
    pub phase: u8,
    /// Cost of the link; `None` when the node does not support the metric.
    pub cost: Option<u8>,
}

/// The way of frames to a node and back, in the order of the hops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path {
    hops: [PathHop; PATH_HOPS_MAX],
    len: u8,
}

impl Path {
    /// Adds a hop; a full path stays as it is.
    pub fn push(&mut self, hop: PathHop) {
        if let Some(place) = self.hops.get_mut(usize::from(self.len)) {
            *place = hop;
            self.len += 1;
        }
    }

    /// The hops.
    pub fn hops(&self) -> &[PathHop] {
        &self.hops[..usize::from(self.len)]
    }
}

impl Default for Path {
    fn default() -> Self {
        let none = PathHop { address: ShortAddress::BROADCAST, phase: 0, cost: None };
        Self { hops: [none; PATH_HOPS_MAX], len: 0 }
    }
}

impl core::fmt::Debug for Path {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.hops()).finish()
    }
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
    /// The PAN could not be started.
    StartFailed,
    /// ADPM-NETWORK-STATUS.indication: another PAN uses the same medium.
    PanConflict {
        /// The other PAN; the own one when another coordinator has it too.
        pan_id: PanId,
    },
    /// Coordinator: the new group key is the active one.
    Rekeyed {
        /// Its slot.
        key_index: u8,
        /// Devices that could not be told. They are when they are heard again.
        missed: u16,
    },
    /// ADPM-GET.confirm.
    Get {
        /// Of the request.
        attribute: IbAttribute,
        /// Of the request.
        index: u16,
        /// The value, or why there is none.
        result: Result<IbValue, AdpStatus>,
    },
    /// ADPM-SET.confirm.
    Set {
        /// Of the request.
        attribute: IbAttribute,
        /// Of the request.
        index: u16,
        /// Whether the attribute has the value now.
        status: AdpStatus,
    },
    /// ADPM-ROUTE-DISCOVERY.confirm.
    RouteDiscovered {
        /// The node.
        destination: ShortAddress,
        /// `Success`, or `RouteError` when it could not be found.
        status: AdpStatus,
    },
    /// ADPM-PATH-DISCOVERY.confirm.
    PathDiscovered {
        /// The node.
        destination: ShortAddress,
        /// `Success`; `RouteError` when the path ends before the node; `Timeout`.
        status: AdpStatus,
        /// The path, as far as it is known.
        path: Path,
    },
}
