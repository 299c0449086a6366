//! Security suites, control octet, counters, key information \[GB 9.2.3; confidence A\].
#![allow(missing_docs)]

/// The low four bits of the control octet name the suite.
pub const SUITE: u8 = 0x0F;
pub const AUTHENTICATION: u8 = 0x10;
pub const ENCRYPTION: u8 = 0x20;
/// The broadcast key rather than the unicast key.
pub const BROADCAST: u8 = 0x40;
pub const COMPRESSION: u8 = 0x80;
pub const TAG_LEN: usize = 12;
/// Octets of a key of suites 0 and 1, and of suite 2 \[GB 9.2.3.5; confidence A\].
pub const KEY_LEN: usize = 16;
pub const KEY_LEN_LONG: usize = 32;
/// AES key wrap adds a semiblock \[RFC 3394; confidence A\].
pub const WRAP_OVERHEAD: usize = 8;
/// A challenge of HLS, octets.
pub const CHALLENGE_LEN_MIN: usize = 8;
pub const CHALLENGE_LEN_MAX: usize = 64;
/// Octets of our own challenges. A choice of this crate within those bounds.
pub const CHALLENGE_LEN: usize = 16;
/// The same where challenges are signed: the book wants 32 to 64 \[GB 9.2.2.2.2.4; confidence B\].
pub const CHALLENGE_LEN_SIGNED: usize = 32;
/// SC and invocation counter, ahead of every protected text.
pub const HEADER_LEN: usize = 1 + 4;
/// f(challenge) of mechanism 5: header and tag \[GB 9.2.7.4; confidence A\].
pub const PROOF_LEN: usize = HEADER_LEN + TAG_LEN;
/// Tag and longest length of a service-specific envelope \[GB 9.5; confidence A\].
pub const SPECIFIC_HEAD_LEN: usize = 1 + 3;
/// The same of general-glo-ciphering, with the system title behind its length.
pub const GENERAL_HEAD_LEN: usize = 1 + 1 + 8 + 3;
/// The most that the header of general-ciphering or general-signing takes as this crate writes it: tag,
/// transaction-id, two titles, date-time and other-information behind their lengths.
pub const GENERAL_HEADER_LEN_MAX: usize = 1 + (1 + TRANSACTION_LEN_MAX) + 9 + 9 + 1 + 1;
/// Presence, choice, parameters and the length of key-ciphered-data.
pub const KEY_INFO_LEN_MAX: usize = 1 + 1 + 2 + 3;
/// A length below 65536.
pub const LENGTH_LEN_MAX: usize = 3;
/// Octets of a transaction-id that this crate writes.
pub const TRANSACTION_LEN: usize = 8;
/// Octets of a transaction-id that are taken. A bound of this crate.
pub const TRANSACTION_LEN_MAX: usize = 16;
/// Counters end here and never wrap \[GB 9.2.3.3.7.3; confidence A\].
pub const COUNTER_END: u64 = 1 << 32;

/// key-info of general-ciphering \[GB 9.5; confidence A\].
pub mod key_info {
    pub const IDENTIFIED: u8 = 0;
    pub const WRAPPED: u8 = 1;
    pub const AGREED: u8 = 2;
    /// key-id of an identified key: the global unicast or broadcast encryption key.
    pub const GLOBAL_UNICAST: u8 = 0;
    pub const GLOBAL_BROADCAST: u8 = 1;
    /// kek-id of a wrapped key: the master key.
    pub const MASTER: u8 = 0;
    /// key-parameters of an agreed key: C(1e, 1s) and C(0e, 2s).
    pub const ONE_PASS: u8 = 1;
    pub const STATIC_UNIFIED: u8 = 2;
}

/// AlgorithmID of the key derivation function \[GB 9.2.3.4.6.5; confidence A for 128 bits, B for 256\].
pub mod kdf {
    pub const AES_GCM_128: [u8; 7] = [0x60, 0x85, 0x74, 0x05, 0x08, 0x03, 0x00];
    pub const AES_GCM_256: [u8; 7] = [0x60, 0x85, 0x74, 0x05, 0x08, 0x03, 0x01];
    pub const COUNTER: [u8; 4] = [0, 0, 0, 1];
}
