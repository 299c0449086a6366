//! What the server did not serve.

/// Requests that were not served, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounters {
    /// Not the wrapper PDU of a known APDU for this server.
    pub malformed: u64,
    /// A client port without association.
    pub unknown_client: u64,
    /// A counter that is not above all earlier ones.
    pub replayed: u64,
    /// A wrong tag, title or proof.
    pub unauthentic: u64,
    /// Less protection than the association demands.
    pub unprotected: u64,
    /// Another suite, the broadcast key, compression, or a dedicated key that was never given.
    pub no_such_key: u64,
    /// No session, or no room for one.
    pub unassociated: u64,
    /// Answers, errors and notifications, to which nothing is said.
    pub unasked: u64,
    /// Requests longer than the server takes.
    pub too_long: u64,
    /// Requests for blocks that were served before.
    pub stale_blocks: u64,
    /// Values and APDUs in blocks that ended before their last block: too long, or a block out of order.
    pub aborted_transfers: u64,
    /// Answers not sent because the send counter has ended.
    pub counter_exhausted: u64,
    /// Answers not sent because a key for them is missing.
    pub key_missing: u64,
}
