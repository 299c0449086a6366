//! The contention window: additive decrease, multiplicative increase.

use crate::{Pib, Timing};
use plc_core::sap::Priority;
use plc_core::seed::{Stream, uniform};

/// The window of channel access \[G3 MAC 2.3; confidence B\]. The window is kept between frames.
#[derive(Clone, Debug)]
pub(crate) struct Csma {
    pib: Pib,
    high_priority_slots: u32,
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
    pub(crate) fn new(pib: Pib, timing: &Timing) -> Self {
        let high_priority_slots = timing.high_priority_slots;
        let mut csma = Self { pib, high_priority_slots, cw: 0, min_cw_count: 0, nb: 0, nbf: 0 };
        csma.cw = csma.cw_min();
        csma
    }

    /// A new access begins; the window stays.
    pub(crate) fn begin(&mut self) {
        (self.nb, self.nbf) = (0, 0);
    }

    /// Slots to wait in the window of `contender`.
    pub(crate) fn draw(&self, contender: Contender, stream: &mut Stream) -> u32 {
        let widest = contender.broadcast && self.pib.mac_broadcast_max_cw_enabled;
        uniform(
            stream,
            match contender.priority {
                Priority::High => self.high_priority_slots,
                Priority::Normal if widest => self.cw_max(),
                Priority::Normal => self.cw,
            },
        )
    }

    /// The channel was busy at the slot; returns whether to try again.
    pub(crate) fn on_busy(&mut self, priority: Priority) -> bool {
        self.nb += 1;
        if self.nb > u16::from(self.pib.mac_max_csma_backoffs) {
            return false;
        }
        if priority == Priority::Normal {
            self.nbf += 1;
            self.adapt();
        }
        true
    }

    /// The frame got through.
    pub(crate) fn on_success(&mut self) {
        self.narrow();
    }

    /// The frame was sent and not acknowledged.
    pub(crate) fn on_no_ack(&mut self) {
        self.widen();
    }

    fn adapt(&mut self) {
        if self.nbf < u16::from(self.pib.mac_csma_fairness_limit) {
            self.widen();
        } else if self.nbf.is_multiple_of(u16::from(self.pib.mac_k.max(1))) {
            self.narrow();
            if self.cw == self.cw_min() {
                self.nbf = 0;
            }
        }
        self.count_minimum();
    }

    /// A node that stays at the smallest window for long makes room for others.
    fn count_minimum(&mut self) {
        self.min_cw_count = if self.cw == self.cw_min() { self.min_cw_count + 1 } else { 0 };
        if self.min_cw_count > u16::from(self.pib.mac_min_cw_attempts) {
            (self.cw, self.min_cw_count) = (self.cw_max(), 0);
        }
    }

    fn widen(&mut self) {
        self.cw = (2 * self.cw).min(self.cw_max());
    }

    fn narrow(&mut self) {
        let step = u32::from(self.pib.mac_a) * self.cw_min();
        self.cw = self.cw.saturating_sub(step).max(self.cw_min());
    }

    fn cw_min(&self) -> u32 {
        1 << self.pib.mac_min_be.min(BE_LIMIT)
    }

    fn cw_max(&self) -> u32 {
        self.cw_min().max(1 << self.pib.mac_max_be.min(BE_LIMIT))
    }
}

/// Larger exponents than any edition has are clipped.
const BE_LIMIT: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use plc_core::Seed;

    fn csma() -> Csma {
        Csma::new(Pib::default(), &Timing::new(&GEOMETRY))
    }

    #[test]
    fn the_window_doubles_while_busy_and_shrinks_by_a_step_after_success() {
        let mut csma = csma();
        let mut seen = std::vec::Vec::new();
        for _ in 0..6 {
            assert!(csma.on_busy(Priority::Normal));
            seen.push(csma.cw);
        }
        assert_eq!(seen, [16, 32, 64, 128, 256, 256]);
        csma.on_success();
        assert_eq!(csma.cw, 256 - 64);
    }

    #[test]
    fn beyond_the_fairness_limit_every_fifth_busy_slot_narrows_the_window() {
        let mut csma = csma();
        (0..24).for_each(|_| assert!(csma.on_busy(Priority::Normal)));
        assert_eq!(csma.cw, 256);
        assert!(csma.on_busy(Priority::Normal));
        assert_eq!(csma.cw, 192);
        (0..4).for_each(|_| assert!(csma.on_busy(Priority::Normal)));
        assert_eq!(csma.cw, 192);
        assert!(csma.on_busy(Priority::Normal));
        assert_eq!(csma.cw, 128);
    }

    #[test]
    fn a_node_stuck_at_the_smallest_window_goes_to_the_largest() {
        let pib = Pib { mac_max_be: 3, ..Pib::default() };
        let mut csma = Csma::new(pib, &Timing::new(&GEOMETRY));
        csma.pib.mac_max_be = 8;
        csma.pib.mac_csma_fairness_limit = 0;
        csma.pib.mac_k = 1;
        (0..10).for_each(|_| assert!(csma.on_busy(Priority::Normal)));
        assert_eq!(csma.cw, 8);
        assert!(csma.on_busy(Priority::Normal));
        assert_eq!(csma.cw, 256);
    }

    #[test]
    fn access_fails_after_the_last_backoff_and_begins_afresh() {
        let mut csma = csma();
        (0..50).for_each(|_| assert!(csma.on_busy(Priority::High)));
        assert!(!csma.on_busy(Priority::High));
        csma.begin();
        assert!(csma.on_busy(Priority::High));
    }

    #[test]
    fn draws_stay_in_their_windows_and_reach_both_ends() {
        let (mut csma, mut stream) = (csma(), Seed::from_u64(1).stream());
        csma.pib.mac_broadcast_max_cw_enabled = true;
        for (priority, broadcast, window) in
            [(Priority::High, false, 7), (Priority::Normal, false, 8), (Priority::Normal, true, 256)]
        {
            let contender = Contender { priority, broadcast };
            let draws: std::vec::Vec<_> = (0..5000).map(|_| csma.draw(contender, &mut stream)).collect();
            assert_eq!(draws.iter().min(), Some(&0));
            assert_eq!(draws.iter().max(), Some(&(window - 1)));
        }
    }
}
