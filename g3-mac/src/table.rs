//! A bounded table, sorted by its key.

use alloc::vec::Vec;

/// A table that finds its entries in logarithmic time and never grows beyond its bound: a new entry pushes out the
/// stalest.
///
/// Keys and values stand in arrays of their own: a search touches the keys alone, and nothing is lost between them.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
    bound: usize,
    evicted: u32,
}

impl<K: Ord + Copy, V> Table<K, V> {
    /// An empty table; a bound of zero counts as one.
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        Self { keys: Vec::with_capacity(bound), values: Vec::with_capacity(bound), bound, evicted: 0 }
    }

    pub(crate) fn find(&self, key: K) -> Option<&V> {
        self.place(key).ok().map(|at| &self.values[at])
    }

    pub(crate) fn find_mut(&mut self, key: K) -> Option<&mut V> {
        self.place(key).ok().map(|at| &mut self.values[at])
    }

    /// Sets the entry of `key`. If there is none and the table is full, the entry with the smallest `staleness` goes.
    pub(crate) fn insert<S: Ord>(&mut self, key: K, value: V, staleness: impl Fn(&V) -> S) {
        if let Some(entry) = self.find_mut(key) {
            *entry = value;
            return;
        }
        if self.keys.len() == self.bound {
            self.evict(staleness);
        }
        let at = self.place(key).unwrap_or_else(|at| at);
        self.keys.insert(at, key);
        self.values.insert(at, value);
    }

    pub(crate) fn remove(&mut self, key: K) -> bool {
        self.place(key).map(|at| self.remove_at(at)).is_ok()
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        for at in (0..self.keys.len()).rev() {
            if !keep(&self.keys[at], &self.values[at]) {
                self.remove_at(at);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    /// All entries by ascending key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().zip(&self.values)
    }

    /// Entries held and their bound.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.keys.len(), self.bound)
    }

    /// Entries that had to make room since it was built.
    pub(crate) fn evicted(&self) -> u32 {
        self.evicted
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.keys.capacity() * size_of::<K>() + self.values.capacity() * size_of::<V>()
    }

    fn place(&self, key: K) -> Result<usize, usize> {
        self.keys.binary_search(&key)
    }

    fn remove_at(&mut self, at: usize) {
        self.keys.remove(at);
        self.values.remove(at);
    }

    fn evict<S: Ord>(&mut self, staleness: impl Fn(&V) -> S) {
        let stalest = self.values.iter().enumerate().min_by_key(|(_, value)| staleness(value));
        if let Some(at) = stalest.map(|(at, _)| at) {
            self.remove_at(at);
            self.evicted = self.evicted.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_full_table_gives_up_the_stalest_and_counts_it() {
        let mut table = Table::new(2);
        for (key, value) in [(5, 50), (1, 10), (5, 51), (3, 30)] {
            table.insert(key, value, |&v| v);
        }
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&3, &30), (&5, &51)]);
        assert_eq!((table.evicted(), table.occupancy()), (1, (2, 2)));
        assert!(table.remove(5) && !table.remove(5));
    }

    proptest! {
        #[test]
        fn below_its_bound_it_is_a_map(steps in prop::collection::vec((0u8..20, any::<Option<u8>>()), 0..60)) {
            let (mut table, mut map) = (Table::new(20), BTreeMap::new());
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        table.insert(key, value, |&v| v);
                        map.insert(key, value);
                    }
                    None => prop_assert_eq!(table.remove(key), map.remove(&key).is_some()),
                }
                prop_assert!((0..20).all(|key| table.find(key) == map.get(&key)));
            }
        }
    }
}
