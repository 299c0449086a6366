//! Which carrier does what in a payload symbol.

use super::BandPlan;
use super::specs::{PILOT_BITS, PILOT_SPACING, PILOT_STEP};
use crate::fec::Scrambler;
use plc_core::sap::{ModulationScheme, ToneMap};

/// Positions that a band may have at most.
const POSITIONS_MAX: usize = 128;

/// What a carrier does in one symbol of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends nothing.
    Masked,
    /// Sends bits of the dummy sequence, keyed like data.
    Dummy,
    /// Sends two bits of the dummy sequence as a QPSK point.
    Pilot,
    /// Sends bits of the payload.
    Data,
}

/// The roles of all carriers of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// By position in the band, without pilots.
    roles: [Role; POSITIONS_MAX],
    /// Positions of the active carriers, ascending, and how many there are.
    ranks: [u8; POSITIONS_MAX],
    active: usize,
    pilots: usize,
    pilot_offset: usize,
}

impl Layout {
    pub(crate) fn new(plan: &BandPlan, map: ToneMap, scheme: ModulationScheme) -> Self {
        let (mut roles, mut ranks, mut active) = ([Role::Masked; POSITIONS_MAX], [0; POSITIONS_MAX], 0);
        for (position, role) in roles.iter_mut().enumerate().take(plan.carriers()) {
            if plan.is_active(map, position) {
                *role = Role::Data;
                ranks[active] = position as u8;
                active += 1;
            } else if plan.is_used(position) {
                *role = Role::Dummy;
            }
        }
        Self { roles, ranks, active, pilots: pilots(active, scheme), pilot_offset: plan.pilot_offset }
    }

    /// The roles in payload symbol `symbol`, lowest carrier of the band first, without end.
    pub(crate) fn roles(&self, symbol: usize) -> impl Iterator<Item = Role> + use<> {
        let mut roles = self.roles;
        (0..self.pilots).for_each(|pilot| roles[self.pilot(pilot, symbol)] = Role::Pilot);
        roles.into_iter()
    }

    /// Positions of the active carriers, ascending.
    pub(crate) fn active(&self) -> &[u8] {
        &self.ranks[..self.active]
    }

    /// The pilots of payload symbol `symbol`: bit `n` for the carrier at position `n` of the band.
    pub(crate) fn pilot_set(&self, symbol: usize) -> u128 {
        (0..self.pilots).fold(0, |set, pilot| set | 1 << self.pilot(pilot, symbol))
    }

    /// Where pilot number `pilot` stands: it moves up two active carriers from symbol to symbol, and round.
    fn pilot(&self, pilot: usize, symbol: usize) -> usize {
        let rank = (self.pilot_offset + PILOT_SPACING * pilot + PILOT_STEP * symbol) % self.active.max(1);
        usize::from(self.ranks[rank])
    }

    /// The roles in payload symbol `symbol` of `bits` bits a carrier, with the value that a dummy or a pilot sends there
    /// (0 for the others). `dummies` must have walked through the symbols before \[G3 PHY 4.5; confidence B\].
    pub(crate) fn walk<'d>(
        &self,
        symbol: usize,
        bits: usize,
        dummies: &'d mut Scrambler,
    ) -> impl Iterator<Item = (Role, u8)> + use<'d> {
        self.roles(symbol).map(move |role| match role {
            Role::Masked => {
                take(dummies, bits);
                (role, 0)
            }
            Role::Dummy => (role, take(dummies, bits)),
            Role::Pilot => (role, take(dummies, PILOT_BITS)),
            Role::Data => (role, 0),
        })
    }
}

/// The next `bits` bits of the dummy sequence as a value, the first in bit 0.
fn take(dummies: &mut Scrambler, bits: usize) -> u8 {
    (0..bits).fold(0, |value, n| value | dummies.bit() << n)
}

/// The dummy sequence of `plan` at the first payload symbol: each masked carrier has taken a bit of it in each symbol of
/// the header \[G3 PHY 4.5; confidence B\].
pub(crate) fn dummies(plan: &BandPlan) -> Scrambler {
    let mut dummies = Scrambler::new();
    take_many(&mut dummies, (plan.carriers() - plan.used_carriers()) * plan.fch_symbols());
    dummies
}

fn take_many(dummies: &mut Scrambler, bits: usize) {
    (0..bits).for_each(|_| _ = dummies.bit());
}

/// How many of `active` carriers are pilots \[G3 PHY 4.4; confidence B\].
pub(crate) const fn pilots(active: usize, scheme: ModulationScheme) -> usize {
    match scheme {
        ModulationScheme::Differential => 0,
        ModulationScheme::Coherent => active.div_ceil(PILOT_SPACING),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CENELEC_A, FCC, ToneMask};
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn positions(plan: &BandPlan, map: u32, symbol: usize, wanted: Role) -> Vec<usize> {
        let layout = Layout::new(plan, ToneMap(map), ModulationScheme::Coherent);
        let roles = layout.roles(symbol).take(plan.carriers()).enumerate();
        roles.filter(|(_, role)| *role == wanted).map(|(position, _)| position).collect()
    }

    #[test]
    fn pilots_start_at_the_offset_and_move_up_by_two() {
        assert_eq!(positions(&CENELEC_A, 0x3F, 0, Role::Pilot), [6, 18, 30]);
        assert_eq!(positions(&CENELEC_A, 0x3F, 4, Role::Pilot), [2, 14, 26]);
        assert_eq!(positions(&FCC, 0xFF_FFFF, 0, Role::Pilot), [0, 12, 24, 36, 48, 60]);
    }

    #[test]
    fn pilots_stand_on_active_carriers_only() {
        let plan = CENELEC_A.with_mask(ToneMask(1)).unwrap();
        // Active are 1 to 5 and 12 to 17: the seventh active carrier is that at position 13.
        assert_eq!(positions(&plan, 0b101, 0, Role::Pilot), [13]);
        assert_eq!(positions(&plan, 0b101, 0, Role::Masked), [0]);
        assert_eq!(positions(&plan, 0b101, 0, Role::Data).len(), 10);
    }

    proptest! {
        #[test]
        fn every_symbol_has_the_same_number_of_pilots(map in 1u32..0x100_0000, mask: u128, symbol in 0usize..511) {
            let plan = BandPlan { mask: ToneMask(mask & 0xFFFF), ..FCC };
            let active = plan.active_carriers(ToneMap(map));
            prop_assume!(active > 0);
            let found = positions(&plan, map, symbol, Role::Pilot).len();
            prop_assert_eq!(found, active.div_ceil(12));
        }
    }
}
