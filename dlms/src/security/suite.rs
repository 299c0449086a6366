//! The security suites and the octet that names them.

use super::Curve;
use crate::specs::security as specs;
use core::fmt;

/// A system title: names one end, unique per key.
pub type SystemTitle = [u8; 8];

/// A security suite: which algorithms, and keys of what length \[GB 9.2.3.5\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// AES-GCM-128; no public keys.
    #[default]
    Zero,
    /// AES-GCM-128, ECDSA and ECDH on P-256, SHA-256.
    One,
    /// AES-GCM-256, ECDSA and ECDH on P-384, SHA-384.
    Two,
}

impl Suite {
    /// From the low four bits of a control octet; `None` for suites that are reserved.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    /// The number of the suite.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Octets of its symmetric keys.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Zero | Self::One => specs::KEY_LEN,
            Self::Two => specs::KEY_LEN_LONG,
        }
    }

    /// The curve of its public keys.
    pub const fn curve(self) -> Option<Curve> {
        match self {
            Self::Zero => None,
            Self::One => Some(Curve::P256),
            Self::Two => Some(Curve::P384),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "suite {}", self.code())
    }
}

/// The security control octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control(pub u8);

impl Control {
    /// Suite 0, authenticated.
    pub const AUTHENTICATED: Self = Self(specs::AUTHENTICATION);
    /// Suite 0, encrypted.
    pub const ENCRYPTED: Self = Self(specs::ENCRYPTION);
    /// Suite 0, authenticated and encrypted.
    pub const AUTHENTICATED_ENCRYPTED: Self = Self(specs::AUTHENTICATION | specs::ENCRYPTION);

    /// The same protection under another suite.
    #[must_use]
    pub const fn under(self, suite: Suite) -> Self {
        Self(self.0 & !specs::SUITE | suite.code())
    }

    /// The suite, if it is one that exists.
    pub const fn suite(self) -> Option<Suite> {
        Suite::from_code(self.0 & specs::SUITE)
    }

    /// Whether there is a tag.
    pub const fn is_authenticated(self) -> bool {
        self.0 & specs::AUTHENTICATION != 0
    }

    /// Whether the text is encrypted.
    pub const fn is_encrypted(self) -> bool {
        self.0 & specs::ENCRYPTION != 0
    }

    /// Whether the broadcast key is used.
    pub const fn is_broadcast(self) -> bool {
        self.0 & specs::BROADCAST != 0
    }

    /// Whether the text was compressed before it was protected.
    pub const fn is_compressed(self) -> bool {
        self.0 & specs::COMPRESSION != 0
    }

    /// Whether this protects in all the ways that `other` does.
    pub const fn covers(self, other: Self) -> bool {
        let ways = specs::AUTHENTICATION | specs::ENCRYPTION;
        other.0 & ways & !self.0 == 0
    }

    /// Both protections together, under the suite of this one.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0 & (specs::AUTHENTICATION | specs::ENCRYPTION))
    }

    /// Octets of the tag.
    pub const fn tag_len(self) -> usize {
        if self.is_authenticated() { specs::TAG_LEN } else { 0 }
    }
}
