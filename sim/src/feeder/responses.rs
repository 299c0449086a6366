//! Responses between all places of feeders that hang at one busbar, without a plan for each pair.
//!
//! Each feeder is walked twice for each set of phases and frequency: from the leaves for what hangs below each bus, and from the
//! transformer for what hangs above it. The response of a pair is then a product along its way. [`Feeder::link_plan`] is the slow truth;
//! unlike there, the receiver's own impedance is left out (some 0.2 dB).

use super::{Conditions, Feeder, Phase, Place};
use channel::levels::ratio_from_db;
use channel::{Complex64, Quadripole, specs};
use std::collections::BTreeSet;

/// A place on one of the feeders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which feeder.
    pub feeder: usize,
    /// Bus, by its place in the table; 0 is the busbar.
    pub bus: usize,
    /// The phase; `None` for all three.
    pub phase: Option<Phase>,
}

impl Spot {
    /// The busbar, on all phases.
    pub const BUSBAR: Self = Self { feeder: 0, bus: 0, phase: None };
}

/// Feeders of the same tables with conditions of their own, at one transformer.
#[derive(Clone, Debug)]
pub struct Responses {
    coupling: f64,
    /// By feeder, set of phases, frequency.
    trees: Vec<Vec<Vec<Tree>>>,
    /// By bus: the buses from it to the transformer.
    ways: Vec<Vec<usize>>,
}

/// One feeder for one set of phases at one frequency; cumulated from the transformer.
#[derive(Clone, Debug)]
struct Tree {
    /// Admittance of everything, by bus.
    all: Vec<Complex64>,
    /// Voltage at a bus over that at the busbar, driven from there.
    down: Vec<Complex64>,
    /// Voltage at the busbar over that at a bus, driven from the bus.
    up: Vec<Complex64>,
}

/// Sets of one or two phases.
const SETS: [(Phase, Phase); 6] = [
    (Phase::One, Phase::One),
    (Phase::Two, Phase::Two),
    (Phase::Three, Phase::Three),
    (Phase::One, Phase::Two),
    (Phase::One, Phase::Three),
    (Phase::Two, Phase::Three),
];

impl Responses {
    /// Of one feeder for each of `conditions` (one or more), the transformer being that of the first, at the frequencies `hz`. Of each feeder
    /// the lines in `cut` are cut.
    pub fn new(feeder: &Feeder, conditions: &[Conditions], hz: &[f64], cut: &[BTreeSet<usize>]) -> Self {
        let ways = (0..feeder.buses().len()).map(|bus| feeder.way_up(bus)).collect();
        let order = feeder.parents_first();
        let mut trees = vec![vec![Vec::with_capacity(hz.len()); SETS.len()]; conditions.len()];
        for &hz in hz {
            let quadripoles: Vec<_> = feeder
                .lines()
                .iter()
                .map(|line| feeder.kinds()[line.kind].cable.quadripole(hz, line.length_m))
                .collect();
            for (set, phases) in SETS.into_iter().enumerate() {
                let survey = |(n, conditions): (usize, &Conditions)| {
                    let loads = loads(feeder, conditions, phases, hz);
                    Walk { feeder, order: &order, quadripoles: &quadripoles, loads, cut: &cut[n] }
                };
                let walks: Vec<_> = conditions.iter().enumerate().map(survey).collect();
                let below: Vec<_> = walks.iter().map(Walk::below).collect();
                let busbar: Complex64 = below.iter().map(|below| below[0]).sum();
                let transformer = conditions[0].transformer.admittance(hz);
                for ((walk, below), trees) in walks.iter().zip(&below).zip(&mut trees) {
                    trees[set].push(walk.tree(below, busbar + transformer));
                }
            }
        }
        Self { coupling: ratio_from_db(-conditions[0].coupling_db), trees, ways }
    }

    /// Voltage at `to` over the open-circuit voltage of the transmitter at `from`, at the frequency number `n`.
    pub fn response(&self, from: Spot, to: Spot, n: usize) -> Complex64 {
        let way = self.way(from, to);
        way.coupling * self.along(&way, from, to, n)
    }

    /// Squares of the magnitudes of the responses at all frequencies.
    pub fn powers(&self, from: Spot, to: Spot, powers: &mut [f64]) {
        let way = self.way(from, to);
        let coupling = way.coupling * way.coupling;
        for (n, power) in powers.iter_mut().enumerate() {
            *power = coupling * self.along(&way, from, to, n).norm_sqr();
        }
    }

