//! The cryptography of EAP-PSK: key setup, session keys, proofs and the protected channel \[RFC 4764\].
//!
//! Everything here is a function of its arguments; random numbers are among them.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use cmac::{Cmac, Mac};
use eax::{AeadInOut, Eax};
use plc_core::sap::Key;

/// The long-term keys of one device, derived from its pre-shared key \[RFC 4764 3.1\].
#[derive(Clone)]
pub struct StaticKeys {
    /// Authentication key.
    ak: Key,
    /// Key derivation key.
    kdk: Key,
}

impl StaticKeys {
    /// Key setup.
    pub fn derive(psk: &Key) -> Self {
        let cipher = Aes128::new(&psk.0.into());
        let intermediate = encrypt(&cipher, [0; 16]);
        Self {
            ak: Key(encrypt(&cipher, xor_last(intermediate, 1))),
            kdk: Key(encrypt(&cipher, xor_last(intermediate, 2))),
        }
    }

    /// MAC_P, the proof of the peer \[RFC 4764 5.2\].
    pub fn mac_p(&self, id_p: &[u8], id_s: &[u8], rand_s: &[u8; 16], rand_p: &[u8; 16]) -> [u8; 16] {
        self.mac(&[id_p, id_s, rand_s, rand_p])
    }

    /// MAC_S, the proof of the server \[RFC 4764 5.3\].
    pub fn mac_s(&self, id_s: &[u8], rand_p: &[u8; 16]) -> [u8; 16] {
        self.mac(&[id_s, rand_p])
    }

    /// The keys of the session in which the peer has chosen `rand_p` \[RFC 4764 3.2\].
    pub fn session(&self, rand_p: &[u8; 16]) -> Session {
        let cipher = Aes128::new(&self.kdk.0.into());
        let block = encrypt(&cipher, *rand_p);
        Session { tek: Key(encrypt(&cipher, xor_last(block, 1))) }
    }

    /// MSK and EMSK of that session, which G3 does not use \[RFC 4764 3.2\].
    pub fn master_session_keys(&self, rand_p: &[u8; 16]) -> ([u8; 64], [u8; 64]) {
        let cipher = Aes128::new(&self.kdk.0.into());
        let block = encrypt(&cipher, *rand_p);
        let mut keys = [0; 128];
        for (chunk, counter) in keys.chunks_exact_mut(16).zip(2u8..) {
            chunk.copy_from_slice(&encrypt(&cipher, xor_last(block, counter)));
        }
        let (mut msk, mut emsk) = ([0; 64], [0; 64]);
        msk.copy_from_slice(&keys[..64]);
        emsk.copy_from_slice(&keys[64..]);
        (msk, emsk)
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = <Cmac<Aes128> as KeyInit>::new(&self.ak.0.into());
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl core::fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StaticKeys(..)")
    }
}

/// The keys of one authentication.
#[derive(Clone, Debug)]
pub struct Session {
    /// Transient EAP key.
    tek: Key,
}

impl Session {
    /// Encrypts `data` in place and returns the tag. A nonce must not be used twice with other data.
    pub fn seal(&self, nonce: u32, header: &[u8], data: &mut [u8]) -> [u8; 16] {
        let tag = self.eax().encrypt_inout_detached(&nonce_block(nonce).into(), header, data.into());
        tag.expect("a MAC payload is far below the limit of EAX").into()
    }

    /// Decrypts `data` in place; `false` leaves it encrypted, because something was changed.
    #[must_use]
    pub fn open(&self, nonce: u32, header: &[u8], tag: &[u8; 16], data: &mut [u8]) -> bool {
        let (nonce, tag) = (nonce_block(nonce).into(), (*tag).into());
        self.eax().decrypt_inout_detached(&nonce, header, data.into(), &tag).is_ok()
    }

    fn eax(&self) -> Eax<Aes128> {
        Eax::new(&self.tek.0.into())
    }
}

