//! Systematic, shortened Reed-Solomon codes over GF(256) with first root α¹.

mod locator;
mod remainder;
mod roots;
#[cfg(test)]
mod slow;

use core::fmt;
use locator::Locator;
use remainder::Division;
use roots::Roots;

/// Parity octets of the strongest code.
const PARITY_MAX: usize = 16;
/// Errors that the strongest code corrects.
const ERRORS_MAX: usize = PARITY_MAX / 2;
/// Octets of the longest word.
const WORD_MAX: usize = 255;

static EIGHT: Division = Division::new(8);
static SIXTEEN: Division = Division::new(16);

/// A code with `2T` parity octets, which corrects up to `T` wrong octets of at most 255.
#[derive(Clone, Copy)]
pub struct ReedSolomon {
    parity: usize,
    division: &'static Division,
}

/// More octets are wrong than the code corrects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncorrectable;

impl fmt::Debug for ReedSolomon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReedSolomon({WORD_MAX}, {})", WORD_MAX - self.parity)
    }
}

impl ReedSolomon {
    /// The code with `parity` octets, which are 8 or 16.
    pub fn new(parity: usize) -> Self {
        assert!(parity == 8 || parity == 16, "there are tables for 8 and 16 parity octets");
        Self { parity, division: if parity == 8 { &EIGHT } else { &SIXTEEN } }
    }

    /// Parity octets.
    pub const fn parity(&self) -> usize {
        self.parity
    }

    /// Fills the last octets of `word` with the parity of the others.
    pub fn encode(&self, word: &mut [u8]) {
        let (data, parity) = word.split_at_mut(word.len().saturating_sub(self.parity));
        let remainder = self.division.remainder(data).to_be_bytes();
        parity.copy_from_slice(&remainder[..parity.len()]);
    }

    /// Corrects `word` in place and returns how many octets were wrong.
    ///
    /// # Errors
    /// [`Uncorrectable`], and `word` is as it was.
    pub fn decode(&self, word: &mut [u8]) -> Result<usize, Uncorrectable> {
        if word.len() <= self.parity || word.len() > WORD_MAX {
            return Err(Uncorrectable);
        }
        match self.remainder(word) {
            0 => Ok(0),
            remainder => self.correct(word, remainder).ok_or(Uncorrectable),
        }
    }

    /// `word` modulo the generator.
    fn remainder(&self, word: &[u8]) -> u128 {
        let (data, parity) = word.split_at(word.len() - self.parity);
        let mut received = [0; PARITY_MAX];
        received[..self.parity].copy_from_slice(parity);
        self.division.remainder(data) ^ u128::from_be_bytes(received)
    }

