//! Energy by rate.

use crate::specs::RATES;
use metrology::Ledger;

/// Quantities that are counted by rate; others follow from them.
pub(crate) const COUNTED: usize = 8;

/// Energies of the total, in thousandths of Wh, varh and VAh: A+, A-, Q1 to Q4, S+, S-.
pub type Counted = [u64; COUNTED];

/// Energy by rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateRegisters {
    /// By rate, from the first.
    pub by_rate: [Counted; RATES as usize],
}

impl RateRegisters {
    /// Imported active energy by rate, in mWh.
    pub fn import_mwh(&self) -> [u64; RATES as usize] {
        self.by_rate.map(|counted| counted[0])
    }

    /// What was counted since `before` goes to the rate.
    pub(super) fn credit(&mut self, rate: usize, before: &Counted, after: &Counted) {
        let Some(counted) = self.by_rate.get_mut(rate) else { return };
        for (n, register) in counted.iter_mut().enumerate() {
            // Registers never go back; another metrology in the place of the first may.
            *register = register.saturating_add(after[n].saturating_sub(before[n]));
        }
    }
}

/// What is counted by rate, of the total.
pub(super) const fn counted(ledger: &Ledger) -> Counted {
    let total = &ledger.total;
    let [q1, q2, q3, q4] = &total.reactive;
    [
        total.active.import.milliwatt_hours(),
        total.active.export.milliwatt_hours(),
        q1.milliwatt_hours(),
        q2.milliwatt_hours(),
        q3.milliwatt_hours(),
        q4.milliwatt_hours(),
        total.apparent.import.milliwatt_hours(),
        total.apparent.export.milliwatt_hours(),
    ]
}
