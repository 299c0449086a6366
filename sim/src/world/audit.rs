//! What is looked at from outside: what nodes accept, their tables, their routes, and what was read.

use super::concentrator::IMPORT;
use super::invariants::Invariants;
use super::loops::{LOOPS_STEP, Mesh};
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

    /// How often each block of an image has come to a meter, by its offset.
    pub fn image_blocks(&self, meter: usize) -> &BTreeMap<u32, u32> {
        self.sites[meter].memory().blocks()
    }

    /// The status that the rows of a meter bear that are held, by their time.
    pub fn statuses(&self, meter: usize) -> BTreeMap<Utc, u32> {
        let eui64 = self.sites[meter].household.identity.eui64;
        let of_it = self.concentrator.store.readings.range((eui64, IMPORT, Utc::from_millis(i64::MIN))..);
        let of_it = of_it.take_while(|((held, name, _), _)| (*held, *name) == (eui64, IMPORT));
        of_it.map(|(&(_, _, capture), &(_, status))| (capture, status)).collect()
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
        for site in self.sites.iter().filter(|site| site.log.lost_records > 0) {
            let eui64 = site.household.identity.eui64;
            self.record.violate(format!("{eui64}: its flash did not take {} records", site.log.lost_records));
        }
        for ((eui64, capture), quantities) in rows {
            let whole = sites.get(&eui64).map_or(2, |&n| self.sites[n].quantities());
            if quantities != whole || !store.readings.contains_key(&(eui64, IMPORT, capture)) {
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
        self.node(node as u32)?.adp().route_used(self.now, destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::TownConfig;
    use dlms::cosem::LogicalName;
    use plc_core::time::Duration;

    type Readings = BTreeMap<(Eui64, LogicalName, Utc), (i64, u32)>;

    /// The nodes from one on, as far as somebody knows the way.
    fn way(mesh: &impl Mesh, from: usize, destination: ShortAddress) -> Vec<usize> {
        let end = mesh.of(destination);
        let next = |&at: &usize| if Some(at) == end { None } else { mesh.next(at, destination) };
        std::iter::successors(Some(from), next).take(20).collect()
    }

    #[test]
    fn the_routes_of_a_town_lead_home_from_everybody_and_from_home_to_everybody() {
        let mut config = TownConfig::new(1);
        (config.meters, config.duration) = (24, Duration::from_secs(1000));
        // So weak that not everybody hears the concentrator.
        config.offset_db = -28.0;
        let mut world = World::new(config);
        world.run_to(world.end());
        let members = Mesh::members(&world);
        assert!(members.len() > 20, "{} have joined", members.len());
        let mut far = 0;
        for &member in &members {
            let meter = world.of(member).expect("it is a member");
            let (up, down) = (way(&world, meter, ShortAddress::COORDINATOR), way(&world, 0, member));
            assert_eq!((up.last(), down.last()), (Some(&0), Some(&meter)), "{up:?} {down:?}");
            far += usize::from(down.len() > 2);
            assert!(down.len() == 2 || world.used(0, member).is_some_and(|at| at <= world.now()));
        }
        assert!(far > 2, "{far} are more than one hop away");
        assert_eq!((world.record.loops, world.record.violation_count), (0, 0));
    }

    #[test]
    fn a_reading_that_was_not_put_in_and_a_row_that_is_not_whole_are_noticed_at_the_end() {
        let mut config = TownConfig::new(1);
        (config.meters, config.duration) = (2, Duration::from_secs(700));
        let mut world = World::new(config);
        world.run_to(world.end());
        world.audit();
        assert_eq!((world.record.violations.clone(), world.readings()), (Vec::new(), 4));
        let all = world.concentrator.store.readings.clone();
        let mut violations = |change: &dyn Fn(&mut Readings)| {
            let mut readings = all.clone();
            change(&mut readings);
            world.concentrator.store.readings = readings;
            world.record.violation_count = 0;
            world.audit();
            world.record.violation_count
        };
        let (&first, &value) = all.first_key_value().expect("there are four");
        assert_eq!(violations(&|_| ()), 0);
        assert_eq!(violations(&|readings| _ = readings.insert(first, (value.0 + 1, value.1))), 1);
        assert_eq!(violations(&|readings| _ = readings.remove(&first)), 1);
        // Another time: that row is not true, nor whole.
        let later = (first.0, first.1, first.2 + Duration::from_secs(900));
        assert_eq!(violations(&|readings| _ = readings.insert(later, value)), 2);
        let stranger = (Eui64::from_u64(1), first.1, first.2);
        assert_eq!(violations(&|readings| _ = readings.insert(stranger, value)), 2);
    }
}
