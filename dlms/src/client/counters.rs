//! What the client did not take.

/// Datagrams that were not taken, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Not the wrapper PDU of an APDU that is expected from this server now.
    pub malformed: u64,
    /// A counter that is not above all earlier ones.
    pub replayed: u64,
    /// A wrong tag, title or protection.
    pub unauthentic: u64,
    /// Answers to other requests, or that came twice.
    pub unexpected: u64,
    /// Answers with octets behind their end, which were left out.
    pub trailing_octets: u64,
    /// Requests that were repeated.
    pub repeated: u64,
    /// Notifications that came faster than they were taken.
    pub flooded: u64,
}
