//! What a receiver makes of a frame that nobody else disturbs: the same each time, until the noise at it changes.

use super::sinr;
use super::traffic::Traffic;
use super::{Curve, ErrorTable, Links};
use plc_core::sap::GROUPS_MAX;

/// What a link is worth while nothing else is on the line and its sender sends at full level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Solo {
    /// Share of preambles lost.
    pub(super) preamble: f64,
    /// Share of headers lost.
    pub(super) header: f64,
    /// The smallest ratio of all groups, linear.
    pub(super) worst: f64,
}

/// [`Solo`] of the links that were asked for, each computed once and again when the noise at its receiver has changed.
#[derive(Debug, Default)]
pub(super) struct Solos {
    known: Vec<(u32, Solo)>,
    /// Ratio of each group in dB, by link.
    db: Vec<f64>,
    groups: usize,
    /// By receiver: changes with its noise. Zero is never current.
    ages: Vec<u32>,
}

impl Solos {
    /// Nothing is known of `links` between `receivers` nodes.
    pub(super) fn new(links: &Links, receivers: usize) -> Self {
        let nothing = Solo { preamble: 1.0, header: 1.0, worst: 0.0 };
        Self {
            known: vec![(0, nothing); links.len()],
            db: vec![0.0; links.len() * links.groups()],
            groups: links.groups(),
            ages: vec![1; receivers],
        }
    }

    /// The noise at a receiver is another from now on.
    pub(super) fn on_noise(&mut self, receiver: u32) {
        self.ages[receiver as usize] += 1;
    }

    /// What the link at `place` is worth to its receiver `to`, and the ratio of each group in dB.
    pub(super) fn of(
        &mut self,
        traffic: &Traffic,
        table: &ErrorTable,
        place: u32,
        to: u32,
    ) -> (Solo, &[f64]) {
        let (age, place) = (self.ages[to as usize], place as usize);
        let db = &mut self.db[place * self.groups..][..self.groups];
        let (known, solo) = &mut self.known[place];
        if *known != age {
            (*known, *solo) = (age, compute(traffic, table, place as u32, to, db));
        }
        (*solo, db)
    }
}

fn compute(traffic: &Traffic, table: &ErrorTable, place: u32, to: u32, db: &mut [f64]) -> Solo {
    let mut parts = [(1.0, 0.0); GROUPS_MAX];
    let link = traffic.links.at(place);
    let groups = link.ratios.len().min(GROUPS_MAX);
    for (group, (ratio, noise)) in link.ratios.iter().zip(traffic.noise(to)).enumerate().take(groups) {
        parts[group].1 = f64::from(*ratio) / f64::from(*noise);
        db[group] = 10.0 * parts[group].1.max(sinr::LEAST).log10();
    }
    let parts = &parts[..groups];
    let share = |curve: &Curve| sinr::share(parts, (curve, curve, 0.0));
    let worst = parts.iter().map(|part| part.1).fold(f64::INFINITY, f64::min);
    Solo { preamble: share(&table.preamble), header: share(&table.header), worst }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::effective_db;

    const GROUPS: usize = 6;

    /// Three nodes; what node 1 hears of node 0 gets better from group to group, all else is loud.
    fn traffic() -> Traffic {
        let links = Links::new(3, GROUPS, -12.0, |from, to, ratios| {
            let ratio = |group: usize| if (from, to) == (0, 1) { 1.0 + group as f32 } else { 1000.0 };
            ratios.iter_mut().enumerate().for_each(|(group, own)| *own = ratio(group));
        });
        Traffic::new(links, 3)
    }

    fn table() -> ErrorTable {
        ErrorTable::of_band("CENELEC-A").expect("its table is built in")
    }

    fn place(traffic: &Traffic, from: u32, to: u32) -> u32 {
        traffic.links.place(from, to).expect("they hear each other")
    }

    #[test]
    fn a_link_is_worth_what_its_table_says_at_the_effective_ratio_of_its_groups() {
        let (traffic, table) = (traffic(), table());
        let mut solos = Solos::new(&traffic.links, 3);
        let (solo, db) = solos.of(&traffic, &table, place(&traffic, 0, 1), 1);
        let ratios = (1..=GROUPS).map(|ratio| ratio as f64);
        let expected: Vec<f64> = ratios.clone().map(|ratio| 10.0 * ratio.log10()).collect();
        assert!(db.iter().zip(&expected).all(|(db, expected)| (db - expected).abs() < 1e-6), "{db:?}");
        assert!((solo.worst - 1.0).abs() < 1e-9, "{solo:?}");
        for (share, curve) in [(solo.preamble, &table.preamble), (solo.header, &table.header)] {
            let effective = effective_db(curve.beta, ratios.clone().map(|ratio| (1.0, ratio)));
            let loss = curve.loss(effective.expect("there are groups") - curve.impulse_db).max(curve.floor);
            assert!((share - loss).abs() < 1e-9, "{share}, {loss}");
        }
        let (strong, _) = solos.of(&traffic, &table, place(&traffic, 1, 0), 0);
        assert!(strong.preamble <= solo.preamble && strong.header <= solo.header && strong.worst > 900.0);
    }

    #[test]
    fn noise_counts_from_when_it_is_told_and_at_its_receiver_alone() {
        let (mut traffic, table) = (traffic(), table());
        let mut solos = Solos::new(&traffic.links, 3);
        let places = [place(&traffic, 0, 1), place(&traffic, 0, 2)];
        let worst = |solos: &mut Solos, traffic: &Traffic| {
            [1, 2].map(|to| solos.of(traffic, &table, places[to as usize - 1], to).0.worst)
        };
        assert_eq!(worst(&mut solos, &traffic), [1.0, 1000.0]);
        traffic.noise_mut(1).fill(4.0);
        assert_eq!(worst(&mut solos, &traffic), [1.0, 1000.0], "it is known already");
        solos.on_noise(2);
        assert_eq!(worst(&mut solos, &traffic), [1.0, 1000.0], "another one's noise");
        solos.on_noise(1);
        assert_eq!(worst(&mut solos, &traffic), [0.25, 1000.0]);
    }

    #[test]
    fn more_noise_never_makes_a_link_better() {
        let (mut traffic, table) = (traffic(), table());
        let mut solos = Solos::new(&traffic.links, 3);
        let at = place(&traffic, 0, 1);
        let mut before = Solo { preamble: 0.0, header: 0.0, worst: f64::INFINITY };
        for step in 0..60 {
            traffic.noise_mut(1).fill(10f32.powf(step as f32 / 20.0));
            solos.on_noise(1);
            let (now, _) = solos.of(&traffic, &table, at, 1);
            // Measured curves waver by what a few hundred frames leave to chance.
            let worse = |now: f64, before: f64| now > before - 0.02;
            let both = worse(now.preamble, before.preamble) && worse(now.header, before.header);
            assert!(both, "{step}: {now:?} after {before:?}");
            assert!(now.worst < before.worst);
            before = now;
        }
        assert!(before.preamble > 0.9 && before.header > 0.9, "{before:?}");
    }
}
