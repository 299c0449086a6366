//! Other PANs on the same line.

use crate::specs::{PAN_CONFLICT_INTERVAL, PAN_CONFLICTS};
use plc_core::{Instant, PanId};

/// Foreign PANs that were told of, so that each is told of once in a while only \[G3 MAC 8; confidence C\].
#[derive(Clone, Debug, Default)]
pub(crate) struct PanConflicts {
    told: heapless::Vec<(PanId, Instant), PAN_CONFLICTS>,
}

impl PanConflicts {
    /// A frame of `pan` was heard; returns whether to tell. With more PANs about than are remembered, new ones wait.
    pub(crate) fn on_foreign(&mut self, now: Instant, pan: PanId) -> bool {
        self.told.retain(|&(_, at)| now.since(at) < PAN_CONFLICT_INTERVAL);
        let known = self.told.iter().any(|&(told, _)| told == pan);
        !known && self.told.push((pan, now)).is_ok()
    }

    pub(crate) fn clear(&mut self) {
        self.told.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pan_is_told_of_once_in_an_interval_and_many_do_not_flood() {
        let (mut conflicts, at) = (PanConflicts::default(), Instant::from_secs);
        let told = |conflicts: &mut PanConflicts, secs, pan| conflicts.on_foreign(at(secs), PanId(pan));
        assert!(told(&mut conflicts, 1, 7) && !told(&mut conflicts, 2, 7) && told(&mut conflicts, 2, 8));
        let flood = (100..200).filter(|&pan| told(&mut conflicts, 3, pan)).count();
        assert_eq!(flood, PAN_CONFLICTS - 2);
        let later = 1 + PAN_CONFLICT_INTERVAL.as_secs();
        assert!(told(&mut conflicts, later, 7) && !told(&mut conflicts, later, 8));
    }
}
