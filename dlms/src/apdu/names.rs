//! Names of application contexts and of authentication mechanisms.

use crate::specs::association as specs;
use plc_core::wire::WireError;

/// The application context: referencing and ciphering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationContext(pub u8);

impl ApplicationContext {
    /// Logical names, no ciphering.
    pub const LOGICAL_NAMES: Self = Self(1);
    /// Logical names, with ciphering.
    pub const LOGICAL_NAMES_CIPHERED: Self = Self(3);

    /// Logical names, with ciphering or without.
    pub(crate) const fn of(ciphered: bool) -> Self {
        if ciphered { Self::LOGICAL_NAMES_CIPHERED } else { Self::LOGICAL_NAMES }
    }

    pub(super) fn from_identifier(octets: &[u8]) -> Result<Self, WireError> {
        last_arc(octets, specs::CONTEXT_PREFIX).map(Self)
    }

    pub(crate) const fn identifier(self) -> [u8; 7] {
        identifier(specs::CONTEXT_PREFIX, self.0)
    }
}

/// The authentication mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanism(pub u8);

impl Mechanism {
    /// No security.
    pub const LOWEST: Self = Self(0);
    /// A password.
    pub const LOW: Self = Self(1);
    /// High level of the maker's own. Not offered.
    pub const HIGH_MANUFACTURER: Self = Self(2);
    /// High level with MD5.
    pub const HIGH_MD5: Self = Self(3);
    /// High level with SHA-1.
    pub const HIGH_SHA1: Self = Self(4);
    /// High level with GMAC.
    pub const HIGH_GMAC: Self = Self(5);
    /// High level with SHA-256.
    pub const HIGH_SHA256: Self = Self(6);
    /// High level with ECDSA.
    pub const HIGH_ECDSA: Self = Self(7);

    pub(super) fn from_identifier(octets: &[u8]) -> Result<Self, WireError> {
        last_arc(octets, specs::MECHANISM_PREFIX).map(Self)
    }

    pub(crate) const fn identifier(self) -> [u8; 7] {
        identifier(specs::MECHANISM_PREFIX, self.0)
    }
}

fn last_arc(octets: &[u8], prefix: [u8; 6]) -> Result<u8, WireError> {
    match octets.split_last() {
        Some((&last, head)) if head == prefix => Ok(last),
        _ => Err(WireError::Invalid("object identifier")),
    }
}

const fn identifier(prefix: [u8; 6], last: u8) -> [u8; 7] {
    let [a, b, c, d, e, f] = prefix;
    [a, b, c, d, e, f, last]
}
