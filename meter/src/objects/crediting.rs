//! What export is to whoever pays: the manager of the meter chooses, and one register shows what follows.

use super::Objects;
use super::board::Slot;
use crate::specs::crediting;
use dlms::apdu::DataAccessResult;
use dlms::axdr::Data;

/// How import and export make the energy that is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crediting {
    /// Import alone: export is not credited, and stands in its own register.
    #[default]
    Import,
    /// A+ - A-: export is credited, so that the register may go back and below zero.
    Net,
    /// A+ + A-: whatever flows is paid for, whichever way, as where a meter that was connected the wrong way must not profit.
    Sum,
    /// |A+ - A-|: the difference, whoever owes it.
    Magnitude,
    /// What each phase has imported, by its own sign: what one phase feeds back is not taken from what another needs.
    Phases,
}

impl Crediting {
    /// The choice of this number.
    pub const fn of(number: i64) -> Option<Self> {
        match number {
            crediting::IMPORT => Some(Self::Import),
            crediting::NET => Some(Self::Net),
            crediting::SUM => Some(Self::Sum),
            crediting::MAGNITUDE => Some(Self::Magnitude),
            crediting::PHASES => Some(Self::Phases),
            _ => None,
        }
    }

    /// The energy that is paid for, in mWh, of import and export of the meter as a whole and of the imports of its phases, all in mWh;
    /// it stops at the ends of 64 bits.
    pub fn credited(self, import_mwh: u64, export_mwh: u64, phases_mwh: [u64; 3]) -> i64 {
        let net = i128::from(import_mwh) - i128::from(export_mwh);
        let credited = match self {
            Self::Import => i128::from(import_mwh),
            Self::Net => net,
            Self::Sum => i128::from(import_mwh) + i128::from(export_mwh),
            Self::Magnitude => net.abs(),
            Self::Phases => phases_mwh.into_iter().map(i128::from).sum(),
        };
        i64::try_from(credited).unwrap_or(if credited < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Objects<'_> {
    /// What the manager has chosen.
    pub(super) fn crediting(&self) -> Crediting {
        self.board.slots.metering_mode.value.number().and_then(Crediting::of).unwrap_or_default()
    }

    /// A choice that there is not cannot be made.
    pub(super) fn check_crediting(slot: Slot, value: &Data<'_>) -> Result<(), DataAccessResult> {
        let unknown =
            slot == Slot::MeteringMode && value.as_i64().is_some_and(|n| Crediting::of(n).is_none());
        if unknown { Err(DataAccessResult::OtherReason) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_makes_its_own_sum_and_none_wraps() {
        let all = |import, export| {
            [0, 1, 2, 3].map(|n| Crediting::of(n).map(|of| of.credited(import, export, [9; 3])))
        };
        assert_eq!(all(700, 200), [700, 500, 900, 500].map(Some));
        assert_eq!(all(200, 700), [200, -500, 900, 500].map(Some));
        assert_eq!(all(u64::MAX, u64::MAX), [i64::MAX, 0, i64::MAX, 0].map(Some));
        assert_eq!(all(0, u64::MAX), [0, i64::MIN, i64::MAX, i64::MAX].map(Some));
        let of_phases = |phases| Crediting::of(4).map(|of| of.credited(500, 100, phases));
        assert_eq!([[700, 0, 30], [u64::MAX; 3]].map(of_phases), [730, i64::MAX].map(Some));
        assert_eq!([-1, 5].map(Crediting::of), [None; 2]);
    }
}
