//! Who was heard not long ago.

use crate::table::Table;
use core::time::Duration;
use plc_core::sap::{Lqi, PosEntry};
use plc_core::{Instant, ShortAddress};

/// macPOSTable 0x120: nodes of the own PAN of which any frame was heard \[G3 MAC 3; confidence B\].
#[derive(Debug)]
pub(crate) struct Pos {
    table: Table<ShortAddress, Heard>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    lqi: Lqi,
    at: Instant,
}

impl Pos {
    pub(crate) fn new(bound: usize) -> Self {
        Self { table: Table::new(bound) }
    }

    /// A frame of `short` was heard. A full table gives up who was silent for longest.
    pub(crate) fn on_heard(&mut self, now: Instant, short: ShortAddress, lqi: Lqi) {
        self.table.insert(short, Heard { lqi, at: now }, |heard| heard.at);
    }

    /// Entry `index` among those heard within `ttl`.
    pub(crate) fn entry(&self, now: Instant, ttl: Duration, index: u16) -> Option<PosEntry> {
        let living = self.table.iter().filter(|(_, heard)| now.since(heard.at) < ttl);
        let (&short, &Heard { lqi, at }) = living.into_iter().nth(index.into())?;
        let valid = (ttl - now.since(at)).as_secs().div_ceil(60);
        Some(PosEntry {
            short,
            lqi,
            valid_min: minutes(valid),
            age_min: minutes(now.since(at).as_secs() / 60),
        })
    }

    /// Nodes heard within `window`.
    pub(crate) fn recent(&self, now: Instant, window: Duration) -> u16 {
        let recent = self.table.iter().filter(|(_, heard)| now.since(heard.at) < window).count();
        u16::try_from(recent).unwrap_or(u16::MAX)
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    pub(crate) fn table(&self) -> &Table<ShortAddress, Heard> {
        &self.table
    }
}

fn minutes(count: u64) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_for_its_time_after_the_last_frame() {
        let (mut pos, min) = (Pos::new(4), |n: u64| Instant::from_secs(60 * n));
        let ttl = Duration::from_secs(60 * 255);
        pos.on_heard(min(1), ShortAddress(7), Lqi(50));
        pos.on_heard(min(3), ShortAddress(5), Lqi(60));
        pos.on_heard(min(100), ShortAddress(7), Lqi(70));
        let first = pos.entry(min(130), ttl, 0).unwrap();
        assert_eq!(
            (first.short, first.lqi, first.valid_min, first.age_min),
            (ShortAddress(5), Lqi(60), 128, 127)
        );
        assert_eq!(pos.entry(min(258), ttl, 0).map(|e| (e.short, e.lqi)), Some((ShortAddress(7), Lqi(70))));
        assert_eq!((pos.entry(min(258), ttl, 1), pos.entry(min(355), ttl, 0)), (None, None));
        assert_eq!(pos.recent(min(130), Duration::from_secs(60 * 120)), 1);
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let mut pos = Pos::new(2);
        [1, 2, 1, 3].into_iter().zip(1..).for_each(|(short, at)| {
            pos.on_heard(Instant::from_secs(at), ShortAddress(short), Lqi(1));
        });
        let held: std::vec::Vec<_> = pos.table().iter().map(|(short, _)| short.0).collect();
        assert_eq!((held.as_slice(), pos.table().evicted()), (&[1, 3][..], 1));
    }
}
