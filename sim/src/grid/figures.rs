//! The voltages of a run, all of them.

use super::{Balance, Supply};
use plc_core::Utc;

/// An extreme: how far it went, at which meter (by its place), and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extreme {
    /// Volts, or percent.
    pub value: f64,
    /// The meter.
    pub meter: usize,
    /// The minute that began then.
    pub at: Utc,
}

/// What the mains were like, minute by minute.
#[derive(Clone, Debug, PartialEq)]
pub struct GridFigures {
    /// The lowest voltage that a meter with supply has had.
    pub lowest: Option<Extreme>,
    /// The highest.
    pub highest: Option<Extreme>,
    /// The greatest unbalance where a meter hangs.
    pub unbalance: Option<Extreme>,
    /// The greatest distortion of a voltage, percent.
    pub distortion: Option<Extreme>,
    /// Meter-minutes by voltage, in steps of [`STEP_V`] from zero on.
    histogram: Vec<u64>,
    /// Energy that the transformer gave, kWh.
    pub supplied_kwh: f64,
    /// Energy that the cables took of it, kWh.
    pub lost_kwh: f64,
    /// Minutes whose load the cables could not have carried.
    pub unsolved: u64,
    /// Minutes in all.
    pub minutes: u64,
}

/// Steps of the histogram, volts.
const STEP_V: f64 = 0.1;
/// Steps that there are: up to 400 V.
const STEPS: usize = 4000;

impl Default for GridFigures {
    fn default() -> Self {
        Self {
            lowest: None,
            highest: None,
            unbalance: None,
            distortion: None,
            histogram: vec![0; STEPS],
            supplied_kwh: 0.0,
            lost_kwh: 0.0,
            unsolved: 0,
            minutes: 0,
        }
    }
}

impl GridFigures {
    /// A minute has begun; `None` when its load cannot be carried.
    pub fn on_minute(&mut self, balance: Option<Balance>) {
        self.minutes += 1;
        match balance {
            None => self.unsolved += 1,
            Some(balance) => {
                self.supplied_kwh += balance.supplied_w / 60e3;
                self.lost_kwh += balance.lost_w / 60e3;
            }
        }
    }

    /// What one meter has in it, by the number of its elements; and the unbalance where it hangs, percent.
    pub fn on_meter(&mut self, (meter, at): (usize, Utc), elements: usize, supply: &Supply, unbalance: f64) {
        let extreme = |value| Extreme { value, meter, at };
        for element in 0..elements {
            let volts = supply.volts(element);
            self.histogram[((volts / STEP_V) as usize).min(STEPS - 1)] += 1;
            keep(&mut self.lowest, extreme(volts), |new, old| new < old);
            keep(&mut self.highest, extreme(volts), |new, old| new > old);
            keep(&mut self.distortion, extreme(supply.distortion(element)), |new, old| new > old);
        }
        keep(&mut self.unbalance, extreme(unbalance), |new, old| new > old);
    }

    /// The voltage below which a share of all meters and minutes lies, volts, to a tenth.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.histogram.iter().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.histogram.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.filter(|_| all > 0).map(|step| (step as f64 + 0.5) * STEP_V)
    }

    /// What the cables took of what was given, percent.
    pub fn lost_percent(&self) -> f64 {
        if self.supplied_kwh > 0.0 { 100.0 * self.lost_kwh / self.supplied_kwh } else { 0.0 }
    }
}

fn keep(held: &mut Option<Extreme>, new: Extreme, better: fn(f64, f64) -> bool) {
    if held.is_none_or(|held| better(new.value, held.value)) {
        *held = Some(new);
    }
}
