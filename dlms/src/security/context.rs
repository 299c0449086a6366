//! The security context: suite, policy and security material \[GB 9.2.3.6\].

use super::aead::{AeadKey, GcmNonce, nonce};
use super::{Certificate, Control, Interop, KeyPairs, Secret, SecurityPolicy, Suite, SystemTitle};
use crate::specs::security as specs;
use crate::specs::security_setup::key_id;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

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

impl fmt::Display for ProtectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(control) => {
                write!(
                    f,
                    "security control {:02X}, expected one of this suite and of keys that are here",
                    control.0
                )
            }
            Self::Truncated => write!(f, "no room for a tag, expected {} octets of it", specs::TAG_LEN),
            Self::Tag => f.write_str("the tag is not that of these octets under these keys"),
        }
    }
}

impl core::error::Error for ProtectFault {}

/// A key is not as long as its suite wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLength;

impl fmt::Display for KeyLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of another length, expected 16 octets in suites 0 and 1 and 32 in suite 2")
    }
}

impl core::error::Error for KeyLength {}

/// A symmetric key, by the number that security setup has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyId {
    /// Global unicast encryption key.
    Unicast,
    /// Global broadcast encryption key.
    Broadcast,
    /// Global authentication key.
    Authentication,
    /// Master key, under which the others are transferred.
    Master,
}

impl KeyId {
    /// From its number; `None` for keys that do not exist.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            key_id::UNICAST => Some(Self::Unicast),
            key_id::BROADCAST => Some(Self::Broadcast),
            key_id::AUTHENTICATION => Some(Self::Authentication),
            key_id::MASTER => Some(Self::Master),
            _ => None,
        }
    }

    /// Its number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unicast => key_id::UNICAST,
            Self::Broadcast => key_id::BROADCAST,
            Self::Authentication => key_id::AUTHENTICATION,
            Self::Master => key_id::MASTER,
        }
    }
}

/// Suite, policy and keys of an association. Keys are expanded, never printed, and wiped when they are
/// dropped.
#[derive(Clone)]
pub struct SecurityContext {
    suite: Suite,
    policy: SecurityPolicy,
    interop: Interop,
    unicast: EncryptionKey,
    broadcast: Option<EncryptionKey>,
    authentication: Secret,
    master: Option<Secret>,
    pairs: KeyPairs,
    certificates: Vec<Certificate>,
    last_single_use: Option<u128>,
}

/// A key as it is and as it is used.
#[derive(Clone)]
struct EncryptionKey {
    octets: Secret,
    expanded: AeadKey,
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
            certificates: Vec::new(),
            last_single_use: None,
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