    fn way(&self, from: Spot, to: Spot) -> Way {
        let (a, b) = (from.phase.or(to.phase), to.phase.or(from.phase));
        let (a, b) = (a.unwrap_or(Phase::One), b.unwrap_or(Phase::One));
        let set = SETS.iter().position(|&set| set == (a, b) || set == (b, a)).expect("every pair is a set");
        let meet = if from.feeder == to.feeder { self.meeting(from.bus, to.bus) } else { 0 };
        Way { set, meet, coupling: if a == b { 1.0 } else { self.coupling } }
    }

    fn along(&self, way: &Way, from: Spot, to: Spot, n: usize) -> Complex64 {
        let (start, end) = (&self.trees[from.feeder][way.set][n], &self.trees[to.feeder][way.set][n]);
        let (up, down) = (start.up[way.meet], end.down[way.meet]);
        if up == Complex64::ZERO || down == Complex64::ZERO {
            return Complex64::ZERO;
        }
        let near = start.all[from.bus] * specs::TRANSMITTER_OHM + 1.0;
        start.up[from.bus] * end.down[to.bus] / (near * up * down)
    }

    /// The bus nearest to both that lies on both ways to the transformer.
    fn meeting(&self, a: usize, b: usize) -> usize {
        let (mut a, mut b) = (&self.ways[a][..], &self.ways[b][..]);
        (a, b) = (&a[a.len().saturating_sub(b.len())..], &b[b.len().saturating_sub(a.len())..]);
        a.iter().zip(b).find(|(a, b)| a == b).map_or(0, |(&bus, _)| bus)
    }
}

/// What the ways between two places have in common at all frequencies.
struct Way {
    set: usize,
    meet: usize,
    coupling: f64,
}

struct Walk<'a> {
    feeder: &'a Feeder,
    order: &'a [usize],
    quadripoles: &'a [Quadripole],
    loads: Vec<Complex64>,
    cut: &'a BTreeSet<usize>,
}

impl Walk<'_> {
    fn feeding(&self, bus: usize) -> Option<(usize, usize)> {
        let line = self.feeder.feeding[bus].filter(|line| !self.cut.contains(line))?;
        Some((line, self.feeder.lines[line].from))
    }

    /// Admittance of each bus with everything below it.
    fn below(&self) -> Vec<Complex64> {
        let mut below = self.loads.clone();
        for &bus in self.order.iter().rev() {
            if let Some((line, parent)) = self.feeding(bus) {
                let seen = self.quadripoles[line].input_admittance(below[bus]);
                below[parent] += seen;
            }
        }
        below
    }

    /// With `busbar` as the admittance of everything at the busbar, all feeders included.
    fn tree(&self, below: &[Complex64], busbar: Complex64) -> Tree {
        let count = below.len();
        let mut tree = Tree {
            all: below.to_vec(),
            down: vec![Complex64::ZERO; count],
            up: vec![Complex64::ZERO; count],
        };
        tree.all[0] = busbar;
        (tree.down[0], tree.up[0]) = (Complex64::ONE, Complex64::ONE);
        for &bus in &self.order[1..] {
            if let Some((line, parent)) = self.feeding(bus) {
                let quadripole = &self.quadripoles[line];
                let beyond = tree.all[parent] - quadripole.input_admittance(below[bus]);
                tree.all[bus] = below[bus] + quadripole.input_admittance(beyond);
                tree.down[bus] = tree.down[parent] * quadripole.voltage_ratio(below[bus]);
                tree.up[bus] = tree.up[parent] * quadripole.voltage_ratio(beyond);
            }
        }
        tree
    }
}

/// Admittances of the households on two phases, by bus.
fn loads(feeder: &Feeder, conditions: &Conditions, phases: (Phase, Phase), hz: f64) -> Vec<Complex64> {
    let mut loads = vec![Complex64::ZERO; feeder.buses.len()];
    for customer in &feeder.customers {
        if customer.phase == phases.0 || customer.phase == phases.1 {
            let household = conditions.households.get(&customer.number);
            loads[customer.bus] += household.map_or(Complex64::ZERO, |household| household.admittance(hz));
        }
    }
    loads
}

