//! The security context: suite, policy and security material \[GB 9.2.3.6\].

use super::aead::{AeadKey, GcmNonce, nonce};
use super::{Control, Interop, KeyPairs, Secret, SecurityPolicy, Suite, SystemTitle};
use crate::specs::security as specs;
use alloc::vec::Vec;
use core::fmt;

/// Why protection could not be put on or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectFault {
    /// A security control octet that this context does not know: another suite, the broadcast key where
    /// there is none, compression.
    Control(Control),
    /// No room for a tag.
    Truncated,
    /// The tag is not that of these octets under these keys.
    Tag,
}

/// A key is not as long as its suite wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLength;

/// Suite, policy and keys of an association. Keys are expanded, never printed, and wiped when they are
/// dropped.
#[derive(Clone)]
pub struct SecurityContext {
    suite: Suite,
    policy: SecurityPolicy,
    interop: Interop,
    unicast: AeadKey,
    broadcast: Option<AeadKey>,
    authentication: Secret,
    master: Option<Secret>,
    pairs: KeyPairs,
}

/// A context of suite 0, by its short name.
pub type Suite0 = SecurityContext;

impl SecurityContext {
    /// A context of suite 0, from the global unicast encryption key and the global authentication key.
    pub fn new(encryption_key: &[u8; 16], authentication_key: &[u8; 16]) -> Self {
        Self::build(Suite::Zero, encryption_key, authentication_key).expect("16 octets each")
    }

    /// A context of suite 1, from the same keys.
    pub fn suite_1(encryption_key: &[u8; 16], authentication_key: &[u8; 16]) -> Self {
        Self::build(Suite::One, encryption_key, authentication_key).expect("16 octets each")
    }

    /// A context of suite 2, from the same keys.
    pub fn suite_2(encryption_key: &[u8; 32], authentication_key: &[u8; 32]) -> Self {
        Self::build(Suite::Two, encryption_key, authentication_key).expect("32 octets each")
    }

