//! How to speak to each neighbour.

use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::TxParameters;
use plc_core::{Instant, ShortAddress};

/// macNeighbourTable 0x10A: transmission parameters that a neighbour has asked for \[G3 MAC 3\]. Without
/// an entry the most robust parameters are used.
#[derive(Debug)]
pub(crate) struct Neighbours {
    entries: Vec<Neighbour>,
    bound: usize,
    ttl: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    short: ShortAddress,
    tx: TxParameters,
    until: Instant,
}

impl Neighbours {
    pub(crate) fn new(bound: usize, ttl: Duration) -> Self {
        let bound = bound.max(1);
        Self { entries: Vec::with_capacity(bound), bound, ttl }
    }

    /// The parameters to use towards `short`, if they are known and not outdated.
    pub(crate) fn tx(&self, now: Instant, short: ShortAddress) -> Option<TxParameters> {
        self.entries.iter().find(|n| n.short == short && now < n.until).map(|n| n.tx)
    }

    /// Uses `tx` towards `short` for macTMRTTL. A full table gives up the entry that ends first.
    pub(crate) fn set(&mut self, now: Instant, short: ShortAddress, tx: TxParameters) {
        self.forget(short);
        if self.entries.len() == self.bound {
            let first = self.entries.iter().enumerate().min_by_key(|(_, n)| n.until).map(|(n, _)| n);
            first.map(|n| self.entries.remove(n));
        }
        self.entries.push(Neighbour { short, tx, until: now + self.ttl });
    }

    /// Back to the most robust parameters towards `short`.
    pub(crate) fn forget(&mut self, short: ShortAddress) {
        self.entries.retain(|n| n.short != short);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn occupancy(&self) -> (usize, usize) {
        (self.entries.len(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use plc_core::sap::{FrameGeometry, Modulation};

    #[test]
    fn parameters_hold_for_their_time_and_the_table_keeps_its_bound() {
        let tx = TxParameters { modulation: Modulation::Qpsk, ..GEOMETRY.robust() };
        let mut table = Neighbours::new(2, Duration::from_secs(60));
        let at = Instant::from_secs;
        (1..=3).for_each(|n| table.set(at(n), ShortAddress(n as u16), tx));
        assert_eq!(table.tx(at(4), ShortAddress(1)), None);
        assert_eq!(table.tx(at(4), ShortAddress(2)), Some(tx));
        assert_eq!(table.tx(at(62), ShortAddress(2)), None);
        assert_eq!(table.occupancy(), (2, 2));
        table.forget(ShortAddress(3));
        assert_eq!(table.tx(at(4), ShortAddress(3)), None);
    }
}
