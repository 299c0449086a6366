//! What happens to the collector, and what it wants done or known.

use crate::{Batch, CollectorEvent, Mark, Order, RenewedKeys, RunReport, Task, ValueBatch};
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
    /// This shall be read again and again. Takes the place of a task with the same number.
    Task(Task),
    /// This task shall not be carried out any more.
    RemoveTask(u32),
    /// Up to where a profile of a registered meter was read before a restart. Comes after [`CollectorInput::Register`].
    Mark(Mark),
    /// Whether UTC can be trusted; at the beginning it is. While it is not, no clock of a meter is set.
    ClockTrust(bool),
    /// The store has made a batch of readings or of values durable.
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
    /// Whether it only pushes: nobody asks it anything, and what it does not push in time is lost.
    pub one_way: bool,
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
    /// Make these values and their mark durable, then answer with [`CollectorInput::Stored`].
    StoreValues(ValueBatch),
    /// A run of a task is over. Its time is worth keeping: [`Task::ran`].
    TaskEnded(RunReport),
    /// Something that an operator may want to know.
    Event(CollectorEvent),
}
