//! A frame of one MAC payload.

use super::Router;
use crate::wire::{MeshHeader, msdu};
use plc_core::sap::{MacSecurity, McpsDataRequest, Msdu, Priority};
use plc_core::{Eui64, Instant, MacAddress, PanId, ShortAddress};

/// A single MAC frame: bootstrapping, routing, or something passed on for others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) extended_source: bool,
    pub(crate) dst_pan: PanId,
    pub(crate) way: Way,
    /// What follows the mesh header, if there is one.
    pub(crate) msdu: Msdu,
    pub(crate) security: MacSecurity,
    pub(crate) purpose: Purpose,
    pub(crate) chance: Chance,
}

/// What becomes of something whose next hop has not answered although it was well heard: it waits, and goes to it once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chance {
    /// That has not happened.
    #[default]
    First,
    /// It waits until then.
    Pausing(Instant),
    /// It has waited.
    Last,
}

impl Chance {
    /// The end of the pause.
    pub(super) const fn pause(&self) -> Option<Instant> {
        match self {
            Self::Pausing(until) => Some(*until),
            Self::First | Self::Last => None,
        }
    }

    /// The pause may be over.
    pub(super) fn wake(&mut self, now: Instant) {
        if self.pause().is_some_and(|until| until <= now) {
            *self = Self::Last;
        }
    }
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To a neighbour, or to all.
    To(MacAddress),
    /// To a member of the PAN, over whatever route there is when it goes.
    Routed(Routed),
}

/// A frame that needs a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) mesh: MeshHeader,
    /// The first hop needs no mesh header when it is the last.
    pub(crate) own: bool,
    /// Until a route is found.
    pub(crate) waiting: bool,
    /// Whether a route was repaired for it already.
    pub(crate) repaired: bool,
}

/// Who wants to know how a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nobody.
    Relay,
    /// The joining device.
    Joining,
    /// The coordinator: this device was told that it is in.
    Accepted(Eui64),
    /// LOADng: a request that must go to everybody when this neighbour does not answer.
    Request,
    /// LOADng: a reply on its way to this node.
    Reply(ShortAddress),
}

impl Way {
    /// To a member of the PAN.
    pub(crate) const fn routed_to(mesh: MeshHeader, own: bool) -> Self {
        Self::Routed(Routed { mesh, own, waiting: false, repaired: false })
    }

    pub(crate) const fn routed(&self) -> Option<&Routed> {
        match self {
            Self::Routed(routed) => Some(routed),
            Self::To(_) => None,
        }
    }

    pub(super) const fn routed_mut(&mut self) -> Option<&mut Routed> {
        match self {
            Self::Routed(routed) => Some(routed),
            Self::To(_) => None,
        }
    }

    /// Where it goes now, if it need not wait.
    pub(super) fn resolve(&mut self, router: &mut impl Router) -> Option<MacAddress> {
        match self {
            Self::To(to) => Some(*to),
            Self::Routed(routed) if routed.waiting => None,
            Self::Routed(routed) => {
                let hop = router(routed.mesh.destination, routed.mesh.hops_left);
                routed.waiting = hop.is_none();
                hop.map(MacAddress::Short)
            }
        }
    }
}

impl Frame {
    /// What the MAC is asked for when the next hop is `hop`.
    pub(super) fn request(&self, hop: MacAddress) -> McpsDataRequest {
        McpsDataRequest {
            handle: 0,
            extended_source: self.extended_source,
            dst_pan: self.dst_pan,
            dst: hop,
            msdu: self.msdu_for(hop),
            security: self.security,
            priority: Priority::Normal,
        }
    }

    fn msdu_for(&self, hop: MacAddress) -> Msdu {
        match self.way.routed() {
            Some(routed) if !routed.own || hop != MacAddress::Short(routed.mesh.destination) => {
                let with_mesh = msdu(|writer| {
                    routed.mesh.emit(writer)?;
                    writer.bytes(&self.msdu)
                });
                with_mesh.expect("what is routed has come with a mesh header or leaves room for one")
            }
            _ => self.msdu.clone(),
        }
    }
}
