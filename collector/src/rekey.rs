//! New keys for a meter: what is wanted, and what is known while nobody can be sure which keys the meter has.

use crate::order::Denial;
use plc_core::sap::Key;

/// Both global keys of the management association of a meter. Never printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterKeys {
    /// The global unicast encryption key (EK).
    pub encryption: Key,
    /// The global authentication key (AK).
    pub authentication: Key,
}

/// Keys that a meter may have besides those that it had: they were sent to it, or may have been. Sessions try these first, then the old
/// ones, and so on in turn, until the meter has opened one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewedKeys {
    /// The keys.
    pub keys: MeterKeys,
    /// The first invocation counter that is certainly unused under them. It begins at 1, apart from that of the old keys.
    pub first_invocation_counter: u32,
}

/// An order for new keys. They go to the meter once; whoever orders has made them durable before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekey {
    /// The master key of the meter (KEK), under which the new ones are wrapped.
    pub master: Key,
    /// The new keys.
    pub keys: MeterKeys,
    /// Whether they may have been sent already, by an earlier order: then it is only found out what the meter has.
    pub sent: bool,
    /// What the meter has said against them, if it did.
    pub(crate) denied: Option<Denial>,
}

impl Rekey {
    /// New keys under this master key.
    pub const fn new(master: Key, keys: MeterKeys, sent: bool) -> Self {
        Self { master, keys, sent, denied: None }
    }
}
