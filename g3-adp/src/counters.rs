//! What the adaptation layer has done and lost.

/// Why something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drop {
    /// A frame that no parser understands.
    Malformed,
    /// A dispatch or command that this layer does not know.
    UnknownDispatch,
    /// Data in clear, or a message that must not be protected.
    Security,
    /// A frame for another PAN, another node, or before joining.
    NotForUs,
    /// A broadcast that was seen before, or an own one that came back.
    DuplicateBroadcast,
    /// A relayed frame that has used up its hops.
    HopLimit,
    /// A fragment that overlaps others or does not fit its datagram.
    BadFragment,
    /// A datagram whose other fragments never came.
    ReassemblyTimeout,
    /// No room for another reassembly.
    ReassemblyFull,
    /// No room to queue a frame or a packet.
    QueueFull,
    /// An IPv6 header that could not be rebuilt.
    Decompression,
    /// An LBP or EAP message that does not fit the state of the conversation.
    UnexpectedMessage,
    /// A message authentication code was wrong.
    Authentication,
    /// A JOINING of a device that may not join.
    UnknownDevice,
    /// A JOINING while as many devices as allowed are joining.
    TooManyJoins,
    /// A device that may join no more: the table or the address space is full.
    DeviceTableFull,
    /// A joining device that stopped answering.
    JoinTimeout,
    /// The MAC could not deliver a frame.
    MacFailure,
    /// The MAC never confirmed a frame.
    ConfirmTimeout,
    /// A management request that this role or state cannot carry out.
    Misuse,
    /// A driver that does not drain: no room for the outputs of an input.
    OutboxFull,
    /// A frame or message that has come back to where it was.
    RoutingLoop,
    /// A frame or message for a node to which no route is known.
    NoRoute,
    /// A route message that shows nothing new.
    StaleRoute,
    /// A route request of a neighbour that does not answer.
    Blacklisted,
    /// No room to look for another node.
    SearchesFull,
    /// A message that enough neighbours have repeated already.
    Suppressed,
    /// A device that has not answered while the group key was changed.
    RekeyTimeout,
}

impl Drop {
    /// Every reason, in order.
    pub const ALL: [Self; Counters::REASONS] = [
        Self::Malformed,
        Self::UnknownDispatch,
        Self::Security,
        Self::NotForUs,
        Self::DuplicateBroadcast,
        Self::HopLimit,
        Self::BadFragment,
        Self::ReassemblyTimeout,
        Self::ReassemblyFull,
        Self::QueueFull,
        Self::Decompression,
        Self::UnexpectedMessage,
        Self::Authentication,
        Self::UnknownDevice,
        Self::TooManyJoins,
        Self::DeviceTableFull,
        Self::JoinTimeout,
        Self::MacFailure,
        Self::ConfirmTimeout,
        Self::Misuse,
        Self::OutboxFull,
        Self::RoutingLoop,
        Self::NoRoute,
        Self::StaleRoute,
        Self::Blacklisted,
        Self::SearchesFull,
        Self::Suppressed,
        Self::RekeyTimeout,
    ];
}

/// Counters since construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// IPv6 packets delivered upward.
    pub packets_in: u64,
    /// IPv6 packets whose last fragment the MAC has confirmed.
    pub packets_out: u64,
    /// MAC frames asked for.
    pub frames_out: u64,
    /// Frames of others passed on: relayed data, broadcasts and LBP.
    pub forwarded: u64,
    drops: [u64; Self::REASONS],
}

impl Counters {
    const REASONS: usize = 28;

    /// Drops for this reason.
    pub fn dropped(&self, reason: Drop) -> u64 {
        self.drops[reason as usize]
    }

    /// Drops for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.drops.iter().sum()
    }

    pub(crate) fn count(&mut self, reason: Drop) {
        self.drops[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter() {
        let mut counters = Counters::default();
        for (n, reason) in Drop::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n);
            counters.count(reason);
            assert_eq!(counters.dropped(reason), 1);
        }
        assert_eq!(counters.dropped_total(), Drop::ALL.len() as u64);
    }
}
