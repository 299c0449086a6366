//! What a procedure wants the machine to do.

use crate::counters::Drop;
use crate::transmit::Frame;
use alloc::vec::Vec;
use plc_core::sap::{AdpmIndication, Key, MlmeRequest, Msdu, Persist};
use plc_core::{PanId, ShortAddress};

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
    /// Count a drop.
    Count(Drop),
    /// This node is in a PAN from now on.
    Enter(Entry),
    /// This node is in no PAN any more.
    Leave,
}

/// Wishes in the order in which they must be carried out.
pub(crate) type Actions = Vec<Action>;

/// How this node got into its PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pan_id: PanId,
    pub(crate) short: ShortAddress,
    pub(crate) key_index: u8,
    /// The neighbour that relayed the join.
    pub(crate) lba: Option<ShortAddress>,
}

/// What a coordinator gives to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) short: ShortAddress,
    pub(crate) gmk: Key,
    pub(crate) gmk_index: u8,
    pub(crate) active_index: u8,
}
