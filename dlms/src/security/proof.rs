//! f(challenge) of every mechanism of high level security \[GB 9.2.2.2.2.4, 9.2.7.4\].

use super::secret::is_same;
use super::{Control, PrivateKey, PublicKey, Secret, SecurityContext, SystemTitle};
use crate::apdu::Mechanism;
use crate::specs::security::{CHALLENGE_LEN, CHALLENGE_LEN_SIGNED, HEADER_LEN, PROOF_LEN};
use alloc::vec::Vec;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash with which a shared secret is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// Mechanism 3. Old, kept for old meters.
    Md5,
    /// Mechanism 4. Old, kept for old meters.
    Sha1,
    /// Mechanism 6.
    Sha256,
}

impl HashFunction {
    /// The mechanism that proves with it.
    pub const fn mechanism(self) -> Mechanism {
        match self {
            Self::Md5 => Mechanism::HIGH_MD5,
            Self::Sha1 => Mechanism::HIGH_SHA1,
            Self::Sha256 => Mechanism::HIGH_SHA256,
        }
    }
}

/// With what one end proves itself, and checks the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hls<'a> {
    Gmac(&'a SecurityContext),
    Hash(HashFunction, &'a Secret),
    Ecdsa { own: &'a PrivateKey, peer: &'a PublicKey },
}

/// Who proves itself to whom, over what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes<'a> {
    /// The title of the end that proves itself.
    pub(crate) prover: &'a SystemTitle,
    /// The title of the end that checks.
    pub(crate) verifier: &'a SystemTitle,
    /// The challenge that the verifier has sent: what is answered.
    pub(crate) asked: &'a [u8],
    /// The challenge that the prover has sent.
    pub(crate) sent: &'a [u8],
}

/// A right proof: the counter under which it was made, where the mechanism has counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved(pub(crate) Option<u32>);

impl<'a> Hls<'a> {
    /// Octets of a challenge of our own.
    pub(crate) const fn challenge_len(&self) -> usize {
        match self {
            Self::Ecdsa { .. } => CHALLENGE_LEN_SIGNED,
            _ => CHALLENGE_LEN,
        }
    }

    /// Whether titles go into a proof.
    pub(crate) const fn needs_titles(&self) -> bool {
        !matches!(self, Self::Hash(HashFunction::Md5 | HashFunction::Sha1, _))
    }

    /// Whether a proof takes a send counter.
    pub(crate) const fn needs_counter(&self) -> bool {
        matches!(self, Self::Gmac(_))
    }

    /// f(challenge).
    pub(crate) fn prove(&self, passes: &Passes<'a>, counter: u32) -> Vec<u8> {
        match self {
            Self::Gmac(context) => {
                let mut octets = Vec::with_capacity(PROOF_LEN);
                octets.push(context.proof_control().0);
                octets.extend_from_slice(&counter.to_be_bytes());
                octets.extend_from_slice(&context.gmac(passes.prover, counter, passes.asked));
                octets
            }
            Self::Hash(hash, secret) => digest(*hash, secret, passes),
            Self::Ecdsa { own, .. } => own.sign(&passes.signed()),
        }
    }

    /// Whether `octets` are f(challenge); hashes and tags are compared in a time that does not depend on
    /// them.
    pub(crate) fn verify(&self, passes: &Passes<'a>, octets: &[u8]) -> Option<Proved> {
        match self {
            Self::Gmac(context) => verify_gmac(context, passes, octets),
            Self::Hash(hash, secret) => {
                is_same(&digest(*hash, secret, passes), octets).then_some(Proved(None))
            }
            Self::Ecdsa { peer, .. } => peer.verify(&passes.signed(), octets).then_some(Proved(None)),
        }
    }
}

impl Passes<'_> {
    /// What mechanism 7 signs.
    fn signed(&self) -> Vec<u8> {
        [&self.prover[..], &self.verifier[..], self.asked, self.sent].concat()
    }
}

