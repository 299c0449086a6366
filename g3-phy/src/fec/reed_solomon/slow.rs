//! Reed-Solomon one coefficient at a time: the slow truth for the tables.

use super::super::galois::{alpha, div, mul};
use super::{PARITY_MAX, Uncorrectable};

/// Coefficients of the longest polynomial, lowest power first.
type Polynomial = [u8; PARITY_MAX + 1];

/// A code with `2T` parity octets, which corrects up to `T` wrong octets of at most 255.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    pub(super) parity: usize,
    /// Lowest power first; the highest coefficient is one.
    pub(super) generator: Polynomial,
}

impl Slow {
    /// The code with `parity` octets, an even number of at most 16.
    pub(super) fn new(parity: usize) -> Self {
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

    /// Fills the last octets of `word` with the parity of the others.
    pub(super) fn encode(&self, word: &mut [u8]) {
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
    pub(super) fn decode(&self, word: &mut [u8]) -> Result<usize, Uncorrectable> {
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
    pub(super) fn syndromes(&self, word: &[u8]) -> Option<[u8; PARITY_MAX]> {
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
