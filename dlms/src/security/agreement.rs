//! From an agreed secret to a key, and keys wrapped in keys \[GB 9.2.3.4.6.5, 9.2.3.3.8\].

use super::{KdfParties, Secret, Suite};
use crate::specs::security::{self as specs, kdf};
use aes_kw::KeyInit;
use alloc::vec::Vec;
use core::fmt;
use sha2::Digest;
use zeroize::Zeroizing;

/// The key derivation function: from the agreed secret to an encryption key of the suite, which must be
/// one that agrees keys.
pub fn derive_key(
    suite: Suite,
    secret: &Secret,
    party_u: &[u8],
    party_v: &[u8],
    parties: KdfParties,
) -> Secret {
    let algorithm = if suite == Suite::Two { &kdf::AES_GCM_256 } else { &kdf::AES_GCM_128 };
    let mut input = Zeroizing::new(Vec::new());
    input.extend_from_slice(&kdf::COUNTER);
    input.extend_from_slice(secret.octets());
    for part in [&algorithm[..], party_u, party_v] {
        if parties == KdfParties::WithLength {
            input.push(part.len() as u8);
        }
        input.extend_from_slice(part);
    }
    if suite == Suite::Two {
        Secret::new(&Zeroizing::new(sha2::Sha384::digest(&*input))[..suite.key_len()])
    } else {
        Secret::new(&Zeroizing::new(sha2::Sha256::digest(&*input))[..suite.key_len()])
    }
}

/// A key that cannot be wrapped or unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapFault;

impl fmt::Display for WrapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that cannot be wrapped or unwrapped: expected its length, and the key that it was wrapped under")
    }
}

impl core::error::Error for WrapFault {}

/// Wraps a key under a key encryption key of 16 or 32 octets.
///
/// # Errors
/// A length that keys do not have.
pub fn wrap_key(kek: &Secret, key: &[u8]) -> Result<Vec<u8>, WrapFault> {
    let mut wrapped = alloc::vec![0; key.len() + specs::WRAP_OVERHEAD];
    match kek.octets().len() {
        specs::KEY_LEN => aes_kw::KwAes128::new_from_slice(kek.octets())
            .map_err(|_| WrapFault)?
            .wrap_key(key, &mut wrapped)
            .map_err(|_| WrapFault)?,
        _ => aes_kw::KwAes256::new_from_slice(kek.octets())
            .map_err(|_| WrapFault)?
            .wrap_key(key, &mut wrapped)
            .map_err(|_| WrapFault)?,
    };
    Ok(wrapped)
}

/// Takes a key out of its wrap.
///
/// # Errors
/// Not wrapped under this key, or of a length that keys do not have.
pub fn unwrap_key(kek: &Secret, wrapped: &[u8]) -> Result<Secret, WrapFault> {
    let len = wrapped.len().checked_sub(specs::WRAP_OVERHEAD).ok_or(WrapFault)?;
    if len != specs::KEY_LEN && len != specs::KEY_LEN_LONG {
        return Err(WrapFault);
    }
    let mut key = Zeroizing::new([0; specs::KEY_LEN_LONG]);
    match kek.octets().len() {
        specs::KEY_LEN => aes_kw::KwAes128::new_from_slice(kek.octets())
            .map_err(|_| WrapFault)?
            .unwrap_key(wrapped, &mut key[..len])
            .map_err(|_| WrapFault)?,
        _ => aes_kw::KwAes256::new_from_slice(kek.octets())
            .map_err(|_| WrapFault)?
            .unwrap_key(wrapped, &mut key[..len])
            .map_err(|_| WrapFault)?,
    };
    Ok(Secret::new(&key[..len]))
}
