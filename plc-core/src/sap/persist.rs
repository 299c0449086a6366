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
