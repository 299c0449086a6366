//! Division by the generator, eight octets at a time, and the syndromes that a remainder has.

use super::super::galois::{alpha, mul};
use super::PARITY_MAX;

/// Octets of a step.
const STEP: usize = 8;

/// The tables of one code. Remainders have their highest power in the most significant octet.
pub(super) struct Division {
    /// Remainder of `v` at the place of octet `n` of a step, times x^parity, at `[n][v]`.
    steps: [[u128; 256]; STEP],
    /// Syndromes of the value `v` of half `n` of a remainder, S₁ in the most significant octet, at `[n][v]`.
    halves: [[u128; 16]; 2 * PARITY_MAX],
}

impl Division {
    /// By the generator with the roots α¹ to α^`parity`.
    pub(super) const fn new(parity: usize) -> Self {
        Self { steps: steps(generator(parity)), halves: halves(parity) }
    }

    /// `data` times x^parity, modulo the generator.
    pub(super) fn remainder(&self, data: &[u8]) -> u128 {
        let (head, rest) = data.split_at(data.len() % STEP);
        let mut first = [0; STEP];
        first[STEP - head.len()..].copy_from_slice(head);
        let (steps, _) = rest.as_chunks();
        steps.iter().fold(self.step(0, first), |remainder, &octets| self.step(remainder, octets))
    }

    fn step(&self, remainder: u128, octets: [u8; STEP]) -> u128 {
        let feedback = u64::from_be_bytes(octets) ^ (remainder >> 64) as u64;
        let [a, b, c, d, e, f, g, h] = feedback.to_be_bytes().map(usize::from);
        let s = &self.steps;
        let (high, low) =
            ((s[0][a] ^ s[1][b]) ^ (s[2][c] ^ s[3][d]), (s[4][e] ^ s[5][f]) ^ (s[6][g] ^ s[7][h]));
        remainder << 64 ^ (high ^ low)
    }

    /// Syndromes S₁ … of a word that leaves `remainder`.
    pub(super) fn syndromes(&self, remainder: u128) -> [u8; PARITY_MAX] {
        let mut sum = 0;
        for (octet, [high, low]) in remainder.to_be_bytes().into_iter().zip(self.halves.as_chunks().0) {
            sum ^= high[usize::from(octet >> 4)] ^ low[usize::from(octet & 15)];
        }
        sum.to_be_bytes()
    }
}

/// Every coefficient of the generator but the highest, which is one.
pub(super) const fn generator(parity: usize) -> u128 {
    let (mut low, mut root) = (0, 1);
    while root <= parity {
        // (x^(root-1) + low)·(x + α^root), the coefficients of `low` standing at the bottom of the word.
        let lead = (alpha(root) as u128) << (8 * (root - 1));
        low = low << 8 ^ scale(low, alpha(root)) ^ lead;
        root += 1;
    }
    low << (8 * (PARITY_MAX - parity))
}

/// Sixteen products at once.
const fn scale(values: u128, factor: u8) -> u128 {
    let (mut octets, mut n) = (values.to_be_bytes(), 0);
    while n < octets.len() {
        octets[n] = mul(octets[n], factor);
        n += 1;
    }
    u128::from_be_bytes(octets)
}

const fn steps(generator: u128) -> [[u128; 256]; STEP] {
    let (mut tables, mut one, mut n) = ([[0; 256]; STEP], generator, STEP);
    while n > 0 {
        n -= 1;
        tables[n] = multiples(one);
        one = one << 8 ^ scale(generator, (one >> 120) as u8);
    }
    tables
}

const fn halves(parity: usize) -> [[u128; 16]; 2 * PARITY_MAX] {
    let (mut tables, mut octet) = ([[0; 16]; 2 * PARITY_MAX], 0);
    while octet < parity {
        let (mut one, mut root) = ([0; PARITY_MAX], 1);
        while root <= parity {
            one[root - 1] = alpha((parity - 1 - octet) * root);
            root += 1;
        }
        let one = u128::from_be_bytes(one);
        tables[2 * octet] = multiples(scale(one, 16));
        tables[2 * octet + 1] = multiples(one);
        octet += 1;
    }
    tables
}

/// `one` times 0, 1, 2, …
const fn multiples<const N: usize>(one: u128) -> [u128; N] {
    let (mut table, mut v) = ([0; N], 1);
    while v < N {
        let lowest = v & v.wrapping_neg();
        table[v] = if v == lowest { scale(one, v as u8) } else { table[v - lowest] ^ table[lowest] };
        v += 1;
    }
    table
}
