//! What happens to the collector, and what it wants done or known.

use crate::{Batch, CollectorEvent, Order, RenewedKeys};
use plc_core::sap::{Key, UdpConfirm, UdpIndication, UdpRequest};
use plc_core::{Eui64, ShortAddress, Utc, UtcAnchor};

/// What happens to the collector.
#[derive(Clone, Debug)]
pub enum CollectorInput<'a> {
    /// UTC is known, or has been corrected. Nothing is read before.
    Clock(UtcAnchor),
    /// This meter shall be read. Replaces what was registered for it before.
    Register(MeterEntry),
    /// This meter shall not be read any more.
    Remove(Eui64),
    /// The meter has joined the network, or has got a new address there.
    Joined {
        /// The meter.
        eui64: Eui64,
        /// Its address.
        short: ShortAddress,
    },
    /// The meter has left the network.
    Left {
        /// The meter.
        eui64: Eui64,
    },
    /// A datagram has arrived.
    Udp(&'a UdpIndication),
    /// A datagram has left, or has not.
    UdpConfirm(UdpConfirm),
    /// Something shall be done with a meter ahead of the plan. Answered exactly once, by [`CollectorEvent::OrderEnded`].
    Order(Order),
    /// The store has made a batch durable.
    Stored {
        /// The number of the batch.
        batch: u64,
    },
}

/// A meter that shall be read, with what is known of it from before a restart.
#[derive(Clone, Debug)]
pub struct MeterEntry {
    /// The meter.
    pub eui64: Eui64,
    /// Its address, when it counts as joined.
    pub short: Option<ShortAddress>,
    /// The global unicast encryption key (EK).
    pub encryption_key: Key,
    /// The global authentication key (AK).
    pub authentication_key: Key,
    /// Keys that it may have instead: from [`crate::CollectorOutput::PersistRenewedInvocation`] and an order for new keys that was not
    /// settled.
    pub renewed: Option<RenewedKeys>,
    /// The first invocation counter that is certainly unused: what was persisted last.
    pub first_invocation_counter: u32,
    /// The highest invocation counter seen from the meter, if any was.
    pub last_server_counter: Option<u32>,
    /// Everything up to this capture is stored. Captures that are missing before it are not asked for; to have a
    /// gap filled, name the capture before it. What is stored already may then come again.
    pub last_capture: Option<Utc>,
}

/// What the collector wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum CollectorOutput {
    /// Make this durable before the outputs that follow: invocation counters below it may have been used.
    PersistInvocation {
        /// The meter.
        meter: Eui64,
        /// The first invocation counter that is certainly unused.
        reserved_to: u32,
    },
    /// The same for the keys that the meter may have been given.
    PersistRenewedInvocation {
        /// The meter.
        meter: Eui64,
        /// The first invocation counter that is certainly unused under them.
        reserved_to: u32,
    },
    /// The highest invocation counter seen from the meter: worth keeping.
    PersistServerCounter {
        /// The meter.
        meter: Eui64,
        /// The counter.
        last: u32,
    },
    /// Send this datagram.
    Udp(UdpRequest),
    /// Make these readings durable, then answer with [`CollectorInput::Stored`].
    Store(Batch),
    /// Something that an operator may want to know.
    Event(CollectorEvent),
}
