//! Chien and Forney without a multiplication: as a position moves on by one, the term c·xᵏ of a polynomial moves on in a
//! table of powers of αᵏ. So a term at all positions of a word is a run of such a table, and the whole polynomial is
//! the sum of as many runs as it has terms.

use super::super::galois::{alpha, div, log};
use super::locator::Locator;
use super::{ERRORS_MAX, WORD_MAX};

/// Octets of one table: a full circle and the longest run from its end.
const ROW: usize = 2 * WORD_MAX + 2;
/// αᵏ has 255 powers, or 85 (k = 3, 6) or 51 (k = 5); so many tables hold every run for k = 1 … 8.
const ROWS: usize = 5 + 3 + 3 + 5;

struct Runs {
    powers: [[u8; ROW]; ROWS],
    /// Row and column at which the run begins whose first power is α^e with steps of αᵏ, at `[k - 1][e]`.
    begins: [[(u8, u8); WORD_MAX]; ERRORS_MAX],
}

static RUNS: Runs = runs();

const fn runs() -> Runs {
    let mut runs = Runs { powers: [[0; ROW]; ROWS], begins: [[(0, 0); WORD_MAX]; ERRORS_MAX] };
    let (mut row, mut k) = (0, 1);
    while k <= ERRORS_MAX {
        let (rows, mut first) = (
            if WORD_MAX.is_multiple_of(k) {
                k
            } else if k == 6 {
                3
            } else {
                1
            },
            0,
        );
        while first < rows {
            let mut column = ROW;
            while column > 0 {
                column -= 1;
                let power = (first + k * column) % WORD_MAX;
                runs.powers[row][column] = alpha(power);
                if column < WORD_MAX {
                    runs.begins[k - 1][power] = (row as u8, column as u8);
                }
            }
            (row, first) = (row + 1, first + 1);
        }
        k += 1;
    }
    runs
}

/// The run of `coefficient`·xᵏ over the positions of a word of `len` octets, the first having the highest power;
/// x is the inverse of the position's power of α.
fn run(k: usize, coefficient: u8, len: usize) -> Option<&'static [u8]> {
    if coefficient == 0 {
        return None;
    }
    let first = (log(coefficient) + k * (WORD_MAX + 1 - len)) % WORD_MAX;
    let (row, column) = RUNS.begins[k - 1][first];
    RUNS.powers[usize::from(row)].get(usize::from(column)..)?.get(..len)
}

/// Where the roots of a locator are in a word, and what to add there.
pub(super) struct Roots {
    len: usize,
    found: [u8; ERRORS_MAX],
}

impl Roots {
    /// The roots of `locator` in a word of `len` octets, at most 255; `None` unless there are as many as it claims.
    pub(super) fn of(locator: &Locator, len: usize) -> Option<Self> {
        let mut values = [1; WORD_MAX + 1];
        for k in 1..=locator.errors {
            let terms = run(k, locator.locator[k], len).unwrap_or_default();
            values.iter_mut().zip(terms).for_each(|(value, term)| *value ^= term);
        }
        let (mut roots, mut count) = (Self { len, found: [0; ERRORS_MAX] }, 0);
        for (n, octets) in values.as_chunks::<8>().0.iter().enumerate() {
            let mut zeros = zero_octets(u64::from_le_bytes(*octets));
            while zeros != 0 {
                *roots.found.get_mut(count)? = (8 * n) as u8 + (zeros.trailing_zeros() / 8) as u8;
                (zeros, count) = (zeros & (zeros - 1), count + 1);
            }
        }
        (count == locator.errors).then_some(roots)
    }

    /// Positions and values of the errors.
    pub(super) fn errors(&self, locator: &Locator) -> impl Iterator<Item = (usize, u8)> {
        let Locator { locator, evaluator, errors } = *locator;
        let slope = Sum::new((1..=errors).step_by(2).map(|k| run(k, locator[k], self.len)));
        let value = Sum::new((1..=errors).map(|k| run(k, evaluator[k - 1], self.len)));
        let found = self.found.into_iter().take(errors).map(usize::from);
        found.map(move |position| (position, div(value.at(position), slope.at(position))))
    }
}

/// A polynomial as the runs of its terms.
struct Sum {
    runs: [&'static [u8]; ERRORS_MAX],
    count: usize,
}

impl Sum {
    fn new(terms: impl Iterator<Item = Option<&'static [u8]>>) -> Self {
        let mut sum = Self { runs: [&[]; ERRORS_MAX], count: 0 };
        for (slot, run) in sum.runs.iter_mut().zip(terms.flatten()) {
            *slot = run;
            sum.count += 1;
        }
        sum
    }

    fn at(&self, position: usize) -> u8 {
        self.runs[..self.count].iter().fold(0, |sum, run| sum ^ run[position])
    }
}

/// The top bit of each octet of `octets` that is zero.
const fn zero_octets(octets: u64) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    !(((octets & LOW) + LOW) | octets | LOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_holds_the_powers_that_its_term_has() {
        for k in 1..=ERRORS_MAX {
            for (value, len) in (1..=255).flat_map(|value| [1, 100, 255].map(|len| (value, len))) {
                let run = run(k, value, len).unwrap();
                let expected = |n: usize| alpha(log(value) + (255 - (len - 1 - n)) * k);
                assert!((0..len).all(|n| run[n] == expected(n)), "{value}·x^{k}, {len} octets");
            }
        }
    }

    #[test]
    fn zero_octets_are_found_and_no_others() {
        assert_eq!(zero_octets(0x0001_8000_FF7F_0100), 0x8000_0080_0000_0080);
    }
}
