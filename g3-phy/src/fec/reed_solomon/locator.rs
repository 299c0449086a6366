//! Berlekamp and Massey: from syndromes to the polynomial whose roots tell where the errors are.

use super::super::galois::{div, mul};
use super::ERRORS_MAX;

/// Coefficients, lowest power first.
type Coefficients = [u8; ERRORS_MAX + 1];

/// The error locator Λ and the error evaluator Ω = S·Λ.
#[derive(Debug)]
pub(super) struct Locator {
    pub(super) locator: Coefficients,
    pub(super) evaluator: Coefficients,
    /// The number of errors that it claims.
    pub(super) errors: usize,
}

impl Locator {
    /// The shortest recursion that makes all `syndromes`; `None` when it is longer than half of them.
    pub(super) fn of(syndromes: &[u8]) -> Option<Self> {
        let (mut locator, mut previous) = ([0; ERRORS_MAX + 1], [0; ERRORS_MAX + 1]);
        (locator[0], previous[0]) = (1, 1);
        let (mut errors, mut gap, mut scale) = (0, 1, 1);
        for step in 0..syndromes.len() {
            let discrepancy = coefficient(&locator[..=errors], syndromes, step);
            if discrepancy == 0 {
                gap += 1;
                continue;
            }
            let before = locator;
            add_shifted(&mut locator, &previous, gap, div(discrepancy, scale));
            if 2 * errors <= step {
                errors = step + 1 - errors;
                (previous, scale, gap) = (before, discrepancy, 0);
            }
            if errors > syndromes.len() / 2 {
                return None;
            }
            gap += 1;
        }
        let mut evaluator = [0; ERRORS_MAX + 1];
        (0..errors).for_each(|n| evaluator[n] = coefficient(&locator[..=n], syndromes, n));
        Some(Self { locator, evaluator, errors })
    }
}

/// The coefficient of x^`n` of `locator` times the syndromes.
fn coefficient(locator: &[u8], syndromes: &[u8], n: usize) -> u8 {
    let falling = syndromes[..=n].iter().rev();
    locator.iter().zip(falling).fold(0, |sum, (&a, &b)| sum ^ mul(a, b))
}

/// Adds `factor`·x^`gap`·`previous`.
fn add_shifted(locator: &mut Coefficients, previous: &Coefficients, gap: usize, factor: u8) {
    for (to, &from) in locator.iter_mut().skip(gap).zip(previous) {
        *to ^= mul(factor, from);
    }
}
