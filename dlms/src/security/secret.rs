//! Octets that are never shown and do not stay in memory.

use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A password, a secret of high level security or a key. Never printed, wiped when it is dropped, and
/// compared in a time that depends on its length alone.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// From its octets.
    pub fn new(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether `octets` are these, without telling how many of them are.
    pub fn is(&self, octets: &[u8]) -> bool {
        is_same(&self.0, octets)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_whole_and_not_shown() {
        let secret = Secret::new(b"12345678");
        assert!(secret.is(b"12345678"));
        for other in [&b"12345679"[..], b"1234567", b"123456789", b""] {
            assert!(!secret.is(other));
        }
        assert_eq!(alloc::format!("{secret:?}"), "Secret(..)");
    }
}