fn verify_gmac(context: &SecurityContext, passes: &Passes<'_>, octets: &[u8]) -> Option<Proved> {
    let octets: &[u8; PROOF_LEN] = octets.try_into().ok()?;
    let (header, tag) = octets.split_at(HEADER_LEN);
    let [control, counter @ ..]: [u8; HEADER_LEN] = header.try_into().ok()?;
    let (counter, tag) = (u32::from_be_bytes(counter), tag.try_into().ok()?);
    // Some stacks leave the suite out of the octet. The key is that of the suite all the same.
    let control = Control(control);
    let lawful = control == context.proof_control() || control == Control::AUTHENTICATED;
    let right =
        lawful && context.verify_gmac_with(control, passes.prover, counter, passes.asked, tag).is_ok();
    right.then_some(Proved(Some(counter)))
}

fn digest(hash: HashFunction, secret: &Secret, passes: &Passes<'_>) -> Vec<u8> {
    let secret = secret.octets();
    match hash {
        HashFunction::Md5 => Md5::new().chain_update(passes.asked).chain_update(secret).finalize().to_vec(),
        HashFunction::Sha1 => Sha1::new().chain_update(passes.asked).chain_update(secret).finalize().to_vec(),
        HashFunction::Sha256 => Sha256::new()
            .chain_update(secret)
            .chain_update(passes.prover)
            .chain_update(passes.verifier)
            .chain_update(passes.asked)
            .chain_update(passes.sent)
            .finalize()
            .to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;
    use crate::security::Suite;
    use crate::security::aead::{AeadKey, nonce};

    #[test]
    fn a_gmac_proof_may_leave_its_suite_out_and_name_no_other() {
        let keys = SecurityContext::build(Suite::One, &[1; 16], &[2; 16]).unwrap();
        let passes = Passes { prover: b"PLCDC001", verifier: b"MTR00001", asked: &[3; 16], sent: &[4; 16] };
        let proof = |control: u8| {
            let mut associated = Vec::from([control]);
            associated.extend([2; 16]);
            associated.extend(passes.asked);
            let key = AeadKey::new(&[1; 16]).unwrap();
            let tag = key.seal(&nonce(passes.prover, 7), &associated, &mut []);
            [&[control][..], &7u32.to_be_bytes(), &tag].concat()
        };
        for (control, is_right) in [(0x11, true), (0x10, true), (0x12, false), (0x31, false), (0x51, false)] {
            let verified = Hls::Gmac(&keys).verify(&passes, &proof(control));
            assert_eq!(verified, is_right.then_some(Proved(Some(7))), "{control:02x}");
        }
        assert_eq!(Hls::Gmac(&keys).prove(&passes, 7), proof(0x11), "our own names it");
    }

    /// The numbers are from another implementation of the hashes.
    #[test]
    fn hashed_proofs_are_what_another_implementation_makes_of_them() {
        let secret = Secret::new(b"12345678");
        let client =
            Passes { prover: b"PLCDC001", verifier: b"MTR00001", asked: b"P6wRJ21F", sent: b"K56iVagY" };
        let server =
            Passes { prover: b"MTR00001", verifier: b"PLCDC001", asked: b"K56iVagY", sent: b"P6wRJ21F" };
        let prove = |hash, passes: &Passes<'static>| Hls::Hash(hash, &secret).prove(passes, 0);
        assert_eq!(prove(HashFunction::Md5, &client), hex("53d4537e37dab4ff089629e25557af9f"));
        assert_eq!(prove(HashFunction::Sha1, &client), hex("6dbd949d1b1efdd6fe5f9ea627877e986e8708cb"));
        assert_eq!(
            prove(HashFunction::Sha256, &client),
            hex("cb4b8364fd98ff379158ee6e84c986c640b1a5da4477e584eaf0094eccb4290d")
        );
        assert_eq!(
            prove(HashFunction::Sha256, &server),
            hex("3338f695bb0aaa26ebf57746805b22ddd3a680f94dc12695e06e933eb1fbccd5")
        );
    }
}
