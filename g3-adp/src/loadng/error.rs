//! RERR \[G3 ADP 6.4.8\].

use super::{Context, Loadng};
use crate::counters::Drop;
use crate::transmit::Purpose;
use crate::wire::{LoadngMessage, Rerr};
use plc_core::ShortAddress;

impl Loadng {
    /// A frame of `originator` for `unreachable` cannot go on: he is told.
    pub(crate) fn report(
        &mut self,
        cx: &mut Context<'_>,
        originator: ShortAddress,
        unreachable: ShortAddress,
        error: u8,
    ) {
        let hop_limit = cx.max_hops();
        let own = cx.own;
        let rerr =
            Rerr { destination: originator, originator: own, error, unreachable, hop_limit, reserved: 0 };
        self.pass_error(cx, rerr);
    }

    /// A frame of somebody could not go on. Others believe the route to be broken only if it leads over the node that says so; he
    /// himself in any case ([`crate::Interop::originator_believes_errors`]): the news may come another way than the frame went,
    /// and a route that nobody breaks stays in use for as long as it lives.
    pub(super) fn on_error(&mut self, cx: &mut Context<'_>, from: ShortAddress, mut rerr: Rerr) {
        let own = cx.is_own(rerr.destination) && cx.interop.originator_believes_errors;
        let route = self.table.known(cx.now, rerr.unreachable);
        if route.is_some_and(|route| own || route.next_hop == from) {
            self.break_route(cx, rerr.unreachable);
        }
        if cx.is_own(rerr.destination) {
            return;
        }
        match rerr.hop_limit.checked_sub(1) {
            None | Some(0) => cx.count(Drop::HopLimit),
            Some(left) => {
                rerr.hop_limit = left;
                self.pass_error(cx, rerr);
            }
        }
    }

    fn pass_error(&self, cx: &mut Context<'_>, rerr: Rerr) {
        match self.next_hop(cx, rerr.destination) {
            Some(hop) => cx.send(hop, LoadngMessage::Rerr(rerr), Purpose::Relay),
            None => cx.count(Drop::NoRoute),
        }
    }
}
