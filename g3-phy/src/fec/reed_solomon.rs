//! Systematic, shortened Reed-Solomon codes over GF(256) with first root α¹.

use super::galois::{alpha, div, mul};

/// Parity octets of the strongest code.
const PARITY_MAX: usize = 16;
/// Coefficients of the longest polynomial, lowest power first.
type Polynomial = [u8; PARITY_MAX + 1];

/// A code with `2T` parity octets, which corrects up to `T` wrong octets of at most 255.
#[derive(Clone, Debug)]
pub struct ReedSolomon {
    parity: usize,
    /// Lowest power first; the highest coefficient is one.
    generator: Polynomial,
}

/// More octets are wrong than the code corrects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncorrectable;

impl ReedSolomon {
    /// The code with `parity` octets, an even number of at most 16.
    pub fn new(parity: usize) -> Self {
        assert!(
            parity.is_multiple_of(2) && parity <= PARITY_MAX,
            "a code has an even number of parity octets"
        );
        let mut generator = [0; PARITY_MAX + 1];
        generator[0] = 1;
        for root in 1..=parity {
            for n in (0..=root).rev() {
                let shifted = if n > 0 { generator[n - 1] } else { 0 };
                generator[n] = shifted ^ mul(generator[n], alpha(root));
            }
        }
        Self { parity, generator }
    }

    /// Parity octets.
    pub const fn parity(&self) -> usize {
        self.parity
    }

    /// Fills the last octets of `word` with the parity of the others.
    pub fn encode(&self, word: &mut [u8]) {
        let mut remainder = [0; PARITY_MAX];
        let (data, parity) = word.split_at_mut(word.len().saturating_sub(self.parity));
        for &octet in data.iter() {
            let feedback = octet ^ remainder[0];
            remainder.copy_within(1..self.parity, 0);
            remainder[self.parity - 1] = 0;
            for (n, slot) in remainder[..self.parity].iter_mut().enumerate() {
                *slot ^= mul(feedback, self.generator[self.parity - 1 - n]);
            }
        }
        parity.copy_from_slice(&remainder[..parity.len()]);
    }

    /// Corrects `word` in place and returns how many octets were wrong.
    ///
    /// # Errors
    /// [`Uncorrectable`], and `word` is as it was.
    pub fn decode(&self, word: &mut [u8]) -> Result<usize, Uncorrectable> {
        if word.len() <= self.parity || word.len() > 255 {
            return Err(Uncorrectable);
        }
        let Some(syndromes) = self.syndromes(word) else { return Ok(0) };
        let (locator, errors) = self.locator(&syndromes);
        if errors > self.parity / 2 {
            return Err(Uncorrectable);
        }
        let mut found = [(0, 0); PARITY_MAX / 2];
        let count = self.search(&syndromes, &locator, word.len(), &mut found);
        if count != errors {
            return Err(Uncorrectable);
        }
        found[..count].iter().for_each(|&(position, value)| word[position] ^= value);
        Ok(count)
    }

    /// Syndromes `S_1..S_2T` at indices 0.., or `None` if all are zero.
    fn syndromes(&self, word: &[u8]) -> Option<[u8; PARITY_MAX]> {
        let mut syndromes = [0; PARITY_MAX];
        for (n, syndrome) in syndromes[..self.parity].iter_mut().enumerate() {
            *syndrome = word.iter().fold(0, |sum, &octet| mul(sum, alpha(n + 1)) ^ octet);
        }
        syndromes.iter().any(|&s| s != 0).then_some(syndromes)
    }

    /// Berlekamp and Massey: the error locator and the number of errors that it claims.
    fn locator(&self, syndromes: &[u8; PARITY_MAX]) -> (Polynomial, usize) {
        let (mut locator, mut previous) = ([0; PARITY_MAX + 1], [0; PARITY_MAX + 1]);
        (locator[0], previous[0]) = (1, 1);
        let (mut errors, mut gap, mut scale) = (0, 1, 1);
        for step in 0..self.parity {
            let discrepancy = (0..=errors).fold(0, |sum, n| sum ^ mul(locator[n], syndromes[step - n]));
            if discrepancy == 0 {
                gap += 1;
                continue;
            }
            let before = locator;
            let factor = div(discrepancy, scale);
            for n in gap..=PARITY_MAX {
                locator[n] ^= mul(factor, previous[n - gap]);
            }
            if 2 * errors <= step {
                errors = step + 1 - errors;
                (previous, scale, gap) = (before, discrepancy, 1);
            } else {
                gap += 1;
            }
        }
        (locator, errors)
    }

