//! The registers of all elements and of the total.

use crate::energy::{Account, EnergyMeter, Registers, Unit};
use crate::ratings::{Apparent, Ratings, Summation, Wiring};
use crate::values::Values;
use crate::window::Finished;

/// All energies that a meter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Of the meter as a whole.
    pub total: Account,
    /// Of its elements.
    pub elements: [Account; 3],
}

/// Keeps a [`Ledger`].
#[derive(Clone, Debug)]
pub(crate) struct LedgerKeeper {
    /// Reactive and apparent energies; the active ones stand in the meters.
    accounts: Ledger,
    total: EnergyMeter,
    elements: [EnergyMeter; 3],
    /// Whether each element was above the threshold in the last window.
    flows: [bool; 3],
    unit: Unit,
    threshold_uw: u64,
    wiring: Wiring,
    summation: Summation,
    apparent: Apparent,
}

impl LedgerKeeper {
    /// Goes on from `ledger`, with sums in squared steps · samples.
    pub(crate) fn new(ratings: &Ratings, ledger: Ledger) -> Self {
        Self::with_unit(ratings, ledger, Unit::new(ratings))
    }

    /// Goes on from `ledger`, with sums in `unit`.
    pub(crate) fn with_unit(ratings: &Ratings, ledger: Ledger, unit: Unit) -> Self {
        let meter = |active| EnergyMeter::new(ratings, active, unit);
        Self {
            accounts: ledger,
            total: meter(ledger.total.active),
            elements: ledger.elements.map(|element| meter(element.active)),
            flows: [false; 3],
            unit,
            threshold_uw: ratings.creep_threshold_mw() * 1000,
            wiring: ratings.wiring,
            summation: ratings.summation,
            apparent: ratings.apparent,
        }
    }

    /// Active energy of the total.
    pub(crate) fn registers(&self) -> Registers {
        self.total.registers()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = self.accounts;
        ledger.total.active = self.registers();
        for (account, meter) in ledger.elements.iter_mut().zip(&self.elements) {
            account.active = meter.registers();
        }
        ledger
    }

    /// A window has ended with these sums of reactive power.
    pub(crate) fn on_window(&mut self, window: &Finished, reactive: &[i128; 3], values: &Values) {
        let mut sums = PowerSums { reactive: *reactive, ..PowerSums::default() };
        for (n, element) in window.elements.iter().enumerate().take(self.wiring.elements()) {
            (sums.active[n], sums.apparent[n]) = (element.ui.into(), element.apparent());
        }
        self.on_sums(sums, values);
    }

    /// A stretch of time has ended with these sums, and with these values as its means.
    pub(crate) fn on_sums(&mut self, mut sums: PowerSums, values: &Values) {
        for n in 0..self.wiring.elements() {
            let element = &values.elements[n];
            self.flows[n] = self.passes(element.active_uw.unsigned_abs());
            let reacts = self.passes(element.reactive_uvar.unsigned_abs());
            sums.withhold(n, self.flows[n], reacts);
            self.elements[n].on_window(sums.active[n], element.active_uw / 1000);
            let (active, reactive, apparent) = (sums.active[n], sums.reactive[n], sums.apparent[n]);
            self.accounts.elements[n].on_window(active, reactive, apparent, &self.unit);
        }
        self.on_total(&sums.active, &sums.reactive, &sums.apparent, values);
    }

    /// Credits what the open window has counted so far, by element.
    pub(crate) fn settle(&mut self, ui: &[i64; 3]) {
        let mut open = [0i128; 3];
        for n in 0..self.wiring.elements() {
            open[n] = if self.flows[n] { i128::from(ui[n]) } else { 0 };
            self.elements[n].settle(open[n]);
        }
        if self.summation == Summation::Vector {
            self.total.settle(open.iter().sum());
        }
    }

    /// Of two elements one may rightly be at rest while the other works: their sum decides.
    const fn passes(&self, micro: u64) -> bool {
        matches!(self.wiring, Wiring::ThreePhaseThreeWire) || micro >= self.threshold_uw
    }

    fn on_total(&mut self, active: &[i128; 3], reactive: &[i128; 3], apparent: &[u128; 3], values: &Values) {
        let (sum, mut reactive_sum): (i128, i128) = (active.iter().sum(), reactive.iter().sum());
        match self.summation {
            Summation::Vector => {
                let uw: i64 = (0..3).filter(|&n| self.flows[n]).map(|n| values.elements[n].active_uw).sum();
                self.total.on_window(sum, uw / 1000);
            }
            Summation::PerPhase => active.iter().for_each(|&part| self.total.count(part)),
            Summation::Absolute => active.iter().for_each(|&part| self.total.count(part.abs())),
        }
        let three_wires = self.wiring == Wiring::ThreePhaseThreeWire;
        if three_wires && values.reactive_uvar.unsigned_abs() < self.threshold_uw {
            reactive_sum = 0;
        }
        let arithmetic: u128 = apparent.iter().sum();
        let apparent = match self.apparent {
            Apparent::Vector => length(sum, reactive_sum),
            Apparent::Arithmetic if three_wires => (arithmetic * HALF_SQRT_3_Q30) >> 30,
            Apparent::Arithmetic => arithmetic,
        };
        self.accounts.total.on_window(sum, reactive_sum, apparent, &self.unit);
    }
}

/// Power summed over a stretch of time, by element.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PowerSums {
    pub(crate) active: [i128; 3],
    pub(crate) reactive: [i128; 3],
    pub(crate) apparent: [u128; 3],
}

impl PowerSums {
    /// Takes off what an element has of power below the threshold.
    const fn withhold(&mut self, n: usize, flows: bool, reacts: bool) {
        if !flows {
            self.active[n] = 0;
        }
        if !reacts {
            self.reactive[n] = 0;
        }
        if !flows && !reacts {
            self.apparent[n] = 0;
        }
    }
}

/// √3/2 with 30 fractional bits.
pub(crate) const HALF_SQRT_3_Q30: u128 = 929_887_697;

/// Length of a vector of sums. Five bits of either are given up for the square to fit, more when a sum has more than 68 bits.
const fn length(x: i128, y: i128) -> u128 {
    let (x, y) = (x.unsigned_abs(), y.unsigned_abs());
    let bits = u128::BITS - (x | y).leading_zeros();
    let shift = if bits > 68 { bits - 63 } else { 5 };
    let (x, y) = (x >> shift, y >> shift);
    (x * x + y * y).isqrt() << shift
}
