//! The two-dimensional block interleaver: `m` columns (carriers) by `n` rows.

/// Which of the two row steps is the larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterleaverOrder {
    /// `n_i` is the larger, `n_j` the smaller co-prime.
    #[default]
    LargerFirst,
    /// `n_i` is the smaller.
    SmallerFirst,
}

/// A bijection of `0..m·n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interleaver {
    m: usize,
    n: usize,
    m_i: usize,
    m_j: usize,
    n_i: usize,
    n_j: usize,
}

impl Interleaver {
    /// The interleaver of `m` columns and `n` rows. With `swap` the row steps change places when element
    /// (1, 0) would otherwise stay in column 0.
    pub const fn new(m: usize, n: usize, order: InterleaverOrder, swap: bool) -> Self {
        let (m_i, m_j) = coprimes(m);
        let (small, large) = coprimes(n);
        let (mut n_i, mut n_j) = match order {
            InterleaverOrder::LargerFirst => (large, small),
            InterleaverOrder::SmallerFirst => (small, large),
        };
        if swap && m > 0 && n > 0 && (m_i + (n_i % n) * m_j).is_multiple_of(m) {
            (n_i, n_j) = (n_j, n_i);
        }
        Self { m, n, m_i, m_j, n_i, n_j }
    }

    /// Elements.
    pub const fn len(&self) -> usize {
        self.m * self.n
    }

    /// Whether there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the element at `index` goes. `index` must be less than [`len`](Self::len).
    pub const fn destination(&self, index: usize) -> usize {
        let (i, j) = (index % self.m, index / self.m);
        let row = (j * self.n_j + i * self.n_i) % self.n;
        let column = (i * self.m_i + row * self.m_j) % self.m;
        row * self.m + column
    }

    /// Calls `visit` with where each element goes, in order, by additions alone.
    pub fn visit(&self, mut visit: impl FnMut(usize)) {
        let Self { m, n, m_i, m_j, n_i, n_j } = *self;
        if self.is_empty() {
            return;
        }
        let (m_i, n_i, n_j) = (m_i % m, n_i % n, n_j % n);
        // The row grows by n_i or, past the last, by n_i - n; so grows what it adds to the column, modulo m.
        let jump = [n_i * m_j % m, (m - (n - n_i) * m_j % m) % m];
        let mut first_row = 0;
        for _ in 0..n {
            let (mut row, mut across, mut down) = (first_row, 0, first_row * m_j % m);
            for _ in 0..m {
                visit(row * m + reduced(across + down, m));
                let wraps = row + n_i >= n;
                row = if wraps { row + n_i - n } else { row + n_i };
                down = reduced(down + jump[usize::from(wraps)], m);
                across = reduced(across + m_i, m);
            }
            first_row = reduced(first_row + n_j, n);
        }
    }
}

/// `value` modulo `size`, of which it is less than the double.
const fn reduced(value: usize, size: usize) -> usize {
    if value < size { value } else { value - size }
}

/// The two smallest numbers from 3 on that are co-prime with `size` and below it; 1 where there is none.
const fn coprimes(size: usize) -> (usize, usize) {
    let first = next_coprime(size, 3);
    (first, if first == 1 { 1 } else { next_coprime(size, first + 1) })
}

const fn next_coprime(size: usize, from: usize) -> usize {
    let mut candidate = from;
    while candidate < size {
        if gcd(size, candidate) == 1 {
            return candidate;
        }
        candidate += 1;
    }
    1
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn default(m: usize, n: usize) -> Interleaver {
        Interleaver::new(m, n, InterleaverOrder::LargerFirst, true)
    }

    #[test]
    fn parameters_are_the_published_ones() {
        let table = [
            (36, 13, 5, 7, 4, 3),
            (16, 30, 3, 5, 11, 7),
            (72, 12, 5, 7, 7, 5),
            (54, 16, 5, 7, 5, 3),
            (36, 40, 5, 7, 7, 3),
            (36, 252, 5, 7, 11, 5),
            (36, 112, 5, 7, 5, 3),
            (36, 108, 5, 7, 7, 5),
        ];
        for (m, n, m_i, m_j, n_i, n_j) in table {
            assert_eq!(default(m, n), Interleaver { m, n, m_i, m_j, n_i, n_j });
        }
        let rows = [(5, 4, 3), (8, 5, 3), (12, 7, 5), (4, 1, 3), (6, 1, 5), (210, 13, 11)];
        for (n, n_i, n_j) in rows {
            let found = Interleaver::new(36, n, InterleaverOrder::LargerFirst, false);
            assert_eq!((found.n_i, found.n_j), (n_i, n_j), "{n} rows");
        }
    }

    #[test]
    fn row_steps_are_exchanged_exactly_where_the_published_list_says() {
        let swapped = |m: usize| -> Vec<usize> {
            let plain = |n| Interleaver::new(m, n, InterleaverOrder::LargerFirst, false);
            (4..260).filter(|&n| plain(n) != default(m, n)).collect()
        };
        for m in [36, 33, 27, 72, 66, 60] {
            assert_eq!(swapped(m), [], "{m}");
        }
        for m in [30, 24, 48, 11] {
            assert_eq!(swapped(m), [210], "{m}");
        }
        assert_eq!(swapped(12), [4, 6, 210]);
        assert_eq!(swapped(9), [4, 6]);
        assert_eq!(swapped(16), [70, 140]);
        assert_eq!(swapped(8), [4, 6, 70, 140]);
        assert_eq!(swapped(18)[..8], [10, 12, 15, 18, 20, 24, 36, 40]);
        assert_eq!(swapped(6)[..5], [4, 6, 10, 12, 15]);
    }

    #[test]
    fn the_first_destinations_of_the_cenelec_a_header_are_the_published_ones() {
        let destinations: Vec<_> = (0..12).map(|k| default(36, 13).destination(k)).collect();
        assert_eq!(destinations, [0, 177, 318, 459, 113, 254, 431, 85, 226, 367, 57, 198]);
    }

    proptest! {
        #[test]
        fn a_visit_goes_where_single_elements_go(m in 0usize..110, n in 0usize..260, smaller: bool, swap: bool) {
            let order = if smaller { InterleaverOrder::SmallerFirst } else { InterleaverOrder::LargerFirst };
            let interleaver = Interleaver::new(m, n, order, swap);
            let mut visited = Vec::new();
            interleaver.visit(|place| visited.push(place));
            let expected: Vec<usize> = (0..interleaver.len()).map(|k| interleaver.destination(k)).collect();
            prop_assert_eq!(visited, expected);
        }

        #[test]
        fn every_position_is_hit_once(groups in 1usize..7, n in 4usize..260, smaller: bool) {
            let order = if smaller { InterleaverOrder::SmallerFirst } else { InterleaverOrder::LargerFirst };
            let interleaver = Interleaver::new(groups * 6, n, order, true);
            let mut seen = vec![false; interleaver.len()];
            (0..interleaver.len()).for_each(|k| seen[interleaver.destination(k)] = true);
            prop_assert!(seen.iter().all(|&s| s));
        }
    }
}
