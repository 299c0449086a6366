//! What a procedure wants the machine to do.

use crate::counters::Drop;
use crate::transmit::{Frame, Purpose};
use crate::wire::LoadngMessage;
use plc_core::sap::{AdpmIndication, Key, LinkQuality, MlmeRequest, Msdu, Persist};
use plc_core::{MacAddress, PanId, ShortAddress};

/// One wish of a procedure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Ask the MAC.
    Mlme(MlmeRequest),
    /// Tell management.
    Tell(AdpmIndication),
    /// Make durable.
    Persist(Persist),
    /// Queue a frame.
    Send(Frame),
    /// Send this, protected, to the coordinator.
    Report(Msdu),
    /// Send a message of LOADng, protected.
    Loadng {
        /// A neighbour or everybody.
        to: MacAddress,
        /// The message.
        message: LoadngMessage,
        /// Who wants to know how it went.
        purpose: Purpose,
    },
    /// This neighbour is known to hear this node, over this link.
    Partner(ShortAddress, LinkQuality),
    /// What waits for a route to this node may go.
    RouteFound(ShortAddress),
    /// What waits for a route to this node never will.
    RouteFailed(ShortAddress),
    /// Protect frames with the group key in this slot from now on.
    UseKey(u8),
    /// Forget the group key in this slot.
    DropKey(u8),
    /// Count a drop.
    Count(Drop),
    /// This node is in a PAN from now on.
    Enter(Entry),
    /// This node is in no PAN any more.
    Leave,
}

/// How this node got into its PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pan_id: PanId,
    pub(crate) short: ShortAddress,
    pub(crate) key_index: u8,
    /// The neighbour that relayed the join, and the link to it.
    pub(crate) lba: Option<(ShortAddress, LinkQuality)>,
}

/// What a coordinator gives to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) short: ShortAddress,
    pub(crate) gmk: Key,
    pub(crate) gmk_index: u8,
    pub(crate) active_index: u8,
}
