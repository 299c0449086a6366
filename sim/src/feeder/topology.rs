//! The tree of a feeder.

use super::tables::{self, Bus, Line, MAX_METRES};
use super::{Feeder, FeederError};

/// By bus: the feeding line, and the leaving ones.
pub(super) type Tree = (Vec<Option<usize>>, Vec<Vec<usize>>);

/// The tree of `lines`, no two of which feed the same bus.
pub(super) fn tree(buses: &[Bus], lines: &[Line]) -> Result<Tree, FeederError> {
    let mut feeding = vec![None; buses.len()];
    let mut leaving = vec![Vec::new(); buses.len()];
    for (at, line) in lines.iter().enumerate() {
        feeding[line.to] = Some(at);
        leaving[line.from].push(at);
    }
    let mut metres = vec![None; buses.len()];
    let mut open = vec![(0, 0.0)];
    while let Some((bus, far)) = open.pop() {
        metres[bus] = Some(far);
        open.extend(leaving[bus].iter().map(|line: &usize| (lines[*line].to, far + lines[*line].length_m)));
    }
    buses.iter().zip(metres).try_for_each(|(bus, metres)| reached(bus, metres))?;
    Ok((feeding, leaving))
}

/// Refuses a bus that is not connected to bus 1, or too far from it.
fn reached(bus: &Bus, metres: Option<f64>) -> Result<(), FeederError> {
    let number = bus.number;
    let problem = match metres {
        None => format!("bus {number} is not connected to bus 1"),
        Some(far) if far > MAX_METRES => {
            format!("bus {number} is {far:.1} m of cable away from bus 1, expected at most {MAX_METRES} m")
        }
        Some(_) => return Ok(()),
    };
    Err(FeederError::Table { file: tables::LINES, problem })
}

impl Feeder {
    /// The lines from the transformer to a customer, in this order.
    pub fn path(&self, customer: u32) -> Option<Vec<&Line>> {
        let bus = self.customer(customer)?.bus;
        Some(self.way_down(bus).into_iter().map(|line| &self.lines[line]).collect())
    }

    /// Length of cable from the transformer to a customer, metres.
    pub fn distance_m(&self, customer: u32) -> Option<f64> {
        Some(self.path(customer)?.iter().map(|line| line.length_m).sum())
    }

    /// Length of cable that the ways to two customers have in common, metres.
    pub fn shared_m(&self, a: u32, b: u32) -> Option<f64> {
        let (a, b) = (self.path(a)?, self.path(b)?);
        let shared = a.iter().zip(&b).take_while(|(a, b)| a.to == b.to);
        Some(shared.map(|(line, _)| line.length_m).sum())
    }

    /// Length of cable between two customers, metres.
    pub fn between_m(&self, a: u32, b: u32) -> Option<f64> {
        Some(self.distance_m(a)? + self.distance_m(b)? - 2.0 * self.shared_m(a, b)?)
    }

    /// Places of the lines from the transformer to a bus.
    pub(super) fn way_down(&self, bus: usize) -> Vec<usize> {
        let mut way: Vec<usize> =
            std::iter::successors(self.feeding[bus], |line| self.feeding[self.lines[*line].from]).collect();
        way.reverse();
        way
    }

    /// The lines at a bus, and the bus at the other end of each.
    pub(super) fn neighbours(&self, bus: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let up = self.feeding[bus].map(|line| (line, self.lines[line].from));
        up.into_iter().chain(self.leaving[bus].iter().map(|line| (*line, self.lines[*line].to)))
    }

    /// Places of the lines from one bus to another.
    pub(super) fn way(&self, from: usize, to: usize) -> Vec<usize> {
        let (a, b) = (self.way_down(from), self.way_down(to));
        let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        a[shared..].iter().rev().chain(&b[shared..]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_customer_is_a_chain_from_the_transformer() {
        let feeder = Feeder::european_lv();
        for customer in feeder.customers() {
            let path = feeder.path(customer.number).expect("the customer exists");
            assert_eq!(path[0].from, 0);
            assert!(path.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert_eq!(path.last().map(|line| line.to), Some(customer.bus));
        }
        assert!((feeder.distance_m(1).expect("exists") - 33.1).abs() < 0.1);
        assert!((feeder.distance_m(53).expect("exists") - 293.7).abs() < 0.1);
    }

    #[test]
    fn the_distance_between_customers_is_symmetric_and_the_shared_part_shorter_than_either() {
        let feeder = Feeder::european_lv();
        for (a, b) in [(1, 2), (4, 5), (10, 53), (53, 55), (7, 7)] {
            let (to_a, to_b) = (feeder.distance_m(a).expect("exists"), feeder.distance_m(b).expect("exists"));
            let shared = feeder.shared_m(a, b).expect("exists");
            assert!(shared <= to_a.min(to_b) + 1e-9);
            assert_eq!(feeder.between_m(a, b), feeder.between_m(b, a));
            let between = feeder.between_m(a, b).expect("exists");
            let bus = |n| feeder.customer(n).expect("exists").bus;
            let way: f64 = feeder.way(bus(a), bus(b)).iter().map(|line| feeder.lines()[*line].length_m).sum();
            assert!((way - between).abs() < 1e-9);
        }
        assert_eq!(feeder.between_m(7, 7), Some(0.0));
    }
}
