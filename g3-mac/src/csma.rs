//! The contention window: additive decrease, multiplicative increase.

use crate::{Pib, Timing};
use plc_core::sap::Priority;
use plc_core::seed::{Stream, uniform};

/// The window of channel access \[G3 MAC 2.3; confidence B\]. The window is kept between frames.
#[derive(Clone, Debug)]
pub(crate) struct Csma {
    cw: u32,
    min_cw_count: u16,
    nb: u16,
    nbf: u16,
}

/// How a frame contends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) priority: Priority,
    pub(crate) broadcast: bool,
}

impl Csma {
    pub(crate) fn new(pib: &Pib) -> Self {
        Self { cw: cw_min(pib), min_cw_count: 0, nb: 0, nbf: 0 }
    }

    /// A new access begins; the window stays.
    pub(crate) fn begin(&mut self) {
        (self.nb, self.nbf) = (0, 0);
    }

    /// Slots to wait in the window of `contender`. The window of high priority never widens.
    pub(crate) fn draw(&self, contender: Contender, pib: &Pib, timing: &Timing, stream: &mut Stream) -> u32 {
        let widest = contender.broadcast && pib.mac_broadcast_max_cw_enabled;
        uniform(
            stream,
            match contender.priority {
                Priority::High => timing.high_priority_slots,
                Priority::Normal if widest => cw_max(pib),
                Priority::Normal => self.cw.clamp(cw_min(pib), cw_max(pib)),
            },
        )
    }

    /// The channel was busy at the slot; returns whether to try again.
    pub(crate) fn on_busy(&mut self, priority: Priority, pib: &Pib) -> bool {
        self.nb += 1;
        if self.nb > u16::from(pib.mac_max_csma_backoffs) {
            return false;
        }
        if priority == Priority::Normal {
            self.nbf += 1;
            self.adapt(pib);
        }
        true
    }

    /// The frame got through.
    pub(crate) fn on_success(&mut self, priority: Priority, pib: &Pib) {
        if priority == Priority::Normal {
            self.narrow(pib);
        }
    }

    /// The frame was sent and not acknowledged.
    pub(crate) fn on_no_ack(&mut self, priority: Priority, pib: &Pib) {
        if priority == Priority::Normal {
            self.widen(pib);
        }
    }

    fn adapt(&mut self, pib: &Pib) {
        if self.nbf < u16::from(pib.mac_csma_fairness_limit) {
            self.widen(pib);
        } else if self.nbf.is_multiple_of(u16::from(pib.mac_k.max(1))) {
            self.narrow(pib);
            if self.cw == cw_min(pib) {
                self.nbf = 0;
            }
        }
        self.count_minimum(pib);
    }

    /// A node that stays at the smallest window for long makes room for others.
    fn count_minimum(&mut self, pib: &Pib) {
        self.min_cw_count = if self.cw == cw_min(pib) { self.min_cw_count + 1 } else { 0 };
        if self.min_cw_count > u16::from(pib.mac_min_cw_attempts) {
            (self.cw, self.min_cw_count) = (cw_max(pib), 0);
        }
    }

    fn widen(&mut self, pib: &Pib) {
        self.cw = (2 * self.cw).min(cw_max(pib));
    }

    fn narrow(&mut self, pib: &Pib) {
        let step = u32::from(pib.mac_a) * cw_min(pib);
        self.cw = self.cw.saturating_sub(step).max(cw_min(pib));
    }
}

fn cw_min(pib: &Pib) -> u32 {
    1 << pib.mac_min_be.min(BE_LIMIT)
}

fn cw_max(pib: &Pib) -> u32 {
    cw_min(pib).max(1 << pib.mac_max_be.min(BE_LIMIT))
}

