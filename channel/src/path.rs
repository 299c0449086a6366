//! The way from a transmitter to a receiver along cables, with everything that hangs on it.

use crate::levels::ratio_from_db;
use crate::specs;
use crate::{Cable, Complex64, Impedance};

/// A length of one cable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Length, metres.
    pub metres: f64,
    /// What it is made of.
    pub cable: Cable,
}

/// A junction, with what is connected to it besides the way itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Households, the transformer.
    pub loads: Vec<Impedance>,
    /// Stubs: their echoes are part of the response.
    pub branches: Vec<Branch>,
}

/// A stub, or a tree of stubs.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The cable.
    pub segment: Segment,
    /// Its far end.
    pub end: Node,
}

/// A segment of the way and the junction at its far end.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// The cable.
    pub segment: Segment,
    /// Its far end.
    pub node: Node,
}

/// The physical description of a link: what [`crate::Link`] is made from.
///
/// The transmitter is a voltage behind an impedance, the receiver an impedance; both hang on junctions that
/// may carry loads of their own. The response is that of the whole tree, hence with all echoes of all stubs.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Output impedance of the transmitter, ohm.
    pub transmitter_ohm: f64,
    /// Junction of the transmitter.
    pub first: Node,
    /// The way; the last junction is the receiver's.
    pub hops: Vec<Hop>,
    /// Input impedance of the receiver.
    pub receiver: Impedance,
    /// Loss between phases, dB; zero on the same phase.
    pub coupling_db: f64,
}

impl Path {
    /// A way over `hops` between ordinary modems on the same phase.
    pub fn new(first: Node, hops: Vec<Hop>) -> Self {
        Self {
            transmitter_ohm: specs::TRANSMITTER_OHM,
            first,
            hops,
            receiver: Impedance::resistance(specs::RECEIVER_OHM),
            coupling_db: 0.0,
        }
    }

    /// Voltage at the receiver over the open-circuit voltage of the transmitter, at `hz`.
    pub fn response(&self, hz: f64) -> Complex64 {
        let mut ratio = Complex64::new(ratio_from_db(-self.coupling_db), 0.0);
        let mut seen = self.receiver.admittance(hz);
        for hop in self.hops.iter().rev() {
            let cable = hop.segment.cable.quadripole(hz, hop.segment.metres);
            let load = seen + hop.node.admittance(hz);
            ratio *= cable.voltage_ratio(load);
            seen = cable.input_admittance(load);
        }
        let load = seen + self.first.admittance(hz);
        ratio / (load * self.transmitter_ohm + 1.0)
    }

    /// Length of the way, metres.
    pub fn metres(&self) -> f64 {
        self.hops.iter().map(|hop| hop.segment.metres).sum()
    }

    /// Time that the first wave needs, seconds.
    pub fn delay_s(&self) -> f64 {
        self.metres() / specs::VELOCITY_M_PER_S
    }
}

impl Node {
    /// A junction with one load.
    pub fn loaded(load: Impedance) -> Self {
        Self { loads: vec![load], branches: Vec::new() }
    }

    /// Admittance of everything that hangs here, siemens.
    pub fn admittance(&self, hz: f64) -> Complex64 {
        let loads: Complex64 = self.loads.iter().map(|load| load.admittance(hz)).sum();
        loads + self.branches.iter().map(|branch| branch.admittance(hz)).sum::<Complex64>()
    }
}

impl Branch {
    /// Admittance at the near end, siemens.
    pub fn admittance(&self, hz: f64) -> Complex64 {
        self.segment.cable.quadripole(hz, self.segment.metres).input_admittance(self.end.admittance(hz))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CABLE: Cable = Cable { r1: 0.446, x1: 0.071, r0: 1.505, x0: 0.083 };

    fn hop(metres: f64, node: Node) -> Hop {
        Hop { segment: Segment { metres, cable: CABLE }, node }
    }

    fn stub(metres: f64, end: Node) -> Branch {
        Branch { segment: Segment { metres, cable: CABLE }, end }
    }

    fn street(households: usize, metres: f64) -> Path {
        let transformer = Node::loaded(Impedance::transformer(416.0, 800e3, 4.0, 0.4));
        let junction =
            || Node { loads: Vec::new(), branches: vec![stub(10.0, Node::loaded(Impedance::household()))] };
        let hops = (0..households).map(|_| hop(metres / households as f64, junction())).collect();
        Path::new(transformer, hops)
    }

    #[test]
    fn a_direct_connection_is_a_voltage_divider() {
        let path = Path { receiver: Impedance::resistance(3.0), ..Path::new(Node::default(), Vec::new()) };
        assert!((path.response(60e3) - Complex64::new(0.75, 0.0)).norm() < 1e-12);
    }

    #[test]
    fn the_way_back_is_the_same_when_both_ends_have_the_same_impedance() {
        let forward = Path {
            transmitter_ohm: 50.0,
            receiver: Impedance::resistance(50.0),
            ..Path::new(
                Node::loaded(Impedance::household()),
                vec![
                    hop(80.0, Node { loads: vec![], branches: vec![stub(33.0, Node::default())] }),
                    hop(120.0, Node::loaded(Impedance::Lisn)),
                ],
            )
        };
        let back = Path {
            first: forward.hops[1].node.clone(),
            hops: vec![hop(120.0, forward.hops[0].node.clone()), hop(80.0, forward.first.clone())],
            ..forward.clone()
        };
        assert!((forward.response(60e3) - back.response(60e3)).norm() < 1e-12);
    }

    #[test]
    fn an_open_quarter_wave_stub_is_a_notch() {
        let quarter = specs::VELOCITY_M_PER_S / 60e3 / 4.0;
        let notched = hop(10.0, Node { loads: vec![], branches: vec![stub(quarter, Node::default())] });
        let path = Path { transmitter_ohm: 50.0, ..Path::new(Node::default(), vec![notched]) };
        assert!(path.response(60e3).norm() < 0.25 * path.response(90e3).norm());
    }

    #[test]
    fn a_street_loses_more_the_longer_it_is_and_stays_within_what_is_measured() {
        let loss = |metres| -crate::levels::db_from_ratio(street(10, metres).response(60e3).norm());
        let losses: Vec<f64> = [50.0, 150.0, 300.0, 500.0].iter().map(|m| loss(*m)).collect();
        assert!(losses.windows(2).all(|pair| pair[1] > pair[0] + 2.0), "{losses:?}");
        assert!(losses[0] > 3.0 && losses[3] < 70.0, "{losses:?}");
    }

    #[test]
    fn another_phase_costs_the_coupling_loss_and_nothing_else() {
        let same = street(5, 100.0);
        let other = Path { coupling_db: specs::CROSS_PHASE_COUPLING_DB, ..same.clone() };
        let db = crate::levels::db_from_ratio(same.response(5e4).norm() / other.response(5e4).norm());
        assert!((db - specs::CROSS_PHASE_COUPLING_DB).abs() < 1e-9);
    }
}
