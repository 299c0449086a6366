//! What must be durable before the outputs that follow it are carried out.

use crate::{Eui64, ShortAddress};

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