    /// The same with these certificates, which security setup shows and exports.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Vec<Certificate>) -> Self {
        self.certificates = certificates;
        self
    }

    /// The same, and everything under keys of single APDUs that is numbered up to `last` counts as heard.
    #[must_use]
    pub const fn with_last_single_use(mut self, last: u128) -> Self {
        self.last_single_use = Some(last);
        self
    }

    /// The same with another key of this kind.
    ///
    /// # Errors
    /// A key is not as long as the suite wants it.
    pub fn with_key(self, id: KeyId, key: &[u8]) -> Result<Self, KeyLength> {
        match id {
            KeyId::Unicast => self.with_unicast_key(key),
            KeyId::Broadcast => self.with_broadcast_key(key),
            KeyId::Authentication => self.with_authentication_key(key),
            KeyId::Master => self.with_master_key(key),
        }
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

    pub(crate) const fn last_single_use(&self) -> Option<u128> {
        self.last_single_use
    }

    /// The certificates.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether this is the key of this kind already.
    pub(crate) fn has_key(&self, id: KeyId, key: &Secret) -> bool {
        let own = match id {
            KeyId::Unicast => Some(&self.unicast.octets),
            KeyId::Broadcast => self.broadcast.as_ref().map(|key| &key.octets),
            KeyId::Authentication => Some(&self.authentication),
            KeyId::Master => self.master.as_ref(),
        };
        own == Some(key)
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
            let tag = key.seal(&nonce, associated.as_slice(), &mut text);
            text.extend_from_slice(&tag[..control.tag_len()]);
        } else if control.is_authenticated() {
            text.extend_from_slice(&key.seal(&nonce, associated.as_slice(), &mut []));
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
    ///
    /// # Errors
    /// See [`ProtectFault`].
    pub fn unprotect_with(
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
        key.open(&nonce, associated.as_slice(), encrypted, tag)?;
        Ok(plain)
    }

    /// The tag of HLS mechanism 5 over a challenge \[GB 9.2.7.4\].
    pub fn gmac(&self, title: &SystemTitle, counter: u32, challenge: &[u8]) -> [u8; specs::TAG_LEN] {
        let associated = self.associated(self.proof_control(), &[], challenge);
        self.unicast.expanded.seal(&nonce(title, counter), associated.as_slice(), &mut [])
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
        self.verify_gmac_with(self.proof_control(), title, counter, challenge, tag)
    }

    /// The same for a proof with this control octet.
    pub(crate) fn verify_gmac_with(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        challenge: &[u8],
        tag: &[u8; specs::TAG_LEN],
    ) -> Result<(), ProtectFault> {
        let associated = self.associated(control, &[], challenge);
        let nonce: GcmNonce = nonce(title, counter);
        self.unicast.expanded.open(&nonce, associated.as_slice(), &mut [], tag)
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
        let key =
            if control.is_broadcast() { self.broadcast.as_ref().ok_or(unknown)? } else { &self.unicast };
        Ok(&key.expanded)
    }

    /// SC | AK | header, and the text if it is not encrypted; nothing where there is no tag.
    fn associated(&self, control: Control, header: &[u8], text: &[u8]) -> Associated {
        let mut data = Associated::new();
        if control.is_authenticated() {
            data.push(&[control.0]);
            data.push(self.authentication.octets());
            data.push(header);
            data.push(if control.is_encrypted() { &[] } else { text });
        }
        data
    }
}

/// What a tag is over besides the text that is encrypted. With nothing but SC and AK it needs no memory; wiped when it is dropped.
struct Associated {
    short: Zeroizing<[u8; ASSOCIATED_SHORT]>,
    /// All of it, once it is longer.
    long: Zeroizing<Vec<u8>>,
    len: usize,
}

/// SC and the longest AK.
const ASSOCIATED_SHORT: usize = 1 + specs::KEY_LEN_LONG;

impl Associated {
    fn new() -> Self {
        Self { short: Zeroizing::new([0; ASSOCIATED_SHORT]), long: Zeroizing::default(), len: 0 }
    }

    fn push(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        match self.short.get_mut(self.len..end).filter(|_| self.long.is_empty()) {
            Some(room) => room.copy_from_slice(octets),
            None => {
                if self.long.is_empty() {
                    self.long.extend_from_slice(&self.short[..self.len]);
                }
                self.long.extend_from_slice(octets);
            }
        }
        self.len = end;
    }

    fn as_slice(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecurityContext({}, {:?}, ..)", self.suite, self.policy)
    }
}

fn expand(suite: Suite, key: &[u8]) -> Result<EncryptionKey, KeyLength> {
    check(suite, key)?;
    let expanded = AeadKey::new(key).ok_or(KeyLength)?;
    Ok(EncryptionKey { octets: Secret::new(key), expanded })
}

const fn check(suite: Suite, key: &[u8]) -> Result<(), KeyLength> {
    if key.len() == suite.key_len() { Ok(()) } else { Err(KeyLength) }
}

fn split_tag(text: &[u8]) -> Result<(&[u8], &[u8; specs::TAG_LEN]), ProtectFault> {
    text.split_last_chunk().ok_or(ProtectFault::Truncated)
}
