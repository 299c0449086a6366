//! Who lives where, and who hears whom.

use crate::feeder::{Conditions, Feeder, Phase, Place, Responses, Spot};
use crate::frame::Links;
use crate::street::{MAINS_SWING_DB, MeterIdentity, customers, noise_of_port, signal_of_band};
use channel::MainsGain;
use g3_phy::BandPlan;
use plc_core::Seed;
use std::collections::BTreeSet;

/// A meter in its place.
#[derive(Clone, Copy, Debug)]
pub struct Household {
    /// Who it is.
    pub identity: MeterIdentity,
    /// The customer whose load it measures.
    pub customer: u32,
    /// Where it hangs.
    pub spot: Spot,
    /// Where it stands on the map, metres.
    pub position: (f64, f64),
}

/// Feeders behind one transformer, with their meters.
#[derive(Clone, Debug)]
pub struct Layout {
    feeder: Feeder,
    conditions: Vec<Conditions>,
    households: Vec<Household>,
    rogues: Vec<Spot>,
    cut: Vec<BTreeSet<usize>>,
    plan: &'static BandPlan,
    /// dB that every link has more or less than its cables give.
    offset_db: f64,
}

/// Frequencies in each group of carriers at which a link is computed.
const POINTS: usize = 2;
/// A link that does not reach this in any group is not kept: half of the preambles are missed at -11 dB, and as interference it adds a
/// sixteenth to the noise.
const FLOOR_DB: f64 = -12.0;
/// Meters at one customer: one for each phase.
pub const METERS_PER_CUSTOMER: usize = 3;

impl Layout {
    /// `meters` meters, spread evenly over `feeders` copies of `feeder` that differ in their households. Customers that have more than one
    /// meter have the others on the other phases. Both numbers are one or more, and there is room.
    pub fn new(
        feeder: Feeder,
        feeders: usize,
        meters: usize,
        plan: &'static BandPlan,
        offset_db: f64,
        seed: &Seed,
    ) -> Self {
        let household_seed = |n: usize| {
            let seed = seed.derive("households", 0);
            if n == 0 { seed } else { seed.derive("feeder", n as u64) }
        };
        let conditions = (0..feeders).map(|n| Conditions::spread(&feeder, &household_seed(n))).collect();
        let count = |n: usize| meters / feeders + usize::from(n < meters % feeders);
        let households = (0..feeders).flat_map(|n| households(&feeder, n, count(n), seed)).collect();
        let cut = vec![BTreeSet::new(); feeders];
        Self { feeder, conditions, households, rogues: Vec::new(), cut, plan, offset_db }
    }

    /// A node that hangs where meter number `meter` does; it comes after all meters.
    pub(super) fn add_rogue(&mut self, meter: usize) {
        self.rogues.push(self.households[meter].spot);
    }

    fn spots(&self) -> impl Iterator<Item = Spot> + '_ {
        let meters = self.households.iter().map(|household| household.spot);
        std::iter::once(Spot::BUSBAR).chain(meters).chain(self.rogues.iter().copied())
    }

    /// The most meters that a number of feeders takes.
    pub fn room(feeder: &Feeder, feeders: usize) -> usize {
        feeder.customers().len() * METERS_PER_CUSTOMER * feeders
    }

    /// The feeder that all are copies of.
    pub const fn feeder(&self) -> &Feeder {
        &self.feeder
    }

    /// The meters.
    pub fn households(&self) -> &[Household] {
        &self.households
    }

    /// Cuts the cable that feeds the bus `metres` up the way from a meter; returns the meters that hang behind it.
    pub fn cut(&mut self, meter: usize, metres: f64) -> Vec<usize> {
        let line = self.line_above(meter, metres);
        self.cut[self.households[meter].spot.feeder].extend(line);
        self.behind(meter, metres)
    }

    /// The cable `metres` up the way from a meter.
    fn line_above(&self, meter: usize, metres: f64) -> Option<usize> {
        let mut left = metres;
        self.feeder.way_up(self.households[meter].spot.bus).into_iter().find_map(|bus| {
            let line = self.feeder.feeding_line(bus)?;
            left -= self.feeder.lines()[line].length_m;
            (left < 0.0).then_some(line)
        })
    }

    /// The meters that hang behind the cable `metres` up the way from a meter.
    pub fn behind(&self, meter: usize, metres: f64) -> Vec<usize> {
        let (spot, line) = (self.households[meter].spot, self.line_above(meter, metres));
        let feeds = |bus| line.is_some() && self.feeder.feeding_line(bus) == line;
        let behind = |household: &Household| {
            household.spot.feeder == spot.feeder
                && self.feeder.way_up(household.spot.bus).into_iter().any(feeds)
        };
        let all = self.households.iter().enumerate();
        if line.is_none() { Vec::new() } else { all.filter(|(_, h)| behind(h)).map(|(n, _)| n).collect() }
    }

    /// Whether a cable between a bus and the transformer is cut.
    pub fn is_cut_off(&self, feeder: usize, bus: usize) -> bool {
        let cut = &self.cut[feeder];
        let feeding = |bus| self.feeder.feeding_line(bus);
        !cut.is_empty()
            && self.feeder.way_up(bus).into_iter().filter_map(feeding).any(|line| cut.contains(&line))
    }

    /// Mains phases of all nodes, 256 counts to a cycle: the concentrator, then the meters.
    pub fn phases(&self) -> Vec<u8> {
        // The second phase follows the first by a third of a cycle: at the same moment its count is less.
        let count = |spot: Spot| (256 - spot.phase.map_or(0, Phase::index) * 256 / 3) as u8;
        self.spots().map(count).collect()
    }

    /// The links between all nodes: node 0 is the concentrator, node n the n-th meter.
    pub fn links(&self) -> Links {
        let frequencies = self.frequencies();
        let responses = Responses::new(&self.feeder, &self.conditions, &frequencies, &self.cut);
        let spots: Vec<Spot> = self.spots().collect();
        let base: Vec<f64> = self.base(&frequencies).iter().map(|db| 10f64.powf(db / 10.0)).collect();
        let mut powers = vec![0.0; frequencies.len()];
        Links::new(spots.len() as u32, self.plan.groups, FLOOR_DB, |from, to, ratios| {
            responses.powers(spots[from as usize], spots[to as usize], &mut powers);
            powers.iter_mut().zip(&base).for_each(|(power, base)| *power *= base);
            // The mean in decibels: of two points.
            let mean = |points: &[f64]| points.iter().product::<f64>().sqrt();
            ratios
                .iter_mut()
                .zip(powers.chunks(POINTS))
                .for_each(|(ratio, points)| *ratio = mean(points) as f32);
        })
    }

    /// Frequencies of the points: a quarter and three quarters into each group.
    fn frequencies(&self) -> Vec<f64> {
        let spacing = f64::from(self.plan.sample_rate_hz) / 256.0;
        let point = |n: usize| {
            let place = (n as f64 + 0.5) / POINTS as f64 * self.plan.group_size() as f64 - 0.5;
            (self.plan.first_carrier as f64 + place) * spacing
        };
        (0..self.plan.groups * POINTS).map(point).collect()
    }

    /// Ratio of signal to noise without attenuation at each frequency, dB: that of a transmitter at its ordinary level to the background of
    /// the street, and the mean of the gain that follows the mains.
    fn base(&self, frequencies: &[f64]) -> Vec<f64> {
        let rate = self.plan.sample_rate_hz;
        let noise = noise_of_port(&Seed::from_u64(0), 0, rate);
        let signal = signal_of_band(self.plan);
        let swing = MainsGain::new(rate, MAINS_SWING_DB, 0.0).mean_db();
        let level = |hz: f64| 10.0 * (signal.density() / noise.background_density(hz)).log10();
        frequencies.iter().map(|&hz| level(hz) + swing + self.offset_db).collect()
    }

    /// The ratio (dB) from one node to another, meaned over the groups; for maps and reports.
    pub fn mean_db(links: &Links, from: u32, to: u32) -> Option<f64> {
        let link = links.between(from, to)?;
        let sum: f64 = link.ratios.iter().map(|&ratio| 10.0 * f64::from(ratio.max(1e-9)).log10()).sum();
        Some(sum / link.ratios.len() as f64)
    }
}

