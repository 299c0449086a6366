//! What must be durable before the outputs that follow it are carried out.

use super::mac::Key;
use crate::{Eui64, ShortAddress};

/// What a group key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Frames are protected with it.
    Active,
    /// It is being handed out, to become the active one.
    Next,
    /// It was the active one; devices that have missed the change still use it.
    Previous,
}

/// A route that outlives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRoute {
    /// The node.
    pub destination: ShortAddress,
    /// The neighbour through which.
    pub next_hop: ShortAddress,
    /// Sum of the link costs.
    pub cost: u16,
    /// Hops, 1 for a neighbour.
    pub hops: u8,
    /// Weak links among them.
    pub weak_links: u8,
    /// The sequence number of the node's message that has made the route.
    pub sequence: Option<u16>,
}

/// A record that a layer wants made durable.
///
/// The driver writes it before it acts on any later output of the same machine: that order is one of
/// the laws. After a restart the driver gives the latest records back through the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// macFrameCounter 0x77: counters below this may have been used. Start from it after a restart.
    MacFrameCounter {
        /// The first counter that is certainly unused.
        reserved_to: u32,
    },
    /// LOADng: route messages up to this one may have been sent. The low 16 bits are the sequence number to start from
    /// after a restart.
    LoadngSequence {
        /// The first number that is certainly unused. It only grows.
        reserved_to: u32,
    },
    /// BC0: broadcasts up to this one may have been sent. The low 8 bits are the sequence number to start from after a
    /// restart.
    BroadcastSequence {
        /// The first number that is certainly unused. It only grows.
        reserved_to: u32,
    },
    /// macDeviceTable 0x73: frames of this source under this key count as replayed after a restart unless their counter
    /// is `accept_from` or greater.
    MacDeviceCounter {
        /// The source.
        short: ShortAddress,
        /// The slot of the key.
        key_index: u8,
        /// The smallest counter that will be accepted.
        accept_from: u32,
    },
    /// The key of this slot has changed: its records of received counters are void.
    MacDeviceCountersVoid {
        /// The slot of the key.
        key_index: u8,
    },
    /// Coordinator: frames for this node go this way from now on.
    Route(StoredRoute),
    /// Coordinator: what stands in a slot of the group key from now on.
    GroupKey {
        /// The slot, 0 or 1.
        index: u8,
        /// The key and what it is for; `None`: nothing.
        key: Option<(Key, KeyUse)>,
    },
    /// Coordinator: this device has this address from now on.
    DeviceAddress {
        /// The device.
        eui64: Eui64,
        /// Its address.
        short: ShortAddress,
    },
    /// Coordinator: the address of this device is free again.
    DeviceRemoved {
        /// The device.
        eui64: Eui64,
    },
}
