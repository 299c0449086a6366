//! What befalls the town.

use super::forge::{Insider, Outsider};
use super::{Action, CONCENTRATOR, Choice, Event, Layout, TownConfig, World};
use crate::capture::Input;
use crate::frame::{FlightId, Heard};
use crate::street::firmware::image;
use plc_core::sap::Key;
use plc_core::seed::uniform;
use plc_core::{Eui64, ShortAddress};

/// The key of a meter that has a wrong one.
pub(super) const WRONG_KEY: Key = Key([0xEE; 16]);

/// The meter, the name and the image of an action that brings firmware.
pub(super) fn firmware(config: &TownConfig, layout: &Layout, n: usize) -> Option<(Eui64, String, Vec<u8>)> {
    let Action::Firmware { meter, version, octets, passes } = &config.actions.get(n)?.1 else { return None };
    let image = image(config.seed, version, *passes, *octets);
    Some((layout.households().get(meter - 1)?.identity.eui64, version.clone(), image))
}

impl World {
    pub(super) fn on_action(&mut self, n: usize) {
        let action = self.config.actions[n].1.clone();
        match action {
            Action::PowerOff(choice) => self.supply(self.chosen(&choice), false),
            Action::PowerOn(choice) => self.supply(self.chosen(&choice), true),
            Action::Cut { meter, metres } => self.cut(meter, metres),
            Action::NoiseSource { node, level_db } => {
                self.sources.retain(|source| source.0 != node);
                self.sources.extend(level_db.map(|db| (node, db)));
                self.set_noise();
            }
            Action::Clock { meter, ahead_ms } => {
                self.tap.note(self.now, meter as u32, || Input::Clock(ahead_ms));
                self.sites[meter - 1].shift_clock(self.now, ahead_ms);
                self.after(meter as u32);
            }
            Action::Firmware { .. } => self.bring(n),
            Action::DiskFull(full) => {
                self.concentrator.set_disk_full(self.now, full);
                self.after(0);
            }
            Action::Replay { recorder, frames } => {
                self.rogues[recorder].replay(frames);
                self.on_rogue(self.rogue(recorder));
            }
            Action::ForgedJoin { recorder, devices } => self.forge_joins(recorder, devices),
            Action::FullTable { recorder, neighbours } => self.fill_tables(recorder, neighbours),
        }
    }

    /// The concentrator is told to bring the firmware of an action.
    fn bring(&mut self, n: usize) {
        let Some((meter, name, image)) = firmware(&self.config, &self.layout, n) else { return };
        self.tap.note(self.now, CONCENTRATOR, || Input::Order(n));
        self.concentrator.bring(self.now, meter, (&name, &image));
        self.after(CONCENTRATOR);
    }

    /// The node of a recorder.
    const fn rogue(&self, recorder: usize) -> u32 {
        (self.sites.len() + 1 + recorder) as u32
    }

    /// The coordinator and the meter beside the rogue are asked in turn, in the names of strangers and of all meters.
    fn forge_joins(&mut self, recorder: usize, devices: usize) {
        let beside = self.config.rogue.recorders[recorder] - 1;
        let agent = self.invariants.members().find(|&short| self.invariants.meter_of(short) == Some(beside));
        let agents: Vec<_> = std::iter::once(ShortAddress::COORDINATOR).chain(agent).collect();
        let victims: Vec<_> = self.sites.iter().map(|site| site.household.identity.eui64).collect();
        let outsider = Outsider { plan: self.config.band, agents: &agents, victims: &victims };
        self.rogues[recorder].send(outsider.joins(devices));
        self.on_rogue(self.rogue(recorder));
    }

    fn fill_tables(&mut self, recorder: usize, neighbours: usize) {
        let seed = self.seed.derive("insider", recorder as u64);
        let insider = Insider::new(self.config.band, self.concentrator.group_key(), seed, self.now);
        self.rogues[recorder].send(insider.neighbours(neighbours));
        self.on_rogue(self.rogue(recorder));
    }

    /// Makes rogues of the meters that are to be.
    pub(super) fn admit_rogues(&mut self) {
        let rogue = &self.config.rogue;
        for &meter in &rogue.wrong_key {
            self.sites[meter - 1].set_psk(WRONG_KEY);
        }
        for &meter in &rogue.wrong_dlms_keys {
            self.sites[meter - 1].set_dlms_key(WRONG_KEY);
        }
        self.record.rogue = rogue
            .wrong_key
            .iter()
            .chain(&rogue.unknown)
            .chain(&rogue.wrong_dlms_keys)
            .map(|meter| meter - 1)
            .collect();
    }