/// The meters of feeder number `n`.
fn households(feeder: &Feeder, n: usize, count: usize, seed: &Seed) -> Vec<Household> {
    let all = feeder.customers().len();
    let mut chosen: Vec<(u32, usize)> = Vec::new();
    for round in 0..METERS_PER_CUSTOMER {
        let left = count - chosen.len();
        // As in the street: evenly spread. With as many as there are, that is all of them.
        let some = customers(left.min(all), feeder).unwrap_or_default();
        chosen.extend(some.into_iter().map(|customer| (customer, round)));
    }
    let place = |(number, round): (u32, usize)| {
        let customer = feeder.customer(number).expect("chosen of those that exist");
        let phase = Phase::ALL[(customer.phase.index() + round) % Phase::ALL.len()];
        let bus = feeder.bus_of(Place::Customer(number)).expect("the customer exists");
        let row = &feeder.buses()[bus];
        let id = number + 100 * round as u32 + 1000 * n as u32;
        Household {
            identity: MeterIdentity::new(id, seed),
            customer: number,
            spot: Spot { feeder: n, bus, phase: Some(phase) },
            position: (row.x_m, row.y_m),
        }
    };
    chosen.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::street::{Street, StreetConfig};
    use g3_phy::CENELEC_A;

    #[test]
    fn links_of_one_feeder_have_the_ratios_of_the_street() {
        let feeder = Feeder::european_lv();
        let seed = Seed::from_u64(1);
        let layout = Layout::new(feeder.clone(), 1, 8, &CENELEC_A, 0.0, &seed);
        let street = Street::new(&StreetConfig::new(1), &feeder).expect("the street of the demo");
        let links = layout.links();
        for (n, site) in street.sites().iter().enumerate() {
            let meter = n as u32 + 1;
            assert_eq!(site.identity().eui64, layout.households()[n].identity.eui64);
            for (from, to) in [(0, meter), (meter, 0)] {
                let slow =
                    street.background_snr_db(from as usize, to as usize).expect("all ports are linked");
                let fast = Layout::mean_db(&links, from, to).expect("the street is loud enough");
                assert!((fast - slow).abs() < 1.0, "{from} to {to}: {fast} dB, {slow} dB in the street");
            }
        }
    }

    #[test]
    fn a_cut_takes_those_behind_it_and_nobody_else() {
        let feeder = Feeder::european_lv();
        let mut layout = Layout::new(feeder, 2, 110, &CENELEC_A, 0.0, &Seed::from_u64(1));
        let last = 54;
        let behind = layout.cut(last, 60.0);
        assert!(behind.contains(&last) && behind.len() < 30, "{behind:?}");
        let links = layout.links();
        assert!(behind.iter().all(|&n| links.between(0, n as u32 + 1).is_none()));
        assert!((0..110).filter(|n| !behind.contains(n)).any(|n| links.between(0, n as u32 + 1).is_some()));
    }
}
