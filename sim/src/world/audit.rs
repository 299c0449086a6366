//! What is looked at from outside: what nodes accept, their tables, their routes, and what was read.

use super::concentrator::IMPORT;
use super::invariants::Invariants;
use super::loops::{LOOPS_STEP, Mesh};
use super::truth::QUANTITIES;
use super::{Event, World};
use plc_core::{Eui64, Instant, ShortAddress, Utc};
use std::collections::BTreeMap;

impl World {
    /// A node was told of a frame.
    pub(super) fn check_acceptance(&mut self, node: u32) {
        let held = super::node(&self.concentrator, &self.sites, node);
        if let Some(held) = held {
            self.acceptances.on_frame(self.now, node, held.mac(), &mut self.record);
        }
    }

    /// Something has happened to a node: its tables must be within their bounds.
    pub(super) fn check_tables(&mut self, node: u32) {
        let held = super::node(&self.concentrator, &self.sites, node);
        held.into_iter().for_each(|held| Invariants::on_tables(node, held, &mut self.record));
    }

    pub(super) fn on_routes(&mut self) {
        let mut loops = std::mem::take(&mut self.loops);
        let mut record = std::mem::take(&mut self.record);
        loops.look(self.now, self, &mut record);
        (self.loops, self.record) = (loops, record);
        self.agenda.push(self.now + LOOPS_STEP, Event::Routes);
    }

    /// Compares every reading held with what was put in: each quantity, at the time that it bears. Notes those that differ.
    pub fn audit(&mut self) {
        let store = &self.concentrator.store;
        let sites: BTreeMap<Eui64, usize> =
            self.sites.iter().enumerate().map(|(n, site)| (site.household.identity.eui64, n)).collect();
        let mut rows: BTreeMap<(Eui64, Utc), usize> = BTreeMap::new();
        for (&(eui64, name, capture), &(value, _)) in &store.readings {
            *rows.entry((eui64, capture)).or_default() += 1;
            let fault = match sites.get(&eui64) {
                None => Some(String::from("a meter that does not exist")),
                Some(&n) => self.sites[n].fault(name, capture, value),
            };
            if let Some(fault) = fault {
                self.record.violate(format!("{eui64} at {capture}: {fault}"));
            }
        }
        for ((eui64, capture), quantities) in rows {
            if quantities != QUANTITIES.len() || !store.readings.contains_key(&(eui64, IMPORT, capture)) {
                self.record.violate(format!("{eui64} at {capture}: {quantities} quantities are held"));
            }
        }
    }
}

impl Mesh for World {
    fn nodes(&self) -> usize {
        self.sites.len() + 1
    }

    fn members(&self) -> Vec<ShortAddress> {
        self.invariants.members().collect()
    }

    fn next(&self, node: usize, destination: ShortAddress) -> Option<usize> {
        let hop = self.node(node as u32)?.adp().next_hop(self.now, destination)?;
        self.of(hop)
    }

    fn of(&self, destination: ShortAddress) -> Option<usize> {
        match destination {
            ShortAddress::COORDINATOR => Some(0),
            other => self.invariants.meter_of(other).map(|meter| meter + 1),
        }
    }

    fn used(&self, node: usize, destination: ShortAddress) -> Option<Instant> {
        self.node(node as u32)?.adp().route_used(destination)
    }
}
