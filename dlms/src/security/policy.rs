//! What must be protected, and how.

use super::Control;
use crate::specs::security;
use crate::specs::security_setup as specs;

/// security_policy of a security setup, version 1: the least protection of requests and of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityPolicy(pub u8);

impl SecurityPolicy {
    /// Nothing has to be protected.
    pub const NONE: Self = Self(0);
    /// Requests and responses are authenticated.
    pub const AUTHENTICATED: Self = Self(specs::REQUEST_AUTHENTICATED | specs::RESPONSE_AUTHENTICATED);
    /// Requests and responses are encrypted.
    pub const ENCRYPTED: Self = Self(specs::REQUEST_ENCRYPTED | specs::RESPONSE_ENCRYPTED);
    /// Requests and responses are authenticated and encrypted.
    pub const ALL: Self = Self(specs::POLICY_ALL);
    /// Requests and responses are signed as well.
    pub const SIGNED: Self = Self(specs::POLICY_ALL | specs::REQUEST_SIGNED | specs::RESPONSE_SIGNED);

    /// A policy is known if it demands nothing that does not exist.
    pub const fn is_known(self) -> bool {
        self.0 & specs::POLICY_RESERVED == 0
    }

    /// Whether this policy demands all that `other` does.
    pub const fn is_at_least(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether requests and responses are signed.
    pub const fn is_signed(self) -> (bool, bool) {
        (self.0 & specs::REQUEST_SIGNED != 0, self.0 & specs::RESPONSE_SIGNED != 0)
    }

    /// The bits of a control octet that requests must have.
    pub const fn request_control(self) -> Control {
        control(self.0, specs::REQUEST_AUTHENTICATED, specs::REQUEST_ENCRYPTED)
    }

    /// The bits of a control octet that responses must have.
    pub const fn response_control(self) -> Control {
        control(self.0, specs::RESPONSE_AUTHENTICATED, specs::RESPONSE_ENCRYPTED)
    }
}

const fn control(policy: u8, authenticated: u8, encrypted: u8) -> Control {
    let a = if policy & authenticated != 0 { security::AUTHENTICATION } else { 0 };
    let e = if policy & encrypted != 0 { security::ENCRYPTION } else { 0 };
    Control(a | e)
}

impl Default for SecurityPolicy {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_stronger_only_if_it_demands_all_that_the_other_does() {
        assert!(SecurityPolicy::ALL.is_at_least(SecurityPolicy::AUTHENTICATED));
        assert!(SecurityPolicy::SIGNED.is_at_least(SecurityPolicy::ALL));
        assert!(!SecurityPolicy::AUTHENTICATED.is_at_least(SecurityPolicy::ENCRYPTED));
        assert!(!SecurityPolicy::AUTHENTICATED.is_at_least(SecurityPolicy::ALL));
        assert!(!SecurityPolicy(0x6D).is_known());
        assert_eq!(SecurityPolicy::ALL.request_control(), Control::AUTHENTICATED_ENCRYPTED);
        assert_eq!(SecurityPolicy::ENCRYPTED.response_control(), Control::ENCRYPTED);
        assert_eq!(SecurityPolicy(0x0C).response_control(), Control(0));
    }
}
