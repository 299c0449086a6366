//! A packet on its way out.

use super::{Chance, Router};
use crate::addressing;
use crate::fragment::Fragmenter;
use crate::wire::{self, Bc0Header, MeshHeader};
use plc_core::sap::{Handle, MacSecurity, McpsDataRequest, Priority};
use plc_core::{MacAddress, PanId, ShortAddress};

/// A packet and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) handle: Handle,
    pub(crate) priority: Priority,
    pub(crate) dst_pan: PanId,
    pub(crate) originator: ShortAddress,
    /// A node or a group.
    pub(crate) destination: ShortAddress,
    pub(crate) hops_left: u8,
    pub(crate) security: MacSecurity,
    pub(crate) fragmenter: Fragmenter,
    /// Until a route is found.
    pub(crate) waiting: bool,
    /// Whether a route was repaired for it already.
    pub(crate) repaired: bool,
    pub(crate) chance: Chance,
}

/// Octets of a mesh header, and of a broadcast header behind it.
const MESH: usize = 5;
const BC0: usize = 2;

impl Outgoing {
    /// Names the packet among those that wait.
    pub(crate) const fn tag(&self) -> u16 {
        self.fragmenter.tag()
    }

    /// Where its next fragment goes now, if it need not wait.
    pub(super) fn resolve(&mut self, router: &mut impl Router) -> Option<MacAddress> {
        if self.waiting || self.chance.pause().is_some() {
            return None;
        }
        if addressing::is_group(self.destination) {
            return Some(MacAddress::BROADCAST);
        }
        let hop = router(self.destination, self.hops_left);
        self.waiting = hop.is_none();
        hop.map(MacAddress::Short)
    }

    /// The next fragment, or the whole packet when it fits one frame. A neighbour needs no mesh header, but fragments
    /// leave room for one: the next one may take another way.
    pub(super) fn request(&mut self, hop: MacAddress, broadcast: &mut impl FnMut() -> u8) -> McpsDataRequest {
        let meshed = hop != MacAddress::Short(self.destination);
        let whole = if meshed { MESH } else { 0 } + if hop.is_broadcast() { BC0 } else { 0 };
        let mesh = MeshHeader {
            hops_left: self.hops_left,
            originator: self.originator,
            destination: self.destination,
        };
        let msdu = wire::msdu(|writer| {
            if meshed {
                mesh.emit(writer)?;
            }
            if hop.is_broadcast() {
                Bc0Header { sequence: broadcast() }.emit(writer)?;
            }
            self.fragmenter.emit_next(writer, whole, whole.max(MESH))
        });
        McpsDataRequest {
            handle: 0,
            extended_source: false,
            dst_pan: self.dst_pan,
            dst: hop,
            msdu: msdu.expect("the overhead was counted when the packet was cut"),
            security: self.security,
            priority: self.priority,
        }
    }
}