impl Feeder {
    /// The bus of a place, by its place in the table.
    pub fn bus_of(&self, place: Place) -> Option<usize> {
        match place {
            Place::Transformer => Some(0),
            Place::Customer(number) => self.customer(number).map(|customer| customer.bus),
        }
    }

    /// The line that feeds a bus, by its place in the table; `None` for bus 0.
    pub fn feeding_line(&self, bus: usize) -> Option<usize> {
        self.feeding[bus]
    }

    /// The buses from one to the transformer.
    pub fn way_up(&self, bus: usize) -> Vec<usize> {
        let parent = |&bus: &usize| self.feeding[bus].map(|line| self.lines[line].from);
        std::iter::successors(Some(bus), parent).collect()
    }

    fn parents_first(&self) -> Vec<usize> {
        let mut order = vec![0];
        let mut next = 0;
        while let Some(&bus) = order.get(next) {
            order.extend(self.leaving[bus].iter().map(|&line| self.lines[line].to));
            next += 1;
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use channel::levels::db_from_ratio;
    use plc_core::Seed;

    const HZ: [f64; 3] = [36e3, 62e3, 90e3];

    fn spot(feeder: &Feeder, place: Place) -> Spot {
        match place {
            Place::Transformer => Spot::BUSBAR,
            Place::Customer(n) => {
                let customer = feeder.customer(n).expect("the customer exists");
                Spot { feeder: 0, bus: customer.bus, phase: Some(customer.phase) }
            }
        }
    }

    #[test]
    fn products_along_the_way_equal_the_plan_of_the_link() {
        let feeder = Feeder::european_lv();
        let conditions = Conditions::spread(&feeder, &Seed::from_u64(4));
        let responses = Responses::new(&feeder, std::slice::from_ref(&conditions), &HZ, &[BTreeSet::new()]);
        let customers = [1, 2, 8, 17, 34, 53, 55].map(Place::Customer);
        let places: Vec<_> = std::iter::once(Place::Transformer).chain(customers).collect();
        let pairs = places.iter().flat_map(|&a| places.iter().map(move |&b| (a, b))).filter(|(a, b)| a != b);
        for (from, to) in pairs {
            let plan = feeder.link_plan(from, to, &conditions).expect("both ends exist");
            for (n, &hz) in HZ.iter().enumerate() {
                let fast = responses.response(spot(&feeder, from), spot(&feeder, to), n);
                let off = db_from_ratio(fast.norm() / plan.response(hz).norm());
                assert!((-0.1..0.6).contains(&off), "{from:?} {to:?} {hz}: {off} dB");
            }
        }
    }

    #[test]
    fn a_second_feeder_at_the_busbar_loads_the_first_and_is_heard_through_it() {
        let feeder = Feeder::european_lv();
        let conditions = [1, 2].map(|n| Conditions::spread(&feeder, &Seed::from_u64(n)));
        let none = [BTreeSet::new(), BTreeSet::new()];
        let alone = Responses::new(&feeder, &conditions[..1], &HZ, &none[..1]);
        let both = Responses::new(&feeder, &conditions, &HZ, &none);
        let (here, there) =
            (spot(&feeder, Place::Customer(34)), Spot { feeder: 1, ..spot(&feeder, Place::Customer(34)) });
        let level = |responses: &Responses, from, to| db_from_ratio(responses.response(from, to, 1).norm());
        let (before, after) = (level(&alone, Spot::BUSBAR, here), level(&both, Spot::BUSBAR, here));
        assert!(after < before && after > before - 6.0, "{before} {after}");
        assert!(level(&both, here, there) < level(&both, here, Spot::BUSBAR));
    }

    #[test]
    fn nothing_passes_a_line_that_is_cut() {
        let feeder = Feeder::european_lv();
        let conditions = Conditions::ordinary(&feeder);
        let (near, far) = (spot(&feeder, Place::Customer(1)), spot(&feeder, Place::Customer(55)));
        let line = feeder.feeding_line(far.bus).expect("a customer's bus is fed");
        let responses = Responses::new(&feeder, &[conditions], &HZ, &[BTreeSet::from([line])]);
        assert_eq!(responses.response(Spot::BUSBAR, far, 0), Complex64::ZERO);
        assert_eq!(responses.response(far, near, 0), Complex64::ZERO);
        assert!(responses.response(Spot::BUSBAR, near, 0).norm() > 0.0);
    }
}
