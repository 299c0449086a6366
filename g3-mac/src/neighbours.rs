//! How to speak to each neighbour.

use crate::table::Table;
use core::time::Duration;
use plc_core::sap::{LinkDirection, Lqi, NeighbourEntry, PhaseDifference, TxGain, TxParameters};
use plc_core::{Instant, ShortAddress};

/// macNeighbourTable 0x10A: what neighbours have asked for in their tone map responses \[G3 MAC 3\]. Without an entry
/// the most robust parameters are used.
#[derive(Debug)]
pub(crate) struct Neighbours {
    table: Table<ShortAddress, Neighbour>,
}

/// What a neighbour has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) tx: TxParameters,
    pub(crate) gain: TxGain,
    /// How well the neighbour hears this node, if it has told.
    pub(crate) lqi: Option<Lqi>,
    pub(crate) phase_difference: PhaseDifference,
    /// When it is asked again. What it has asked for holds until then and beyond, until it falls silent.
    pub(crate) until: Instant,
}

impl Neighbours {
    pub(crate) fn new(bound: usize) -> Self {
        Self { table: Table::new(bound) }
    }

    /// How to speak to `short`, if it has told.
    pub(crate) fn find(&self, short: ShortAddress) -> Option<&Neighbour> {
        self.table.find(short)
    }

    /// Whether a frame to `short` is to ask for a tone map response: it has never told, or long ago.
    pub(crate) fn asks(&self, now: Instant, short: ShortAddress) -> bool {
        self.find(short).is_none_or(|neighbour| neighbour.until <= now)
    }

    /// A full table gives up the entry that was told first.
    pub(crate) fn set(&mut self, short: ShortAddress, neighbour: Neighbour) {
        self.table.insert(short, neighbour, |n| n.until);
    }

    /// The parameters still hold, but are to be asked for with the next frame.
    pub(crate) fn doubt(&mut self, now: Instant, short: ShortAddress) {
        if let Some(neighbour) = self.table.find_mut(short) {
            neighbour.until = neighbour.until.min(now);
        }
    }

    /// Back to the most robust parameters towards `short`.
    pub(crate) fn forget(&mut self, short: ShortAddress) {
        self.table.remove(short);
    }

    /// The link towards `short`, as it has told.
    pub(crate) fn reverse(&self, short: ShortAddress, robust: &TxParameters) -> Option<LinkDirection> {
        let neighbour = self.find(short)?;
        Some(LinkDirection::new(neighbour.lqi?, &neighbour.tx, robust))
    }

    /// Entry `index` of the table as management sees it.
    pub(crate) fn entry(&self, now: Instant, index: u16) -> Option<NeighbourEntry> {
        let (&short, n) = self.table.iter().nth(index.into())?;
        let valid = n.until.since(now).as_secs();
        Some(NeighbourEntry {
            short,
            tx: n.tx,
            gain: n.gain,
            lqi: n.lqi.unwrap_or(Lqi(0)),
            phase_difference: n.phase_difference,
            tmr_valid_s: u16::try_from(valid).unwrap_or(u16::MAX),
        })
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    pub(crate) fn table(&self) -> &Table<ShortAddress, Neighbour> {
        &self.table
    }
}

impl Neighbour {
    /// Speaks with `tx` at full level for `ttl`.
    pub(crate) fn new(now: Instant, tx: TxParameters, ttl: Duration) -> Self {
        let (gain, phase_difference) = (TxGain::default(), PhaseDifference(0));
        Self { tx, gain, lqi: None, phase_difference, until: now + ttl }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use plc_core::sap::{FrameGeometry, Modulation};

    const TTL: Duration = Duration::from_secs(60);

    #[test]
    fn parameters_outlive_their_time_but_are_asked_for_again() {
        let tx = TxParameters { modulation: Modulation::Qpsk, ..GEOMETRY.robust() };
        let (mut table, at, a) = (Neighbours::new(2), Instant::from_secs, ShortAddress(1));
        assert!(table.asks(at(1), a));
        table.set(a, Neighbour::new(at(1), tx, TTL));
        assert!(!table.asks(at(60), a) && table.asks(at(61), a));
        assert_eq!(table.find(a).map(|n| n.tx), Some(tx));
        assert_eq!(table.entry(at(31), 0).map(|e| (e.short, e.tmr_valid_s)), Some((a, 30)));
        table.doubt(at(5), a);
        assert!(table.asks(at(6), a));
        table.forget(a);
        assert_eq!(table.find(a), None);
    }

    #[test]
    fn the_table_keeps_its_bound_and_what_was_told_last() {
        let (mut table, at) = (Neighbours::new(2), Instant::from_secs);
        (1..=3)
            .for_each(|n| table.set(ShortAddress(n), Neighbour::new(at(n.into()), GEOMETRY.robust(), TTL)));
        assert!(table.find(ShortAddress(1)).is_none() && table.find(ShortAddress(3)).is_some());
        assert_eq!((table.table().occupancy(), table.table().evicted()), ((2, 2), 1));
    }

    #[test]
    fn only_a_neighbour_that_has_told_its_lqi_makes_a_reverse_link() {
        let (mut table, now, a) = (Neighbours::new(2), Instant::EPOCH, ShortAddress(1));
        let neighbour = Neighbour::new(now, GEOMETRY.robust(), TTL);
        table.set(a, neighbour);
        assert_eq!(table.reverse(a, &GEOMETRY.robust()), None);
        table.set(a, Neighbour { lqi: Some(Lqi(80)), ..neighbour });
        let link = table.reverse(a, &GEOMETRY.robust()).unwrap();
        assert_eq!((link.lqi, link.groups_active, link.groups), (Lqi(80), 6, 6));
    }
}
