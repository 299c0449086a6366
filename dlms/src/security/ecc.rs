//! Keys on P-256 and P-384, signatures, agreed secrets \[GB 9.2.3.4\].

use super::{Secret, Suite};
use crate::specs::certificate::UNCOMPRESSED;
use alloc::vec::Vec;
use core::fmt;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::sec1::ToSec1Point;
use rand_core::Rng;
use zeroize::Zeroizing;

/// A curve of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256, with SHA-256.
    P256,
    /// P-384, with SHA-384.
    P384,
}

impl Curve {
    /// Octets of a coordinate, and of a private key.
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// Octets of a signature, and of a public key: two numbers.
    pub const fn pair_len(self) -> usize {
        2 * self.coordinate_len()
    }

    /// The suite that uses it.
    pub const fn suite(self) -> Suite {
        match self {
            Self::P256 => Suite::One,
            Self::P384 => Suite::Two,
        }
    }
}

/// A private key, for signatures or for agreement. Never printed, wiped when it is dropped.
#[derive(Clone)]
pub enum PrivateKey {
    /// On P-256.
    P256(p256::SecretKey),
    /// On P-384.
    P384(p384::SecretKey),
}

/// A point that is no public key, or a number that is no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no key: expected a point of the curve, or a number below its order and above zero")
    }
}

impl core::error::Error for NoKey {}

impl PrivateKey {
    /// From its number, as long as the curve says.
    ///
    /// # Errors
    /// Zero, too large a number, or another length.
    pub fn from_octets(curve: Curve, octets: &[u8]) -> Result<Self, NoKey> {
        if octets.len() != curve.coordinate_len() {
            return Err(NoKey);
        }
        match curve {
            Curve::P256 => p256::SecretKey::from_slice(octets).map(Self::P256).map_err(|_| NoKey),
            Curve::P384 => p384::SecretKey::from_slice(octets).map(Self::P384).map_err(|_| NoKey),
        }
    }

    /// A new one, from entropy.
    pub fn random(curve: Curve, entropy: &mut impl Rng) -> Self {
        loop {
            let mut octets = Zeroizing::new([0; 48]);
            entropy.fill_bytes(octets.as_mut());
            // Hardly ever is a number too large for the curve.
            if let Ok(key) = Self::from_octets(curve, &octets[..curve.coordinate_len()]) {
                return key;
            }
        }
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
        }
    }

    /// The number.
    pub fn to_secret(&self) -> Secret {
        match self {
            Self::P256(key) => Secret::new(&Zeroizing::new(key.to_bytes())[..]),
            Self::P384(key) => Secret::new(&Zeroizing::new(key.to_bytes())[..]),
        }
    }

    /// The public key of this pair.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(key.public_key()),
            Self::P384(key) => PublicKey::P384(key.public_key()),
        }
    }

    /// Signs a message; the signature is r | s. The same message always has the same signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(key).sign(message);
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = p384::ecdsa::SigningKey::from(key).sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }

    /// The secret Z that both ends of an agreement find.
    ///
    /// # Errors
    /// The keys are on different curves.
    pub fn agree(&self, other: &PublicKey) -> Result<Secret, NoKey> {
        match (self, other) {
            (Self::P256(own), PublicKey::P256(other)) => {
                Ok(Secret::new(own.diffie_hellman(other).raw_secret_bytes()))
            }
            (Self::P384(own), PublicKey::P384(other)) => {
                Ok(Secret::new(own.diffie_hellman(other).raw_secret_bytes()))
            }
            _ => Err(NoKey),
        }
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve() == other.curve() && self.to_secret() == other.to_secret()
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, ..)", self.curve())
    }
}

/// A public key, for signatures or for agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// On P-256.
    P256(p256::PublicKey),
    /// On P-384.
    P384(p384::PublicKey),
}

impl PublicKey {
    /// From its point, x | y.
    ///
    /// # Errors
    /// A point that is not on the curve, or another length.
    pub fn from_octets(curve: Curve, octets: &[u8]) -> Result<Self, NoKey> {
        if octets.len() != curve.pair_len() {
            return Err(NoKey);
        }
        let mut point = Vec::with_capacity(1 + octets.len());
        point.push(UNCOMPRESSED);
        point.extend_from_slice(octets);
        match curve {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(&point).map(Self::P256).map_err(|_| NoKey),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(&point).map(Self::P384).map_err(|_| NoKey),
        }
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
        }
    }

    /// The point, x | y.
    pub fn octets(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.to_sec1_point(false).as_bytes()[1..].to_vec(),
            Self::P384(key) => key.to_sec1_point(false).as_bytes()[1..].to_vec(),
        }
    }

    /// Whether `signature`, r | s, was made over `message` with the private key of this pair.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|s| p256::ecdsa::VerifyingKey::from(key).verify(message, &s).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|s| p384::ecdsa::VerifyingKey::from(key).verify(message, &s).is_ok()),
        }
    }
}

/// The public and private keys of one end, and those that it knows of the other. Each is optional: what
/// needs one that is not there is refused.
#[derive(Clone, Debug, Default)]
pub struct KeyPairs {
    /// Own key for signatures.
    pub signing: Option<PrivateKey>,
    /// Own key for agreement.
    pub agreement: Option<PrivateKey>,
    /// With what signatures of the other end are verified.
    pub peer_signing: Option<PublicKey>,
    /// With what keys are agreed with the other end.
    pub peer_agreement: Option<PublicKey>,
    /// With what certificates are verified.
    pub authority: Option<PublicKey>,
}