/// Compares two authentication codes in a time that does not tell where they differ.
pub fn same_mac(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// The nonce of the protected channel, padded in front.
fn nonce_block(nonce: u32) -> [u8; 16] {
    let mut block = [0; 16];
    block[12..].copy_from_slice(&nonce.to_be_bytes());
    block
}

fn xor_last(mut block: [u8; 16], constant: u8) -> [u8; 16] {
    block[15] ^= constant;
    block
}

fn encrypt(cipher: &Aes128, block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    cipher.encrypt_block(&mut block);
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{KDK, PSK, RAND_P, hex};

    #[test]
    fn key_setup_reproduces_the_interoperability_values() {
        let cipher = Aes128::new(&PSK.0.into());
        assert_eq!(encrypt(&cipher, [0; 16]), hex("ddb64883c32ffa6b35c7ee079fdc8e11")[..]);
        let keys = StaticKeys::derive(&PSK);
        assert_eq!(keys.ak.0, hex("62c726977737d61587df88e48c42a681")[..]);
        assert_eq!(keys.kdk.0, hex(KDK)[..]);
    }

    #[test]
    fn session_keys_reproduce_the_interoperability_values() {
        let keys = StaticKeys::derive(&PSK);
        assert_eq!(keys.session(&RAND_P).tek.0, hex("45ca5ca260b9dd876a425874e6b57f05")[..]);
        let (msk, emsk) = keys.master_session_keys(&RAND_P);
        assert_eq!(
            msk,
            hex(
                "870f6d615593b44fe5b5d30ac728d50ccf589b49729f83fce9225365b7ebb0008a326a259bba0ba116e18c2d1c374b1e934cc3728cdc653e0f14d3910732f60f"
            )[..]
        );
        assert_eq!(
            emsk,
            hex(
                "c1acde26177e202cd08768a8f95b778706a6e10513a1c158b0709cee82dc2140b9e7356a5ce6c69ef7293e4ec54874d6d60f0deb9100e996a87829d41f42273a"
            )[..]
        );
    }

    #[test]
    fn the_mac_of_nonce_zero_is_the_published_one() {
        // EAX takes its nonce through OMAC with a block of zeros in front: CMAC of 16 + 16 zero octets.
        let session = StaticKeys::derive(&PSK).session(&RAND_P);
        let mut mac = <Cmac<Aes128> as KeyInit>::new(&session.tek.0.into());
        mac.update(&[0; 32]);
        let value: [u8; 16] = mac.finalize().into_bytes().into();
        assert_eq!(value, hex("19b403fb75e3671c1ff1deaa2bece4cb")[..]);
    }

    #[test]
    fn the_published_eax_vectors_are_reproduced() {
        let eax = |key: &str, nonce: &str, header: &str, data: &mut [u8]| -> [u8; 16] {
            let key: [u8; 16] = hex(key)[..].try_into().unwrap();
            let nonce: [u8; 16] = hex(nonce)[..].try_into().unwrap();
            let cipher = Eax::<Aes128>::new(&key.into());
            cipher.encrypt_inout_detached(&nonce.into(), &hex(header), data.into()).unwrap().into()
        };
        let tag = eax(
            "233952DEE4D5ED5F9B9C6D6FF80FF478",
            "62EC67F9C3A4A407FCB2A8C49031A8B3",
            "6BFB914FD07EAE6B",
            &mut [],
        );
        assert_eq!(tag, hex("E037830E8389F27B025A2D6527E79D01")[..]);
        let mut data = [0xF7, 0xFB];
        let tag = eax(
            "91945D3F4DCBEE0BF45EF52255F095A4",
            "BECAF043B0A23D843194BA972C66DEBD",
            "FA3BFD4806EB53FA",
            &mut data,
        );
        assert_eq!(data, [0x19, 0xDD]);
        assert_eq!(tag, hex("5C4C9331049D0BDAB0277408F67967E5")[..]);
    }

    #[test]
    fn a_changed_bit_anywhere_closes_the_channel() {
        let session = StaticKeys::derive(&PSK).session(&RAND_P);
        let mut data = *b"parameters";
        let tag = session.seal(7, b"header", &mut data);
        let sealed = data;
        assert!(!session.open(8, b"header", &tag, &mut data.clone()));
        assert!(!session.open(7, b"heade!", &tag, &mut data.clone()));
        let mut flipped = sealed;
        flipped[3] ^= 1;
        assert!(!session.open(7, b"header", &tag, &mut flipped));
        assert!(session.open(7, b"header", &tag, &mut data));
        assert_eq!(&data, b"parameters");
    }

    #[test]
    fn codes_that_differ_in_one_bit_are_told_apart() {
        for bit in 0..128 {
            let mut other = [0; 16];
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!same_mac(&[0; 16], &other));
        }
        assert!(same_mac(&[3; 16], &[3; 16]));
    }
}