    /// Chien and Forney: positions and values of the errors; returns how many roots lie inside the word.
    fn search(
        &self,
        syndromes: &[u8; PARITY_MAX],
        locator: &Polynomial,
        len: usize,
        found: &mut [(usize, u8); PARITY_MAX / 2],
    ) -> usize {
        let evaluator = self.evaluator(syndromes, locator);
        let mut count = 0;
        for power in 0..len {
            let inverse = alpha(255 - power);
            if evaluate(locator, inverse) != 0 || count == found.len() {
                continue;
            }
            let slope = evaluate_odd(locator, inverse);
            if slope == 0 {
                continue;
            }
            found[count] = (len - 1 - power, div(evaluate(&evaluator, inverse), slope));
            count += 1;
        }
        count
    }

    /// S(x)·Λ(x) mod x^2T.
    fn evaluator(&self, syndromes: &[u8; PARITY_MAX], locator: &Polynomial) -> Polynomial {
        let mut evaluator = [0; PARITY_MAX + 1];
        for (n, slot) in evaluator[..self.parity].iter_mut().enumerate() {
            *slot = (0..=n).fold(0, |sum, i| sum ^ mul(locator[i], syndromes[n - i]));
        }
        evaluator
    }
}

fn evaluate(polynomial: &Polynomial, x: u8) -> u8 {
    polynomial.iter().rev().fold(0, |sum, &c| mul(sum, x) ^ c)
}

/// The odd part of Λ at `x` over `x`, times `x⁰`: with first root α¹ Forney's value is Ω / Λ'.
fn evaluate_odd(polynomial: &Polynomial, x: u8) -> u8 {
    let square = mul(x, x);
    polynomial.iter().skip(1).step_by(2).rev().fold(0, |sum, &c| mul(sum, square) ^ c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_generators_are_the_published_ones() {
        let t8 = [0, 121, 106, 110, 113, 107, 167, 83, 11, 100, 201, 158, 181, 195, 208, 240, 136];
        let t4 = [0, 176, 240, 211, 253, 220, 3, 203, 36];
        let highest_first =
            |code: &ReedSolomon| code.generator[..=code.parity].iter().rev().copied().collect::<Vec<u8>>();
        assert_eq!(highest_first(&ReedSolomon::new(16)), t8.map(alpha));
        assert_eq!(highest_first(&ReedSolomon::new(8)), t4.map(alpha));
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

    fn damaged() -> impl Strategy<Value = (usize, Vec<u8>, Vec<(usize, u8)>)> {
        (prop_oneof![Just(8usize), Just(16)], 1usize..240).prop_flat_map(|(parity, len)| {
            let positions =
                proptest::sample::subsequence((0..len + parity).collect::<Vec<_>>(), 0..=parity / 2);
            let errors = positions.prop_flat_map(|p| {
                let n = p.len();
                (Just(p), proptest::collection::vec(1u8.., n))
                    .prop_map(|(p, v)| p.into_iter().zip(v).collect())
            });
            (Just(parity), proptest::collection::vec(any::<u8>(), len), errors)
        })
    }

    proptest! {
        #[test]
        fn up_to_t_errors_are_corrected((parity, data, errors) in damaged()) {
            let code = ReedSolomon::new(parity);
            let mut word = data;
            word.resize(word.len() + parity, 0);
            code.encode(&mut word);
            let sent = word.clone();
            errors.iter().for_each(|&(position, value)| word[position] ^= value);
            prop_assert_eq!(code.decode(&mut word), Ok(errors.len()));
            prop_assert_eq!(word, sent);
        }

        #[test]
        fn what_decoding_accepts_is_a_code_word(mut word in proptest::collection::vec(any::<u8>(), 0..300), t4: bool) {
            let code = ReedSolomon::new(if t4 { 8 } else { 16 });
            let before = word.clone();
            match code.decode(&mut word) {
                Ok(_) => prop_assert_eq!(code.syndromes(&word), None),
                Err(Uncorrectable) => prop_assert_eq!(word, before),
            }
        }
    }
}
