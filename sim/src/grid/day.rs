//! A whole day of voltages, for those who follow it sample by sample.

use super::Grid;
use crate::feeder::Phase;
use rayon::prelude::*;
use std::f64::consts::TAU;
use std::sync::Arc;

/// Minutes that are solved one after the other, each from where the last one ended; the same however many processors there are.
const RUN: usize = 60;
const MINUTES: usize = 1440;

/// By minute of the day, from a phase to neutral: volts, and turns ahead of the voltage without load.
pub(crate) type Voltages = Arc<[(f64, f64)]>;

impl Grid {
    /// The voltages of the first `consumers` of them, minute by minute: by consumer, by phase.
    pub(crate) fn day(&self, consumers: usize) -> Vec<[Voltages; 3]> {
        let runs = (0..MINUTES / RUN).into_par_iter().map(|run| {
            let mut grid = self.clone();
            let minutes = run * RUN..(run + 1) * RUN;
            minutes.map(|minute| grid.minute_of(minute, consumers)).collect::<Vec<_>>()
        });
        let minutes = runs.collect::<Vec<_>>().concat();
        let of = |consumer: usize, phase: usize| minutes.iter().map(|all| all[consumer][phase]).collect();
        (0..consumers).map(|consumer| [0, 1, 2].map(|phase| of(consumer, phase))).collect()
    }

    fn minute_of(&mut self, minute: usize, consumers: usize) -> Vec<[(f64, f64); 3]> {
        // What cannot be carried leaves the voltages of an idle feeder.
        let _ = self.solve(minute);
        let of = |consumer: usize| {
            Phase::ALL.map(|phase| {
                let voltage = self.voltages(consumer)[phase.index()];
                let turns = voltage.arg() / TAU + phase.index() as f64 / 3.0;
                (voltage.norm(), turns - turns.round())
            })
        };
        (0..consumers).map(of).collect()
    }
}