    /// A context of any suite, from the global unicast encryption key and the global authentication key.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn build(suite: Suite, encryption_key: &[u8], authentication_key: &[u8]) -> Result<Self, KeyLength> {
        check(suite, authentication_key)?;
        Ok(Self {
            suite,
            policy: SecurityPolicy::ALL,
            interop: Interop::default(),
            unicast: expand(suite, encryption_key)?,
            broadcast: None,
            authentication: Secret::new(authentication_key),
            master: None,
            pairs: KeyPairs::default(),
        })
    }

    /// The same with another policy; without this call everything is authenticated and encrypted.
    #[must_use]
    pub const fn with_policy(mut self, policy: SecurityPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with other readings of the books.
    #[must_use]
    pub const fn with_interop(mut self, interop: Interop) -> Self {
        self.interop = interop;
        self
    }

    /// The same with these public and private keys.
    #[must_use]
    pub fn with_key_pairs(mut self, pairs: KeyPairs) -> Self {
        self.pairs = pairs;
        self
    }

    /// The same with another global unicast encryption key.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn with_unicast_key(mut self, key: &[u8]) -> Result<Self, KeyLength> {
        self.unicast = expand(self.suite, key)?;
        Ok(self)
    }

    /// The same with a global broadcast encryption key.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn with_broadcast_key(mut self, key: &[u8]) -> Result<Self, KeyLength> {
        self.broadcast = Some(expand(self.suite, key)?);
        Ok(self)
    }

    /// The same with another authentication key.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn with_authentication_key(mut self, key: &[u8]) -> Result<Self, KeyLength> {
        check(self.suite, key)?;
        self.authentication = Secret::new(key);
        Ok(self)
    }

    /// The same with a master key, under which other keys are transferred.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn with_master_key(mut self, key: &[u8]) -> Result<Self, KeyLength> {
        check(self.suite, key)?;
        self.master = Some(Secret::new(key));
        Ok(self)
    }

    /// The suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The least protection of APDUs.
    pub const fn policy(&self) -> SecurityPolicy {
        self.policy
    }

    /// The readings chosen.
    pub const fn interop(&self) -> Interop {
        self.interop
    }

    /// The public and private keys.
    pub const fn key_pairs(&self) -> &KeyPairs {
        &self.pairs
    }

    /// The master key.
    pub const fn master_key(&self) -> Option<&Secret> {
        self.master.as_ref()
    }

    /// Protects `plain`: what follows the invocation counter on the wire (text, then the tag if any).
    ///
    /// # Errors
    /// A control octet that this context does not know.
    pub fn protect(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        plain: &[u8],
    ) -> Result<Vec<u8>, ProtectFault> {
        self.protect_with(control, title, counter, &[], plain)
    }

    /// The same, with header fields that are authenticated along.
    pub(crate) fn protect_with(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        header: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, ProtectFault> {
        let (key, nonce) = (self.key(control)?, nonce(title, counter));
        let mut text = Vec::with_capacity(plain.len() + specs::TAG_LEN);
        text.extend_from_slice(plain);
        let associated = self.associated(control, header, plain);
        if control.is_encrypted() {
            let tag = key.seal(&nonce, &associated, &mut text);
            text.extend_from_slice(&tag[..control.tag_len()]);
        } else if control.is_authenticated() {
            text.extend_from_slice(&key.seal(&nonce, &associated, &mut []));
        }
        Ok(text)
    }

    /// Takes the protection off `text`; nothing of the plain text is given away before its tag is right.
    ///
    /// # Errors
    /// See [`ProtectFault`].
    pub fn unprotect(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        text: &[u8],
    ) -> Result<Vec<u8>, ProtectFault> {
        self.unprotect_with(control, title, counter, &[], text)
    }

    /// The same, with header fields that are authenticated along.
    pub(crate) fn unprotect_with(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        header: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, ProtectFault> {
        let (key, nonce) = (self.key(control)?, nonce(title, counter));
        if !control.is_authenticated() {
            let mut plain = text.to_vec();
            if control.is_encrypted() {
                // Counter mode is its own inverse; there is no tag to check.
                key.seal(&nonce, &[], &mut plain);
            }
            return Ok(plain);
        }
        let (body, tag) = split_tag(text)?;
        let mut plain = body.to_vec();
        let associated = self.associated(control, header, body);
        let encrypted = if control.is_encrypted() { plain.as_mut_slice() } else { &mut [] };
        key.open(&nonce, &associated, encrypted, tag)?;
        Ok(plain)
    }

    /// The tag of HLS mechanism 5 over a challenge \[GB 9.2.7.4\].
    pub fn gmac(&self, title: &SystemTitle, counter: u32, challenge: &[u8]) -> [u8; specs::TAG_LEN] {
        let associated = self.associated(self.proof_control(), &[], challenge);
        self.unicast.seal(&nonce(title, counter), &associated, &mut [])
    }

    /// Checks such a tag, in a time that does not depend on it.
    ///
    /// # Errors
    /// The tag is wrong.
    pub fn verify_gmac(
        &self,
        title: &SystemTitle,
        counter: u32,
        challenge: &[u8],
        tag: &[u8; specs::TAG_LEN],
    ) -> Result<(), ProtectFault> {
        let associated = self.associated(self.proof_control(), &[], challenge);
        let nonce: GcmNonce = nonce(title, counter);
        self.unicast.open(&nonce, &associated, &mut [], tag)
    }

    /// The control octet of proofs of mechanism 5.
    pub(crate) const fn proof_control(&self) -> Control {
        Control::AUTHENTICATED.under(self.suite)
    }

    fn key(&self, control: Control) -> Result<&AeadKey, ProtectFault> {
        let unknown = ProtectFault::Control(control);
        if control.suite() != Some(self.suite) || control.is_compressed() {
            return Err(unknown);
        }
        if control.is_broadcast() { self.broadcast.as_ref().ok_or(unknown) } else { Ok(&self.unicast) }
    }

    /// SC | AK | header, and the text if it is not encrypted; nothing where there is no tag.
    fn associated(&self, control: Control, header: &[u8], text: &[u8]) -> Vec<u8> {
        if !control.is_authenticated() {
            return Vec::new();
        }
        let key = self.authentication.octets();
        let text = if control.is_encrypted() { &[][..] } else { text };
        let mut data = Vec::with_capacity(1 + key.len() + header.len() + text.len());
        data.push(control.0);
        data.extend_from_slice(key);
        data.extend_from_slice(header);
        data.extend_from_slice(text);
        data
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecurityContext({}, {:?}, ..)", self.suite, self.policy)
    }
}

fn expand(suite: Suite, key: &[u8]) -> Result<AeadKey, KeyLength> {
    check(suite, key)?;
    AeadKey::new(key).ok_or(KeyLength)
}

const fn check(suite: Suite, key: &[u8]) -> Result<(), KeyLength> {
    if key.len() == suite.key_len() { Ok(()) } else { Err(KeyLength) }
}

fn split_tag(text: &[u8]) -> Result<(&[u8], &[u8; specs::TAG_LEN]), ProtectFault> {
    text.split_last_chunk().ok_or(ProtectFault::Truncated)
}
