//! A buffer of rows that forgets the oldest.

use alloc::collections::VecDeque;

/// At most `capacity` rows, all of its memory taken at construction.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    rows: VecDeque<T>,
    capacity: usize,
    forgotten: u64,
}

impl<T> Ring<T> {
    /// An empty buffer for at least one row.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { rows: VecDeque::with_capacity(capacity), capacity, forgotten: 0 }
    }

    /// Appends a row; the oldest goes when there is no room.
    pub fn push(&mut self, row: T) {
        if self.rows.len() == self.capacity {
            self.rows.pop_front();
            self.forgotten += 1;
        }
        self.rows.push_back(row);
    }

    /// The rows, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.rows.iter()
    }

    /// The row `n` after the oldest.
    pub fn row(&self, n: usize) -> Option<&T> {
        self.rows.get(n)
    }

    /// The newest row.
    pub fn newest(&self) -> Option<&T> {
        self.rows.back()
    }

    /// Rows held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The most rows that can be held.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Rows that have gone since construction.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_full_ring_forgets_the_oldest_and_never_grows() {
        let mut ring = Ring::new(3);
        (0..10).for_each(|n| ring.push(n));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((ring.newest(), ring.row(0), ring.forgotten(), ring.len()), (Some(&9), Some(&7), 7, 3));
    }
}
