//! Looking for a PAN: a pause, a scan, candidates.

use crate::action::Action;
use crate::specs;
use core::cmp::Reverse;
use core::time::Duration;
use plc_core::Instant;
use plc_core::sap::{MlmeRequest, PanDescriptor};

/// Candidates that may be remembered whatever the configuration says.
pub(super) const CANDIDATES_MAX: usize = 16;

/// The nodes to ask; one more before the worst is given up.
pub(super) type Candidates = heapless::Vec<PanDescriptor, { CANDIDATES_MAX + 1 }>;

/// Looking for a PAN.
#[derive(Debug)]
pub(super) struct Discovering {
    scanning: bool,
    /// End of the pause, or when a scan that the MAC has forgotten is given up.
    until: Instant,
    heard: Candidates,
}

impl Discovering {
    /// Waits before the scan; even the first time, so that devices which were switched on together do not ask together.
    pub(super) fn after_pause(now: Instant, pause: Duration) -> Self {
        Self { scanning: false, until: now + pause, heard: Candidates::new() }
    }

    /// The pause is over.
    pub(super) fn scan(&mut self, now: Instant, duration: Duration) -> Action {
        self.scanning = true;
        self.until = now + duration * 2 + specs::SCAN_DURATION;
        Action::Mlme(MlmeRequest::Scan { duration })
    }

    /// Remembers a beacon; of each neighbour the last. Beacons that others have asked for, before the scan, count if they may serve.
    pub(super) fn on_beacon(&mut self, descriptor: PanDescriptor, limit: usize, others_serve: bool) {
        if !self.scanning && !others_serve || !super::is_candidate(&descriptor) {
            return;
        }
        let same =
            |heard: &&mut PanDescriptor| heard.pan_id == descriptor.pan_id && heard.lba == descriptor.lba;
        if let Some(heard) = self.heard.iter_mut().find(same) {
            *heard = descriptor;
            return;
        }
        self.heard.push(descriptor).expect("there is room for one more than the limit");
        self.heard.sort_by_key(preference);
        self.heard.truncate(limit.min(CANDIDATES_MAX));
    }

    /// The best first; `None` when nothing was heard.
    pub(super) fn into_candidates(mut self) -> Option<Candidates> {
        self.heard.sort_by_key(preference);
        (!self.heard.is_empty()).then_some(self.heard)
    }

    pub(super) const fn is_scanning(&self) -> bool {
        self.scanning
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.until
    }

    pub(super) fn heard(&self) -> usize {
        self.heard.len()
    }
}

/// Nodes with a route and a good signal first; among them the lowest RC_COORD, then the highest LQI
/// \[G3 LBP 7.3.2\].
fn preference(descriptor: &PanDescriptor) -> (bool, u16, Reverse<u8>) {
    let poor = !super::has_route(descriptor) || descriptor.lqi.0 < specs::CANDIDATE_LQI;
    (poor, descriptor.rc_coord, Reverse(descriptor.lqi.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use plc_core::sap::Lqi;
    use plc_core::{PanId, ShortAddress};

    fn beacon(lba: u16, lqi: u8, rc_coord: u16) -> PanDescriptor {
        PanDescriptor { pan_id: PanId(1), lba: ShortAddress(lba), lqi: Lqi(lqi), rc_coord }
    }

    fn scanning() -> Discovering {
        let mut discovering = Discovering::after_pause(Instant::EPOCH, Duration::from_secs(1));
        discovering.scan(Instant::EPOCH, Duration::from_secs(15));
        discovering
    }

    #[test]
    fn the_cheapest_of_the_well_heard_comes_first_and_the_weak_last() {
        let mut discovering = scanning();
        for descriptor in [
            beacon(1, 90, 20),
            beacon(2, 120, 20),
            beacon(0, 40, 0),
            beacon(3, 60, 8),
            beacon(4, 200, 0x7FFF),
        ] {
            discovering.on_beacon(descriptor, 16, false);
        }
        let order: Vec<_> = discovering.into_candidates().unwrap().iter().map(|c| c.lba.0).collect();
        assert_eq!(order, [3, 2, 1, 0, 4]);
    }

    #[test]
    fn a_bounded_list_keeps_the_best() {
        let mut discovering = scanning();
        (1..20).rev().for_each(|n| discovering.on_beacon(beacon(n, 100, n), 2, false));
        assert_eq!(discovering.heard(), 2);
        assert_eq!(discovering.into_candidates().unwrap()[0].rc_coord, 1);
    }

    #[test]
    fn beacons_for_others_count_before_the_scan_when_they_may() {
        let mut discovering = Discovering::after_pause(Instant::EPOCH, Duration::from_secs(1));
        discovering.on_beacon(beacon(1, 90, 20), 16, false);
        assert_eq!(discovering.heard(), 0);
        discovering.on_beacon(beacon(1, 90, 20), 16, true);
        assert_eq!(discovering.into_candidates().unwrap()[0].lba, ShortAddress(1));
    }

    #[test]
    fn beacons_outside_a_scan_and_of_nobody_are_ignored() {
        let mut discovering = Discovering::after_pause(Instant::EPOCH, Duration::from_secs(1));
        discovering.on_beacon(beacon(1, 90, 20), 16, false);
        discovering.scan(Instant::EPOCH, Duration::from_secs(15));
        discovering.on_beacon(beacon(0xFFFF, 90, 20), 16, false);
        assert!(discovering.into_candidates().is_none());
    }
}
