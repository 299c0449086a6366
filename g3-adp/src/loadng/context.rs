//! What the procedures of LOADng are lent.

use crate::action::Action;
use crate::actions::Actions;
use crate::config::{InformationBase, Interop};
use crate::counters::Drop;
use crate::specs;
use crate::transmit::Purpose;
use crate::wire::LoadngMessage;
use core::time::Duration;
use plc_core::seed::{Stream, uniform};
use plc_core::{Instant, MacAddress, ShortAddress};

/// The node, as one procedure sees it during one call.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    /// The own address.
    pub(crate) own: ShortAddress,
    pub(crate) ib: &'a InformationBase,
    pub(crate) interop: &'a Interop,
    pub(crate) random: &'a mut Stream,
    pub(crate) out: &'a mut Actions,
}

impl Context<'_> {
    /// Sends a message to a neighbour.
    pub(crate) fn send(&mut self, to: ShortAddress, message: LoadngMessage, purpose: Purpose) {
        self.out.push(Action::Loadng { to: MacAddress::Short(to), message, purpose });
    }

    /// Sends a message to all neighbours.
    pub(crate) fn broadcast(&mut self, message: LoadngMessage) {
        self.out.push(Action::Loadng { to: MacAddress::BROADCAST, message, purpose: Purpose::Relay });
    }

    pub(crate) fn count(&mut self, reason: Drop) {
        self.out.push(Action::Count(reason));
    }

    /// Whether this node answers for the address.
    pub(crate) fn is_own(&self, address: ShortAddress) -> bool {
        address == self.own || self.ib.adp_destination_address_set.contains(&address)
    }

    /// The own hop limit, as a header can carry it.
    pub(crate) fn max_hops(&self) -> u8 {
        max_hops(self.ib)
    }

    /// A random time up to `longest`.
    pub(crate) fn random(&mut self, longest: Duration) -> Duration {
        let span = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX - 1);
        Duration::from_micros(u64::from(uniform(self.random, span + 1)))
    }
}

/// adpMaxHops, as a header can carry it.
pub(crate) fn max_hops(ib: &InformationBase) -> u8 {
    ib.adp_max_hops.clamp(1, specs::MAX_HOPS_LIMIT)
}
