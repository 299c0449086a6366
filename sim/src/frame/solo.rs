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
