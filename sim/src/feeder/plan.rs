//! From the tables to the physical description of a link.

use super::{Feeder, Phase};
use channel::{Branch, Hop, Impedance, Node, Path, Segment, specs};
use plc_core::Seed;
use std::collections::BTreeMap;

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The concentrator at the transformer, bus 1.
    Transformer,
    /// The meter of a customer, by the customer's number.
    Customer(u32),
}

/// What the tables do not say: impedances at carrier frequencies, and how phases couple.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// The transformer from its low-voltage side.
    pub transformer: Impedance,
    /// Access impedance of each household, by customer; one that is missing is open.
    pub households: BTreeMap<u32, Impedance>,
    /// The phase that the concentrator couples to; `None` for all three.
    pub concentrator: Option<Phase>,
    /// Loss between a transmitter and a receiver on different phases, dB.
    pub coupling_db: f64,
}

/// Line voltage (V), power (VA) and short-circuit reactance (%) of the transformer [European test feeder; A]
/// and its resistance (%) [the same; B].
const TRANSFORMER: (f64, f64, f64, f64) = (416.0, 800e3, 4.0, 0.4);

/// Range of the factor by which a household's impedance differs from the ordinary one [confidence C].
const SPREAD: (f64, f64) = (0.4, 2.5);

impl Conditions {
    /// Every household with the ordinary impedance, a concentrator on all phases.
    pub fn ordinary(feeder: &Feeder) -> Self {
        let (volts, volt_amperes, reactance, resistance) = TRANSFORMER;
        let numbers = feeder.customers().iter().map(|customer| customer.number);
        Self {
            transformer: Impedance::transformer(volts, volt_amperes, reactance, resistance),
            households: numbers.map(|number| (number, Impedance::household())).collect(),
            concentrator: None,
            coupling_db: specs::CROSS_PHASE_COUPLING_DB,
        }
    }

    /// Households that differ, each by a factor of its own.
    pub fn spread(feeder: &Feeder, seed: &Seed) -> Self {
        let mut conditions = Self::ordinary(feeder);
        let (ohm, henry) = specs::HOUSEHOLD_OHM_HENRY;
        for (number, impedance) in &mut conditions.households {
            let bytes = seed.derive("access impedance", u64::from(*number)).0;
            let share = f64::from(u16::from_le_bytes([bytes[0], bytes[1]])) / 65_536.0;
            let factor = SPREAD.0 * (SPREAD.1 / SPREAD.0).powf(share);
            *impedance = Impedance::Series { ohm: ohm * factor, henry: henry * factor };
        }
        conditions
    }
}

impl Feeder {
    /// The physical description of the link from `from` to `to`: the cables of the way, with every other cable
    /// and household as a load or stub. `None` for a customer that does not exist, or equal ends.
    ///
    /// Households load the conductor of their phase only. Between customers on different phases the loads of
    /// both phases count, and the coupling loss comes on top.
    pub fn link_plan(&self, from: Place, to: Place, conditions: &Conditions) -> Option<Path> {
        let (start, start_phase) = self.end(from, conditions)?;
        let (end, end_phase) = self.end(to, conditions)?;
        if from == to {
            return None;
        }
        let phases = [start_phase.or(end_phase), end_phase.or(start_phase)];
        let survey = Survey { feeder: self, conditions, phases };
        let mut path = survey.path(start, &self.way(start, end));
        path.coupling_db = if phases[0] == phases[1] { 0.0 } else { conditions.coupling_db };
        Some(path)
    }

    fn end(&self, place: Place, conditions: &Conditions) -> Option<(usize, Option<Phase>)> {
        match place {
            Place::Transformer => Some((0, conditions.concentrator)),
            Place::Customer(number) => {
                self.customer(number).map(|customer| (customer.bus, Some(customer.phase)))
            }
        }
    }
}

/// The feeder as a signal on certain phases sees it.
struct Survey<'a> {
    feeder: &'a Feeder,
    conditions: &'a Conditions,
    phases: [Option<Phase>; 2],
}

