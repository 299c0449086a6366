//! Every interval of channel access, computed once from the geometry of the band.

use crate::specs;
use core::time::Duration;
use plc_core::sap::FrameGeometry;

/// The intervals of channel access \[G3 MAC 2.1\]. All are durations on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// aSlotTime.
    pub slot: Duration,
    /// CIFS: from the end of an exchange to the contention state.
    pub cifs: Duration,
    /// RIFS: from the end of a frame to its acknowledgement.
    pub rifs: Duration,
    /// The acknowledgement itself.
    pub ack: Duration,
    /// macAckWaitDuration: from the end of a frame until its acknowledgement is given up.
    pub ack_wait: Duration,
    /// EIFS: the hold-off after a frame that was not understood; longer than any frame with its
    /// acknowledgement.
    pub eifs: Duration,
    /// Slots of the contention-free window.
    pub cfs_slots: u32,
    /// Slots of the high priority window (macHighPriorityWindowSize).
    pub high_priority_slots: u32,
    /// How long the segments of an unfinished MSDU are kept.
    pub reassembly: Duration,
    /// macDuplicateDetectionTTL.
    pub duplicate_ttl: Duration,
    /// macBeaconRandomizationWindowLength.
    pub beacon_window: Duration,
    /// macTMRTTL.
    pub tone_map_ttl: Duration,
}

/// aMaxFrameSize of CENELEC, or the longest payload of a band that has longer ones.
fn longest_payload(geometry: &dyn FrameGeometry) -> Duration {
    let robust = geometry.robust();
    let longest =
        geometry.fit(&robust, geometry.max_psdu(&robust)).map_or(Duration::ZERO, |fit| fit.duration);
    (geometry.symbol() * specs::FRAME_SYMBOLS_MAX).max(longest.saturating_sub(geometry.ack()))
}

impl Timing {
    /// The intervals of the band of `geometry`, with the defaults of the standard.
    pub fn new(geometry: &dyn FrameGeometry) -> Self {
        let (symbol, ack) = (geometry.symbol(), geometry.ack());
        let (cifs, rifs) = (symbol * specs::CIFS_SYMBOLS, symbol * specs::RIFS_SYMBOLS);
        let frame = symbol * specs::FCH_SYMBOLS + longest_payload(geometry);
        Self {
            slot: symbol * specs::SLOT_SYMBOLS,
            cifs,
            rifs,
            ack,
            ack_wait: rifs + ack + cifs,
            eifs: frame + cifs + rifs + ack,
            cfs_slots: specs::CFS_SLOTS,
            high_priority_slots: u32::from(specs::HIGH_PRIORITY_WINDOW_SIZE),
            reassembly: specs::REASSEMBLY_TIMEOUT,
            duplicate_ttl: specs::DUPLICATE_DETECTION_TTL,
            beacon_window: specs::BEACON_RANDOMIZATION_WINDOW,
            tone_map_ttl: specs::TMR_TTL,
        }
    }

    /// From the end of a frame until the contention state that follows its exchange.
    pub fn after_frame(&self, response_expected: bool) -> Duration {
        if response_expected { self.rifs + self.ack + self.cifs } else { self.cifs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FCC, GEOMETRY};

    #[test]
    fn eifs_of_cenelec_is_that_of_the_standard_and_every_band_covers_its_longest_exchange() {
        let (cenelec, symbol) = (Timing::new(&GEOMETRY), GEOMETRY.symbol());
        assert_eq!(cenelec.eifs, symbol * (13 + 252 + 8 + 10) + GEOMETRY.ack());
        assert_eq!((cenelec.slot, cenelec.cifs, cenelec.rifs), (symbol * 2, symbol * 8, symbol * 10));
        assert_eq!(cenelec.ack_wait, symbol * 18 + GEOMETRY.ack());
        let fcc = Timing::new(&FCC);
        let longest = FCC.fit(&FCC.robust(), FCC.max_psdu(&FCC.robust())).unwrap().duration;
        assert!(longest - FCC.ack() > FCC.symbol() * 252);
        assert!(fcc.eifs >= longest - FCC.ack() + fcc.after_frame(true));
    }
}
