//! A device and its coordinator: RC_COORD, and looking for the route again \[G3 MAC 1.6\].

use super::{Context, Route};
use crate::action::Action;
use crate::specs;
use plc_core::Instant;
use plc_core::sap::MlmeRequest;

/// What a device tells in its beacons about its way to the coordinator.
#[derive(Debug, Default)]
pub(crate) struct Home {
    told: Option<u16>,
    failures: u8,
    /// When to look for a route, or to look whether it is still there.
    at: Option<Instant>,
}

impl Home {
    /// Compares what is told with what is known; returns whether the route must be looked for now.
    #[must_use]
    pub(crate) fn update(&mut self, cx: &mut Context<'_>, route: Option<&Route>, searching: bool) -> bool {
        let due = self.at.is_none_or(|at| at <= cx.now);
        let cost = self.cost(cx, route);
        if self.told != Some(cost) {
            self.told = Some(cost);
            cx.out.push(Action::Mlme(MlmeRequest::SetRcCoord(cost)));
        }
        match route {
            Some(route) => (self.failures, self.at) = (0, Some(route.expires)),
            None if due => {
                self.at = Some(cx.now + specs::HOME_RETRY);
                return !searching;
            }
            None => {}
        }
        false
    }

    /// Nobody has answered.
    pub(crate) fn on_failure(&mut self, cx: &mut Context<'_>) {
        let factor = 1 << u32::from(self.failures.min(8));
        let pause = (specs::HOME_RETRY * factor).min(specs::HOME_RETRY_LAST);
        self.failures = self.failures.saturating_add(1);
        self.at = Some(cx.now + pause + cx.random(pause / 2));
    }

    /// A frame to the coordinator was acknowledged: nothing needs to be looked for while that lasts, also where the default
    /// route stands in for one whose first hop has not answered yet.
    pub(crate) fn on_delivered(&mut self, until: Instant) {
        if self.failures == 0 {
            self.at = self.at.max(Some(until));
        }
    }

    /// The route was lost: it may be looked for at once.
    pub(crate) fn on_lost(&mut self) {
        self.at = None;
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.at
    }

    fn cost(&self, cx: &Context<'_>, route: Option<&Route>) -> u16 {
        match route {
            Some(route) if route.hops < cx.max_hops() => route.cost.min(specs::RC_COORD_NO_ROUTE - 1),
            Some(_) => specs::RC_COORD_NO_ROUTE,
            None if self.failures > 0 => specs::RC_COORD_NOT_JOINED,
            None => self.told.unwrap_or(specs::RC_COORD_NO_ROUTE),
        }
    }
}