/// Larger exponents than any edition has are clipped.
pub(crate) const BE_LIMIT: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use plc_core::Seed;
    use std::vec::Vec;

    const PIB: fn() -> Pib = Pib::default;

    fn busy(csma: &mut Csma, pib: &Pib, times: usize) {
        (0..times).for_each(|_| assert!(csma.on_busy(Priority::Normal, pib)));
    }

    #[test]
    fn the_window_doubles_while_busy_and_shrinks_by_a_step_after_success() {
        let mut csma = Csma::new(&PIB());
        let mut seen = Vec::new();
        for _ in 0..6 {
            busy(&mut csma, &PIB(), 1);
            seen.push(csma.cw);
        }
        assert_eq!(seen, [16, 32, 64, 128, 256, 256]);
        csma.on_success(Priority::Normal, &PIB());
        assert_eq!(csma.cw, 256 - 64);
    }

    #[test]
    fn beyond_the_fairness_limit_every_fifth_busy_slot_narrows_the_window() {
        let mut csma = Csma::new(&PIB());
        let mut after = |times| {
            busy(&mut csma, &PIB(), times);
            csma.cw
        };
        assert_eq!([after(24), after(1), after(4), after(1)], [256, 192, 192, 128]);
    }

    #[test]
    fn back_at_the_smallest_window_the_count_towards_the_fairness_limit_begins_anew() {
        let mut csma = Csma::new(&PIB());
        busy(&mut csma, &PIB(), 40);
        assert_eq!((csma.cw, csma.nbf), (8, 0));
        busy(&mut csma, &PIB(), 1);
        assert_eq!(csma.cw, 16);
    }

    #[test]
    fn a_node_stuck_at_the_smallest_window_goes_to_the_largest() {
        let pib = Pib { mac_csma_fairness_limit: 0, mac_k: 1, ..PIB() };
        let mut csma = Csma::new(&pib);
        busy(&mut csma, &pib, 10);
        assert_eq!(csma.cw, 8);
        busy(&mut csma, &pib, 1);
        assert_eq!(csma.cw, 256);
    }

    #[test]
    fn access_fails_after_the_last_backoff_and_begins_afresh() {
        let mut csma = Csma::new(&PIB());
        (0..50).for_each(|_| assert!(csma.on_busy(Priority::High, &PIB())));
        assert!(!csma.on_busy(Priority::High, &PIB()));
        csma.begin();
        assert!(csma.on_busy(Priority::High, &PIB()));
    }

    #[test]
    fn high_priority_never_changes_the_window() {
        let mut csma = Csma::new(&PIB());
        busy(&mut csma, &PIB(), 2);
        csma.on_no_ack(Priority::High, &PIB());
        assert!(csma.on_busy(Priority::High, &PIB()));
        csma.on_success(Priority::High, &PIB());
        assert_eq!(csma.cw, 32);
        csma.on_no_ack(Priority::Normal, &PIB());
        assert_eq!(csma.cw, 64);
    }

    #[test]
    fn the_window_stays_between_frames_and_over_repetitions() {
        let mut csma = Csma::new(&PIB());
        busy(&mut csma, &PIB(), 3);
        csma.begin();
        assert_eq!((csma.cw, csma.nb, csma.nbf), (64, 0, 0));
    }

    #[test]
    fn draws_stay_in_their_windows_and_reach_both_ends() {
        let (pib, mut stream) =
            (Pib { mac_broadcast_max_cw_enabled: true, ..PIB() }, Seed::from_u64(1).stream());
        let (csma, timing) = (Csma::new(&pib), Timing::new(&GEOMETRY));
        for (priority, broadcast, window) in
            [(Priority::High, false, 7), (Priority::Normal, false, 8), (Priority::Normal, true, 256)]
        {
            let contender = Contender { priority, broadcast };
            let draws: Vec<_> = (0..5000).map(|_| csma.draw(contender, &pib, &timing, &mut stream)).collect();
            assert_eq!(draws.iter().min(), Some(&0));
            assert_eq!(draws.iter().max(), Some(&(window - 1)));
        }
        let broadcast = Contender { priority: Priority::Normal, broadcast: true };
        assert!(
            (0..500).all(|_| csma.draw(broadcast, &PIB(), &timing, &mut stream) < 8),
            "unless it is enabled"
        );
    }
}
