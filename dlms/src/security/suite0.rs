//! Authenticated encryption, authentication and encryption under the keys of suite 0.

use crate::specs::security as specs;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{AesGcm, Nonce, Tag};
use alloc::vec::Vec;
use core::fmt;

type Gcm = AesGcm<aes::Aes128, aes_gcm::aead::consts::U12, aes_gcm::aead::consts::U12>;

type GcmNonce = Nonce<aes_gcm::aead::consts::U12>;

/// A system title: names one end, unique per key.
pub type SystemTitle = [u8; 8];

/// The security control octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control(pub u8);

impl Control {
    /// Suite 0, authenticated.
    pub const AUTHENTICATED: Self = Self(specs::AUTHENTICATION);
    /// Suite 0, encrypted.
    pub const ENCRYPTED: Self = Self(specs::ENCRYPTION);
    /// Suite 0, authenticated and encrypted: the only protection that associations accept.
    pub const AUTHENTICATED_ENCRYPTED: Self = Self(specs::AUTHENTICATION | specs::ENCRYPTION);
}

/// Why protection could not be taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectFault {
    /// A security control octet that suite 0 does not know: other suites, broadcast key, compression.
    Control(Control),
    /// No room for a tag.
    Truncated,
    /// The tag is not that of these octets under these keys.
    Tag,
}

/// The keys of suite 0, expanded. Never printed.
#[derive(Clone)]
pub struct Suite0 {
    cipher: Gcm,
    authentication_key: [u8; 16],
}

impl Suite0 {
    /// From the global unicast encryption key and the global authentication key.
    pub fn new(encryption_key: &[u8; 16], authentication_key: &[u8; 16]) -> Self {
        Self { cipher: Gcm::new(&(*encryption_key).into()), authentication_key: *authentication_key }
    }

    /// Protects `plain`: what follows the invocation counter on the wire (text, then the tag if any).
    ///
    /// # Errors
    /// A control octet that suite 0 does not know.
    pub fn protect(
        &self,
        control: Control,
        title: &SystemTitle,
        counter: u32,
        plain: &[u8],
    ) -> Result<Vec<u8>, ProtectFault> {
        let nonce = nonce(title, counter);
        let mut text = Vec::with_capacity(plain.len() + specs::TAG_LEN);
        text.extend_from_slice(plain);
        match control {
            Control::AUTHENTICATED => {
                let tag = self.authenticate(&nonce, plain);
                text.extend_from_slice(&tag);
            }
            Control::ENCRYPTED => drop(self.seal(&nonce, &[], &mut text)),
            Control::AUTHENTICATED_ENCRYPTED => {
                let tag = self.seal(&nonce, &self.header(control), &mut text);
                text.extend_from_slice(&tag);
            }
            other => return Err(ProtectFault::Control(other)),
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
        let nonce = nonce(title, counter);
        match control {
            Control::AUTHENTICATED => {
                let (plain, tag) = split_tag(text)?;
                self.verify(&nonce, plain, tag)?;
                Ok(plain.to_vec())
            }
            Control::ENCRYPTED => {
                // Counter mode is its own inverse; there is no tag to check.
                let mut plain = text.to_vec();
                self.seal(&nonce, &[], &mut plain);
                Ok(plain)
            }
            Control::AUTHENTICATED_ENCRYPTED => {
                let (cipher_text, tag) = split_tag(text)?;
                let mut plain = cipher_text.to_vec();
                self.cipher
                    .decrypt_inout_detached(
                        &nonce,
                        &self.header(control),
                        plain.as_mut_slice().into(),
                        &Tag::from(*tag),
                    )
                    .map_err(|_| ProtectFault::Tag)?;
                Ok(plain)
            }
            other => Err(ProtectFault::Control(other)),
        }
    }

    /// The tag of HLS mechanism 5 over a challenge \[GB 9.2.7.4\].
    pub fn gmac(&self, title: &SystemTitle, counter: u32, challenge: &[u8]) -> [u8; specs::TAG_LEN] {
        self.authenticate(&nonce(title, counter), challenge)
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
        self.verify(&nonce(title, counter), challenge, tag)
    }

    /// SC | AK, the start of all associated data.
    fn header(&self, control: Control) -> [u8; 17] {
        let mut header = [control.0; 17];
        header[1..].copy_from_slice(&self.authentication_key);
        header
    }

    fn associated(&self, plain: &[u8]) -> Vec<u8> {
        let mut data = Vec::from(self.header(Control::AUTHENTICATED));
        data.extend_from_slice(plain);
        data
    }

    fn authenticate(&self, nonce: &GcmNonce, plain: &[u8]) -> [u8; 12] {
        self.seal(nonce, &self.associated(plain), &mut Vec::new())
    }

    fn verify(&self, nonce: &GcmNonce, plain: &[u8], tag: &[u8; 12]) -> Result<(), ProtectFault> {
        self.cipher
            .decrypt_inout_detached(nonce, &self.associated(plain), (&mut [][..]).into(), &Tag::from(*tag))
            .map_err(|_| ProtectFault::Tag)
    }

    fn seal(&self, nonce: &GcmNonce, associated: &[u8], text: &mut Vec<u8>) -> [u8; 12] {
        self.cipher
            .encrypt_inout_detached(nonce, associated, text.as_mut_slice().into())
            .expect("an APDU is far shorter than the 2^36 octets of GCM")
            .into()
    }
}

impl fmt::Debug for Suite0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Suite0(..)")
    }
}

fn nonce(title: &SystemTitle, counter: u32) -> GcmNonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(title);
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce.into()
}

fn split_tag(text: &[u8]) -> Result<(&[u8], &[u8; specs::TAG_LEN]), ProtectFault> {
    text.split_last_chunk().ok_or(ProtectFault::Truncated)
}
