//! AES-GCM with a 12-octet tag, under a key of 128 or 256 bits \[GB 9.2.3.3.7\].

use super::{ProtectFault, SystemTitle};
use crate::specs::security as specs;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{AesGcm, Nonce, Tag};
use alloc::boxed::Box;

/// The initialisation vector: title and counter.
pub(super) type GcmNonce = Nonce<U12>;

/// An encryption key, expanded. Wiped when it is dropped.
#[derive(Clone)]
pub(super) enum AeadKey {
    Short(Box<AesGcm<aes::Aes128, U12, U12>>),
    Long(Box<AesGcm<aes::Aes256, U12, U12>>),
}

impl AeadKey {
    /// From 16 or 32 octets.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            specs::KEY_LEN => AesGcm::new_from_slice(key).ok().map(Box::new).map(Self::Short),
            specs::KEY_LEN_LONG => AesGcm::new_from_slice(key).ok().map(Box::new).map(Self::Long),
            _ => None,
        }
    }

    /// Encrypts `text` where it stands; returns the tag.
    pub(super) fn seal(&self, nonce: &GcmNonce, associated: &[u8], text: &mut [u8]) -> [u8; specs::TAG_LEN] {
        let tag = match self {
            Self::Short(key) => key.encrypt_inout_detached(nonce, associated, text.into()),
            Self::Long(key) => key.encrypt_inout_detached(nonce, associated, text.into()),
        };
        tag.expect("an APDU is far shorter than the 2^36 octets of GCM").into()
    }

    /// Checks the tag, in a time that does not depend on it, then decrypts `text` where it stands.
    pub(super) fn open(
        &self,
        nonce: &GcmNonce,
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; specs::TAG_LEN],
    ) -> Result<(), ProtectFault> {
        let tag = Tag::from(*tag);
        let opened = match self {
            Self::Short(key) => key.decrypt_inout_detached(nonce, associated, text.into(), &tag),
            Self::Long(key) => key.decrypt_inout_detached(nonce, associated, text.into(), &tag),
        };
        opened.map_err(|_| ProtectFault::Tag)
    }
}

/// Title and counter.
pub(super) fn nonce(title: &SystemTitle, counter: u32) -> GcmNonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(title);
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce.into()
}
