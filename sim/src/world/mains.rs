//! The mains of the town: a power flow every minute.

use super::{Event, Layout, TownConfig, World};
use crate::capture::Input;
use crate::grid::{Consumer, Grid, GridFigures, Supply};
use crate::power_flow::Source;
use plc_core::time::Duration;
use std::collections::BTreeSet;

/// What a generator gives, and which customers have one: every fourth \[ours; C\].
const GENERATOR: (f64, u32) = (1500.0, 4);
const MINUTE: Duration = Duration::from_secs(60);

/// The mains of a town: its meters in their order, then the customers of the tables who have none.
pub(super) fn grid(config: &TownConfig, layout: &Layout) -> Grid {
    let table = &config.feeder;
    let customer = |feeder: usize, number: u32| {
        let consumer = Consumer::of(table, feeder, number).expect("the layout has customers of the tables");
        if number.is_multiple_of(GENERATOR.1) { consumer.with_generator(GENERATOR.0) } else { consumer }
    };
    let mut consumers = Vec::new();
    let mut metered = BTreeSet::new();
    for (place, household) in layout.households().iter().enumerate() {
        let feeder = household.spot.feeder;
        metered.insert((feeder, household.customer));
        let consumer = customer(feeder, household.customer);
        let consumer = match household.spot.phase {
            Some(phase) => consumer.on(phase),
            None => consumer,
        };
        let three = config.mix.has_three_phases(place);
        consumers.push(if three { consumer.on_three_phases() } else { consumer });
    }
    for feeder in 0..config.feeders {
        let rest = table.customers().iter().filter(|row| !metered.contains(&(feeder, row.number)));
        consumers.extend(rest.map(|row| customer(feeder, row.number)));
    }
    Grid::new(table, config.feeders, Source::EUROPEAN_LV, consumers)
}

impl World {
    /// The mains, as they are in this minute.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The mains, over all minutes so far.
    pub const fn mains(&self) -> &GridFigures {
        &self.mains
    }

    /// A minute begins: everybody has another load, and because of it another voltage.
    pub(super) fn on_minute(&mut self) {
        let minute = self.minute();
        let balance = self.grid.solve(minute).ok();
        self.mains.on_minute(balance);
        self.tell_supplies(minute);
        let at = self.utc();
        self.look_at_clocks();
        for (meter, site) in self.sites.iter().enumerate() {
            if self.grid.is_supplied(meter) {
                let (elements, supply) = site.supply();
                self.mains.on_meter((meter, at), elements, supply, self.grid.unbalance(meter));
            }
        }
        let into = self.now.since(plc_core::Instant::EPOCH).as_secs() + u64::from(self.config.start_second());
        self.agenda.push(self.now + MINUTE - Duration::from_secs(into % 60), Event::Minute);
    }

    /// How wrong the clocks of the meters are that have power.
    fn look_at_clocks(&mut self) {
        for (meter, site) in self.sites.iter().enumerate() {
            if let Some(ahead_ms) = site.ahead_ms(self.now) {
                self.record.on_clock(meter, ahead_ms, self.now);
            }
        }
    }

    /// Somebody has lost the supply or has it back: the voltages of all others change at once.
    pub(super) fn on_load_changed(&mut self) {
        let minute = self.minute();
        // What cannot be carried is counted with its minute.
        let _ = self.grid.solve(minute);
        self.tell_supplies(minute);
    }

    fn tell_supplies(&mut self, minute: usize) {
        for place in 0..self.sites.len() {
            let node = place as u32 + 1;
            if self.sites[place].is_on_stored() {
                continue;
            }
            let supplied = self.grid.is_supplied(place);
            let supply = if supplied { self.grid.supply(place, minute) } else { Supply::default() };
            self.tap.note(self.now, node, || Input::Mains(Box::new(supply)));
            self.sites[place].set_supply(self.now, supply);
            if self.sites[place].meter().is_some() {
                self.after(node);
            }
        }
    }

    /// Of the day.
    fn minute(&self) -> usize {
        (self.utc().as_secs().rem_euclid(86_400) / 60) as usize
    }
}
