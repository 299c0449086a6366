//! A coordinator that chooses its PAN \[G3 ADP 8: not heard, else the next one; confidence A\].

use crate::addressing;
use plc_core::{Instant, PanId};

/// The scan before the choice.
#[derive(Debug)]
pub(super) struct Forming {
    wanted: PanId,
    /// When the scan counts as forgotten by the MAC.
    pub(super) until: Instant,
    heard: heapless::Vec<PanId, 16>,
}

impl Forming {
    pub(super) const fn new(wanted: PanId, until: Instant) -> Self {
        Self { wanted, until, heard: heapless::Vec::new() }
    }

    /// This PAN is taken. Of more than sixteen the first count.
    pub(super) fn on_beacon(&mut self, pan_id: PanId) {
        if !self.heard.contains(&pan_id) {
            self.heard.push(pan_id).ok();
        }
    }

    /// The PAN that was wanted, or the next one that was not heard.
    pub(super) fn choice(&self, masked: bool) -> PanId {
        let all = (0..=u16::MAX).map(|more| PanId(self.wanted.0.wrapping_add(more)));
        let usable = |pan_id: &PanId| {
            *pan_id != PanId::BROADCAST && addressing::address_pan(*pan_id, masked) == *pan_id
        };
        let free = |pan_id: &PanId| usable(pan_id) && !self.heard.contains(pan_id);
        all.into_iter().find(free).unwrap_or(self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pan_that_is_not_heard_is_chosen_around_the_broadcast_address() {
        let mut forming = Forming::new(PanId(0xFFFD), Instant::EPOCH);
        assert_eq!(forming.choice(false), PanId(0xFFFD));
        [0xFFFD, 0xFFFE, 0x0000, 0xFFFD].into_iter().for_each(|heard| forming.on_beacon(PanId(heard)));
        assert_eq!(forming.choice(false), PanId(1));
        assert_eq!(Forming::new(PanId(0x01FF), Instant::EPOCH).choice(true), PanId(0x0400));
    }
}
