//! What the procedures of one MAC share.

use crate::airtimes::Airtimes;
use crate::channel::{AirKind, Channel};
use crate::links::Links;
use crate::mac::MacOutput;
use crate::neighbours::Neighbours;
use crate::outputs::Outputs;
use crate::pan_conflict::PanConflicts;
use crate::pos::Pos;
use crate::security::KeyTable;
use crate::specs::RC_COORD_NOT_JOINED;
use crate::{Counters, MacConfig};
use core::time::Duration;
use plc_core::sap::{FrameGeometry, MacStatus, MlmeIndication, PhyRequest};
use plc_core::seed::Stream;
use plc_core::{Instant, MacAddress, PanId, ShortAddress};

/// What the procedures share: configuration, identity, keys, tables of neighbours, channel, randomness, outputs, counters.
pub(crate) struct Env {
    pub(crate) config: MacConfig,
    pub(crate) identity: Identity,
    pub(crate) keys: KeyTable,
    pub(crate) neighbours: Neighbours,
    pub(crate) links: Links,
    pub(crate) airtimes: Airtimes,
    pub(crate) pos: Pos,
    pub(crate) conflicts: PanConflicts,
    pub(crate) channel: Channel,
    pub(crate) stream: Stream,
    pub(crate) out: Outputs,
    pub(crate) counters: Counters,
}

/// Who this node is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// macPANId.
    pub(crate) pan: PanId,
    /// macShortAddress.
    pub(crate) short: ShortAddress,
    /// macRCCoord.
    pub(crate) rc_coord: u16,
    /// Whether this node has started the PAN.
    pub(crate) coordinator: bool,
}

impl Identity {
    /// In no PAN.
    pub(crate) const NONE: Self = Self {
        pan: PanId::BROADCAST,
        short: ShortAddress::BROADCAST,
        rc_coord: RC_COORD_NOT_JOINED,
        coordinator: false,
    };

    /// The short address, if there is one.
    pub(crate) fn short(&self) -> Option<ShortAddress> {
        (self.short != ShortAddress::BROADCAST).then_some(self.short)
    }

    /// Whether this node is in a PAN.
    pub(crate) fn joined(&self) -> bool {
        self.short().is_some() && self.pan != PanId::BROADCAST
    }
}

impl Env {
    pub(crate) fn new(config: MacConfig) -> Self {
        Self {
            identity: Identity::NONE,
            keys: KeyTable::new(),
            neighbours: Neighbours::new(config.bounds.neighbours),
            links: Links::new(config.bounds.links),
            airtimes: Airtimes::new(config.geometry, &config.adaptation),
            pos: Pos::new(config.bounds.pos),
            conflicts: PanConflicts::default(),
            channel: Channel::new(config.timing, config.interop),
            stream: config.seed.derive("mac", 0).stream(),
            out: Outputs::new(config.bounds.requests.max(1)),
            counters: Counters::default(),
            config,
        }
    }

    /// The arithmetic of frames.
    pub(crate) fn geometry(&self) -> &'static dyn FrameGeometry {
        self.config.geometry
    }

    /// Hands a transmission to the PHY.
    pub(crate) fn transmit(&mut self, now: Instant, request: PhyRequest, kind: AirKind, duration: Duration) {
        let at = match &request {
            PhyRequest::Data(data) => data.at,
            PhyRequest::Ack(ack) => ack.at,
        };
        self.channel.on_request(now, kind, at, duration);
        self.out.push(MacOutput::Phy(request));
    }

    /// Forgets who is about.
    pub(crate) fn forget_neighbours(&mut self) {
        self.neighbours.clear();
        self.links.clear();
        self.pos.clear();
        self.conflicts.clear();
    }

    /// The outputs and the tables of neighbours by their names: entries held, and the most that they may hold.
    pub(crate) fn tables(&self) -> [(&'static str, (usize, usize)); 4] {
        [
            ("outputs", self.out.occupancy()),
            ("neighbours", self.neighbours.table().occupancy()),
            ("links", self.links.table().occupancy()),
            ("POS", self.pos.table().occupancy()),
        ]
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        let tables = self.neighbours.table().footprint() + self.links.table().footprint();
        tables + self.pos.table().footprint() + self.out.footprint() + self.airtimes.footprint()
    }

    /// Writes the drops that the tables have counted into the counters.
    pub(crate) fn report(&mut self) {
        let drops = &mut self.counters.drops;
        drops.neighbour_evicted = self.neighbours.table().evicted();
        drops.link_evicted = self.links.table().evicted();
        drops.pos_evicted = self.pos.table().evicted();
    }

    /// A frame from `src` was refused.
    pub(crate) fn refuse(&mut self, src: MacAddress, status: MacStatus) {
        let drops = &mut self.counters.drops;
        let counter = match status {
            MacStatus::CounterError => &mut drops.replayed,
            MacStatus::UnavailableKey => &mut drops.unavailable_key,
            _ => &mut drops.security,
        };
        count(counter);
        self.out.push(MacOutput::Mlme(MlmeIndication::CommStatus { src, status }));
    }
}

/// Counts one more.
pub(crate) fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