impl Survey<'_> {
    fn path(&self, start: usize, way: &[usize]) -> Path {
        let mut bus = start;
        let first = self.node(start, &way[..way.len().min(1)]);
        let mut hops: Vec<Hop> = Vec::new();
        for (n, line) in way.iter().enumerate() {
            bus = self.other_end(*line, bus);
            let used = &way[n..way.len().min(n + 2)];
            append(&mut hops, Hop { segment: self.segment(*line), node: self.node(bus, used) });
        }
        Path::new(first, hops)
    }

    /// What hangs at `bus` besides the lines `used`.
    fn node(&self, bus: usize, used: &[usize]) -> Node {
        let others = self.feeder.neighbours(bus).filter(|(line, _)| !used.contains(line));
        Node { loads: self.loads(bus), branches: others.map(|(line, far)| self.branch(line, far)).collect() }
    }

    /// The stub that leads over `line` to `far`; lengths of the same cable without a junction become one.
    fn branch(&self, mut line: usize, mut far: usize) -> Branch {
        let mut segment = self.segment(line);
        while let Some((next, beyond)) = self.continuation(line, far) {
            segment.metres += self.feeder.lines[next].length_m;
            (line, far) = (next, beyond);
        }
        Branch { segment, end: self.node(far, &[line]) }
    }

    /// The only other line at `bus`, if it is of the same kind and nothing is connected between.
    fn continuation(&self, line: usize, bus: usize) -> Option<(usize, usize)> {
        let mut others = self.feeder.neighbours(bus).filter(|(other, _)| *other != line);
        let (next, beyond) = others.next()?;
        let same = self.feeder.lines[next].kind == self.feeder.lines[line].kind;
        (same && others.next().is_none() && self.loads(bus).is_empty()).then_some((next, beyond))
    }

    fn loads(&self, bus: usize) -> Vec<Impedance> {
        let customers = self.feeder.customers.iter().filter(|customer| customer.bus == bus);
        let heard = customers
            .filter(|customer| self.phases == [None, None] || self.phases.contains(&Some(customer.phase)));
        let households = heard.filter_map(|customer| self.conditions.households.get(&customer.number));
        households.chain((bus == 0).then_some(&self.conditions.transformer)).copied().collect()
    }

    fn segment(&self, line: usize) -> Segment {
        let line = &self.feeder.lines[line];
        Segment { metres: line.length_m, cable: self.feeder.kinds[line.kind].cable }
    }

    fn other_end(&self, line: usize, bus: usize) -> usize {
        let line = &self.feeder.lines[line];
        if line.from == bus { line.to } else { line.from }
    }
}