    /// A rogue sends its next frame, whatever else is on the line.
    pub(super) fn on_rogue(&mut self, node: u32) {
        let rogue = &mut self.rogues[node as usize - self.sites.len() - 1];
        if let Some((frame, again)) = rogue.next(self.now) {
            self.record.rogue_frames += 1;
            self.tap.on_frame(self.anchor, &frame);
            self.air.start(node, Box::new(frame), &mut self.heard, &mut self.due);
            self.tell(None);
            self.agenda.push(again, Event::Rogue(node));
        }
    }

    /// A rogue has heard something.
    pub(super) fn overhear(&mut self, node: u32, what: &Heard, flight: Option<FlightId>) {
        if let (Heard::Received, Some(flight)) = (what, flight) {
            let place = node as usize - self.sites.len() - 1;
            self.rogues[place].on_heard(self.air.frame(flight));
        }
    }

    fn chosen(&self, choice: &Choice) -> Vec<u32> {
        match *choice {
            Choice::Node(node) => vec![node as u32],
            Choice::Share(share) => {
                let of = |node: &u32| {
                    let mut stream = self.seed.derive("share", u64::from(*node)).stream();
                    f64::from(uniform(&mut stream, 1_000_000)) < share * 1e6
                };
                (1..=self.sites.len() as u32).filter(of).collect()
            }
            Choice::Phase(phase) => {
                let hangs = |place: &usize| {
                    let household = &self.layout.households()[*place];
                    household.spot.phase == Some(phase) && !self.config.mix.has_three_phases(*place)
                };
                (0..self.sites.len()).filter(hangs).map(|place| place as u32 + 1).collect()
            }
            Choice::Behind { meter, metres } => {
                self.layout.behind(meter - 1, metres).into_iter().map(|place| place as u32 + 1).collect()
            }
        }
    }

    fn cut(&mut self, meter: usize, metres: f64) {
        let behind = self.layout.cut(meter - 1, metres);
        self.air.set_links(self.layout.links());
        // Those without a meter take nothing any more either.
        for consumer in self.sites.len()..self.grid.consumers().len() {
            let of = &self.grid.consumers()[consumer];
            if self.layout.is_cut_off(of.feeder(), of.bus()) {
                self.grid.set_supplied(consumer, false);
            }
        }
        self.supply(behind.into_iter().map(|meter| meter as u32 + 1).collect(), false);
        self.set_noise();
    }

    /// Nodes lose their supply or get it, and what they take changes the voltage of all others. Nobody gets it through a cable that is
    /// cut.
    fn supply(&mut self, mut nodes: Vec<u32>, on: bool) {
        nodes.retain(|&node| !(on && self.is_cut_off(node)));
        for &node in nodes.iter().filter(|&&node| node != CONCENTRATOR) {
            self.grid.set_supplied(node as usize - 1, on);
        }
        // What somebody has had up to now is counted at the voltage that he had.
        nodes.into_iter().for_each(|node| self.supply_node(node, on));
        self.on_load_changed();
    }

    /// A meter that loses its supply lives on what it has stored for a while; the concentrator does not.
    fn supply_node(&mut self, node: u32, on: bool) {
        let site = (node as usize).checked_sub(1).map(|place| &mut self.sites[place]);
        match (site, on) {
            (Some(site), true) if site.is_on_stored() => {
                self.tap.note(self.now, node, || Input::SupplyBack);
                site.regain_supply(self.now);
                self.after(node);
            }
            (Some(site), false) if site.meter().is_some() => {
                if !site.is_on_stored() {
                    self.tap.note(self.now, node, || Input::SupplyLost);
                    site.lose_supply(self.now);
                    self.record.losses += 1;
                    self.after(node);
                }
            }
            _ => self.power(node, on),
        }
    }

    fn is_cut_off(&self, node: u32) -> bool {
        let of = (node as usize).checked_sub(1).and_then(|place| self.grid.consumers().get(place));
        of.is_some_and(|of| self.layout.is_cut_off(of.feeder(), of.bus()))
    }
}