    #[inline(never)]
    fn correct(&self, word: &mut [u8], remainder: u128) -> Option<usize> {
        let syndromes = self.division.syndromes(remainder);
        let locator = Locator::of(&syndromes[..self.parity])?;
        let roots = Roots::of(&locator, word.len())?;
        roots.errors(&locator).for_each(|(position, value)| word[position] ^= value);
        Some(locator.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::super::galois::alpha;
    use super::slow::Slow;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_generators_are_the_published_ones() {
        let t8 = [121, 106, 110, 113, 107, 167, 83, 11, 100, 201, 158, 181, 195, 208, 240, 136];
        let t4 = [176, 240, 211, 253, 220, 3, 203, 36];
        assert_eq!(remainder::generator(16).to_be_bytes(), t8.map(alpha));
        assert_eq!(remainder::generator(8).to_be_bytes()[..8], t4.map(alpha));
    }

    #[test]
    fn a_published_code_word_of_251_octets_is_reproduced() {
        let data = hex(concat!(
            "0ef3cb01222bb00bdceebe21f65cb6f10df4801758487a0eb1d6724ee8be6fe31bea062bbc9ffe147bb7fa80c56bcdd747a77a22054086519f049b6ceeb0f9cfaf6dd261",
            "26ae268a063208e4e956c1ae8e087217918397cdc4afdf04166a419cdcd322eaefc8e552518460d5f80351e80915f360632e701d0ba36f0654a10171724880a5aa338a53",
            "6f3da071dd357092750396dfc9f98f3e57f1cf6f3fec62a46b85aa3b1e7d95f436790142ea4e56d826f9a382c105d0108518ed69317a4e50ec51e0a12fa50b89b38b656e",
            "d7422f1189f1961602144c4b2e5c8591ebc21d6352a16b684966d3de05e354"
        ));
        let mut word = [&data[..], &[0; 16]].concat();
        assert_eq!(word.len(), 251);
        ReedSolomon::new(16).encode(&mut word);
        assert_eq!(word[235..], hex("8fcc895ab56705f19ad7360c3e15111c"));
    }

    #[test]
    fn the_check_values_of_both_codes_hold() {
        let encode = |parity: usize| {
            let mut word: Vec<u8> = (0..16 + parity as u8).collect();
            ReedSolomon::new(parity).encode(&mut word);
            word.split_off(16)
        };
        assert_eq!(encode(16), hex("FB9D0BEA6FDA88334AD0AD8C432EBC0A"));
        assert_eq!(encode(8), hex("83A705C3DB5A8DA2"));
    }

    /// A code's parity, a word of it, and errors in up to three octets more than it corrects.
    fn damaged() -> impl Strategy<Value = (usize, Vec<u8>, Vec<(usize, u8)>)> {
        (prop_oneof![Just(8usize), Just(16)], 1usize..248).prop_flat_map(|(parity, len)| {
            let len = len.min(255 - parity);
            let positions = proptest::sample::subsequence(
                (0..len + parity).collect::<Vec<_>>(),
                0..=(parity / 2 + 3).min(len),
            );
            let errors = positions.prop_flat_map(|p| {
                let n = p.len();
                (Just(p), proptest::collection::vec(1u8.., n))
                    .prop_map(|(p, v)| p.into_iter().zip(v).collect())
            });
            (Just(parity), proptest::collection::vec(any::<u8>(), len), errors)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn tables_and_coefficients_agree_and_up_to_t_errors_are_corrected((parity, data, errors) in damaged()) {
            let (code, slow) = (ReedSolomon::new(parity), Slow::new(parity));
            let mut sent = data;
            sent.resize(sent.len() + parity, 0);
            let mut word = sent.clone();
            code.encode(&mut sent);
            slow.encode(&mut word);
            prop_assert_eq!(&sent, &word);
            errors.iter().for_each(|&(position, value)| word[position] ^= value);
            let mut expected = word.clone();
            let verdict = slow.decode(&mut expected);
            prop_assert_eq!(code.decode(&mut word), verdict);
            prop_assert_eq!(&word, &expected);
            if errors.len() <= parity / 2 {
                prop_assert_eq!((verdict, word), (Ok(errors.len()), sent));
            }
        }

        #[test]
        fn what_decoding_accepts_is_a_code_word(mut word in proptest::collection::vec(any::<u8>(), 0..300), t4: bool) {
            let parity = if t4 { 8 } else { 16 };
            let before = word.clone();
            match ReedSolomon::new(parity).decode(&mut word) {
                Ok(_) => prop_assert_eq!(Slow::new(parity).syndromes(&word), None),
                Err(Uncorrectable) => prop_assert_eq!(word, before),
            }
        }
    }

    #[test]
    fn every_pair_of_wrong_octets_is_corrected() {
        let code = ReedSolomon::new(8);
        let mut sent: Vec<u8> = (0..255).map(|n: u8| n.wrapping_mul(29)).collect();
        code.encode(&mut sent);
        for first in 0..255 {
            for second in first + 1..255 {
                let mut word = sent.clone();
                word[first] ^= 0x80;
                word[second] ^= 0x01;
                assert_eq!(code.decode(&mut word), Ok(2));
                assert_eq!(word, sent);
            }
        }
    }
}