/// Appends a hop, or lengthens the last one when nothing but more of the same cable follows.
fn append(hops: &mut Vec<Hop>, hop: Hop) {
    match hops.last_mut() {
        Some(last) if last.node == Node::default() && last.segment.cable == hop.segment.cable => {
            last.segment.metres += hop.segment.metres;
            last.node = hop.node;
        }
        _ => hops.push(hop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeder::Tables;
    use crate::street::{Street, StreetConfig};
    use channel::{FirDesign, Link, Signal};

    fn count(node: &Node) -> (usize, f64) {
        let mut sum = (node.loads.len(), 0.0);
        for branch in &node.branches {
            let (loads, metres) = count(&branch.end);
            sum = (sum.0 + loads, sum.1 + metres + branch.segment.metres);
        }
        sum
    }

    #[test]
    fn a_plan_has_the_whole_feeder_and_every_household_of_the_phase() {
        let feeder = Feeder::european_lv();
        let conditions = Conditions::ordinary(&feeder);
        for (from, to, households) in [
            (Place::Transformer, Place::Customer(1), 21),
            (Place::Customer(8), Place::Transformer, 15),
            (Place::Customer(1), Place::Customer(55), 21),
            (Place::Customer(1), Place::Customer(53), 40),
        ] {
            let path = feeder.link_plan(from, to, &conditions).expect("both ends exist");
            let nodes = path.hops.iter().map(|hop| &hop.node).chain([&path.first]);
            let (loads, metres) = nodes.map(count).fold((0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            assert_eq!(loads, households + 1, "the transformer is a load too");
            assert!((metres + path.metres() - 1431.5146).abs() < 1e-3);
        }
    }

    #[test]
    fn the_length_of_a_plan_is_the_length_of_the_way_and_phases_cost_coupling() {
        let feeder = Feeder::european_lv();
        let conditions = Conditions::ordinary(&feeder);
        let plan = |a, b| feeder.link_plan(Place::Customer(a), Place::Customer(b), &conditions);
        let same = plan(1, 55).expect("both exist");
        assert!((same.metres() - feeder.between_m(1, 55).expect("exists")).abs() < 1e-9);
        assert_eq!(same.coupling_db, 0.0);
        assert_eq!(plan(1, 2).expect("both exist").coupling_db, specs::CROSS_PHASE_COUPLING_DB);
        assert!(plan(1, 1).is_none() && plan(1, 56).is_none());
    }

    #[test]
    fn attenuations_to_the_customers_lie_where_measurements_on_such_feeders_do() {
        let feeder = Feeder::european_lv();
        let conditions = Conditions::ordinary(&feeder);
        let design = FirDesign::cenelec(64);
        let loss = |number| {
            let plan = feeder.link_plan(Place::Transformer, Place::Customer(number), &conditions);
            Signal::cenelec_a().mean_attenuation_db(&Link::from_path(plan.expect("exists"), &design))
        };
        let losses: Vec<f64> = (1..=55).map(loss).collect();
        assert!(losses.iter().all(|db| (3.0..65.0).contains(db)), "{losses:?}");
        assert!(losses[52] > losses[0] + 8.0, "the far end loses more: {losses:?}");
    }

    #[test]
    fn a_spread_of_households_repeats_with_its_seed() {
        let feeder = Feeder::european_lv();
        let spread = |seed| Conditions::spread(&feeder, &Seed::from_u64(seed));
        assert_eq!(spread(1), spread(1));
        assert_ne!(spread(1), spread(2));
    }

    /// Two customers, each at the end of the longest way that is allowed, over a cable of these impedances.
    fn longest(ohm_per_km: &str) -> Feeder {
        let customers =
            "customer,bus,phase,nominal_voltage_kv,power_factor,profile\n1,2,1,1,1,1\n2,3,1,0.1,1,1\n";
        let minutes: String = (0..1440).map(|minute| format!("{minute},100\n")).collect();
        Feeder::from_tables(&Tables {
            buses: "bus,x_m,y_m\n1,0,0\n2,5000,0\n3,0,5000\n",
            cables: &format!(
                "cable,r1_ohm_per_km,x1_ohm_per_km,r0_ohm_per_km,x0_ohm_per_km\nc,{ohm_per_km}\n"
            ),
            lines: "line,from_bus,to_bus,cable,length_m\na,1,2,c,5000\nb,1,3,c,5000\n",
            customers,
            profiles: &format!("minute,p1\n{minutes}"),
        })
        .expect("all values are within their bounds")
    }

    #[test]
    fn a_feeder_at_its_bounds_is_an_ordinary_street_to_the_channel() {
        for ohm_per_km in [
            "0.446,0.071,1.505,0.083",
            "100,100,100,100",
            "0.001,0.001,0.001,0.001",
            "100,0.001,100,0.001",
            "0.001,100,0.001,100",
        ] {
            let feeder = longest(ohm_per_km);
            let conditions = Conditions::ordinary(&feeder);
            let plan =
                feeder.link_plan(Place::Customer(1), Place::Customer(2), &conditions).expect("both exist");
            assert_eq!(plan.metres(), 10_000.0);
            let link = Link::from_path(plan, &FirDesign::cenelec(64));
            let attenuation = Signal::cenelec_a().mean_attenuation_db(&link);
            assert!(attenuation > 0.0, "{ohm_per_km}: {attenuation} dB");
            let config = StreetConfig { customers: 2, snr_db: Some(20.0), ..StreetConfig::new(1) };
            let mut street = Street::new(&config, &feeder).expect("a street of two customers");
            let mut received = vec![f32::NAN; street.block()];
            let sent = vec![1.0; street.block()];
            street.exchange(Some(&sent), 0, &mut received);
            assert!(received.iter().all(|sample| sample.is_finite()), "{ohm_per_km}: {received:?}");
        }
    }
}
